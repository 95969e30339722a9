"""From a folder of shards to a data set: a sample of each part in memory, and the stream."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from ..sections import StreamedData, StreamSection
from .addresses import Place, ShardFile, is_address, shards_at
from .dataset import PARTS, DataError, Dataset, Part, PartName, fingerprint
from .foreign_tars import TAR
from .label_folders import LeftOut, left_out_of
from .reading import user_path
from .shard_parts import divided
from .shards import PARQUET
from .stream import Reader, Shared, Stream, agreeing

if TYPE_CHECKING:
    from ..kind import Kind

Progress = Callable[[str, int, int | None], None]

PLACES = ("root", "stream", "seed", "validation", "test", "budget_mb", "max_file_mb")
"""Keys of a ``data`` section that do not say how a shard is read."""


def reading_key(data: StreamedData) -> str:
    """Return what the items of a shard depend on beside its content, as JSON."""
    return json.dumps(data.model_dump(mode="json", exclude={*PLACES}), sort_keys=True)


@dataclass(frozen=True)
class _Sample:
    """Some shards of a part, read into memory.

    Attributes:
        shards: each with its name; none is empty.
        shared: what those say, and all others that were looked at.
        counts: the items of each that was looked at, with 0 for an empty one.
        left_out: what its reader left out of those, and how many of each.
    """

    shards: list[tuple[str, Dataset]] = field(default_factory=list)
    shared: list[tuple[str, Shared]] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def streamed(kind: Kind, data: StreamedData, progress: Progress | None = None) -> Dataset:
    """Return the data set of a folder of shards.

    Its parts are samples in memory; the training part stands for all training items, which are
    those of :attr:`Dataset.stream`.

    Args:
        kind: the kind of data.
        data: the section with ``stream``.
        progress: called with the bytes of the shards that were read.

    Raises:
        DataError: the shards cannot be reached, read, or divided into parts, or have different
            columns.
    """
    settings = data.stream
    root = data.root
    assert settings is not None, "the section asks for a stream"
    if root is None or not kind.sharded:
        raise DataError(f"data.stream is not supported for {data.source}: it reads no shards")
    place, shards = shards_at(root, f".{PARQUET}" if kind.sharded == PARQUET else TAR)
    shares: dict[PartName, float] = {"validation": data.validation, "test": data.test}
    held = {part: settings.held_out if share > 0 else 0 for part, share in shares.items()}
    of_part = divided(shards, held=held, seed=data.seed, address=root)
    reader = _settled(Reader(kind, data, place), of_part["training"])
    sampler = _Sampler(reader, settings, data.seed, progress or (lambda *_: None))
    samples = {part: sampler.sample(part, of_part[part]) for part in PARTS}
    others = [one for part in PARTS if part != "training" for one in samples[part].shared]
    shared = Shared.of(samples["training"].shared, others, place=place)
    every = settings.learn == "all"
    counts = samples["training"].counts if every else None
    stream = Stream(reader, of_part["training"], shared, counts)
    merged = {
        part: _merged(kind, samples[part], shared, place, held_out=part != "training")
        for part in PARTS
    }
    training = merged["training"]
    assert training is not None, "a training shard was read"
    empty = Part(training.items[:0], training.label_NA[:0])
    # Names and contents, not dates or places, so that a copy of the folder is the same data.
    marks = [[part, one.name, one.mark] for part in PARTS for one in of_part[part]]
    return Dataset(
        name=_name(root),
        parts={part: found if (found := merged[part]) is not None else empty for part in PARTS},
        labels=shared.labels,
        fingerprint=fingerprint(
            json.dumps(marks), reading_key(reader.data), settings.sample, settings.learn, data.seed
        ),
        notes=[*_notes(of_part, training), *_of_shards(samples["training"], shared)],
        channels=shared.channels,
        categories=shared.categories,
        clock=shared.clock,
        stream=stream,
    )


def learned_from(dataset: Dataset) -> Dataset:
    """Return the data set whose training part a codec learns from: the sample, or all items."""
    if dataset.stream is None or dataset.stream.counts is None:
        return dataset
    return replace(dataset, parts={**dataset.parts, "training": dataset.stream.part})


def _settled(reader: Reader, shards: Sequence[ShardFile]) -> Reader:
    """Settle what the first shard decides that has items.

    Raises:
        DataError: none has.
    """
    for shard in shards:
        with reader.read(shard) as dataset:
            if len(dataset.parts["training"]):
                return replace(reader, data=reader.kind.settled(reader.data, dataset))
    raise DataError(
        f"{reader.place.address}: none of its {len(shards)} training shards has an item that can "
        "be used"
    )


@dataclass
class _Sampler:
    reader: Reader
    settings: StreamSection
    seed: int
    progress: Progress
    read: int = 0

    def sample(self, part: PartName, shards: Sequence[ShardFile]) -> _Sample:
        """Read shards of a part until there are enough items, or all of training if asked for."""
        every = self.settings.learn == "all" and part == "training"
        found = _Sample()
        left = self.settings.sample
        for number, shard in enumerate(shards):
            if not left and not every:
                break
            self.progress(f"{part} shards", self.read, None)
            with self.reader.read(shard) as dataset:
                count = len(dataset.parts["training"])
                found.counts.append(count)
                found.left_out.update(left_out_of(dataset.notes))
                if count:
                    found.shared.append((shard.name, Shared.by(dataset)))
                if count and left:
                    kept = _held(dataset, left, (self.seed, number))
                    found.shards.append((shard.name, kept))
                left -= min(left, count)
            self.read += shard.size
        self.progress(f"{part} shards", self.read, self.read)
        return found


def _held(dataset: Dataset, most: int, seed: tuple[int, int]) -> Dataset:
    """Return a shard with at most so many items, drawn at random, in memory."""
    part = dataset.parts["training"]
    if len(part) > most:
        index_P = np.random.default_rng(seed).permutation(len(part))[:most]
        return dataset.picked("training", np.sort(index_P))
    held = Part(part.items[: len(part)], part.label_NA)
    return replace(dataset, parts={"training": held})


def _merged(
    kind: Kind, sample: _Sample, shared: Shared, place: Place, *, held_out: bool
) -> Part | None:
    """Join the items of some shards; None if there are none."""
    if not sample.shards:
        return None
    parts = [
        agreeing(kind, one, shared, place.whole(name), held_out=held_out).parts["training"]
        for name, one in sample.shards
    ]
    return Part(
        np.concatenate([part.items[: len(part)] for part in parts]),
        np.concatenate([part.label_NA for part in parts]),
    )


def _notes(of_part: Mapping[PartName, Sequence[ShardFile]], training: Part) -> list[str]:
    number = {part: len(shards) for part, shards in of_part.items()}
    size = sum(shard.size for shard in of_part["training"]) >> 20
    return [
        f"streamed from {number['training']} training shards ({size:,} MB; "
        f"{number['validation']} for validation, {number['test']} for the test); figures compare "
        f"with a sample of {len(training):,} training items"
    ]


def _of_shards(sample: _Sample, shared: Shared) -> list[str]:
    """Return what was left out of the shards that were read, and what was noted of the first."""
    name, first = sample.shards[0]
    notes = [f"{name}: {note}" for note in first.notes if not isinstance(note, LeftOut)]
    read = f"the {len(sample.counts)} training shards that were read"
    notes += [f"{what} left out of {read}: {n:,}" for what, n in sample.left_out.items()]
    if empty := sample.counts.count(0):
        notes.append(f"shards without an item that can be used, of {read}: {empty}")
    if shared.clock is None and any(one.clock for _, one in sample.shared):
        notes.append("the times of shards have different steps: samples are written without times")
    return notes


def _name(root: str) -> str:
    if is_address(root):
        return PurePosixPath(root.partition("://")[2]).name or "stream"
    return user_path(root).resolve().name
