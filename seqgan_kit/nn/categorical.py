"""Categorical steps: tokens of a vocabulary, or quantisation levels of a sound."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear

from .noise import Noise
from .relaxation import (
    PLAIN,
    Decoding,
    StraightThrough,
    TemperatureSchedule,
    Written,
    draw_exactly,
    every_step,
    gumbel_softmax,
    straight_through,
)

IN_CACHE = 2**19
"""Number of logits computed at once when sampling on a CPU."""


class TokenEmbedding(nn.Module):
    """An embedding table for token ids and for distributions over tokens.

    An id selects a row, a distribution gives the weighted mean of the rows. Token ids are never
    expanded to one-hot vectors.

    Args:
        vocabulary: V, the number of tokens.
        size: E, the embedding size.
        unit_norm: normalise every row to length 1. A penalty that perturbs embedded input needs
            this: with larger rows the perturbation would matter less.
    """

    def __init__(self, *, vocabulary: int, size: int, unit_norm: bool = False) -> None:
        super().__init__()
        self.unit_norm = unit_norm
        scale = 1.0 if unit_norm else size**-0.5
        self.weight = nn.Parameter(torch.randn(vocabulary, size) * scale)

    @property
    def vectors_VE(self) -> Float[Tensor, "V E"]:
        """The embeddings of all tokens."""
        return nn.functional.normalize(self.weight, dim=1) if self.unit_norm else self.weight

    def forward(
        self, x: Int[Tensor, "*B T"] | Float[Tensor, "*B T V"] | StraightThrough
    ) -> Float[Tensor, "*B T E"]:
        if isinstance(x, StraightThrough):
            return x.look_up(self.vectors_VE)
        if x.is_floating_point():
            return x @ self.vectors_VE
        if self.unit_norm:
            return nn.functional.normalize(nn.functional.embedding(x, self.weight), dim=-1)
        return nn.functional.embedding(x, self.weight)


class CategoricalHead(nn.Module):
    r"""A head that draws each step from V tokens: :math:`p = softmax(W h + b)`.

    The noise decides which kind of samples it returns. One number per step gives exact samples,
    token ids ``[B, T]``. V numbers per step give Gumbel-softmax samples, which pass gradients:
    straight-through ones, or relaxed ones ``[B, T, V]``. :meth:`draw` returns V numbers in
    training if gradients are recorded, or if ``straight_through`` is off, so that the
    discriminator always sees relaxed samples.

    Args:
        hidden_size: width of the hidden states.
        features: V, the vocabulary size.
        embedding_size: size of the token embedding that the next step reads.
        end: the end token; None if every sequence has full length.
        tied: share the token embeddings with the output layer (Press & Wolf 2017, *Using the
            Output Embedding to Improve Language Models*).
        straight_through: return one-hot samples with the relaxed gradient; if off, relaxed ones.
        schedule: temperature schedule of the relaxation.
    """

    def __init__(
        self,
        hidden_size: int,
        features: int,
        *,
        embedding_size: int = 64,
        end: int | None = None,
        tied: bool = False,
        straight_through: bool = True,
        schedule: TemperatureSchedule | None = None,
    ) -> None:
        super().__init__()
        self.vocabulary = features
        self.feedback = embedding_size
        self.end = end
        self.straight_through = straight_through
        self.schedule = schedule or TemperatureSchedule()
        self.temperature = self.schedule.temperature(0.0)
        self.tokens = TokenEmbedding(vocabulary=features, size=embedding_size)
        self.tied = tied
        self.project = nn.Linear(hidden_size, embedding_size if tied else features, bias=not tied)
        if tied:
            self.bias_V = nn.Parameter(torch.zeros(features))

    def logits(self, h_BTH: Float[Tensor, "*B T H"]) -> Float[Tensor, "*B T V"]:
        """Return the unnormalised log-probabilities of all tokens at each step."""
        projected = self.project(h_BTH)
        return linear(projected, self.tokens.weight, self.bias_V) if self.tied else projected

    def anneal(self, progress: float) -> None:
        """Set the relaxation temperature for a fraction of the run (0 to 1)."""
        self.temperature = self.schedule.temperature(progress)

    def draw(self, count: int, steps: int, noise: Noise) -> Float[Tensor, "B T N"]:
        relaxed = self.training and (torch.is_grad_enabled() or not self.straight_through)
        if relaxed:
            return noise.gumbel(count, steps, self.vocabulary)
        return noise.normal(count, steps, 1)

    def forward(
        self,
        h_BTH: Float[Tensor, "B T H"],
        noise_BTN: Float[Tensor, "B T N"],
        decoding: Decoding = PLAIN,
    ) -> Float[Tensor, "B T V"] | Int[Tensor, "B T"] | StraightThrough:
        if noise_BTN.shape[-1] > 1:
            logits_BTV = self.logits(h_BTH).float()
            if not self.straight_through:
                return gumbel_softmax(logits_BTV, noise_BTN, temperature=self.temperature)
            return straight_through(
                logits_BTV, noise_BTN, temperature=self.temperature, entry=self.end or 0
            )
        if not h_BTH.is_cpu or torch.compiler.is_exporting():
            return self._drawn(h_BTH, noise_BTN, decoding)
        # A few sequences at a time, so that their logits stay in the CPU caches: all at once
        # takes several times as long.
        size = max(IN_CACHE // self.vocabulary, 1)
        parts = zip(h_BTH.split(size), noise_BTN.split(size), strict=True)
        return torch.cat([self._drawn(h, noise, decoding) for h, noise in parts])

    def _drawn(self, h_BTH: Tensor, noise_BTN: Tensor, decoding: Decoding) -> Int[Tensor, "B T"]:
        return draw_exactly(decoding.restrict(self.logits(h_BTH).float()), noise_BTN)

    def embed(
        self, x: Int[Tensor, "B T"] | Float[Tensor, "B T V"] | StraightThrough
    ) -> Float[Tensor, "B T E"]:
        return self.tokens(x)

    def close(
        self, x: Int[Tensor, "B T"] | Float[Tensor, "B T V"] | StraightThrough
    ) -> tuple[Written, Bool[Tensor, "B T"]]:
        """Cut sequences after the end token; return the steps and their mask.

        The end token itself is kept. A step that passes gradients is multiplied by its survival
        factor, the product of :math:`1 - x_{s, end}` over earlier steps s. Steps after the end
        are therefore zero, and earlier steps get a gradient for ending the sequence there.
        """
        if self.end is None:
            return x, every_step(x)
        if isinstance(x, StraightThrough):
            return x._replace(alive_BT=_alive(x.entry_BT)), _exists(x.id_BT == self.end)
        if not x.is_floating_point():
            return x, _exists(x == self.end)
        closed = x * _alive(x[..., self.end])[..., None]
        return closed, _exists(x.detach().argmax(-1) == self.end)

    def log_prob(
        self,
        h_BTH: Float[Tensor, "B T H"],
        x_BT: Int[Tensor, "B T"],
        temperature: float = 1.0,
    ) -> Float[Tensor, "B T"]:
        """Return log-probabilities of given tokens in nats; ``temperature`` divides the logits."""
        logits = self.logits(h_BTH).float()
        if temperature != 1.0:
            logits = logits / temperature
        nats = cross_entropy(logits.flatten(0, 1), x_BT.flatten(), reduction="none")
        return -nats.view_as(x_BT)

    def covers(self, x: Tensor) -> bool:
        return not x.is_floating_point()


def _alive(end_BT: Float[Tensor, "B T"]) -> Float[Tensor, "B T"]:
    """Return the survival factor of each step: the product of ``1 - end`` over earlier steps."""
    alive_BT = (1 - end_BT).cumprod(1)
    return torch.cat([torch.ones_like(alive_BT[:, :1]), alive_BT[:, :-1]], 1)


def _exists(ends_BT: Bool[Tensor, "B T"]) -> Bool[Tensor, "B T"]:
    """Return the mask of the steps without an earlier end."""
    return ends_BT.cumsum(1) - ends_BT.long() == 0
