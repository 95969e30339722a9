"""The evidence lower bound of variational autoencoders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import nn

from ..batch import Batch
from ..nn.gaussian import kl_to_prior
from ..nn.networks import Autoencoder
from ..nn.noise import Noise
from .objective import Moment, Outcome, Turn


class ELBO:
    r"""Maximises the evidence lower bound, that is, minimises its negative in nats a sequence.

    .. math:: -\log p(x) \le -E_{q(z|x)}[\log p(x|z)] + \beta\, KL(q(z|x) \Vert p(z))

    A bound for beta of 1 and more; for beta = 1 both sides are equal where q is the true
    posterior.

    Args:
        autoencoder: encoder and generator.
        beta: weight of the divergence (Higgins et al. 2017, *beta-VAE*).
        warmup: share of the run over which that weight rises from 0 to beta in a straight line
            (Bowman et al. 2016, section 3.1); 0 leaves that out.
    """

    averaged = "autoencoder"

    def __init__(
        self, autoencoder: Autoencoder, *, beta: float = 1.0, warmup: float = 0.0
    ) -> None:
        self.autoencoder = autoencoder
        self.beta = beta
        self.warmup = warmup
        self.networks: Mapping[str, nn.Module] = {"autoencoder": autoencoder}
        self.turns: Sequence[Turn] = (Turn("autoencoder", self.autoencoder_turn),)

    def weight(self, progress: float) -> float:
        """The weight of the divergence where a share of the run is over."""
        return self.beta * min(progress / self.warmup, 1.0) if self.warmup else self.beta

    def autoencoder_turn(self, batch: Batch, noise: Noise, moment: Moment) -> Outcome:
        """Write down what was read, through as little information as that takes."""
        mean_BZ, log_variance_BZ = self.autoencoder.encode(batch)
        z_BZ = mean_BZ + (0.5 * log_variance_BZ).exp() * noise.normal(*mean_BZ.shape)
        # Summed over everything that a sequence consists of, as the bound says. The mean over it,
        # as many tutorials take, divides this term by the number of values and leaves the
        # divergence alone: beta times that number, under which the codes carry nothing.
        nats_B = -self.autoencoder.log_prob(batch, z_BZ).sum(1)
        reconstruction, kl = nats_B.mean(), kl_to_prior(mean_BZ, log_variance_BZ).mean()
        figures = {"kl": kl.detach(), "bound": (reconstruction + kl).detach()}
        weighted = self.weight(moment.progress) * kl
        return Outcome({"reconstruction": reconstruction, "weighted_kl": weighted}, figures)
