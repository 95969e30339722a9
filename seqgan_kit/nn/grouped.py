"""Steps of several tokens from one vocabulary, for example several samples of a sound."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from .categorical import TokenEmbedding
from .noise import Noise
from .relaxation import (
    StraightThrough,
    TemperatureSchedule,
    Written,
    draw_exactly,
    every_step,
    gumbel_softmax,
    straight_through,
)


class GroupedEmbedding(TokenEmbedding):
    """An embedding of token groups: the embeddings of the tokens, concatenated.

    Args:
        group: G, tokens per step.
        vocabulary: V, the number of tokens.
        size: E, the embedding size of a token; a step has ``G * E``.
        unit_norm: normalise every token embedding to length 1.
    """

    def __init__(self, *, group: int, vocabulary: int, size: int, unit_norm: bool = False) -> None:
        super().__init__(vocabulary=vocabulary, size=size, unit_norm=unit_norm)
        self.group = group

    def forward(
        self, x: Int[Tensor, "*B T G"] | Float[Tensor, "*B T W"] | StraightThrough
    ) -> Float[Tensor, "*B T D"]:
        """Embed ids ``[B, T, G]`` or distributions ``[B, T, G * V]`` as ``[B, T, G * E]``."""
        if isinstance(x, Tensor) and x.is_floating_point():
            x = x.unflatten(-1, (self.group, -1))
        return super().forward(x).flatten(-2)


class GroupedCategoricalHead(nn.Module):
    r"""A head that draws G of V tokens at each step, independently given the hidden state.

    It works like :class:`~seqgan_kit.nn.categorical.CategoricalHead`, with G noise numbers per
    step for exact samples, ids ``[B, T, G]``, and ``G * V`` for Gumbel-softmax samples,
    straight-through or relaxed ``[B, T, G * V]``.
    There is no end token: every sequence has full length.

    Args:
        hidden_size: width of the hidden states.
        features: V, the vocabulary size.
        group: G, 2 or more.
        embedding_size: size of the token embedding that the next step reads.
        straight_through: return one-hot samples with the relaxed gradient; if off, relaxed ones.
        schedule: temperature schedule of the relaxation.
    """

    def __init__(
        self,
        hidden_size: int,
        features: int,
        *,
        group: int,
        embedding_size: int = 64,
        straight_through: bool = True,
        schedule: TemperatureSchedule | None = None,
    ) -> None:
        super().__init__()
        if group < 2:
            raise ValueError(f"group is {group}; for one token per step use CategoricalHead")
        self.vocabulary, self.group = features, group
        self.feedback = group * embedding_size
        self.straight_through = straight_through
        self.schedule = schedule or TemperatureSchedule()
        self.temperature = self.schedule.temperature(0.0)
        self.tokens = GroupedEmbedding(group=group, vocabulary=features, size=embedding_size)
        self.project = nn.Linear(hidden_size, group * features)

    def logits(self, h_BTH: Float[Tensor, "*B T H"]) -> Float[Tensor, "*B T G V"]:
        """Return the unnormalised log-probabilities of all tokens at each place of a step."""
        return self.project(h_BTH).unflatten(-1, (self.group, -1))

    def anneal(self, progress: float) -> None:
        """Set the relaxation temperature for a fraction of the run (0 to 1)."""
        self.temperature = self.schedule.temperature(progress)

    def draw(self, count: int, steps: int, noise: Noise) -> Float[Tensor, "B T N"]:
        relaxed = self.training and (torch.is_grad_enabled() or not self.straight_through)
        if relaxed:
            return noise.gumbel(count, steps, self.group * self.vocabulary)
        return noise.normal(count, steps, self.group)

    def forward(
        self,
        h_BTH: Float[Tensor, "B T H"],
        noise_BTN: Float[Tensor, "B T N"],
    ) -> Float[Tensor, "B T W"] | Int[Tensor, "B T G"] | StraightThrough:
        logits_BTGV = self.logits(h_BTH).float()
        if noise_BTN.shape[-1] == self.group:
            return draw_exactly(logits_BTGV, noise_BTN[..., None])
        gumbel_BTGV = noise_BTN.view_as(logits_BTGV)
        if self.straight_through:
            return straight_through(logits_BTGV, gumbel_BTGV, temperature=self.temperature)
        return gumbel_softmax(logits_BTGV, gumbel_BTGV, temperature=self.temperature).flatten(-2)

    def embed(
        self, x: Int[Tensor, "B T G"] | Float[Tensor, "B T W"] | StraightThrough
    ) -> Float[Tensor, "B T D"]:
        return self.tokens(x)

    def close(
        self, x: Int[Tensor, "B T G"] | Float[Tensor, "B T W"] | StraightThrough
    ) -> tuple[Written, Bool[Tensor, "B T"]]:
        return x, every_step(x)

    def log_prob(
        self, h_BTH: Float[Tensor, "B T H"], x_BTG: Int[Tensor, "B T G"]
    ) -> Float[Tensor, "B T"]:
        """Return the log-probability of given steps in nats, summed over their tokens."""
        logits_BTGV = self.logits(h_BTH).float()
        nats = cross_entropy(logits_BTGV.flatten(0, 2), x_BTG.flatten(), reduction="none")
        return -nats.view_as(x_BTG).sum(-1)

    def covers(self, x: Tensor) -> bool:
        return not x.is_floating_point()
