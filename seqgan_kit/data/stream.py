"""Streams: data sets whose training items lie in shards, and need not fit in memory.

A shard is a small data set that its kind reads as it reads any file: a table, or the files of a
tar with their manifest. What several shards must agree on (names of labels, categories, channels)
is learned from a sample of them, or from all.
"""

from __future__ import annotations

import errno
import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..files import file_digest
from ..labels import are_named
from ..sections import StreamedData
from .addresses import Place, ShardFile, mark_of, reaching
from .clock import Clock
from .dataset import DataError, Dataset, NoItems, Part, PartName, some
from .foreign_tars import LISTED, unpacked
from .label_folders import natural
from .shards import PARQUET, rows_of
from .sources import passing_cache

if TYPE_CHECKING:
    from ..kind import Kind

Tell = Callable[[ShardFile], None]
"""Told of every shard before it is read."""


@dataclass(frozen=True)
class Shared:
    """What all shards of a stream agree on.

    Attributes:
        labels: for each attribute its name and the names of its classes.
        channels: names of the channels of a step.
        categories: for each channel of texts, these texts in their order.
        clock: the times of steps, if they are the same regular ones.
    """

    labels: Mapping[str, Sequence[str]]
    channels: Sequence[str]
    categories: Mapping[str, Sequence[str]]
    clock: Clock | None = None

    @classmethod
    def of(
        cls,
        training: Sequence[tuple[str, Shared]],
        others: Sequence[tuple[str, Shared]] = (),
        *,
        place: Place,
    ) -> Shared:
        """Return what some shards have together.

        Args:
            training: training shards, which alone have the names of classes.
            others: shards of the other parts.
            place: their folder, for messages.

        Raises:
            DataError: they have other columns than the first.
        """
        name, first = training[0]
        shards = [*training, *others]
        for other_name, other in shards:
            first.refuse_columns(other, place.whole(other_name), name)
        return cls(
            {one: _joined([shard.labels[one] for _, shard in training]) for one in first.labels},
            first.channels,
            {
                one: _joined([shard.categories.get(one, ()) for _, shard in shards])
                for one in {name: None for _, shard in shards for name in shard.categories}
            },
            first.clock if all(same_steps(first.clock, one.clock) for _, one in shards) else None,
        )

    @classmethod
    def by(cls, dataset: Dataset) -> Shared:
        """Return what a shard has by itself."""
        return cls(dataset.labels, dataset.channels, dataset.categories, dataset.clock)

    def refuse_columns(self, other: Shared, shard: str, first: str = "the sample") -> None:
        """Refuse a shard of other columns.

        Raises:
            DataError: its channels or labels are others.
        """
        for what, own, wanted in (
            ("labels", _named(other.labels), _named(self.labels)),
            ("channels", [*other.channels], [*self.channels]),
        ):
            if sorted(own) != sorted(wanted) or (what == "channels" and own != wanted):
                raise DataError(
                    f"{shard} has the {what} {some(own) or '(none)'}, and {first} has "
                    f"{some(wanted) or '(none)'}: keep shards of one form in a folder"
                )


def same_steps(one: Clock | None, other: Clock | None) -> bool:
    """Whether the times of two shards have the same steps, wherever they begin.

    >>> same_steps(Clock("seconds", 0.0, 60.0), Clock("seconds", 9.0, 60.0))
    True
    """
    if one is None or other is None:
        return one is other
    return one.unit == other.unit and math.isclose(one.step, other.step, rel_tol=1e-6)


def _named(labels: Mapping[str, Sequence[str]]) -> list[str]:
    return [*labels] if are_named(labels) else []


def _joined(names: Sequence[Sequence[str]]) -> tuple[str, ...]:
    return tuple(sorted({name for one in names for name in one}, key=natural))


@dataclass(frozen=True)
class Reader:
    """Reads shards as data sets of a kind.

    Attributes:
        kind: the kind of data.
        data: how its files are read.
        place: where the shards are.
    """

    kind: Kind
    data: StreamedData
    place: Place

    @contextmanager
    def read(self, shard: ShardFile) -> Iterator[Dataset]:
        """Give a shard as a data set with nothing but a training part, while it is there.

        That part is empty if the shard has no item that can be used.

        Raises:
            DataError: it cannot be reached, is damaged, or is not of this kind; or there is no
                place for it in the temporary folder.
        """
        whole = self.place.whole(shard.name)
        with ExitStack() as stack:
            with _in_temporary(whole):
                made = tempfile.TemporaryDirectory(prefix="seqgan-shard-")
            temporary = Path(stack.enter_context(made))
            brought, items, cache = (temporary / name for name in ("shard", "items", "cache"))
            with _in_temporary(whole):
                brought.mkdir()
                path = self._brought(shard, brought, whole)
            file = path
            try:
                with passing_cache(cache):
                    with _in_temporary(whole):
                        if self.kind.sharded != PARQUET:
                            items.mkdir()
                            file = items / LISTED
                        dataset = self._loaded(path, items)
                    yield dataset
            except DataError as error:
                # What it is called here means nothing to a user.
                said = str(error)
                for own in (str(file), str(items), str(path)):
                    said = said.replace(own, whole)
                raise DataError(said) from error

    def _brought(self, shard: ShardFile, folder: Path, whole: str) -> Path:
        """Return a shard on this machine, after comparing it with what was listed."""
        with reaching(whole):
            try:
                path = self.place.bring(shard.name, folder)
            except OSError as error:
                if error.errno in FULL:
                    raise _no_place(whole, error) from error
                raise
            size, mark = path.stat().st_size, mark_of(path, shard)
        # Some servers state no size.
        if (shard.size and size != shard.size) or (
            shard.sha256 and file_digest(path) != shard.sha256
        ):
            raise DataError(f"{whole} is damaged: size or checksum is not the one stated")
        if not shard.sha256 and mark != shard.mark:
            raise DataError(f"{whole} has changed while the shards were read: begin again")
        return path

    def _loaded(self, path: Path, items: Path) -> Dataset:
        try:
            if self.kind.sharded != PARQUET:
                path = unpacked(
                    path,
                    items,
                    labels=getattr(self.data, "labels", ()),
                    endings=(self.kind.sharded,),
                    max_mb=self.data.max_file_mb,
                )
            elif not rows_of(path):
                raise NoItems(f"{path} has no rows")
            return self.kind.load(self._section(path))
        except NoItems:
            none: dict[PartName, Part] = {"training": Part(np.empty(0), np.empty((0, 1), int))}
            return Dataset(name=path.name, parts=none, labels={}, fingerprint="")

    def _section(self, file: Path) -> StreamedData:
        own = {"root": str(file), "stream": None, "validation": 0.0, "test": 0.0}
        return self.data.model_copy(update=own)


FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def _in_temporary(whole: str) -> Iterator[None]:
    """Say in a sentence that a shard found no place.

    Raises:
        DataError: it is so.
    """
    try:
        yield
    except OSError as error:
        raise _no_place(whole, error) from error


def _no_place(whole: str, error: OSError) -> DataError:
    return DataError(
        f"{whole} cannot be read in the temporary folder ({error.strerror or error}): free some "
        "space, or set the environment variable TMPDIR to another folder"
    )


@dataclass(frozen=True)
class Stream:
    """The shards of the training items, read one at a time.

    Attributes:
        reader: reads them.
        shards: the shards of the training items.
        shared: what they agree on.
        counts: the items of each shard, where all were looked at.
    """

    reader: Reader
    shards: Sequence[ShardFile]
    shared: Shared
    counts: Sequence[int] | None = None

    @contextmanager
    def read(self, shard: ShardFile) -> Iterator[Dataset]:
        """Give a shard as a data set whose labels and categories have the stream's numbers.

        Raises:
            DataError: it cannot be read, or has columns, labels or categories that the others do
                not have.
        """
        with self.reader.read(shard) as dataset:
            name = self.reader.place.whole(shard.name)
            yield agreeing(self.reader.kind, dataset, self.shared, name)

    @cached_property
    def part(self) -> Part:
        """All training items, for a codec to learn from; those of one shard are in memory."""
        assert self.counts is not None, "all shards were looked at"
        label_1A = np.zeros((1, len(self.shared.labels)), np.int64)
        count = sum(self.counts)
        return Part(StreamItems(self), np.broadcast_to(label_1A, (count, label_1A.shape[1])))


class StreamItems:
    """The items of a stream by their numbers; neighbours are read with one shard in memory."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._end_S = np.cumsum(stream.counts or [0])
        self._held: tuple[int, Any] | None = None

    def __len__(self) -> int:
        return int(self._end_S[-1])

    def __getitem__(self, index: slice) -> Any:
        start, stop, step = index.indices(len(self))
        assert step == 1, "slices of neighbours"
        found = []
        for number, end in enumerate(self._end_S.tolist()):
            first = end - (self._stream.counts or [0])[number]
            if first < stop and end > start and first < end:
                items = self._items(number)
                found.append(items[max(start - first, 0) : stop - first])
        some_items = int(np.argmax(self._end_S > 0))
        return np.concatenate(found) if found else self._items(some_items)[:0]

    def _items(self, number: int) -> Any:
        if self._held is None or self._held[0] != number:
            with self._stream.read(self._stream.shards[number]) as dataset:
                part = dataset.parts["training"]
                self._held = (number, part.items[: len(part)])
        return self._held[1]


def agreeing(
    kind: Kind, dataset: Dataset, shared: Shared, name: str, *, held_out: bool = False
) -> Dataset:
    """Return the items of a shard with the numbers that its labels and categories have elsewhere.

    Args:
        kind: the kind of data.
        dataset: the shard.
        shared: what it has to agree with.
        name: of the shard, for messages.
        held_out: whether it is none of the training part.

    Raises:
        DataError: it has columns, labels or categories that are not among them, or other times.
    """
    part = dataset.parts["training"]
    if not len(part):
        label_NA = np.empty((0, len(shared.labels)), np.int64)
        none: dict[PartName, Part] = {"training": Part(part.items, label_NA)}
        return replace(dataset, parts=none, labels=shared.labels)
    shared.refuse_columns(Shared.by(dataset), name)
    more = "set data.stream.learn=all to learn from all shards, or correct it"
    if shared.clock and dataset.clock and not same_steps(shared.clock, dataset.clock):
        raise DataError(f"{name}: its times have other steps than those of the sample; {more}")
    dataset, problem = kind.recoded(dataset, shared.categories)
    if problem:
        raise DataError(f"{name}: {problem}; {more}")
    part = dataset.parts["training"]
    own = list(dataset.labels)
    label_NA = np.empty((len(part), len(shared.labels)), np.int64)
    for column, (attribute, names) in enumerate(shared.labels.items()):
        known = {text: number for number, text in enumerate(names)}
        texts = dataset.labels[attribute]
        if strange := [text for text in texts if text not in known]:
            raise DataError(
                f"{name}: the label {attribute}={strange[0]} never occurs in the training shards "
                "that were read: add items with it, remove these, or set data.stream.learn=all to "
                "read all"
                if held_out
                else f"{name}: the {attribute} {strange[0]!r} is not among those of the sample "
                f"({some(names)}); {more}"
            )
        number_K = np.array([known[text] for text in texts], np.int64)
        label_NA[:, column] = number_K[part.label_NA[:, own.index(attribute)]]
    parts: dict[PartName, Part] = {"training": Part(part.items, label_NA)}
    return replace(dataset, parts=parts, labels=shared.labels)
