"""Overviews of a data set of any kind: counts as text, and items for a sheet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from torch import Tensor

from ..data.dataset import PARTS, Dataset
from ..data.numeric import in_ranges
from ..kind import Codec
from .images import GRID_ROWS

QUANTILES = (0, 25, 50, 75, 95, 100)


def summary(dataset: Dataset, codec: Codec) -> str:
    """Count the items of each part and label, and describe the shape of the sequences."""
    dataset = in_ranges(dataset)
    lines = [
        f"{dataset.name}: sequences of {codec.steps} steps of {_step(dataset, codec)}",
        *dataset.notes,
        "",
        row("", PARTS),
        row("items", [str(len(dataset.parts[name])) for name in PARTS]),
    ]
    for column, (attribute, classes) in enumerate(dataset.labels.items()):
        counts = [
            np.bincount(dataset.parts[name].label_NA[:, column], minlength=len(classes))
            for name in PARTS
        ]
        for number, label in enumerate(classes):
            title = f"{attribute} {label}"[:20]
            lines.append(row(title, [str(count[number]) for count in counts]))
    return "\n".join(lines)


def _step(dataset: Dataset, codec: Codec) -> str:
    """Describe the contents of a step."""
    x, _ = codec.encode(dataset.parts["training"].items[:1])
    return (
        f"{codec.features} numbers" if x.is_floating_point() else f"one of {codec.features} tokens"
    )


def quantile_rows(lengths: Sequence[np.ndarray], form: str) -> list[str]:
    """Return lines with the quantiles of the lengths in each part."""
    lines = []
    for share in QUANTILES:
        title = {0: "shortest", 50: "median", 100: "longest"}.get(share, f"{share} % up to")
        values = [f"{np.percentile(n, share):{form}}" if len(n) else "" for n in lengths]
        lines.append(row(title, values))
    return lines


def row(title: str, values: Iterable[str]) -> str:
    """Return a line of a table: a title and its values."""
    return f"{title:20}" + "".join(f"{value:>12}" for value in values)


def of_each_class(dataset: Dataset, codec: Codec, count: int) -> tuple[list[str], list[Tensor]]:
    """Encode and decode some training items of each class.

    Returns:
        The names of the classes of each attribute, as many as fit on a sheet, and the decoded
        items of each.
    """
    training = dataset.parts["training"]
    names: list[str] = []
    decoded: list[Tensor] = []
    for column, (attribute, classes) in enumerate(dataset.labels.items()):
        for number, label in enumerate(classes):
            members = np.flatnonzero(training.label_NA[:, column] == number)[:count]
            if not len(members) or len(decoded) == GRID_ROWS:
                continue
            decoded.append(codec.decode(*codec.encode(training.pick(members))))
            names.append(label if len(dataset.labels) == 1 else f"{attribute} {label}")
    return names, decoded
