"""The figures that only text has: what each is called, how it is measured."""

from __future__ import annotations

from ...evaluation.figures import LENGTH_DISTANCE, Figure

FIGURES = (
    *(
        Figure(
            f"bleu_{order}", f"BLEU-{order}", "higher",
            f"Mean BLEU (n-grams up to {order}, smoothing method 1) of the samples, each with "
            "every test line as a reference; rises with the number of test lines, so only equal "
            "numbers compare. Above real text it speaks for few safe phrases.",
        )
        for order in (2, 3, 4, 5)
    ),
    *(
        Figure(
            f"self_bleu_{order}", f"Self-BLEU-{order}", "none",
            f"Mean BLEU (n-grams up to {order}) of the samples, each with all the others as "
            "references; rises with the number of samples, so only equal numbers compare. Above "
            "real text the samples repeat each other, below it they are less alike than text is.",
        )
        for order in (2, 3, 4, 5)
    ),
    *(
        Figure(
            f"distinct_{order}", f"distinct-{order}", "none",
            f"Different n-grams of {order} of all samples together, relative to all their n-grams "
            f"of {order}; falls with the number of samples, so only equal numbers compare. Real "
            "text is the measure, as noise has most.",
        )
        for order in (1, 2, 3)
    ),
    Figure(
        "unique", "distinct lines", "higher",
        "Different lines among the samples, relative to the number of samples, with which it "
        "falls.",
    ),
    LENGTH_DISTANCE,
    Figure(
        "copied", "exact copies", "lower",
        "Share of the samples that are a training line, word for word; for real text that of the "
        "test lines.",
    ),
    Figure(
        "longest_copied", "longest copied n-gram", "none",
        "Mean length of the longest n-gram of a sample that stands in a training line; above that "
        "of test lines the samples are pieced together from training lines.",
        digits=2,
    ),
    Figure(
        "copied_share", "copied share of a line", "none",
        "The longest n-gram of a sample that stands in a training line, relative to the sample's "
        "length, on average; to be compared with that of test lines.",
    ),
    Figure(
        "oracle_nats", "NLL_oracle", "lower",
        "Mean negative log-likelihood of the samples under the oracle that the data came from, in "
        "nats a token; low, too, for samples without variety, which NLL_test shows.",
    ),
)  # fmt: skip
