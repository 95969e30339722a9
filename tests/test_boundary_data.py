"""Damaged and hostile files of data: every reader says one sentence, soon and in little memory."""

import io
import json
import os
import shutil
import signal
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image

from seqgan_kit.data import arrays
from seqgan_kit.data.arrays import read_array, read_arrays
from seqgan_kit.data.dataset import DataError
from seqgan_kit.data.manifests import read_manifest
from seqgan_kit.data.reading import digest, parse_json, read_text, regular_file
from seqgan_kit.data.unequal import padded
from seqgan_kit.errors import SeqganError
from seqgan_kit.kinds.audio.clips import ClipSettings
from seqgan_kit.kinds.audio.files import encoded, open_recording
from seqgan_kit.kinds.audio.preparing import take
from seqgan_kit.kinds.images.datasets import read_idx
from seqgan_kit.kinds.images.reading import Limits, read_image
from seqgan_kit.kinds.series.datasets import own_series
from seqgan_kit.kinds.series.files import read_series
from seqgan_kit.kinds.series.items import Columns, complete
from seqgan_kit.kinds.text.datasets import text_lines
from seqgan_kit.kinds.text.files import read_rows
from seqgan_kit.kinds.text.oracle import ORACLE_FILE, published_oracle
from seqgan_kit.kinds.text.tokenizers import bearable, learn_sentencepiece
from seqgan_kit.kinds.text.units import unit_items
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.runs.beginning import look_at
from seqgan_kit.runs.data import load_dataset

from .conftest import text_data, tiny

SECONDS = 20


@pytest.fixture(autouse=True)
def _soon():
    """A reader that waits for ever fails its test."""

    def late(number, frame):
        pytest.fail(f"took longer than {SECONDS} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(autouse=True, scope="module")
def _imported(tmp_path_factory):
    """Kinds import what they need when they look at data, which takes seconds once."""
    path = tmp_path_factory.mktemp("first") / "a.txt"
    path.write_text("the cat sat\nthe dog ran\n" * 20)
    look_at(path)


def series(path):
    found = read_series(path, Columns(), whole=False)
    return [complete(one, found.channels, "linear") for one in found.series]


def rows(path):
    labels = () if path.suffix == ".txt" else ("label",)
    return read_rows(path, text="text", labels=labels, skip=False)


def sound(path):
    return list(take(open_recording(path), ClipSettings(8000)).clips)


def picture(path):
    return read_image(path, 8)


def manifest(path):
    return read_manifest(path, (), "recordings")


def complaint(read, path):
    """What a reader says of a file; `None` where it reads it. Warnings are errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            read(path)
        except SeqganError as error:
            return str(error)
    return None


def refused(read, path, *words):
    """Check that a reader refuses a file by a short message with its name; return it."""
    tracemalloc.start()
    try:
        said = complaint(read, path)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert said, "was read"
    assert path.name in said
    assert len(said) < 600
    assert "pickle" not in said
    assert most < 300e6, "memory was taken before the header was checked"
    for word in words:
        assert word in said, said
    return said


# -- NumPy files --------------------------------------------------------------------------------

X = np.arange(240, dtype=np.float32).reshape(20, 6, 2)


def saved(array=X, **settings):
    content = io.BytesIO()
    np.save(content, array, **settings)
    return content.getvalue()


def packed(write=np.savez, **found):
    content = io.BytesIO()
    write(content, **(found or {"x": X}))
    return content.getvalue()


def announcing(shape, dtype="<f4", values=b""):
    """A .npy whose header announces what is not there."""
    content = io.BytesIO()
    header = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(content, header)
    return content.getvalue() + values


def zipped(content, method=zipfile.ZIP_DEFLATED, name="x.npy"):
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", method) as archive:
        archive.writestr(name, content)
    return found.getvalue()


def patched(content, old, new, every=True):
    assert old in content
    return content.replace(old, new, -1 if every else 1)


def encrypted():
    """Flags of the member say that it is encrypted, in both of its headers."""
    content = bytearray(packed())
    content[content.index(b"PK\x03\x04") + 6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def method(number):
    content = bytearray(packed())
    content[content.index(b"PK\x03\x04") + 8] = number
    content[content.index(b"PK\x01\x02") + 10] = number
    return bytes(content)


def flipped(content, place, bit=0):
    changed = bytearray(content)
    changed[place] ^= 1 << bit
    return bytes(changed)


ARRAYS = {
    "empty": (b"", "array"),
    "PK": (b"PK\x03\x04" + bytes(100), "archive"),
    "text": (b"text", "damaged or not an array"),
    "no values": (announcing((10, 5, 1)), "0 bytes of values"),
    "too few": (saved()[:-4], "its header announces 20 x 6 x 2"),
    "too many": (saved() + b"1234", "announces"),
    "billions": (announcing((10**12, 10**6)), "announces"),
    "negative": (announcing((-20, 6, 2)), "damaged"),
    "many of nothing": (announcing((10**15, 2), "<U0"), "memory"),
    "none of many": (announcing((0, 10**18, 2)), None),
    "no number": (patched(saved(), b"(20, 6, 2)", b"('a', 6,2)"), "damaged"),
    "unfinished": (patched(saved(), b"(20, 6, 2)", b"(20, 6, 2 "), "damaged"),
    "nested": (patched(saved(), b"(20, 6, 2)", b"((((((((( "), "damaged"),
    "other type": (patched(saved(), b"<f4", b"<q9"), "damaged"),
    "type of zero bytes": (patched(saved(), b"<f4", b"<V0"), "fields"),
    "version": (flipped(saved(), 6, 3), "version 9"),
    "objects": (saved(np.array([{}], object), allow_pickle=True), "Python objects"),
    "fields": (saved(np.zeros(3, "f4,i4")), "several fields"),
    "huge header": (patched(saved(), b"\x76\x00{", b"\xff\xff{", False), "damaged"),
}


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("read", [read_array, series], ids=["array", "series"])
def test_arrays(tmp_path, name, read):
    content, word = ARRAYS[name]
    (tmp_path / "a.npy").write_bytes(content)
    if word is None and read is read_array:
        assert not len(read(tmp_path / "a.npy"))
        return
    refused(read, tmp_path / "a.npy", *([word] if word else []))


@pytest.mark.parametrize("place", range(80))
def test_a_flipped_bit_of_a_header_is_refused_or_does_no_harm(tmp_path, place):
    path = tmp_path / "a.npy"
    for bit in range(8):
        path.write_bytes(flipped(saved(), place, bit))
        said = complaint(read_array, path)
        assert "a.npy" in said if said else read_array(path).nbytes == X.nbytes


ARCHIVES = {
    "empty": (b"", "damaged or not an archive"),
    "PK": (b"PK" + bytes(200), "damaged or not an archive"),
    "half": (packed()[: len(packed()) // 2], "damaged or not an archive"),
    "an array": (saved(), "change its ending to .npy"),
    "encrypted": (encrypted(), "encrypted"),
    "packed by nobody": (method(77), "method 77"),
    "lzma": (zipped(saved(), zipfile.ZIP_LZMA), "method 14"),
    "other content": (
        flipped(packed(), len(announcing(X.shape)) + 120),
        "damaged or not an archive",
    ),
    "other packed content": (flipped(packed(np.savez_compressed), 200), "damaged"),
    "billions": (zipped(announcing((10**12, 3, 1))), "announces"),
    "more than announced": (zipped(announcing((10**6, 3, 1), values=bytes(10))), "announces"),
    "objects": (packed(x=np.array([[1], [1, 2]], object)), "Python objects"),
    "no header": (zipped(b"nothing"), "damaged"),
}


@pytest.mark.parametrize("name", ARCHIVES)
@pytest.mark.parametrize("read", [read_arrays, series], ids=["arrays", "series"])
def test_archives(tmp_path, name, read):
    content, word = ARCHIVES[name]
    (tmp_path / "a.npz").write_bytes(content)
    refused(read, tmp_path / "a.npz", word)


def test_a_small_archive_of_large_arrays_is_refused_by_its_headers(tmp_path):
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, x=np.zeros((1000, 1000, 8), np.float32), y=np.zeros(1))
    assert path.stat().st_size < 1e6
    refused(lambda path: read_arrays(path, max_mb=30), path, "31 MB", "data.max_file_mb")
    assert set(read_arrays(path, names=["y"], max_mb=30)) == {"y"}
    # Held as 64-bit numbers by the kind.
    refused(lambda path: read_series(path, Columns(), whole=False, max_mb=40), path, "62 MB")


def test_an_array_beyond_the_usual_limit_is_refused(tmp_path):
    path = tmp_path / "large.npy"
    path.write_bytes(announcing((100, 10**6, 8)))
    os.truncate(path, path.stat().st_size + 100 * 10**6 * 8 * 4)
    for read in (read_array, series, look_at, digest, regular_file):
        refused(read, path, "MB of memory", "raise data.max_file_mb")


def test_many_tiny_series_are_large(tmp_path):
    np.savez_compressed(tmp_path / "many.npz", x=np.zeros((5 * 10**6, 1), np.float32))
    refused(series, tmp_path / "many.npz", "MB of memory")


def test_channels_are_the_last_dimension(tmp_path):
    for shape in ((2, 3, 20_000), (2, 3, 0)):
        np.save(tmp_path / "a.npy", np.zeros(shape, np.float32))
        refused(series, tmp_path / "a.npy", "channels")


def test_values_that_networks_cannot_hold(tmp_path):
    x = X.astype(np.float64)
    x[3, 1, 0] = 1e300
    np.save(tmp_path / "a.npy", x)
    assert "series 3 has a value beyond 3.4e+38 at step 1" in refused(series, tmp_path / "a.npy")
    np.savez(tmp_path / "b.npz", x=X, site=np.full(20, np.inf))
    assert "list it in data.numeric" in refused(series, tmp_path / "b.npz")


def test_the_limit_is_a_key_of_every_recipe(tmp_path, small_text):
    np.save(tmp_path / "a.npy", np.zeros((400, 200, 4)))
    changes = (f"data={{source: series, root: {tmp_path}/a.npy}}", "data.max_file_mb=1")
    with pytest.raises(DataError, match=r"a\.npy .*limit of 1 MB"):
        load_dataset(recipe_files.load("vowels_series", changes))
    (tmp_path / "a.txt").write_text("a line of words\n" * 100_000)
    changes = (f"data={{source: lines, root: {tmp_path}/a.txt, max_file_mb: 1}}",)
    with pytest.raises(DataError, match=r"a\.txt .*limit of 1 MB"):
        load_dataset(recipe_files.load("coco_captions", changes))


def test_an_oracle_that_is_none(tmp_path):
    (tmp_path / ORACLE_FILE).write_bytes(encrypted())
    refused(lambda path: published_oracle(path.parent), tmp_path / ORACLE_FILE, "lacks arrays")
    np.savez(tmp_path / ORACLE_FILE, bo=np.zeros(3), wo=np.zeros((2, 2), complex))
    refused(lambda path: published_oracle(path.parent), tmp_path / ORACLE_FILE, "data.root")


# -- sounds -------------------------------------------------------------------------------------

CLIP = (0.5 * np.sin(np.arange(2000) * 0.3)).astype(np.float32)


def test_a_sound_that_announces_billions_of_samples(tmp_path):
    content = encoded(CLIP, 8000, "flac")
    # The number of samples is in the last 36 bits of 8 bytes.
    (tmp_path / "a.flac").write_bytes(content[:21] + b"\xff" + content[22:])
    refused(sound, tmp_path / "a.flac", "damaged")


@pytest.mark.parametrize("rate", [0, 10**6, 2**31 - 1, 2**32 - 1])
def test_a_sound_of_no_recorder(tmp_path, rate):
    content = encoded(CLIP, 8000, "wav")
    (tmp_path / "a.wav").write_bytes(content[:24] + rate.to_bytes(4, "little") + content[28:])
    refused(sound, tmp_path / "a.wav", "damaged")


@pytest.mark.parametrize("form", ["wav", "flac"])
def test_flipped_bits_of_sounds(tmp_path, form):
    content, path = encoded(CLIP, 8000, form), tmp_path / f"a.{form}"
    for place in range(0, 60):
        path.write_bytes(flipped(content, place, place % 8))
        assert path.name in (complaint(sound, path) or path.name)


# -- pictures -----------------------------------------------------------------------------------


def test_a_picture_of_postscript_is_not_run(tmp_path, monkeypatch):
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_, **__: pytest.fail("was run"))
    (tmp_path / "a.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n%%EOF\n"
    )
    Image.init()
    with Image.open(tmp_path / "a.png") as image:
        assert image.format == "EPS", "Pillow itself would read it"
    refused(picture, tmp_path / "a.png", "not a readable image (PNG, JPEG, ")


@pytest.mark.parametrize("form", ["PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM"])
def test_promised_formats_are_read_and_damaged_ones_refused(tmp_path, form):
    path = tmp_path / f"a.{form.lower()}"
    pixels = np.random.default_rng(0).integers(0, 255, (9, 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, form)
    assert picture(path).size == (8, 9)
    content = path.read_bytes()
    for place in range(len(content)):
        path.write_bytes(flipped(content, place, place % 8))
        assert path.name in (complaint(picture, path) or path.name)


def test_a_picture_of_too_many_pixels(tmp_path):
    Image.new("1", (400, 400)).save(tmp_path / "a.png")
    limits = Limits(pixels=100_000)
    refused(
        lambda path: read_image(path, 8, limits), tmp_path / "a.png", "more than 100,000 pixels"
    )


@pytest.mark.parametrize(
    "content",
    [
        b"\0\0\x08\x03" + b"\xff" * 12 + bytes(50),
        b"\0\0\x08\xff" + bytes(50),
        b"\0\0\x0d\x03" + bytes(50),
        b"\0\0\x08\x01\0\0\0\x05" + bytes(6),
        b"",
    ],
    ids=range(5),
)
def test_idx_files(tmp_path, content):
    (tmp_path / "labels").write_bytes(content)
    refused(read_idx, tmp_path / "labels")


# -- text and tables ----------------------------------------------------------------------------

TEXTS = {
    "zero.csv": (b"text,label\nthe\0cat,a\n", "line 2, byte 4: zero byte"),
    "latin.csv": (b"text,label\ncaf\xe9,a\n", "line 2, byte 4: 0xe9 is not valid UTF-8"),
    "wide.csv": (b"text,label" + b"," * 20_000 + b"\n", "20,002 columns"),
    "long.csv": (b"text,label\n" + b"a" * 200_000 + b",a\n", "field limit"),
    "quote.csv": (b'text,label\n"the cat,a\n', "invalid table"),
    "deep.jsonl": (b'{"text": ' + b"[" * 100_000, "nested too deeply"),
    "deeper.jsonl": (b'{"text": ' + b'{"a":' * 100_000, "nested too deeply"),
    "digits.jsonl": (b'{"text": "a", "label": ' + b"9" * 5000 + b"}", "too many digits"),
    "half.jsonl": (b'{"text": "a \\ud83d", "label": "a"}', "half a character"),
    "half_label.jsonl": (b'{"text": "a", "label": "\\uDC00"}', "half a character"),
    "number.jsonl": (b"17\n", "not an object"),
    "wide.tsv": (b"text\tlabel" + b"\t" * 20_000 + b"\n", "20,002 columns"),
    "utf16.txt": ("the cat".encode("utf-16"), "zero byte"),
    "half.txt": (b"the \xed\xa0\x80 cat", "not valid UTF-8"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts(tmp_path, name):
    content, word = TEXTS[name]
    (tmp_path / name).write_bytes(content)
    refused(rows, tmp_path / name, word)
    refused(look_at, tmp_path / name)


TABLES = {
    "zero": (b"id,time,a\n1,1,\0\n", "zero byte"),
    "latin": (b"id,time,\xe9\n1,1,1\n", "not valid UTF-8"),
    "wide": (b"id," + b",".join(b"c%d" % n for n in range(20_000)), "20,001 columns"),
    "long": (b"id,time,a\n1,1," + b"9" * 200_000 + b"\n", "field limit"),
    "infinite": (b"id,time,a\n1,1,1e400\n", "infinite"),
    "empty": (b"", "no column"),
    "mark": (b"\xef\xbb\xbf", "no column"),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables(tmp_path, name):
    content, word = TABLES[name]
    (tmp_path / "a.csv").write_bytes(content)
    refused(series, tmp_path / "a.csv", word)
    refused(look_at, tmp_path / "a.csv")


MANIFESTS = {
    "zero.csv": (b"path,label\na.wav,\0\n", "zero byte"),
    "latin.jsonl": (b'{"path": "\xe9"}\n', "not valid UTF-8"),
    "long.csv": (b"path,label\na.wav," + b"a" * 200_000 + b"\n", "field limit"),
    "deep.jsonl": (b"[" * 100_000 + b"\n", "nested too deeply"),
    "half.jsonl": (b'{"path": "a.wav", "label": "\\ud800"}\n', "half a character"),
    "name.jsonl": (json.dumps({"path": "a" * 5000, "label": "a"}).encode(), "does not exist"),
    "zero_name.jsonl": (b'{"path": "a\\u0000b", "label": "a"}\n', "does not exist"),
    "pipe.csv": (b"path,label\npipe.wav,a\n", "is not a file"),
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_manifests(tmp_path, name):
    content, word = MANIFESTS[name]
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / name).write_bytes(content)
    said = complaint(manifest, tmp_path / name)
    assert name in said
    assert word in said


def test_rows_with_nothing_in_common(tmp_path):
    lines = [json.dumps({f"key{number}": "the cat sat"}) for number in range(5000)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    refused(look_at, tmp_path / "a.jsonl", "different keys")


def test_a_byte_order_mark_is_no_text_and_line_breaks_stay(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfa\r\nb")
    assert read_text(tmp_path / "a.txt") == "a\r\nb"
    assert parse_json('"\\ud83d\\ude00"') == "\N{GRINNING FACE}"


# -- several kinds ------------------------------------------------------------------------------


def test_init_says_what_each_kind_says(tmp_path, seqgen):
    (tmp_path / "a.csv").write_text("id,time,label\n1,1\n")
    shown = seqgen("init", tmp_path / "a.csv")
    assert shown.code == 1
    assert "a.csv cannot be read:" in shown.err
    assert "as series: " in shown.err
    assert "as text: " in shown.err


def test_a_damaged_folder_of_parts(tmp_path):
    for name in ("training.csv", "test.csv"):
        (tmp_path / name).write_bytes(b"text,label\n" + b"the cat sat,a\n" * 9)
    (tmp_path / "test.csv").write_bytes(b"\xff")
    with pytest.raises(DataError, match=r"test\.csv, line 1, byte 1"):
        text_lines(root=tmp_path, labels=("label",), validation=0.1, test=0.1, seed=0)
    np.save(tmp_path / "training.npy", X)
    (tmp_path / "validation.npy").write_bytes(b"PK")
    with pytest.raises(DataError, match="two files for one part"):
        own_series(root=tmp_path, columns=Columns())


def test_what_is_damaged_between_two_looks(tmp_path, small_text):
    """A training stops with a sentence where its data have changed."""
    recipe = recipe_files.load(
        "vowels_series", (*tiny("vowels_series"), *text_data("vowels_series", small_text))
    )
    path = tmp_path / "series.npz"
    shutil.copy(recipe.data.root, path)
    data = recipe.data.model_copy(update={"root": str(path)})
    moved = recipe.model_copy(update={"data": data})
    assert load_dataset(moved).parts["training"]
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match="damaged"):
        load_dataset(moved)


def test_the_reader_of_headers_is_the_only_one():
    """All kinds read arrays by one module, which knows the limits."""
    for path in Path(arrays.__file__).parents[1].rglob("*.py"):
        text = path.read_text("utf-8")
        assert "np.load(" not in text, path
        assert "Image.open(" not in text or path.name == "reading.py", path


# -- one item that is very much longer than the others ------------------------------------------


def test_padding_that_would_fill_the_memory():
    short, long = np.zeros((5, 2), np.float32), np.zeros((10**6, 2), np.float32)
    assert len(padded([short] * 100)) == 100
    with pytest.raises(DataError, match=r"longest of 1,001 items has 1,000,000 steps.* MB"):
        padded([long] + [short] * 1000)
    with pytest.raises(DataError, match="longest of 5,001 items"):
        unit_items(["a " * 10**5] + ["a cat"] * 5000, "spaces")
    # Cut, it is no longer than the others.
    assert padded([long] + [short] * 1000, 5).shape == (1001, 5, 2)


def test_pieces_of_words_are_learned_from_a_line_without_spaces():
    lines = [f"the cat {number} sat" for number in range(60)] + ["ab" * 150_000]
    settings = {"kind": "unigram", "byte_fallback": False, "normalization": "nfkc"}
    assert learn_sentencepiece(lines, vocabulary=25, **settings)
    ordinary = ["the cat sat " * 300] * 9
    assert [*bearable(ordinary[0])] == ordinary[:1]
