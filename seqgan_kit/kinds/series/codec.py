"""The codec of series: values of each channel over time, scaled to -1..1, with an end marker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ...batch import full_mask
from ...data.clock import Clock
from ...data.dataset import some
from ...data.ending import ended
from ...data.levels import snapped
from ...data.unequal import as_objects, exists, lengths, padded, unpadded
from ...errors import NotSupported, UsageError
from ...kind import Codec
from ...nn.mixed import Piece
from .channels import DISCRETE, Channel, Layout
from .forms import Form, digits_for, needs_double, own_range

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
        sorts: settings of a :class:`~.channels.Channel` for each channel, if they are not all
            real numbers; the form is plain then.
        clock: settings of a :class:`~seqgan_kit.data.clock.Clock`, if times are regular.

    Attributes:
        features: numbers per step.
        form: what is written of a series.
        sorts: what the values of each channel may be.
        clock: the times of steps, if they are regular.
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
        sorts: Sequence[Mapping[str, Any]] | None = None,
        clock: Mapping[str, Any] | None = None,
    ) -> None:
        self.steps, self.channels, self.ends, self._snap = steps, tuple(channels), ends, snap
        self.form = Form(**form or {})
        # In 64 bits where 32 would round; otherwise in 32, as runs of before were trained.
        double = not self.form.plain or needs_double(np.array(centre), np.array(scale))
        self._dtype = torch.float64 if double else torch.float32
        self._centre_W = torch.tensor(centre, dtype=self._dtype)
        self._scale_W = torch.tensor(scale, dtype=self._dtype)
        self.clock = None if clock is None else Clock(**clock)
        self.sorts = tuple(Channel(**one) for one in sorts or [{}] * len(self.channels))
        self._layout = Layout(self.sorts, self._centre_W, self._scale_W) if sorts else None
        self._width = len(self.channels) * (1 + self.form.whole)
        if self._layout is not None:
            self._width = self._layout.width
            pieces = (*self._layout.pieces, *([Piece("values", 1)] if ends else []))
            self.mixed = pieces if any(one.sort != "values" for one in pieces) else None
        self.features = self._width + ends

    def encode(self, raw: np.ndarray) -> tuple[Float[Tensor, "B T F"], Bool[Tensor, "B T"]]:
        """Return series ``[t, C]`` as sequences, with a mask that is true everywhere."""
        value_BTW = self._values(raw)
        # A constant channel has scale 0; dividing by 1 instead maps it to 0.
        scale_W = torch.where(self._scale_W > 0, self._scale_W, 1.0)
        x_BTF = ((value_BTW - self._centre_W) / scale_W).clamp(-1, 1).nan_to_num(0.0).float()
        x_BTF = snapped(x_BTF) if self._snap else x_BTF
        if self._layout is not None:
            x_BTF = self._layout.spread(value_BTW, x_BTF)
        if self.ends:
            end_BT1 = exists(value_BTW)[..., None].float() * 2 - 1
            x_BTF = torch.cat([x_BTF, end_BT1], -1)
        return x_BTF, full_mask(len(raw), self.steps)

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
        x_BTW = x_BTF[..., : self._width]
        if self._layout is None:
            x_BTW = x_BTW.to(self._dtype)
            value_BTW = x_BTW * self._scale_W.to(x_BTW) + self._centre_W.to(x_BTW)
        else:
            value_BTW = self._layout.gathered(x_BTW, self._dtype)
        ended_BT1 = torch.zeros_like(mask_BT)[..., None]
        if self.ends:
            ended_BT1 = ((x_BTF[..., -1] < 0).cumsum(1) > 0)[..., None]
            ended_BT1[:, 0] = False
        count = len(self.channels)
        # What holds for a whole series is written at every step, and read as the mean.
        whole_BW = value_BTW[..., count:].masked_fill(ended_BT1, torch.nan).nanmean(1)
        value_BTC = self.form.join(value_BTW[..., :count], whole_BW)
        return torch.where(ended_BT1, torch.nan, value_BTC)

    def exact(self, x_BTF: Float[Tensor, "B T F"]) -> Float[Tensor, "B T F"]:
        if self._layout is not None:
            values_BTW = self._layout.exact(x_BTF[..., : self._width])
            x_BTF = torch.cat([values_BTW, x_BTF[..., self._width :]], -1)
        return ended(x_BTF) if self.ends else x_BTF

    def present(self, things: Float[Tensor, "N T C"]) -> np.ndarray:
        """Return series as a user gets them.

        One array ``[N, T, C]`` if the codec has no channel for the end; otherwise an array of
        objects, each a series ``[t, C]``.
        """
        return as_objects(unpadded(things)) if self.ends else things.cpu().numpy()

    def beginning(self, raw: Float[np.ndarray, "P C"]) -> Float[Tensor, "P F"]:
        """Return the first steps of a series; :meth:`clipped` tells which values are cut.

        Raises:
            UsageError: it has no steps or too many, other channels, values that are missing, or
                a value that a channel of categories does not have.
            NotSupported: series are scaled by their own range, which its beginning does not have.
        """
        raw = np.asarray(raw)
        if raw.ndim != 2 or raw.shape[1] != len(self.channels):
            found = f"the shape {list(raw.shape)}" if raw.ndim != 2 else f"{raw.shape[1]}"
            raise UsageError(
                f"a beginning has {found} channels, and series of this run have "
                f"{len(self.channels)}: {some(self.channels)}"
            )
        if not 0 < len(raw) < self.steps:
            raise UsageError(
                f"a beginning of {len(raw)} steps: series of this run have at most {self.steps}, "
                f"so that it may have 1 to {self.steps - 1}"
            )
        if not np.isfinite(raw).all():
            raise UsageError("a beginning has values that are missing or infinite: fill them")
        for name, channel, value_P in zip(self.channels, self.sorts, raw.T, strict=True):
            if (
                channel.sort in DISCRETE
                and not (known_P := np.isin(value_P, channel.values)).all()
            ):
                raise UsageError(
                    f"a beginning has {name} = {value_P[~known_P][0]:g}; series of this run have "
                    f"{some([f'{value:g}' for value in channel.values])}"
                )
        if self.form.scale == "item":
            raise NotSupported(
                "this run cannot go on from a beginning: its series are scaled by their own range "
                "(codec.scale=item), which a beginning does not tell"
            )
        return self.encode(as_objects([raw]))[0][0, : len(raw)]

    def clipped(self, raw: np.ndarray) -> list[Bool[np.ndarray, "S C"]]:
        """Return for each value of series whether it is beyond what the codec can write.

        A series whose own range or first level is beyond counts with all of its steps.
        """
        value_BTW = self._values(raw)
        gap_BTW = (value_BTW - self._centre_W).abs()
        slack_W = torch.where(self._scale_W > 0, self._scale_W, self._centre_W.abs() + 1)
        far_BTW = gap_BTW > self._scale_W + TOUCHED * slack_W
        for place, channel in enumerate(self.sorts):
            if channel.sort in DISCRETE:
                far_BTW[..., place] = False
            elif channel.sort == "zero-inflated":
                # Zeros are not written as values.
                far_BTW[..., place] &= value_BTW[..., place] != 0
        far_BTC = far_BTW.unflatten(-1, (-1, len(self.channels))).any(2)
        return [
            far_TC[:length].numpy()
            for far_TC, length in zip(far_BTC, lengths(value_BTW).tolist(), strict=True)
        ]

    def texts(
        self, series_SC: Float[np.ndarray, "S C"], decimal: str, cell: Callable[[str], str]
    ) -> list[list[str]]:
        """Return the values of a decoded series as a table has them, a row for each step."""
        columns = list(zip(self.sorts, self.digits(series_SC), strict=True))
        return [
            [
                channel.text(value, digits, decimal, cell)
                for value, (channel, digits) in zip(row_C, columns, strict=True)
            ]
            for row_C in series_SC.tolist()
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


def series_codec(codec: object) -> SeriesCodec:
    """Return the codec if it is a codec of series.

    Raises:
        TypeError: it is another codec.
    """
    if not isinstance(codec, SeriesCodec):
        raise TypeError(f"{type(codec).__name__} is not a codec of series")
    return codec
