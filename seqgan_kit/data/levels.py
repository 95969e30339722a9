"""Rounding of real values to the levels of a logistic head, which assigns them probabilities."""

from __future__ import annotations

from torch import Tensor

LEVELS = 256
"""Values that a number of a step can take, as in pixels; this makes their likelihood exact."""


def snapped(x: Tensor) -> Tensor:
    """Round numbers to the nearest of the ``LEVELS`` from -1 to 1.

    >>> import torch
    >>> snapped(torch.tensor([-1.7, 0.0, 0.5])).mul(255).round().tolist()
    [-255.0, 1.0, 127.0]
    """
    top = LEVELS - 1
    # 0 lies exactly between two levels; the offset makes it round up on every machine.
    return ((x.clamp(-1, 1) + 1) / 2 * top + 0.001).round() / top * 2 - 1
