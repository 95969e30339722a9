"""Samples of a categorical distribution that gradients can pass, and exact ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class TemperatureSchedule:
    r"""The temperature :math:`\tau` of a relaxation over the course of a run.

    With p the share of the run that is over:

    ================  =============================================
    ``constant``      :math:`\tau = start`
    ``linear``        :math:`\tau = start + (end - start)\, p`
    ``exponential``   :math:`\tau = start\, (end / start)^p`
    ================  =============================================

    With ``inverse`` these are the course of :math:`1 / \tau` instead, the "temperature" that
    RelGAN raises (Nie et al. 2019, section 3.3).

    Attributes:
        kind: the shape.
        start: where it begins, above 0.
        end: where it ends, above 0.
        inverse: whether ``start`` and ``end`` are values of 1 / tau.
    """

    kind: Literal["constant", "linear", "exponential"] = "constant"
    start: float = 1.0
    end: float = 1.0
    inverse: bool = False

    def temperature(self, progress: float) -> float:
        """Tau where ``progress`` (0 to 1) of the run is over.

        >>> TemperatureSchedule("exponential", 1.0, 100.0, inverse=True).temperature(0.5)
        0.1
        """
        value = self.start
        if self.kind == "linear":
            value = self.start + (self.end - self.start) * progress
        elif self.kind == "exponential":
            value = self.start * (self.end / self.start) ** progress
        return 1 / value if self.inverse else value


class _StraightThrough(torch.autograd.Function):
    """One-hot forwards, the gradient of the relaxed sample backwards."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, temperature: float) -> Tensor:
        relaxed = (scores / temperature).softmax(-1)
        ctx.save_for_backward(relaxed)
        ctx.temperature = temperature
        # Of the scores: where two round to the same, the relaxed sample cannot tell them apart.
        winner = scores.argmax(-1, keepdim=True)
        return torch.zeros_like(relaxed).scatter_(-1, winner, 1.0)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (relaxed,) = ctx.saved_tensors
        weighted = gradients[0] * relaxed
        total = weighted.sum(-1, keepdim=True)
        return (weighted - relaxed * total) / ctx.temperature, None


def gumbel_softmax(
    logits: Float[Tensor, "*B V"],
    gumbel: Float[Tensor, "*B V"],
    *,
    temperature: float,
    hard: bool,
) -> Float[Tensor, "*B V"]:
    r"""A relaxed sample :math:`softmax((logits + g) / \tau)`.

    Args:
        logits: unnormalised log-probabilities.
        gumbel: as many standard Gumbel numbers.
        temperature: tau.
        hard: hand out the one-hot sample :math:`argmax(logits + g)`, which is an exact one, with
            the gradient of the relaxed sample passed straight through.

    References:
        Jang, Gu & Poole 2017, *Categorical Reparameterization with Gumbel-Softmax*; Maddison,
        Mnih & Teh 2017, *The Concrete Distribution*.
    """
    scores = logits + gumbel
    if hard:
        return _StraightThrough.apply(scores, temperature)
    return (scores / temperature).softmax(-1)


class Decoding(NamedTuple):
    """How steps are drawn from a trained distribution.

    Attributes:
        temperature: logits are divided by it: below 1 more probable steps, 0 the most probable.
        top_k: only so many of the most probable steps (Fan et al. 2018); 0 is all.
        top_p: only the fewest most probable steps whose probabilities add up to this share
            (Holtzman et al. 2020); 1 is all.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0

    def restrict(self, logits: Float[Tensor, "*B V"]) -> Float[Tensor, "*B V"]:
        """The logits that are drawn from."""
        if self.temperature == 0:
            best = logits.argmax(-1, keepdim=True)
            return torch.full_like(logits, -torch.inf).scatter_(-1, best, 0.0)
        logits = logits / self.temperature
        if 0 < self.top_k < logits.shape[-1]:
            lowest = logits.topk(self.top_k, -1).values[..., -1:]
            logits = logits.masked_fill(logits < lowest, -torch.inf)
        if self.top_p < 1:
            ordered, place = logits.sort(-1, descending=True)
            p = ordered.softmax(-1)
            # What lies before a step, so that the first one always stays.
            outside = p.cumsum(-1) - p >= self.top_p
            logits = logits.scatter(-1, place, ordered.masked_fill(outside, -torch.inf))
        return logits


PLAIN = Decoding()
"""The distribution as it was learned."""


def draw_exactly(
    logits: Float[Tensor, "*B V"], normal: Float[Tensor, "*B 1"]
) -> Int[Tensor, "*B"]:
    """An exact sample by the inverse of the cumulative distribution: one number a sample.

    A Gumbel number for each entry of a large vocabulary costs many times more.

    Args:
        logits: unnormalised log-probabilities.
        normal: standard normal numbers, whose share of the normal distribution is the place.
    """
    cumulative = logits.float().softmax(-1).cumsum(-1)
    # Of the sum as it was rounded, so that the last entry with a probability is reached at most.
    total = cumulative[..., -1:]
    place = torch.special.ndtr(normal).clamp(max=1 - 1e-6) * total
    return torch.searchsorted(cumulative, place, right=True).squeeze(-1)
