"""The game of a generator and a discriminator, whatever they write and read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from ..batch import Batch
from ..nn.networks import Discriminator, Generator
from ..nn.noise import Noise
from .adversarial import ADVERSARIAL, LossName, sequence_logit
from .objective import Moment, Outcome, Turn
from .penalties import Penalty


class GAN:
    """Conditional adversarial training.

    Generated sequences take the labels of the real ones beside them, so that the pairs of a
    relativistic loss, and the groups of the minibatch feature, share a class.

    Args:
        generator: the network that writes.
        discriminator: the network that reads.
        loss: a name of :data:`~seqgan_kit.objectives.adversarial.ADVERSARIAL`.
        penalties: terms of the discriminator's loss.
        discriminator_steps: turns of the discriminator for one of the generator.
    """

    averaged = "generator"

    def __init__(
        self,
        generator: Generator,
        discriminator: Discriminator,
        *,
        loss: LossName = "relativistic",
        penalties: tuple[Penalty, ...] = (),
        discriminator_steps: int = 1,
    ) -> None:
        self.generator = generator
        self.discriminator = discriminator
        self.loss = ADVERSARIAL[loss]
        self.penalties = penalties
        self.networks: Mapping[str, nn.Module] = {
            "generator": generator,
            "discriminator": discriminator,
        }
        self.turns: Sequence[Turn] = (
            Turn("discriminator", self.discriminator_turn, discriminator_steps),
            Turn("generator", self.generator_turn),
        )

    def _generate(self, batch: Batch, noise: Noise) -> tuple[Tensor, Tensor]:
        latent = self.generator.draw(len(batch), noise, batch.mask_BT.shape[1])
        return self.generator(latent, batch.label_BA)

    def discriminator_turn(self, batch: Batch, noise: Noise, moment: Moment) -> Outcome:
        """Tell real from generated; both halves pass through the discriminator together."""
        fake, fake_mask_BT = self._generate(batch, noise)
        embed, score = self.discriminator.embed, self.discriminator.score
        x_BTF = torch.cat([embed(batch.x_BTF), embed(fake.detach())])
        mask_BT = torch.cat([batch.mask_BT, fake_mask_BT])
        label_BA = batch.label_BA.repeat(2, 1)

        def sequence_score(x_BTF: Tensor) -> Tensor:
            return sequence_logit(score(x_BTF, label_BA, mask_BT), mask_BT).float()

        logit_B = sequence_score(x_BTF)
        real_B, fake_B = logit_B.chunk(2)
        losses = {"discriminator": self.loss.discriminator(real_B, fake_B)}
        for penalty in self.penalties:
            if moment.step % penalty.every == 0:
                term = penalty(sequence_score, x_BTF, logit_B, noise)
                losses["penalty"] = losses.get("penalty", 0) + term * penalty.every
        figures = {
            "real_logit": real_B.detach().mean(),
            "fake_logit": fake_B.detach().mean(),
            "told_apart": (real_B.detach() > fake_B.detach()).float().mean(),
        }
        return Outcome(losses, figures)

    def generator_turn(self, batch: Batch, noise: Noise, moment: Moment) -> Outcome:
        """Be taken for real."""
        fake, fake_mask_BT = self._generate(batch, noise)
        logit_B = self._logit(fake, batch.label_BA, fake_mask_BT)
        real_B = logit_B
        if self.loss.needs_real:
            with torch.no_grad():
                real_B = self._logit(batch.x_BTF, batch.label_BA, batch.mask_BT)
        return Outcome({"generator": self.loss.generator(real_B, logit_B)}, {})

    def _logit(self, x: Tensor, label_BA: Tensor, mask_BT: Tensor) -> Tensor:
        return sequence_logit(self.discriminator(x, label_BA, mask_BT), mask_BT).float()
