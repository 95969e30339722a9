"""Samples in shards: the same whoever draws them, whole or absent, and measured like others."""

import hashlib
import json
import tarfile

import numpy as np
import pytest

from seqgan_kit.data import shards
from seqgan_kit.data.dataset import DataError
from seqgan_kit.files import file_digest, sole

RUNS = ("digits_rows", "snippets_text", "vowels_series", "spoken_digits_mel")


@pytest.fixture
def drawn(seqgen, tiny_runs, tmp_path):
    """Draws shards of a recipe's tiny run; returns their folder."""

    def draw(name, *more, out="shards", count=60, code=0):
        shown = seqgen(
            "sample", tiny_runs(name), "-n", count, "--shards", "3", "--out", tmp_path / out, *more
        )
        assert shown.code == code, shown.err
        return tmp_path / out if not code else shown.err

    return draw


def contents(folder):
    return {path.name: file_digest(path) for path in folder.glob("shard-*")}


@pytest.mark.parametrize("name", RUNS)
def test_shards_of_each_kind(seqgen, drawn, tiny_runs, tmp_path, name):
    folder = drawn(name)
    before = contents(folder)
    assert len(before) == 3
    manifest = shards.read_shards(folder)
    assert manifest.whole
    assert [one.first for one in manifest.shards.values()] == [0, 20, 40]
    assert {one.file: one.sha256 for one in manifest.shards.values()} == before
    # Interrupted: what is there stays, what is not is drawn as it was, and no record is needed.
    kept, gone, _ = sorted(before)
    time = (folder / kept).stat().st_mtime_ns
    (folder / gone).unlink()
    whole = (folder / shards.MANIFEST).read_bytes()
    manifest.shards = {}
    manifest.write(folder)
    assert drawn(name) == folder
    assert contents(folder) == before
    assert (folder / kept).stat().st_mtime_ns == time
    assert (folder / shards.MANIFEST).read_bytes() == whole
    # Measured as samples from elsewhere are.
    recipe = tiny_runs(name) / "recipe.yaml"
    shown = seqgen("evaluate", "--samples", folder, "--recipe", recipe, "--no-gan-train", "--json")
    assert shown.code == 0, shown.err
    (model,) = json.loads(shown.out)["models"]
    # Lines without text are no items.
    assert 50 <= model["settings"]["samples"] <= 60
    assert "label_accuracy" in model["figures"] or name == "snippets_text"


def test_a_shard_depends_on_seed_and_number_alone(drawn):
    one, other = drawn("digits_rows"), drawn("digits_rows", "--seed", "1", out="other")
    assert not set(contents(one).values()) & set(contents(other).values())
    more = drawn("digits_rows", out="more", count=61)
    first = "shard-00001-of-00003.tar"
    pictures = []
    for folder in (one, more):
        with tarfile.open(folder / first) as tar:
            members = [tar.extractfile(m).read() for m in tar if m.name.endswith(".png")]
            pictures.append(members)
    assert pictures[0] == pictures[1][: len(pictures[0])]


def test_others_read_them(drawn):
    webdataset = pytest.importorskip("webdataset")
    parquet = pytest.importorskip("pyarrow.parquet")
    folder = drawn("digits_rows")
    path = folder / "shard-00002-of-00003.tar"
    with path.open("rb") as file:
        samples = webdataset.tariterators.tar_file_expander([{"stream": file, "url": path.name}])
        grouped = webdataset.tariterators.group_by_keys(samples)
        found = list(map(webdataset.autodecode.Decoder([webdataset.imagehandler("pil")]), grouped))
    assert [one["__key__"] for one in found][:2] == ["000000000040", "000000000041"]
    assert found[0]["png"].size == (8, 8)
    assert found[0]["json"]["digit"] in map(str, range(10))
    table = parquet.read_table(drawn("vowels_series", out="s") / "shard-00001-of-00003.parquet")
    assert {"id", "time", "heat", "flow"} <= set(table.column_names)
    assert set(table["id"].to_pylist()) == set(range(20, 40))
    assert str(table["heat"].type) in ("double", "float")
    table = parquet.read_table(drawn("snippets_text", out="t") / "shard-00001-of-00003.parquet")
    assert table.column_names == ["text", "kind", "sentiment"]


def test_options_of_sampling(drawn):
    cold = drawn("snippets_text", "--temperature", "0", "--label", "kind=movie", out="cold")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(cold / "shard-00000-of-00003.parquet")
    assert set(table["kind"].to_pylist()) == {"movie"}
    assert len(set(table["text"].to_pylist())) <= 2
    for more, words in (
        (("--prompt", "the"), "--prompt is not supported with --shards"),
        (("--format", "csv"), "--format is not supported with --shards"),
        (("--label", "kind=poem"), "poem"),
    ):
        assert words in drawn("snippets_text", *more, out="refused", code=2)
    assert "1 to 2" in drawn("snippets_text", out="few", count=2, code=2)


def test_what_needs_shards(seqgen, tiny_run, tmp_path):
    assert "requires --out" in seqgen("sample", tiny_run, "--shards", "2").err
    shown = seqgen("sample", tiny_run, "--on", "ray", "--out", tmp_path / "a")
    assert shown.code == 2
    assert "--on and --threads are for samples in --shards" in shown.err


def test_other_folders_stay(drawn, tmp_path):
    folder = drawn("digits_rows")
    before = contents(folder)
    assert "(seed differ)" in drawn("digits_rows", "--seed", "5", code=2)
    assert contents(folder) == before
    drawn("digits_rows", "--seed", "5", "--force")
    assert not set(contents(folder).values()) & set(before.values())
    (folder / "notes.txt").write_text("mine")
    for more in ((), ("--force",)):
        assert "contains more than shards (notes.txt)" in drawn("digits_rows", *more, code=2)
    (tmp_path / "file").write_text("")
    assert "is a file" in drawn("digits_rows", out="file", code=2)
    with sole(tmp_path / "busy"):
        # The lock is of this process, and of a folder that another command writes into.
        error = drawn("digits_rows", out="busy", code=2)
    assert "another process is writing into" in error


# -- what is damaged ------------------------------------------------------------------------------


def read(seqgen, folder, run):
    shown = seqgen("evaluate", "--samples", folder, "--recipe", run / "recipe.yaml")
    assert shown.code == 2, shown.out
    assert "Traceback" not in shown.err
    return shown.err


def rewritten(folder, name, **changes):
    """Change what the manifest says of a shard, its checksum included."""
    path = folder / shards.MANIFEST
    manifest = json.loads(path.read_text())
    for one in manifest["shards"]:
        if one["file"] == name:
            one["sha256"] = file_digest(folder / name)
            one.update(changes)
    path.write_text(json.dumps(manifest))


def test_damaged_shards(seqgen, drawn, tiny_runs):
    run, folder = tiny_runs("snippets_text"), drawn("snippets_text")
    name = "shard-00001-of-00003.parquet"
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:-9])
    assert "does not match its checksum" in read(seqgen, folder, run)
    rewritten(folder, name)
    assert "damaged or not a .parquet file" in read(seqgen, folder, run)
    (folder / name).unlink()
    assert f"{name} is missing" in read(seqgen, folder, run)
    drawn("snippets_text")
    assert hashlib.sha256(content).hexdigest() == file_digest(folder / name)
    path = folder / shards.MANIFEST
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "shards": manifest["shards"][:2]}))
    assert "is unfinished: 40 of 60" in read(seqgen, folder, run)
    for text in ("{", '{"shards_format": 1}', json.dumps({**manifest, "shards": [{}]})):
        path.write_text(text)
        assert "manifest" in read(seqgen, folder, run)


def test_shards_of_other_columns(seqgen, drawn, tiny_runs):
    pyarrow = pytest.importorskip("pyarrow")
    run, folder = tiny_runs("snippets_text"), drawn("snippets_text")
    name = "shard-00001-of-00003.parquet"
    other = {"text": ["a"] * 20, "kind": ["movie"] * 20}
    shards.write_parquet(folder / name, [other])
    rewritten(folder, name, columns=["text", "kind"])
    assert "has the columns text, kind" in read(seqgen, folder, run)
    rewritten(folder, name, columns=["text", "kind", "sentiment"])
    assert "has the columns text (string), kind (string)" in read(seqgen, folder, run)
    assert pyarrow is shards.arrow()


def test_tars_of_other_members(tmp_path):
    path = tmp_path / "a.tar"
    for names in (["../x.png"], ["000000000001.exe"], ["000000000001.png"]):
        with tarfile.open(path, "w") as tar:
            for name in names:
                tar.addfile(tarfile.TarInfo(name))
        with pytest.raises(DataError, match=r"has '|has no labels"):
            list(shards.read_tar(path, ending=".png", max_mb=1))
    path.write_bytes(np.random.default_rng(0).bytes(2000))
    with pytest.raises(DataError, match=r"damaged or not a \.tar"):
        list(shards.read_tar(path, ending=".png", max_mb=1))
