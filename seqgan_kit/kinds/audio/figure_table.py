"""The metrics that only audio has: their names, and how each is measured."""

from __future__ import annotations

from ...evaluation.figures import LENGTH_DISTANCE, Figure

FIGURES = (
    Figure(
        "inception_score", "Inception score", "higher",
        "From the judge's probabilities of the first attribute: 1 if they are the same for every "
        "sample, at most the number of classes; the Inception network is not used.",
        digits=2,
    ),
    Figure(
        "recognised", "speech-recognition accuracy", "higher",
        "Share of 300 of the samples in which pocketsphinx, which was trained on other speech "
        "and knows ten words, hears the requested digit.",
    ),
    Figure(
        "quality", "quality (DNSMOS)", "higher",
        "Mean rating, 1 to 5, that a network predicts for 60 of the samples; it was made for "
        "longer speech, so compare it only with the rating of real clips.",
        digits=2,
    ),
    Figure(
        "loudness", "loudness in dB", "none",
        "Mean root-mean-square level of the samples, relative to full scale.",
        digits=1,
    ),
    Figure(
        "loudness_deviation", "deviation of loudness", "none",
        "Standard deviation of the loudness over the samples, in dB.",
        digits=1,
    ),
    Figure(
        "silence_share", "silence", "none",
        "Share of 10 ms frames that are more than 50 dB below full scale.",
    ),
    Figure(
        "clipped_share", "clipped", "lower",
        "Share of the samples that reach full scale.",
    ),
    LENGTH_DISTANCE,
)  # fmt: skip
