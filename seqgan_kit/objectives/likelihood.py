"""Maximum likelihood by teacher forcing, the baseline of adversarial objectives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from jaxtyping import Float
from torch import Tensor, nn

from ..batch import Batch
from ..nn.condition import NO_LABEL
from ..nn.networks import Generator
from ..nn.noise import Noise
from .objective import Moment, Outcome, Turn


class Likelihood:
    r"""The negative log-likelihood of whole sequences, in nats.

    .. math:: -\frac{1}{B} \sum_b \sum_t \log p(x_{b,t} \mid x_{b,<t}, label_b)

    Every step is predicted from the true steps before it (teacher forcing; Williams & Zipser
    1989); the generator's noise is zero.

    Args:
        generator: a generator whose head has a likelihood.
        label_dropout: share of sequences whose label is hidden, see :func:`mean_nats`.
    """

    averaged = "generator"

    def __init__(self, generator: Generator, *, label_dropout: float = 0.0) -> None:
        self.generator = generator
        self.label_dropout = label_dropout
        self.networks: Mapping[str, nn.Module] = {"generator": generator}
        self.turns: Sequence[Turn] = (Turn("generator", self.generator_turn),)

    def generator_turn(self, batch: Batch, noise: Noise, moment: Moment) -> Outcome:
        """Compute the negative log-likelihood of the batch."""
        nats = mean_nats(self.generator, batch, noise, self.label_dropout)
        return Outcome({"likelihood": nats}, {})


def mean_nats(
    generator: Generator, batch: Batch, noise: Noise, label_dropout: float = 0.0
) -> Float[Tensor, ""]:
    """Return the mean negative log-likelihood of whole sequences in nats, with dropout.

    Args:
        generator: the generator.
        batch: sequences and their labels.
        noise: for dropout.
        label_dropout: share of sequences whose label is hidden, so that the generator learns the
            distribution of all sequences, too, which guidance needs (Ho & Salimans 2022).
    """
    if label_dropout:
        hidden_B1 = noise.uniform(len(batch), 1) < label_dropout
        batch = replace(batch, label_BA=batch.label_BA.masked_fill(hidden_B1, NO_LABEL))
    return -generator.log_prob(batch, regularize=noise).sum(1).mean()
