"""Encoded shards: memory-mapped in the cache where they fit, else encoded when they are read."""

from __future__ import annotations

import hashlib
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from filelock import Timeout
from jaxtyping import Int

from ..files import FileProblem, read_json, write_folder, write_json
from ..kind import Codec
from ..labels import LabelCounts, label_counts
from .addresses import ShardFile
from .cache_room import ITEMS, CacheRoom, shard_lock
from .dataset import DataError, Dataset, NoItems, Part
from .label_folders import left_out_of
from .shard_arrays import Arrays, Records, mapped

PATIENCE = 0.2
"""Seconds between two looks at shards that another process encodes."""
TRIES = 2
"""How often a shard is written before the cache is given up."""


@dataclass(frozen=True)
class Encoded:
    """What is known of an encoded shard.

    Attributes:
        folder: its place in the cache.
        count: its items.
        left_out: items that the codec cannot take.
        noted: what the reader left out, and how many of each.
        labels: how often each combination of labels occurs.
        kept: whether the cache has its arrays.
    """

    folder: Path
    count: int
    left_out: int
    noted: Mapping[str, int]
    labels: LabelCounts
    kept: bool


@dataclass(frozen=True)
class Taken:
    """The items of a shard that the codec takes.

    Attributes:
        part: the items.
        left_out: how many it does not take.
        noted: what the reader left out, and how many of each.
    """

    part: Part
    left_out: int = 0
    noted: Mapping[str, int] = field(default_factory=dict)


Given = Callable[[ShardFile], AbstractContextManager[Taken]]
"""Gives the items of a shard that the codec takes."""


class EncodedShards:
    """The shards of a stream as the codec encodes them.

    Several processes may fill one cache: each encodes shards that no other is at, and a shard is
    there as a whole or not at all.

    Args:
        folder: the cache, for this codec and this way of reading.
        shards: the shards.
        given: reads one.
        codec: encodes the items.
        most: bytes that the arrays in the cache may take.
    """

    def __init__(
        self,
        folder: Path,
        shards: Sequence[ShardFile],
        *,
        given: Given,
        codec: Codec,
        most: int,
    ) -> None:
        self.folder, self.shards = folder, shards
        self._given, self._codec, self._room = given, codec, CacheRoom(folder, most)
        self.about: list[Encoded] = []

    @property
    def count_S(self) -> Int[np.ndarray, " S"]:
        """The items of each shard."""
        return np.array([one.count for one in self.about], np.int64)

    @property
    def label_counts(self) -> LabelCounts:
        """How often each combination of labels occurs in all shards."""
        found: dict[tuple[int, ...], int] = {}
        for one in self.about:
            for row, count in one.labels:
                found[tuple(row)] = found.get(tuple(row), 0) + count
        return [(list(row), found[row]) for row in sorted(found)]

    def fill(self, progress: Callable[[int, int], None], say: Callable[[str], None]) -> None:
        """Encode what the cache does not have, and look at all shards.

        Args:
            progress: called with the number of shards that are there, and that of all.
            say: told if another process is at the last ones.

        Raises:
            DataError: a shard cannot be read, or the cache not be written.
        """
        found = {shard.name: one for shard in self.shards if (one := self._ready(shard))}
        waiting = [shard for shard in self.shards if shard.name not in found]
        told = False
        if waiting:
            with self._used("written"):
                self._room.recount()
        while waiting:
            progress(len(found), len(self.shards))
            for shard in waiting:
                if (one := self._encoded(shard)) is not None:
                    found[shard.name] = one
                    progress(len(found), len(self.shards))
            left = [shard for shard in waiting if shard.name not in found]
            if left and len(left) == len(waiting):
                if not told:
                    say(f"waiting for another process that fills {self.folder}")
                told = True
                time.sleep(PATIENCE)
            waiting = left
        self.about = [found[shard.name] for shard in self.shards]

    def open(self, number: int) -> Arrays:
        """Return the arrays of a shard, memory-mapped.

        Raises:
            DataError: it is not in the cache, and cannot be read any more; or there are too many.
        """
        one, shard = self.about[number], self.shards[number]
        arrays = None
        if one.kept:
            # It may have been removed or damaged since.
            with (
                self._used("read"),
                suppress(FileNotFoundError, ValueError),
                (one.folder / ITEMS).open("rb") as file,
            ):
                arrays = mapped(file)
        if arrays is None:
            arrays = self._passing(shard)
        if arrays is None or len(arrays.x) != one.count:
            raise DataError(f"{shard.name} has changed since training began: begin a new run")
        return arrays

    def _passing(self, shard: ShardFile) -> Arrays | None:
        """Encode a shard into a file without a name, of which nothing is left by a kill."""
        with self._given(shard) as taken, self._used("written"):
            if not len(taken.part):
                return None
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder) as file:
                Records(taken.part, self._codec).write(file)
                return mapped(file)

    @contextmanager
    def _used(self, how: str) -> Iterator[None]:
        """Say in a sentence that the cache cannot be read or written.

        Raises:
            DataError: it cannot.
        """
        try:
            yield
        except OSError as error:
            raise DataError(
                f"the cache folder {self.folder} cannot be {how} ({error.strerror or error}): "
                "lower data.stream.cache_mb, or set the environment variable SEQGAN_CACHE to a "
                "writable folder"
            ) from error

    # -- the cache ------------------------------------------------------------------------------

    def _place(self, shard: ShardFile) -> Path:
        # The mark may come from a file of anybody: it is no name.
        key = hashlib.sha256(f"{shard.name}\n{shard.mark}".encode()).hexdigest()[:32]
        return self.folder / f"{re.sub(r'[^A-Za-z0-9_-]', '_', Path(shard.name).stem)[:40]}-{key}"

    def _ready(self, shard: ShardFile) -> Encoded | None:
        """Return what the cache says of a shard; None if it is absent or damaged."""
        folder = self._place(shard)
        try:
            about = read_json(folder / "about.json")
            size = int(about["size"])
            if size and (folder / ITEMS).stat().st_size != size:
                return None
            labels = [(list(row), int(count)) for row, count in about["labels"]]
            noted = {str(what): int(count) for what, count in about["noted"].items()}
            return Encoded(
                folder, int(about["count"]), int(about["left_out"]), noted, labels, bool(size)
            )
        except (OSError, FileProblem, AttributeError, KeyError, TypeError, ValueError):
            return None

    def _encoded(self, shard: ShardFile) -> Encoded | None:
        """Encode a shard into the cache; None if another process is at it.

        Raises:
            DataError: it cannot be read, or the cache not be written.
        """
        lock = shard_lock(self._place(shard))
        with self._used("written"):
            try:
                lock.acquire()
            except Timeout:
                return None
        try:
            for _ in range(TRIES):
                if (ready := self._ready(shard)) is not None:
                    return ready
                self._write(shard)
            if (ready := self._ready(shard)) is not None:
                return ready
        finally:
            lock.release()
        raise DataError(
            f"the cache folder {self.folder} does not keep what is written ({shard.name}): set "
            "the environment variable SEQGAN_CACHE to another folder"
        )

    def _write(self, shard: ShardFile) -> None:
        with (
            self._given(shard) as taken,
            self._used("written"),
            write_folder(self._place(shard), replace=True) as draft,
        ):
            part, size = taken.part, 0
            if len(part):
                records = Records(part, self._codec)
                if self._room.reserve(draft / ITEMS, records.size):
                    size = records.size
                    with (draft / ITEMS).open("r+b") as file:
                        records.write(file)
            about = {
                "count": len(part),
                "left_out": taken.left_out,
                "noted": taken.noted,
                "labels": label_counts(part.label_NA) if len(part) else [],
                "size": size,
            }
            write_json(draft / "about.json", about)


@contextmanager
def taken(
    reading: AbstractContextManager[Dataset], takes: Callable[[Dataset], Dataset]
) -> Iterator[Taken]:
    """Give the items of a shard that a codec takes.

    Args:
        reading: gives the shard.
        takes: leaves out the others.
    """
    with reading as dataset:
        every = dataset.parts["training"]
        part = Part(every.items[:0], every.label_NA[:0])
        if len(every):
            with suppress(NoItems):
                part = takes(dataset).parts["training"]
        yield Taken(part, len(every) - len(part), left_out_of(dataset.notes))
