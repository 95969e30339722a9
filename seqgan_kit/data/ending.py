"""Ends of generated sequences, made as exact as those of training data."""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor


def ended(
    x_BTF: Float[Tensor, "B T F"], *, frames: int = 1, silence: float = 0.0
) -> Float[Tensor, "B T F"]:
    """Return sequences with an exact end, and with nothing but silence after it.

    The last number of a step says how much of it exists, from -1 (nothing) to 1 (all of it). In
    data it has as many values as there are frames, plus one, and after the end the others are
    constant. A network that has to write such jumps itself spreads them over the steps before the
    end, which a discriminator sees at once. Here the jump is made for it: the last number is
    rounded with a straight-through gradient (Bengio et al. 2013) up to the end, so that the place
    of the end is learned. The first frame always exists.

    Args:
        x_BTF: steps, ``frames`` times the same numbers and one that says what exists.
        frames: frames of a step; the first step that is not whole is the last one.
        silence: value of all other numbers after the end.

    >>> ended(torch.tensor([[[0.5, 0.9], [0.4, -0.2], [0.3, 0.7]]])).round(decimals=1).tolist()
    [[[0.5, 1.0], [0.0, -1.0], [0.0, -1.0]]]
    """
    end_BT = x_BTF[..., -1]
    found_BT = ((end_BT + 1) / 2 * frames).round().clamp(0, frames)
    found_BT = torch.cat([found_BT[:, :1].clamp(min=1), found_BT[:, 1:]], 1)
    whole_BT = (found_BT == frames).long().cumprod(1)
    # What came before a step is whole; the first has nothing before it.
    going_BT = torch.cat([torch.ones_like(whole_BT[:, :1]), whole_BT[:, :-1]], 1)
    found_BT = found_BT * going_BT
    end_BT = found_BT / frames * 2 - 1 + (end_BT - end_BT.detach()) * going_BT
    frame_N = torch.arange(frames, device=x_BTF.device)
    exists_BTN1 = (frame_N < found_BT[..., None])[..., None]
    value_BTNM = rearrange(x_BTF[..., :-1], "b t (n m) -> b t n m", n=frames)
    value_BTNM = torch.where(exists_BTN1, value_BTNM, silence)
    return torch.cat([value_BTNM.flatten(2), end_BT[..., None]], -1)
