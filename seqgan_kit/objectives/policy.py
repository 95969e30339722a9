"""Adversarial training by policy gradient, for generators that sample discrete steps."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import softplus

from ..batch import Batch
from ..nn.networks import Discriminator, Generator
from ..nn.noise import Noise
from ..nn.relaxation import as_tensor
from .adversarial import sequence_logit
from .gan import GAN, Played
from .objective import Moment, Outcome
from .penalties import Penalty


class MovingAverage(nn.Module):
    """An exponential moving average of the return at each step of a sequence.

    Args:
        steps: T, the maximum sequence length.
        decay: weight of the old average in an update.
    """

    mean_T: Tensor

    def __init__(self, steps: int, decay: float) -> None:
        super().__init__()
        self.decay = decay
        self.register_buffer("mean_T", torch.zeros(steps))

    def update(self, value_BT: Float[Tensor, "B T"], mask_BT: Bool[Tensor, "B T"]) -> None:
        """Add the returns of a batch; a step that no sequence has keeps its average."""
        count_T = mask_BT.sum(0)
        batch_T = (value_BT * mask_BT).sum(0) / count_T.clamp(min=1)
        mean_T = self.mean_T[: len(batch_T)]
        mean_T += (1 - self.decay) * (batch_T - mean_T) * (count_T > 0)


class PolicyGradient(GAN):
    r"""A GAN whose generator is a policy: steps are actions, which the discriminator rewards.

    .. math:: \nabla E[R] = E\left[\sum_t (R_t - b_t) \nabla \log p(x_t \mid x_{<t})\right],
        \quad R_t = \sum_{s \ge t} \gamma^{s-t} r_s, \quad r_s = 2 \sigma(D_s) - 1

    A discriminator with one logit per step is trained by cross-entropy at every step, and rewards
    every step. One with a single logit rewards the last step of a sequence, or with ``rollouts``
    every step, by its score of sequences that are completed from there.

    The generator needs an exact likelihood: sampling the steps is its only randomness.

    Args:
        generator: the network that generates sequences.
        discriminator: the network that scores them.
        baseline: the moving average b, which reduces the variance of the gradient.
        discount: gamma.
        rollouts: completions per step; 0 for none.
        penalties: terms of the discriminator's loss.
        mismatch: see :class:`~seqgan_kit.objectives.gan.GAN`.
        discriminator_steps: discriminator turns per generator turn.
        likelihood: weight of the negative log-likelihood of the real sequences.
        label_dropout: share of these whose label is hidden.

    References:
        Williams 1992 (REINFORCE); roll-outs: Yu et al. 2017, *SeqGAN*, equation 4; a reward for
        every step: de Masson d'Autume et al. 2019, *Training Language GANs from Scratch*.
    """

    def __init__(
        self,
        generator: Generator,
        discriminator: Discriminator,
        *,
        baseline: MovingAverage,
        discount: float = 1.0,
        rollouts: int = 0,
        penalties: tuple[Penalty, ...] = (),
        mismatch: float = 0.0,
        discriminator_steps: int = 1,
        likelihood: float = 0.0,
        label_dropout: float = 0.0,
    ) -> None:
        super().__init__(
            generator,
            discriminator,
            loss="non-saturating",
            penalties=penalties,
            mismatch=mismatch,
            discriminator_steps=discriminator_steps,
            likelihood=likelihood,
            label_dropout=label_dropout,
        )
        self.discount = discount
        self.rollouts = rollouts
        self.baseline = baseline
        # Listed as a network, so that checkpoints contain it.
        self.networks: Mapping[str, nn.Module] = {**self.networks, "baseline": self.baseline}

    def _write(self, batch: Batch, noise: Noise, moment: Moment) -> Played:
        with torch.no_grad():  # Rewards take the place of gradients.
            return self._generate(batch, noise, moment)

    def _told_apart(self, logit: Tensor, mask_BT: Tensor) -> Tensor:
        if logit.dim() == 1:
            return super()._told_apart(logit, mask_BT)
        # At every step, so that each logit estimates the log-odds of the sequence so far.
        real_BT, fake_BT = logit.chunk(2)
        real_mask_BT, fake_mask_BT = mask_BT.chunk(2)
        return _mean(softplus(-real_BT), real_mask_BT) + _mean(softplus(fake_BT), fake_mask_BT)

    def generator_turn(self, batch: Batch, noise: Noise, moment: Moment) -> Outcome:
        """Compute the policy-gradient loss, with the baseline subtracted from the returns."""
        with torch.no_grad():
            played = self._written(batch, noise, moment)
            mask_BT = played.mask_BT
            written = Batch(as_tensor(played.fake), mask_BT, batch.label_BA)
            return_BT = discounted(self._rewards(written, noise) * mask_BT, self.discount)
            gain_BT = return_BT - self.baseline.mean_T[: return_BT.shape[1]]
            self.baseline.update(return_BT, mask_BT)
        log_p_BT = self.generator.log_prob(written)
        losses = {"generator": -(log_p_BT * gain_BT * mask_BT).sum(1).mean()}
        figures = {
            "return": _mean(return_BT, mask_BT),
            "entropy": -_mean(log_p_BT.detach(), mask_BT),
            "length": mask_BT.sum(1).float().mean(),
        }
        return Outcome(losses | self._kept_likelihood(batch, noise), figures)

    def _rewards(self, written: Batch, noise: Noise) -> Float[Tensor, "B T"]:
        if self.rollouts:
            return self._completed(written, noise)
        logit = self.discriminator(written.x_BTF, written.label_BA, written.mask_BT).float()
        if logit.dim() == 2:
            return 2 * logit.sigmoid() - 1
        last_BT = _last(written.mask_BT)
        return (2 * logit.sigmoid() - 1)[:, None] * last_BT

    def _completed(self, written: Batch, noise: Noise) -> Float[Tensor, "B T"]:
        """Compute rewards whose return at a step is the mean score of completions from there."""
        x_BT, mask_BT, label_BA = written.x_BTF, written.mask_BT, written.label_BA
        count, steps = mask_BT.shape
        values = []
        for given in range(1, steps):
            value_B = torch.zeros(count, device=mask_BT.device)
            for _ in range(self.rollouts):
                latent = self.generator.draw(count, noise, steps)
                completed, exists_BT = self.generator.write(
                    latent, label_BA, prefix=x_BT[:, :given]
                )
                value_B += self._value(as_tensor(completed), label_BA, exists_BT) / self.rollouts
            values.append(value_B)
        values.append(self._value(x_BT, label_BA, mask_BT))
        value_BT = torch.stack(values, 1) * mask_BT
        later_BT = torch.cat([value_BT[:, 1:], torch.zeros_like(value_BT[:, :1])], 1)
        # The rewards from which `discounted` computes these values.
        return value_BT - self.discount * later_BT

    def _value(self, x: Int[Tensor, "B T"], label_BA: Tensor, mask_BT: Tensor) -> Tensor:
        logit = self.discriminator(x, label_BA, mask_BT)
        return 2 * sequence_logit(logit, mask_BT).float().sigmoid() - 1


def discounted(reward_BT: Float[Tensor, "B T"], discount: float) -> Float[Tensor, "B T"]:
    r"""Return the discounted return at each step, :math:`R_t = r_t + \gamma R_{t+1}`.

    >>> discounted(torch.tensor([[1.0, 0.0, 2.0]]), 0.5)
    tensor([[1.5000, 1.0000, 2.0000]])
    """
    place_T = torch.arange(reward_BT.shape[1], device=reward_BT.device)
    ahead_TT = place_T[:, None] - place_T
    weight_TT = torch.where(ahead_TT >= 0, discount ** ahead_TT.clamp(min=0).float(), 0.0)
    return reward_BT @ weight_TT


def _mean(value_BT: Tensor, mask_BT: Tensor) -> Tensor:
    weight_BT = mask_BT.to(value_BT.dtype)
    return (value_BT * weight_BT).sum() / weight_BT.sum().clamp(min=1)


def _last(mask_BT: Bool[Tensor, "B T"]) -> Float[Tensor, "B T"]:
    """Return 1 at the last step of each sequence, 0 elsewhere."""
    after_BT = torch.cat([mask_BT[:, 1:], torch.zeros_like(mask_BT[:, :1])], 1)
    return (mask_BT & ~after_BT).float()
