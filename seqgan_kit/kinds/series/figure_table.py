"""The figures that only series has: what each is called, how it is measured."""

from __future__ import annotations

from ...evaluation.figures import LENGTH_DISTANCE, Figure

FIGURES = (
    LENGTH_DISTANCE,
    Figure(
        "discriminative_score", "discriminative score", "lower",
        "How far from one half the accuracy of a recurrent classifier is that tells samples from "
        "real test series, on held-out ones: 0 where it guesses, .5 where it is always right; by "
        "one of TimeGAN's size, half as many units as channels.",
    ),
    Figure(
        "discriminative_score_large", "the same by a larger classifier", "lower",
        "The discriminative score by a classifier of 32 units, which sees more.",
    ),
    Figure(
        "predictive_score", "predictive score", "lower",
        "Mean absolute error with which a recurrent network that learned from samples predicts "
        "the last channel of real test series one step ahead, from the other channels; values "
        "scaled to lie from 0 to 1, if they do not.",
    ),
    Figure(
        "mmd", "maximum mean discrepancy", "lower",
        "Squared, of 500 samples and 500 real test series, or as many as there are, with a "
        "Gaussian kernel of the median distance; unbiased, so that it may be negative.",
        digits=4,
    ),
    Figure(
        "mmd_p", "p-value of that", "none",
        "Share of random exchanges of samples and real series that make it as large; near 0 "
        "where samples are not distributed as real series are.",
    ),
    Figure(
        "autocorrelation_distance", "distance of autocorrelations", "lower",
        "Mean absolute difference of the mean autocorrelation of samples and real test series, "
        "over channels and lags.",
    ),
    Figure(
        "marginal_distance", "distance of values", "lower",
        "Wasserstein distance of the values of a channel in samples and real test series, in "
        "standard deviations of the training part, on average.",
    ),
)  # fmt: skip
