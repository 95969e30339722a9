"""The distance of two distributions of lengths."""

from __future__ import annotations

import numpy as np
from jaxtyping import Int
from torch import Tensor


def length_distance(a_N: Int[Tensor, " N"], b_M: Int[Tensor, " M"]) -> float:
    """Compute the Kolmogorov-Smirnov distance of two sets of lengths.

    It is the largest difference between their cumulative distributions: 0 if they are equal, 1 if
    every length of one is above every length of the other.

    >>> import torch
    >>> length_distance(torch.tensor([1, 2]), torch.tensor([2, 2, 3, 9]))
    0.5
    """
    a, b = np.sort(a_N.cpu().numpy()), np.sort(b_M.cpu().numpy())
    known = np.union1d(a, b)
    upto_a = np.searchsorted(a, known, side="right") / len(a)
    upto_b = np.searchsorted(b, known, side="right") / len(b)
    return float(np.abs(upto_a - upto_b).max())
