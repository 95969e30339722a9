"""Output heads of generators. Only the head knows what a step represents."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

from ..batch import full_mask
from .noise import Noise
from .relaxation import Written

START = 0.1
"""Deviation of a head's own noise before training, and how much less it depends on the state."""

Draw = Literal["sample", "mean"]
"""The output of a head with a distribution: a sample, or the mean."""


@runtime_checkable
class Head(Protocol):
    """An output head, which maps hidden states to steps.

    Attributes:
        feedback: features passed to the next step of a generator with output feedback.
    """

    feedback: int

    def draw(self, count: int, steps: int, noise: Noise) -> Tensor:
        """Draw the noise ``[B, T, N]`` for the steps of ``count`` sequences."""
        ...

    def anneal(self, progress: float) -> None:
        """Update schedules for a fraction of the run (0 to 1)."""
        ...

    def __call__(self, h_BTH: Tensor, noise_BTN: Tensor) -> Written:
        """Return the steps ``[B, T, F]``, or token ids ``[B, T]``, for the hidden states."""
        ...

    def embed(self, x_BTF: Any) -> Tensor:
        """Return steps as input to the next step, ``[B, T, feedback]``."""
        ...

    def close(self, x_BTF: Any) -> tuple[Written, Tensor]:
        """Return generated steps as a discriminator sees them, and their mask ``[B, T]``."""
        ...


@runtime_checkable
class LikelihoodHead(Head, Protocol):
    """A head that defines a distribution and returns log-probabilities of steps."""

    def log_prob(self, h_BTH: Tensor, x_BTF: Tensor) -> Tensor:
        """Return the log-probability of given steps in nats, ``[B, T]``, in float32."""
        ...

    def covers(self, x_BTF: Tensor) -> bool:
        """Return whether all values are in the support of the distribution."""
        ...


def with_likelihood(head: Head) -> LikelihoodHead:
    """Return the head if it defines a distribution.

    Raises:
        TypeError: it does not.
    """
    if not isinstance(head, LikelihoodHead):
        raise TypeError(f"{type(head).__name__} has no likelihood")
    return head


class _RealValued(nn.Module):
    """The base class of heads for real values between -1 and 1.

    Args:
        hidden_size: width of the hidden states.
        features: numbers in a step.
        parameters: outputs of the head for each of them.
    """

    def __init__(self, hidden_size: int, features: int, parameters: int = 1) -> None:
        super().__init__()
        self.noise = 0  # Standard normal numbers per step.
        self.feedback = features
        self.project = nn.Linear(hidden_size, features * parameters)

    def draw(self, count: int, steps: int, noise: Noise) -> Float[Tensor, "B T N"]:
        return noise.normal(count, steps, self.noise)

    def anneal(self, progress: float) -> None:
        pass

    def embed(self, x_BTF: Float[Tensor, "B T F"]) -> Float[Tensor, "B T F"]:
        return x_BTF

    def close(
        self, x_BTF: Float[Tensor, "B T F"]
    ) -> tuple[Float[Tensor, "B T F"], Bool[Tensor, "B T"]]:
        return x_BTF, full_mask(x_BTF.shape[0], x_BTF.shape[1], x_BTF.device)


class ContinuousHead(_RealValued):
    r"""A head for real values between -1 and 1, without a distribution that is known.

    .. math:: x = \tanh(W h + b), \quad \text{or with noise} \quad
        x = \tanh(W h + b + (V h + c) \odot n)

    What recurrent layers make of their noise changes smoothly from step to step. Noise of its own
    for each number, n, standard normal, gives steps the fine texture that real data have; how
    much of it is learned.

    Args:
        hidden_size: width of the hidden states.
        features: numbers in a step.
        noise: whether each number has noise of its own.
        exact: makes steps exact; see :class:`~seqgan_kit.kind.Codec`.

    References:
        Karras et al. 2019, *A Style-Based Generator Architecture*, section 3.2, with noise for
        each pixel.
    """

    def __init__(
        self,
        hidden_size: int,
        features: int,
        *,
        noise: bool = False,
        exact: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__(hidden_size, features, parameters=1 + noise)
        self.noise = features if noise else 0
        self._exact = exact
        if noise:
            with torch.no_grad():
                # A little noise in the beginning, the same everywhere.
                self.project.weight[features:] *= START
                self.project.bias[features:] = START

    def close(
        self, x_BTF: Float[Tensor, "B T F"]
    ) -> tuple[Float[Tensor, "B T F"], Bool[Tensor, "B T"]]:
        return super().close(x_BTF if self._exact is None else self._exact(x_BTF))

    def forward(
        self, h_BTH: Float[Tensor, "B T H"], noise_BTN: Float[Tensor, "B T N"]
    ) -> Float[Tensor, "B T F"]:
        x_BTF = self.project(h_BTH)
        if self.noise:
            x_BTF, scale_BTF = x_BTF.chunk(2, -1)
            x_BTF = x_BTF + scale_BTF * noise_BTN
        return x_BTF.tanh()


class ValueLikelihood(_RealValued):
    """The base class of heads that know the probability of each value, given the state."""

    def log_probs(
        self, h_BTH: Float[Tensor, "B T H"], x_BTF: Float[Tensor, "B T F"]
    ) -> Float[Tensor, "B T F"]:
        """Return the log-probability of each value in nats, in float32."""
        raise NotImplementedError

    def covers(self, x_BTF: Float[Tensor, "B T F"]) -> bool:
        """Return whether all values are in the support of the distribution."""
        raise NotImplementedError

    def log_prob(
        self, h_BTH: Float[Tensor, "B T H"], x_BTF: Float[Tensor, "B T F"]
    ) -> Float[Tensor, "B T"]:
        return self.log_probs(h_BTH, x_BTF).sum(-1)


class BernoulliHead(ValueLikelihood):
    r"""A head for binary values: 1 with probability :math:`p = \sigma(W h + b)`, otherwise -1.

    Values in between count as probabilities. Their log-probability is a cross-entropy; it is a
    likelihood only if all data are -1 or 1 (:meth:`covers`).

    Args:
        hidden_size: width of the hidden states.
        features: numbers in a step.
        draw: ``"sample"`` returns -1 or 1, with a straight-through gradient of p (Bengio et al.
            2013); ``"mean"`` returns ``2 p - 1``.
    """

    def __init__(self, hidden_size: int, features: int, draw: Draw = "sample") -> None:
        super().__init__(hidden_size, features)
        self.noise = features if draw == "sample" else 0

    def forward(
        self, h_BTH: Float[Tensor, "B T H"], noise_BTN: Float[Tensor, "B T N"]
    ) -> Float[Tensor, "B T F"]:
        p_BTF = self.project(h_BTH).float().sigmoid()
        if self.noise:
            one_BTF = (torch.special.ndtr(noise_BTN) < p_BTF).float()
            p_BTF = one_BTF + p_BTF - p_BTF.detach()
        return p_BTF * 2 - 1

    def log_probs(
        self, h_BTH: Float[Tensor, "B T H"], x_BTF: Float[Tensor, "B T F"]
    ) -> Float[Tensor, "B T F"]:
        logit_BTF, p_BTF = self.project(h_BTH).float(), (x_BTF + 1) / 2
        return -binary_cross_entropy_with_logits(logit_BTF, p_BTF, reduction="none")

    def covers(self, x_BTF: Float[Tensor, "B T F"]) -> bool:
        return bool((x_BTF.abs() == 1).all())


class LogisticHead(ValueLikelihood):
    r"""A head for ``levels`` values from -1 to 1, with a discretised logistic distribution.

    .. math:: P(x) = \sigma((x + d - \mu) / s) - \sigma((x - d - \mu) / s)

    with d = 1 / (levels - 1). The lowest value takes all probability below it, the highest all
    above.

    Args:
        hidden_size: width of the hidden states.
        features: numbers in a step.
        draw: ``"sample"``, or ``"mean"`` for mu.
        levels: number of values, 256 for bytes.

    References:
        Salimans et al. 2017, *PixelCNN++*, section 2.1.
    """

    def __init__(
        self, hidden_size: int, features: int, draw: Draw = "sample", levels: int = 256
    ) -> None:
        super().__init__(hidden_size, features, parameters=2)
        self.noise = features if draw == "sample" else 0
        self.margin = 1 / (levels - 1)

    def _distribution(self, h_BTH: Tensor) -> tuple[Tensor, Tensor]:
        mean_BTF, log_scale_BTF = self.project(h_BTH).float().chunk(2, -1)
        # A scale far below the width of a level would make the gradient of the loss unbounded.
        return mean_BTF, log_scale_BTF.clamp(min=math.log(self.margin) - 2)

    def forward(
        self, h_BTH: Float[Tensor, "B T H"], noise_BTN: Float[Tensor, "B T N"]
    ) -> Float[Tensor, "B T F"]:
        mean_BTF, log_scale_BTF = self._distribution(h_BTH)
        if self.noise:
            share_BTF = torch.special.ndtr(noise_BTN).clamp(1e-6, 1 - 1e-6)
            mean_BTF = mean_BTF + log_scale_BTF.exp() * share_BTF.logit()
        x_BTF = mean_BTF.clamp(-1, 1)
        # Round to the nearest level, with a straight-through gradient.
        return x_BTF + (self._level(x_BTF) - x_BTF).detach()

    def _level(self, x_BTF: Tensor) -> Tensor:
        return ((x_BTF + 1) / (2 * self.margin)).round() * (2 * self.margin) - 1

    def covers(self, x_BTF: Float[Tensor, "B T F"]) -> bool:
        return bool((x_BTF - self._level(x_BTF)).abs().max() < 1e-5)

    def log_probs(
        self, h_BTH: Float[Tensor, "B T H"], x_BTF: Float[Tensor, "B T F"]
    ) -> Float[Tensor, "B T F"]:
        mean_BTF, log_scale_BTF = self._distribution(h_BTH)
        inverse_BTF = (-log_scale_BTF).exp()
        upper_BTF = (x_BTF + self.margin - mean_BTF) * inverse_BTF
        lower_BTF = (x_BTF - self.margin - mean_BTF) * inverse_BTF
        # sigma(u) - sigma(l) = sigma(u) sigma(-l) (1 - exp(l - u)), which avoids cancellation.
        width_BTF = 2 * self.margin * inverse_BTF
        between_BTF = logsigmoid(upper_BTF) + logsigmoid(-lower_BTF) + log1mexp(width_BTF)
        lowest, highest = x_BTF <= self.margin - 1, x_BTF >= 1 - self.margin
        log_p_BTF = torch.where(lowest, logsigmoid(upper_BTF), between_BTF)
        return torch.where(highest, logsigmoid(-lower_BTF), log_p_BTF)


def log1mexp(x: Tensor) -> Tensor:
    """Return ``log(1 - exp(-x))`` for positive x.

    >>> round(log1mexp(torch.tensor(1.0)).item(), 4)
    -0.4587
    """
    return (-torch.expm1(-x)).log()
