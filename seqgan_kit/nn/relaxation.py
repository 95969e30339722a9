"""Samples of categorical distributions: exact ones, and relaxed ones that pass gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ..batch import full_mask


@dataclass(frozen=True)
class TemperatureSchedule:
    r"""The schedule of the temperature :math:`\tau` of a relaxation.

    With p the fraction of the run that is done:

    ================  =============================================
    ``constant``      :math:`\tau = start`
    ``linear``        :math:`\tau = start + (end - start)\, p`
    ``exponential``   :math:`\tau = start\, (end / start)^p`
    ================  =============================================

    With ``inverse`` the formulas give :math:`1 / \tau` instead, the "temperature" that RelGAN
    raises (Nie et al. 2019, section 3.3).

    Attributes:
        kind: the shape of the schedule.
        start: the initial value, above 0.
        end: the final value, above 0.
        inverse: whether ``start`` and ``end`` are values of 1 / tau.
    """

    kind: Literal["constant", "linear", "exponential"] = "constant"
    start: float = 1.0
    end: float = 1.0
    inverse: bool = False

    def temperature(self, progress: float) -> float:
        """Return tau for a fraction ``progress`` (0 to 1) of the run.

        >>> TemperatureSchedule("exponential", 1.0, 100.0, inverse=True).temperature(0.5)
        0.1
        """
        value = self.start
        if self.kind == "linear":
            value = self.start + (self.end - self.start) * progress
        elif self.kind == "exponential":
            value = self.start * (self.end / self.start) ** progress
        return 1 / value if self.inverse else value


class _Relaxed(torch.autograd.Function):
    """A relaxed sample and the share of one entry, whose gradient needs no dense tensor."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, temperature: float, entry: int) -> tuple[Tensor, Tensor]:
        relaxed = (scores if temperature == 1 else scores / temperature).softmax(-1)
        ctx.save_for_backward(relaxed)
        ctx.temperature, ctx.entry = temperature, entry
        return relaxed, relaxed[..., entry].clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (relaxed,), entry = ctx.saved_tensors, ctx.entry
        dense, single = gradients
        weighted = dense * relaxed
        weighted[..., entry] += single * relaxed[..., entry]
        total = weighted.sum(-1, keepdim=True)
        slope = weighted.addcmul_(relaxed, total, value=-1)
        return slope if ctx.temperature == 1 else slope.div_(ctx.temperature), None, None


class _Looked(torch.autograd.Function):
    """A row lookup with the gradient of the matrix product with relaxed samples."""

    @staticmethod
    def forward(ctx: Any, relaxed: Tensor, id_B: Tensor, vectors_VE: Tensor) -> Tensor:
        ctx.save_for_backward(id_B, vectors_VE)
        return nn.functional.embedding(id_B, vectors_VE)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, None, Tensor | None]:
        id_B, vectors_VE = ctx.saved_tensors
        wanted, _, wanted_too = ctx.needs_input_grad
        # Flattened into one matrix product: with a step dimension of 1 it would be many products
        # of single rows.
        gradient_PE = gradients[0].flatten(0, -2)
        dense = gathered = None
        if wanted:
            dense = (gradient_PE @ vectors_VE.T).view(*id_B.shape, -1)
        if wanted_too:
            gathered = torch.zeros_like(vectors_VE)
            gathered.index_add_(0, id_B.flatten(), gradient_PE)
        return dense, None, gathered


def gumbel_softmax(
    logits: Float[Tensor, "*B V"], gumbel: Float[Tensor, "*B V"], *, temperature: float
) -> Float[Tensor, "*B V"]:
    r"""Return a relaxed sample :math:`softmax((logits + g) / \tau)`.

    Args:
        logits: unnormalised log-probabilities.
        gumbel: standard Gumbel numbers g.
        temperature: tau.

    References:
        Jang, Gu & Poole 2017, *Categorical Reparameterization with Gumbel-Softmax*; Maddison,
        Mnih & Teh 2017, *The Concrete Distribution*.
    """
    return ((logits + gumbel) / temperature).softmax(-1)


class StraightThrough(NamedTuple):
    """Exact samples with the gradient of the relaxed ones (Jang, Gu & Poole 2017).

    They stand for one-hot vectors, which are never created: an embedding looks up rows, and only
    the gradient is as wide as the vocabulary.

    Attributes:
        id_BT: token ids, ``[B, T]`` or ``[B, T, G]``.
        relaxed: relaxed samples ``[B, t, V]`` of consecutive chunks of steps; they are not
            concatenated, which would copy them.
        entry_BT: 1 where a step is the entry of interest, else 0; the gradient is that of its
            share.
        alive_BT: factor of the embedding of each step; None for 1.
    """

    id_BT: Int[Tensor, "B T *G"]
    relaxed: tuple[Tensor, ...]
    entry_BT: Float[Tensor, "B T *G"]
    alive_BT: Float[Tensor, "B T"] | None = None

    def look_up(self, vectors_VE: Float[Tensor, "V E"]) -> Float[Tensor, "B T *G E"]:
        """Return the product of the one-hot vectors and a matrix."""
        sizes = [part.shape[1] for part in self.relaxed]
        found = [
            _Looked.apply(part, id_BT, vectors_VE)
            for part, id_BT in zip(self.relaxed, self.id_BT.split(sizes, 1), strict=True)
        ]
        looked = found[0] if len(found) == 1 else torch.cat(found, 1)
        if self.alive_BT is None:
            return looked
        return looked * self.alive_BT.view(self.alive_BT.shape + (1,) * (looked.dim() - 2))


Written = Tensor | StraightThrough
"""The output of a generator: values, token ids, relaxed or straight-through samples."""


def as_tensor(x: Written) -> Tensor:
    """Return output that was generated without gradients, which is values or ids."""
    assert isinstance(x, Tensor), "straight-through samples exist only with gradients"
    return x


def detached(x: Written) -> Written:
    """Return output that passes no gradient to the generator."""
    if isinstance(x, Tensor):
        return x.detach()
    return StraightThrough(
        x.id_BT,
        tuple(part.detach() for part in x.relaxed),
        x.entry_BT.detach(),
        None if x.alive_BT is None else x.alive_BT.detach(),
    )


def every_step(x: Written) -> Bool[Tensor, "B T"]:
    """Return the mask of full-length sequences."""
    first = x.id_BT if isinstance(x, StraightThrough) else x
    return full_mask(first.shape[0], first.shape[1], first.device)


def straight_through(
    logits: Float[Tensor, "B T *G V"],
    gumbel: Float[Tensor, "B T *G V"],
    *,
    temperature: float,
    entry: int = 0,
) -> StraightThrough:
    """Return the exact sample :math:`argmax(logits + g)` with the gradient of the relaxed one.

    Args:
        logits: unnormalised log-probabilities.
        gumbel: standard Gumbel numbers g.
        temperature: tau of the relaxed sample.
        entry: the entry whose share is returned with the sample.
    """
    scores = logits + gumbel
    # From the scores, because rounding can make two entries of the relaxed sample equal.
    id_BT = scores.detach().argmax(-1)
    relaxed, share_BT = _Relaxed.apply(scores, temperature, entry)
    entry_BT = (id_BT == entry).float() + share_BT - share_BT.detach()
    return StraightThrough(id_BT, (relaxed,), entry_BT)


def joined(steps: Sequence[Written]) -> Written:
    """Concatenate steps ``[B, 1, ...]`` of one type to sequences ``[B, T, ...]``."""
    parts = [step for step in steps if isinstance(step, StraightThrough)]
    if not parts:
        return torch.cat([step for step in steps if isinstance(step, Tensor)], 1)
    return StraightThrough(
        torch.cat([part.id_BT for part in parts], 1),
        tuple(relaxed for part in parts for relaxed in part.relaxed),
        torch.cat([part.entry_BT for part in parts], 1),
    )


class Decoding(NamedTuple):
    """The settings for sampling steps from a trained distribution.

    Attributes:
        temperature: divides the logits: below 1 favours probable steps, 0 takes the most
            probable one.
        top_k: sample only from this many most probable steps (Fan et al. 2018); 0 for all.
        top_p: sample only from the smallest set of most probable steps with at least this total
            probability (Holtzman et al. 2020); 1 for all.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0

    def restrict(self, logits: Float[Tensor, "*B V"]) -> Float[Tensor, "*B V"]:
        """Return the logits to sample from."""
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
            # The total before a step, so that the first step always stays.
            outside = p.cumsum(-1) - p >= self.top_p
            logits = logits.scatter(-1, place, ordered.masked_fill(outside, -torch.inf))
        return logits


PLAIN = Decoding()
"""Settings that sample from the learned distribution unchanged."""


def draw_exactly(
    logits: Float[Tensor, "*B V"], normal: Float[Tensor, "*B 1"]
) -> Int[Tensor, "*B"]:
    """Draw an exact sample by inverting the cumulative distribution, with one number each.

    A Gumbel number for each entry of a large vocabulary costs many times more.

    Args:
        logits: unnormalised log-probabilities.
        normal: standard normal numbers; their normal CDF is the quantile.
    """
    cumulative = logits.float().softmax(-1).cumsum(-1)
    # Scaled by the rounded total, so that the search cannot pass the last possible entry.
    total = cumulative[..., -1:]
    place = torch.special.ndtr(normal).clamp(max=1 - 1e-6) * total
    return torch.searchsorted(cumulative, place, right=True).squeeze(-1)
