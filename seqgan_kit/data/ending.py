"""Ends of generated sequences, made as exact as those of training data."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def ended(x_BTF: Float[Tensor, "B T F"], frames: int = 1) -> Float[Tensor, "B T F"]:
    """Return sequences with an exact end, and with zeros after it.

    In data the last number of a step says how many of its frames exist, from -1 (none) to 1 (all),
    and the numbers of frames that do not exist are 0. A network that has to write these jumps
    itself spreads them over the steps before the end, which a discriminator sees, and so does
    whoever compares the last steps of samples with those of data. Here the jumps are made for it:
    the last number is rounded with a straight-through gradient (Bengio et al. 2013) as far as the
    end, so that the place of the end is learned. The first step that is not whole is the last
    one, and the first frame always exists.

    Args:
        x_BTF: steps of ``frames`` times the same numbers, and one that says how many exist.
        frames: frames of a step.

    >>> ended(torch.tensor([[[0.5, 0.9], [0.4, -0.2], [0.3, 0.7]]])).round(decimals=1).tolist()
    [[[0.5, 1.0], [0.0, -1.0], [0.0, -1.0]]]
    """
    end_BT = x_BTF[..., -1]
    count_BT = ((end_BT + 1) / 2 * frames).round().clamp(0, frames)
    count_BT = torch.cat([count_BT[:, :1].clamp(min=1), count_BT[:, 1:]], 1)
    whole_BT = ((count_BT != frames).cumsum(1) == 0).long()
    # What is said at the first step that is not whole still counts; what is said later does not.
    heard_BT = torch.cat([torch.ones_like(whole_BT[:, :1]), whole_BT[:, :-1]], 1)
    count_BT = count_BT * heard_BT
    end_BT = count_BT / frames * 2 - 1 + (end_BT - end_BT.detach()) * heard_BT
    frame_N = torch.arange(frames, device=x_BTF.device)
    exists_BTN = frame_N < count_BT[..., None]
    width = (x_BTF.shape[-1] - 1) // frames
    value_BTF = x_BTF[..., :-1] * exists_BTN.repeat_interleave(width, -1)
    return torch.cat([value_BTF, end_BT[..., None]], -1)
