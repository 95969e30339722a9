"""The judge for series, and the metrics of series that need no judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ...evaluation.distribution import NotMeasurable, TooFewSamples
from ...evaluation.judge import FEATURES, Judge
from ...evaluation.lengths import length_distance
from .channel_figures import measure_channels
from .forms import needs_double
from .schema import Sort
from .scores import discriminative_score, predictive_score, published_size

WIDTH, KERNEL, DILATIONS = 64, 5, (1, 2, 4)
"""Channels, kernel size and dilations of the judge's convolutions over time."""

COMPARED = 500
"""Most series on each side of the maximum mean discrepancy, whose cost is quadratic."""

PERMUTATIONS = 500
LAGS = 20
"""Most lags of the autocorrelation."""


class Scale(nn.Module):
    """A module that standardises values: centres them and divides by the standard deviation.

    Args:
        centre: centre of each channel in the training data.
        deviation: standard deviation of each channel; 0 for a constant one.
    """

    centre_C: Tensor
    deviation_C: Tensor

    def __init__(self, centre: Sequence[float], deviation: Sequence[float]) -> None:
        super().__init__()
        # In 64 bits only where 32 would round the values before they are centred.
        double = needs_double(np.array(centre), np.array(deviation))
        dtype = torch.float64 if double else torch.float32
        spread_C = torch.tensor(deviation, dtype=dtype)
        # Not persistent: these come from the data, not from the cached judge.
        self.register_buffer("centre_C", torch.tensor(centre, dtype=dtype), persistent=False)
        self.register_buffer(
            "deviation_C", torch.where(spread_C > 0, spread_C, 1.0), persistent=False
        )

    def forward(self, items: Float[Tensor, "N T C"]) -> Float[Tensor, "N T C"]:
        """Standardise series, keeping NaN after their end."""
        return ((items - self.centre_C) / self.deviation_C).float()

    def vectors(self, items: Float[Tensor, "N T C"], steps: int) -> Float[Tensor, "N F"]:
        """Return series of ``steps`` steps as vectors, 0 (the mean) after their end."""
        return self(of_steps(items, steps)).nan_to_num(0.0).flatten(1)


def of_steps(items: Float[Tensor, "N T C"], steps: int) -> Float[Tensor, "N S C"]:
    """Cut series to ``steps`` steps, or pad them with NaN."""
    missing = max(steps - items.shape[1], 0)
    return nn.functional.pad(items[:, :steps], (0, 0, 0, missing), value=torch.nan)


class SeriesJudge(Judge):
    """Convolutions over time, their mean and maximum over valid steps, and a hidden layer whose
    activations are the features.

    Args:
        classes: number of classes of each attribute.
        scale: standardises the values.
    """

    def __init__(self, *, classes: Sequence[int], scale: Scale) -> None:
        super().__init__(classes=classes)
        self.scale = scale
        before = len(scale.centre_C) + 1
        self.see = nn.ModuleList()
        for dilation in DILATIONS:
            padding = dilation * (KERNEL // 2)
            self.see.append(nn.Conv1d(before, WIDTH, KERNEL, padding=padding, dilation=dilation))
            before = WIDTH
        self.hide = nn.Sequential(nn.Dropout(0.3), nn.Linear(2 * WIDTH, FEATURES), nn.ReLU())
        self.decide = nn.Linear(FEATURES, sum(classes))

    def features(self, items: Float[Tensor, "B T C"]) -> Float[Tensor, "B F"]:
        """Compute features of series of any width, NaN after their end."""
        exists_B1T = ~items[:, None, :, 0].isnan()
        value_BCT = self.scale(items).nan_to_num(0.0).movedim(2, 1)
        seen_BCT = torch.cat([value_BCT, exists_B1T.float()], 1)
        for layer in self.see:
            # Zero after the end, so that the width of the padding changes nothing.
            seen_BCT = layer(seen_BCT).relu() * exists_B1T
        mean_BC = seen_BCT.sum(2) / exists_B1T.sum(2).clamp(min=1)
        return self.hide(torch.cat([mean_BC, seen_BCT.amax(2)], 1))

    def logits(self, features_BF: Float[Tensor, "B F"]) -> list[Tensor]:
        return list(self.decide(features_BF).split(self.classes, 1))


class SeriesFigures:
    """Metrics of series that compare samples with training and test series.

    Series are padded with NaN after their end.

    Args:
        training: the series that the model was trained on.
        reference: real series that it has not seen: the whole test part.
        scale: standardises the values.
        score_steps: training steps of the networks that compute the scores.
        channels: names of the channels.
        sorts: what the values of channels may be, if they are not real numbers.

    Raises:
        TooFewSamples: a part has no series.
    """

    def __init__(
        self,
        *,
        training: Float[Tensor, "M T C"],
        reference: Float[Tensor, "R T C"],
        scale: Scale,
        score_steps: int,
        channels: Sequence[str],
        sorts: Mapping[str, Sort],
    ) -> None:
        if not len(training) or not len(reference):
            raise TooFewSamples("metrics of series need at least one training and one test series")
        self._training, self._reference = training, reference
        self._scale, self._score_steps = scale, score_steps
        self._channels, self._sorts = channels, sorts
        self._length_R = _lengths(reference)
        known_MC = training[~training[..., 0].isnan()]
        self._low_C, self._high_C = known_MC.amin(0), known_MC.amax(0)

    def measure(
        self, samples: Float[Tensor, "N T C"], label_NA: np.ndarray | None = None
    ) -> dict[str, float]:
        """Compute the metrics of one set of samples.

        Args:
            samples: series.
            label_NA: their requested labels, which these metrics ignore.

        Raises:
            TooFewSamples: there are too few samples for a score.
            NotMeasurable: a series is empty, or has infinite or NaN values.
        """
        length_N = _lengths(samples)
        width, steps = max(samples.shape[1], self._reference.shape[1]), self._score_steps
        own, real = (self._scale(of_steps(side, width)) for side in (samples, self._reference))
        distance, chance = discrepancy(*(_some(s.nan_to_num(0.0).flatten(1)) for s in (own, real)))
        return {
            "discriminative_score": discriminative_score(
                real, own, steps=steps, hidden_size=published_size(own.shape[-1])
            ),
            "discriminative_score_large": discriminative_score(real, own, steps=steps),
            "predictive_score": predictive_score(
                self._unit(samples), self._unit(self._reference), steps=steps
            ),
            "mmd": distance,
            "mmd_p": chance,
            "autocorrelation_distance": autocorrelation_distance(own, real),
            "marginal_distance": marginal_distance(own, real),
            "length_distance": length_distance(length_N, self._length_R),
            **measure_channels(samples, self._reference, self._channels, self._sorts),
        }

    def _unit(self, items: Tensor) -> Tensor:
        """Scale values so that those of the training part lie in 0..1.

        Data already in 0..1 are not scaled, as in TimeGAN, whose sines use half of that range.
        """
        if bool((self._low_C >= 0).all() and (self._high_C <= 1).all()):
            return items
        spread_C = self._high_C - self._low_C
        return ((items - self._low_C) / torch.where(spread_C > 0, spread_C, 1.0)).float()

    def real(self, count: int, seed: int = 0) -> tuple[dict[str, float], int]:
        """Compute the metrics of up to ``count`` training series in place of samples."""
        order = np.random.default_rng(seed).permutation(len(self._training))[:count]
        chosen = self._training[torch.from_numpy(np.sort(order))]
        return self.measure(chosen), len(chosen)

    def noise(self, count: int, seed: int) -> Float[Tensor, "N T C"]:
        """Draw series of independent uniform values in the range of each channel, with lengths
        drawn from the test series."""
        rng = torch.Generator().manual_seed(seed)
        length_R = self._length_R
        length_N = length_R[torch.randint(len(length_R), (count,), generator=rng)]
        _, steps, channels = self._reference.shape
        share_NTC = torch.rand(count, steps, channels, generator=rng)
        noise_NTC = self._low_C + share_NTC * (self._high_C - self._low_C)
        exists_NT = torch.arange(steps) < length_N[:, None]
        return torch.where(exists_NT[..., None], noise_NTC, torch.nan)


def _some(x_NF: Tensor) -> Tensor:
    """Choose up to ``COMPARED`` rows at random; the first rows may all be of one class."""
    order = np.random.default_rng(0).permutation(len(x_NF))[:COMPARED]
    return x_NF[torch.from_numpy(order)]


def _lengths(items: Float[Tensor, "N T C"]) -> Int[Tensor, " N"]:
    """Return the number of steps of each series.

    Raises:
        TooFewSamples: there are no series.
        NotMeasurable: a series is empty, or has infinite or NaN values.
    """
    if not len(items):
        raise TooFewSamples("metrics of series need at least one series")
    exists_NTC = ~items.isnan()
    exists_NT = exists_NTC[..., 0]
    whole_N = exists_NT[:, 0] & (exists_NT[:, 1:] <= exists_NT[:, :-1]).all(1)
    even_N = (exists_NTC == exists_NT[..., None]).all(2).all(1)
    if not bool((whole_N & even_N).all()) or bool(items.isinf().any()):
        raise NotMeasurable(
            "some samples are empty, or have values that are infinite or not a number: the "
            "training has diverged; use an earlier checkpoint"
        )
    return exists_NT.sum(1)


def discrepancy(
    a_NF: Float[Tensor, "N F"], b_MF: Float[Tensor, "M F"], *, seed: int = 0
) -> tuple[float, float]:
    r"""Compute the squared maximum mean discrepancy of two sets, and its p-value.

    The estimate is unbiased, so it may be negative; the kernel is
    :math:`\exp(-\lVert a - b\rVert^2 / 2 h^2)`, where h is the median distance of all pairs. The
    p-value is that of a permutation test: small if the sets are unlikely to come from one
    distribution.

    Args:
        a_NF: one set.
        b_MF: the other.
        seed: seed of the permutations.

    Raises:
        TooFewSamples: a set has fewer than two rows.

    References:
        Gretton et al. 2012, *A Kernel Two-Sample Test*, equation 3 and section 2.3; on series
        Esteban et al. 2017.
    """
    count, other = len(a_NF), len(b_MF)
    if min(count, other) < 2:
        raise TooFewSamples("the maximum mean discrepancy needs at least two samples on each side")
    both_PF = torch.cat([a_NF, b_MF]).double()
    square_PP = torch.cdist(both_PF, both_PF).square()
    upper = torch.triu_indices(len(both_PF), len(both_PF), 1)
    median = square_PP[upper[0], upper[1]].median()
    if not median > 0:
        # Most rows are equal; any kernel width separates the others from them.
        median = square_PP.new_ones(())
    kernel_PP = (-square_PP / (2 * median)).exp().fill_diagonal_(0.0)
    side_P = torch.arange(len(both_PF)) < count
    rng = torch.Generator().manual_seed(seed)
    shuffled = [side_P[torch.randperm(len(both_PF), generator=rng)] for _ in range(PERMUTATIONS)]
    side_QP = torch.stack([side_P, *shuffled]).double()
    inside_Q = ((side_QP @ kernel_PP) * side_QP).sum(1)
    outside_Q = (((1 - side_QP) @ kernel_PP) * (1 - side_QP)).sum(1)
    between_Q = (kernel_PP.sum() - inside_Q - outside_Q) / 2
    value_Q = (
        inside_Q / (count * (count - 1))
        + outside_Q / (other * (other - 1))
        - 2 * between_Q / (count * other)
    )
    # An identity permutation may still round differently.
    as_large = int((value_Q[1:] >= value_Q[0] - 1e-12).sum())
    return float(value_Q[0]), (as_large + 1) / (PERMUTATIONS + 1)


def autocorrelation(items: Float[Tensor, "N T C"], lags: int) -> Float[np.ndarray, "G C"]:
    """Compute the mean autocorrelation of series at lags from 1.

    Each series is centred on its own mean and divided by its own variance; series too short for
    a lag, and channels that are constant in a series, are left out.
    """
    mean_N1C = items.nanmean(1, keepdim=True)
    gap_NTC = items - mean_N1C
    power_NC = gap_NTC.square().nansum(1)
    # A constant channel has a variance from rounding alone, which does not count.
    least_NC = 1e-10 * (1 + mean_N1C[:, 0].square()) * items.shape[1]
    found = []
    for lag in range(1, lags + 1):
        product_NTC = gap_NTC[:, lag:] * gap_NTC[:, :-lag]
        long_N = ~product_NTC[..., 0].isnan().all(1)
        share_NC = product_NTC.nansum(1) / power_NC
        share_NC = torch.where((power_NC > least_NC) & long_N[:, None], share_NC, torch.nan)
        found.append(share_NC.nanmean(0))
    return torch.stack(found).double().numpy()


def autocorrelation_distance(a: Float[Tensor, "N T C"], b: Float[Tensor, "M T C"]) -> float:
    """Compute the mean absolute difference of mean autocorrelations, over lags and channels.

    Lags go up to half the median length of ``b``, the real series, and up to 20. A channel or lag
    that is undefined on one side is left out.
    """
    lags = int(_lengths(b).median().item()) // 2
    lags = max(min(lags, LAGS, a.shape[1] - 1), 1)
    if min(a.shape[1], b.shape[1]) < 2:
        return 0.0
    gap_GC = np.abs(autocorrelation(a, lags) - autocorrelation(b, lags))
    known = ~np.isnan(gap_GC)
    return float(gap_GC[known].mean()) if known.any() else 0.0


def marginal_distance(a: Float[Tensor, "N T C"], b: Float[Tensor, "M T C"]) -> float:
    """Compute the Wasserstein distance of a channel's values, averaged over channels.

    Values of all steps are pooled. The unit is standard deviations of the training part.
    """
    # Imported late: most commands measure nothing.
    from scipy.stats import wasserstein_distance

    a_PC, b_QC = (side[~side[..., 0].isnan()].double().numpy() for side in (a, b))
    return float(
        np.mean([wasserstein_distance(x, y) for x, y in zip(a_PC.T, b_QC.T, strict=True)])
    )
