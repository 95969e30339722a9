"""Steps that are one of many: a vocabulary of tokens, or levels of a sound."""

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
"""Logits that are computed at a time where samples are drawn on a CPU."""


class TokenEmbedding(nn.Module):
    """Vectors of tokens, for ids and for distributions over them alike.

    An id looks its row up, a distribution averages the rows. Tokens, given or drawn, are never
    expanded to one-hot vectors.

    Args:
        vocabulary: V, how many tokens there are.
        size: length of a vector.
        unit_norm: whether every row has length 1: under a penalty that perturbs what is embedded,
            larger rows would evade it.
    """

    def __init__(self, *, vocabulary: int, size: int, unit_norm: bool = False) -> None:
        super().__init__()
        self.unit_norm = unit_norm
        scale = 1.0 if unit_norm else size**-0.5
        self.weight = nn.Parameter(torch.randn(vocabulary, size) * scale)

    @property
    def vectors_VE(self) -> Float[Tensor, "V E"]:
        """The vectors of all tokens."""
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
    r"""Each step is one of V tokens: :math:`p = softmax(W h + b)`.

    What it hands out depends on the noise that it is given. With one number for each step they
    are exact samples, token ids ``[B, T]``; with V numbers, Gumbel-softmax samples, which pass
    gradients: exact ones, or relaxed ones ``[B, T, V]``. :meth:`draw` draws the second where a
    gradient is recorded in training, or where the discriminator is to see relaxed samples at
    every time.

    Args:
        hidden_size: width of the hidden states.
        features: V.
        embedding_size: width of a token's vector, as the next step reads it.
        end: the token after which nothing follows; absent: every sequence has full length.
        tied: whether the output layer uses the vectors of the tokens, too (Press & Wolf 2017,
            *Using the Output Embedding to Improve Language Models*).
        straight_through: hand out one-hot samples with the relaxed gradient; else relaxed ones.
        schedule: of the relaxation's temperature.
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
        """Unnormalised log-probabilities of every token at every step."""
        projected = self.project(h_BTH)
        return linear(projected, self.tokens.weight, self.bias_V) if self.tied else projected

    def anneal(self, progress: float) -> None:
        """Set the relaxation's temperature for a share of the run."""
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
        # A few sequences at a time: what is computed of their vocabularies stays in the caches of
        # a CPU, and all at once takes several times as long.
        size = len(h_BTH) if h_BTH.is_cuda else max(IN_CACHE // self.vocabulary, 1)
        drawn = [
            draw_exactly(decoding.restrict(self.logits(h).float()), noise)
            for h, noise in zip(h_BTH.split(size), noise_BTN.split(size), strict=True)
        ]
        return torch.cat(drawn)

    def embed(
        self, x: Int[Tensor, "B T"] | Float[Tensor, "B T V"] | StraightThrough
    ) -> Float[Tensor, "B T E"]:
        return self.tokens(x)

    def close(
        self, x: Int[Tensor, "B T"] | Float[Tensor, "B T V"] | StraightThrough
    ) -> tuple[Written, Bool[Tensor, "B T"]]:
        """The steps up to the end token, and which those are; the end token is one of them.

        A step that gradients pass is scaled by how far the sequence still goes on there, the
        product of :math:`1 - x_{s, end}` over the steps s before it. What follows the end is
        zero, and a step before the end learns what it would mean to end there.
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
        """Log-probability of given tokens in nats, under the logits divided by a temperature."""
        logits = self.logits(h_BTH).float()
        if temperature != 1.0:
            logits = logits / temperature
        nats = cross_entropy(logits.flatten(0, 1), x_BT.flatten(), reduction="none")
        return -nats.view_as(x_BT)

    def covers(self, x: Tensor) -> bool:
        return not x.is_floating_point()


def _alive(end_BT: Float[Tensor, "B T"]) -> Float[Tensor, "B T"]:
    """How far sequences go on at each step, whose steps end them by such shares."""
    alive_BT = (1 - end_BT).cumprod(1)
    return torch.cat([torch.ones_like(alive_BT[:, :1]), alive_BT[:, :-1]], 1)


def _exists(ends_BT: Bool[Tensor, "B T"]) -> Bool[Tensor, "B T"]:
    """Steps before which no step ends the sequence."""
    return ends_BT.cumsum(1) - ends_BT.long() == 0
