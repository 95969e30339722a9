"""Parts of items that stand in others: runs of numbers, and windows over values."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from .membership import TINY
from .memorisation import nearest

BASE, SPREAD = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
"""Odd numbers of 64 bits, by which hashes of runs are made."""

MOST_WINDOWS = 50_000
"""Most windows on one side that items are compared with; of more, so many are drawn."""


def longest_runs(items_NL: Int[Tensor, "N L"], others_ML: Int[Tensor, "M W"]) -> np.ndarray:
    """Return the length of the longest run of each row that stands in one of the others.

    Args:
        items_NL: rows of numbers, 0 after their end.
        others_ML: rows in which runs are looked for, likewise.

    >>> rows, others = torch.tensor([[5, 6, 7, 8], [5, 8, 0, 0]]), torch.tensor([[6, 7, 8]])
    >>> longest_runs(rows, others).tolist()
    [3, 1]
    """
    flat_P, flat_Q = _flat(items_NL), _flat(others_ML)
    width = items_NL.shape[1] + 1
    longest_N = np.zeros(len(items_NL), np.int64)
    start_P, start_Q = np.flatnonzero(flat_P), np.flatnonzero(flat_Q)
    hash_P, hash_Q = np.zeros(len(start_P), np.uint64), np.zeros(len(start_Q), np.uint64)
    length = 0
    while len(start_P) and len(start_Q):
        # A run can only stand in the others if the same without its last number does.
        hash_P = hash_P * BASE + flat_P[start_P + length]
        hash_Q = hash_Q * BASE + flat_Q[start_Q + length]
        here_P, here_Q = np.isin(hash_P, hash_Q), np.isin(hash_Q, hash_P)
        length += 1
        longest_N[start_P[here_P] // width] = length
        here_P[here_P] = flat_P[start_P[here_P] + length] != 0
        here_Q[here_Q] = flat_Q[start_Q[here_Q] + length] != 0
        start_P, hash_P = start_P[here_P], hash_P[here_P]
        start_Q, hash_Q = start_Q[here_Q], hash_Q[here_Q]
    return longest_N


def _flat(row_NL: Int[Tensor, "N L"]) -> np.ndarray:
    """Return rows one after another, with a 0 behind each; other numbers are spread out."""
    return np.pad(row_NL.numpy().astype(np.uint64), ((0, 0), (0, 1))).ravel() * SPREAD


def copied_runs(
    items: Int[Tensor, "N L"], samples: Int[Tensor, "M W"], reference: Int[Tensor, "R S"]
) -> Float[np.ndarray, " N"]:
    """Return how much longer a piece of each row stands in samples than in the reference."""
    return (longest_runs(items, samples) - longest_runs(items, reference)).astype(np.float64)


def copied_windows(
    items: Float[Tensor, "N T F"],
    samples: Float[Tensor, "M S F"],
    reference: Float[Tensor, "R W F"],
    *,
    width: int,
) -> Float[np.ndarray, " N"]:
    """Return how much nearer a window of each item is to samples than to the reference.

    Of each item it is the window for which this is largest: the difference of the logarithms of
    both distances. An item without a window has 0.

    Args:
        items: steps of values, NaN after their end.
        samples: likewise.
        reference: items that no sample was made from.
        width: steps of a window; those of an item overlap by one half.
    """
    window_PW, item_P = _windows(items, width, max(width // 2, 1))
    sides = [_windows(one, width, 1, MOST_WINDOWS)[0] for one in (samples, reference)]
    score_N = np.zeros(len(items))
    if not len(window_PW) or not all(map(len, sides)):
        return score_N
    near_P, far_P = (nearest(window_PW, side).distance_N for side in sides)
    least = TINY * (float(np.median(far_P)) or 1.0)
    gain_P = np.log(far_P.clip(min=least)) - np.log(near_P.clip(min=least))
    score_N[np.unique(item_P)] = -np.inf
    np.maximum.at(score_N, item_P, gain_P)
    return score_N


def _windows(
    items: Float[Tensor, "N T F"], width: int, every: int, most: int | None = None
) -> tuple[Float[Tensor, "P W"], Int[np.ndarray, " P"]]:
    """Return the whole windows of all items, or some of them, as vectors; and their items."""
    if items.shape[1] < width:
        return items.new_zeros(0, width * items.shape[2]), np.zeros(0, np.int64)
    exists_NT = ~items.isnan().any(2)
    place_P2 = exists_NT.unfold(1, width, every).all(2).nonzero()
    if most is not None and len(place_P2) > most:
        chosen_P = np.random.default_rng(0).choice(len(place_P2), most, replace=False)
        place_P2 = place_P2[torch.from_numpy(np.sort(chosen_P))]
    item_P, start_P = place_P2.unbind(1)
    # Picked before they are copied: all windows take many times the memory of the items.
    window_PFW = items.unfold(1, width, every)[item_P, start_P]
    return window_PFW.flatten(1), item_P.numpy()
