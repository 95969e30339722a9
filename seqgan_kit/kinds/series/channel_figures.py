"""Figures of single channels and of pairs of them: shares of categories, zeros, correlation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ...evaluation.figures import Figure
from .channels import DISCRETE
from .schema import Sort

GROUP = "Values of channels"

CORRELATION = Figure(
    "correlation_distance", "distance of correlations", "lower",
    "Mean absolute difference between the correlations of two channels at a step, in samples and "
    "in real test series, over all pairs of channels.",
)  # fmt: skip


def channel_figures(channels: Sequence[str], sorts: Mapping[str, Sort]) -> tuple[Figure, ...]:
    """Return the descriptions of what :func:`measure_channels` measures."""
    found = [CORRELATION] if len(channels) > 1 else []
    for name in channels:
        sort = sorts.get(name, "real")
        if sort in DISCRETE:
            found.append(Figure(
                f"shares/{name}", f"shares of {name}", "lower",
                f"Largest difference between the shares of a value of {name} in samples and in "
                "real test series.",
                group=GROUP,
            ))  # fmt: skip
        elif sort == "zero-inflated":
            found.append(Figure(
                f"zeros/{name}", f"zeros of {name}", "lower",
                f"Difference between the shares of zeros of {name} in samples and in real test "
                "series.",
                group=GROUP,
            ))  # fmt: skip
    return tuple(found)


def measure_channels(
    samples: Float[Tensor, "N T C"],
    real: Float[Tensor, "M S C"],
    channels: Sequence[str],
    sorts: Mapping[str, Sort],
) -> dict[str, float]:
    """Compare the values of all steps of samples and real series, NaN after their end."""
    a_PC, b_QC = (side[~side[..., 0].isnan()].double().numpy() for side in (samples, real))
    found = {}
    if len(channels) > 1:
        found[CORRELATION.name] = correlation_distance(a_PC, b_QC)
    for place, name in enumerate(channels):
        sort = sorts.get(name, "real")
        a_P, b_Q = a_PC[:, place], b_QC[:, place]
        if sort in DISCRETE:
            values = np.union1d(a_P, b_Q)
            gaps = [abs((a_P == value).mean() - (b_Q == value).mean()) for value in values]
            found[f"shares/{name}"] = float(max(gaps))
        elif sort == "zero-inflated":
            found[f"zeros/{name}"] = float(abs((a_P == 0).mean() - (b_Q == 0).mean()))
    return found


def correlation_distance(a_PC: Float[np.ndarray, "P C"], b_QC: Float[np.ndarray, "Q C"]) -> float:
    """Return the mean absolute difference of the correlations of two channels.

    A channel that is constant on a side has no correlation, and counts as uncorrelated.

    >>> rising = np.arange(4.0)
    >>> correlation_distance(np.stack([rising, rising], 1), np.stack([rising, -rising], 1))
    2.0
    """
    pairs = np.triu_indices(a_PC.shape[1], 1)
    a_R, b_R = (_correlations(side)[pairs] for side in (a_PC, b_QC))
    return float(np.abs(a_R - b_R).mean())


def _correlations(x_PC: Float[np.ndarray, "P C"]) -> Float[np.ndarray, "C C"]:
    return torch.corrcoef(torch.from_numpy(x_PC.T)).nan_to_num(0.0).numpy()
