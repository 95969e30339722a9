"""Items of unequal lengths (audio clips, series) as one tensor, padded with NaN."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def padded(things: Sequence[np.ndarray], size: int | None = None) -> Float[Tensor, "N S *C"]:
    """Stack items into one tensor, with NaN after their ends: zero could be a value.

    Args:
        things: arrays ``[length]`` or ``[length, channels]``.
        size: length of the result, by default that of the longest item; longer items are cut.

    >>> padded([np.array([0.5]), np.array([0.1, 0.2])]).tolist()
    [[0.5, nan], [0.10000000149011612, 0.20000000298023224]]
    """
    width = max((len(one) for one in things), default=0) if size is None else size
    channels = things[0].shape[1:] if len(things) else ()
    item_NSC = np.full((len(things), width, *channels), np.nan, np.float32)
    for row_SC, one in zip(item_NSC, things, strict=True):
        row_SC[: len(one)] = one[:width]
    return torch.from_numpy(item_NSC)


def lengths(items: Float[Tensor, "N S *C"]) -> Int[Tensor, " N"]:
    """Return the length of each item.

    >>> lengths(torch.tensor([[0.5, torch.nan], [0.0, 0.0]])).tolist()
    [1, 2]
    """
    return exists(items).sum(1)


def exists(items: Float[Tensor, "N S *C"]) -> Bool[Tensor, "N S"]:
    """Return a mask of the places before the end of each item.

    >>> exists(torch.tensor([[[0.5, 1.0], [torch.nan, torch.nan]]])).tolist()
    [[True, False]]
    """
    first_NS = items if items.ndim == 2 else items[..., 0]
    return ~first_NS.isnan()


def unpadded(items: Float[Tensor, "N S *C"]) -> list[np.ndarray]:
    """Return the items of a padded tensor, each with its own length."""
    length_N = lengths(items).tolist()
    rows = items.detach().float().cpu().numpy()
    return [row[:length].copy() for row, length in zip(rows, length_N, strict=True)]


def as_objects(things: Sequence[np.ndarray]) -> np.ndarray:
    """Return items as an array of objects; NumPy itself would stack items of equal length.

    >>> as_objects([np.zeros(2), np.ones(2)]).shape
    (2,)
    """
    found = np.empty(len(things), object)
    found[:] = things
    return found
