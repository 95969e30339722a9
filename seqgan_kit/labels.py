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

SHOWN = 5
"""Values of a numeric attribute that stand for all where nothing is asked for."""


def number_of(text: str) -> float | None:
    """Return the number that a text is; ``None`` if it is none, or not finite.

    >>> number_of("63.5"), number_of("old"), number_of("nan")
    (63.5, None, None)
    """
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


class Levels(tuple[str, ...]):
    """The values of a numeric attribute, from the smallest: class numbers are places in it.

    >>> Levels(["20", "30.5"]).values, Levels(["20", "30.5"]).nearest(28.0)
    ((20.0, 30.5), 1)
    """

    @property
    def values(self) -> tuple[float, ...]:
        """The values as numbers."""
        return tuple(map(float, self))

    def nearest(self, value: float) -> int:
        """Return the class number of the nearest value."""
        return int(np.abs(np.array(self.values) - value).argmin())

    def some(self) -> list[int]:
        """Return class numbers at regular places, for all."""
        return np.unique(np.linspace(0, len(self) - 1, SHOWN).round().astype(int)).tolist()


class Bins(tuple[str, ...]):
    """Ranges of a numeric attribute, each named by a value in its middle: classes for figures.

    Attributes:
        of_level: the range of each level.
        edges: values at which the next range begins.
        counts: training items of each level.
    """

    of_level: tuple[int, ...]
    edges: tuple[float, ...]
    counts: tuple[int, ...]

    def __new__(
        cls,
        names: Sequence[str],
        of_level: Sequence[int],
        edges: Sequence[float],
        counts: Sequence[int],
    ) -> Bins:
        made = super().__new__(cls, names)
        made.of_level, made.edges, made.counts = tuple(of_level), tuple(edges), tuple(counts)
        return made

    def holding(self, value: float) -> int:
        """Return the number of the range that holds a value."""
        return int(np.searchsorted(self.edges, value, side="right"))


class Ordered(int):
    """How many values a numeric attribute has, as networks are told, and where they lie.

    Attributes:
        positions: the values, scaled to -1..1.
    """

    positions: tuple[float, ...]

    def __new__(cls, values: Sequence[float]) -> Ordered:
        made = super().__new__(cls, len(values))
        low, high = min(values), max(values)
        middle, half = (low + high) / 2, (high - low) / 2 or 1.0
        made.positions = tuple((value - middle) / half for value in values)
        return made

    def __getnewargs__(self) -> Any:
        """Return what a copy is made of: networks are copied, and know their classes."""
        return (self.positions,)


def sizes(labels: Mapping[str, Sequence[str]]) -> tuple[int, ...]:
    """Return the number of classes of each attribute; :class:`Ordered` for numeric ones."""
    return tuple(
        Ordered(names.values) if isinstance(names, Levels) else len(names)
        for names in labels.values()
    )


def with_levels(
    labels: Mapping[str, Sequence[str]], numeric: Sequence[str]
) -> dict[str, Sequence[str]]:
    """Return labels of which some attributes are numeric."""
    return {n: Levels(classes) if n in numeric else classes for n, classes in labels.items()}


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


def labels_between(
    start_A: Int[np.ndarray, " A"],
    end_A: Int[np.ndarray, " A"],
    labels: Mapping[str, Sequence[str]],
    steps: int,
) -> Int[np.ndarray, "S A"]:
    """Return labels on the way from one to another: a change half-way, or values step by step.

    >>> labels_between(np.array([3]), np.array([7]), {"digit": list("0123456789")}, 4).tolist()
    [[3], [3], [7], [7]]
    """
    label_SA = np.where(np.arange(steps)[:, None] * 2 < steps, start_A, end_A)
    for column, classes in enumerate(labels.values()):
        if isinstance(classes, Levels):
            first, last = (classes.values[side_A[column]] for side_A in (start_A, end_A))
            path_S = np.linspace(first, last, steps)
            label_SA[:, column] = [classes.nearest(value) for value in path_S]
    return label_SA


class Words(tuple[str, ...]):
    """Labels as a command line has them: each may be several names with commas between."""


Wanted = (
    str | int | float | np.generic | np.ndarray | Sequence[str | int | float | np.generic] | None
)
"""Labels as a user asks for them: a name, or several; ``None``: all."""


def parse_labels(
    wanted: Wanted, labels: Mapping[str, Sequence[str]], *, every: bool = False
) -> Int[np.ndarray, "N A"]:
    """The label rows that a user asks for.

    Args:
        wanted: a class name, several of them, or comma-separated names. With several attributes
            each is ``attribute=class``; attributes that are not named run through all classes. A
            name that has commas itself comes before names between commas, and what is in a list
            is never split. ``None``: every label.
        labels: attributes and their classes. A number stands for the nearest value of a numeric
            attribute.
        every: whether all values of a numeric attribute are meant where none is named, instead of
            a few at regular places.

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
    axes = [chosen.classes[name] or _all(known, every) for name, known in labels.items()]
    if math.prod(map(len, axes)) > MOST:
        raise LabelError(
            f"there are {math.prod(map(len, axes)):,} combinations of these labels, more than "
            f"{MOST:,}; name classes of more attributes"
        )
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(labels))


def beyond(wanted: Words, labels: Mapping[str, Sequence[str]]) -> list[str]:
    """Return notes on numbers that are asked for and lie beyond those of the training data."""
    notes, attribute = [], next(iter(labels)) if len(labels) == 1 else ""
    for word in ",".join(wanted).split(","):
        name, equals, value = word.partition("=")
        attribute = name.strip() if equals else attribute
        levels = labels.get(attribute)
        number = number_of(value if equals else word)
        if number is None or not isinstance(levels, Levels):
            continue
        low, high = levels.values[0], levels.values[-1]
        if not low <= number <= high:
            nearest = levels[levels.nearest(number)]
            notes.append(
                f"{attribute}={number:g} is beyond the training data, {levels[0]} to "
                f"{levels[-1]}: the samples are of {nearest}"
            )
    return notes


def _all(classes: Sequence[str], every: bool) -> Sequence[int]:
    if isinstance(classes, Levels) and not every:
        return classes.some()
    return range(len(classes))


def _items(wanted: Wanted) -> Sequence[str]:
    """Return labels as text: :class:`Words` where commas may separate names."""
    if isinstance(wanted, Words):
        return wanted
    plain: Any = wanted.tolist() if isinstance(wanted, np.generic | np.ndarray) else wanted
    if plain is None or isinstance(plain, str | int | float):
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
        if number is None and attribute is not None:
            number = self._nearest(attribute, value if equals else word)
        if attribute is None or number is None:
            return False
        self._attribute = attribute
        self.classes[attribute].append(number)
        return True

    def _nearest(self, attribute: str, word: str) -> int | None:
        """Return the class of the value nearest to a number, if the attribute is numeric."""
        levels, value = self._labels[attribute], number_of(word)
        if value is None or not isinstance(levels, Levels):
            return None
        return levels.nearest(value)

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
        if isinstance(self._labels[attribute], Levels):
            raise LabelError(
                f"this run has no {attribute} {word[:80]!r}; it has numbers from {known[0]} to "
                f"{known[-1]}"
            )
        shown = ", ".join(known[:40]) + (", ..." if len(known) > 40 else "")
        raise LabelError(f"this run has no {attribute} {word[:80]!r}; it has {shown}")
