"""Items of unequal lengths (audio clips, series) as one tensor, padded with NaN."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from .dataset import DataError

PADDED_BYTES = 1 << 31
PADDING = 20
"""What items may take when they are padded, and how many times their own size beyond that."""


def refuse_padding(lengths: Sequence[int], width: int, value_bytes: int) -> None:
    """Refuse to pad many items to the length of a few that are very much longer.

    One item of a million steps among thousands of short ones, as a missing line break makes it,
    would fill the memory with padding.

    Args:
        lengths: steps of the items.
        width: steps that all are padded to.
        value_bytes: bytes of a step.

    Raises:
        DataError: it would take more than 2 GB, nearly all of it padding.
    """
    whole = len(lengths) * width * value_bytes
    held = sum(min(length, width) for length in lengths) * value_bytes
    if whole > max(PADDED_BYTES, PADDING * held):
        raise DataError(
            f"the longest of {len(lengths):,} items has {max(lengths):,} steps, and the others "
            f"{int(np.median(lengths)):,} at the median; padded to {width:,} they would take "
            f"{whole >> 20:,} MB: shorten it, or leave it out"
        )


def padded(
    things: Sequence[np.ndarray], size: int | None = None, *, double: bool = False
) -> Float[Tensor, "N S *C"]:
    """Stack items into one tensor, with NaN after their ends: zero could be a value.

    Args:
        things: arrays ``[length]`` or ``[length, channels]``.
        size: length of the result, by default that of the longest item; longer items are cut.
        double: whether numbers have 64 bits instead of 32.

    Raises:
        DataError: nearly all of it would be padding, of more than the memory should take.

    >>> padded([np.array([0.5]), np.array([0.1, 0.2])]).tolist()
    [[0.5, nan], [0.10000000149011612, 0.20000000298023224]]
    """
    width = max((len(one) for one in things), default=0) if size is None else size
    channels = things[0].shape[1:] if len(things) else ()
    dtype = np.dtype(np.float64 if double else np.float32)
    refuse_padding([len(one) for one in things], width, dtype.itemsize * math.prod(channels))
    item_NSC = np.full((len(things), width, *channels), np.nan, dtype)
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
    rows = (items if items.dtype == torch.float64 else items.float()).detach().cpu().numpy()
    return [row[:length].copy() for row, length in zip(rows, length_N, strict=True)]


def as_objects(things: Sequence[np.ndarray]) -> np.ndarray:
    """Return items as an array of objects; NumPy itself would stack items of equal length.

    >>> as_objects([np.zeros(2), np.ones(2)]).shape
    (2,)
    """
    found = np.empty(len(things), object)
    found[:] = things
    return found
