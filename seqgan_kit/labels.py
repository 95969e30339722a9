"""Labels as users write them, and as rows of class numbers ``[N, A]``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Int

from .errors import UsageError

LabelCounts = list[tuple[list[int], int]]
"""Combinations of labels, one class number an attribute, and how often each occurs."""


MOST = 10**6
"""Most combinations of labels at once."""


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


def parse_labels(
    wanted: str | int | Sequence[str | int] | None, labels: Mapping[str, Sequence[str]]
) -> Int[np.ndarray, "N A"]:
    """The label rows that a user asks for.

    Args:
        wanted: a class name, several of them, or comma-separated names. With several attributes
            each is ``attribute=class``; attributes that are not named run through all classes.
            ``None``: every label.
        labels: attributes and their classes.

    Returns:
        One row for each combination, in the order of the classes as asked for.

    >>> parse_labels("b,a", {"letter": ["a", "b", "c"]}).tolist()
    [[1], [0]]

    Raises:
        LabelError: an unknown class or attribute; the message names the known ones.
    """
    items = [wanted] if isinstance(wanted, str | int) else list(wanted or [])
    words = [word.strip() for item in items for word in str(item).split(",") if word.strip()]
    if items and not words:
        raise LabelError("no label was named; leave it out to sample all of them")
    chosen: dict[str, list[int]] = {name: [] for name in labels}
    attribute = next(iter(labels)) if len(labels) == 1 else None
    for word in words:
        name, equals, value = word.partition("=")
        if equals and name in labels:
            # `digit=3,7`: what follows without a name belongs to the attribute named last.
            attribute, word = name, value
        elif equals and attribute is None:
            raise LabelError(
                f"this run has no attribute {name!r}; its attributes are {', '.join(labels)}"
            )
        if attribute is None:
            raise LabelError(
                f"{word!r}: say which attribute, as in {next(iter(labels))}={word}; "
                f"the attributes are {', '.join(labels)}"
            )
        classes = list(labels[attribute])
        if word not in classes:
            shown = ", ".join(classes[:40]) + (", ..." if len(classes) > 40 else "")
            raise LabelError(f"this run has no {attribute} {word[:80]!r}; it has {shown}")
        chosen[attribute].append(classes.index(word))
    axes = [chosen[name] or range(len(classes)) for name, classes in labels.items()]
    if math.prod(map(len, axes)) > MOST:
        raise LabelError(
            f"there are {math.prod(map(len, axes)):,} combinations of these labels, more than "
            f"{MOST:,}; name classes of more attributes"
        )
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(labels))
