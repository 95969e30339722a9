"""The moving average of a network's weights, from which samples are drawn."""

from __future__ import annotations

import copy

import torch
from torch import nn


class Average:
    """An exponential moving average of weights.

    Args:
        module: the trained network.
        decay: weight of the old average in a step. Early on it is smaller, ``(1 + n) / (10 + n)``
            at step n, so that the initial random weights are soon forgotten.

    References:
        Yazici et al. 2019, *The Unusual Effectiveness of Averaging in GAN Training*.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        # In a copy, recurrent weights are no longer contiguous, which the fused CUDA kernels
        # need. Moving the copy (to the same device) makes them contiguous again.
        device = next(module.parameters()).device
        self.module = copy.deepcopy(module).to(device).eval().requires_grad_(False)
        self._averaged: list[torch.Tensor] = list(self.module.parameters())
        self._trained: list[torch.Tensor] = list(module.parameters())
        self._buffers = list(zip(self.module.buffers(), module.buffers(), strict=True))

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Update the average with the weights after step ``step``."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self._averaged, self._trained, 1 - decay)
        for averaged, trained in self._buffers:
            averaged.copy_(trained)
