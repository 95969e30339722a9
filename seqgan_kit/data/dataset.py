"""Labelled data sets in three parts, as raw items."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import numpy as np

from ..errors import SeqganError
from ..labels import UNLABELLED, sizes
from .clock import Clock

if TYPE_CHECKING:
    from .stream import Stream

PartName = Literal["training", "validation", "test"]

PARTS: tuple[PartName, ...] = ("training", "validation", "test")


class DataError(SeqganError, ValueError):
    """Error for unusable data; the message says what is wrong and what to do."""


class NoItems(DataError):
    """Error for a file that can be read and has no item that can be used."""


NAMED = 5
"""Most items that a message lists."""


def listed(problems: Sequence[str]) -> str:
    """List the first problems, one per line, and the number of the others."""
    more = [f"and {len(problems) - NAMED} more"] if len(problems) > NAMED else []
    return "\n".join(f"  {line}" for line in [*problems[:NAMED], *more])


def some(names: Sequence[str]) -> str:
    """List the first names, with an ellipsis if there are more."""
    return ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else "")


@runtime_checkable
class Items(Protocol):
    """Raw items that are read a slice at a time, so a data set need not fit in memory."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: slice) -> Any: ...


@dataclass(frozen=True)
class Part:
    """Raw items and their labels ``[N, A]``."""

    items: Items
    label_NA: np.ndarray

    def __len__(self) -> int:
        return len(self.items)

    def pick(self, index_P: Sequence[int] | np.ndarray) -> np.ndarray:
        """Read only the raw items at these indices, in this order.

        >>> Part(np.arange(5), np.zeros((5, 1))).pick([3, 1]).tolist()
        [3, 1]
        """
        return np.concatenate([self.items[int(n) : int(n) + 1] for n in index_P])


@dataclass(frozen=True)
class Dataset:
    """A labelled data set.

    Attributes:
        name: its name in messages and cache keys.
        parts: training, validation (held out of training) and test.
        labels: for each attribute its name and the names of its classes, in the order of the
            columns of ``label_NA``.
        fingerprint: changes when the data change; part of every cache key.
        notes: remarks for the user on how the data were read, such as skipped files.
        channels: names of the channels of a step, if they have names.
        categories: for each channel whose values stand for texts, these texts in their order.
        clock: the times of steps, if they are regular.
        stream: the shards of the training items, of which the training part is a sample;
            ``None``: it is all of them.
    """

    name: str
    parts: Mapping[PartName, Part]
    labels: Mapping[str, Sequence[str]]
    fingerprint: str
    notes: Sequence[str] = ()
    channels: Sequence[str] = ()
    categories: Mapping[str, Sequence[str]] = field(default_factory=dict)
    clock: Clock | None = None
    stream: Stream | None = None

    def picked(self, name: PartName, index_P: np.ndarray) -> Dataset:
        """Return the data set with only the given items of one part."""
        part = self.parts[name]
        chosen = Part(part.pick(index_P), part.label_NA[index_P])
        return replace(self, parts={**self.parts, name: chosen})

    def tested_on(self, name: PartName) -> Dataset:
        """Return the data set with another part in the place of the test part.

        Raises:
            DataError: that part is empty.
        """
        if name != "test" and not len(self.parts[name]):
            raise DataError(f"{self.name} has no {name} part: set data.{name}")
        return replace(self, parts={**self.parts, "test": self.parts[name]})

    @property
    def classes(self) -> tuple[int, ...]:
        return sizes(self.labels)


def unlabelled(dataset: Dataset) -> Dataset:
    """Return the same items under a single label, as an unconditional network sees them.

    >>> part = Part(np.zeros((2, 1)), np.array([[3], [5]]))
    >>> plain = unlabelled(Dataset("x", {"training": part}, {"digit": tuple("0123456789")}, ""))
    >>> plain.classes, plain.parts["training"].label_NA.tolist()
    ((1,), [[0], [0]])
    """
    parts = {
        name: Part(part.items, np.zeros((len(part), 1), np.int64))
        for name, part in dataset.parts.items()
    }
    return replace(dataset, parts=parts, labels=UNLABELLED)


def fingerprint(*parts: object) -> str:
    """Return a short, stable hash of the text of the arguments."""
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:16]


def cut_into_parts(
    label_NA: np.ndarray, shares: Mapping[PartName, float], seed: int, *, of: str, advice: str
) -> dict[PartName, np.ndarray]:
    """Split items into named parts with :func:`held_out`; the training part gets the rest.

    Args:
        label_NA: labels.
        shares: shares of the other parts.
        seed: seed of the random split.
        of: name of the items in messages.
        advice: what to do if a part is empty.

    Raises:
        DataError: a part is empty.

    >>> parts = cut_into_parts(
    ...     np.zeros((10, 1), int), {"test": 0.2}, seed=0, of="10 lines", advice="add lines"
    ... )
    >>> {name: len(index_N) for name, index_N in parts.items()}
    {'training': 8, 'test': 2}
    """
    names: tuple[PartName, ...] = ("training", *shares)
    cut = dict(zip(names, held_out(label_NA, list(shares.values()), seed), strict=True))
    for name, index_N in cut.items():
        if not len(index_N) and shares.get(name, 1) > 0:
            raise DataError(f"{of} leave none for the {name} part: {advice}")
    return cut


def as_classes(
    label_NA: np.ndarray, attributes: Iterable[str], numeric: Sequence[str]
) -> np.ndarray:
    """Return labels without their numbers, which no two items need share, for a cut by class.

    >>> as_classes(np.array([[1, 7], [0, 8]]), ["site", "age"], ["age"]).tolist()
    [[1, 0], [0, 0]]
    """
    columns = [attribute not in numeric for attribute in attributes]
    return label_NA * np.array(columns, label_NA.dtype) if numeric else label_NA


def held_out(label_NA: np.ndarray, shares: Sequence[float], seed: int) -> list[np.ndarray]:
    """Split items into parts at random, class by class.

    Args:
        label_NA: labels.
        shares: the share of every part but the first, which gets the rest. Every part gets at
            least one item of each class that has enough items.
        seed: seed of the random split.

    Returns:
        The sorted indices of each part.

    >>> [len(part) for part in held_out(np.zeros((10, 1), int), [0.1, 0.2], seed=0)]
    [7, 1, 2]
    """
    generator = np.random.default_rng(seed)
    parts: list[list[np.ndarray]] = [[] for _ in range(len(shares) + 1)]
    _, joint_N = np.unique(label_NA, axis=0, return_inverse=True)
    for number in range(joint_N.max() + 1 if len(joint_N) else 0):
        members = generator.permutation(np.flatnonzero(joint_N.ravel() == number))
        for index, share in enumerate(shares, start=1):
            take = max(round(share * (joint_N == number).sum()), 1) if share > 0 else 0
            take = min(take, max(len(members) - 1, 0))
            parts[index].append(members[:take])
            members = members[take:]
        parts[0].append(members)
    return [np.sort(np.concatenate(part)) if part else np.array([], int) for part in parts]
