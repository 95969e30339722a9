"""Summaries of a series data set: lengths, statistics of each channel, small multiples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from PIL import Image

from ...data.dataset import PARTS, Dataset, PartName, some
from ...data.unequal import as_objects, unpadded
from ...report.data import of_each_class, quantile_rows, row
from .codec import SeriesCodec
from .drawing import Frame, small_multiples
from .forms import digits_for
from .learning import guessed_sorts

ACROSS = 4
"""Series per class on a sheet."""

LARGELY = 0.1
"""Share of the values of a part beyond the codec's range that is worth a warning."""

HELD = 2.0**-22
"""Smallest step that 32-bit numbers from -1 to 1 hold, with room for rounding."""

COLUMNS = ("smallest", "mean", "deviation", "largest", "cut")

Series = Sequence[Float[np.ndarray, "_ C"]]


def summary(dataset: Dataset, codec: SeriesCodec) -> str:
    """Describe lengths, the values of each channel in each part, and what the codec cuts."""
    raw = {name: list(dataset.parts[name].items[: len(dataset.parts[name])]) for name in PARTS}
    lengths = [np.array([len(one) for one in items]) for items in raw.values()]
    lines = [row("steps", PARTS), *quantile_rows(lengths, ".0f")]
    warnings = _shortened(raw, codec)
    for part, items in raw.items():
        if items:
            cut_C = np.concatenate(codec.clipped(as_objects(items))).mean(0)
            lines += ["", *_values(part, items, codec, cut_C)]
            warnings += _beyond(part, cut_C, codec)
    if any("beyond" in line for line in warnings):
        warnings.append(
            "The range is that of the training part: data.split=random or blocks mixes the times "
            "of windows, codec.scale=item gives each series a range of its own, and "
            "codec.values=difference or ratio writes changes."
        )
    warnings += _lost_steps(raw["training"], codec)
    lines += _sorts(dataset, codec)
    return "\n".join([*lines, *([""] if warnings else []), *warnings])


def _values(
    part: PartName, items: Series, codec: SeriesCodec, cut_C: Float[np.ndarray, " C"]
) -> list[str]:
    """Return a table of the values of a part."""
    value_SC = np.concatenate([one[: codec.steps] for one in items]).astype(np.float64)
    lines = [row(f"channel ({part})", COLUMNS)]
    for name, value_S, cut in zip(codec.channels, value_SC.T, cut_C, strict=True):
        found = (value_S.min(), value_S.mean(), value_S.std(), value_S.max())
        # Values that differ only behind many digits are shown with these.
        digits = 4 if digits_for(found[1], found[2]) < 8 else 10
        shown = [f" {value:.{digits}g}" for value in found]
        lines.append(row(name[:20], [*shown, f"{100 * cut:.2f} %"]))
    return lines


def _sorts(dataset: Dataset, codec: SeriesCodec) -> list[str]:
    """Say what the values of channels are taken for, and what they look like beside that."""
    given = dict(zip(codec.channels, codec.sorts, strict=True))
    named = [f"{name} {one.sort}" for name, one in given.items() if one.sort != "real"]
    lines = ["", "values: " + ", ".join([*named, "all others real"])] if named else []
    lines += [
        f"categories of {name}: {', '.join(one.names)}" for name, one in given.items() if one.names
    ]
    look = {n: sort for n, sort in guessed_sorts(dataset).items() if given[n].sort == "real"}
    if look:
        shown = ", ".join(f"{name}: {sort}" for name, sort in look.items())
        lines += ["", f"By their values channels could be declared: codec.channels={{{shown}}}"]
    return lines


def _shortened(raw: dict[PartName, list[np.ndarray]], codec: SeriesCodec) -> list[str]:
    """Say how many series are longer than a sequence."""
    return [
        f"{part}: {count} of {len(items)} series are cut to {codec.steps} steps (codec.max_length)"
        for part, items in raw.items()
        if (count := sum(len(one) > codec.steps for one in items))
    ]


def _beyond(part: PartName, cut_C: Float[np.ndarray, " C"], codec: SeriesCodec) -> list[str]:
    """Say which channels of a part lie largely beyond the range of the codec."""
    far = [
        f"{name} ({100 * cut:.0f} %)"
        for name, cut in zip(codec.channels, cut_C, strict=True)
        if cut > LARGELY
    ]
    return [f"{part}: values beyond the codec's range are cut: {some(far)}"] if far else []


def _lost_steps(items: Series, codec: SeriesCodec) -> list[str]:
    """Say in which channels the usual step from a value to the next is lost in the range."""
    values = [codec.form.split(one[: codec.steps])[0] for one in items]
    reach_C = codec.ranges()[1]
    found = []
    for channel, (name, reach) in enumerate(zip(codec.channels, reach_C, strict=True)):
        step_S = np.abs(np.concatenate([np.diff(one[:, channel]) for one in values]))
        step_S = step_S[step_S > 0]
        if len(step_S) and (step := float(np.median(step_S))) < HELD * reach:
            found.append(
                f"{name}: its steps (median {step:.3g}) are lost in a range of {2 * reach:.3g}: "
                "correct values that are far from all others, or set codec.values=difference"
            )
    return found


def contact_sheet(dataset: Dataset, codec: SeriesCodec) -> Image.Image:
    """Draw encoded and decoded training series, one row per class, one column per channel."""
    names, rows = of_each_class(dataset, codec, ACROSS)
    series = [unpadded(items) for items in rows]
    frame = Frame.of([one for items in series for one in items], codec.channels)
    return small_multiples([frame.cells(items) for items in series], names)
