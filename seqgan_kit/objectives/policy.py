"""Adversarial training of a generator whose steps are drawn, by the policy gradient."""

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
from .gan import GAN
from .objective import Moment, Outcome
from .penalties import Penalty


class MovingAverage(nn.Module):
    """An exponential moving average of what each step of a sequence has brought so far.

    Args:
        steps: T.
        decay: share of the old average that an update keeps.
    """

    mean_T: Tensor

    def __init__(self, steps: int, decay: float) -> None:
        super().__init__()
        self.decay = decay
        self.register_buffer("mean_T", torch.zeros(steps))

    def update(self, value_BT: Float[Tensor, "B T"], mask_BT: Bool[Tensor, "B T"]) -> None:
        """Take in the values of a batch; a step that no sequence has stays as it is."""
        count_T = mask_BT.sum(0)
        batch_T = (value_BT * mask_BT).sum(0) / count_T.clamp(min=1)
        mean_T = self.mean_T[: len(batch_T)]
        mean_T += (1 - self.decay) * (batch_T - mean_T) * (count_T > 0)


class PolicyGradient(GAN):
    r"""The generator as a policy: steps are actions, and the discriminator rewards them.

    .. math:: \nabla E[R] = E\left[\sum_t (R_t - b_t) \nabla \log p(x_t \mid x_{<t})\right],
        \quad R_t = \sum_{s \ge t} \gamma^{s-t} r_s, \quad r_s = 2 \sigma(D_s) - 1

    A discriminator with a logit at every step is trained by cross-entropy at every step, and
    rewards every step. One with a single logit rewards the last step of a sequence; with
    ``rollouts``, every step by what becomes of the sequence when it is completed from there.

    The generator has an exact likelihood: its only randomness is the draw of the steps.

    Args:
        generator: the network that writes.
        discriminator: the network that reads.
        baseline: the moving average b that makes the gradient less noisy.
        discount: gamma.
        rollouts: completions drawn for each step; 0 leaves them out.
        penalties: terms of the discriminator's loss.
        mismatch: as for :class:`~seqgan_kit.objectives.gan.GAN`.
        discriminator_steps: turns of the discriminator for one of the generator.
        likelihood: weight of the likelihood of the real sequences.

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
    ) -> None:
        super().__init__(
            generator,
            discriminator,
            loss="non-saturating",
            penalties=penalties,
            mismatch=mismatch,
            discriminator_steps=discriminator_steps,
            likelihood=likelihood,
        )
        self.discount = discount
        self.rollouts = rollouts
        self.baseline = baseline
        # Among the networks, so that checkpoints keep it.
        self.networks: Mapping[str, nn.Module] = {**self.networks, "baseline": self.baseline}

    def _told_apart(self, logit: Tensor, mask_BT: Tensor) -> Tensor:
        if logit.dim() == 1:
            return super()._told_apart(logit, mask_BT)
        # At every step, so that each logit means the odds of what has been read up to there.
        real_BT, fake_BT = logit.chunk(2)
        real_mask_BT, fake_mask_BT = mask_BT.chunk(2)
        return _mean(softplus(-real_BT), real_mask_BT) + _mean(softplus(fake_BT), fake_mask_BT)

    def generator_turn(self, batch: Batch, noise: Noise, moment: Moment) -> Outcome:
        """Make steps that brought more than the average more probable."""
        with torch.no_grad():
            x, mask_BT = self._generate(batch, noise, moment)
            written = Batch(as_tensor(x), mask_BT, batch.label_BA)
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
        """Rewards whose return at a step is the mean score of sequences completed from there."""
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
        # So that what `discounted` makes of them are the values.
        return value_BT - self.discount * later_BT

    def _value(self, x: Int[Tensor, "B T"], label_BA: Tensor, mask_BT: Tensor) -> Tensor:
        logit = self.discriminator(x, label_BA, mask_BT)
        return 2 * sequence_logit(logit, mask_BT).float().sigmoid() - 1


def discounted(reward_BT: Float[Tensor, "B T"], discount: float) -> Float[Tensor, "B T"]:
    r"""At each step the rewards from there on, :math:`R_t = r_t + \gamma R_{t+1}`.

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
    """One at the last step of each sequence."""
    after_BT = torch.cat([mask_BT[:, 1:], torch.zeros_like(mask_BT[:, :1])], 1)
    return (mask_BT & ~after_BT).float()
