"""The metrics that only text has: their names, and how each is measured."""

from __future__ import annotations

from ...evaluation.figures import LENGTH_DISTANCE, Figure

FIGURES = (
    *(
        Figure(
            f"bleu_{order}", f"BLEU-{order}", "higher",
            f"Mean BLEU (n-grams up to {order}, smoothing method 1) of the samples, with all test "
            "lines as references; it rises with the number of test lines, so compare only equal "
            "numbers. A value above that of real text suggests a few safe phrases.",
        )
        for order in (2, 3, 4, 5)
    ),
    *(
        Figure(
            f"self_bleu_{order}", f"Self-BLEU-{order}", "none",
            f"Mean BLEU (n-grams up to {order}) of each sample with all other samples as "
            "references; it rises with the number of samples, so compare only equal numbers. "
            "Above the value of real text, samples repeat each other; below it, they are less "
            "alike than real lines.",
        )
        for order in (2, 3, 4, 5)
    ),
    *(
        Figure(
            f"distinct_{order}", f"distinct-{order}", "none",
            f"Share of distinct n-grams among all n-grams of the samples, for n = {order}; it "
            "falls with the number of samples, so compare only equal numbers. The value of real "
            "text is the target: noise has the highest.",
        )
        for order in (1, 2, 3)
    ),
    Figure(
        "unique", "distinct lines", "higher",
        "Share of distinct lines among the samples; it falls with the number of samples.",
    ),
    LENGTH_DISTANCE,
    Figure(
        "copied", "exact copies", "lower",
        "Share of the samples that copy a training line exactly; for real text, the same share "
        "of the test lines.",
    ),
    Figure(
        "longest_copied", "longest copied n-gram", "none",
        "Mean length of a sample's longest n-gram that occurs in a training line; above the value "
        "of test lines, samples are pieced together from training lines.",
        digits=2,
    ),
    Figure(
        "copied_share", "copied share of a line", "none",
        "Mean length of a sample's longest n-gram that occurs in a training line, relative to the "
        "sample's length; compare it with the value of test lines.",
    ),
    Figure(
        "oracle_nats", "NLL_oracle", "lower",
        "Mean negative log-likelihood of the samples under the oracle that generated the data, in "
        "nats per token; it is also low for samples without variety, which NLL_test reveals.",
    ),
)  # fmt: skip
