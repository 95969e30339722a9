"""What a data set looks like: counts for reading, a sheet for looking."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ..data.dataset import PARTS, Dataset
from ..data.loader import Codec
from .images import GRID_ROWS, grid


def summary(dataset: Dataset, codec: Codec) -> str:
    """Counts of every part and label, and the shape of the sequences."""
    lines = [
        f"{dataset.name}: sequences of {codec.steps} steps of {codec.features} numbers",
        *dataset.notes,
        "",
        f"{'':16}" + "".join(f"{name:>12}" for name in PARTS),
        f"{'items':16}" + "".join(f"{len(dataset.parts[name]):12d}" for name in PARTS),
    ]
    for column, (attribute, classes) in enumerate(dataset.labels.items()):
        counts = [
            np.bincount(dataset.parts[name].label_NA[:, column], minlength=len(classes))
            for name in PARTS
        ]
        for number, label in enumerate(classes):
            title = f"{attribute} {label}"[:16]
            lines.append(f"{title:16}" + "".join(f"{count[number]:12d}" for count in counts))
    return "\n".join(lines)


def contact_sheet(dataset: Dataset, codec: Codec, columns: int = 12) -> Image.Image:
    """Training items after a round trip through the codec, one row a class of each attribute."""
    training = dataset.parts["training"]
    rows: list[np.ndarray] = []
    names: list[str] = []
    for column, (attribute, classes) in enumerate(dataset.labels.items()):
        for number, label in enumerate(classes):
            members = np.flatnonzero(training.label_NA[:, column] == number)[:columns]
            if not len(members) or len(rows) == GRID_ROWS:
                continue
            rows.append(codec.decode(*codec.encode(training.pick(members))).numpy())
            names.append(label if len(dataset.labels) == 1 else f"{attribute} {label}")
    return grid(rows, names)
