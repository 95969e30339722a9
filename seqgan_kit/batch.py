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
        x_BTF: ``[B, T, F]`` real values, or ``[B, T]`` integers where a step is a token.
        mask_BT: ``[B, T]``, true at the steps that exist. The true ones come first: a sequence
            is padded at its end only.
        label_BA: ``[B, A]`` integers, one column an attribute. An unconditional data set has one
            attribute of one class.
    """

    x_BTF: Float[Tensor, "B T F"] | Int[Tensor, "B T"]
    mask_BT: Bool[Tensor, "B T"]
    label_BA: Int[Tensor, "B A"]

    def __len__(self) -> int:
        return self.x_BTF.shape[0]


def full_mask(count: int, steps: int, device: torch.device | None = None) -> Bool[Tensor, "B T"]:
    """The mask of ``count`` sequences without padding."""
    return torch.ones(count, steps, dtype=torch.bool, device=device)


def joint_class(label_BA: Int[Tensor, "B A"], classes: Sequence[int]) -> Int[Tensor, " B"]:
    """Number the combinations of attributes: one integer for each row of labels.

    The last attribute turns fastest, as in :func:`numpy.ravel_multi_index`.

    Raises:
        ValueError: ``label_BA`` has another number of columns than ``classes`` has entries.
    """
    if label_BA.shape[1] != len(classes):
        raise ValueError(f"labels have {label_BA.shape[1]} attributes, expected {len(classes)}")
    joint_B = torch.zeros_like(label_BA[:, 0])
    for attribute, size in enumerate(classes):
        joint_B = joint_B * size + label_BA[:, attribute]
    return joint_B
