"""Where shards lie: folders and addresses, what is a shard, and of which part."""

import json

import numpy as np
import pytest

from seqgan_kit.data import addresses
from seqgan_kit.data.addresses import ShardFile, shards_at
from seqgan_kit.data.dataset import DataError
from seqgan_kit.data.shard_parts import divided
from seqgan_kit.runs import data as data_of

from .stream_shards import recipe_of, write_shards


@pytest.fixture
def memory():
    """A folder of fsspec's file system in memory."""
    import fsspec

    files = fsspec.filesystem("memory")
    yield files
    files.rm("/", recursive=True)


@pytest.mark.parametrize("protocol", ["memory", "file"])
@pytest.mark.parametrize("kind", ["text", "images"])
def test_addresses_are_read_like_folders(kind, protocol, memory, tmp_path, monkeypatch):
    monkeypatch.setenv("SEQGAN_CACHE", str(tmp_path / "cache"))
    root = write_shards(tmp_path / "shards", kind)
    here = data_of.load_dataset(recipe_of(kind, root))
    address = f"file://{root}"
    if protocol == "memory":
        address = "memory://bucket/shards"
        for path in root.iterdir():
            memory.pipe(f"/bucket/shards/{path.name}", path.read_bytes())
    recipe = recipe_of(kind, address)
    assert data_of.located(recipe) is recipe
    there = data_of.load_dataset(recipe)
    assert there.fingerprint == here.fingerprint
    for name, part in here.parts.items():
        assert np.array_equal(part.items[: len(part)], there.parts[name].items[: len(part)])
        assert np.array_equal(part.label_NA, there.parts[name].label_NA)
    # What is wrong with a shard is told of its address.
    shard = there.stream.shards[0]
    if protocol == "memory":
        memory.pipe(f"/bucket/shards/{shard.name}", b"x" * shard.size)
        with pytest.raises(DataError, match=f"^{address}/{shard.name} is damaged"):
            data_of.load_dataset(recipe)


def test_an_address_that_refuses_is_told_in_a_sentence(memory, tmp_path):
    class Refused(Exception):
        """As the libraries of providers have them: of no common class."""

    for address, said in (
        ("memory://nowhere", "there is no such folder|cannot be read"),
        (
            "nope://bucket/shards",
            r"nope://bucket/shards cannot be read \(Protocol not known: nope",
        ),
        ("s3://bucket/shards", "requires another package|cannot be read"),
        (str(tmp_path / "nowhere"), "there is no such folder"),
    ):
        with pytest.raises(DataError, match=said) as refused:
            shards_at(address, ".parquet")
        assert address in str(refused.value)
        assert "\n" not in str(refused.value)
    with pytest.raises(DataError, match=r"x://y cannot be read \(Forbidden\)"):  # noqa: SIM117
        with addresses.reaching("x://y"):
            raise Refused("Forbidden")


def test_parts_are_named_or_drawn():
    def files(*names):
        return [ShardFile(name, 1, "", name) for name in names]

    held = {"validation": 1, "test": 2}
    named = files("train-00000-of-2.parquet", "train-1.parquet", "validation-0.parquet", "x/0.tar",
                  "test/0.parquet")  # fmt: skip
    parts = divided(named, held=held, seed=0, address="a")
    assert {part: sorted(one.name for one in found) for part, found in parts.items()} == {
        "training": ["train-00000-of-2.parquet", "train-1.parquet", "x/0.tar"],
        "validation": ["validation-0.parquet"],
        "test": ["test/0.parquet"],
    }
    plain = files(*(f"shard-{number}.tar" for number in range(9)))
    one, other = (divided(plain, held=held, seed=seed, address="a") for seed in (0, 1))
    assert one == divided(plain, held=held, seed=0, address="a") != other
    assert {part: len(found) for part, found in one.items()} == {
        "training": 6, "validation": 1, "test": 2
    }  # fmt: skip
    assert len({shard.name for found in one.values() for shard in found}) == 9


def test_hidden_files_and_others_are_no_shards(tmp_path):
    write_shards(tmp_path / "shards", "text", shards=3)
    for name in (".part-9.parquet", ".hidden/part-8.parquet", "readme.txt"):
        path = tmp_path / "shards" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    _, found = shards_at(str(tmp_path / "shards"), ".parquet")
    assert [one.name for one in found] == [f"part-0000{number}.parquet" for number in range(3)]


def test_checksums_of_a_manifest_are_checksums(tmp_path):
    write_shards(tmp_path, "text", shards=1, count=4)
    shard = {"file": "part-00000.parquet", "first": 0, "count": 4, "seed": 0, "columns": ["text"]}
    whole = {"shards_format": 1, "form": "parquet", "count": 4, "request": {}}
    for sums in (None, 5, "", "/../../../x", "A" * 64):
        content = {**whole, "shards": [{**shard, "sha256": sums}]}
        (tmp_path / "manifest.json").write_text(json.dumps(content))
        with pytest.raises(DataError, match=r"manifest.json is damaged or not the manifest"):
            shards_at(str(tmp_path), ".parquet")
