"""The metrics of an evaluation: names, descriptions and which values are better."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from types import MappingProxyType
from typing import Any, Literal


@dataclass(frozen=True)
class Figure:
    """A metric: one row of a table of results.

    Attributes:
        name: its name in files and code.
        title: its name in reports.
        better: which values are better: ``"one"`` means close to 1, ``"none"`` neither.
        how: one sentence on how it is measured.
        digits: decimal places to show.
        group: heading of the table of its own that it belongs to; empty: the table of results.
    """

    name: str
    title: str
    better: Literal["higher", "lower", "one", "none"]
    how: str
    digits: int = 3
    group: str = ""


_OF_THE_JUDGE = (
    Figure(
        "label_accuracy", "label accuracy (GAN-test)", "higher",
        "Share of the samples in which a judge trained on real data recognises every requested "
        "attribute (TRTS).",
    ),
    Figure(
        "gan_train_accuracy", "GAN-train accuracy", "higher",
        "Share of the real test items in which a judge trained on samples alone recognises every "
        "attribute (TSTR).",
    ),
    Figure(
        "frechet_judge_distance", "Frechet judge distance", "lower",
        "Frechet distance of samples and real test items in the judge's features; not an FID, "
        "which uses Inception's features.",
        digits=2,
    ),
    Figure(
        "precision", "precision", "higher",
        "Share of the samples inside the neighbourhood of a real test item: a ball in the judge's "
        "features that reaches its k-th neighbour (k is evaluation.neighbours). As many samples "
        "as real items are compared at a time.",
    ),
    Figure(
        "recall", "recall", "higher",
        "Share of the real test items inside the neighbourhood of a sample, defined in the same "
        "way.",
    ),
    Figure(
        "density", "density", "one",
        "Number of real test items whose neighbourhood contains a sample, relative to the number "
        "expected of real data.",
    ),
    Figure(
        "coverage", "coverage", "higher",
        "Share of the real test items whose neighbourhood contains a sample.",
    ),
    Figure(
        "spread", "spread inside a class", "one",
        "Mean distance of two samples of a class, relative to real test items; without labels "
        "the judge assigns the classes.",
    ),
    Figure(
        "memorised", "memorised", "lower",
        "Share of the samples as close to a training example as the closest 1 % of held-out real "
        "items; about .01 for new real data.",
    ),
)  # fmt: skip

_OF_THE_MODEL = (
    Figure(
        "reconstruction", "reconstruction", "lower",
        "Mean negative log-likelihood of real test items given a latent inferred from them, in "
        "nats per item.",
        digits=2,
    ),
    Figure(
        "grey_reconstruction", "reconstruction (grey)", "lower",
        "The same for a model of black and white, with grey values as probabilities of white: a "
        "cross-entropy, comparable only with others of its kind.",
        digits=2,
    ),
    Figure(
        "kl", "KL divergence", "none",
        "Mean divergence of the inferred latent from its prior on real test items, in nats per "
        "item.",
        digits=2,
    ),
    Figure(
        "bound", "bound on the likelihood", "lower",
        "Mean negative evidence lower bound of real test items, in nats per item.",
        digits=2,
    ),
    Figure(
        "grey_bound", "bound (grey)", "lower",
        "Sum of grey reconstruction and KL divergence.",
        digits=2,
    ),
    Figure(
        "negative_log_likelihood", "negative log-likelihood", "lower",
        "Mean negative log-likelihood of real test items, in nats per item; for an autoencoder an "
        "upper bound, estimated by importance sampling.",
        digits=2,
    ),
    Figure(
        "cross_entropy", "cross-entropy (grey)", "lower",
        "The same for a model of black and white, with grey values as probabilities of white: not "
        "a likelihood, and comparable only with others of its kind.",
        digits=2,
    ),
    Figure(
        "nats_per_token", "NLL_test", "lower",
        "Mean negative log-likelihood of real test items, in nats per token.",
    ),
    Figure(
        "perplexity", "perplexity", "lower",
        "Exponential of NLL_test: the model is as uncertain about the next token of real test "
        "items as if it chose among that many equally likely ones.",
        digits=2,
    ),
    Figure(
        "active_units", "active units", "none",
        "Number of latent units that carry information about real test items.",
        digits=0,
    ),
    Figure(
        "parameters", "parameters", "none",
        "Number of learned parameters that sampling uses.",
        digits=0,
    ),
    Figure(
        "training_seconds", "training time in seconds", "none",
        "Wall-clock time from the first to the last training step.",
        digits=0,
    ),
    Figure(
        "samples_per_second", "samples per second", "higher",
        "Number of samples generated per second of wall-clock time.",
        digits=0,
    ),
)  # fmt: skip


_OF_THE_DISCRIMINATOR = (
    Figure(
        "critic_auc", "discriminator: area under the curve", "none",
        "Probability that the discriminator's logit of a real test item is above that of a "
        "sample: .5 if it is blind.",
    ),
    Figure(
        "critic_calibration_error", "discriminator: calibration error", "lower",
        "Mean difference between the probability of being real that the logits say and the share "
        "of real test items, over ten groups by that probability.",
    ),
    Figure(
        "critic_effective_share", "discriminator: effective share", "none",
        "Effective sample size of samples that are weighted by the density ratio, relative to "
        "their number: 1 if all count the same (Kish 1965).",
    ),
)  # fmt: skip

LENGTH_DISTANCE = Figure(
    "length_distance",
    "distance of lengths",
    "lower",
    "Kolmogorov-Smirnov distance of the lengths of samples and test items: the largest "
    "difference between their cumulative distributions.",
)
"""For kinds of data with items of different lengths."""

FIGURES: Mapping[str, Figure] = MappingProxyType(
    {figure.name: figure for figure in (*_OF_THE_JUDGE, *_OF_THE_MODEL, *_OF_THE_DISCRIMINATOR)}
)
"""Metrics of all kinds of data by name, in the order of the table."""


ACCURACIES = {
    "label_accuracy": ("label accuracy", "Share of the samples in which the judge recognises"),
    "gan_train_accuracy": (
        "GAN-train accuracy",
        "Share of the real test items in which a judge trained on samples alone recognises",
    ),
}
"""Metrics that are also measured per attribute: the title and the start of the description."""


def attribute_figures(figure: str, attributes: Sequence[str]) -> tuple[Figure, ...]:
    """Return an accuracy for each attribute, in their order, if there are several.

    >>> [figure.name for figure in attribute_figures("label_accuracy", ["kind", "sentiment"])]
    ['label_accuracy/kind', 'label_accuracy/sentiment']
    >>> attribute_figures("label_accuracy", ["class"])
    ()
    """
    if len(attributes) < 2:
        return ()
    title, how = ACCURACIES[figure]
    return tuple(
        Figure(f"{figure}/{name}", f"{title} of {name}", "higher", f"{how} the {name}.")
        for name in attributes
    )


def class_figure(figure: str, attribute: str, name: str) -> str:
    """Return the name of a metric of one class.

    >>> class_figure("recall", "digit", "3")
    'recall/digit=3'
    """
    return f"{figure}/{attribute}={name}"


def recall_figures(labels: Mapping[str, Sequence[str]]) -> tuple[Figure, ...]:
    """Return recall for each class of each attribute that has several."""
    return tuple(
        Figure(
            class_figure("recall", attribute, name), f"{attribute} {name}", "higher",
            f"Share of the real test items of {attribute} {name} inside the neighbourhood of a "
            "sample.",
            group="Recall of each class",
        )
        for attribute, classes in labels.items()
        for name in (classes if len(classes) > 1 else ())
    )  # fmt: skip


def figures_for(
    labels: Mapping[str, Sequence[str]], own: Sequence[Figure] = (), measured: Iterable[str] = ()
) -> Mapping[str, Figure]:
    """Describe all metrics of data with these labels, in the order of the table.

    Args:
        labels: names of the label columns of the data, and of their classes.
        own: metrics of this kind of data, placed after those of the judge.
        measured: names of the measured values. A name without a description gets a plain one, so
            that no metric is missing from a table.
    """
    found: dict[str, Figure] = {}
    for figure in (*_OF_THE_JUDGE, *own, *_OF_THE_MODEL, *_OF_THE_DISCRIMINATOR):
        found[figure.name] = figure
        if figure.name in ACCURACIES:
            found |= {one.name: one for one in attribute_figures(figure.name, tuple(labels))}
    found |= {one.name: one for one in recall_figures(labels)}
    for name in measured:
        if name not in found:
            found[name] = Figure(name, name.replace("_", " "), "none", "No description.")
    return MappingProxyType(found)


@dataclass(frozen=True)
class Value:
    """A metric measured on independent sets of samples.

    Attributes:
        mean: over the sets.
        deviation: standard deviation over the sets (n - 1); ``None`` for one set.
        values: values of each set.
        count: samples per set.
    """

    mean: float
    deviation: float | None
    values: tuple[float, ...]
    count: int

    @classmethod
    def of(cls, values: Sequence[float], count: int) -> Value:
        """Compute mean and deviation of the values of the sets.

        Raises:
            ValueError: there are no values.

        >>> Value.of([0.5, 1.0], 100)
        Value(mean=0.75, deviation=0.3535533905932738, values=(0.5, 1.0), count=100)
        """
        if not values:
            raise ValueError("a metric needs at least one value")
        deviation = stdev(values) if len(values) > 1 else None
        return cls(fmean(values), deviation, tuple(values), count)

    def as_json(self) -> dict[str, Any]:
        return {
            "mean": self.mean,
            "deviation": self.deviation,
            "values": list(self.values),
            "count": self.count,
        }

    @classmethod
    def from_json(cls, read: Mapping[str, Any]) -> Value:
        """Read a value written by :meth:`as_json`.

        Raises:
            ValueError: the JSON has another form.
        """
        try:
            deviation = read["deviation"]
            return cls(
                float(read["mean"]),
                None if deviation is None else float(deviation),
                tuple(float(value) for value in read["values"]),
                int(read["count"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"not a measured value: {read!r}; expected mean, deviation, values and count"
            ) from error
