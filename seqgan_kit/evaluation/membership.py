"""How well scores tell the items of a training set from others: membership inference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float

from .distribution import NotMeasurable
from .manifold import CHUNK, squared_distances

FALSE_ALARMS = 0.01
"""Share of other items that may be taken for members where true positives are counted."""

REPLICATES = 500
"""Draws of the bootstrap."""

CENTRAL = 0.95
"""Share of the draws inside an interval."""

TINY = 1e-6
"""Smallest distance, as a share of a usual one, whose logarithm is taken: copies are at 0."""


class Bounded(NamedTuple):
    """A figure with its bootstrap interval."""

    value: float
    low: float
    high: float


class Strength(NamedTuple):
    """How well an attack tells members from others; higher scores speak for members.

    Attributes:
        auc: area under the ROC curve: the chance that a member has a higher score than another
            item; 0.5 by guessing.
        tpr: share of members found where one in a hundred other items is taken for one; about
            0.01 by guessing. Carlini et al. 2022 (*Membership Inference Attacks From First
            Principles*, section III) say why: an attack may be sure of a few only.
    """

    auc: Bounded
    tpr: Bounded


class Scores(NamedTuple):
    """Scores of members and of other items by one attack."""

    member_M: Float[np.ndarray, " M"]
    other_N: Float[np.ndarray, " N"]


def strengths(
    scores: Mapping[str, Scores], groups: Mapping[str, Sequence[str]], *, seed: int = 0
) -> tuple[dict[str, Strength], dict[str, Strength]]:
    """Measure attacks, and the best of each group, with intervals from one bootstrap.

    The highest of several areas is above one half even where all attacks guess. So the best of a
    group is the attack with the highest area on one half of the items, measured on the other
    half, and the other way round; the mean of both is free of that choice. Intervals repeat the
    choice in each draw.

    Args:
        scores: of each attack, on the same members and the same other items.
        groups: names of attacks.
        seed: of the halves and the draws.

    Raises:
        NotMeasurable: a score is not a number.
    """
    rng = np.random.default_rng(seed)
    members, others = (_drawn(len(side), rng) for side in next(iter(scores.values())))
    single, halves = {}, {}
    for name, one in scores.items():
        if np.isnan(one.member_M).any() or np.isnan(one.other_N).any():
            raise NotMeasurable(
                f"{name}: a score is not a number: the training has diverged; use an earlier "
                "checkpoint"
            )
        single[name] = _strength(_figures(one, members.weight_QN, others.weight_QN))
        halves[name] = [_figures(one, members.half(k), others.half(k)) for k in (True, False)]
    best = {}
    for group, names in groups.items():
        # [attack, half, figure, draw]
        found = np.array([halves[name] for name in names])
        chosen_HQ = found[:, :, 0].argmax(0)
        elsewhere = np.moveaxis(found[:, ::-1], 2, 0)
        figures = np.take_along_axis(elsewhere, chosen_HQ[None, None], 1)[:, 0].mean(1)
        best[group] = _strength(figures)
    return single, best


class _Draws(NamedTuple):
    """How often each item occurs in each draw of the bootstrap, and which half it is in.

    The first draw is the items as they are.
    """

    weight_QN: Float[np.ndarray, "Q N"]
    first_N: Bool[np.ndarray, " N"]

    def half(self, first: bool) -> Float[np.ndarray, "Q N"]:
        """Return the weights of one half."""
        return self.weight_QN * (self.first_N == first)


def _drawn(count: int, rng: np.random.Generator) -> _Draws:
    first_N = rng.permutation(count) < count // 2
    weight_QN = np.ones((REPLICATES + 1, count))
    for half in (True, False):
        # Half by half, so that none is ever empty.
        place_P = np.flatnonzero(first_N == half)
        chance_P = np.full(len(place_P), 1 / len(place_P))
        weight_QN[1:, place_P] = rng.multinomial(len(place_P), chance_P, size=REPLICATES)
    return _Draws(weight_QN, first_N)


def _figures(
    scores: Scores, weight_QM: Float[np.ndarray, "Q M"], weight_QN: Float[np.ndarray, "Q N"]
) -> list[np.ndarray]:
    """Return area and true positives of each draw."""
    down_N = np.argsort(-scores.other_N, kind="stable")
    total_Q1 = weight_QN.sum(1, keepdims=True)
    down_QN = np.cumsum(weight_QN[:, down_N], 1)
    # The first other item that is one false alarm too many.
    limit_Q = (down_QN > np.floor(FALSE_ALARMS * total_Q1 + 1e-9)).argmax(1)
    threshold_Q = scores.other_N[down_N][limit_Q]
    up_M = np.argsort(scores.member_M, kind="stable")
    member_M = scores.member_M[up_M]
    upto_QM = np.pad(np.cumsum(weight_QM[:, up_M], 1), ((0, 0), (1, 0)))
    place_Q = np.searchsorted(member_M, threshold_Q, side="right")
    members_Q = upto_QM[:, -1]
    tpr_Q = 1 - np.take_along_axis(upto_QM, place_Q[:, None], 1)[:, 0] / members_Q

    below_QN = np.pad(np.cumsum(weight_QN[:, down_N[::-1]], 1), ((0, 0), (1, 0)))
    other_N = scores.other_N[down_N[::-1]]
    # Equal scores count one half.
    left_M, right_M = (np.searchsorted(other_N, member_M, side=s) for s in ("left", "right"))
    under_QM = (below_QN[:, left_M] + below_QN[:, right_M]) / 2
    auc_Q = (weight_QM[:, up_M] * under_QM).sum(1) / (members_Q * total_Q1[:, 0])
    return [auc_Q, tpr_Q]


def _strength(figures: Sequence[np.ndarray] | np.ndarray) -> Strength:
    return Strength(*map(_bounded, figures))


def _bounded(value_Q: Float[np.ndarray, " Q"]) -> Bounded:
    low, high = np.quantile(value_Q[1:], [(1 - CENTRAL) / 2, (1 + CENTRAL) / 2]).tolist()
    return Bounded(float(value_Q[0]), low, high)


# -- scores -------------------------------------------------------------------------------------


def neighbour_distances(
    items_NF: Float[np.ndarray, "N F"], others_MF: Float[np.ndarray, "M F"], count: int
) -> Float[np.ndarray, "N K"]:
    """Return the distances of each item to the nearest ``count`` of the others, rising.

    Copies are at exactly 0. With fewer others than ``count``, all of them count.
    """
    centre_F = others_MF.mean(0, dtype=np.float64)
    items, others = (
        torch.from_numpy(one.astype(np.float64) - centre_F) for one in (items_NF, others_MF)
    )
    found = [
        squared_distances(part, others).topk(min(count, len(others)), largest=False).values
        for part in items.split(CHUNK)
    ]
    return torch.cat(found).clamp(min=0).sqrt().numpy()


def log_ratio(
    samples_NK: Float[np.ndarray, "N K"], reference_NQ: Float[np.ndarray, "N Q"]
) -> Float[np.ndarray, " N"]:
    r"""Return how much denser samples are around each item than real data nobody trained on.

    A density at x is estimated from the distances to the nearest neighbours, whose logarithms are
    averaged: :math:`\log p_S(x) / p_R(x)` is the score of DOMIAS, here up to a constant and the
    number of dimensions, which change no ranks.

    Args:
        samples_NK: distances to the nearest samples.
        reference_NQ: distances to the nearest reference items.

    References:
        van Breugel et al. 2023, *Membership Inference Attacks against Synthetic Data through
        Overfitting Detection*, equation 2; densities by neighbours: Loftsgaarden & Quesenberry
        1965.
    """
    least = TINY * (float(np.median(reference_NQ)) or 1.0)
    near_N, far_N = (np.log(one.clip(min=least)).mean(1) for one in (samples_NK, reference_NQ))
    return far_N - near_N
