"""The one thing that travels through the toolkit: a batch of labelled sequences.

Shape letters, used as suffixes of tensor names everywhere (``x_BTF``):

====== =====================================================================
letter meaning
====== =====================================================================
B      batch: how many sequences
T      time: steps of a sequence (rows of an image, frames of a sound, tokens)
F      feature: numbers in one step
A      attribute: how many labels a sequence carries (1 for a plain class)
K      classes of one attribute
H      hidden units of a recurrent layer
L      recurrent layers
Z      noise drawn once a sequence
E      noise drawn at every step, or the width of an embedding
N      number of items in a data set
V      vocabulary
====== =====================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Batch:
    """Sequences with their masks and labels, all on one device.

    Attributes:
        x_BTF: ``[B, T, F]`` real values, ``[B, T]`` integers where a step is a token, or
            ``[B, T, G]`` where it is several.
        mask_BT: ``[B, T]``, true at the steps that exist. The true ones come first: a sequence
            is padded at its end only.
        label_BA: ``[B, A]`` integers, one column an attribute. An unconditional data set has one
            attribute of one class.
    """

    x_BTF: Float[Tensor, "B T F"] | Int[Tensor, "B T *G"]
    mask_BT: Bool[Tensor, "B T"]
    label_BA: Int[Tensor, "B A"]

    def __len__(self) -> int:
        return self.x_BTF.shape[0]

    def part(self, index: slice | Int[Tensor, " P"]) -> Batch:
        """Some of the sequences, in the order asked for."""
        return Batch(self.x_BTF[index], self.mask_BT[index], self.label_BA[index])


def full_mask(count: int, steps: int, device: torch.device | None = None) -> Bool[Tensor, "B T"]:
    """The mask of ``count`` sequences without padding."""
    return torch.ones(count, steps, dtype=torch.bool, device=device)


def shift_labels(
    label_BA: Int[Tensor, "B A"], classes: Sequence[int], shift_B: Int[Tensor, " B"]
) -> Int[Tensor, "B A"]:
    """Labels that lie ``shift`` places further in the list of all combinations of attributes.

    The last attribute turns fastest. A shift of 1 to (number of combinations - 1) gives another
    label for certain.

    >>> shift_labels(torch.tensor([[1, 2], [0, 0]]), (2, 3), torch.tensor([1, 4])).tolist()
    [[0, 0], [1, 1]]
    """
    place_B = shift_B
    stride = 1
    for attribute in reversed(range(len(classes))):
        place_B = place_B + label_BA[:, attribute] * stride
        stride *= classes[attribute]
    shifted = []
    for size in reversed(classes):
        shifted.append(place_B % size)
        place_B = place_B // size
    return torch.stack(shifted[::-1], 1)
