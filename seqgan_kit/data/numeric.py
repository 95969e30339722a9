"""Numeric labels: from the text of a column to values that networks read, and to ranges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Int

from ..labels import Bins, LabelCounts, Levels, number_of
from .dataset import DataError, Dataset, Part, fingerprint, some

MOST_LEVELS = 256
"""Most values of a numeric attribute; more are rounded to so many at equal distances."""

BINS = 5
"""Ranges into which figures divide a numeric attribute, as equal in number as they can be."""


def numbered(dataset: Dataset, names: Sequence[str]) -> Dataset:
    """Return a data set of which some attributes are numeric.

    Args:
        dataset: the data, whose labels are names.
        names: the numeric attributes.

    Raises:
        DataError: there is no such attribute, or a label of it is no number.
    """
    if not names:
        return dataset
    labels: dict[str, Sequence[str]] = dict(dataset.labels)
    columns = {}
    for name in names:
        if name not in labels:
            raise DataError(
                f"data.numeric names {name!r}, but the labels of {dataset.name} are "
                f"{some([*labels])}"
            )
        value_K = np.array([_number(text, name) for text in labels[name]])
        levels, number_K = _levels(value_K, labels[name])
        labels[name] = levels
        columns[[*labels].index(name)] = number_K
    return replace(
        dataset,
        labels=labels,
        parts={name: _renumbered(part, columns) for name, part in dataset.parts.items()},
        fingerprint=fingerprint(dataset.fingerprint, "numeric", *names),
    )


def _number(text: str, name: str) -> float:
    value = number_of(text)
    if value is None:
        raise DataError(
            f"data.numeric: the label {text!r} of {name} is not a number: correct it, or leave "
            f"{name} out of data.numeric"
        )
    return value


def _levels(value_K: np.ndarray, texts: Sequence[str]) -> tuple[Levels, Int[np.ndarray, " K"]]:
    """Return the levels of an attribute, and which of them each of its values becomes."""
    known_L, first_L, number_K = np.unique(value_K, return_index=True, return_inverse=True)
    if len(known_L) <= MOST_LEVELS:
        return Levels([texts[place] for place in first_L]), number_K.ravel()
    grid_L = np.linspace(known_L[0], known_L[-1], MOST_LEVELS)
    nearest_K = np.abs(value_K[:, None] - grid_L).argmin(1)
    used_L, number_K = np.unique(nearest_K, return_inverse=True)
    return Levels([f"{grid_L[place]:.6g}" for place in used_L]), number_K.ravel()


def _renumbered(part: Part, columns: Mapping[int, Int[np.ndarray, " K"]]) -> Part:
    label_NA = part.label_NA.copy()
    for column, number_K in columns.items():
        label_NA[:, column] = number_K[label_NA[:, column]]
    return replace(part, label_NA=label_NA)


def in_ranges(dataset: Dataset) -> Dataset:
    """Return a data set whose numeric attributes are ranges, as classes of figures and pages.

    The ranges hold about as many training items each.
    """
    labels: dict[str, Sequence[str]] = dict(dataset.labels)
    columns = {}
    for column, (name, levels) in enumerate(dataset.labels.items()):
        if isinstance(levels, Levels):
            bins = _bins(levels, dataset.parts["training"].label_NA[:, column])
            labels[name], columns[column] = bins, np.array(bins.of_level)
    if not columns:
        return dataset
    parts = {name: _renumbered(part, columns) for name, part in dataset.parts.items()}
    return replace(dataset, labels=labels, parts=parts)


def _bins(levels: Levels, number_N: Int[np.ndarray, " N"]) -> Bins:
    value_L = np.array(levels.values)
    value_N = value_L[number_N]
    shares = np.arange(1, BINS) / BINS
    edges = np.unique(np.quantile(value_N, shares, method="higher"))
    edges = edges[(edges > value_L[0]) & (edges <= value_L[-1])]
    of_level = np.searchsorted(edges, value_L, side="right")
    names = []
    for number in range(len(edges) + 1):
        inside = np.flatnonzero(of_level == number)
        names.append(levels[int(inside[len(inside) // 2])])
    counts = np.bincount(number_N, minlength=len(levels))
    return Bins(names, of_level.tolist(), edges.tolist(), counts.tolist())


def drawn_within(
    label_NA: Int[np.ndarray, "N A"],
    labels: Mapping[str, Sequence[str]],
    rng: np.random.Generator,
) -> Int[np.ndarray, "N A"]:
    """Return labels with a level of each range, drawn as often as training items have it.

    Args:
        label_NA: class numbers; of ranges in numeric attributes.
        labels: the attributes, with ranges.
        rng: draws the levels.
    """
    found_NA = label_NA.copy()
    for column, bins in enumerate(labels.values()):
        if isinstance(bins, Bins):
            of_level = np.array(bins.of_level)
            for number in range(len(bins)):
                members_N = label_NA[:, column] == number
                inside = np.flatnonzero(of_level == number)
                count_I = np.array(bins.counts)[inside].astype(float)
                chance_I = count_I / count_I.sum() if count_I.any() else None
                found_NA[members_N, column] = rng.choice(inside, int(members_N.sum()), p=chance_I)
    return found_NA


def counts_of_ranges(
    counts: Iterable[Sequence[Any]], labels: Mapping[str, Sequence[str]]
) -> LabelCounts:
    """Return how often combinations of labels occur, with the range of each level in its place."""
    found: Counter[tuple[int, ...]] = Counter()
    for row, count in counts:
        ranged = (
            classes.of_level[number] if isinstance(classes, Bins) else number
            for number, classes in zip(row, labels.values(), strict=True)
        )
        found[tuple(ranged)] += count
    return [(list(row), count) for row, count in found.items()]
