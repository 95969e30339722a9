"""Images from IDX files, from scikit-learn and from folders become the data sets they should."""

import gzip
import hashlib
import os
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seqgan_kit.data.dataset import DataError, held_out
from seqgan_kit.data.label_folders import find_files
from seqgan_kit.data.sources import Source
from seqgan_kit.kinds.images import describing, loading, sources
from seqgan_kit.kinds.images.datasets import mnist_like, read_idx, sklearn_digits
from seqgan_kit.kinds.images.describing import describe_images
from seqgan_kit.kinds.images.folder import ImageFiles
from seqgan_kit.kinds.images.listing import list_images
from seqgan_kit.kinds.images.reading import EXTENSIONS, Look
from seqgan_kit.kinds.images.schema import FolderData


def idx(values):
    values = np.asarray(values, np.uint8)
    return struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape) + bytes(
        values.ravel()
    )


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels)).save(path, **options)
    return path


def flat(value, shape=(6, 5)):
    return np.full(shape, value, np.uint8)


def make(root, counts, shade=40):
    """Folders of flat grey images; image n of label number k has the shade 40 k + n."""
    for number, (label, count) in enumerate(counts.items()):
        for image in range(count):
            save(root / label / f"{image}.png", flat(shade * number + image))
    return root


CONSTANT = "constant images"
"""How the note on flat images begins, which most images of these tests are."""


def load(root, **changed):
    settings = {"size": (6, 5), "validation": 0.2, "test": 0.2}
    return loading.load(FolderData(source="folder", root=str(root), **settings | changed))


def left_out_of(dataset):
    """The notes of a data set, without that on flat images."""
    return [note for note in dataset.notes if not note.startswith(CONSTANT)]


def describe(root):
    return describe_images(root, list_images(root))


def decode(path, size, colour="grey"):
    return ImageFiles([path], Look(size, colour))[:1][0]


# -- IDX files ----------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(7,), (3, 4, 5), (0, 4, 5)])
def test_idx_holds_what_was_written(tmp_path, shape):
    values = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    (tmp_path / "file").write_bytes(idx(values))
    found = read_idx(tmp_path / "file")
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, values)
    assert found.flags.writeable


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", r"truncated: 0 bytes are too few for the IDX header"),
        (b"\0\0\x08", r"truncated: 3 bytes are too few for the IDX header"),
        (idx(np.zeros((2, 3, 4)))[:10], r"truncated: 10 bytes are too few for the IDX header"),
        (idx(np.zeros((2, 3, 4)))[:-5], r"truncated: it holds 19 of 24 values"),
        (idx(np.zeros(6)) + b"xy", r"has 2 bytes after its 6 values"),
        (
            gzip.compress(idx(np.zeros(6)), mtime=0),
            r"is not an IDX file of bytes: it starts with 1f 8b",
        ),
        (b"\0\0\x0d\x01" + bytes(8), r"is not an IDX file of bytes: it starts with 00 00 0d 01"),
        (idx(np.zeros((2, 3))), r"has 2 dimensions, expected 1 or 3"),
        (b"\0\0\x08\x03" + b"\xff" * 12 + b"12", r"truncated: it holds 2 of \d{29} values"),
    ],
)
def test_idx_that_is_damaged_says_how(tmp_path, content, said):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(DataError, match=f"file {said}|file is {said}"):
        read_idx(tmp_path / "file")


def test_idx_that_is_missing(tmp_path):
    with pytest.raises(DataError, match=r"file cannot be read \(No such file"):
        read_idx(tmp_path / "file")


# -- cutting ------------------------------------------------------------------------------------


@pytest.mark.parametrize("shares", [[0.1], [0.25, 0.2], [0.0, 0.5], []])
def test_parts_hold_every_item_once_and_every_class_by_share(shares):
    label_NA = np.random.default_rng(0).integers(0, [3, 2], (500, 2))
    parts = held_out(label_NA, shares, seed=1)
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(500))
    _, joint_N, counts = np.unique(label_NA, axis=0, return_inverse=True, return_counts=True)
    for part, share in zip(parts[1:], shares, strict=True):
        np.testing.assert_array_equal(part, np.sort(part))
        found = np.bincount(joint_N.ravel()[part], minlength=len(counts))
        assert np.abs(found - share * counts).max() <= 0.5


def test_the_cut_follows_the_seed_and_spares_one_item_for_training():
    label_NA = np.repeat([0, 1, 2], [1, 2, 40])[:, None]
    first, again, other = (held_out(label_NA, [0.1, 0.1], seed) for seed in (0, 0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[1], other[1])
    counts = [np.bincount(label_NA[part, 0], minlength=3).tolist() for part in first]
    assert counts == [[1, 1, 32], [0, 1, 4], [0, 0, 4]]


# -- known data sets ----------------------------------------------------------------------------


@pytest.fixture
def small_mnist(tmp_path, monkeypatch):
    """Write four files and let them pass for MNIST."""

    def write(training_labels=40):
        random = np.random.default_rng(0)
        arrays = {
            sources.TRAINING_IMAGES: random.integers(0, 256, (40, 28, 28)),
            sources.TRAINING_LABELS: np.arange(training_labels) % 10,
            sources.TEST_IMAGES: random.integers(0, 256, (10, 28, 28)),
            sources.TEST_LABELS: np.arange(10),
        }
        for name, values in arrays.items():
            (tmp_path / name).write_bytes(idx(values))
        files = {
            name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in arrays
        }
        for name in ("mnist", "fashion_mnist"):
            source = Source(name, files, licence="none", home="https://small.test")
            monkeypatch.setitem(sources.SOURCES, name, source)
        return arrays

    return write


def test_mnist_like_has_three_parts(small_mnist, tmp_path):
    arrays = small_mnist()
    dataset = mnist_like("mnist", tmp_path, 0.25, 0, None)
    assert {part: len(items) for part, items in dataset.parts.items()} == {
        "training": 30,
        "validation": 10,
        "test": 10,
    }
    training, validation = dataset.parts["training"], dataset.parts["validation"]
    assert training.items[:3].shape == (3, 28, 28, 1)
    assert training.items[:3].dtype == np.uint8
    assert training.label_NA.dtype == np.int64
    assert sorted(validation.label_NA[:, 0]) == list(range(10))
    both = np.concatenate([training.items[:], validation.items[:]])
    expected = {image.tobytes() for image in arrays[sources.TRAINING_IMAGES].astype(np.uint8)}
    assert {image.tobytes() for image in both} == expected
    test = dataset.parts["test"]
    np.testing.assert_array_equal(test.items[:][..., 0], arrays[sources.TEST_IMAGES])
    np.testing.assert_array_equal(test.label_NA[:, 0], np.arange(10))
    assert dataset.labels == {"digit": tuple("0123456789")}
    fashion = mnist_like("fashion_mnist", tmp_path, 0.25, 0, None)
    assert fashion.labels["garment"][9] == "ankle boot"
    assert fashion.classes == (10,)


def test_the_fingerprint_of_mnist_follows_what_decides_the_parts(small_mnist, tmp_path):
    small_mnist()
    prints = [
        mnist_like(name, tmp_path, validation, seed, None).fingerprint
        for name, validation, seed in [
            ("mnist", 0.25, 0),
            ("mnist", 0.25, 0),
            ("mnist", 0.25, 1),
            ("mnist", 0.5, 0),
            ("fashion_mnist", 0.25, 0),
        ]
    ]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 4


def test_images_without_labels_are_refused(small_mnist, tmp_path):
    small_mnist(training_labels=39)
    with pytest.raises(DataError, match=r"do not match.*\(40, 28, 28\) and \(39,\)"):
        mnist_like("mnist", tmp_path, 0.25, 0, None)


def test_the_digits_of_scikit_learn():
    dataset = sklearn_digits(0.1, seed=0)
    sizes = {part: len(items) for part, items in dataset.parts.items()}
    assert sum(sizes.values()) == 1797
    assert sizes["validation"] == pytest.approx(180, abs=5)
    assert sizes["test"] == pytest.approx(359, abs=5)
    images = dataset.parts["training"].items[:]
    assert images.shape[1:] == (8, 8, 1)
    assert images.dtype == np.uint8
    assert (images.min(), images.max()) == (0, 255)
    assert dataset.classes == (10,)
    assert sklearn_digits(0.1, seed=1).fingerprint != dataset.fingerprint
    assert sklearn_digits(0.1, seed=0).fingerprint == dataset.fingerprint


def test_the_real_mnist(tmp_path):
    root = Path(os.environ.get("SEQGAN_TEST_DATA", "/nowhere")) / "mnist"
    if not root.is_dir():
        pytest.skip("SEQGAN_TEST_DATA names no folder with mnist in it")
    dataset = mnist_like("mnist", root, 0.1, 0, None, cache=tmp_path)
    training, validation, test = dataset.parts.values()
    assert len(training) + len(validation) == 60000
    assert len(validation) == pytest.approx(6000, abs=5)
    assert test.label_NA[:5, 0].tolist() == [7, 2, 1, 0, 4]
    assert test.items[:].shape == (10000, 28, 28, 1)
    assert training.items[:].mean() == pytest.approx(33.3, abs=0.1)


# -- pixels -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.png", "a.BMP", "a.gif", "a.tiff", "a.webp", "a.pgm"])
def test_grey_images_keep_their_bytes(tmp_path, name):
    pixels = np.arange(30, dtype=np.uint8).reshape(6, 5) * 8
    path = save(tmp_path / name, pixels, **({"lossless": True} if "webp" in name else {}))
    np.testing.assert_array_equal(decode(path, (6, 5))[..., 0], pixels)
    colour = decode(path, (6, 5), "rgb")
    np.testing.assert_array_equal(colour, np.repeat(pixels[..., None], 3, -1))


def test_colours_keep_their_bytes_and_have_a_luma(tmp_path):
    path = save(tmp_path / "a.png", np.tile(np.uint8([200, 100, 50]), (6, 5, 1)))
    assert (decode(path, (6, 5), "rgb") == [200, 100, 50]).all()
    assert (decode(path, (6, 5)) == round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)).all()


def test_transparent_pixels_lie_on_black(tmp_path):
    pixels = np.zeros((4, 3, 4), np.uint8)
    pixels[..., :3] = 200
    pixels[:, :, 3] = [0, 128, 255]
    path = save(tmp_path / "a.png", pixels)
    assert decode(path, (4, 3))[0, :, 0] == pytest.approx([0, 100, 200], abs=1)
    palette = Image.new("P", (3, 4), 1)
    palette.putpalette([0, 0, 0, 255, 255, 255])
    palette.save(tmp_path / "b.gif", transparency=1)
    assert decode(tmp_path / "b.gif", (4, 3)).max() == 0


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.pgm"])
def test_sixteen_bits_are_scaled_to_eight(tmp_path, name):
    path = save(tmp_path / name, np.tile(np.uint16([0, 100 * 257, 65535]), (4, 1)))
    assert decode(path, (4, 3))[0, :, 0].tolist() == [0, 100, 255]


def test_floating_point_pixels_are_refused(tmp_path):
    path = save(tmp_path / "a.tif", np.full((4, 3), 0.5, np.float32))
    with pytest.raises(DataError, match=r"a\.tif: its pixels are floating-point numbers"):
        decode(path, (4, 3))


def test_images_are_turned_upright(tmp_path):
    pixels = np.zeros((16, 32), np.uint8)
    pixels[:, :16] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise: what lies left comes to the top
    path = save(tmp_path / "label" / "a.jpg", pixels, exif=exif, quality=95)
    upright = decode(path, (32, 16))[..., 0]
    assert upright[:15].min() > 240
    assert upright[17:].max() < 15
    assert describe(tmp_path).size == (32, 16)


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_shrinking_averages(tmp_path, name):
    stripes = np.tile(np.uint8([0, 255]), (256, 128))
    path = save(tmp_path / name, stripes, **({"quality": 95} if "jpg" in name else {}))
    inner = decode(path, (8, 8))[1:-1, 1:-1]
    assert np.abs(inner.astype(int) - 127).max() <= 3


def test_every_size_becomes_the_one_that_is_asked_for(tmp_path):
    paths = [
        save(tmp_path / f"{number}.png", flat(10 * number, shape))
        for number, shape in enumerate([(3, 9), (40, 2), (7, 7)])
    ]
    images = ImageFiles(paths, Look((5, 4), "rgb"))
    assert len(images) == 3
    assert images[:].shape == (3, 5, 4, 3)
    assert images[1:3][:, 0, 0, 0].tolist() == [10, 20]
    assert images[3:].shape == (0, 5, 4, 3)


def test_files_are_read_when_they_are_asked_for(tmp_path):
    paths = [save(tmp_path / f"{number}.png", flat(number)) for number in range(3)]
    images = ImageFiles(paths, Look((6, 5)))
    paths[2].unlink()
    assert images[:2].shape == (2, 6, 5, 1)
    with pytest.raises(DataError, match=r"2\.png cannot be read \(No such file"):
        images[2:]


# -- folders ------------------------------------------------------------------------------------


def test_a_folder_becomes_three_parts(tmp_path):
    dataset = load(make(tmp_path / "mine", {"cat": 10, "dog": 20}))
    assert dataset.name == "mine"
    assert dataset.labels == {"label": ["cat", "dog"]}
    assert {part: len(items) for part, items in dataset.parts.items()} == {
        "training": 18,
        "validation": 6,
        "test": 6,
    }
    seen = []
    for part in dataset.parts.values():
        shades = part.items[:][:, 0, 0, 0]
        np.testing.assert_array_equal(shades >= 40, part.label_NA[:, 0] == 1)
        seen += shades.tolist()
    assert sorted(seen) == [*range(10), *range(40, 60)]
    assert left_out_of(dataset) == []


def test_labels_are_in_natural_order(tmp_path):
    make(tmp_path, {"10": 2, "2": 2, "b2": 2, "B10": 2, "a": 2})
    assert list(load(tmp_path).labels["label"]) == ["2", "10", "a", "b2", "B10"]


@pytest.mark.parametrize("shares", [(0.0, 0.0), (0.5, 0.0)])
def test_a_share_of_nothing_is_an_empty_part(tmp_path, shares):
    make(tmp_path, {"cat": 10})
    dataset = load(tmp_path, validation=shares[0], test=shares[1])
    assert len(dataset.parts["validation"]) == 10 * shares[0]
    assert len(dataset.parts["test"]) == 0
    assert dataset.parts["test"].label_NA.shape == (0, 1)


def test_folders_of_parts_are_the_parts(tmp_path):
    make(tmp_path / "train", {"cat": 4, "dog": 3})
    make(tmp_path / "val", {"cat": 2})
    make(tmp_path / "test", {"dog": 1, "cat": 1})
    make(tmp_path, {"extra": 2})
    dataset = load(tmp_path)
    assert dataset.labels == {"label": ["cat", "dog"]}
    labels = {part: items.label_NA[:, 0].tolist() for part, items in dataset.parts.items()}
    assert labels == {"training": [0] * 4 + [1] * 3, "validation": [0, 0], "test": [0, 1]}
    assert left_out_of(dataset) == ["folders next to the parts left out: 1 (extra)"]


def test_a_part_without_a_folder_is_cut_out_of_training(tmp_path):
    make(tmp_path / "training", {"cat": 10})
    make(tmp_path / "test", {"cat": 3}, shade=0)
    dataset = load(tmp_path)
    assert [len(dataset.parts[part]) for part in ("training", "validation", "test")] == [8, 2, 3]
    cut = [dataset.parts[part].items[:][:, 0, 0, 0] for part in ("training", "validation")]
    assert sorted(np.concatenate(cut)) == list(range(10))


def test_labels_may_be_called_as_parts_are(tmp_path):
    make(tmp_path, {"train": 3, "test": 3, "car": 3})
    assert load(tmp_path).labels == {"label": ["car", "test", "train"]}


def test_two_folders_for_one_part_are_refused(tmp_path):
    make(tmp_path / "train", {"cat": 3})
    make(tmp_path / "Training", {"cat": 3})
    with pytest.raises(DataError, match=r"two folders for one part: train, Training"):
        load(tmp_path)


def test_what_is_left_out_is_noted(tmp_path):
    make(tmp_path, {"cat": 3, "cat/more": 1})
    save(tmp_path / "loose.png", flat(0))
    (tmp_path / "empty").mkdir()
    (tmp_path / "cat" / "notes.txt").touch()
    (tmp_path / "readme.md").touch()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "cat" / "._0.png").touch()
    dataset = load(tmp_path)
    assert sum(map(len, dataset.parts.values())) == 3
    assert sorted(left_out_of(dataset)) == [
        "folders inside a label's folder left out: 1 (cat/more)",
        "folders without images left out: 1 (empty)",
        "images in folders inside a label's folder left out: 1 (cat/more/0.png); "
        "data.nested=true takes them",
        "images outside of a label's folder left out: 1 (loose.png)",
        "other files left out: 2 (readme.md, cat/notes.txt)",
    ]


def test_a_folder_that_is_no_such_folder_says_what_is_wrong(tmp_path):
    with pytest.raises(DataError, match=r"absent: there is no such folder"):
        load(tmp_path / "absent")
    with pytest.raises(DataError, match=r"no sub-folder of .* contains images \(\.bmp"):
        load(tmp_path)
    save(tmp_path / "a.png", flat(0))
    with pytest.raises(DataError, match=r"directly in the folder .*one sub-folder for each label"):
        load(tmp_path)


def test_a_label_needs_two_images_to_train_on(tmp_path):
    make(tmp_path / "train", {"cat": 3, "dog": 1})
    make(tmp_path / "test", {"cat": 2, "emu": 5})
    with pytest.raises(DataError, match=r"fewer than 2 training images .*label dog, emu"):
        load(tmp_path)


def damage(root):
    """Add seven damaged files to a good folder."""
    make(root, {"cat": 4})
    photo = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    whole = save(root / "cat" / "cut.jpg", photo).read_bytes()
    (root / "cat" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (root / "cat" / "empty.gif").touch()
    for number in range(5):
        (root / "cat" / f"text{number}.png").write_text("no image")
    return root


def test_unreadable_files_are_named(tmp_path):
    with pytest.raises(DataError) as error:
        load(damage(tmp_path))
    said = str(error.value).splitlines()
    assert said[0] == "7 of 11 images cannot be read:"
    assert "cut.jpg: image file is truncated" in said[1]
    assert "empty.gif: not a readable image" in said[2]
    assert [line.strip().split(":")[0][-9:] for line in said[3:6]] == [
        "text0.png",
        "text1.png",
        "text2.png",
    ]
    assert said[6].strip() == "and 2 more"
    assert "data.unreadable=skip" in said[7]


def test_unreadable_files_are_left_out_when_told_so(tmp_path):
    dataset = load(damage(tmp_path), unreadable="skip")
    shades = np.concatenate([part.items[:][:, 0, 0, 0] for part in dataset.parts.values()])
    assert sorted(shades) == [0, 1, 2, 3]
    (note,) = left_out_of(dataset)
    assert note.startswith(
        "unreadable images left out: 7 "
        "(cat/cut.jpg, cat/empty.gif, cat/text0.png, cat/text1.png, cat/text2.png, ...); "
    )
    assert "cut.jpg: image file is truncated" in note


@pytest.mark.parametrize("limit", [100, 250], ids=["refused by Pillow", "warned of by Pillow"])
def test_decompression_bombs_are_refused(tmp_path, limit):
    make(tmp_path, {"cat": 2})
    save(tmp_path / "cat" / "bomb.png", flat(0, (20, 20)))
    said = rf"1 of 3 [\s\S]*bomb\.png: more than {limit} pixels, .*data\.max_pixels"
    with pytest.raises(DataError, match=said):
        load(tmp_path, max_pixels=limit)
    assert sum(map(len, load(tmp_path, max_pixels=400).parts.values())) == 3
    assert Image.MAX_IMAGE_PIXELS == 89_478_485, "the limit of others stays"


def test_the_fingerprint_of_a_folder_follows_its_files_and_settings(tmp_path):
    original = make(tmp_path / "a", {"cat": 3, "dog": 3})
    copy = shutil.copytree(original, tmp_path / "b")
    first = load(original).fingerprint
    assert load(copy).fingerprint == first
    for changed in ({"size": (5, 6)}, {"colour": "rgb"}, {"seed": 1}, {"test": 0.3}):
        assert load(copy, **changed).fingerprint != first
    os.utime(copy / "cat" / "0.png", ns=(0, 0))
    assert load(copy).fingerprint == first
    save(copy / "cat" / "0.png", flat(77, (4, 4)))
    changed = load(copy).fingerprint
    assert changed != first
    (copy / "cat").rename(copy / "cow")
    assert load(copy).fingerprint not in (changed, first)


# -- looking ------------------------------------------------------------------------------------


def test_a_folder_is_described(tmp_path):
    make(tmp_path / "train", {"10": 3, "9": 2})
    make(tmp_path / "test", {"9": 4})
    save(tmp_path / "test" / "9" / "wide.png", flat(0, (2, 30)))
    save(tmp_path / "test" / "9" / "high.png", flat(0, (50, 3)))
    broken = tmp_path / "train" / "10" / "broken.png"
    broken.write_text("no image")
    summary = describe(tmp_path)
    assert summary.labels == {"9": 8, "10": 4}
    assert list(summary.labels) == ["9", "10"]
    assert (summary.size, summary.smallest, summary.largest) == ((6, 5), (2, 3), (50, 30))
    assert summary.colour == "grey"
    assert list(summary.unreadable) == [broken]


def test_grey_is_told_from_colour_by_the_pixels(tmp_path):
    grey = np.repeat(np.random.default_rng(0).integers(0, 256, (32, 32, 1), np.uint8), 3, -1)
    save(tmp_path / "label" / "0.jpg", grey)
    save(tmp_path / "label" / "1.png", grey)
    save(tmp_path / "label" / "2.png", np.dstack([grey, flat(100, (32, 32))]))
    assert describe(tmp_path).colour == "grey"
    save(tmp_path / "label" / "3.png", grey * np.uint8([1, 1, 0]))
    assert describe(tmp_path).colour == "rgb"


def test_a_large_folder_is_sampled_from_end_to_end(tmp_path, monkeypatch):
    make(tmp_path, {"cat": 30, "dog": 30})
    looked = []
    read = describing.opened_image
    monkeypatch.setattr(describing, "SAMPLED", 7)
    monkeypatch.setattr(
        describing, "opened_image", lambda path: (looked.append(path), read(path))[1]
    )
    assert sum(describe(tmp_path).labels.values()) == 60
    assert len(looked) == 7
    assert {path.parent.name for path in looked} == {"cat", "dog"}


def test_a_folder_of_nothing_but_damaged_files_cannot_be_described(tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "a.png").write_text("no image")
    with pytest.raises(DataError, match=r"none of the images can be read.*a\.png"):
        describe(tmp_path)


def test_finding_opens_nothing(tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "a.png").write_text("no image")
    assert find_files(tmp_path, EXTENSIONS, "images").paths == [tmp_path / "cat" / "a.png"]
