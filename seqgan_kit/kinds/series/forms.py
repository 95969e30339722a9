"""What a codec writes of a series: levels or changes, scaled by channel or by series."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from .items import LARGEST

Normalize = Literal["min-max", "standard"]
Values = Literal["level", "difference", "ratio"]
Scaled = Literal["channel", "item"]

ROOM = 1.05
"""Factor that widens the min-max range, so that networks can produce the extreme training values:
their bounded outputs approach -1 and 1 without reaching them."""

FINE = 1 << 10
"""How many times its range a value may be, before 32-bit numbers round it visibly."""

WHOLE = 1 << 24
"""Where 32-bit numbers begin to lack whole numbers."""

USUAL_DIGITS, MOST_DIGITS = 7, 17
"""Significant digits of a number of 32 bits, and of 64."""


@dataclass(frozen=True)
class Form:
    """How a series becomes values of each step, and values of the series as a whole.

    The latter are written at every step, as in DoppelGANger: a channel of its own for each.

    Attributes:
        values: what is written of a step: its level; the difference from the step before; or the
            logarithm of the ratio to it. Changes need the level of the first step, as a value of
            the whole series.
        scale: whether values are scaled by the range of their channel, or by that of the series,
            whose centre and half range are then two values of the whole series.
        normalize: what the range of a series is: see :func:`own_range`.
        deviations: standard deviations of the range, if it is not from minimum to maximum.

    References:
        Lin et al. 2020, *Using GANs for Sharing Networked Time Series Data*, section 4.1.2.
    """

    values: Values = "level"
    scale: Scaled = "channel"
    normalize: Normalize = "min-max"
    deviations: float = 3.0

    @property
    def plain(self) -> bool:
        """Whether levels are written in the range of their channel, and nothing else."""
        return self.whole == 0

    @property
    def whole(self) -> int:
        """Number of values of the whole series for each channel."""
        return (self.values != "level") + 2 * (self.scale == "item")

    def split(
        self, level_SC: Float[np.ndarray, "S C"]
    ) -> tuple[Float[np.ndarray, "S C"], Float[np.ndarray, " W"]]:
        """Return the values of each step, and those of the whole series, ``whole`` a channel."""
        value_SC, whole = level_SC, []
        if self.values != "level":
            value_SC = value_SC.astype(np.float64)
            value_SC = np.log(value_SC) if self.values == "ratio" else value_SC
            whole.append(value_SC[0])
            value_SC = np.diff(value_SC, axis=0, prepend=value_SC[:1])
        if self.scale == "item":
            value_SC = value_SC.astype(np.float64)
            centre_C, reach_C = own_range(value_SC, self.normalize, self.deviations)
            whole += [centre_C, reach_C]
            value_SC = (value_SC - centre_C) / np.where(reach_C > 0, reach_C, 1.0)
        return value_SC, np.concatenate(whole) if whole else np.zeros(0)

    def join(
        self, value_BTC: Float[Tensor, "B T C"], whole_BW: Float[Tensor, "B W"]
    ) -> Float[Tensor, "B T C"]:
        """Return the levels of series: the inverse of :meth:`split`."""
        whole = list(whole_BW[:, None].split(value_BTC.shape[-1], -1)) if self.whole else []
        if self.scale == "item":
            reach_B1C = whole.pop().clamp(min=0)
            value_BTC = value_BTC * reach_B1C + whole.pop()
        if self.values != "level":
            changes_BTC = torch.cat([torch.zeros_like(value_BTC[:, :1]), value_BTC[:, 1:]], 1)
            value_BTC = whole.pop() + changes_BTC.cumsum(1)
        if self.values == "ratio":
            value_BTC = value_BTC.clamp(max=math.log(LARGEST)).exp()
        return value_BTC


def own_range(
    value_SC: Float[np.ndarray, "S C"], normalize: Normalize, deviations: float
) -> tuple[Float[np.ndarray, " C"], Float[np.ndarray, " C"]]:
    """Return centre and half range of each channel.

    >>> own_range(np.array([[0.0], [2.0]]), "min-max", 3.0)
    (array([1.]), array([1.05]))
    """
    if normalize == "standard":
        return value_SC.mean(0), value_SC.std(0) * deviations
    low_C, high_C = value_SC.min(0), value_SC.max(0)
    return (low_C + high_C) / 2, (high_C - low_C) / 2 * ROOM


def needs_double(centre_C: np.ndarray, reach_C: np.ndarray) -> bool:
    """Return whether 32-bit numbers are too coarse for values about a centre.

    >>> needs_double(np.array([1.7e9]), np.array([3600.0])), needs_double(np.ones(1), np.ones(1))
    (True, False)
    """
    far_C = np.where(reach_C > 0, FINE * reach_C, WHOLE)
    return bool((np.abs(centre_C) > far_C).any())


def digits_for(centre: float, reach: float) -> int:
    """Return the significant digits that values within ``reach`` of a centre need.

    >>> digits_for(20.0, 3.0), digits_for(1.7e9, 3600.0), digits_for(1.7e9, 0.0)
    (7, 13, 17)
    """
    if reach <= 0:
        return MOST_DIGITS if abs(centre) > WHOLE else USUAL_DIGITS
    if abs(centre) <= FINE * reach:
        return USUAL_DIGITS
    return min(USUAL_DIGITS + math.ceil(math.log10(abs(centre) / reach)), MOST_DIGITS)
