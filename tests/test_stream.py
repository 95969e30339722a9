"""Recipes whose data stream: training from shards of every kind, resuming, refusing."""

import json
import tarfile

import numpy as np
import pytest
import torch
import yaml

from seqgan_kit.data.dataset import DataError
from seqgan_kit.data.shards import MANIFEST
from seqgan_kit.errors import SeqganError, UsageError
from seqgan_kit.files import read_json, read_tensors
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.runs import data as data_of
from seqgan_kit.runs import workflow
from seqgan_kit.runs.watch import Watch

from .stream_shards import (
    OWN,
    add,
    picture,
    recipe_of,
    sound,
    write_shard,
    write_shards,
    write_table,
)

KINDS = tuple(OWN)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SEQGAN_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_trains_from_shards(kind, tmp_path):
    root = write_shards(tmp_path / "shards", kind, count=16)
    told = []
    recipe = recipe_of(kind, root, "train.steps=2")
    run = workflow.train(recipe, out=tmp_path / "run", watch=Watch(say=told.append)).run
    assert run.info["data"]["items"] == {"training": 48, "validation": 16, "test": 16}
    assert sum(count for _, count in run.info["label_counts"]) == 48
    assert run.info["labels"] == {"label": ["a", "b"]}
    assert any("streamed from 3 training shards" in line for line in told)


@pytest.mark.parametrize("name", ["digits_rows", "snippets_text", "vowels_series"])
def test_samples_in_shards_are_data_again(name, seqgen, tiny_runs, tmp_path):
    folder = tmp_path / "shards"
    drawn = ("sample", tiny_runs(name), "-n", 400, "--shards", 5, "--out", folder)
    assert seqgen(*drawn).code == 0
    shown = seqgen("init", folder, "--out", tmp_path / "own.yaml")
    assert shown.code == 0, shown.err
    assert "looked at shard-00000-of-00005" in shown.err
    assert "seqgan-shard-" not in shown.err
    looked = seqgen("data", "show", tmp_path / "own.yaml")
    assert looked.code == 0, looked.err
    assert "streamed from 3 training shards" in looked.out
    # Lines without any text are no items.
    assert "240" in looked.out or name == "snippets_text"
    # A shard that was changed after the manifest was written.
    shard = folder / sorted(read_json(folder / MANIFEST)["shards"], key=str)[0]["file"]
    shard.write_bytes(shard.read_bytes()[:-1] + b"?")
    refused = seqgen("data", "show", tmp_path / "own.yaml")
    assert refused.code == 1
    assert "is damaged" in refused.err


def test_a_first_recipe_has_no_labels_that_are_numbers(seqgen, tmp_path):
    folder = tmp_path / "doses"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(3):
        series_N = np.repeat(np.arange(30), 4)
        columns = {
            "id": series_N,
            "time": np.tile(np.arange(4), 30),
            "dose": rng.uniform(size=30)[series_N],
            "site": np.array(["a", "b"])[series_N % 2],
            "x": rng.normal(size=120),
        }
        write_table(folder / f"{number}.parquet", columns)
    assert seqgen("init", folder, "--out", tmp_path / "own.yaml").code == 0
    shown = seqgen("data", "show", tmp_path / "own.yaml")
    assert shown.code == 0, shown.err
    data = yaml.safe_load((tmp_path / "own.yaml").read_text())["data"]
    assert (data["labels"], data["numeric"]) == (["site"], [])


# -- what is learned ------------------------------------------------------------------------------


def whole(kind, recipe, folder):
    """The training items of a stream as one file, read as usual."""
    import pyarrow as pa
    import pyarrow.parquet

    dataset = data_of.load_dataset(recipe)
    tables = []
    for number, shard in enumerate(dataset.stream.shards):
        table = pa.parquet.read_table(folder / shard.name)
        if kind == "series":
            # Series of different shards have the same names.
            ids = [f"{number}-{one}" for one in table.column("id").to_pylist()]
            table = table.set_column(0, "id", [ids])
        tables.append(table)
    path = folder.with_name("whole.parquet")
    pa.parquet.write_table(pa.concat_tables(tables), path)
    own = {"root": str(path), "stream": None, "validation": 0.0, "test": 0.0}
    section = recipe.data.model_copy(update=own)
    return data_of.kind_of(recipe).load(section)


@pytest.mark.parametrize("stream", ["{}", "{sample: 20, learn: all}"])
@pytest.mark.parametrize(
    ("kind", "codec"),
    [
        ("series", "codec.normalize=standard"),
        ("text", "codec.tokenizer=word"),
    ],
)
def test_all_items_teach_what_a_whole_file_would(kind, codec, stream, tmp_path):
    root = write_shards(tmp_path / "shards", kind, count=40)
    more = ("codec.vocabulary=10",) if kind == "text" else ()
    recipe = recipe_of(kind, root, codec, *more, stream=stream)
    dataset = data_of.load_dataset(recipe)
    assert len(dataset.parts["training"]) == (20 if "20" in stream else 120)
    streamed = data_of.store_codec(recipe, dataset)
    expected = data_of.store_codec(recipe, whole(kind, recipe, root))
    if kind == "text":
        codecs = [data_of.make_codec(data_of.kind_of(recipe), one) for one in (streamed, expected)]
        ids = [codec.tokenizer.ids("the film was very good and long") for codec in codecs]
        assert ids[0] == ids[1]
    else:
        for name in ("centre", "scale"):
            np.testing.assert_allclose(
                streamed.settings[name], expected.settings[name], rtol=1e-12, atol=1e-12
            )
        assert streamed.settings["steps"] == expected.settings["steps"]


def test_names_that_the_sample_lacks_are_told_or_learned(tmp_path):
    root = write_shards(tmp_path / "shards", "text", shards=6)
    first = data_of.load_dataset(recipe_of("text", root, stream="{sample: 10}"))
    last = first.stream.shards[-1].name
    write_shard(root / last, "text", 24, np.random.default_rng(9), label="rare")
    recipe = recipe_of("text", root, "train.steps=1", stream="{sample: 10}")
    with pytest.raises(DataError, match=rf"{last}: the label 'rare' is not among .*learn=all"):
        workflow.train(recipe, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    recipe = recipe_of("text", root, "train.steps=1", stream="{sample: 10, learn: all}")
    run = workflow.train(recipe, out=tmp_path / "run").run
    assert run.info["labels"] == {"label": ["a", "b", "rare"]}
    assert ([2], 24) in [tuple(one) for one in run.info["label_counts"]]


def test_texts_in_series_have_one_number_in_all_shards(tmp_path):
    root, rng = tmp_path / "shards", np.random.default_rng(0)
    root.mkdir()
    for number, words in enumerate(("xy", "yz", "xz", "yz", "zx")):
        columns = {
            "id": np.repeat(np.arange(8), 4),
            "value": rng.normal(size=32),
            "weather": [words[one % 2] for one in range(32)],
        }
        write_table(root / f"{number}.parquet", columns)
    recipe = recipe_of("series", root, stream="{learn: all}")
    dataset = data_of.load_dataset(recipe)
    assert dict(dataset.categories) == {"weather": ("x", "y", "z")}
    for shard in dataset.stream.shards:
        with dataset.stream.read(shard) as one:
            found = {
                one.categories["weather"][int(n)] for n in one.parts["training"].items[0][:, 1]
            }
        assert found == set(("xy", "yz", "xz", "yz", "zx")[int(shard.name[0])])


# -- training -------------------------------------------------------------------------------------


def weights(run):
    newest = sorted((run.path / "checkpoints").glob("step-*"))[-1]
    return newest.name, read_tensors(newest / "networks.safetensors")


def same(one, other):
    assert one[0] == other[0]
    return all(torch.equal(one[1][name], other[1][name]) for name in one[1])


@pytest.mark.parametrize("group", [1, 4])
def test_a_resumed_run_is_the_uninterrupted_one(group, tmp_path):
    root = write_shards(tmp_path / "shards", "images")
    steps = ("train.steps=14", "train.checkpoint_every=7", f"train.class_group={group}")
    recipe = recipe_of("images", root, *steps, stream="{buffer: 32}")
    long = workflow.train(recipe, out=tmp_path / "long").run
    stopping = iter([False] * 6 + [True] * 99)
    watch = Watch(should_stop=lambda: next(stopping))
    short = workflow.train(recipe, out=tmp_path / "short", watch=watch)
    assert not short.finished
    assert not same(weights(long), (weights(long)[0], weights(short.run)[1]))
    # Encoded again whenever they are read: the same items.
    text = short.run.recipe_path.read_text().replace("cache_mb: 32768", "cache_mb: 0")
    short.run.recipe_path.write_text(text)
    resumed = workflow.resume(short.run.path)
    assert resumed.finished
    assert same(weights(long), weights(resumed.run))


def test_what_does_not_fit_the_cache_is_encoded_when_it_is_read(tmp_path, monkeypatch):
    root = write_shards(tmp_path / "shards", "images")
    told = []
    runs = []
    for name, most in (("kept", 64), ("none", 0)):
        monkeypatch.setenv("SEQGAN_CACHE", str(tmp_path / name))
        recipe = recipe_of("images", root, stream=f"{{buffer: 40, cache_mb: {most}}}")
        runs.append(workflow.train(recipe, out=tmp_path / f"run-{name}", watch=Watch(told.append)))
    assert same(*(weights(one.run) for one in runs))
    assert len(list((tmp_path / "kept").glob("streams/*/*/items.npy"))) == 3
    assert not list((tmp_path / "none").glob("streams/*/*/items.npy"))
    assert any("3 of 3 shards do not fit into the cache" in line for line in told)


def test_a_run_on_a_stream_is_measured(seqgen, tmp_path):
    root = write_shards(tmp_path / "shards", "images", count=60)
    run = workflow.train(recipe_of("images", root), out=tmp_path / "run").run
    shown = seqgen("evaluate", run.path, "--no-gan-train", "--json")
    assert shown.code == 0, shown.err
    (model,) = json.loads(shown.out)["models"]
    assert model["figures"]
    # Moved as a whole, the data are the same; another shard, and they are not.
    moved = root.rename(tmp_path / "moved")
    seen = workflow.resume(run.path, overrides=(f"data.root={moved}", "train.steps=5"))
    assert seen.finished
    write_shard(moved / "part-00000.tar", "images", 60, np.random.default_rng(99))
    with pytest.raises(SeqganError, match="have changed since it was begun"):
        workflow.resume(run.path)


# -- refusals -------------------------------------------------------------------------------------


def test_recipes_that_cannot_stream_are_refused(tmp_path):
    root = tmp_path / "shards"
    for kind, overrides, more, said in (
        ("text", (), ", numeric: [label]", "numeric is not supported with stream"),
        ("series", (), ", window: 4", "window is not supported with stream"),
        ("series", (), ", missing: mean", "'mean' is not supported with stream"),
        ("images", (), ", pattern: '{label}_#'", "pattern is not supported with stream"),
    ):
        with pytest.raises(SeqganError, match=said):
            recipe_of(kind, root, *overrides, more=more)
    private = ("train.privacy={epsilon: 8.0}", "model.discriminator.minibatch_group=0")
    with pytest.raises(SeqganError, match=r"data\.stream: train.privacy draws every item"):
        recipe_of("images", root, *private)
    with pytest.raises(SeqganError, match="stream"):
        recipe_files.load("digits_rows", ("data.stream={}",))


def test_shards_ask_for_a_stream(tmp_path):
    recipe = recipe_of("text", "s3://bucket/shards", stream="null")
    with pytest.raises(DataError, match=r"is an address: add data.stream=\{\}"):
        data_of.load_dataset(recipe)
    (tmp_path / MANIFEST).write_text(json.dumps({"shards_format": 1}))
    recipe = recipe_of("text", tmp_path, stream="null")
    with pytest.raises(DataError, match=r"is a folder of shards: add data.stream=\{\}"):
        data_of.load_dataset(recipe)


@pytest.mark.parametrize("kind", ["text", "images"])
def test_a_damaged_shard_is_named(kind, tmp_path):
    root = write_shards(tmp_path / "shards", kind)
    dataset = data_of.load_dataset(recipe_of(kind, root, stream="{sample: 20}"))
    # One that the sample does not read.
    shard = root / dataset.stream.shards[-1].name
    shard.write_bytes(shard.read_bytes()[: shard.stat().st_size // 2])
    recipe = recipe_of(kind, root, stream="{sample: 20}")
    with pytest.raises(DataError, match=rf"{shard.name}.* is damaged"):
        workflow.train(recipe, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    # What was encoded before stays, and is not encoded again.
    kept = {
        path: path.stat().st_mtime_ns
        for path in (tmp_path / "cache").glob("streams/*/*/items.npy")
    }
    write_shard(shard, kind, 24, np.random.default_rng(7))
    workflow.train(recipe, out=tmp_path / "run")
    assert kept
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())


@pytest.mark.parametrize("kind", KINDS)
def test_a_shard_of_other_columns_is_named(kind, tmp_path):
    root = write_shards(tmp_path / "shards", kind, count=10)
    dataset = data_of.load_dataset(recipe_of(kind, root, stream="{sample: 8}"))
    shard = root / dataset.stream.shards[-1].name
    other = "text" if kind == "series" else "series"
    if kind in ("images", "audio"):
        ending, make = {"images": ("png", picture), "audio": ("wav", sound)}[kind]
        with tarfile.open(shard, "w") as tar:
            for number in range(4):
                add(tar, f"{number}.{ending}", make(np.random.default_rng(number)))
                add(tar, f"{number}.json", json.dumps({"other": "a"}).encode())
    else:
        write_shard(shard, other, 24, np.random.default_rng(0))
    with pytest.raises(DataError, match=f"{shard.name} has (the (labels|channels)|no column)"):
        workflow.train(recipe_of(kind, root, stream="{sample: 8}"), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_too_few_shards_are_refused(tmp_path):
    root = write_shards(tmp_path / "shards", "text", shards=2)
    with pytest.raises(DataError, match="its 2 shards leave none for training"):
        data_of.load_dataset(recipe_of("text", root))
    with pytest.raises(DataError, match="there is no such folder"):
        data_of.load_dataset(recipe_of("text", tmp_path / "nowhere"))
    with pytest.raises(DataError, match=r"no file with the ending \.tar"):
        data_of.load_dataset(recipe_of("images", root))
    with pytest.raises(UsageError):
        recipe_of("text", root, stream="{buffer: 0}")
