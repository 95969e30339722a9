"""Pooling over the steps of a sequence, and over the sequences of a group."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def masked_mean(x_BTF: Float[Tensor, "B T F"], mask_BT: Bool[Tensor, "B T"]) -> Tensor:
    """Return the mean over existing steps, ``[B, F]``; zero for a sequence without any.

    >>> masked_mean(torch.tensor([[[1.0], [3.0], [99.0]]]), torch.tensor([[True, True, False]]))
    tensor([[2.]])
    """
    weight_BT1 = mask_BT[:, :, None].to(x_BTF.dtype)
    return (x_BTF * weight_BT1).sum(1) / weight_BT1.sum(1).clamp(min=1)


def masked_max(x_BTF: Float[Tensor, "B T F"], mask_BT: Bool[Tensor, "B T"]) -> Tensor:
    """Return the maximum over existing steps, ``[B, F]``; zero for a sequence without any."""
    lowest = torch.finfo(x_BTF.dtype).min
    highest_BF = x_BTF.masked_fill(~mask_BT[:, :, None], lowest).amax(1)
    return highest_BF.masked_fill(~mask_BT.any(1, keepdim=True), 0)


def minibatch_deviation(x: Float[Tensor, "B *T F"], group: int) -> Float[Tensor, "B *T 1"]:
    """Return how much the members of a group differ: one number per group, for each member.

    It is the standard deviation within ``group`` consecutive sequences, averaged over features
    (at every step, if there are steps). With it, a discriminator sees directly that a generator
    repeats itself.

    References:
        Karras et al., *Progressive Growing of GANs*, ICLR 2018, section 3.

    Raises:
        ValueError: the batch size is not a multiple of ``group``.
    """
    batch = x.shape[0]
    if batch % group:
        raise ValueError(f"a batch of {batch} cannot be divided into groups of {group}")
    grouped = x.view(batch // group, group, *x.shape[1:])
    # Written out because `var` over a strided axis is many times slower on a CPU. The small
    # constant keeps the gradient of the square root finite if all members are equal.
    centred = grouped - grouped.mean(1, keepdim=True)
    deviation = (centred.square().mean(1) + 1e-8).sqrt().mean(-1, keepdim=True)
    return deviation.repeat_interleave(group, 0)
