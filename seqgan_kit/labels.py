"""Labels as users write them, and as rows of class numbers ``[N, A]``."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Int

from .errors import UsageError

LabelCounts = list[tuple[list[int], int]]
"""Combinations of labels, one class number an attribute, and how often each occurs."""


UNLABELLED: Mapping[str, Sequence[str]] = {"label": ("any",)}
"""The labels of data without labels: one class, which nobody needs to see."""


def are_named(labels: Mapping[str, Sequence[str]]) -> bool:
    """Whether labels have names that mean something to a user.

    >>> are_named({"label": ["any"]}), are_named({"label": ["cat"]})
    (False, True)
    """
    return {name: tuple(classes) for name, classes in labels.items()} != UNLABELLED


MOST = 10**6
"""Most combinations of labels at once."""


def normal(name: str) -> str:
    """Return the name of a class as it is compared: without outer spaces, in the form NFC.

    >>> normal(" cafe\\u0301 ") == "caf\\u00e9"
    True
    """
    return unicodedata.normalize("NFC", name.strip())


class LabelError(UsageError):
    """A label that the run does not have."""


def label_counts(label_NA: Int[np.ndarray, "N A"]) -> LabelCounts:
    """Count how often each combination of labels occurs.

    >>> label_counts(np.array([[1, 0], [0, 0], [1, 0]]))
    [([0, 0], 1), ([1, 0], 2)]
    """
    rows, counts = np.unique(label_NA, axis=0, return_counts=True)
    return list(zip(rows.tolist(), counts.tolist(), strict=True))


def label_names(row_A: Int[np.ndarray, " A"], labels: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the class names of one label."""
    return [names[index] for index, names in zip(row_A, labels.values(), strict=True)]


class Words(tuple[str, ...]):
    """Labels as a command line has them: each may be several names with commas between."""


Wanted = str | int | np.generic | np.ndarray | Sequence[str | int | np.generic] | None
"""Labels as a user asks for them: a name, or several; ``None``: all."""


def parse_labels(wanted: Wanted, labels: Mapping[str, Sequence[str]]) -> Int[np.ndarray, "N A"]:
    """The label rows that a user asks for.

    Args:
        wanted: a class name, several of them, or comma-separated names. With several attributes
            each is ``attribute=class``; attributes that are not named run through all classes. A
            name that has commas itself comes before names between commas, and what is in a list
            is never split. ``None``: every label.
        labels: attributes and their classes.

    Returns:
        One row for each combination, in the order of the classes as asked for.

    >>> parse_labels("b,a", {"letter": ["a", "b", "c"]}).tolist()
    [[1], [0]]
    >>> parse_labels("a,b", {"letter": ["a", "b", "a,b"]}).tolist()
    [[2]]

    Raises:
        LabelError: an unknown class or attribute; the message names the known ones.
    """
    chosen = _Chosen(labels)
    items = _items(wanted)
    for item in items:
        if isinstance(items, Words):
            chosen.split(item)
        else:
            chosen.add(item)
    if items and not any(chosen.classes.values()):
        raise LabelError("no label was named; leave it out to sample all of them")
    axes = [chosen.classes[name] or range(len(known)) for name, known in labels.items()]
    if math.prod(map(len, axes)) > MOST:
        raise LabelError(
            f"there are {math.prod(map(len, axes)):,} combinations of these labels, more than "
            f"{MOST:,}; name classes of more attributes"
        )
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(labels))


def _items(wanted: Wanted) -> Sequence[str]:
    """Return labels as text: :class:`Words` where commas may separate names."""
    if isinstance(wanted, Words):
        return wanted
    plain: Any = wanted.tolist() if isinstance(wanted, np.generic | np.ndarray) else wanted
    if plain is None or isinstance(plain, str | int):
        return Words([] if plain is None else [str(plain)])
    return [str(item) for item in plain]


class _Chosen:
    """The classes that are asked for, by attribute.

    Args:
        labels: attributes and their classes.
    """

    def __init__(self, labels: Mapping[str, Sequence[str]]) -> None:
        self.classes: dict[str, list[int]] = {name: [] for name in labels}
        self._labels = labels
        self._number = {
            name: {normal(known): number for number, known in enumerate(names)}
            for name, names in labels.items()
        }
        # `digit=3,7`: what follows without a name belongs to the attribute named last.
        self._attribute = next(iter(labels)) if len(labels) == 1 else None
        self._commas = max(name.count(",") for names in labels.values() for name in names)

    def split(self, text: str) -> None:
        """Add the names between the commas of a text; the longest that is known comes first."""
        pieces = text.split(",")
        start = 0
        while start < len(pieces):
            ends = range(min(start + 1 + self._commas, len(pieces)), start, -1)
            for end in ends:
                if self._add(",".join(pieces[start:end])):
                    start = end
                    break
            else:
                if pieces[start].strip():
                    self._refuse(pieces[start])
                start += 1

    def add(self, name: str) -> None:
        """Add one class.

        Raises:
            LabelError: it is unknown.
        """
        if not self._add(name):
            self._refuse(name)

    def _add(self, word: str) -> bool:
        """Add a class, if it is known."""
        name, equals, value = word.partition("=")
        attribute, number = self._attribute, None
        if attribute is not None:
            number = self._number[attribute].get(normal(word))
        if number is None and equals and name.strip() in self._labels:
            attribute = name.strip()
            number = self._number[attribute].get(normal(value))
        if attribute is None or number is None:
            return False
        self._attribute = attribute
        self.classes[attribute].append(number)
        return True

    def _refuse(self, word: str) -> None:
        word = word.strip()
        name, equals, value = word.partition("=")
        attribute = self._attribute
        if equals and name in self._labels:
            attribute, word = name, value.strip()
        elif equals and attribute is None:
            raise LabelError(
                f"this run has no attribute {name!r}; its attributes are {', '.join(self._labels)}"
            )
        if attribute is None:
            raise LabelError(
                f"{word!r}: say which attribute, as in {next(iter(self._labels))}={word}; "
                f"the attributes are {', '.join(self._labels)}"
            )
        known = list(self._labels[attribute])
        shown = ", ".join(known[:40]) + (", ..." if len(known) > 40 else "")
        raise LabelError(f"this run has no {attribute} {word[:80]!r}; it has {shown}")
