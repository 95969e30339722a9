"""Random numbers as an argument."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

IN_CACHE = 2**16
"""Numbers that are drawn at a time on a CPU."""


class Noise:
    """A stream of random numbers that several processes share without talking.

    Every process draws the numbers of the joined batch and keeps its own part, so that two
    processes with half a batch each see exactly what one process with the whole batch sees.

    Args:
        generator: where the numbers come from; its device is the device of the tensors.
        rank: number of this process.
        world: how many processes there are.
    """

    def __init__(self, generator: torch.Generator, rank: int = 0, world: int = 1) -> None:
        self.generator = generator
        self.rank = rank
        self.world = world

    def normal(self, count: int, *shape: int) -> Float[Tensor, "B ..."]:
        """Standard normal numbers, ``[count, *shape]``; ``count`` belongs to this process."""
        joined = torch.randn(
            (count * self.world, *shape), generator=self.generator, device=self.generator.device
        )
        return joined[self.rank * count : (self.rank + 1) * count]

    def uniform(self, count: int, *shape: int) -> Float[Tensor, "B ..."]:
        """Numbers from 0 to below 1, ``[count, *shape]``."""
        joined = torch.rand(
            (count * self.world, *shape), generator=self.generator, device=self.generator.device
        )
        return joined[self.rank * count : (self.rank + 1) * count]

    def gumbel(self, count: int, *shape: int) -> Float[Tensor, "B ..."]:
        """Standard Gumbel numbers, ``[count, *shape]``: -log of exponential ones."""
        device = self.generator.device
        size = (count * self.world, *shape)
        if device.type == "cpu":
            # NumPy draws them many times faster than PyTorch does on a CPU (millions are wanted
            # for a batch over a vocabulary), so that the stream gives no more than the seed.
            seed = torch.randint(2**63 - 1, (1,), generator=self.generator).item()
            source = np.random.Generator(np.random.SFC64(int(seed)))
            joined = torch.empty(size)
            # Some at a time, which stay in the caches of a CPU until they are logarithms.
            for some in joined.view(-1).split(IN_CACHE):
                source.standard_exponential(dtype=np.float32, out=some.numpy())
                _gumbel_(some)
        else:
            joined = torch.empty(size, device=device).exponential_(generator=self.generator)
            _gumbel_(joined)
        return joined[self.rank * count : (self.rank + 1) * count]


def _gumbel_(exponential: Tensor) -> None:
    """Make Gumbel numbers of exponential ones, in place."""
    # Zero has no logarithm.
    exponential.clamp_(min=1e-30).log_().neg_()


def seeded_noise(seed: int, device: torch.device | str = "cpu") -> Noise:
    """The stream of one process that begins at ``seed``."""
    return Noise(torch.Generator(device=device).manual_seed(seed))


class Latent(NamedTuple):
    """All randomness of a generated batch: the same latent gives the same sequences.

    Attributes:
        z_BZ: noise of the whole sequence.
        step_BTE: fresh noise of every step; its T is the number of steps that are generated.
        head_BTN: what the head needs to draw a step, as its ``draw`` gives it; N = 0 for a head
            that draws nothing.
    """

    z_BZ: Float[Tensor, "B Z"]
    step_BTE: Float[Tensor, "B T E"]
    head_BTN: Float[Tensor, "B T N"]
