"""Gradient penalties of a discriminator, which stabilise adversarial training.

Every penalty takes a function ``score`` from embedded input ``[B, T, F]`` to logits ``[B]``, with
the real half of the batch first and the generated half after it. Penalties are computed in
float32 in every run: near a logit of 5, bfloat16 values are 0.03 apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from ..nn.noise import Noise

Score = Callable[[Tensor], Tensor]
Side = Literal["both", "real", "generated"]


@runtime_checkable
class Penalty(Protocol):
    """A term of the discriminator's loss, computed every ``every`` steps and scaled by that."""

    every: int

    def __call__(self, score: Score, x_BTF: Tensor, logit_B: Tensor, noise: Noise) -> Tensor:
        """Return the penalty of a joined batch.

        Args:
            score: maps embedded sequences to one logit each.
            x_BTF: the embedded batch, real sequences first, as many generated ones after.
            logit_B: its logits, already computed.
            noise: random numbers.
        """
        ...


@dataclass(frozen=True)
class Falling:
    r"""A weight that changes by the same factor in equal parts of a run.

    With p the fraction of the run that is done, it is :math:`start\, (end / start)^p`.

    Attributes:
        start: the weight at the beginning, above 0.
        end: the weight at the end, above 0.

    References:
        A penalty that gets weaker as the run goes on: Huang et al. 2024, *R3GAN*, appendix.
    """

    start: float
    end: float

    def at(self, progress: float) -> float:
        """Return the weight for a fraction ``progress`` (0 to 1) of the run.

        >>> Falling(1.0, 0.01).at(0.5)
        0.1
        """
        return self.start * (self.end / self.start) ** progress


@runtime_checkable
class Annealed(Protocol):
    """A penalty whose weight changes in the course of a run."""

    def anneal(self, progress: float) -> None:
        """Set the weight for a fraction of the run (0 to 1)."""
        ...


class _Weighted:
    """The gamma of R1 and R2, a number or one that falls."""

    def __init__(self, gamma: float | Falling) -> None:
        self._course = gamma if isinstance(gamma, Falling) else None
        self.gamma = gamma.start if isinstance(gamma, Falling) else gamma

    def anneal(self, progress: float) -> None:
        if self._course is not None:
            self.gamma = self._course.at(progress)


def _half(x: Tensor, side: Side) -> Tensor:
    middle = x.shape[0] // 2
    return {"both": x, "real": x[:middle], "generated": x[middle:]}[side]


@contextmanager
def _full_precision(x: Tensor) -> Iterator[None]:
    # TensorFloat-32 has a ten-bit mantissa, so small differences would be lost in rounding, too.
    matmul = torch.backends.cuda.matmul
    before = matmul.allow_tf32
    matmul.allow_tf32 = False
    try:
        with (
            torch.autocast(x.device.type, enabled=False),
            torch.backends.cudnn.flags(enabled=True, allow_tf32=False),
        ):
            yield
    finally:
        matmul.allow_tf32 = before


@contextmanager
def _twice_differentiable() -> Iterator[None]:
    # The fused LSTM and GRU of cuDNN have no double backward (PyTorch issue 5261).
    with torch.backends.cudnn.flags(enabled=False):
        yield


class FiniteDifference(_Weighted):
    r"""R1 and R2 without double backward.

    .. math:: \frac{\gamma}{2}\, E\left[\left(\frac{D(x + s n) - D(x)}{s}\right)^2\right],
        \quad n \sim N(0, I)

    The expectation over n tends to the squared gradient norm as s goes to 0. This works with
    every kernel, including the fused recurrent ones. If a minibatch feature lets a logit depend
    on other members of its group, this sums the squared gradients of each logit with respect to
    each member, while :class:`ExactGradient` takes the gradient of the summed logits.

    Args:
        gamma: weight, a number or one that falls.
        scale: s, the size of the perturbation.
        on: ``"real"`` is R1, ``"generated"`` R2, ``"both"`` their sum.
        every: steps between two computations (lazy regularisation; Karras et al. 2020,
            *StyleGAN2*, section 3.1).

    References:
        R1: Mescheder et al. 2018, *Which Training Methods for GANs do actually Converge?*;
        R1 + R2 with a relativistic loss: Huang et al. 2024, *R3GAN*.
    """

    def __init__(
        self,
        *,
        gamma: float | Falling = 1.0,
        scale: float = 0.05,
        on: Side = "both",
        every: int = 4,
    ) -> None:
        super().__init__(gamma)
        self.scale = scale
        self.on = on
        self.every = every

    def __call__(
        self,
        score: Score,
        x_BTF: Float[Tensor, "B T F"],
        logit_B: Float[Tensor, " B"],
        noise: Noise,
    ) -> Tensor:
        half = x_BTF.shape[0] // 2
        n_BTF = torch.cat([noise.normal(half, *x_BTF.shape[1:]) for _ in range(2)])
        rounded = not x_BTF.is_cpu or torch.is_autocast_enabled(x_BTF.device.type)
        with _full_precision(x_BTF):
            base_B = score(x_BTF.float()) if rounded else logit_B
            moved_B = score(x_BTF.float() + self.scale * n_BTF)
        slope_B = _half((moved_B - base_B) / self.scale, self.on)
        # R1 is a mean over the real half, R2 one over the generated half; "both" adds them.
        return self.gamma / 2 * slope_B.square().sum() / half


class ExactGradient(_Weighted):
    r"""R1 and R2 as defined: :math:`\frac{\gamma}{2} E[\lVert\nabla_x D(x)\rVert^2]`.

    It needs second derivatives, so it switches to the slower unfused kernels on CUDA.

    Args:
        gamma: weight, a number or one that falls.
        on: ``"real"`` is R1, ``"generated"`` R2, ``"both"`` their sum.
        every: steps between two computations (lazy regularisation).

    References:
        Mescheder et al. 2018, equation 9.
    """

    def __init__(self, *, gamma: float | Falling = 1.0, on: Side = "real", every: int = 4) -> None:
        super().__init__(gamma)
        self.on = on
        self.every = every

    def __call__(
        self,
        score: Score,
        x_BTF: Float[Tensor, "B T F"],
        logit_B: Float[Tensor, " B"],
        noise: Noise,
    ) -> Tensor:
        x_BTF = x_BTF.detach().float().requires_grad_()
        with _full_precision(x_BTF), _twice_differentiable():
            logit = score(x_BTF)
            (slope_BTF,) = torch.autograd.grad(logit.sum(), x_BTF, create_graph=True)
        half = x_BTF.shape[0] // 2
        return self.gamma / 2 * _half(slope_BTF, self.on).square().sum() / half


class GradientPenalty:
    r"""The penalty of WGAN-GP: :math:`\lambda\, E[(\lVert\nabla_{\hat x} D(\hat x)\rVert - 1)^2]`.

    :math:`\hat x` is a random point between a real sequence and the generated one paired with
    it. It uses unfused kernels on CUDA, like :class:`ExactGradient`.

    Args:
        weight: lambda.
        every: steps between two computations (lazy regularisation).

    References:
        Gulrajani et al. 2017, *Improved Training of Wasserstein GANs*, equation 3.
    """

    def __init__(self, *, weight: float = 10.0, every: int = 1) -> None:
        self.weight = weight
        self.every = every

    def __call__(
        self,
        score: Score,
        x_BTF: Float[Tensor, "B T F"],
        logit_B: Float[Tensor, " B"],
        noise: Noise,
    ) -> Tensor:
        real_BTF, fake_BTF = x_BTF.detach().float().chunk(2)
        share_B = noise.uniform(real_BTF.shape[0])
        between_BTF = torch.lerp(fake_BTF, real_BTF, share_B[:, None, None])
        # `score` expects a joined batch, so the points are passed as both of its halves: real and
        # generated sequences share labels, and differ at most in their masks.
        joined_BTF = torch.cat([between_BTF, between_BTF]).requires_grad_()
        with _full_precision(x_BTF), _twice_differentiable():
            logit = score(joined_BTF)
            (slope_BTF,) = torch.autograd.grad(logit.sum(), joined_BTF, create_graph=True)
        norm_B = slope_BTF.square().sum((1, 2)).add(1e-12).sqrt()
        return self.weight * (norm_B - 1).square().mean()
