"""Real values on the levels of which a logistic head has probabilities."""

from __future__ import annotations

from torch import Tensor

LEVELS = 256
"""Values that a number of a step can take, as pixels do: it makes a likelihood of them exact."""


def snapped(x: Tensor) -> Tensor:
    """Numbers on the nearest of the ``LEVELS`` from -1 to 1.

    >>> import torch
    >>> snapped(torch.tensor([-1.7, 0.0, 0.5])).mul(255).round().tolist()
    [-255.0, 1.0, 127.0]
    """
    top = LEVELS - 1
    # The middle, half a step of frames, lies between two levels, and goes up however it rounds.
    return ((x.clamp(-1, 1) + 1) / 2 * top + 0.001).round() / top * 2 - 1
