"""Encoded shards: memory-mapped in the cache where they fit, else encoded when they are read."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import torch
from filelock import FileLock, Timeout
from jaxtyping import Int
from numpy.lib.format import header_data_from_array_1_0, write_array_header_2_0

from ..files import FileProblem, drafts_of, read_json, write_folder, write_json
from ..kind import Codec
from ..labels import LabelCounts, label_counts
from .addresses import ShardFile
from .dataset import DataError, Dataset, Part
from .loader import CHUNK

FREE = 1 << 30
"""Bytes of the disk that the cache leaves free."""
PATIENCE = 0.2
"""Seconds between two looks at shards that another process encodes."""

NAMES = ("x", "length", "label")


class Arrays(NamedTuple):
    """An encoded shard.

    Attributes:
        x: steps ``[N, T, ...]``.
        length: steps of each item that exist, ``[N]``.
        label: class numbers ``[N, A]``.
    """

    x: np.ndarray
    length: Int[np.ndarray, " N"]
    label: Int[np.ndarray, "N A"]


@dataclass(frozen=True)
class Encoded:
    """What is known of an encoded shard.

    Attributes:
        folder: its place in the cache.
        count: its items.
        left_out: items that the codec cannot take.
        labels: how often each combination of labels occurs.
        kept: whether the cache has its arrays.
    """

    folder: Path
    count: int
    left_out: int
    labels: LabelCounts
    kept: bool


Given = Callable[[ShardFile], AbstractContextManager[tuple[Part, int]]]
"""Gives the items of a shard that the codec takes, and how many it does not."""


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
        self._given, self._codec, self._most = given, codec, most
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
        with self._writing():
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
            DataError: it is not in the cache, and cannot be read any more.
        """
        one, shard = self.about[number], self.shards[number]
        arrays = None
        if one.kept:
            with suppress(OSError, ValueError):  # It may have been removed since.
                arrays = _mapped(one.folder)
        if arrays is None:
            with self._writing():
                self.folder.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryDirectory(prefix=".passing-", dir=self.folder) as passing:
                    with self._given(shard) as (part, _):
                        _write(Path(passing), part, self._codec)
                    # The maps stay after the files have lost their names.
                    arrays = _mapped(Path(passing))
        if len(arrays.x) != one.count:
            raise DataError(f"{shard.name} has changed since training began: begin a new run")
        return arrays

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DataError(
                f"the cache folder {self.folder} cannot be written ({error.strerror or error}): "
                "lower data.stream.cache_mb, or set the environment variable SEQGAN_CACHE to a "
                "writable folder"
            ) from error

    # -- the cache ------------------------------------------------------------------------------

    def _place(self, shard: ShardFile) -> Path:
        return self.folder / f"{Path(shard.name).stem[:40]}-{shard.mark[:16]}"

    def _ready(self, shard: ShardFile) -> Encoded | None:
        """Return what the cache says of a shard; None if it is absent or damaged."""
        folder = self._place(shard)
        try:
            about = read_json(folder / "about.json")
            sizes = {name: (folder / f"{name}.npy").stat().st_size for name in about["sizes"]}
            if sizes != about["sizes"]:
                return None
            labels = [(list(row), int(count)) for row, count in about["labels"]]
            return Encoded(
                folder, int(about["count"]), int(about["left_out"]), labels, bool(sizes)
            )
        except (OSError, FileProblem, KeyError, TypeError, ValueError):
            return None

    def _encoded(self, shard: ShardFile) -> Encoded | None:
        """Encode a shard into the cache; None if another process is at it."""
        folder = self._place(shard)
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(folder.with_name(f"{folder.name}.lock"), timeout=0):
                if (ready := self._ready(shard)) is not None:
                    return ready
                for draft in drafts_of(folder):
                    shutil.rmtree(draft, ignore_errors=True)  # of a process that was killed
                with (
                    self._given(shard) as (part, left_out),
                    write_folder(folder, replace=True) as draft,
                ):
                    self._fill(draft, part, left_out)
        except Timeout:
            return None
        return self._ready(shard)

    def _fill(self, draft: Path, part: Part, left_out: int) -> None:
        sizes: dict[str, int] = {}
        if len(part) and self._fits(part):
            _write(draft, part, self._codec)
            sizes = {name: (draft / f"{name}.npy").stat().st_size for name in NAMES}
        labels = label_counts(part.label_NA) if len(part) else []
        about = {"count": len(part), "left_out": left_out, "labels": labels, "sizes": sizes}
        write_json(draft / "about.json", about)

    def _fits(self, part: Part) -> bool:
        first, _ = self._codec.encode(part.items[:1])
        size = len(part) * first.numel() * _stored(first.numpy().dtype).itemsize
        used = sum(path.stat().st_size for path in self.folder.glob("*/x.npy"))
        free = shutil.disk_usage(self.folder).free
        return used + size <= self._most and size + FREE <= free


def _mapped(folder: Path) -> Arrays:
    return Arrays(*(np.load(folder / f"{name}.npy", mmap_mode="r") for name in NAMES))


def _stored(dtype: np.dtype) -> np.dtype:
    """Return the type that numbers are stored as: tokens fit into half of what they come in."""
    return np.dtype(np.int32) if dtype == np.int64 else dtype


def _write(folder: Path, part: Part, codec: Codec) -> None:
    """Encode items chunk by chunk into ``x.npy``, ``length.npy`` and ``label.npy``."""
    lengths = []
    with (folder / "x.npy").open("wb") as file:
        for start in range(0, len(part), CHUNK):
            x, mask_BT = codec.encode(part.items[start : start + CHUNK])
            array = np.ascontiguousarray(x.numpy())
            array = array.astype(_stored(array.dtype), copy=False)
            if not start:
                _header(file, array, len(part))
            array.tofile(file)
            lengths.append(mask_BT.sum(1).to(torch.int32).numpy())
    np.save(folder / "length.npy", np.concatenate(lengths))
    np.save(folder / "label.npy", part.label_NA.astype(np.int32))


def _header(file: IO[bytes], array: np.ndarray, count: int) -> None:
    about = header_data_from_array_1_0(array)
    write_array_header_2_0(file, {**about, "shape": (count, *array.shape[1:])})


@contextmanager
def taken(
    reading: AbstractContextManager[Dataset], takes: Callable[[Dataset], Dataset]
) -> Iterator[tuple[Part, int]]:
    """Give the items of a shard that a codec takes, and how many it does not.

    Args:
        reading: gives the shard.
        takes: leaves out the others.
    """
    with reading as dataset:
        part = takes(dataset).parts["training"]
        yield part, len(dataset.parts["training"]) - len(part)
