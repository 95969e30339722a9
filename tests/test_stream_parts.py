"""What streams consist of: batches, the cache of encoded shards, addresses, tars of others."""

import json
import multiprocessing
import shutil
import tarfile
import threading

import numpy as np
import pytest
import torch
from filelock import FileLock

from seqgan_kit.data import addresses, encoded_shards
from seqgan_kit.data.addresses import ShardFile, shards_at
from seqgan_kit.data.dataset import DataError, Part
from seqgan_kit.data.encoded_shards import EncodedShards
from seqgan_kit.data.foreign_tars import unpacked
from seqgan_kit.data.stream import divided
from seqgan_kit.data.stream_batches import StreamBatches
from seqgan_kit.kind import Codec
from seqgan_kit.runs import data as data_of

from .stream_shards import add, picture, recipe_of, sound, write_shards

COUNTS = (40, 7, 64, 0, 33)
"""Items of the shards of these tests; one of them has none."""


class Numbers(Codec):
    """Items are whole numbers, and a sequence is its number, once or twice."""

    steps, features = 2, 1

    def encode(self, raw):
        x = torch.as_tensor(np.asarray(raw, np.float32))[:, None, None].expand(-1, 2, 1)
        return x.clone(), torch.arange(2) < (1 + (x[:, 0] % 2).long())

    def decode(self, x, mask):
        return x

    def present(self, things):
        return things.numpy()


def part_of(number):
    first = sum(COUNTS[:number])
    items = np.arange(first, first + COUNTS[number])
    return Part(items, items[:, None] % 3)


class Given:
    """Gives the items of a shard, and counts how often."""

    def __init__(self, delay=0.0):
        self.delay, self.read = delay, []

    def __call__(self, shard):
        return self._reading(shard)

    def _reading(self, shard):
        from contextlib import contextmanager

        @contextmanager
        def reading():
            import time

            self.read.append(shard.name)
            time.sleep(self.delay)
            yield part_of(int(shard.name)), 0

        return reading()


def encoded(folder, given=None, most=2**30):
    shards = [ShardFile(str(number), 10, "", f"{number:016d}") for number in range(len(COUNTS))]
    made = EncodedShards(folder, shards, given=given or Given(), codec=Numbers(), most=most)
    made.fill(lambda done, of: None, lambda line: None)
    return made


def batches(folder, *, most=2**30, **settings):
    settings = {"batch_size": 12, "buffer": 40, "device": torch.device("cpu"), **settings}
    return StreamBatches(encoded(folder, most=most), **settings)


def numbers(drawn):
    return drawn.x_BTF[:, 0, 0].long().tolist()


def test_a_pass_has_every_item_once(tmp_path):
    stream = batches(tmp_path)
    assert stream.passes == sum(COUNTS) // 12 == 12
    passes = []
    for _ in range(3):
        passes.append([n for _ in range(12) for n in numbers(stream.next())])
        assert len(set(passes[-1])) == 144
    assert passes[0] != passes[1] != passes[2]
    for batch in (stream.next() for _ in range(5)):
        assert (batch.label_BA[:, 0] == batch.x_BTF[:, 0, 0].long() % 3).all()
        assert (batch.mask_BT.sum(1) == 1 + batch.x_BTF[:, 0, 0].long() % 2).all()


def test_the_order_follows_from_the_seed_and_the_place_alone(tmp_path):
    one, other = batches(tmp_path, seed=1), batches(tmp_path, seed=2)
    first = [numbers(one.next()) for _ in range(30)]
    assert [numbers(other.next()) for _ in range(30)] != first
    # Begun anywhere, and with shards encoded again whenever they are read.
    for place in (0, 3, 11, 12, 25):
        again = batches(tmp_path / "none", most=0, seed=1)
        again.drawn = place
        assert [numbers(again.next()) for _ in range(5)] == first[place : place + 5]


def test_a_window_is_shuffled_and_no_larger_than_the_buffer(tmp_path):
    stream = batches(tmp_path, batch_size=4, buffer=8)
    # Of shards in their order, a window of two batches would have eight neighbours.
    for _ in range(10):
        window = [*numbers(stream.next()), *numbers(stream.next())]
        runs = np.diff(sorted(window))
        assert (runs == 1).sum() >= 5
        assert window != sorted(window)
    small = {n for _ in range(9) for n in numbers(batches(tmp_path, buffer=12).next())}
    assert len(small) == 12


@pytest.mark.parametrize("group", [1, 2])
def test_processes_take_shares_of_the_same_batch(group, tmp_path):
    alone = batches(tmp_path, group=group)
    two = [batches(tmp_path, rank=rank, world=2, group=group) for rank in (0, 1)]
    for _ in range(25):
        shares = [numbers(one.next()) for one in two]
        assert [len(share) for share in shares] == [6, 6]
        assert [*shares[0], *shares[1]] == numbers(alone.next())
        assert group > 1 or not set(shares[0]) & set(shares[1])


def test_groups_share_a_class(tmp_path):
    stream = batches(tmp_path, group=4)
    seen = set()
    for _ in range(40):
        batch = stream.next()
        assert (batch.label_BA.view(3, 4) == batch.label_BA.view(3, 4)[:, :1]).all()
        seen |= set(numbers(batch))
    assert len(seen) > 130
    unlabelled = batches(tmp_path, group=4, conditional=False).next()
    assert not unlabelled.label_BA.any()


def test_batches_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be divided into groups of 5"):
        batches(tmp_path, group=5)
    with pytest.raises(DataError, match="too large for 144 training items"):
        batches(tmp_path, batch_size=145)


# -- the cache ------------------------------------------------------------------------------------


def test_shards_are_encoded_once_and_whole(tmp_path):
    first, second = Given(), Given()
    assert [one.count for one in encoded(tmp_path, first).about] == list(COUNTS)
    assert len(first.read) == len(COUNTS)
    made = encoded(tmp_path, second)
    assert not second.read
    assert made.label_counts == [([0], 48), ([1], 48), ([2], 48)]
    # Damaged, it is encoded again, and nothing else is.
    (path,) = tmp_path.glob("0-*/x.npy")
    path.write_bytes(path.read_bytes()[:-1])
    (tmp_path / "2-0000000000000002" / "about.json").write_text("{")
    again = Given()
    made = encoded(tmp_path, again)
    assert again.read == ["0", "2"]
    assert np.array_equal(made.open(0).x[:, 0, 0], np.arange(40))
    # A process that was killed leaves a draft, which the next one removes.
    draft = tmp_path / ".1-0000000000000001.draft-abcdefgh"
    draft.mkdir()
    (tmp_path / "1-0000000000000001" / "about.json").unlink()
    encoded(tmp_path)
    assert not draft.exists()


def test_a_cache_that_is_removed_meanwhile_is_not_missed(tmp_path):
    one, other = batches(tmp_path / "one"), batches(tmp_path / "other")
    one.next(), other.next()
    shutil.rmtree(tmp_path / "one")
    for _ in range(20):
        assert numbers(one.next()) == numbers(other.next())
    assert not list(tmp_path.glob("one/*"))


def test_tokens_come_back_as_they_were(tmp_path):
    class Tokens(Numbers):
        def encode(self, raw):
            return torch.as_tensor(np.asarray(raw))[:, None].repeat(1, 2), torch.ones(
                len(raw), 2, dtype=torch.bool
            )

    shards = [ShardFile(str(number), 10, "", f"{number:016d}") for number in range(len(COUNTS))]
    made = EncodedShards(tmp_path, shards, given=Given(), codec=Tokens(), most=2**30)
    made.fill(lambda done, of: None, lambda line: None)
    batch = StreamBatches(made, batch_size=8, buffer=32, device=torch.device("cpu")).next()
    assert made.open(0).x.dtype == np.int32
    assert batch.x_BTF.dtype == torch.int64
    assert (batch.x_BTF[:, 0] % 3 == batch.label_BA[:, 0]).all()


def fill(folder, started, read):
    given = Given(delay=0.05)
    started.wait(20)
    made = encoded(folder, given)
    read.put((given.read, made.count_S.tolist()))


def test_two_processes_fill_one_cache_together(tmp_path):
    context = multiprocessing.get_context("fork")
    started, read = context.Event(), context.Queue()
    both = [context.Process(target=fill, args=(tmp_path, started, read)) for _ in range(2)]
    for one in both:
        one.start()
    started.set()
    found = [read.get(timeout=60) for _ in both]
    for one in both:
        one.join(20)
    assert [counts for _, counts in found] == [list(COUNTS)] * 2
    # No shard twice, and none by one process while the other waited for all of them.
    assert sorted(found[0][0] + found[1][0]) == ["0", "1", "2", "3", "4"]


def test_another_process_is_waited_for_and_told(tmp_path):
    lock = FileLock(tmp_path / "2-0000000000000002.lock", thread_local=False)
    lock.acquire()
    threading.Timer(0.5, lock.release).start()
    shards = [ShardFile(str(number), 10, "", f"{number:016d}") for number in range(len(COUNTS))]
    made = EncodedShards(tmp_path, shards, given=Given(), codec=Numbers(), most=2**30)
    told = []
    made.fill(lambda done, of: None, told.append)
    assert told == [f"waiting for another process that fills {tmp_path}"]
    assert made.count_S.tolist() == list(COUNTS)


def test_a_cache_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"cannot be written .* SEQGAN_CACHE"):
        encoded(tmp_path / "file" / "cache")


def test_the_disk_is_not_filled(tmp_path, monkeypatch):
    monkeypatch.setattr(encoded_shards, "FREE", 2**62)
    assert not any(one.kept for one in encoded(tmp_path).about)
    assert encoded(tmp_path / "other", most=400).about[0].kept is False


# -- places ---------------------------------------------------------------------------------------


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


# -- tars of others -------------------------------------------------------------------------------


def write_tar(path, members):
    with tarfile.open(path, "w") as tar:
        for name, content in members:
            add(tar, name, content)
    return path


def test_tars_of_others_are_read(tmp_path):
    rng = np.random.default_rng(0)
    path = write_tar(
        tmp_path / "a.tar",
        [
            ("train/0001.cls", b"7\n"),
            ("train/0001.png", picture(rng)),
            ("train/0001.txt", b"a caption"),
            ("train/0001.json", json.dumps({"url": "x", "big": {"a": 1}, "n": 2}).encode()),
            ("train/0002.json", json.dumps({"url": "y", "n": 3}).encode()),
            ("train/0002.png", picture(rng)),
            ("train/0002.cls", b"8"),
        ],
    )
    folder = tmp_path / "items"
    folder.mkdir()
    listed = unpacked(path, folder, labels=("cls", "n"), ending=".jpg", max_mb=1)
    assert listed.read_text() == "path,cls,n\n0000000.png,7,2\n0000001.png,8,3\n"
    assert (folder / "0000001.png").read_bytes()[1:4] == b"PNG"


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([("../../0.wav", b"")], None),
        ([("0.json", b"{}")], "0 has 0 members that could be the item"),
        ([("0.png", b""), ("0.jpg", b"")], "0 has 2 members that could be the item"),
        ([("0.png", b""), ("0.json", b"{")], "0.json is damaged or not JSON"),
        ([("0.png", b""), ("0.cls", b"\xff")], "0.cls is damaged or not a class"),
        ([("0.png", b"1" * 2**21)], r"larger than 1 MB \(data.max_file_mb\)"),
        ([], "has no items"),
    ],
)
def test_tars_that_cannot_be_read_are_told(members, said, tmp_path):
    path = write_tar(tmp_path / "a.tar", members)
    folder = tmp_path / "deep" / "items"
    folder.mkdir(parents=True)
    if said is None:
        # A name that leads out of the folder is not used.
        unpacked(path, folder, labels=(), ending=".wav", max_mb=1)
        assert sorted(one.name for one in folder.iterdir()) == ["0000000.wav", "manifest.csv"]
        return
    with pytest.raises(DataError, match=said):
        unpacked(path, folder, labels=(), ending=".wav", max_mb=1)


def test_a_tar_that_was_cut_between_two_items_is_damaged(tmp_path):
    rng = np.random.default_rng(0)
    path = write_tar(tmp_path / "a.tar", [(f"{number}.wav", sound(rng)) for number in range(3)])
    with tarfile.open(path) as tar:
        place = tar.getmembers()[2].offset
    path.write_bytes(path.read_bytes()[:place])
    with pytest.raises(DataError, match=r"is damaged or not a \.tar file \(it has no end\)"):
        unpacked(path, tmp_path, labels=(), ending=".wav", max_mb=1)
