"""Streams whose shards differ: in their labels, times and gaps, or while they are read."""

import errno
import os
import tarfile

import numpy as np
import pytest

from seqgan_kit.data import stream
from seqgan_kit.data.dataset import DataError
from seqgan_kit.runs import data as data_of
from seqgan_kit.runs import workflow
from seqgan_kit.runs.preparing import Making
from seqgan_kit.runs.watch import Watch
from seqgan_kit.training.runtime import Runtime
from seqgan_kit.training.trainer import adam

from .stream_shards import OWN, add, picture, recipe_of, write_shard, write_shards, write_table

KINDS = tuple(OWN)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SEQGAN_CACHE", str(tmp_path / "cache"))


def test_what_is_left_out_of_all_shards_is_told(tmp_path):
    root = write_shards(tmp_path / "shards", "text", shards=6)
    more = ", unreadable: skip"
    first = data_of.load_dataset(recipe_of("text", root, more=more)).stream.shards[0].name
    for path in root.iterdir():
        if path.name != first:
            columns = {"text": ["the film"] * 30, "label": ["a"] * 15 + [None] * 15}
            write_table(path, columns)
    recipe = recipe_of("text", root, "train.steps=1", stream="{sample: 10}", more=more)
    for _ in range(2):  # also from the cache
        told = []
        workflow.train(recipe, out=tmp_path / f"run-{_}", watch=Watch(say=told.append))
        assert "unreadable rows left out of all training shards: 45" in told
    dataset = data_of.load_dataset(recipe_of("text", root, stream="{learn: all}", more=more))
    left_out = "unreadable rows left out of the 4 training shards that were read: 45"
    assert left_out in dataset.notes


def test_a_class_that_no_training_shard_has_is_refused(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("train-0", "train-1", "validation-0", "test-0"):
        label = "rare" if name == "test-0" else None
        write_shard(tmp_path / f"{name}.parquet", "text", 24, rng, label=label)
    with pytest.raises(DataError, match=r"test-0.parquet: the label label=rare never occurs in"):
        data_of.load_dataset(recipe_of("text", tmp_path))


def test_whole_numbers_are_the_same_class_in_all_shards(tmp_path):
    for number, values in enumerate(([1, 2], [1.0, 2.0], [2.0, None], [1, 2])):
        write_table(
            tmp_path / f"{number}.parquet", {"text": ["the film"] * 12, "label": values * 6}
        )
    recipe = recipe_of("text", tmp_path, stream="{learn: all}", more=", unreadable: skip")
    assert data_of.load_dataset(recipe).labels == {"label": ("1", "2")}


def test_times_with_other_steps_are_dropped_or_refused(tmp_path):
    def write(number, step):
        columns = {
            "id": np.repeat(np.arange(8), 4), "time": np.tile(np.arange(4) * step, 8) + number,
            "x": np.random.default_rng(number).normal(size=32),
        }  # fmt: skip
        write_table(tmp_path / f"{number}.parquet", columns)

    for number in range(5):
        write(number, 2)
    more = ", time: time"
    first = data_of.load_dataset(recipe_of("series", tmp_path, stream="{sample: 8}", more=more))
    assert first.clock.step == 2
    write(int(first.stream.shards[-1].name[0]), 3)
    recipe = recipe_of("series", tmp_path, stream="{sample: 8}", more=more)
    with pytest.raises(DataError, match=r"its times have other steps .*learn=all"):
        workflow.train(recipe, out=tmp_path / "run")
    every = data_of.load_dataset(recipe_of("series", tmp_path, stream="{learn: all}", more=more))
    assert every.clock is None
    assert any("have different steps" in note for note in every.notes)


@pytest.mark.parametrize("kind", KINDS)
def test_a_shard_without_items_is_an_empty_one(kind, tmp_path):
    root = write_shards(tmp_path / "shards", kind)
    recipe = recipe_of(kind, root, "train.steps=1", stream="{learn: all}")
    for shard in data_of.load_dataset(recipe).stream.shards[:2]:
        empty_shard(root / shard.name)
    told = []
    run = workflow.train(recipe, out=tmp_path / "run", watch=Watch(say=told.append)).run
    assert sum(count for _, count in run.info["label_counts"]) == 24
    assert "2 of 3 shards have no item that can be used" in told
    for path in root.iterdir():
        empty_shard(path)
    with pytest.raises(DataError, match="none of its 3 training shards has an item"):
        data_of.load_dataset(recipe)


def empty_shard(path):
    import pyarrow.parquet as parquet

    if path.suffix == ".tar":
        tarfile.open(path, "w").close()
    else:
        parquet.write_table(parquet.read_table(path)[:0], path)


def test_a_shard_that_changes_meanwhile_is_not_encoded(tmp_path):
    root = write_shards(tmp_path / "shards", "images")
    recipe = recipe_of("images", root)
    dataset = data_of.load_dataset(recipe)
    shard = dataset.stream.shards[0]
    write_shard(root / shard.name, "images", 24, np.random.default_rng(77))
    assert (root / shard.name).stat().st_size == shard.size
    with pytest.raises(DataError, match=rf"{shard.name} has changed while"):  # noqa: SIM117
        with dataset.stream.read(shard):
            pass


def test_a_full_temporary_folder_is_told(tmp_path, monkeypatch):
    root = write_shards(tmp_path / "shards", "images")
    recipe = recipe_of("images", root)
    dataset = data_of.load_dataset(recipe)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(stream, "unpacked", full)
    with pytest.raises(DataError, match=r"temporary folder \(No space left .*TMPDIR"):
        workflow.train(recipe, out=tmp_path / "run")
    # What is wrong with what somebody does with a shard is not the temporary folder's.
    monkeypatch.undo()
    with pytest.raises(OSError, match="No space"):  # noqa: SIM117
        with dataset.stream.read(dataset.stream.shards[0]):
            full()


def test_a_stream_without_its_shards_is_not_trained_on(tmp_path):
    recipe = recipe_of("images", write_shards(tmp_path / "shards", "images"))
    dataset = data_of.load_dataset(recipe)
    codec = data_of.make_codec(data_of.kind_of(recipe), data_of.store_codec(recipe, dataset))
    making = Making(Runtime(device="cpu"), Watch(), adam, ())
    with pytest.raises(DataError, match="only the sample would be trained on"):
        making.trainer(recipe, dataset, codec)


def test_a_first_recipe_reads_the_files_of_kinds_that_have_shards(seqgen, tmp_path):
    (tmp_path / "shards").mkdir()
    rng = np.random.default_rng(0)
    tarfile.open(tmp_path / "shards" / "0.tar", "w").close()
    for number in range(1, 6):
        with tarfile.open(tmp_path / "shards" / f"{number}.tar", "w") as tar:
            for item in range(16):
                add(tar, f"{item}.png", picture(rng))
                add(tar, f"{item}.npy", b"an embedding")
                add(tar, f"{item}.cls", str(item % 2).encode())
    shown = seqgen("init", tmp_path / "shards", "--out", tmp_path / "own.yaml")
    assert shown.code == 0, shown.err
    assert "looked at 1.tar" in shown.err
    looked = seqgen("data", "show", tmp_path / "own.yaml")
    assert looked.code == 0, looked.err
