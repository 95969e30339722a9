"""The codec of series: values of each channel over time, scaled to -1..1, with an end marker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ...batch import full_mask
from ...data.dataset import Items
from ...data.levels import snapped
from ...data.unequal import as_objects, exists, padded, unpadded
from ...kind import Codec

LEARNED = 4096
"""Series per chunk while the ranges are learned."""

ROOM = 1.05
"""Factor that widens the min-max range, so that networks can produce the extreme training values:
their bounded outputs approach -1 and 1 without reaching them."""

Normalize = Literal["min-max", "standard"]


class SeriesCodec(Codec):
    """Codec between series and sequences of values from -1 to 1.

    A value becomes ``(value - centre) / scale`` of its channel, clipped to -1..1. If lengths
    differ, an extra channel is 1 while a series lasts and -1 after its end, where the others are
    0. No mask marks the end: it is part of the sequence, seen by the discriminator and learned by
    the generator like any other value.

    Args:
        steps: length of the longest series; longer ones are cut.
        channels: names of the channels.
        centre: centre of each channel.
        scale: scale of each channel; 0 for a constant one.
        ends: whether there is a channel for the end.
        snap: whether values are rounded to the 256 levels of a logistic head.

    Attributes:
        features: numbers per step.
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
    ) -> None:
        self.steps, self.channels, self.ends, self._snap = steps, tuple(channels), ends, snap
        self.features = len(self.channels) + ends
        self._centre_C = torch.tensor(centre, dtype=torch.float32)
        self._scale_C = torch.tensor(scale, dtype=torch.float32)

    def encode(self, raw: np.ndarray) -> tuple[Float[Tensor, "B T F"], Bool[Tensor, "B T"]]:
        """Return series ``[t, C]`` as sequences, with a mask that is true everywhere."""
        item_BTC = padded(list(raw), self.steps)
        exists_BT = exists(item_BTC)
        # A constant channel has scale 0; dividing by 1 instead maps it to 0.
        scale_C = torch.where(self._scale_C > 0, self._scale_C, 1.0)
        x_BTF = ((item_BTC - self._centre_C) / scale_C).clamp(-1, 1).nan_to_num(0.0)
        if self.ends:
            end_BT1 = exists_BT[..., None].float() * 2 - 1
            x_BTF = torch.cat([x_BTF, end_BT1], -1)
        return snapped(x_BTF) if self._snap else x_BTF, full_mask(len(raw), self.steps)

    def decode(
        self, x_BTF: Float[Tensor, "B T F"], mask_BT: Bool[Tensor, "B T"]
    ) -> Float[Tensor, "B T C"]:
        """Return sequences as series of at least one step, NaN after the end."""
        count = len(self.channels)
        value_BTC = x_BTF[..., :count] * self._scale_C.to(x_BTF) + self._centre_C.to(x_BTF)
        if not self.ends:
            return value_BTC
        ended_BT = (x_BTF[..., -1] < 0).cumsum(1) > 0
        ended_BT[:, 0] = False
        return torch.where(ended_BT[..., None], torch.nan, value_BTC)

    def present(self, things: Float[Tensor, "N T C"]) -> np.ndarray:
        """Return series as a user gets them.

        One array ``[N, T, C]`` if the codec has no channel for the end; otherwise an array of
        objects, each a series ``[t, C]``.
        """
        return as_objects(unpadded(things)) if self.ends else things.float().cpu().numpy()


def learn_series(
    items: Items,
    *,
    channels: Sequence[str],
    normalize: Normalize,
    deviations: float,
    max_length: int | None,
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
    """
    count, longest, shortest = 0, 0, np.inf
    total_C, low_C = np.zeros(len(channels)), np.full(len(channels), np.inf)
    high_C = -low_C
    for value_SC, length_N in _chunks(items):
        count += len(value_SC)
        total_C += value_SC.sum(0)
        low_C = np.minimum(low_C, value_SC.min(0))
        high_C = np.maximum(high_C, value_SC.max(0))
        longest, shortest = max(longest, length_N.max()), min(shortest, length_N.min())
    if normalize == "min-max":
        centre_C, scale_C = (low_C + high_C) / 2, (high_C - low_C) / 2 * ROOM
    else:
        centre_C = total_C / count
        # A second pass: the difference of large sums would lose all significant digits.
        square_C = sum(((value_SC - centre_C) ** 2).sum(0) for value_SC, _ in _chunks(items))
        scale_C = np.sqrt(square_C / count) * deviations
    scale_C = np.where(high_C > low_C, scale_C, 0.0)
    centre_C = np.where(high_C > low_C, centre_C, low_C)
    steps = int(longest) if max_length is None else max_length
    return {
        "steps": steps,
        "channels": list(channels),
        "centre": centre_C.tolist(),
        "scale": scale_C.tolist(),
        "ends": bool(shortest < steps),
    }


def _chunks(items: Items) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the values ``[S, C]`` of a chunk of series, and the lengths of these series."""
    for start in range(0, len(items), LEARNED):
        chunk = items[start : start + LEARNED]
        yield np.concatenate(list(chunk)).astype(np.float64), np.array([len(s) for s in chunk])


def series_codec(codec: object) -> SeriesCodec:
    """Return the codec if it is a codec of series.

    Raises:
        TypeError: it is another codec.
    """
    if not isinstance(codec, SeriesCodec):
        raise TypeError(f"{type(codec).__name__} is not a codec of series")
    return codec
