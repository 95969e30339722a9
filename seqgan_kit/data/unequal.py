"""Things of unequal lengths as one padded tensor: clips of sound, series of numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def padded(things: Sequence[np.ndarray], size: int | None = None) -> Float[Tensor, "N S *C"]:
    """Things as one tensor, NaN where one has ended: nothing is there, which zero is not.

    Args:
        things: arrays ``[length]`` or ``[length, channels]``.
        size: of the result, that of the longest thing by default; what is longer is cut.

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
    """How long each thing is.

    >>> lengths(torch.tensor([[0.5, torch.nan], [0.0, 0.0]])).tolist()
    [1, 2]
    """
    return exists(items).sum(1)


def exists(items: Float[Tensor, "N S *C"]) -> Bool[Tensor, "N S"]:
    """Which places lie before the end of their thing.

    >>> exists(torch.tensor([[[0.5, 1.0], [torch.nan, torch.nan]]])).tolist()
    [[True, False]]
    """
    first_NS = items if items.ndim == 2 else items[..., 0]
    return ~first_NS.isnan()


def unpadded(items: Float[Tensor, "N S *C"]) -> list[np.ndarray]:
    """The things of a padded tensor, each in its own length."""
    length_N = lengths(items).tolist()
    rows = items.detach().float().cpu().numpy()
    return [row[:length].copy() for row, length in zip(rows, length_N, strict=True)]


def as_objects(things: Sequence[np.ndarray]) -> np.ndarray:
    """Things as an array of objects, which NumPy would stack if they happen to be equally long.

    >>> as_objects([np.zeros(2), np.ones(2)]).shape
    (2,)
    """
    found = np.empty(len(things), object)
    found[:] = things
    return found
