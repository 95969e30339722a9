"""Places of files that are no files, archives that lie, and damaged caches."""

import io
import json
import os
import shutil
import socket
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from seqgan_kit.data import packages
from seqgan_kit.data.arrays import read_array, read_arrays
from seqgan_kit.data.checksums import checked
from seqgan_kit.data.dataset import DataError
from seqgan_kit.data.reading import digest, regular_file, user_path
from seqgan_kit.data.sources import cache_folder
from seqgan_kit.kinds.audio.clips import ClipSettings
from seqgan_kit.kinds.audio.datasets import recordings
from seqgan_kit.kinds.images.datasets import read_idx
from seqgan_kit.kinds.images.describing import describe_images
from seqgan_kit.kinds.images.folder import image_files
from seqgan_kit.kinds.images.listing import list_images
from seqgan_kit.kinds.images.reading import Look
from seqgan_kit.measuring.foreign_samples import read_samples
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.runs.data import load_dataset

from .conftest import small_sounds, tiny
from .test_boundary_data import (  # noqa: F401
    _imported,
    _soon,
    announcing,
    complaint,
    flipped,
    manifest,
    packed,
    picture,
    refused,
    rows,
    saved,
    series,
    sound,
)  # fmt: skip

# -- what is no file ----------------------------------------------------------------------------

READERS = {
    "a.npy": [read_array, series],
    "a.npz": [read_arrays, series],
    "a.csv": [series, rows, manifest],
    "a.ts": [series],
    "a.jsonl": [rows, manifest],
    "a.txt": [rows],
    "a.wav": [sound],
    "a.png": [picture],
    "a.gz": [lambda path: list(checked(path, "")), digest, regular_file],
    "idx": [read_idx],
}
CASES = [(name, read) for name, readers in READERS.items() for read in readers]


def special(path, what):
    """Put something in the place of a file."""
    if what == "pipe":
        os.mkfifo(path)
    elif what == "link to a pipe":
        os.mkfifo(path.with_name("pipe"))
        path.symlink_to("pipe")
    elif what == "device":
        path.symlink_to("/dev/zero")
    elif what == "folder":
        path.mkdir()
    elif what == "broken link":
        path.symlink_to("nowhere")
    elif what == "link to itself":
        path.symlink_to(path.name)
    elif what == "socket":
        one = socket.socket(socket.AF_UNIX)
        here = Path.cwd()
        os.chdir(path.parent)  # Paths of sockets are short.
        one.bind(path.name)
        os.chdir(here)
        one.close()


WHATS = ["pipe", "link to a pipe", "device", "folder", "broken link", "link to itself", "socket"]


@pytest.mark.parametrize("what", WHATS)
@pytest.mark.parametrize(("name", "read"), CASES)
def test_what_is_no_file_is_not_waited_for(tmp_path, name, read, what):
    special(tmp_path / name, what)
    refused(read, tmp_path / name)


@pytest.mark.parametrize("what", ["pipe", "device", "socket", "broken link"])
def test_links_to_files_are_files_and_nothing_else_is_begun_with(tmp_path, seqgen, what):
    (tmp_path / "real.txt").write_text("the cat sat\nthe dog ran\n" * 20)
    (tmp_path / "linked.txt").symlink_to("real.txt")
    assert len(rows(tmp_path / "linked.txt").rows) == 40
    for name in ("a.txt", "a.csv", "a.npy", "a.mid"):
        special(tmp_path / name, what)
        shown = seqgen("init", tmp_path / name)
        assert shown.code == 1
        assert name in shown.err
        (tmp_path / name).unlink()


@pytest.mark.parametrize("what", WHATS)
def test_pictures_that_are_no_files(tmp_path, what):
    for label in ("cat", "dog"):
        (tmp_path / label).mkdir()
        for number in range(4):
            Image.new("L", (4, 4), number).save(tmp_path / label / f"{number}.png")
    special(tmp_path / "cat" / "x.png", what)

    def load(unreadable):
        listing = list_images(tmp_path)
        return image_files(tmp_path, listing, Look((4, 4)), unreadable=unreadable)

    assert any("x.png" in note for note in load("skip").notes)
    assert describe_images(tmp_path, list_images(tmp_path)).labels["dog"] == 4
    if what != "folder":  # It is left out as other folders are.
        with pytest.raises(DataError, match=r"x\.png"):
            load("error")


@pytest.mark.parametrize("what", WHATS)
def test_sounds_that_are_no_files(tmp_path, what, seqgen):
    root = small_sounds(tmp_path / "sounds", count=6)
    special(root / "low" / "x.wav", what)

    def load(unreadable):
        settings = ClipSettings(8000, max_seconds=2.0)
        return recordings(
            root=root, settings=settings, unreadable=unreadable, validation=0.2, test=0.2
        )

    assert any("x.wav" in note for note in load("skip").notes)
    if what != "folder":
        with pytest.raises(DataError, match=r"x\.wav"):
            load("error")
    assert seqgen("init", root, "--out", tmp_path / "r.yaml").code == 0


@pytest.fixture(scope="module")
def bench():
    """What samples of digits are measured with."""
    from seqgan_kit.measuring.opening import bench_of

    changes = (*tiny("digits_rows"), "data.max_file_mb=8")
    return bench_of(recipe_files.load("digits_rows", changes), gan_train=False)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (announcing((10**9, 8, 8)), "announces"),
        (saved(np.full((30, 8, 8), "a")), "<U1 values"),
        (saved(np.zeros((30, 8, 8), complex)), "complex128 values"),
        (packed(), "archive"),
        (saved(np.zeros((30, 8, 8), "M8[s]")), "datetime64"),
        (saved(np.zeros((40_000, 8, 8), np.uint8)), "limit of 8 MB"),
        (saved(np.full((30, 8, 8), np.nan)), "nan"),
    ],
)
def test_samples_that_are_none(tmp_path, bench, content, word):
    path = tmp_path / "theirs.npy"
    path.write_bytes(content)
    refused(lambda path: read_samples(path, None, bench), path, word)


def test_samples_from_a_pipe(tmp_path, bench):
    os.mkfifo(tmp_path / "theirs.npy")
    np.save(tmp_path / "ours.npy", np.zeros((30, 8, 8), np.uint8))
    refused(lambda path: read_samples(path, None, bench), tmp_path / "theirs.npy", "pipe")
    refused(lambda path: read_samples(tmp_path / "ours.npy", path, bench), tmp_path / "theirs.npy")


def test_a_home_of_nobody(monkeypatch, seqgen):
    with pytest.raises(DataError, match="no such home folder"):
        user_path("~nobody-of-that-name/x")
    monkeypatch.setenv("SEQGAN_CACHE", "~nobody-of-that-name/x")
    with pytest.raises(DataError, match="no such home folder"):
        cache_folder()
    for recipe in ("mnist_rows", "spoken_digits_mel", "snippets_text", "vowels_series"):
        changes = ("data.root=~nobody-of-that-name/x",)
        with pytest.raises(DataError, match="no such home folder"):
            load_dataset(recipe_files.load(recipe, changes))


# -- archives of data sets ----------------------------------------------------------------------


def tarred(*members, form=tarfile.PAX_FORMAT):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz", format=form) as archive:
        for name, size, held in members:
            info = tarfile.TarInfo(name)
            info.size = size
            archive.fileobj.write(info.tobuf(form))
            archive.fileobj.write(held + bytes(-len(held) % 512))
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (lambda: tarred(("other/a", 8 << 30, b"")), "damaged"),
        (lambda: tarred(("d/a", 8 << 30, b"x" * 512)), "unpacks to more than"),
        (lambda: tarred(("d/a", 2 << 20, bytes(2 << 20))), "unpacks to more than"),
        (lambda: tarred(*[(f"d/{n}", 0, b"") for n in range(60)]), "more than 50 files"),
        (lambda: tarred(("d/a", 10, b"x" * 10))[:40], "damaged"),
        (lambda: b"PK" * 100, "damaged"),
    ],
)
def test_archives_that_lie(tmp_path, monkeypatch, content, word):
    monkeypatch.setattr(packages, "LARGEST_FILE", 1 << 20)
    monkeypatch.setattr(packages, "MOST_MEMBERS", 50)
    path = tmp_path / "a.tgz"
    path.write_bytes(content())
    said = complaint(lambda path: packages.extract(path, "d"), path)
    # What is announced outside of the folder is never unpacked.
    assert word in said if said else not (tmp_path / "d").exists()


# -- caches -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda index: index.update(lengths=[10**30]),
        lambda index: index["lengths"].reverse(),
        lambda index: index.update(left_out={"7": "too long"}),
        lambda index: index.update(left_out={"-1": "x"}),
        lambda index: index.update(lengths={"a": 1}),
        lambda index: index.pop("sha256"),
    ],
)
@pytest.mark.parametrize("summed", [True, False], ids=["now", "of an earlier version"])
def test_a_damaged_index_of_clips_is_made_again(tmp_path, own_cache, change, summed):
    root = small_sounds(tmp_path / "sounds", count=5)

    def load():
        settings = ClipSettings(8000, max_seconds=2.0)
        found = recordings(root=root, settings=settings, validation=0.2, test=0.2)
        return [clip.tolist() for clip in found.parts["training"].items[:10]]

    shutil.rmtree(own_cache / "clips", ignore_errors=True)
    before = load()
    (path,) = own_cache.glob("clips/*/index.json")
    index = json.loads(path.read_text())
    change(index)
    if not summed:
        del index["index_sha256"]
    path.write_text(json.dumps(index))
    if summed or "reverse" not in change.__code__.co_names:
        assert load() == before


def test_a_judge_with_an_accuracy_or_weights_that_make_no_sense(tmp_path):
    from seqgan_kit.evaluation.judge import cached_judge

    from .test_evaluation import SmallJudge

    said, asked = [], []

    def part():
        asked.append(1)
        return torch.zeros(20, 8, 8, 1), torch.zeros(20, 1, dtype=torch.long)

    def judge():
        return cached_judge(
            tmp_path, make=SmallJudge, architecture="small-1", key={"data": "x"},
            training=part, test=part, seed=0, epochs=1, device=torch.device("cpu"),
            say=said.append,
        )  # fmt: skip

    first = judge()
    (kept,) = tmp_path.glob("*/accuracy.json")
    for accuracy in ("NaN", "7", "true", '"a"', "[1]", "1e400", "{"):
        kept.write_text(accuracy)
        asked.clear()
        assert judge().accuracy == first.accuracy
        assert len(asked) == 1
        assert said == []
    # One bit of the weights, which would go unnoticed.
    (weights,) = tmp_path.glob("*/judge.safetensors")
    weights.write_bytes(flipped(weights.read_bytes(), weights.stat().st_size - 3))
    judge()
    assert "damaged and will be trained again" in said[0]


def test_rows_with_a_changed_digit_are_computed_again(tmp_path):
    from seqgan_kit.evaluation.evaluate import cached_rows

    said = []

    def found():
        return cached_rows(
            tmp_path, key={}, compute=lambda: {"real": {"a": 0.25}}, say=said.append
        )

    assert found() == found()
    assert said == []
    (path,) = tmp_path.glob("*.json")
    path.write_text(path.read_text().replace("0.25", "0.75"))
    assert found() == {"real": {"a": 0.25}}
    assert "no matching checksum" in said[0]
