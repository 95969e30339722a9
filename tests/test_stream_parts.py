"""What streams consist of: batches, the cache of encoded shards, addresses, tars of others."""

import json
import multiprocessing
import os
import shutil
import tarfile
import threading
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from filelock import FileLock

from seqgan_kit.data import addresses, cache_room, encoded_shards
from seqgan_kit.data.addresses import ShardFile, shards_at
from seqgan_kit.data.dataset import DataError, Part
from seqgan_kit.data.encoded_shards import EncodedShards, Taken
from seqgan_kit.data.foreign_tars import unpacked
from seqgan_kit.data.manifests import read_manifest
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
            yield Taken(part_of(int(shard.name)))

        return reading()


def place(folder, number):
    """Where the cache has a shard."""
    (found,) = folder.glob(f"{number}-{'[0-9a-f]' * 32}")
    return found


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
    order = np.random.default_rng((0, 0)).permutation(len(COUNTS))
    of_pass = np.concatenate([part_of(shard).items for shard in order]).tolist()
    shuffled = 0
    for place in range(0, 144, 8):
        window = [*numbers(stream.next()), *numbers(stream.next())]
        assert sorted(window) == sorted(of_pass[place : place + 8])
        shuffled += window != of_pass[place : place + 8]
    assert shuffled > 15
    # Of a buffer that holds one batch, each batch is a window.
    small = batches(tmp_path, buffer=12)
    for place in range(0, 144, 12):
        assert sorted(numbers(small.next())) == sorted(of_pass[place : place + 12])


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
    path = place(tmp_path, 0) / "items.npy"
    path.write_bytes(path.read_bytes()[:-1])
    (place(tmp_path, 2) / "about.json").write_text("{")
    again = Given()
    made = encoded(tmp_path, again)
    assert again.read == ["0", "2"]
    assert np.array_equal(made.open(0).x[:, 0, 0], np.arange(40))
    # A process that was killed leaves a draft, which the next one removes.
    draft = tmp_path / f".{place(tmp_path, 1).name}.draft-abcdefgh"
    draft.mkdir()
    (draft / "items.npy").write_bytes(bytes(2**20))
    (place(tmp_path, 1) / "about.json").unlink()
    assert encoded(tmp_path, most=2**20).about[1].kept
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
    encoded(tmp_path)
    folder = place(tmp_path, 2)
    shutil.rmtree(folder)
    lock = FileLock(f"{folder}.lock", thread_local=False)
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
    monkeypatch.setattr(cache_room, "FREE", 2**62)
    assert not any(one.kept for one in encoded(tmp_path).about)
    assert encoded(tmp_path / "other", most=400).about[0].kept is False


def test_shards_need_no_descriptors_and_leave_nothing(tmp_path):
    for most in (2**30, 0):
        made = encoded(tmp_path / str(most), most=most)
        before = len(os.listdir("/dev/fd"))
        held = [made.open(number) for number in (0, 1, 2, 4) for _ in range(20)]
        assert len(os.listdir("/dev/fd")) == before
        assert held[-1].x[:, 0, 0].tolist() == list(range(111, 144))
        assert len(list((tmp_path / str(most)).glob("*/items.npy"))) == (4 if most else 0)
    assert not [path for path in (tmp_path / "0").glob(".*") if not path.name.startswith(".used")]


def test_the_cache_is_no_larger_than_it_may_be(tmp_path):
    """Threads that encode at once share the room, as processes do."""
    most = 2 * encoded(tmp_path / "other").about[0].folder.joinpath("items.npy").stat().st_size
    ready = threading.Barrier(4)

    def fill(order):
        shards = [ShardFile(str(number), 10, "", f"{number}") for number in order]

        @contextmanager
        def given(shard):
            yield Taken(part_of(0))

        made = EncodedShards(tmp_path / "c", shards, given=given, codec=Numbers(), most=most)
        ready.wait(20)
        made.fill(lambda done, of: None, lambda line: None)
        kept.append(sum(one.kept for one in made.about))

    kept = []
    threads = [
        threading.Thread(target=fill, args=(np.roll(range(8), shift),)) for shift in (0, 2, 4, 6)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert kept == [2] * 4
    assert sum(one.stat().st_size for one in tmp_path.glob("c/*/items.npy")) == most


def test_a_cache_that_keeps_nothing_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(encoded_shards, "write_json", lambda path, about: None)
    with pytest.raises(DataError, match="does not keep what is written"):
        encoded(tmp_path)


def test_what_cannot_be_read_is_not_the_cache(tmp_path):
    """Only a cache that is absent or damaged is passed over."""
    made = encoded(tmp_path)
    path = place(tmp_path, 0) / "items.npy"
    path.write_bytes(b"x" * path.stat().st_size)
    assert made.open(0).x[:, 0, 0].tolist() == list(range(40))
    path.unlink()
    path.symlink_to(path.name)
    with pytest.raises(DataError, match=r"cannot be read \(Too many levels"):
        made.open(0)


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
    listed = unpacked(path, folder, labels=("cls", "n"), endings=(".jpg",), max_mb=1)
    rows = [json.loads(line) for line in listed.read_text().splitlines()]
    assert rows == [
        {"path": "0000000.png", "n": 2, "cls": "7"}, {"path": "0000001.png", "n": 3, "cls": "8"}
    ]  # fmt: skip
    assert (folder / "0000001.png").read_bytes()[1:4] == b"PNG"


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([("../../0.wav", b"")], None),
        ([("0.json", b"{}")], "0 has 0 members that could be the item"),
        ([("0.png", b""), ("0.jpg", b"")], "0 has 2 members that could be the item"),
        ([("0.png", b""), ("0.json", b"{")], "0.json is damaged or not JSON"),
        ([("0.png", b""), ("0.cls", b"\xff")], "0.cls is damaged or not a class"),
        ([("0.png", b"1" * 2**21)], r"would take 2 MB .* data.max_file_mb"),
        ([(f"{n}.png", b"1" * 2**18) for n in range(5)], r"would take 2 MB .* data.max_file_mb"),
        ([("0.png", b""), ("0.json", b"[1]")], "0.json is damaged or not JSON .it is no object"),
        ([("0.png", b""), ("0.json", b'{"a": " "}')], "the label 'a' of 0 is empty"),
        ([], "has no items"),
    ],
)
def test_tars_that_cannot_be_read_are_told(members, said, tmp_path):
    path = write_tar(tmp_path / "a.tar", members)
    folder = tmp_path / "deep" / "items"
    folder.mkdir(parents=True)
    if said is None:
        # A name that leads out of the folder is not used.
        unpacked(path, folder, labels=(), endings=(".wav",), max_mb=1)
        assert sorted(one.name for one in folder.iterdir()) == ["0000000.wav", "manifest.jsonl"]
        return
    with pytest.raises(DataError, match=said):
        unpacked(path, folder, labels=(), endings=(".wav",), max_mb=1)


def test_a_tar_that_was_cut_between_two_items_is_damaged(tmp_path):
    rng = np.random.default_rng(0)
    path = write_tar(tmp_path / "a.tar", [(f"{number}.wav", sound(rng)) for number in range(3)])
    with tarfile.open(path) as tar:
        place = tar.getmembers()[2].offset
    path.write_bytes(path.read_bytes()[:place])
    with pytest.raises(DataError, match=r"is damaged or not a \.tar file \(it has no end\)"):
        unpacked(path, tmp_path, labels=(), endings=(".wav",), max_mb=1)


def test_a_tar_that_unpacks_to_more_than_it_is_is_refused(tmp_path):
    member = tarfile.TarInfo("0.png")
    member.type = tarfile.GNUTYPE_SPARSE
    header = bytearray(member.tobuf(tarfile.GNU_FORMAT))
    header[386:410] = header[483:495] * 2  # a piece of nothing
    header[386:398] = header[483:495] = b"00400000000\0"  # at 64 MB, where the file ends
    header[398:410] = b"00000000000\0"
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header):06o}\0 ".encode()
    path = tmp_path / "a.tar"
    path.write_bytes(bytes(header) + bytes(1024))
    with tarfile.open(path) as tar:
        assert tar.getmembers()[0].size == 2**26
    with pytest.raises(DataError, match="'0.png' is not a file"):
        unpacked(path, tmp_path, labels=(), endings=(".png",), max_mb=100)


def test_labels_of_a_tar_come_back_as_they_were(tmp_path):
    labels = ("a\rb", 'a "b", c', "1.0", 2.0, 2, "\u2028x", "a")
    members = [
        (f"{number}{ending}", content)
        for number, label in enumerate(labels)
        for ending, content in (
            (".png", b"1"),
            (".json", json.dumps({"label": label, "path": "s3://x"}).encode()),
        )
    ]
    path = write_tar(tmp_path / "a.tar", members)
    listed = unpacked(path, tmp_path, labels=(), endings=(".png",), max_mb=1)
    columns, files = read_manifest(listed, (), "images")
    assert columns == ["label"]
    assert [one.labels[0] for one in files] == [
        "a\rb", 'a "b", c', "1.0", "2", "2", "x", "a"
    ]  # fmt: skip


def test_checksums_of_a_manifest_are_checksums(tmp_path):
    write_shards(tmp_path, "text", shards=1, count=4)
    shard = {"file": "part-00000.parquet", "first": 0, "count": 4, "seed": 0, "columns": ["text"]}
    whole = {"shards_format": 1, "form": "parquet", "count": 4, "request": {}}
    for sums in (None, 5, "", "/../../../x", "A" * 64):
        content = {**whole, "shards": [{**shard, "sha256": sums}]}
        (tmp_path / "manifest.json").write_text(json.dumps(content))
        with pytest.raises(DataError, match=r"manifest.json is damaged or not the manifest"):
            shards_at(str(tmp_path), ".parquet")
