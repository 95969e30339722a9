"""How well a generator goes on from the beginnings of real series."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ...batch import Batch
from ...data.unequal import unpadded
from ...evaluation.figures import Figure
from ...evaluation.likelihood import chosen_items
from ...nn.noise import Noise, seeded_noise
from ...nn.relaxation import as_tensor
from ...runs.sampler import Sampler
from .figures import Scale

GROUP = "Continuation of test series"

MOST = 200
"""Most test series that are continued."""

DRAWS = 50
"""Continuations of each."""

INSIDE = 0.9
"""Share of real values that an interval of the continuations is to hold."""

FIGURES = (
    Figure(
        "continuation_crps", "CRPS", "lower",
        f"Continuous ranked probability score of {DRAWS} continuations of each test series from "
        "its first half, in standard deviations of the training data; the mean over steps, "
        "channels and series.",
        group=GROUP,
    ),
    Figure(
        "continuation_ratio", "CRPS, relative to persistence", "lower",
        "The same divided by that of the forecast that the last known value stays.",
        group=GROUP,
    ),
    Figure(
        "continuation_coverage", "values inside the interval", "none",
        f"Share of the real values between the quantiles of the continuations that hold {INSIDE} "
        f"of them: {INSIDE} if the continuations are as uncertain as they should be.",
        group=GROUP,
    ),
)  # fmt: skip


@torch.no_grad()
def continuation_figures(
    sampler: Sampler,
    batch: Batch,
    real: Float[Tensor, "N T C"],
    scale: Scale,
    *,
    seed: int = 0,
) -> tuple[dict[str, float], int]:
    """Measure continuations of real series from their first halves.

    Args:
        sampler: a run whose generator reads what it has written.
        batch: test series as the codec writes them, and their labels.
        real: the same series, NaN after their end.
        scale: has the unit of each channel.
        seed: seed of the continuations and of the choice of series.

    Returns:
        The figures, and how many series they come from.

    References:
        Gneiting & Raftery 2007, *Strictly Proper Scoring Rules, Prediction, and Estimation*,
        equation 21.
    """
    deviation_C = scale.deviation_C.numpy()
    series = [one[: sampler.codec.steps] for one in unpadded(real)]
    long = np.array([number for number, one in enumerate(series) if len(one) > 1])
    if not len(long):
        return {}, 0
    chosen = long[chosen_items(len(long), MOST, seed)]
    noise = seeded_noise(seed, sampler.device)
    scores, floors, inside = [], [], []
    for number in chosen.tolist():
        known = len(series[number]) // 2
        rest_SC = series[number][known:] / deviation_C
        last_C = series[number][known - 1] / deviation_C
        one = batch.part(slice(number, number + 1))
        drawn_DSC = _continued(sampler, one, known, noise)[:, known : known + len(rest_SC)]
        drawn_DSC = drawn_DSC / deviation_C
        scores.append(crps(drawn_DSC, rest_SC))
        floors.append(np.abs(rest_SC - last_C))
        low_SC, high_SC = np.quantile(drawn_DSC, [(1 - INSIDE) / 2, (1 + INSIDE) / 2], axis=0)
        inside.append((low_SC <= rest_SC) & (rest_SC <= high_SC))
    score, floor, share = (np.concatenate(one).mean() for one in (scores, floors, inside))
    found = {"continuation_crps": float(score), "continuation_coverage": float(share)}
    if floor > 0:
        found["continuation_ratio"] = float(score / floor)
    return found, len(chosen)


def _continued(
    sampler: Sampler, one: Batch, known: int, noise: Noise
) -> Float[np.ndarray, "D T C"]:
    """Return continuations of a series; one that has ended stays at its last value."""
    generator = sampler.generator.writer
    latent = generator.draw(DRAWS, noise)
    prefix = one.x_BTF[:, :known].expand(DRAWS, -1, -1)
    written, mask_BT = generator.write(latent, one.label_BA.expand(DRAWS, -1), prefix=prefix)
    decoded = sampler.codec.decode(as_tensor(written).float(), mask_BT).cpu()
    steps = decoded.shape[1]
    place_T = np.arange(steps)
    return np.stack([one[np.minimum(place_T, len(one) - 1)] for one in unpadded(decoded)])


def crps(
    drawn_DSC: Float[np.ndarray, "D S C"], real_SC: Float[np.ndarray, "S C"]
) -> Float[np.ndarray, "S C"]:
    r"""Return the continuous ranked probability score of draws, for each real value.

    .. math:: \frac{1}{D} \sum_i |x_i - y| - \frac{1}{2 D (D - 1)} \sum_{ij} |x_i - x_j|

    >>> crps(np.array([0.0, 2.0]).reshape(2, 1, 1), np.array([[1.0]])).tolist()
    [[0.0]]
    """
    count = len(drawn_DSC)
    error_SC = np.abs(drawn_DSC - real_SC).mean(0)
    # Sorted draws give the sum over all pairs at once.
    weight_D = 2 * np.arange(count) - count + 1
    pairs_SC = 2 * np.tensordot(weight_D, np.sort(drawn_DSC, 0), 1)
    return error_SC - pairs_SC / (2 * count * (count - 1))
