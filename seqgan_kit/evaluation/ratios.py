"""What a discriminator's logits are worth as estimates of a density ratio."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

BINS = 10


def ratio_figures(real_B: Float[Tensor, " B"], made_B: Float[Tensor, " C"]) -> dict[str, float]:
    """Measure the logits of real and of generated sequences that were not trained on.

    >>> blind = ratio_figures(torch.zeros(50), torch.zeros(50))
    >>> {name: round(value, 3) for name, value in blind.items()}
    {'critic_auc': 0.5, 'critic_calibration_error': 0.0, 'critic_effective_share': 1.0}
    """
    from sklearn.metrics import roc_auc_score

    logit_N = torch.cat([real_B, made_B]).double()
    real_N = torch.cat([torch.ones(len(real_B)), torch.zeros(len(made_B))]).double()
    # Both sides count the same, however many sequences each has.
    weight_N = torch.where(real_N == 1, 1 / len(real_B), 1 / len(made_B))
    return {
        "critic_auc": float(roc_auc_score(real_N.numpy(), logit_N.numpy())),
        "critic_calibration_error": _calibration_error(logit_N.sigmoid(), real_N, weight_N),
        "critic_effective_share": effective_share(made_B),
    }


def _calibration_error(
    chance_N: Float[Tensor, " N"], real_N: Float[Tensor, " N"], weight_N: Float[Tensor, " N"]
) -> float:
    edges = chance_N.quantile(torch.linspace(0, 1, BINS + 1).double()[1:-1])
    # Equal probabilities come into the same group.
    group_N = torch.bucketize(chance_N, edges)
    gap_N = weight_N * (chance_N - real_N)
    gaps = torch.zeros(BINS).double().index_add(0, group_N, gap_N)
    return float(gaps.abs().sum() / weight_N.sum())


def effective_share(logit_B: Float[Tensor, " B"]) -> float:
    """Return the effective size of a sample that is weighted by exp(logit), relative to its size.

    >>> effective_share(torch.tensor([0.0, 0.0, -1e9, -1e9]))
    0.5
    """
    weight_B = (logit_B.double() - logit_B.double().max()).exp()
    return float(weight_B.sum() ** 2 / weight_B.square().sum() / len(weight_B))
