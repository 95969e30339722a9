"""Ends of generated sequences, made as exact as those of training data."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

GAP = 3
"""Most steps in a row between two whole ones that may be taken for a mistake."""


def ended(x_BTF: Float[Tensor, "B T F"], frames: int = 1) -> Float[Tensor, "B T F"]:
    """Return sequences with an exact end, and with zeros after it.

    In data the last number of a step says how many of its frames exist, from -1 (none) to 1 (all),
    and the numbers of frames that do not exist are 0. A network that has to write these jumps
    itself spreads them over the steps before the end, which a discriminator sees, and so does
    whoever compares the last steps of samples with those of data. Here the jumps are made for it:
    the last number is rounded as far as the end. The first step that is not whole is the last one,
    and the first frame always exists.

    Where the end should be is learned by straight-through gradients (Bengio et al. 2013):

    - The step that ends a sequence hides what the network wrote after it. If that goes on after at
      most :data:`GAP` steps, these may be a mistake: were they whole, the sequence would have what
      follows, as far as the next step that is not whole, and each of them has the gradient of all
      of that. With its own alone, a step that ends a sequence by mistake hardly changes what the
      discriminator says, and nothing undoes the mistake.
    - The last whole step may become the end, and has its own gradient.

    Steps before that one have none: the discriminator has never seen a sequence with a gap, and
    what its gradient says there moves ends to the first steps.

    Args:
        x_BTF: steps of ``frames`` times the same numbers, and one that says how many exist.
        frames: frames of a step.

    >>> ended(torch.tensor([[[0.5, 0.9], [0.4, -0.2], [0.3, 0.7]]])).round(decimals=1).tolist()
    [[[0.5, 1.0], [0.0, -1.0], [0.0, -1.0]]]
    """
    value_BTF, said_BT = x_BTF[..., :-1], x_BTF[..., -1]
    count_BT = ((said_BT + 1) / 2 * frames).round().clamp(0, frames)
    count_BT = torch.cat([count_BT[:, :1].clamp(min=1), count_BT[:, 1:]], 1)
    whole_BT = count_BT == frames
    passed_BT = (~whole_BT).cumsum(1)
    is_end_BT = ~whole_BT & (passed_BT == 1)
    count_BT = count_BT * ((passed_BT == 0) | is_end_BT)
    frame_N = torch.arange(frames, device=x_BTF.device)
    width = value_BTF.shape[-1] // frames
    exists_BTF = (frame_N < count_BT[..., None]).repeat_interleave(width, -1)

    hidden_BT = is_end_BT | _mistaken(whole_BT, passed_BT > 0)
    end_B1 = _zero(said_BT * (hidden_BT & ~whole_BT)).sum(1, keepdim=True)
    next_BT = torch.cat([passed_BT[:, 1:], torch.ones_like(passed_BT[:, :1])], 1)
    # A single frame of the first step always exists, whatever it says.
    may_end_T = torch.arange(whole_BT.shape[1], device=x_BTF.device) >= int(frames == 1)
    last_BT = _zero(said_BT * ((passed_BT == 0) & (next_BT > 0) & may_end_T))
    end_BT = count_BT / frames * 2 - 1 + end_B1 * hidden_BT + last_BT
    hidden_BTF = value_BTF.detach() * hidden_BT[..., None] * ~exists_BTF
    # A frame exists or not (1 or 0) where the number of the end is 1 or -1.
    value_BTF = value_BTF * exists_BTF + hidden_BTF * end_B1[..., None] / 2
    return torch.cat([value_BTF, end_BT[..., None]], -1)


def _mistaken(whole_BT: Bool[Tensor, "B T"], after_BT: Bool[Tensor, "B T"]) -> Tensor:
    """Return which steps a short gap at the end hides, with those of the gap: ``[B, T]``."""
    resumed_BT = (whole_BT & after_BT).cumsum(1) > 0
    gap_BT = after_BT & ~resumed_BT
    run_BT = resumed_BT & ((resumed_BT & ~whole_BT).cumsum(1) == 0)
    is_short_B1 = (gap_BT.sum(1, keepdim=True) <= GAP) & resumed_BT[:, -1:]
    return (gap_BT | run_BT) & is_short_B1


def _zero(x: Tensor) -> Tensor:
    """Return zeros with the gradient of a tensor."""
    return x - x.detach()
