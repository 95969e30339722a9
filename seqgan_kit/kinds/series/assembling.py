"""From series with labels to a data set in parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ...data.clock import Clock
from ...data.dataset import (
    NAMED,
    PARTS,
    Dataset,
    Part,
    PartName,
    as_classes,
    cut_into_parts,
    fingerprint,
    some,
)
from ...data.label_folders import natural
from ...data.unequal import as_objects
from .forms import needs_double, own_range
from .windowing import Labelled


def assemble(
    name: str,
    found: Mapping[PartName, Sequence[Labelled]],
    *,
    channels: tuple[str, ...],
    attributes: tuple[str, ...],
    shares: Mapping[PartName, float],
    seed: int,
    key: Sequence[str],
    notes: Sequence[str] = (),
    categories: Mapping[str, Sequence[str]] | None = None,
    clock: Clock | None = None,
    numeric: Sequence[str] = (),
) -> Dataset:
    """Return a data set of series in three parts, with numbers for labels.

    Args:
        name: its name.
        found: series with the names of their labels.
        channels: names of the channels.
        attributes: names of the labels; none for data of one class.
        shares: shares of the parts that are cut from the training series at random; a part that
            is neither here nor in ``found`` is empty.
        seed: seed of the cut.
        key: what else the data depend on.
        notes: remarks for the user.
        categories: for each channel whose values are the numbers of texts, these texts.
        clock: the times of steps, if they are regular.
        numeric: labels that are numbers, by which nothing is cut.

    Raises:
        DataError: a part would be empty, though its share is not 0.
    """
    everything = [labels for members in found.values() for _, labels in members]
    names = {
        attribute: sorted({labels[column] for labels in everything}, key=natural)
        for column, attribute in enumerate(attributes)
    } or {"label": ["any"]}
    numbers = [{value: n for n, value in enumerate(known)} for known in names.values()]
    parts: dict[PartName, Part] = {}
    dtype = _dtype([value_SC for members in found.values() for value_SC, _ in members])
    for part, members in found.items():
        rows = [
            [known[value] for known, value in zip(numbers, labels, strict=True)] if labels else [0]
            for _, labels in members
        ]
        items = as_objects([value_SC.astype(dtype, copy=False) for value_SC, _ in members])
        parts[part] = Part(items, np.array(rows, np.int64).reshape(len(members), len(names)))
    whole = parts["training"]
    cut = cut_parts(
        as_classes(whole.label_NA, names, numeric),
        shares,
        seed,
        of=f"{name}: {len(whole)} series",
        advice="add series",
    )
    items = whole.items[: len(whole)]
    for part, index_N in cut.items():
        parts[part] = Part(items[index_N], whole.label_NA[index_N])
    empty = Part(items[:0], whole.label_NA[:0])
    constant = _constant(parts["training"].items[: len(parts["training"])], channels)
    return Dataset(
        name=name,
        parts={part: parts.get(part, empty) for part in PARTS},
        labels=names,
        fingerprint=fingerprint(name, *key, sorted(shares.items()), seed),
        notes=[*notes, *constant],
        channels=channels,
        categories=categories or {},
        clock=clock,
    )


def recoded(dataset: Dataset, categories: Mapping[str, Sequence[str]]) -> tuple[Dataset, str]:
    """Return series with the numbers of these categories; also what is wrong with them, if any."""
    own = dataset.categories
    if dict(own) == dict(categories):
        return dataset, ""
    if other := sorted({*own} ^ {*categories}):
        text, numbers = ("here", "elsewhere") if other[0] in own else ("elsewhere", "here")
        return dataset, f"{other[0]} holds text {text} and numbers {numbers}"
    new: dict[int, np.ndarray] = {}
    for name, texts in own.items():
        known = {text: number for number, text in enumerate(categories[name])}
        if strange := [text for text in texts if text not in known]:
            return dataset, f"{name} is {strange[0]!r}; its categories are {some([*known])}"
        new[dataset.channels.index(name)] = np.array([known[text] for text in texts])
    parts = {}
    for part_name, part in dataset.parts.items():
        changed = []
        for value_SC in part.items[: len(part)]:
            recoded_SC = value_SC.copy()
            for place, number_K in new.items():
                recoded_SC[:, place] = number_K[value_SC[:, place].astype(int)]
            changed.append(recoded_SC)
        parts[part_name] = Part(as_objects(changed), part.label_NA)
    return replace(dataset, parts=parts, categories=dict(categories)), ""


def cut_parts(
    label_NA: np.ndarray, shares: Mapping[PartName, float], seed: int, *, of: str, advice: str
) -> dict[PartName, np.ndarray]:
    """Cut items into parts as :func:`~seqgan_kit.data.dataset.cut_into_parts` does, except that
    parts with a share of 0 are empty."""
    held = {part: share for part, share in shares.items() if share > 0}
    cut = cut_into_parts(label_NA, held, seed, of=of, advice=advice) if held else {}
    nothing = {part: np.array([], int) for part in shares if part not in held}
    return {**cut, **nothing}


def _dtype(series: Sequence[np.ndarray]) -> np.dtype:
    """Return the type of numbers that holds the values of series within the range of each."""
    ranges = (own_range(value_SC, "min-max", 0.0) for value_SC in series)
    return np.dtype(np.float64 if any(needs_double(*one) for one in ranges) else np.float32)


def _constant(items: np.ndarray, channels: Sequence[str]) -> list[str]:
    """Return notes on constant channels, which are constant in samples, too."""
    low_C = np.min([one.min(0) for one in items], 0)
    high_C = np.max([one.max(0) for one in items], 0)
    found = [
        f"{name} is constant ({float(str(low)):.15g}) in the training data, and will be constant "
        "in samples"
        for name, low, high in zip(channels, low_C, high_C, strict=True)
        if low == high
    ]
    more = [f"{len(found) - NAMED} more channels are constant"] if len(found) > NAMED else []
    return found[:NAMED] + more
