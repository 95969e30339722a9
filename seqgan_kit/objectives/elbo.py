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
    r"""The evidence lower bound; training minimises its negative, in nats per sequence.

    .. math:: -\log p(x) \le -E_{q(z|x)}[\log p(x|z)] + \beta\, KL(q(z|x) \Vert p(z))

    It is a bound for beta of 1 or more; for beta = 1 both sides are equal if q is the true
    posterior.

    Args:
        autoencoder: encoder and generator.
        beta: weight of the KL term (Higgins et al. 2017, *beta-VAE*).
        warmup: fraction of the run over which that weight rises linearly from 0 to beta (Bowman
            et al. 2016, section 3.1); 0 for no warm-up.
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
        """Return the weight of the KL term for a fraction of the run (0 to 1)."""
        return self.beta * min(progress / self.warmup, 1.0) if self.warmup else self.beta

    def autoencoder_turn(self, batch: Batch, noise: Noise, moment: Moment) -> Outcome:
        """Compute the reconstruction and KL terms."""
        mean_BZ, log_variance_BZ = self.autoencoder.encode(batch)
        z_BZ = mean_BZ + (0.5 * log_variance_BZ).exp() * noise.normal(*mean_BZ.shape)
        # Summed over all values of a sequence, as in the bound. Many tutorials take the mean,
        # which divides this term by the number of values but not the KL term. That multiplies
        # beta by the same number, and the codes then carry no information.
        nats_B = -self.autoencoder.log_prob(batch, z_BZ).sum(1)
        reconstruction, kl = nats_B.mean(), kl_to_prior(mean_BZ, log_variance_BZ).mean()
        figures = {"kl": kl.detach(), "bound": (reconstruction + kl).detach()}
        weighted = self.weight(moment.progress) * kl
        return Outcome({"reconstruction": reconstruction, "weighted_kl": weighted}, figures)
