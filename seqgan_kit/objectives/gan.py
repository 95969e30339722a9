"""Adversarial training of a generator and a discriminator, for every kind of sequence."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ..batch import Batch, shift_labels
from ..nn.networks import Discriminator, Generator
from ..nn.noise import Latent, Noise
from ..nn.relaxation import Written, detached
from .adversarial import ADVERSARIAL, AdversarialLoss, LossName, sequence_logit
from .likelihood import mean_nats
from .objective import Moment, Outcome, Turn
from .penalties import Annealed, Penalty

LEAST = 1e-3
"""What is added to a ratio of differences, so that equal sequences give a finite loss."""


@contextmanager
def recording(network: nn.Module) -> Iterator[None]:
    """Record gradients of a network whose weights are frozen for the turn of another."""
    frozen = [weight for weight in network.parameters() if not weight.requires_grad]
    for weight in frozen:
        weight.requires_grad_(True)
    try:
        yield
    finally:
        for weight in frozen:
            weight.requires_grad_(False)


class Played(NamedTuple):
    """What the discriminator's turn leaves to the generator's turn of the same step.

    Without such a turn there are no logits of real sequences, and who needs them reads these.
    """

    step: int
    latent: Latent
    fake: Written
    mask_BT: Tensor
    real_logit_B: Tensor | None = None


def sameness(
    z: tuple[Tensor, Tensor], x: tuple[Tensor, Tensor], mask_BT: Tensor
) -> Float[Tensor, ""]:
    r"""How much two sequences under one label are the same, for how much their noise differs.

    .. math:: \frac{1}{B} \sum_b \left( \frac{|x_b - x'_b|}{|z_b - z'_b|} + 10^{-3} \right)^{-1}

    with mean absolute differences, over the steps that both sequences have. Where x and x' become
    equal its gradient is steep, and where they differ by much it is hardly felt.

    Args:
        z: noise of two batches, ``[B, Z]`` each.
        x: what was made of it, embedded, ``[B, T, F]`` each.
        mask_BT: the steps that both have.

    References:
        Mao et al. 2019, *Mode Seeking Generative Adversarial Networks*, equation 4, here for each
        pair, since one class may become one sequence while others do not.
    """
    apart_BT = (x[0] - x[1]).abs().flatten(2).mean(2) * mask_BT
    apart_B = apart_BT.sum(1) / mask_BT.sum(1).clamp(min=1)
    ratio_B = apart_B / (z[0] - z[1]).abs().mean(1)
    return (1 / (ratio_B + LEAST)).mean()


class GAN:
    """Conditional adversarial training.

    Generated sequences take the labels of the real batch, so that the pairs of a relativistic
    loss, and the groups of the minibatch feature, share a class.

    Both turns of a step read one batch and the same generated sequences: these are written once,
    with the gradients that the generator's turn needs, and a loss that compares with real logits
    takes those of the discriminator's turn.

    Args:
        generator: the network that generates sequences.
        discriminator: the network that scores them.
        loss: a name in :data:`~seqgan_kit.objectives.adversarial.ADVERSARIAL`, or a custom loss.
        penalties: terms of the discriminator's loss.
        mismatch: weight of a second adversarial loss, in which real sequences with wrong labels
            replace the generated ones. It teaches the discriminator what a label means; with
            label projection it costs only one more product. 0 disables it.
        discriminator_steps: discriminator turns per generator turn.
        augmentation: changes what the discriminator reads, see
            :class:`~seqgan_kit.nn.augmentation.FrameAugmentation`; ``None``: nothing does.
        augmented: share of the sequences that are changed at the end of the run. It grows from
            none, as the discriminator can know little by heart at first.
        likelihood: weight of the negative log-likelihood of the real sequences, in nats per
            sequence, in the generator's loss; 0 disables it.
        label_dropout: share of these whose label is hidden, see
            :func:`~seqgan_kit.objectives.likelihood.mean_nats`.
        mode_seeking: weight of a term of the generator's loss that keeps what it writes under one
            label from becoming one sequence, see :func:`sameness`. It needs ``noise_size`` above
            0. 0 disables it.

    References:
        Goodfellow et al. 2014; mismatched labels: Reed et al. 2016, *Generative Adversarial Text
        to Image Synthesis*, section 4.2.
    """

    averaged = "generator"

    def __init__(
        self,
        generator: Generator,
        discriminator: Discriminator,
        *,
        loss: LossName | AdversarialLoss = "relativistic",
        penalties: tuple[Penalty, ...] = (),
        mismatch: float = 0.0,
        discriminator_steps: int = 1,
        augmentation: nn.Module | None = None,
        augmented: float = 0.0,
        likelihood: float = 0.0,
        label_dropout: float = 0.0,
        mode_seeking: float = 0.0,
    ) -> None:
        self.generator = generator
        self.discriminator = discriminator
        self.loss = loss if isinstance(loss, AdversarialLoss) else ADVERSARIAL[loss]
        self.penalties = penalties
        self.mismatch = mismatch
        self.augmentation = augmentation
        self.augmented = augmented
        self.likelihood = likelihood
        self.label_dropout = label_dropout
        self.mode_seeking = mode_seeking
        self.networks: Mapping[str, nn.Module] = {
            "generator": generator,
            "discriminator": discriminator,
        }
        if augmentation is not None:
            # Listed as a network, so that it is where they are.
            self.networks = {**self.networks, "augmentation": augmentation}
        self.turns: Sequence[Turn] = (
            Turn("discriminator", self.discriminator_turn, discriminator_steps),
            Turn(
                "generator",
                self.generator_turn,
                shares=True,
                reads=self.loss.needs_real or likelihood > 0,
            ),
        )
        self._played: Played | None = None

    def _generate(self, batch: Batch, noise: Noise, moment: Moment) -> Played:
        self.generator.anneal(moment.progress)
        latent = self.generator.draw(len(batch), noise, batch.mask_BT.shape[1])
        return Played(moment.step, latent, *self.generator(latent, batch.label_BA))

    def _write(self, batch: Batch, noise: Noise, moment: Moment) -> Played:
        """Generate what both turns read, with the gradients that the generator's turn needs."""
        with recording(self.generator):
            return self._generate(batch, noise, moment)

    def _written(self, batch: Batch, noise: Noise, moment: Moment) -> Played:
        """Return what the discriminator's turn of this step has read, for the generator's turn.

        If there was none, as in a phase that trains the generator alone, it is written now.
        """
        played, self._played = self._played, None
        if played is not None and played.step == moment.step:
            return played
        return self._write(batch, noise, moment)

    def _seen(self, x: Written, noise: Noise, moment: Moment) -> Written:
        """Return sequences as the discriminator is to read them."""
        if self.augmentation is None:
            return x
        seen: Tensor = self.augmentation(x, self.augmented * moment.progress, noise)
        return seen

    def _other_labels(self, batch: Batch, noise: Noise) -> Tensor:
        """Draw a wrong label for every sequence, uniformly from all others."""
        classes = self.discriminator.classes
        others = math.prod(classes) - 1
        shift_B = 1 + (noise.uniform(len(batch)) * others).long().clamp(max=others - 1)
        return shift_labels(batch.label_BA, classes, shift_B)

    def discriminator_turn(self, batch: Batch, noise: Noise, moment: Moment) -> Outcome:
        """Compute the discriminator's losses; real and generated sequences share one pass."""
        # Spectral norm updates its estimate at every pass, which would show in a penalty's
        # difference of two passes: all passes of a turn share one estimate.
        with parametrize.cached():
            return self._tell_apart(batch, noise, moment)

    def _tell_apart(self, batch: Batch, noise: Noise, moment: Moment) -> Outcome:
        # Nothing is recorded for a turn that does not follow.
        write = self._write if moment.shared else self._generate
        played = write(batch, noise, moment)
        fake_mask_BT = played.mask_BT
        embed = self.discriminator.embed
        sides = (self._seen(x, noise, moment) for x in (batch.x_BTF, detached(played.fake)))
        x_BTF = torch.cat([embed(side) for side in sides])
        mask_BT = torch.cat([batch.mask_BT, fake_mask_BT])
        label_BA = batch.label_BA.repeat(2, 1)
        labels = [label_BA]
        if self.mismatch:
            labels.append(self._other_labels(batch, noise).repeat(2, 1))

        def score(x_BTF: Tensor) -> Tensor:
            logit = self.discriminator.score(x_BTF, label_BA, mask_BT)
            return sequence_logit(logit, mask_BT).float()

        logit, *mismatched = [
            found.float() for found in self.discriminator.score_labels(x_BTF, labels, mask_BT)
        ]
        losses = {"discriminator": self._told_apart(logit, mask_BT)}
        for other in mismatched:
            game = torch.cat([logit[: len(batch)], other[: len(batch)]])
            term = self._told_apart(game, batch.mask_BT.repeat(2, 1))
            losses["mismatch"] = self.mismatch * term
        logit_B = sequence_logit(logit, mask_BT)
        real_B, fake_B = logit_B.chunk(2)
        if moment.shared:
            self._played = played._replace(real_logit_B=real_B.detach())
        for penalty in self.penalties:
            if isinstance(penalty, Annealed):
                penalty.anneal(moment.progress)
            if moment.step % penalty.every == 0:
                term = penalty(score, x_BTF, logit_B, noise)
                losses["penalty"] = losses.get("penalty", 0) + term * penalty.every
        figures = {
            "real_logit": real_B.detach().mean(),
            "fake_logit": fake_B.detach().mean(),
            "told_apart": (real_B.detach() > fake_B.detach()).float().mean(),
        }
        return Outcome(losses, figures)

    def _told_apart(self, logit: Tensor, mask_BT: Tensor) -> Tensor:
        """Return the discriminator's loss on a joined batch, real half first."""
        real_B, fake_B = sequence_logit(logit, mask_BT).chunk(2)
        return self.loss.discriminator(real_B, fake_B)

    def generator_turn(self, batch: Batch, noise: Noise, moment: Moment) -> Outcome:
        """Compute the generator's losses."""
        played = self._written(batch, noise, moment)
        real_B = played.real_logit_B
        seen = self._seen(played.fake, noise, moment)
        logit_B = self._logit(seen, batch.label_BA, played.mask_BT)
        if real_B is None:
            real_B = logit_B
            if self.loss.needs_real:
                with torch.no_grad():
                    real = self._seen(batch.x_BTF, noise, moment)
                    real_B = self._logit(real, batch.label_BA, batch.mask_BT)
        losses = {"generator": self.loss.generator(real_B, logit_B)}
        losses |= self._sought_modes(played, batch, noise, moment)
        return Outcome(losses | self._kept_likelihood(batch, noise), {})

    def _sought_modes(
        self, played: Played, batch: Batch, noise: Noise, moment: Moment
    ) -> dict[str, Tensor]:
        if not self.mode_seeking:
            return {}
        other = self._generate(batch, noise, moment)
        embed = self.discriminator.embed
        term = sameness(
            (played.latent.z_BZ, other.latent.z_BZ),
            (embed(played.fake), embed(other.fake)),
            played.mask_BT & other.mask_BT,
        )
        return {"mode_seeking": self.mode_seeking * term}

    def _kept_likelihood(self, batch: Batch, noise: Noise) -> dict[str, Tensor]:
        if not self.likelihood:
            return {}
        nats = mean_nats(self.generator, batch, noise, self.label_dropout)
        return {"likelihood": self.likelihood * nats}

    def _logit(self, x: Written, label_BA: Tensor, mask_BT: Tensor) -> Tensor:
        return sequence_logit(self.discriminator(x, label_BA, mask_BT), mask_BT).float()
