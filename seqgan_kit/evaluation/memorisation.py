"""Memorisation: the nearest training examples of samples."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from .distribution import TooFewSamples

SAMPLES = 2048
EXAMPLES = 8192
"""Rows of the two sides of one matrix product; they limit memory to about 100 MB."""


class Nearest(NamedTuple):
    """The nearest training example of each of N samples, and its Euclidean distance."""

    index_N: Int[np.ndarray, " N"]
    distance_N: Float[np.ndarray, " N"]


@torch.no_grad()
def nearest(
    samples_NF: Float[Tensor, "N F"],
    training_MF: Float[Tensor, "M F"],
    *,
    device: torch.device | None = None,
) -> Nearest:
    r"""Find the nearest training example of each sample, by brute force.

    The search compares :math:`\lVert b\rVert^2 - 2ab`, one large product. The distance to the
    nearest example is then computed from the difference, so that an exact copy is at exactly 0.

    Args:
        samples_NF: flattened samples.
        training_MF: flattened training examples; among equally near ones, the first counts.
        device: device of the search; only a chunk of the examples is there at a time.

    Raises:
        TooFewSamples: one side is empty.
    """
    if min(len(samples_NF), len(training_MF)) < 1:
        raise TooFewSamples("memorised needs at least one sample and one training example")
    # Centring makes the norms smaller, and so the rounding errors of their differences.
    centre_F = training_MF.mean(0).to(device)
    a_NF = samples_NF.to(device) - centre_F
    best_N = torch.full((len(a_NF),), torch.inf, device=device)
    index_N = torch.zeros(len(a_NF), dtype=torch.long, device=device)
    for first in range(0, len(training_MF), EXAMPLES):
        b_CF = training_MF[first : first + EXAMPLES].to(device) - centre_F
        norm_C = b_CF.square().sum(1)
        for start in range(0, len(a_NF), SAMPLES):
            rows = slice(start, start + SAMPLES)
            score, place = torch.addmm(norm_C, a_NF[rows], b_CF.T, alpha=-2).min(1)
            index_N[rows] = torch.where(score < best_N[rows], first + place, index_N[rows])
            best_N[rows] = torch.minimum(score, best_N[rows])
    index_N = index_N.cpu()
    gap_NF = samples_NF.cpu().double() - training_MF[index_N].double()
    return Nearest(index_N.numpy(), gap_NF.square().sum(1).sqrt().numpy())


def memorised_share(
    distance_N: Float[np.ndarray, " N"],
    real_distance_N: Float[np.ndarray, " M"],
    percentile: float = 1.0,
) -> float:
    """Compute the share of samples as near to a training example as only few real items are.

    Args:
        distance_N: distances of the samples to their nearest training examples.
        real_distance_N: the same for real items that the model has not seen.
        percentile: percentile of the real distances up to which a sample counts as memorised; so
            does about this share of real items. An equal distance counts, so that copies are
            found even if real items have duplicates and the percentile is 0.
    """
    return float((distance_N <= np.percentile(real_distance_N, percentile)).mean())


def closest_pairs(found: Nearest, count: int) -> Int[np.ndarray, " C"]:
    """Return the indices of up to ``count`` samples nearest to a training example, in order."""
    return np.argsort(found.distance_N, kind="stable")[:count]
