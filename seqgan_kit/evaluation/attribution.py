"""Which steps of a sequence a discriminator takes for real."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..nn.networks import Discriminator


@torch.no_grad()
def step_scores(
    critic: Discriminator,
    x_BTF: Float[Tensor, "B T F"],
    label_BA: Int[Tensor, "B A"],
    mask_BT: Bool[Tensor, "B T"],
    neutral_BTF: Float[Tensor, "B T F"],
    group: int = 1,
) -> Float[Tensor, "B T"]:
    """How much each step speaks for a real sequence (above zero) or a generated one (below).

    A critic with a logit at every step says so itself. From one with a single logit a step's
    share is what the logit loses when the step is replaced by a neutral one (occlusion; Zeiler &
    Fergus 2014, section 4.2).

    Args:
        critic: the discriminator.
        x_BTF: embedded sequences, in the groups that a minibatch feature compares.
        label_BA: their labels.
        mask_BT: the steps that exist.
        neutral_BTF: what a step is replaced by, the mean of real sequences, say.
        group: members of those groups; a step is replaced in one member at a time, or the group
            would seem to lose its variety.
    """
    logit = critic.score(x_BTF, label_BA, mask_BT)
    if logit.dim() == 2:
        return logit * mask_BT
    score_BT = torch.zeros_like(mask_BT, dtype=logit.dtype)
    for step in range(x_BTF.shape[1]):
        for member in range(group):
            without_BTF = x_BTF.clone()
            without_BTF[member::group, step] = neutral_BTF[member::group, step]
            drop_B = logit - critic.score(without_BTF, label_BA, mask_BT)
            score_BT[member::group, step] = drop_B[member::group]
    return score_BT * mask_BT
