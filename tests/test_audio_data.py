"""Recordings become clips, unusable files are named, and synthetic digits are reproducible."""

import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from seqgan_kit.data import sources
from seqgan_kit.data.checksums import Bundle
from seqgan_kit.data.dataset import DataError, Part
from seqgan_kit.data.sources import Archive, Source, locate
from seqgan_kit.data.unequal import lengths, padded, unpadded
from seqgan_kit.kinds.audio import clip_cache, synthetic_speech
from seqgan_kit.kinds.audio import datasets as audio
from seqgan_kit.kinds.audio import files as audio_files
from seqgan_kit.kinds.audio.clips import Clips, ClipSettings
from seqgan_kit.kinds.audio.datasets import recordings, spoken_digits
from seqgan_kit.kinds.audio.files import open_recording, write_clip
from seqgan_kit.kinds.audio.preparing import Facts, Taken, take
from seqgan_kit.kinds.audio.sources import SOURCES
from seqgan_kit.kinds.audio.synthetic_speech import Utterance, spoken, spoken_digits_synthetic

RATE = 8000
PLAIN = ClipSettings(sample_rate=RATE, trim_db=None, peak=None, max_seconds=10.0, too_long="cut")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SEQGAN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def tone(seconds=0.1, rate=RATE, pitch=440.0, level=0.5):
    return level * np.sin(2 * np.pi * pitch * np.arange(round(seconds * rate)) / rate)


def write(path, samples, rate=RATE, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, **options)
    return path


def clip(path, settings=PLAIN):
    """The only clip of a file, None if it is too long."""
    return next(take(open_recording(path), settings).clips, None)


def fill(root, labels=("no", "yes"), count=4, form="wav"):
    """A folder of recordings, each of its own length."""
    for place, label in enumerate(labels):
        for number in range(count):
            seconds = 0.05 + 0.01 * number + 0.001 * place
            write(root / label / f"{number}.{form}", tone(seconds, pitch=300 + 50 * number))
    return root


def load(root, settings=PLAIN, **options):
    return recordings(root=root, settings=settings, **{"validation": 0.2, "test": 0.2, **options})


def everything(dataset):
    """All clips by part, as lists of numbers."""
    return {name: [one.tolist() for one in part.items[:]] for name, part in dataset.parts.items()}


# -- clips ----------------------------------------------------------------------------------------


def test_padding_is_no_silence_and_comes_off_again():
    clips = [np.float32([0.5, 0.0]), np.float32([0.1]), np.float32([0.0, 0.0, 0.0])]
    items_NS = padded(clips)
    assert items_NS.shape == (3, 3)
    assert lengths(items_NS).tolist() == [2, 1, 3]
    assert torch.isnan(items_NS[1, 1:]).all()
    for before, after in zip(clips, unpadded(items_NS), strict=True):
        np.testing.assert_array_equal(before, after)
    assert padded(clips, 2).shape == (3, 2)
    assert padded(clips, 5).isnan().sum(1).tolist() == [3, 4, 2]


def test_clips_are_slices_that_can_be_joined_and_chosen():
    clips = Clips(np.arange(6, dtype=np.float32), np.array([0, 2, 4, 6]))
    assert [one.tolist() for one in clips[1:]] == [[2, 3], [4, 5]]
    assert clips[:2].dtype == object
    assert clips[:2].shape == (2,), "clips of equal length are not stacked"
    picked = Part(clips, np.zeros((3, 1), np.int64)).pick([2, 0])
    assert [one.tolist() for one in picked] == [[4, 5], [0, 1]]
    chosen = clips.choose(np.array([2, 1]))
    assert [one.tolist() for one in chosen[:]] == [[4, 5], [2, 3]]
    assert [one.tolist() for one in chosen.choose(np.array([1]))[:]] == [[2, 3]]
    for starts in ([0, 2, 2], [0, 7], [], [-1, 3]):
        with pytest.raises(ValueError, match=r"starts must lie|at least one sample"):
            Clips(np.zeros(6, np.float32), np.array(starts))


# -- reading --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "subtype", "tolerance"),
    [
        ("a.wav", "PCM_U8", 1 / 127),
        ("a.wav", "PCM_16", 1 / 32767),
        ("a.wav", "PCM_24", 1e-6),
        ("a.wav", "PCM_32", 1e-7),
        ("a.wav", "FLOAT", 1e-7),
        ("a.wav", "DOUBLE", 1e-7),
        ("a.flac", "PCM_16", 1 / 32767),
        ("a.flac", "PCM_24", 1e-6),
        ("a.ogg", "VORBIS", 0.05),
    ],
)
def test_every_width_is_read(tmp_path, name, subtype, tolerance):
    sound = tone()
    found = clip(write(tmp_path / name, sound, subtype=subtype))
    assert found.dtype == np.float32
    assert found.shape == sound.shape
    np.testing.assert_allclose(found, sound, atol=tolerance)


def test_stereo_of_24_bit_at_96_khz_becomes_mono_at_8_khz(tmp_path):
    """A tone within the new band is kept, and one above it does not alias into it."""
    low, high = tone(0.5, 96_000, 440, 0.4), tone(0.5, 96_000, 7_000, 0.4)
    stereo = np.stack([2 * low, 2 * high], 1)
    found = clip(write(tmp_path / "a.wav", stereo, 96_000, subtype="PCM_24"))
    assert len(found) == 4000
    middle = slice(200, -200)
    np.testing.assert_allclose(found[middle], tone(0.5, RATE, 440, 0.4)[middle], atol=2e-3)


@pytest.mark.parametrize("rate", [11_025, 11_127, 16_000, 22_050, 44_100, 48_000])
def test_any_higher_rate_is_resampled(tmp_path, rate):
    found = clip(write(tmp_path / "a.flac", tone(0.5, rate, 300), rate))
    assert len(found) == pytest.approx(4000, abs=1)
    middle = slice(200, -200)
    expected = tone(0.5, RATE, 300)
    np.testing.assert_allclose(found[: len(expected)][middle], expected[middle], atol=3e-3)


def test_silence_at_both_ends_is_cut_and_within_is_kept(tmp_path):
    frame = RATE // 100
    quiet = np.random.default_rng(0).uniform(-1e-4, 1e-4, 20 * frame)
    sound = np.concatenate([quiet, tone(0.1), quiet, tone(0.1), quiet])
    path = write(tmp_path / "a.wav", sound, subtype="FLOAT")
    settings = ClipSettings(RATE, 40.0, None, 10.0, "cut")
    np.testing.assert_array_equal(
        clip(path, settings), np.float32(sound[20 * frame : -20 * frame])
    )
    # An offset is no sound.
    offset = write(tmp_path / "b.wav", sound + 0.2, subtype="FLOAT")
    assert len(clip(offset, settings)) == 40 * frame
    assert len(clip(path)) == len(sound)
    assert len(clip(path, ClipSettings(RATE, 120.0, None, 10.0, "cut"))) == len(sound)


def test_the_peak_is_what_was_asked_for(tmp_path):
    quiet = write(tmp_path / "a.wav", tone(level=0.01), subtype="FLOAT")
    loud = write(tmp_path / "b.wav", tone(level=3.0), subtype="FLOAT")
    for path in (quiet, loud):
        for peak in (0.95, 0.3):
            found = np.abs(clip(path, ClipSettings(RATE, None, peak, 1.0, "cut"))).max()
            assert found == pytest.approx(peak, rel=1e-6)
            assert found <= np.float32(peak)
    assert np.abs(clip(quiet)).max() == pytest.approx(0.01, rel=1e-2)
    assert np.abs(clip(loud)).max() == 1, "samples are in -1..1"


def test_what_is_too_long_is_cut_left_out_or_an_error(tmp_path):
    path = write(tmp_path / "a.wav", tone(0.5), subtype="FLOAT")
    cut = clip(path, ClipSettings(RATE, None, None, 0.2, "cut"))
    np.testing.assert_array_equal(cut, np.float32(tone(0.5)[:1600]))
    assert clip(path, ClipSettings(RATE, None, None, 0.2, "drop")) is None
    with pytest.raises(
        DataError, match=r"a\.wav lasts 0\.50 s, longer than data\.max_seconds=0\.2"
    ):
        clip(path, ClipSettings(RATE, None, None, 0.2, "error"))
    assert len(clip(path, ClipSettings(RATE, None, None, 0.5, "error"))) == 4000


def bad(path, what):
    """Write a file that cannot be used."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sound = tone(0.5)
    if what == "text":
        path.write_text("hello")
    elif what == "nothing":
        path.touch()
    elif what == "zero length":
        write(path, sound[:0])
    elif what == "silent":
        write(path, 0 * sound)
    elif what == "constant":
        write(path, 0 * sound + 0.25)
    elif what in ("nan", "infinite"):
        sound[800] = np.nan if what == "nan" else -np.inf
        write(path, sound, subtype="FLOAT")
    else:
        write(path, sound)
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
    return path


BAD = {
    "text": r"not a readable audio file \(.+\)",
    "nothing": "is empty",
    "zero length": "is empty: its length is zero",
    "silent": "contains only silence",
    "constant": "contains only silence",
    "nan": r"not finite numbers, the first at 0\.100 s",
    "infinite": "not finite numbers",
    "half": r"is damaged: it has \d+ of \d+ bytes",
}


@pytest.mark.parametrize("what", BAD)
def test_a_file_that_cannot_be_used_says_why(tmp_path, what):
    path = bad(tmp_path / "bad.wav", what)
    with pytest.raises(DataError, match=rf"bad\.wav .*{BAD[what]}") as error:
        clip(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("form", ["flac", "ogg"])
def test_half_a_packed_file_is_damaged(tmp_path, form):
    with pytest.raises(DataError, match=rf"bad\.{form} is damaged"):
        clip(bad(tmp_path / f"bad.{form}", "half"))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.wav cannot be read \(No such file"):
        clip(tmp_path / "none.wav")


def test_a_rate_that_the_data_cannot_serve(tmp_path):
    path = write(tmp_path / "a.wav", tone())
    with pytest.raises(DataError, match=r"8000 samples per second.*set data\.sample_rate=8000"):
        clip(path, ClipSettings(16_000, None, None, 1.0, "cut"))


# -- writing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["wav", "flac"])
def test_sixteen_bits_come_back_as_they_were(tmp_path, form):
    sound = np.random.default_rng(0).integers(-32768, 32768, 4000).astype(np.int16)
    sound[:2] = -32768, 32767
    write(tmp_path / "a.wav", sound)
    path = tmp_path / f"b.{form}"
    write_clip(path, clip(tmp_path / "a.wav"), RATE, form=form)
    again, rate = soundfile.read(path, dtype="int16")
    np.testing.assert_array_equal(again, sound)
    info = soundfile.info(path)
    assert (rate, info.channels, info.subtype, info.format) == (RATE, 1, "PCM_16", form.upper())
    memory = io.BytesIO()
    write_clip(memory, clip(tmp_path / "a.wav"), RATE, form=form)
    assert memory.getvalue() == path.read_bytes()


@pytest.mark.parametrize("level", [1.0, 1.00001, 2.0, 40.0])
def test_nothing_is_clipped(tmp_path, level):
    sound = tone(0.2, level=level).astype(np.float32)
    write_clip(tmp_path / "a.wav", sound, RATE)
    found = soundfile.read(tmp_path / "a.wav")[0]
    assert np.abs(found).max() == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(found, sound / np.abs(sound).max(), atol=1e-4)
    assert (np.diff(found) == 0).sum() == (np.diff(np.rint(sound / level * 32767)) == 0).sum()


def test_what_is_no_clip_is_not_written(tmp_path):
    for wrong, why in (
        (np.zeros(0, np.float32), "one row"),
        (np.zeros((2, 3), np.float32), "one row"),
        (np.float32([0.1, np.nan]), "not finite"),
    ):
        with pytest.raises(DataError, match=why):
            write_clip(tmp_path / "a.wav", wrong, RATE)
    assert not list(tmp_path.glob("*.wav"))


# -- own recordings -------------------------------------------------------------------------------


def test_a_folder_by_label(tmp_path):
    root = fill(tmp_path / "mine", count=10)
    write(root / "yes" / "stereo.flac", np.stack([tone(), tone()], 1), 48_000)
    (root / "yes" / "notes.txt").write_text("x")
    told = []
    dataset = load(root, progress=lambda *what: told.append(what))
    assert dataset.labels == {"label": ["no", "yes"]}
    assert {name: len(part) for name, part in dataset.parts.items()} == {
        "training": 13, "validation": 4, "test": 4,
    }  # fmt: skip
    assert dataset.notes == [
        "other files left out: 1 (yes/notes.txt)",
        "recordings resampled to 8000 Hz: validation 1 from 48000 Hz",
        "recordings whose channels were averaged: validation 1 of 4",
    ]
    size = sum(path.stat().st_size for path in root.rglob("*.*") if path.suffix != ".txt")
    assert told[0] == ("mine", 0, size)
    assert told[-1] == ("mine", size, size)
    for part in dataset.parts.values():
        for one, label in zip(part.items[:], part.label_NA[:, 0], strict=True):
            # The label shows in the length; the one at 48 kHz is a sixth as long.
            assert len(one) % 80 == (8 if label else 0) or len(one) == 134


def test_folders_of_parts(tmp_path):
    root = tmp_path / "mine"
    fill(root / "train"), fill(root / "test", count=1)
    dataset = load(root)
    assert {name: len(part) for name, part in dataset.parts.items()} == {
        "training": 6, "validation": 2, "test": 2,
    }  # fmt: skip


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_manifest(tmp_path, form):
    root = fill(tmp_path / "mine")
    elsewhere = write(tmp_path / "other" / "far.wav", tone())
    paths = [f"{label}/{n}.wav" for label in ("no", "yes") for n in range(4)]
    paths += ["../other/far.wav"]
    rows = [
        {"path": path, "word": path[:2], "speaker": "A" if n % 2 else "B", "take": n}
        for n, path in enumerate(paths)
    ]
    rows[-1]["word"] = "no"
    manifest = root / f"list.{form}"
    if form == "csv":
        lines = ["path,word,speaker,take", *(",".join(map(str, row.values())) for row in rows)]
    else:
        lines = [json.dumps({**row, "other": None}) for row in rows]
    manifest.write_text("\n".join(lines) + "\n")
    dataset = load(manifest, labels=("word", "speaker"), validation=0.1, test=0.1)
    assert dataset.labels == {"word": ["no", "ye"], "speaker": ["A", "B"]}
    assert sum(map(len, dataset.parts.values())) == 9
    again = load(manifest, labels=("speaker",), validation=0.1, test=0.1)
    assert again.labels == {"speaker": ["A", "B"]}
    assert again.fingerprint != dataset.fingerprint
    assert elsewhere.is_file()
    with pytest.raises(DataError, match=r"fewer than 2 training .* the take 0, 1, 2, 3, 4, \.\."):
        load(manifest, labels=("take",))


def test_a_manifest_without_labels_is_of_one_class(tmp_path):
    root = fill(tmp_path / "mine")
    (root / "list.csv").write_text("path\n" + "".join(f"no/{n}.wav\n" for n in range(4)))
    dataset = load(root / "list.csv")
    assert dataset.classes == (1,)
    assert (root / "list.jsonl").write_text('{"path": "no/0.wav", "x": null}\n')
    with pytest.raises(
        DataError, match=r"list\.jsonl, line 1: 'x' is neither a string nor a number"
    ):
        load(root / "list.jsonl")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "path,word\nno/0.wav,x\nno/9.wav,x\n", r"a\.csv, line 3: .*9\.wav does not exi"),
        ("a.csv", "path,word\nno/0.wav,x\n./no/0.wav,x\n", "line 3: .* already listed on line 2"),
        ("a.csv", "file,word\nno/0.wav,x\n", r"a\.csv has no column 'path'"),
        ("a.csv", "path,word\nno/0.wav\n", "line 2: expected 2 fields"),
        ("a.csv", "path,word\nno/0.wav,\n", "line 2: 'word' is missing or empty"),
        ("a.csv", "path,word\n", "lists no recordings"),
        ("a.csv", "", "has no column 'path'"),
        ("a.jsonl", "{'path'}\n", "line 1: this is not valid JSON"),
        ("a.jsonl", "[1]\n", "line 1: the JSON value is not an object"),
        (
            "a.jsonl",
            '{"word": "x"}\n',
            "line 1: 'path' is missing or empty; the columns are 'word'",
        ),
        ("a.txt", "no/0.wav\n", r"the name of a manifest must end in \.csv or \.jsonl"),
    ],
)
def test_a_manifest_that_is_wrong(tmp_path, name, content, message):
    root = fill(tmp_path / "mine")
    (root / name).write_text(content)
    with pytest.raises(DataError, match=message):
        load(root / name)


def test_an_unknown_column_lists_the_known_ones(tmp_path):
    root = fill(tmp_path / "mine")
    (root / "a.csv").write_text("path,word\nno/0.wav,x\n")
    with pytest.raises(
        DataError, match=r"'speaker' is missing or empty; the columns are 'path', 'word'"
    ):
        load(root / "a.csv", labels=("speaker",))


def test_damaged_files_are_named_at_once_and_skipped_when_asked(tmp_path):
    root = fill(tmp_path / "mine", count=10)
    for place, what in enumerate([*BAD, "text"]):
        bad(root / "no" / f"bad{place}.wav", what)
    with pytest.raises(DataError) as error:
        load(root)
    first, *named, advice = str(error.value).splitlines()
    assert first == "9 of 29 recordings cannot be used:"
    assert [Path(line.split()[0]).name for line in named[:5]] == [f"bad{n}.wav" for n in range(5)]
    assert named[5:] == ["  and 4 more"]
    assert "data.unreadable=skip" in advice
    dataset = load(root, unreadable="skip")
    assert sum(map(len, dataset.parts.values())) == 20
    (note,) = dataset.notes
    assert note.startswith(
        "recordings that cannot be used left out: 9 (no/bad0.wav is damaged or not a readable "
        "audio file ("
    )
    assert note.endswith(
        "), no/bad1.wav is empty, no/bad2.wav is empty: its length is zero, no/bad3.wav contains "
        "only silence, no/bad4.wav contains only silence, ...)"
    )
    assert load(root, unreadable="skip").notes == dataset.notes, "also out of the cache"


def test_settings_that_do_not_fit_are_no_damaged_files(tmp_path):
    root = fill(tmp_path / "mine")
    higher = ClipSettings(16_000, None, None, 1.0, "cut")
    with pytest.raises(DataError, match=r"set data\.sample_rate=8000 or lower"):
        load(root, higher)
    shorter = ClipSettings(RATE, None, None, 0.06, "error")
    with pytest.raises(DataError, match=r"longer than data\.max_seconds=0\.06: raise it"):
        load(root, shorter, unreadable="skip")


def test_long_recordings_can_be_left_out(tmp_path):
    root = fill(tmp_path / "mine", count=6)
    write(root / "no" / "long.wav", tone(0.5))
    dataset = load(root, ClipSettings(RATE, None, None, 0.2, "drop"))
    assert sum(map(len, dataset.parts.values())) == 12
    assert dataset.notes == ["recordings longer than data.max_seconds left out: 1 (no/long.wav)"]


def test_what_is_too_little(tmp_path):
    with pytest.raises(DataError, match="no such file or folder"):
        load(tmp_path / "none")
    root = tmp_path / "mine"
    root.mkdir()
    with pytest.raises(DataError, match=r"contains recordings \(\.aif, .*\.flac, .*\.wav\)"):
        load(root)
    write(root / "a.wav", tone())
    with pytest.raises(DataError, match="put them in one sub-folder for each label"):
        load(root)
    (root / "a.wav").unlink()
    fill(root)
    write(root / "single" / "a.wav", tone())
    with pytest.raises(DataError, match="fewer than 2 training recordings with the label sin"):
        load(root)
    shutil.rmtree(root / "single")
    for label in ("no", "yes"):
        for number in (2, 3):
            (root / label / f"{number}.wav").unlink()
    with pytest.raises(DataError, match="4 recordings leave none for the test part"):
        load(root)


# -- the cache ------------------------------------------------------------------------------------


def test_recordings_are_read_once(tmp_path, monkeypatch):
    root = fill(tmp_path / "mine")
    before = load(root)
    monkeypatch.setattr(audio, "open_recording", lambda *_: pytest.fail("read again"))
    after = load(root)
    assert everything(after) == everything(before)
    assert after.fingerprint == before.fingerprint
    assert isinstance(after.parts["test"].items.samples, np.memmap)
    load(root, seed=1)


def test_another_place_is_the_same_and_other_content_is_not(tmp_path):
    root = fill(tmp_path / "mine")
    before = load(root)
    shutil.copytree(root, tmp_path / "copy" / "mine")
    assert load(tmp_path / "copy" / "mine").fingerprint == before.fingerprint
    seen = {before.fingerprint, load(root, seed=1).fingerprint, load(root, test=0.3).fingerprint}
    seen |= {
        load(root, ClipSettings(RATE, None, peak, 10.0, "cut")).fingerprint for peak in (1.0, 0.5)
    }
    write(root / "no" / "0.wav", tone(0.05, pitch=301))
    changed = load(root)
    assert len({*seen, changed.fingerprint}) == 6
    assert everything(changed) != everything(before)


@pytest.mark.parametrize("damage", ["shorter", "other", "index", "absent"])
def test_a_damaged_cache_is_made_again(tmp_path, cache, damage):
    root = fill(tmp_path / "mine")
    before = everything(load(root))
    samples = next(cache.rglob("samples.f32"))
    if damage == "shorter":
        samples.write_bytes(samples.read_bytes()[:-4])
    elif damage == "other":
        content = bytearray(samples.read_bytes())
        content[40] ^= 1
        samples.write_bytes(content)
    elif damage == "index":
        (samples.parent / "index.json").write_text("{}")
    else:
        samples.unlink()
    assert everything(load(root)) == before


def test_a_stop_in_the_middle_leaves_no_cache(tmp_path, cache):
    root = fill(tmp_path / "mine")

    def stop(what, done, total):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(root, progress=stop)
    assert not list(cache.rglob("samples.f32"))
    assert sum(map(len, load(root).parts.values())) == 8


def test_a_cache_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SEQGAN_CACHE", str(tmp_path / "file" / "cache"))
    one = Taken(iter([np.ones(3, np.float32)]), Facts(RATE, 1, 1))
    with pytest.raises(DataError, match=r"cannot be written .*SEQGAN_CACHE"):
        clip_cache.cached_clips({}, lambda: [one], count=1, name="x")


# -- spoken digits --------------------------------------------------------------------------------


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    """Register a few small files under one checksum; return the folder that contains them."""
    contents = {f"{n}_x_0.wav": bytes([n] * 9) for n in range(8)}
    lines = sorted(f"{n} {hashlib.sha256(c).hexdigest()}\n" for n, c in contents.items())
    joint = hashlib.sha256("".join(lines).encode()).hexdigest()
    archive = Archive("https://few.test/x.tar.gz", "top/recordings")
    few = Source(
        "few", {}, archives=(archive,), bundle=Bundle(tuple(contents), joint, "recordings"),
        licence="none", home="https://few.test",
    )  # fmt: skip
    monkeypatch.setitem(SOURCES, "few", few)
    folder = tmp_path / "mine" / "recordings"
    folder.mkdir(parents=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


def test_a_bundle_is_used_where_it_lies(bundle):
    (bundle / "more.wav").touch()
    assert locate(SOURCES["few"], root=bundle) == bundle
    assert locate(SOURCES["few"], root=bundle.parent) == bundle


def test_a_bundle_that_is_not_whole_says_what_is_missing(bundle):
    (bundle / "3_x_0.wav").write_bytes(b"other")
    with pytest.raises(DataError, match="one or more of the 8 files are damaged") as error:
        locate(SOURCES["few"], root=bundle)
    assert "its 8 files (0_x_0.wav to 7_x_0.wav)" in str(error.value)
    for number in range(1, 8):
        (bundle / f"{number}_x_0.wav").unlink()
    named = ", ".join(f"{n}_x_0.wav" for n in range(1, 6))
    with pytest.raises(DataError, match=rf"7 of the 8 files are missing \({named}, \.\.\.\)"):
        locate(SOURCES["few"], root=bundle)


def test_an_archive_on_the_web_fills_the_cache(bundle, cache, monkeypatch):
    def get(url, target, tell):
        assert url == "https://few.test/x.tar.gz"
        memory = io.BytesIO()
        with tarfile.open(fileobj=memory, mode="w") as archive:
            archive.add(bundle, "top/recordings")
            archive.add(bundle / "0_x_0.wav", "top/setup.py")
        target.write_bytes(gzip.compress(memory.getvalue()))
        tell(1, 1)

    monkeypatch.setattr(sources, "_get", get)
    told = []
    folder = locate(SOURCES["few"], progress=lambda *what: told.append(what))
    assert folder == cache / "few"
    assert sorted(path.name for path in folder.iterdir()) == [f"{n}_x_0.wav" for n in range(8)]
    assert told == [("few", 1, 1)]
    (bundle / "1_x_0.wav").unlink()
    assert locate(SOURCES["few"]) == folder
    (folder / "2_x_0.wav").unlink()
    with pytest.raises(DataError, match=r"few\.test/x\.tar\.gz: 1 of the 8 files are missing"):
        locate(SOURCES["few"])


@pytest.fixture
def real():
    root = Path(os.environ.get("SEQGAN_TEST_DATA", "/nowhere")) / "spoken_digits"
    if not root.is_dir():
        pytest.skip("SEQGAN_TEST_DATA names no folder with spoken_digits in it")
    return root


def test_the_real_spoken_digits_have_their_official_split(real):
    settings = ClipSettings(RATE, None, 0.95, 1.0, "cut")
    dataset = spoken_digits(root=real, settings=settings, validation=0.1, seed=0)
    sizes = {name: len(part) for name, part in dataset.parts.items()}
    assert sizes == {"training": 2460, "validation": 240, "test": 300}
    assert list(dataset.labels) == ["digit", "speaker"]
    assert dataset.classes == (10, 6)
    test = dataset.parts["test"]
    assert (np.unique(test.label_NA, axis=0, return_counts=True)[1] == 5).all()
    # The first is 0_george_0, unchanged except for its level.
    raw = soundfile.read(real / "recordings" / "0_george_0.wav", dtype="float32")[0]
    np.testing.assert_allclose(test.items[:1][0], raw / np.abs(raw).max() * 0.95, atol=1e-6)
    length_N = np.concatenate(
        [[len(one) for one in part.items[:]] for part in dataset.parts.values()]
    )
    # The data's own description: 2,980 of the recordings last at most a second.
    assert (length_N < RATE).sum() in range(2975, 2981)
    assert length_N.max() == RATE
    again = spoken_digits(root=real / "recordings", settings=settings, validation=0.1, seed=0)
    assert again.fingerprint == dataset.fingerprint


# -- synthetic speech -----------------------------------------------------------------------------


@pytest.fixture
def espeak():
    pytest.importorskip("espeakng_loader", reason="the extra `speech` is not installed")


def synthetic(seed=0, **options):
    settings = ClipSettings(RATE, 40.0, 0.95, 1.0, "cut")
    shares = {"clips_per_digit": 24, "validation": 0.25, "test": 0.25, **options}
    return spoken_digits_synthetic(settings=settings, seed=seed, **shares)


def test_digits_are_spoken_in_every_voice(espeak):
    told = []
    dataset = synthetic(progress=lambda *what: told.append(what))
    assert {name: len(part) for name, part in dataset.parts.items()} == {
        "training": 120, "validation": 60, "test": 60,
    }  # fmt: skip
    assert dataset.labels == {"digit": tuple("0123456789"), "voice": synthetic_speech.VOICES}
    for part in dataset.parts.values():
        assert len(np.unique(part.label_NA, axis=0)) == 60
    sounds = [one for part in dataset.parts.values() for one in part.items[:]]
    assert len({one.tobytes() for one in sounds}) == 240
    assert all(np.abs(one).max() == pytest.approx(0.95) for one in sounds)
    seconds = np.array([len(one) for one in sounds]) / RATE
    assert seconds.min() > 0.15
    assert seconds.max() < 1
    # Silence after the word is gone.
    assert all(np.square(one[-80:]).mean() > 1e-6 * np.square(one).mean() for one in sounds)
    assert told[-1][1] == told[-1][2] > 0


def test_the_same_seed_speaks_the_same_bytes(espeak, tmp_path, monkeypatch):
    before = synthetic()
    monkeypatch.setenv("SEQGAN_CACHE", str(tmp_path / "another"))
    synthetic(seed=1)
    after = synthetic()
    assert everything(after) == everything(before)
    assert after.fingerprint == before.fingerprint
    other = synthetic(seed=1)
    assert everything(other) != everything(before)
    assert other.fingerprint != before.fingerprint


def test_what_was_said_before_elsewhere_changes_nothing(espeak):
    said = [Utterance(word, "en-us+f3", 150, 50, 50) for word in ("seven", "two")]
    first = [sound.tobytes() for sound in spoken(said, seed=3)]
    list(spoken(said[::-1] * 3, seed=4))
    assert [sound.tobytes() for sound in spoken(said, seed=3)] == first
    assert [sound.tobytes() for sound in spoken(said, seed=4)] != first, (
        "the seed changes the noise in the voice"
    )


def test_a_synthesizer_that_does_not_work_says_why(espeak):
    with pytest.raises(DataError, match=r"does not work here: .*refused the voice nobody"):
        list(spoken([Utterance("one", "nobody", 150, 50, 50)], seed=0))


def test_a_missing_synthesizer_names_the_extra(monkeypatch):
    monkeypatch.setattr(synthetic_speech, "PACKAGE", "no-such-package-here")
    with pytest.raises(DataError, match=r'pip install "seqgan_kit\[speech\]"'):
        synthetic()


def test_too_few_clips_for_the_parts(espeak):
    with pytest.raises(DataError, match=r"10 clips leave none for the .+ part.*data\.clips"):
        synthetic(clips_per_digit=1)


def test_a_reader_of_files_is_no_burden_for_others():
    """The module does not import audio packages at the top."""
    names = {name for name in vars(audio_files) if not name.startswith("_")}
    assert not names & {"soundfile", "torchaudio"}
