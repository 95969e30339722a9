"""A discriminator that learns the density ratio of real sequences and a fixed generator's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..batch import Batch
from ..nn.networks import Discriminator, Generator
from ..nn.noise import Noise
from ..nn.relaxation import Written
from .adversarial import sequence_logit
from .gan import GAN
from .objective import Moment, Outcome, Turn
from .penalties import Penalty


class Calibration(nn.Module):
    r"""Scale and shift of logits, so that :math:`\sigma(a D + b)` is a probability (Platt 1999).

    They are fitted to sequences that no network has learned from. Of a discriminator that cannot
    tell these apart the scale is 0, and all sequences count the same.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("shift", torch.zeros(()))

    def forward(self, logit_B: Float[Tensor, " B"]) -> Float[Tensor, " B"]:
        return self.scale * logit_B + self.shift

    def fit(self, real_B: Float[Tensor, " B"], made_B: Float[Tensor, " C"]) -> float:
        """Fit both to the logits of real and generated sequences.

        Returns:
            The cross-entropy of these sequences afterwards, in nats; log 2 if they look alike.
        """
        from sklearn.linear_model import LogisticRegression
        from sklearn.metrics import log_loss

        logit_N1 = torch.cat([real_B, made_B]).double().cpu().numpy()[:, None]
        real_N = [1] * len(real_B) + [0] * len(made_B)
        fitted = LogisticRegression(class_weight="balanced").fit(logit_N1, real_N)
        scale, shift = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
        if scale <= 0:
            # It takes new real sequences for generated ones: it has learned others by heart.
            scale, shift = 0.0, 0.0
        self.scale.fill_(scale)
        self.shift.fill_(shift)
        chance_N = torch.sigmoid(torch.tensor(logit_N1[:, 0]) * scale + shift).numpy()
        return float(log_loss(real_N, chance_N))


class Calibrated(Discriminator):
    """A discriminator with calibrated logits, one for each sequence."""

    def __init__(self, discriminator: Discriminator, calibration: Calibration) -> None:
        super().__init__()
        self.classes = discriminator.classes
        self.discriminator = discriminator
        self.calibration = calibration

    def forward(self, x: Written, label_BA: Int[Tensor, "B A"], mask_BT: Tensor) -> Tensor:
        logit = self.discriminator(x, label_BA, mask_BT)
        return self.calibration(sequence_logit(logit, mask_BT).float())


class DensityRatio(GAN):
    r"""Cross-entropy of a discriminator that tells real sequences from a fixed generator's.

    The best logit is :math:`\log p(x | c) - \log q(x | c)`, by which samples of the generator can
    be weighted so that they are distributed as real ones are.

    Args:
        generator: the network that generates sequences; it stays as it is.
        discriminator: the network that tells them apart.
        penalties: terms of its loss.

    References:
        Azadi et al. 2018, *Discriminator Rejection Sampling*; Grover et al. 2019, *Bias
        Correction of Learned Generative Models using Likelihood-Free Importance Weighting*, with
        calibration.
    """

    def __init__(
        self,
        generator: Generator,
        discriminator: Discriminator,
        *,
        penalties: tuple[Penalty, ...] = (),
    ) -> None:
        super().__init__(generator, discriminator, loss="non-saturating", penalties=penalties)
        self.calibration = Calibration()
        # Listed as a network, so that checkpoints contain it.
        self.networks: Mapping[str, nn.Module] = {
            **self.networks, "calibration": self.calibration
        }  # fmt: skip
        self.turns: Sequence[Turn] = (Turn("discriminator", self.discriminator_turn),)

    def discriminator_turn(self, batch: Batch, noise: Noise, moment: Moment) -> Outcome:
        """Compute the discriminator's losses, on sequences of the generator as it is sampled."""
        # A finished generator: a relaxation that sharpens over a run has arrived at its end.
        return super().discriminator_turn(batch, noise, moment._replace(progress=1.0))
