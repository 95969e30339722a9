"""Gradient penalties of a discriminator: what keeps an adversarial game from collapsing.

Every penalty reads a function ``score`` from embedded input ``[B, T, F]`` to logits ``[B]``, with
the real half of the batch first and the generated half after it. They are computed in float32
whatever the precision of the run: a logit of 5 has steps of 0.03 in bfloat16.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from ..nn.noise import Noise

Score = Callable[[Tensor], Tensor]
Side = Literal["both", "real", "generated"]


@runtime_checkable
class Penalty(Protocol):
    """A term of the discriminator's loss; ``every`` steps it is computed, and scaled by that."""

    every: int

    def __call__(self, score: Score, x_BTF: Tensor, logit_B: Tensor, noise: Noise) -> Tensor:
        """The penalty of a joined batch.

        Args:
            score: from embedded sequences to one logit each.
            x_BTF: the embedded batch, real sequences first, as many generated ones after.
            logit_B: its logits, already computed.
            noise: random numbers.
        """
        ...


def _half(x: Tensor, side: Side) -> Tensor:
    middle = x.shape[0] // 2
    return {"both": x, "real": x[:middle], "generated": x[middle:]}[side]


@contextmanager
def _full_precision(x: Tensor) -> Iterator[None]:
    # TensorFloat-32 keeps ten bits of a mantissa: a small difference would drown in it, too.
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


class FiniteDifference:
    r"""R1 and R2 without double backward.

    .. math:: \frac{\gamma}{2}\, E\left[\left(\frac{D(x + s n) - D(x)}{s}\right)^2\right],
        \quad n \sim N(0, I)

    whose expectation over n tends to the squared gradient norm as s goes to 0. It runs on every
    kernel, the fused recurrent ones included. Where a minibatch feature lets a logit see the other
    members of its group, it adds up the squared slopes of each logit towards each of them, and
    :class:`ExactGradient` those of the sum of the logits.

    Args:
        gamma: weight.
        scale: s, the size of the perturbation.
        on: ``"real"`` is R1, ``"generated"`` R2, ``"both"`` their sum.
        every: lazy regularisation (Karras et al. 2020, *StyleGAN2*, section 3.1).

    References:
        R1: Mescheder et al. 2018, *Which Training Methods for GANs do actually Converge?*;
        R1 + R2 with a relativistic loss: Huang et al. 2024, *R3GAN*.
    """

    def __init__(
        self, *, gamma: float = 1.0, scale: float = 0.05, on: Side = "both", every: int = 4
    ) -> None:
        self.gamma = gamma
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
        rounded = x_BTF.is_cuda or torch.is_autocast_enabled(x_BTF.device.type)
        with _full_precision(x_BTF):
            base_B = score(x_BTF.float()) if rounded else logit_B
            moved_B = score(x_BTF.float() + self.scale * n_BTF)
        slope_B = _half((moved_B - base_B) / self.scale, self.on)
        # R1 and R2 are a mean over the real and one over the generated half, added up.
        return self.gamma / 2 * slope_B.square().sum() / half


class ExactGradient:
    r"""R1 and R2 as written: :math:`\frac{\gamma}{2} E[\lVert\nabla_x D(x)\rVert^2]`.

    It needs the second derivative, hence the slower unfused kernels on CUDA, which it takes by
    itself.

    Args:
        gamma: weight.
        on: ``"real"`` is R1, ``"generated"`` R2, ``"both"`` their sum.
        every: lazy regularisation.

    References:
        Mescheder et al. 2018, equation 9.
    """

    def __init__(self, *, gamma: float = 1.0, on: Side = "real", every: int = 4) -> None:
        self.gamma = gamma
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

    :math:`\hat x` lies at a uniform place between a real sequence and the generated one beside
    it. Unfused kernels on CUDA, as for :class:`ExactGradient`.

    Args:
        weight: lambda.
        every: lazy regularisation.

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
        # `score` knows the labels and masks of a joined batch, so the places are scored as both
        # halves of one: real and generated sequences share labels, and differ in masks at most.
        joined_BTF = torch.cat([between_BTF, between_BTF]).requires_grad_()
        with _full_precision(x_BTF), _twice_differentiable():
            logit = score(joined_BTF)
            (slope_BTF,) = torch.autograd.grad(logit.sum(), joined_BTF, create_graph=True)
        norm_B = slope_BTF.square().sum((1, 2)).add(1e-12).sqrt()
        return self.weight * (norm_B - 1).square().mean()
