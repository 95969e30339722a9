"""The figures that only audio has: what each is called, how it is measured."""

from __future__ import annotations

from ...evaluation.figures import LENGTH_DISTANCE, Figure

FIGURES = (
    Figure(
        "inception_score", "Inception score", "higher",
        "By the judge's probabilities of the first attribute: 1 where it says the same of every "
        "sample, the number of classes where it is sure of each; not that of Inception.",
        digits=2,
    ),
    Figure(
        "recognised", "heard by a recogniser", "higher",
        "Share of 300 of the samples in which pocketsphinx, which learned from other speech "
        "and knows ten words, hears the digit that was asked for.",
    ),
    Figure(
        "quality", "quality (DNSMOS)", "higher",
        "Mean of the rating that a network guesses for 60 of the samples, 1 to 5; made for "
        "longer speech, so only to be compared with that of real clips.",
        digits=2,
    ),
    Figure(
        "loudness", "loudness in dB", "none",
        "Mean root mean square of a sample, relative to full scale.",
        digits=1,
    ),
    Figure(
        "loudness_deviation", "deviation of loudness", "none",
        "Standard deviation of that over the samples, in dB.",
        digits=1,
    ),
    Figure(
        "silence_share", "silence", "none",
        "Share of frames of 10 ms that lie more than 50 dB below full scale.",
    ),
    Figure(
        "clipped_share", "clipped", "lower",
        "Share of the samples that reach full scale.",
    ),
    LENGTH_DISTANCE,
)  # fmt: skip
