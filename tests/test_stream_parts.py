"""What streams consist of: batches, and the cache of encoded shards."""

import multiprocessing
import os
import shutil
import threading
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from filelock import FileLock

from seqgan_kit.data import cache_room, encoded_shards
from seqgan_kit.data.addresses import ShardFile
from seqgan_kit.data.dataset import DataError, Part
from seqgan_kit.data.encoded_shards import EncodedShards, Taken
from seqgan_kit.data.stream_batches import StreamBatches
from seqgan_kit.kind import Codec

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
