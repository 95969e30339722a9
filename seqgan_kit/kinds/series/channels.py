"""Channels that are not just real numbers: categories, switches, counts, amounts with zeros."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ...nn.mixed import Piece
from .schema import Sort

DISCRETE: tuple[Sort, ...] = ("binary", "categorical")
"""Sorts whose values are drawn from a list."""

MANY_ZEROS = 0.1
"""Share of zeros from which a channel that is never negative is taken for one with extra zeros."""

SATURATED = 0.01
"""Share of values at both ends of a range from which these are taken for bounds."""


@dataclass(frozen=True)
class Channel:
    """What the values of a channel may be.

    Attributes:
        sort: ``real``; ``non-negative``; ``bounded``: within the range of the training data;
            ``integer``: whole numbers; ``binary``: one of two; ``categorical``: one of a list;
            ``zero-inflated``: 0, or an amount.
        values: the two, or the list, from the smallest.
        names: names of categories that are text in the data.
        whole: whether all values are whole numbers.
        low: the smallest value that there may be.
        high: the largest.
    """

    sort: Sort = "real"
    values: tuple[float, ...] = ()
    names: tuple[str, ...] = ()
    whole: bool = False
    low: float | None = None
    high: float | None = None

    @property
    def piece(self) -> Piece:
        """What the channel's numbers of a step are."""
        if self.sort == "categorical":
            return Piece("choice", len(self.values))
        if self.sort in ("binary", "zero-inflated"):
            return Piece("switch", 1 + (self.sort == "zero-inflated"))
        return Piece("values", 1)

    def fit(self, value: Tensor) -> Tensor:
        """Return the nearest values that there may be."""
        value = value.round() if self.whole else value
        if self.low is None and self.high is None:
            return value
        return value.clamp(self.low, self.high)

    def text(self, value: float, digits: int, decimal: str, cell: Callable[[str], str]) -> str:
        """Return a value as a table has it.

        Args:
            value: the value.
            digits: significant digits of real numbers.
            decimal: what stands before the decimals.
            cell: turns a name into a cell.
        """
        if self.names:
            return cell(self.names[round(value)])
        if self.whole:
            return str(round(value))
        return f"{value:.{digits}g}".replace(".", decimal)

    def plain(self, value_T: Float[np.ndarray, " T"]) -> list[float | int | str]:
        """Return values as they are meant: names of categories, whole numbers, or numbers."""
        if self.names:
            return [self.names[round(value)] for value in value_T.tolist()]
        return [round(value) if self.whole else value for value in value_T.tolist()]


class Layout:
    """The numbers of a step for channels of different sorts.

    Args:
        channels: the channels.
        centre_C: centre of each.
        scale_C: scale of each.

    Attributes:
        pieces: what the numbers are.
        width: how many there are.
    """

    def __init__(self, channels: Sequence[Channel], centre_C: Tensor, scale_C: Tensor) -> None:
        self.channels = tuple(channels)
        self._centre = centre_C.tolist()
        self._scale = scale_C.tolist()
        self.pieces = tuple(channel.piece for channel in channels)
        self._sizes = [piece.size for piece in self.pieces]
        self.width = sum(self._sizes)

    def spread(
        self, value_BTC: Float[Tensor, "B T C"], x_BTC: Float[Tensor, "B T C"]
    ) -> Float[Tensor, "B T W"]:
        """Return the numbers of steps.

        Args:
            value_BTC: values, NaN after the end of a series.
            x_BTC: the same from -1 to 1.
        """
        exists_BT1 = ~value_BTC[..., :1].isnan()
        parts = []
        for place, channel in enumerate(self.channels):
            value_BT1, x_BT1 = (side[..., place : place + 1] for side in (value_BTC, x_BTC))
            if channel.sort in DISCRETE:
                chosen_BTK = (value_BT1 == value_BT1.new_tensor(channel.values)).float()
                part = chosen_BTK if channel.sort == "categorical" else (
                    chosen_BTK[..., 1:] * 2 - 1
                )  # fmt: skip
            elif channel.sort == "zero-inflated":
                on_BT1 = (value_BT1 != 0).float()
                part = torch.cat([on_BT1 * 2 - 1, x_BT1 * on_BT1], -1)
            else:
                # After an end what the codec of real numbers writes there.
                parts.append(x_BT1)
                continue
            parts.append(part * exists_BT1)
        return torch.cat(parts, -1)

    def gathered(
        self, x_BTW: Float[Tensor, "B T W"], dtype: torch.dtype
    ) -> Float[Tensor, "B T C"]:
        """Return the values of steps: the inverse of :meth:`spread`."""
        found = []
        parts = self._split(x_BTW)
        for place, (channel, part) in enumerate(zip(self.channels, parts, strict=True)):
            if channel.sort == "categorical":
                found.append(part.new_tensor(channel.values, dtype=dtype)[part.argmax(-1)])
            elif channel.sort == "binary":
                values = part.new_tensor(channel.values, dtype=dtype)
                found.append(values[(part[..., 0] > 0).long()])
            else:
                value_BT = channel.fit(self._value(part[..., -1].to(dtype), place))
                if channel.sort == "zero-inflated":
                    value_BT = torch.where(part[..., 0] > 0, value_BT, 0.0)
                found.append(value_BT)
        return torch.stack(found, -1)

    def exact(self, x_BTW: Float[Tensor, "B T W"]) -> Float[Tensor, "B T W"]:
        """Return generated steps whose values are such as there may be, as :meth:`spread` writes.

        What is rounded or cut passes the gradient of what was (Bengio et al. 2013).
        """
        parts = list(self._split(x_BTW))
        for place, channel in enumerate(self.channels):
            if channel.sort in ("real", *DISCRETE):
                continue
            part = parts[place]
            x_BT1 = part[..., -1:].detach()
            fitting_BT1 = channel.fit(self._value(x_BT1.double(), place))
            scale = self._scale[place] or 1.0
            fitting_BT1 = ((fitting_BT1 - self._centre[place]) / scale).clamp(-1, 1).to(x_BT1)
            moved_BT1 = fitting_BT1 - x_BT1
            if channel.sort == "zero-inflated":
                # What is switched off stays 0.
                moved_BT1 = moved_BT1 * (part[..., :1].detach() > 0)
            parts[place] = torch.cat([part[..., :-1], part[..., -1:] + moved_BT1], -1)
        return torch.cat(parts, -1)

    def _value(self, x: Tensor, place: int) -> Tensor:
        return x * self._scale[place] + self._centre[place]

    def _split(self, x_BTW: Tensor) -> Sequence[Tensor]:
        return x_BTW.split(self._sizes, -1)


def guessed_sort(value_S: Float[np.ndarray, " S"], names: Sequence[str] = ()) -> Sort:
    """Return what a channel is taken for, by its values.

    >>> guessed_sort(np.array([0.0, 1.0, 1.0])), guessed_sort(np.array([1.0, 2.0, 7.0]))
    ('binary', 'integer')
    >>> guessed_sort(np.array([0.0, 0.0, 1.5, 0.3])), guessed_sort(np.array([-1.5, 0.3, 2.0]))
    ('zero-inflated', 'real')
    """
    if names:
        return "categorical"
    low, high = value_S.min(), value_S.max()
    if low == high:
        return "real"
    if ((value_S == low) | (value_S == high)).all():
        return "binary"
    if (value_S == np.round(value_S)).all():
        return "integer"
    if min((value_S == low).sum(), (value_S == high).sum()) >= max(SATURATED * len(value_S), 3):
        return "bounded"
    if low == 0 and (value_S == 0).mean() >= MANY_ZEROS:
        return "zero-inflated"
    return "non-negative" if low >= 0 else "real"
