"""The metrics that only series have: their names and how they are measured."""

from __future__ import annotations

from ...evaluation.figures import LENGTH_DISTANCE, Figure

FIGURES = (
    LENGTH_DISTANCE,
    Figure(
        "discriminative_score", "discriminative score", "lower",
        "Distance from .5 of the held-out accuracy of a recurrent classifier that separates "
        "samples from real test series: 0 if it guesses, .5 if it is always right. The classifier "
        "has TimeGAN's size, half as many units as channels.",
    ),
    Figure(
        "discriminative_score_large", "discriminative score (large classifier)", "lower",
        "The discriminative score with a classifier of 32 units, which detects more.",
    ),
    Figure(
        "predictive_score", "predictive score", "lower",
        "Mean absolute error of a recurrent network, trained on samples, in predicting the last "
        "channel of real test series one step ahead from the other channels. Values are scaled "
        "to 0..1 unless they already are in it.",
    ),
    Figure(
        "mmd", "maximum mean discrepancy", "lower",
        "Squared, between up to 500 samples and 500 real test series, with a Gaussian kernel of "
        "the median distance; the estimate is unbiased, so it may be negative.",
        digits=4,
    ),
    Figure(
        "mmd_p", "p-value of the discrepancy", "none",
        "Share of random permutations of samples and real series with a discrepancy as large; "
        "near 0 if samples and real series have different distributions.",
    ),
    Figure(
        "autocorrelation_distance", "distance of autocorrelations", "lower",
        "Mean absolute difference between the mean autocorrelations of samples and real test "
        "series, over channels and lags.",
    ),
    Figure(
        "marginal_distance", "distance of values", "lower",
        "Wasserstein distance between the values of a channel in samples and in real test "
        "series, in standard deviations of the training data; averaged over channels.",
    ),
)  # fmt: skip
