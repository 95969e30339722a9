"""The randomness of a request: latents from its own seed, the same as those of ``sample``."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from ..nn.networks import Generator
from ..nn.noise import Latent, Noise, seeded_noise
from ..runs.sampler import CHUNK

BLOCK = 16
"""Normal numbers that PyTorch makes at once on a CPU."""


class FirstRows(Noise):
    """Draws the first rows of what a whole chunk would get, without the others.

    On a CPU ``torch.randn`` first takes a uniform number for each value, then turns them into
    normal ones by blocks, and draws the last block again unless it is whole. So the numbers of
    other rows need not be made, only passed over. This is not documented, and is therefore tried
    (:meth:`Latents.agree`) before it is relied upon.

    Args:
        generator: the random number generator, on the CPU.
        whole: rows of a chunk.
    """

    def __init__(self, generator: torch.Generator, whole: int) -> None:
        super().__init__(generator)
        self.whole = whole
        self._owed = 0

    def normal(self, count: int, *shape: int) -> Float[Tensor, "B ..."]:
        if not (size := math.prod(shape)):
            return super().normal(count, *shape)
        self._pass_over()
        every, wanted = self.whole * size, -(-count * size // BLOCK) * BLOCK
        if wanted > every - BLOCK:
            return super().normal(self.whole, *shape)[:count]
        drawn = super().normal(wanted)
        self._owed = every - wanted + (BLOCK if every % BLOCK else 0)
        return drawn[: count * size].view(count, *shape)

    def uniform(self, count: int, *shape: int) -> Float[Tensor, "B ..."]:
        self._pass_over()
        return super().uniform(self.whole, *shape)[:count]

    def gumbel(self, count: int, *shape: int) -> Float[Tensor, "B ..."]:
        self._pass_over()
        return super().gumbel(self.whole, *shape)[:count]

    def _pass_over(self) -> None:
        """Pass over the numbers of the rows that were left out before."""
        if self._owed:
            torch.empty(self._owed).uniform_(generator=self.generator)
            self._owed = 0


class Latents:
    """Draws latents of a generator that do not depend on how many are wanted.

    Args:
        generator: the generator.
        device: its device.
    """

    def __init__(self, generator: Generator, device: torch.device) -> None:
        self._generator, self._device = generator, device
        self._short = device.type == "cpu" and self.agree()

    def draw(self, count: int, seed: int, steps: int | None = None) -> Latent:
        """Return the first latents of a seed, as :meth:`Sampler.written` has them."""
        noise = self._noise(seed) if self._short else seeded_noise(seed, self._device)
        parts = [
            self._generator.draw(rows if self._short else CHUNK, noise, steps).first(rows)
            for rows in (min(CHUNK, count - start) for start in range(0, count, CHUNK))
        ]
        return joined(parts)

    def ends(self, count: int, seed: int) -> tuple[Latent, Latent]:
        """Return both ends of walks, as :meth:`Sampler.interpolate` draws them."""
        noise = seeded_noise(seed, self._device)
        return self._generator.draw(count, noise), self._generator.draw(count, noise)

    def agree(self) -> bool:
        """Try whether the first rows are those of whole chunks, over two chunks."""
        short, whole = self._noise(1), seeded_noise(1)
        return all(
            torch.equal(one, other)
            for count in (3, 2)
            for one, other in zip(
                self._generator.draw(count, short),
                self._generator.draw(CHUNK, whole).first(count),
                strict=True,
            )
        )

    @staticmethod
    def _noise(seed: int) -> FirstRows:
        return FirstRows(torch.Generator().manual_seed(seed), CHUNK)


def joined(latents: list[Latent]) -> Latent:
    """Return several latents as one."""
    return Latent(*(torch.cat(parts) for parts in zip(*latents, strict=True)))
