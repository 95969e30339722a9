"""Summaries of a series data set: lengths, statistics of each channel, small multiples."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ...data.dataset import PARTS, Dataset
from ...data.unequal import unpadded
from ...report.data import of_each_class, quantile_rows, row
from .codec import SeriesCodec
from .drawing import Frame, small_multiples

ACROSS = 4
"""Series per class on a sheet."""


def summary(dataset: Dataset, codec: SeriesCodec) -> str:
    """Describe the lengths, and for each channel its values and the share that the codec clips."""
    raw = [dataset.parts[name].items[: len(dataset.parts[name])] for name in PARTS]
    lengths = [np.array([len(one) for one in items]) for items in raw]
    lines = [row("steps", PARTS), *quantile_rows(lengths, ".0f")]
    columns = ("smallest", "mean", "deviation", "largest", "cut")
    lines += ["", row("channel (training)", columns)]
    kept = [one[: codec.steps] for one in raw[0]]
    value_SC = np.concatenate(kept).astype(np.float64)
    back = codec.decode(*codec.encode(raw[0]))
    # A value that decodes differently, beyond rounding, was outside the range.
    gap_SC = np.abs(np.concatenate(unpadded(back)) - value_SC)
    cut_C = (gap_SC > 1e-4 * (1 + np.abs(value_SC))).mean(0)
    for number, name in enumerate(codec.channels):
        value_S = value_SC[:, number]
        found = (value_S.min(), value_S.mean(), value_S.std(), value_S.max())
        shown = [f"{value:.4g}" for value in found]
        lines.append(row(name[:20], [*shown, f"{100 * cut_C[number]:.2f} %"]))
    return "\n".join(lines)


def contact_sheet(dataset: Dataset, codec: SeriesCodec) -> Image.Image:
    """Draw encoded and decoded training series, one row per class, one column per channel."""
    names, rows = of_each_class(dataset, codec, ACROSS)
    series = [unpadded(items) for items in rows]
    frame = Frame.of([one for items in series for one in items], codec.channels)
    return small_multiples([frame.cells(items) for items in series], names)
