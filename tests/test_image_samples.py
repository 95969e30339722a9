"""Folders of pictures: every label comes back from them, and they are measured."""

import csv
import shutil

import numpy as np
import pytest
from PIL import Image, features

from seqgan_kit.kinds.images import loading
from seqgan_kit.kinds.images.drawing import write_pictures
from seqgan_kit.kinds.images.foreign import read_samples
from seqgan_kit.kinds.images.schema import FolderData
from seqgan_kit.measuring.foreign_samples import SamplesError
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.report import fonts
from seqgan_kit.report.images import grid

from .conftest import tiny

ODD = (
    "a b", "a_b", "A_B", "a/b", "猫", "犬", "Ωμέγα", "con", "a,b", "=1+1", "-x", ".hidden", "..",
    "x" * 250, "x" * 249 + "y", 'quote"', "new\nline",
)  # fmt: skip


def written(path, labels, label_NA, **options):
    """A folder of pictures, each as bright as its number, and its manifest."""
    count = len(label_NA)
    images = np.arange(count, dtype=np.float32)[:, None, None, None] / 255
    chunks = [np.broadcast_to(images, (count, 4, 4, 1))]
    write_pictures(path, chunks, np.asarray(label_NA), labels, **options)
    with (path / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_names_of_pictures_come_back_to_their_labels(tmp_path):
    label_NA = [[number] for number in range(len(ODD)) for _ in range(3)]
    rows = written(tmp_path / "out", {"label": ODD}, label_NA, seed=5)
    assert [row["label"] for row in rows] == [ODD[number] for (number,) in label_NA]
    assert {row["seed"] for row in rows} == {"5"}
    for number, row in enumerate(rows):
        with Image.open(tmp_path / "out" / row["path"]) as image:
            assert image.getpixel((0, 0)) == number
    names = [row["path"] for row in rows]
    assert len({name.casefold() for name in names}) == len(names), "on any file system"
    stems = {name.rpartition("-")[0].casefold() for name in names}
    assert len(stems) == len(ODD), "no two labels share the names of their files"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        [*names, "manifest.csv"]
    )


def test_labels_of_several_attributes_do_not_share_names(tmp_path):
    labels = {"first": ("a-b", "a"), "second": ("c", "b-c")}
    rows = written(tmp_path / "out", labels, [[0, 0], [1, 1]])
    assert [(row["first"], row["second"]) for row in rows] == [("a-b", "c"), ("a", "b-c")]
    assert [row["path"] for row in rows] == ["a-b-c-00000.png", "a-b-c_2-00000.png"]


@pytest.mark.parametrize(
    ("labels", "columns"),
    [
        ({"label": ["any"]}, ["path", "seed"]),
        ({"label": ["cat"]}, ["path", "label", "seed"]),
        ({"seed": ["cat"]}, ["path", "seed"]),
    ],
)
def test_columns_of_the_manifest(tmp_path, labels, columns):
    (row,) = written(tmp_path / "out", labels, [[0]])
    assert list(row) == columns


def test_samples_are_data_again(seqgen, tiny_run, tmp_path):
    out = tmp_path / "digits"
    assert seqgen("sample", tiny_run, "--label", "3,7", "-n", 4, "--out", out).code == 0
    data = FolderData(
        source="folder", root=str(out / "manifest.csv"), size=(8, 8), labels=("digit",)
    )
    assert loading.load(data).labels == {"digit": ["3", "7"]}
    assert seqgen("sample", tiny_run, "-n", 1, "--out", out, "--force").code == 0
    (out / "diary.txt").touch()
    refused = seqgen("sample", tiny_run, "-n", 1, "--out", out, "--force")
    assert refused.code == 2
    assert "diary.txt" in refused.err


# -- samples made elsewhere ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def bench():
    """What samples of digits are measured with."""
    from seqgan_kit.measuring.opening import bench_of

    return bench_of(recipe_files.load("digits_rows", tiny("digits_rows")), gan_train=False)


@pytest.fixture
def pictures(tmp_path, bench):
    """Real digits in a folder by label, with their bytes and classes in the order of reading."""
    part = bench.dataset.parts["test"]
    order = np.argsort(part.label_NA[:, 0], kind="stable")[:40]
    for place, number in enumerate(order):
        folder = tmp_path / "theirs" / str(part.label_NA[number, 0])
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(part.items[number : number + 1][0, :, :, 0]).save(folder / f"{place}.png")
    items = part.pick(order).astype(np.float32) / 255
    return tmp_path / "theirs", items, part.label_NA[order]


def test_pictures_by_label_are_measured(pictures, bench):
    root, items, label_NA = pictures
    found, found_NA = read_samples(root, None, bench)
    np.testing.assert_allclose(found.numpy(), items, atol=1e-6)
    np.testing.assert_array_equal(found_NA, label_NA)


def test_a_folder_of_pictures_with_a_manifest_is_measured(pictures, bench, tmp_path):
    _, items, label_NA = pictures
    labels = {"digit": tuple("0123456789")}
    write_pictures(tmp_path / "out", [items], label_NA, labels)
    for path in (tmp_path / "out", tmp_path / "out" / "manifest.csv"):
        found, found_NA = read_samples(path, None, bench)
        np.testing.assert_allclose(found.numpy(), items, atol=1e-6)
        np.testing.assert_array_equal(found_NA, label_NA)


def test_pictures_without_labels_are_measured(pictures, bench, tmp_path):
    root, items, label_NA = pictures
    for path in root.rglob("*.png"):
        (tmp_path / "flat").mkdir(exist_ok=True)
        shutil.copy(path, tmp_path / "flat" / path.name)
    found, found_NA = read_samples(tmp_path / "flat", None, bench)
    assert found_NA is None
    np.testing.assert_allclose(found.numpy(), items, atol=1e-6)
    one, _ = read_samples(tmp_path / "flat" / "7.png", None, bench)
    np.testing.assert_allclose(one.numpy(), items[7:8], atol=1e-6)
    write_pictures(tmp_path / "out", [items], np.zeros_like(label_NA), {"label": ("any",)})
    assert read_samples(tmp_path / "out", None, bench)[1] is None


def test_pictures_that_cannot_be_measured(pictures, bench, tmp_path):
    root, _, _ = pictures
    with pytest.raises(SamplesError, match=r"labels .* not supported for pictures"):
        read_samples(root, tmp_path / "labels.npy", bench)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SamplesError, match=r"empty contains no pictures \(\.bmp"):
        read_samples(tmp_path / "empty", None, bench)
    Image.new("L", (8, 8)).save(root / "loose.png")
    with pytest.raises(SamplesError, match=r"1 of 41 files are in no folder of a digit"):
        read_samples(root, None, bench)
    (root / "loose.png").rename(root / "0" / "large.png")
    Image.new("L", (9, 8)).save(root / "0" / "large.png")
    with pytest.raises(SamplesError, match=r"large\.png is 8 x 9 .* digits needs 8 x 8"):
        read_samples(root, None, bench)
    (root / "0" / "large.png").write_text("no image")
    with pytest.raises(SamplesError, match=r"large\.png: not a readable image"):
        read_samples(root, None, bench)
    written(tmp_path / "out", {"digit": ("ten",)}, [[0]])
    with pytest.raises(SamplesError, match="has no digit 'ten'"):
        read_samples(tmp_path / "out", None, bench)


# -- fonts --------------------------------------------------------------------------------------

with_freetype = pytest.mark.skipif(
    not features.check("freetype2"), reason="Pillow has no FreeType"
)


@with_freetype
@pytest.mark.parametrize("text", ["cat", "naïve", "Ωμέγα", "Привет", "Łódź"])
def test_latin_greek_and_cyrillic_labels_are_legible(monkeypatch, text):
    monkeypatch.setattr(fonts, "_installed", lambda characters: [])
    font, shown = fonts.lettering(text, 14)
    assert shown == text
    drawn = {one: bytes(font.getmask(one)) for one in text}
    box = bytes(font.getmask("\U0010fffe"))
    assert box not in drawn.values()
    assert len(set(drawn.values())) == len(set(text))


@with_freetype
def test_a_script_of_no_font_is_written_as_numbers(monkeypatch):
    monkeypatch.setattr(fonts, "_installed", lambda characters: [])
    assert fonts.lettering("猫 cat", 14)[1] == "U+732B  cat"
    assert fonts.lettering("猫", 14)[1] != fonts.lettering("犬", 14)[1]


@with_freetype
def test_fonts_of_the_system_are_searched_by_what_they_have():
    found = fonts._installed(frozenset("ב"))
    if not found:
        pytest.skip("fontconfig knows no font with Hebrew letters")
    font, shown = fonts.lettering("שלום", 14)
    assert shown == "שלום"
    assert str(font.path) in [file for file, _ in fonts._installed(frozenset("שלום"))]


def test_a_machine_without_fontconfig(monkeypatch):
    monkeypatch.setenv("PATH", "")
    fonts._installed.cache_clear()
    assert fonts._installed(frozenset("猫")) == []
    fonts._installed.cache_clear()


@with_freetype
def test_rows_of_grids_differ_where_their_labels_do():
    image = [np.zeros((1, 8, 8, 1))] * 3
    sheet = np.asarray(grid(image, ["Ωμέγα", "Привет", "猫"]))
    rows = np.split(sheet[:, :-80], 3)
    assert len({row.tobytes() for row in rows}) == 3
    assert all((row < 128).any() for row in rows)
