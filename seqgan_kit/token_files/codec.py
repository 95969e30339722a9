"""Steps of a few whole numbers as tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from ..batch import full_mask
from ..data.unequal import as_objects, refuse_padding
from ..kind import Codec

Raw = Sequence[np.ndarray] | np.ndarray
"""Some items, each an array ``[t, G]``."""

NOTHING = -1
"""Stands in items where they are over."""


class KnownNumbers(Codec):
    """Each number of a step as its place among the known ones; token 0 says that all is over.

    A number that is not known becomes the nearest one that is. What lies behind the end is data,
    under a mask that is true: a head of several tokens a step cannot end a sequence.

    Args:
        steps: of the longest sequence, the end included; longer ones are cut.
        known: for each place of a step the numbers that occur there.
    """

    def __init__(self, *, steps: int, known: Sequence[Sequence[int]]) -> None:
        self.steps, self.group = steps, len(known)
        self.features = 1 + max(map(len, known))
        self.known = [torch.tensor(numbers) for numbers in known]

    def encode(self, raw: Raw) -> tuple[Int[Tensor, "B T G"], Bool[Tensor, "B T"]]:
        """Arrays ``[t, G]`` as tokens."""
        item_BTG = padded(raw, self.steps)
        id_BTG = torch.stack(
            [
                (item_BTG[..., place, None] - numbers).abs().argmin(-1) + 1
                for place, numbers in enumerate(self.known)
            ],
            -1,
        )
        return id_BTG * (item_BTG != NOTHING), full_mask(len(raw), self.steps)

    def decode(self, x_BTG: Int[Tensor, "B T G"], mask_BT: Bool[Tensor, "B T"]) -> Tensor:
        """Numbers ``[B, T, G]``, and :data:`NOTHING` from the first end on."""
        id_BTG = x_BTG.cpu()
        over_BT = (id_BTG == 0).any(-1).cumsum(1) > 0
        item_BTG = torch.stack(
            [
                numbers[(id_BTG[..., place] - 1).clamp(0, len(numbers) - 1)]
                for place, numbers in enumerate(self.known)
            ],
            -1,
        )
        return item_BTG.masked_fill(over_BT[..., None], NOTHING)

    def present(self, things: Int[Tensor, "B T G"]) -> np.ndarray:
        """Arrays ``[t, G]``."""
        return as_objects(unpadded(things))


def padded(items: Raw, steps: int) -> Int[Tensor, "N T G"]:
    """Items as one tensor, :data:`NOTHING` behind their ends; what is longer is cut."""
    group = items[0].shape[1] if len(items) else 1
    refuse_padding([len(item) for item in items], steps, 8 * group)
    item_NTG = np.full((len(items), steps, group), NOTHING)
    for row, item in zip(item_NTG, items, strict=True):
        row[: len(item)] = item[:steps]
    return torch.from_numpy(item_NTG)


def unpadded(items: Int[Tensor, "N T G"]) -> list[np.ndarray]:
    """The items of a padded tensor, each in its own length."""
    return [row[row[:, 0] != NOTHING] for row in items.numpy()]
