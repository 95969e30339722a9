"""Precision, recall, density and coverage: how two sets of features overlap."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from .distribution import TooFewSamples

CHUNK = 512
SAME = 1e-10
"""Squared distances below this share of the squared norms are rounding errors and set to 0.

This puts duplicate items at distance 0, even if they were judged in different batches.
"""


def squared_distances(
    a_CF: Float[Tensor, "C F"], b_NF: Float[Tensor, "N F"]
) -> Float[Tensor, "C N"]:
    """Return all squared Euclidean distances; those of equal items are 0, see :data:`SAME`."""
    norms_CN = a_CF.square().sum(1, keepdim=True) + b_NF.square().sum(1)
    square_CN = torch.addmm(norms_CN, a_CF, b_NF.T, alpha=-2)
    return square_CN.masked_fill_(square_CN <= SAME * norms_CN, 0)


class Manifold:
    """The region of a set of features: a ball around each, up to its k-th neighbour.

    The real side is computed once and used for many sets of samples. Distances are exact, in
    double precision, computed a few hundred rows at a time.

    Args:
        features_NF: the set.
        neighbours: k, not counting the item itself.

    Attributes:
        radius_N: radii of the balls.

    Raises:
        TooFewSamples: an item has fewer than ``neighbours`` neighbours.
    """

    def __init__(self, features_NF: Float[np.ndarray, "N F"], *, neighbours: int = 5) -> None:
        if len(features_NF) <= neighbours:
            raise TooFewSamples(
                f"precision, recall, density and coverage need at least {neighbours + 1} samples "
                f"on each side ({neighbours} neighbours each), but there are {len(features_NF)}"
            )
        self.neighbours = neighbours
        self.features_NF = torch.from_numpy(features_NF.astype(np.float64))
        squares = []
        for start in range(0, len(self.features_NF), CHUNK):
            square_CN = squared_distances(
                self.features_NF[start : start + CHUNK], self.features_NF
            )
            square_CN.diagonal(start).fill_(torch.inf)  # An item is not its own neighbour.
            squares.append(square_CN.topk(neighbours, largest=False).values[:, -1])
        self.square_N = torch.cat(squares)

    @property
    def radius_N(self) -> Float[np.ndarray, " N"]:
        return self.square_N.sqrt().numpy()


class Agreement(NamedTuple):
    """The overlap of samples and real data; see :func:`compare`."""

    precision: float
    recall: float
    density: float
    coverage: float
    recalled_M: Float[np.ndarray, " M"]
    """In what share of the comparisons recall counts each real item; NaN where it was left out."""


def compare(samples: Manifold, real: Manifold) -> Agreement:
    r"""Compare N samples with M real items.

    With the balls :math:`B(x)` of the manifolds, including their borders:

    - precision: share of samples inside the ball of any real item;
    - recall: share of real items inside the ball of any sample;
    - density: number of real balls that contain a sample, divided by k; it can exceed 1;
    - coverage: share of real balls that contain a sample.

    Precision and density fall if samples are off the data, recall and coverage if samples miss
    parts of the data. Recall uses the samples' own balls, so a few outliers raise it; coverage
    does not have this problem. All of them depend on both counts; see :func:`compare_evenly`.

    References:
        Kynkaanniemi et al. 2019, equations 1 and 2 (precision, recall); Naeem et al. 2020,
        equations 3 and 4 (density, coverage).
    """
    inside = 0
    precise = 0
    recalled_M = torch.zeros(len(real.square_N), dtype=torch.bool)
    covered_M = torch.zeros_like(recalled_M)
    for start in range(0, len(samples.square_N), CHUNK):
        rows = slice(start, start + CHUNK)
        square_CM = squared_distances(samples.features_NF[rows], real.features_NF)
        inside_CM = square_CM <= real.square_N
        inside += int(inside_CM.count_nonzero())
        precise += int(inside_CM.any(1).count_nonzero())
        covered_M |= inside_CM.any(0)
        recalled_M |= (square_CM <= samples.square_N[rows, None]).any(0)
    count = len(samples.square_N)
    return Agreement(
        precision=precise / count,
        recall=float(recalled_M.double().mean()),
        density=inside / (real.neighbours * count),
        coverage=float(covered_M.double().mean()),
        recalled_M=recalled_M.double().numpy(),
    )


def compare_evenly(samples_NF: Float[np.ndarray, "N F"], real: Manifold) -> Agreement:
    """Compare samples with real items, as many on each side.

    The papers define the metrics for sets of one size. With twenty times as many samples as real
    items the balls of samples are small, which lets recall fall to a tenth of what real data
    reach, and a ball of a real item is hardly ever empty, which makes coverage 1. So the larger
    side is divided: samples at random into sets of as many as there are real items (what is left
    over is not used), whose metrics are averaged; or, with fewer samples than real items, the
    first of these are used, which are to be in random order.

    Args:
        samples_NF: features of the samples.
        real: the manifold of the real items.

    Raises:
        TooFewSamples: there are fewer samples than neighbours.
    """
    count = min(len(samples_NF), len(real.features_NF))
    left_out = len(real.features_NF) - count
    if left_out:
        real = Manifold(real.features_NF[:count].numpy(), neighbours=real.neighbours)
    order_N = np.random.default_rng(0).permutation(len(samples_NF))
    sets_SC = order_N[: len(order_N) // count * count].reshape(-1, count)
    found = [
        compare(Manifold(samples_NF[set_C], neighbours=real.neighbours), real) for set_C in sets_SC
    ]
    precision, recall, density, coverage = np.mean([one[:4] for one in found], 0).tolist()
    recalled_M = np.mean([one.recalled_M for one in found], 0)
    recalled_M = np.append(recalled_M, np.full(left_out, np.nan))
    return Agreement(precision, recall, density, coverage, recalled_M)
