"""The moving average of a network's weights: what is sampled from."""

from __future__ import annotations

import copy

import torch
from torch import nn


class Average:
    """An exponential moving average of weights.

    Args:
        module: the network that is trained.
        decay: share of the old average that a step keeps. Early on it is less, ``(1 + n) / (10 +
            n)`` at step n, so that the first random weights are forgotten soon.

    References:
        Yazici et al. 2019, *The Unusual Effectiveness of Averaging in GAN Training*.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        # A copy's recurrent weights lie apart; moving it (to where it is) joins them again, as
        # the fused kernels of CUDA want them.
        device = next(module.parameters()).device
        self.module = copy.deepcopy(module).to(device).eval().requires_grad_(False)
        self._averaged: list[torch.Tensor] = list(self.module.parameters())
        self._trained: list[torch.Tensor] = list(module.parameters())
        self._buffers = list(zip(self.module.buffers(), module.buffers(), strict=True))

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after step number ``step``."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self._averaged, self._trained, 1 - decay)
        for averaged, trained in self._buffers:
            averaged.copy_(trained)
