"""Maximum likelihood by teacher forcing, the baseline of adversarial objectives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jaxtyping import Float
from torch import Tensor, nn

from ..batch import Batch
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
    """

    averaged = "generator"

    def __init__(self, generator: Generator) -> None:
        self.generator = generator
        self.networks: Mapping[str, nn.Module] = {"generator": generator}
        self.turns: Sequence[Turn] = (Turn("generator", self.generator_turn),)

    def generator_turn(self, batch: Batch, noise: Noise, moment: Moment) -> Outcome:
        """Compute the negative log-likelihood of the batch."""
        return Outcome({"likelihood": mean_nats(self.generator, batch, noise)}, {})


def mean_nats(generator: Generator, batch: Batch, noise: Noise) -> Float[Tensor, ""]:
    """Return the mean negative log-likelihood of whole sequences in nats, with dropout."""
    return -generator.log_prob(batch, regularize=noise).sum(1).mean()
