"""Random numbers, passed as an argument."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

IN_CACHE = 2**16
"""Random numbers drawn at once on a CPU."""


class Noise:
    """A stream of random numbers that several processes share without communication.

    Every process draws the numbers of the whole batch and keeps its own part. Two processes with
    half a batch each therefore use the same numbers as one process with the whole batch.

    Args:
        generator: the random number generator; tensors are created on its device.
        rank: rank of this process.
        world: number of processes.
    """

    def __init__(self, generator: torch.Generator, rank: int = 0, world: int = 1) -> None:
        self.generator = generator
        self.rank = rank
        self.world = world

    def normal(self, count: int, *shape: int) -> Float[Tensor, "B ..."]:
        """Draw standard normal numbers, ``[count, *shape]``, for this process."""
        joined = torch.randn(
            (count * self.world, *shape), generator=self.generator, device=self.generator.device
        )
        return joined[self.rank * count : (self.rank + 1) * count]

    def uniform(self, count: int, *shape: int) -> Float[Tensor, "B ..."]:
        """Draw uniform numbers from 0 to below 1, ``[count, *shape]``."""
        joined = torch.rand(
            (count * self.world, *shape), generator=self.generator, device=self.generator.device
        )
        return joined[self.rank * count : (self.rank + 1) * count]

    def gumbel(self, count: int, *shape: int) -> Float[Tensor, "B ..."]:
        """Draw standard Gumbel numbers, ``[count, *shape]``: -log of exponential ones."""
        device = self.generator.device
        size = (count * self.world, *shape)
        if device.type == "cpu":
            # On a CPU, NumPy draws them many times faster than PyTorch, and a batch over a
            # vocabulary needs millions. So the PyTorch stream only supplies the seed.
            seed = torch.randint(2**63 - 1, (1,), generator=self.generator).item()
            source = np.random.Generator(np.random.SFC64(int(seed)))
            joined = torch.empty(size)
            # In chunks that stay in the CPU caches until their logarithm is taken.
            for some in joined.view(-1).split(IN_CACHE):
                source.standard_exponential(dtype=np.float32, out=some.numpy())
                _gumbel_(some)
        else:
            joined = torch.empty(size, device=device).exponential_(generator=self.generator)
            _gumbel_(joined)
        return joined[self.rank * count : (self.rank + 1) * count]


def _gumbel_(exponential: Tensor) -> None:
    """Turn exponential numbers into Gumbel numbers, in place."""
    # The logarithm of zero is infinite.
    exponential.clamp_(min=1e-30).log_().neg_()


def seeded_noise(seed: int, device: torch.device | str = "cpu") -> Noise:
    """Return the stream of a single process with this seed."""
    return Noise(torch.Generator(device=device).manual_seed(seed))


class Latent(NamedTuple):
    """All randomness of a generated batch: the same latent gives the same sequences.

    Attributes:
        z_BZ: noise of the whole sequence.
        step_BTE: fresh noise for every step; its T is the number of steps to generate.
        head_BTN: noise of the head, drawn by its ``draw`` method; N = 0 if the head is
            deterministic.
    """

    z_BZ: Float[Tensor, "B Z"]
    step_BTE: Float[Tensor, "B T E"]
    head_BTN: Float[Tensor, "B T N"]

    def scaled(self, factor: float) -> Latent:
        """Return a latent whose noise is scaled; that of the head stays as it is."""
        return self._replace(z_BZ=self.z_BZ * factor, step_BTE=self.step_BTE * factor)

    def first(self, count: int) -> Latent:
        """Return the latent of the first sequences."""
        return Latent(*(tensor[:count] for tensor in self))

    def towards(self, end: Latent, steps: int) -> Latent:
        """Return so many latents on the way to each one of ``end``, one way after another."""
        share_S = torch.linspace(0, 1, steps, device=self.z_BZ.device)
        return Latent(*(great_circle(a, b, share_S) for a, b in zip(self, end, strict=True)))


def great_circle(
    a: Float[Tensor, "W ..."], b: Float[Tensor, "W ..."], share_S: Float[Tensor, " S"]
) -> Float[Tensor, "V ..."]:
    """Return points on great circles from ``a`` to ``b``, ``[W * S, ...]``: typical noise between
    two draws (White 2016)."""
    flat_a, flat_b = a.flatten(1)[:, None], b.flatten(1)[:, None]
    if not flat_a.numel():
        return a.repeat_interleave(len(share_S), 0)
    cosine = torch.nn.functional.cosine_similarity(flat_a, flat_b, dim=-1)[..., None]
    share = share_S[None, :, None]
    angle = cosine.clamp(-0.9995, 0.9995).acos()
    arc = (((1 - share) * angle).sin() * flat_a + (share * angle).sin() * flat_b) / angle.sin()
    # Ends with the same or opposite directions do not define a great circle.
    points = torch.where(cosine.abs() < 0.9995, arc, torch.lerp(flat_a, flat_b, share))
    return points.reshape(-1, *a.shape[1:])
