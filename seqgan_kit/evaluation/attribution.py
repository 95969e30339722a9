"""Scores of the steps of a sequence: how real a discriminator finds each."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..nn.networks import Discriminator

MOST_SPANS = 256
"""Most spans of a sequence to replace in turn; in longer sequences a span is several steps."""


@torch.no_grad()
def step_scores(
    critic: Discriminator,
    x_BTF: Float[Tensor, "B T F"],
    label_BA: Int[Tensor, "B A"],
    mask_BT: Bool[Tensor, "B T"],
    neutral_BTF: Float[Tensor, "B T F"],
    group: int = 1,
) -> Float[Tensor, "B T"]:
    """Score how much each step indicates a real sequence (above zero) or a generated one (below).

    If the critic has a logit for every step, these are the scores. If it has a single logit, the
    score of a step is the drop of the logit when its span is replaced by a neutral one
    (occlusion; Zeiler & Fergus 2014, section 4.2).

    Args:
        critic: the discriminator.
        x_BTF: embedded sequences, in the groups that a minibatch feature compares.
        label_BA: their labels.
        mask_BT: the valid steps.
        neutral_BTF: the replacement for a step, for example the mean of real sequences.
        group: members of those groups; a step is replaced in one member at a time, because the
            group would otherwise appear to lose variety.
    """
    logit = critic.score(x_BTF, label_BA, mask_BT)
    if logit.dim() == 2:
        return logit * mask_BT
    score_BT = torch.zeros_like(mask_BT, dtype=logit.dtype)
    steps = x_BTF.shape[1]
    span = -(-steps // MOST_SPANS)
    for start in range(0, steps, span):
        place = slice(start, start + span)
        for member in range(group):
            without_BTF = x_BTF.clone()
            without_BTF[member::group, place] = neutral_BTF[member::group, place]
            drop_B = logit - critic.score(without_BTF, label_BA, mask_BT)
            score_BT[member::group, place] = drop_B[member::group, None]
    return score_BT * mask_BT
