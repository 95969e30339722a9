"""Labelled things in three parts, before and after a codec."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

from ..errors import SeqganError

PartName = Literal["training", "validation", "test"]

PARTS: tuple[PartName, ...] = ("training", "validation", "test")


class DataError(SeqganError, ValueError):
    """Data that cannot be used; the message says what is wrong and what to do."""


NAMED = 5
"""How many things a message names at most."""


def listed(problems: Sequence[str]) -> str:
    """The first of some problems, one a line, and how many more there are."""
    more = [f"and {len(problems) - NAMED} more"] if len(problems) > NAMED else []
    return "\n".join(f"  {line}" for line in [*problems[:NAMED], *more])


def some(names: Sequence[str]) -> str:
    """The first of some names, and whether there are more."""
    return ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else "")


@runtime_checkable
class Items(Protocol):
    """Raw things, read a slice at a time, so that a data set need not fit in memory."""

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
        """The raw items of these numbers, in their order, and no others read.

        >>> Part(np.arange(5), np.zeros((5, 1))).pick([3, 1]).tolist()
        [3, 1]
        """
        return np.concatenate([self.items[int(n) : int(n) + 1] for n in index_P])


@dataclass(frozen=True)
class Dataset:
    """A labelled data set.

    Attributes:
        name: what it is called in messages and cache keys.
        parts: training, validation (held out of training) and test.
        labels: for each attribute its name and the names of its classes, in the order of the
            columns of ``label_NA``.
        fingerprint: changes when the data change; part of every cache key.
        notes: what a user should know of how it was read (skipped files, say).
        channels: names of the numbers of a step, where they have names.
    """

    name: str
    parts: Mapping[PartName, Part]
    labels: Mapping[str, Sequence[str]]
    fingerprint: str
    notes: Sequence[str] = ()
    channels: Sequence[str] = ()

    def picked(self, name: PartName, index_P: np.ndarray) -> Dataset:
        """The data set with only some of the items of a part."""
        part = self.parts[name]
        chosen = Part(part.pick(index_P), part.label_NA[index_P])
        return replace(self, parts={**self.parts, name: chosen})

    @property
    def classes(self) -> tuple[int, ...]:
        return tuple(len(names) for names in self.labels.values())


def unlabelled(dataset: Dataset) -> Dataset:
    """The same items under one label: what an unconditional network sees.

    >>> part = Part(np.zeros((2, 1)), np.array([[3], [5]]))
    >>> plain = unlabelled(Dataset("x", {"training": part}, {"digit": tuple("0123456789")}, ""))
    >>> plain.classes, plain.parts["training"].label_NA.tolist()
    ((1,), [[0], [0]])
    """
    parts = {
        name: Part(part.items, np.zeros((len(part), 1), np.int64))
        for name, part in dataset.parts.items()
    }
    return replace(dataset, parts=parts, labels={"label": ("any",)})


def fingerprint(*parts: object) -> str:
    """A short stable name for the text of its arguments."""
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:16]


def cut_into_parts(
    label_NA: np.ndarray, shares: Mapping[PartName, float], seed: int, *, of: str, advice: str
) -> dict[PartName, np.ndarray]:
    """:func:`held_out` by name: the training part is what the shares leave.

    Args:
        label_NA: labels.
        shares: of the other parts.
        seed: the same seed, the same parts.
        of: what is cut, in words.
        advice: what to do where a part gets nothing.

    Raises:
        DataError: a part gets nothing.

    >>> parts = cut_into_parts(
    ...     np.zeros((10, 1), int), {"test": 0.2}, seed=0, of="10 lines", advice="add lines"
    ... )
    >>> {name: len(index_N) for name, index_N in parts.items()}
    {'training': 8, 'test': 2}
    """
    names: tuple[PartName, ...] = ("training", *shares)
    cut = dict(zip(names, held_out(label_NA, list(shares.values()), seed), strict=True))
    for name, index_N in cut.items():
        if not len(index_N):
            raise DataError(f"{of} leave none for the {name} part: {advice}")
    return cut


def held_out(label_NA: np.ndarray, shares: Sequence[float], seed: int) -> list[np.ndarray]:
    """Cut items into parts at random, class by class.

    Args:
        label_NA: labels.
        shares: the share of every part but the first, which takes what is left. Every part gets
            at least one item of a class that has enough of them.
        seed: the same seed, the same parts.

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
