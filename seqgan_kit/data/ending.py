"""Ends of generated sequences, made as exact as those of training data."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def ended(x_BTF: Float[Tensor, "B T F"]) -> Float[Tensor, "B T F"]:
    """Return sequences with an exact end, and with zeros after it.

    In data the last number of a step is 1 while a sequence lasts and -1 after its end, where the
    others are 0. A network that has to write these jumps itself spreads them over the steps before
    the end, which a discriminator sees, and so does whoever compares the last steps of samples
    with those of data. Here the jumps are made for it: the last number is rounded with a
    straight-through gradient (Bengio et al. 2013) as far as the end, so that the place of the end
    is learned. The first step always exists.

    >>> ended(torch.tensor([[[0.5, 0.9], [0.4, -0.2], [0.3, 0.7]]])).round(decimals=1).tolist()
    [[[0.5, 1.0], [0.0, -1.0], [0.0, -1.0]]]
    """
    end_BT = x_BTF[..., -1]
    lasts_BT = (end_BT >= 0).long()
    first_B1 = torch.ones_like(lasts_BT[:, :1])
    exists_BT = torch.cat([first_B1, lasts_BT[:, 1:]], 1).cumprod(1)
    # What is said at the first step after the end still counts; what is said later does not.
    heard_BT = torch.cat([first_B1, exists_BT[:, :-1]], 1)
    end_BT = exists_BT * 2 - 1 + (end_BT - end_BT.detach()) * heard_BT
    return torch.cat([x_BTF[..., :-1] * exists_BT[..., None], end_BT[..., None]], -1)
