r"""Adversarial losses as functions of logits.

A discriminator's logit is high for real and low for generated. :math:`\sigma` is the logistic
function, ``softplus(x) = log(1 + exp(x))``, so that :math:`-\log\sigma(x) = softplus(-x)`.
Every function takes one logit per sequence ``[B]`` and returns the mean over the batch, which is
minimised.

================  ==============================  ============================  ===================
name              discriminator                   generator                     source
================  ==============================  ============================  ===================
minimax           softplus(-r) + softplus(f)      -softplus(f)                  Goodfellow 2014, 1
non-saturating    softplus(-r) + softplus(f)      softplus(-f)                  Goodfellow 2014, 3
least-squares     ((r - 1)^2 + f^2) / 2           (f - 1)^2 / 2                 Mao 2017, eq. 9
hinge             relu(1 - r) + relu(1 + f)       -f                            Lim & Ye 2017
wasserstein       f - r                           -f                            Arjovsky 2017
relativistic      softplus(f - r)                 softplus(r - f)               Jolicoeur 2018;
                                                                                Huang 2024 (R3GAN)
================  ==============================  ============================  ===================
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import relu, softplus

LossName = Literal[
    "minimax", "non-saturating", "least-squares", "hinge", "wasserstein", "relativistic"
]
RATIOS: tuple[LossName, ...] = ("relativistic", "non-saturating", "minimax")
"""Losses whose best logit is the logarithm of the density ratio, up to a constant."""

Loss = Callable[[Tensor, Tensor], Tensor]


class AdversarialLoss(NamedTuple):
    """The losses of both networks, as functions of the logits of real and generated sequences.

    ``needs_real`` says whether the generator's loss uses the real logits.
    """

    discriminator: Loss
    generator: Loss
    needs_real: bool = False


ADVERSARIAL: dict[LossName, AdversarialLoss] = {
    "minimax": AdversarialLoss(
        discriminator=lambda real, fake: (softplus(-real) + softplus(fake)).mean(),
        generator=lambda _, fake: -softplus(fake).mean(),
    ),
    "non-saturating": AdversarialLoss(
        discriminator=lambda real, fake: (softplus(-real) + softplus(fake)).mean(),
        generator=lambda _, fake: softplus(-fake).mean(),
    ),
    "least-squares": AdversarialLoss(
        discriminator=lambda real, fake: ((real - 1).square() + fake.square()).mean() / 2,
        generator=lambda _, fake: (fake - 1).square().mean() / 2,
    ),
    "hinge": AdversarialLoss(
        discriminator=lambda real, fake: (relu(1 - real) + relu(1 + fake)).mean(),
        generator=lambda _, fake: -fake.mean(),
    ),
    "wasserstein": AdversarialLoss(
        discriminator=lambda real, fake: (fake - real).mean(),
        generator=lambda _, fake: -fake.mean(),
    ),
    "relativistic": AdversarialLoss(
        discriminator=lambda real, fake: softplus(fake - real).mean(),
        generator=lambda real, fake: softplus(real - fake).mean(),
        needs_real=True,
    ),
}


def sequence_logit(logit: Tensor, mask_BT: Bool[Tensor, "B T"]) -> Float[Tensor, " B"]:
    """Return one logit per sequence: the logit itself, or the mean over existing steps.

    Averaging before the loss, not after it, also works for losses that compare a real sequence
    with a generated one of another length.
    """
    if logit.dim() == 1:
        return logit
    weight_BT = mask_BT.to(logit.dtype)
    return (logit * weight_BT).sum(1) / weight_BT.sum(1).clamp(min=1)
