"""The codec of series: values of each channel over time, scaled to -1..1, with an end marker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ...batch import full_mask
from ...data.dataset import DataError, Dataset, Items
from ...data.ending import ended
from ...data.levels import snapped
from ...data.unequal import as_objects, exists, lengths, padded, unpadded
from ...kind import Codec
from .forms import Form, Normalize, Scaled, Values, digits_for, needs_double, own_range

LEARNED = 4096
"""Series per chunk while the ranges are learned."""

TOUCHED = 1e-4
"""Share of the half range beyond which a value counts as clipped; below it is rounding."""


class SeriesCodec(Codec):
    """Codec between series and sequences of values from -1 to 1.

    A value becomes ``(value - centre) / scale`` of its channel, clipped to -1..1. If lengths
    differ, an extra channel is 1 while a series lasts and -1 after its end, where the others are
    0. No mask marks the end: it is part of the sequence, seen by the discriminator and learned by
    the generator like any other value.

    Args:
        steps: length of the longest series; longer ones are cut.
        channels: names of the channels.
        centre: centre of each channel, and of each value of the whole series.
        scale: scale of each of them; 0 for a constant one.
        ends: whether there is a channel for the end.
        snap: whether values are rounded to the 256 levels of a logistic head.
        form: settings of a :class:`~.forms.Form`, if it is not the plain one.

    Attributes:
        features: numbers per step.
        form: what is written of a series.
    """

    def __init__(
        self,
        *,
        steps: int,
        channels: Sequence[str],
        centre: Sequence[float],
        scale: Sequence[float],
        ends: bool,
        snap: bool = False,
        form: Mapping[str, Any] | None = None,
    ) -> None:
        self.steps, self.channels, self.ends, self._snap = steps, tuple(channels), ends, snap
        self.form = Form(**form or {})
        self._width = len(self.channels) * (1 + self.form.whole)
        self.features = self._width + ends
        # In 64 bits where 32 would round; otherwise in 32, as runs of before were trained.
        double = not self.form.plain or needs_double(np.array(centre), np.array(scale))
        self._dtype = torch.float64 if double else torch.float32
        self._centre_W = torch.tensor(centre, dtype=self._dtype)
        self._scale_W = torch.tensor(scale, dtype=self._dtype)

    def encode(self, raw: np.ndarray) -> tuple[Float[Tensor, "B T F"], Bool[Tensor, "B T"]]:
        """Return series ``[t, C]`` as sequences, with a mask that is true everywhere."""
        value_BTW = self._values(raw)
        # A constant channel has scale 0; dividing by 1 instead maps it to 0.
        scale_W = torch.where(self._scale_W > 0, self._scale_W, 1.0)
        x_BTF = ((value_BTW - self._centre_W) / scale_W).clamp(-1, 1).nan_to_num(0.0).float()
        if self.ends:
            end_BT1 = exists(value_BTW)[..., None].float() * 2 - 1
            x_BTF = torch.cat([x_BTF, end_BT1], -1)
        return snapped(x_BTF) if self._snap else x_BTF, full_mask(len(raw), self.steps)

    def _values(self, raw: np.ndarray) -> Float[Tensor, "B T W"]:
        """Return the values of steps and of whole series side by side, NaN after the end."""
        parts = [self.form.split(one[: self.steps]) for one in raw]
        double = self._dtype == torch.float64
        value_BTC = padded([value_SC for value_SC, _ in parts], self.steps, double=double)
        if self.form.plain:
            return value_BTC
        whole_B1W = torch.from_numpy(np.stack([whole_W for _, whole_W in parts]))[:, None]
        whole_BTW = torch.where(exists(value_BTC)[..., None], whole_B1W, torch.nan)
        return torch.cat([value_BTC, whole_BTW], -1)

    def decode(
        self, x_BTF: Float[Tensor, "B T F"], mask_BT: Bool[Tensor, "B T"]
    ) -> Float[Tensor, "B T C"]:
        """Return sequences as series of at least one step, NaN after the end."""
        x_BTW = x_BTF[..., : self._width].to(self._dtype)
        value_BTW = x_BTW * self._scale_W.to(x_BTW) + self._centre_W.to(x_BTW)
        ended_BT1 = torch.zeros_like(mask_BT)[..., None]
        if self.ends:
            ended_BT1 = ((x_BTF[..., -1] < 0).cumsum(1) > 0)[..., None]
            ended_BT1[:, 0] = False
        count = len(self.channels)
        # What holds for a whole series is written at every step, and read as the mean.
        whole_BW = value_BTW[..., count:].masked_fill(ended_BT1, torch.nan).nanmean(1)
        value_BTC = self.form.join(value_BTW[..., :count], whole_BW)
        return torch.where(ended_BT1, torch.nan, value_BTC)

    def ended(self, x_BTF: Float[Tensor, "B T F"]) -> Float[Tensor, "B T F"]:
        return ended(x_BTF) if self.ends else x_BTF

    def present(self, things: Float[Tensor, "N T C"]) -> np.ndarray:
        """Return series as a user gets them.

        One array ``[N, T, C]`` if the codec has no channel for the end; otherwise an array of
        objects, each a series ``[t, C]``.
        """
        return as_objects(unpadded(things)) if self.ends else things.cpu().numpy()

    def clipped(self, raw: np.ndarray) -> list[Bool[np.ndarray, "S C"]]:
        """Return for each value of series whether it is beyond what the codec can write.

        A series whose own range or first level is beyond counts with all of its steps.
        """
        value_BTW = self._values(raw)
        gap_BTW = (value_BTW - self._centre_W).abs()
        slack_W = torch.where(self._scale_W > 0, self._scale_W, self._centre_W.abs() + 1)
        far_BTW = gap_BTW > self._scale_W + TOUCHED * slack_W
        far_BTC = far_BTW.unflatten(-1, (-1, len(self.channels))).any(2)
        return [
            far_TC[:length].numpy()
            for far_TC, length in zip(far_BTC, lengths(value_BTW).tolist(), strict=True)
        ]

    def digits(self, series_SC: Float[np.ndarray, "S C"]) -> list[int]:
        """Return the significant digits that hold each channel of a decoded series."""
        if self.form.plain:
            centre_C, reach_C = self._centre_W.numpy(), self._scale_W.numpy()
        else:
            centre_C, reach_C = own_range(series_SC, "min-max", 0.0)
        pairs = zip(centre_C.tolist(), reach_C.tolist(), strict=True)
        return [digits_for(centre, reach) for centre, reach in pairs]

    def ranges(self) -> tuple[Float[np.ndarray, " C"], Float[np.ndarray, " C"]]:
        """Return centre and scale of what is written of each channel at a step."""
        count = len(self.channels)
        return self._centre_W[:count].numpy(), self._scale_W[:count].numpy()


def learn_series(
    items: Items,
    *,
    channels: Sequence[str],
    normalize: Normalize,
    deviations: float,
    max_length: int | None,
    values: Values = "level",
    scale: Scaled = "channel",
) -> dict[str, Any]:
    """Learn the settings of a codec, with ranges from the training part.

    Padding never enters a mean, a deviation or a bound.

    Args:
        items: training series ``[t, C]``.
        channels: their names.
        normalize: ``min-max``: -1 and 1 lie just beyond the smallest and the largest value;
            ``standard``: they lie ``deviations`` standard deviations from the mean.
        deviations: number of standard deviations for ``standard``.
        max_length: steps of a sequence; ``None``: the length of the longest series.
        values: see :class:`~.forms.Form`.
        scale: see :class:`~.forms.Form`.
    """
    form = Form(values, scale, normalize, deviations)
    # Ranges of whole series are cut as the codec cuts them. Those of steps never were.
    cut = None if form.plain else max_length
    count, longest, shortest = 0, 0, np.inf
    total_C, low_C = np.zeros(len(channels)), np.full(len(channels), np.inf)
    high_C = -low_C
    low_W = np.full(len(channels) * form.whole, np.inf)
    high_W = -low_W
    for value_SC, whole_NW, length_N in _chunks(items, form, cut):
        count += len(value_SC)
        total_C += value_SC.sum(0)
        low_C = np.minimum(low_C, value_SC.min(0))
        high_C = np.maximum(high_C, value_SC.max(0))
        low_W, high_W = np.minimum(low_W, whole_NW.min(0)), np.maximum(high_W, whole_NW.max(0))
        longest, shortest = max(longest, length_N.max()), min(shortest, length_N.min())
    if scale == "item":
        # The range of each series is -1 to 1.
        centre_C, scale_C = np.zeros(len(channels)), np.ones(len(channels))
    elif normalize == "min-max":
        centre_C, scale_C = own_range(np.stack([low_C, high_C]), "min-max", deviations)
    else:
        centre_C = total_C / count
        # A second pass: the difference of large sums would lose all significant digits.
        square_C = sum(
            ((value_SC - centre_C) ** 2).sum(0) for value_SC, _, _ in _chunks(items, form, cut)
        )
        scale_C = np.sqrt(square_C / count) * deviations
    scale_C = np.where(high_C > low_C, scale_C, 0.0)
    centre_C = np.where(high_C > low_C, centre_C, low_C)
    centre_W, scale_W = own_range(np.stack([low_W, high_W]), "min-max", deviations)
    steps = int(longest) if max_length is None else max_length
    return {
        "steps": steps,
        "channels": list(channels),
        "centre": [*centre_C.tolist(), *centre_W.tolist()],
        "scale": [*scale_C.tolist(), *scale_W.tolist()],
        "ends": bool(shortest < steps),
        **({} if form.plain else {"form": asdict(form)}),
    }


def _chunks(
    items: Items, form: Form, cut: int | None
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield the values ``[S, C]`` of the steps of a chunk of series, those of these series as a
    whole ``[N, W]``, and their lengths."""
    for start in range(0, len(items), LEARNED):
        chunk = list(items[start : start + LEARNED])
        values, wholes = zip(*(form.split(one[:cut]) for one in chunk), strict=True)
        length_N = np.array([len(one) for one in chunk])
        yield np.concatenate(values).astype(np.float64), np.stack(wholes), length_N


def check_positive(dataset: Dataset) -> None:
    """Check that ratios are defined in all parts.

    Raises:
        DataError: a value is 0 or negative.
    """
    for name, part in dataset.parts.items():
        for one in part.items[: len(part)]:
            low_C = one.min(0)
            if (low_C <= 0).any():
                channel = dataset.channels[int(low_C.argmin())]
                raise DataError(
                    f"codec.values=ratio needs positive values, and {channel} is {low_C.min():g} "
                    f"in the {name} part: use codec.values=difference"
                )


def series_codec(codec: object) -> SeriesCodec:
    """Return the codec if it is a codec of series.

    Raises:
        TypeError: it is another codec.
    """
    if not isinstance(codec, SeriesCodec):
        raise TypeError(f"{type(codec).__name__} is not a codec of series")
    return codec
