"""A batch of labelled sequences, the data structure that all parts of the toolkit exchange.

The names of tensors and arrays end in one letter for each axis (``x_BTF``). Where a letter has a
second meaning, the place is named:

====== ==========================================================================================
letter axis
====== ==========================================================================================
A      attributes: labels per item (1 for a single class); in a colour map its anchors
B      batch: sequences or items in it
C      channels of an image, a sound, a series or a convolution; in ``evaluation`` a chunk of
       items, and pairs of samples and training items (``sample_C``)
D      draws of importance sampling; in ``nn.grouped`` the embedding of a step, G * E
E      embedding size; in ``step_BTE`` noise per step
F      features: numbers in a step or in an item; in ``kinds.audio`` also frequency bins
G      group: tokens in a step; in BLEU distinct n-grams, in an autocorrelation lags
H      hidden units; height of an image
I      input width of a recurrent network
K      classes of an attribute; in ``kinds.audio`` also coefficients of the cosine transform
L      recurrent layers; in ``kinds.text`` units of the longest line
M      items of a second set, such as the training data; in ``kinds.audio`` mel bands
N      items in a data set or a set of samples; in ``noise_BTN``, ``head_BTN`` and ``noise_BN``
       random numbers of a head per step
P      picked positions or items: those that a mask or an index selects, steps of a prefix
Q      picked items of a second set; in a test permutations, in ``kinds.audio`` frequency bins
R      reference items: real data that samples are compared with
S      samples of a sound, steps of a series or units of a text, not encoded; steps of a walk
T      time: steps of a sequence (rows of an image, frames of a sound, tokens)
V      vocabulary: tokens
W      width of an image; length of a window over samples or units; in ``nn.grouped`` G * V
Z      noise per sequence
1, 3   an axis of this length
====== ==========================================================================================
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
        x_BTF: ``[B, T, F]`` real values, or token ids: ``[B, T]`` with one token per step,
            ``[B, T, G]`` with several.
        mask_BT: ``[B, T]``, true at existing steps, false at padding. Sequences are padded only
            at the end.
        label_BA: ``[B, A]`` class numbers, one column per attribute. An unconditional data set
            has one attribute with one class.
    """

    x_BTF: Float[Tensor, "B T F"] | Int[Tensor, "B T *G"]
    mask_BT: Bool[Tensor, "B T"]
    label_BA: Int[Tensor, "B A"]

    def __len__(self) -> int:
        return self.x_BTF.shape[0]

    def part(self, index: slice | Int[Tensor, " P"]) -> Batch:
        """Return the selected sequences, in the order of ``index``."""
        return Batch(self.x_BTF[index], self.mask_BT[index], self.label_BA[index])


def full_mask(
    count: int | torch.SymInt, steps: int, device: torch.device | None = None
) -> Bool[Tensor, "B T"]:
    """Return the mask of ``count`` sequences without padding.

    Where a network is exported, the count is a symbol.
    """
    return torch.ones(count, steps, dtype=torch.bool, device=device)


def shift_labels(
    label_BA: Int[Tensor, "B A"], classes: Sequence[int], shift_B: Int[Tensor, " B"]
) -> Int[Tensor, "B A"]:
    """Shift each label by a number of places in the list of all combinations of attributes.

    The list is cyclic, and the last attribute changes fastest. A shift of 1 to (number of
    combinations - 1) always gives another label.

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
