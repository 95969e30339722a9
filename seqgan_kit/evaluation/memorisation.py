"""Whether samples are copies: their nearest training examples."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from .distribution import TooFewSamples

SAMPLES = 2048
EXAMPLES = 8192
"""Rows of the two sides of one product; they bound the memory to some 100 megabytes."""


class Nearest(NamedTuple):
    """Of each of N samples the nearest training example and its Euclidean distance."""

    index_N: Int[np.ndarray, " N"]
    distance_N: Float[np.ndarray, " N"]


@torch.no_grad()
def nearest(
    samples_NF: Float[Tensor, "N F"],
    training_MF: Float[Tensor, "M F"],
    *,
    device: torch.device | None = None,
) -> Nearest:
    r"""The nearest training example of each sample, by brute force.

    The search compares :math:`\lVert b\rVert^2 - 2ab`, one large product; the distance to the
    winner is then computed from the difference, so that an exact copy lies at exactly 0.

    Args:
        samples_NF: flattened samples.
        training_MF: flattened training examples; the first of several equally near ones counts.
        device: where to search; nothing but a chunk of the examples lies there.

    Raises:
        TooFewSamples: one side is empty.
    """
    if min(len(samples_NF), len(training_MF)) < 1:
        raise TooFewSamples("memorised needs at least one sample and one training example")
    # Norms about the centre of the data are smaller, and so is what their differences lose.
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
    """Share of samples as near to a training example as few real items are.

    Args:
        distance_N: distances of the samples to their nearest training examples.
        real_distance_N: the same of real items that the model has not seen.
        percentile: of the real distances, up to which a sample counts as memorised: about this
            share of real items does. A distance equal to it counts, so that copies are found
            even where real items repeat themselves and it is 0.
    """
    return float((distance_N <= np.percentile(real_distance_N, percentile)).mean())


def closest_pairs(found: Nearest, count: int) -> Int[np.ndarray, " C"]:
    """Indexes of the ``count`` samples nearest to a training example (or all), nearest first."""
    return np.argsort(found.distance_N, kind="stable")[:count]
