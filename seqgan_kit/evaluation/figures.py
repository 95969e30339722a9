"""The figures of an evaluation: what each is called, how it is measured, which way is better."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from types import MappingProxyType
from typing import Any, Literal


@dataclass(frozen=True)
class Figure:
    """One row of a table of results.

    Attributes:
        name: in files and code.
        title: for people.
        better: which way is better: ``"one"`` is closest to 1, ``"none"`` says nothing.
        how: one sentence on how it is measured.
        digits: decimal places worth showing.
    """

    name: str
    title: str
    better: Literal["higher", "lower", "one", "none"]
    how: str
    digits: int = 3


_OF_THE_JUDGE = (
    Figure(
        "label_accuracy", "label accuracy (GAN-test)", "higher",
        "Share of the samples in which a judge trained on real data recognises every attribute "
        "that was asked for (TRTS).",
    ),
    Figure(
        "gan_train_accuracy", "GAN-train accuracy", "higher",
        "Share of the real test items in which a judge trained on samples alone recognises every "
        "attribute (TSTR).",
    ),
    Figure(
        "frechet_judge_distance", "Frechet judge distance", "lower",
        "Frechet distance of samples and real test items in the judge's features; not an FID, "
        "whose features are Inception's.",
        digits=2,
    ),
    Figure(
        "precision", "precision", "higher",
        "Share of the samples that lie within the distance of a real test item to its k-th "
        "neighbour (the fifth, unless the recipe says otherwise), in the judge's features.",
    ),
    Figure(
        "recall", "recall", "higher",
        "Share of the real test items that lie within the distance of a sample to its k-th "
        "neighbour, in the judge's features.",
    ),
    Figure(
        "density", "density", "one",
        "In how many neighbourhoods of real test items a sample lies, relative to what real data "
        "lead one to expect.",
    ),
    Figure(
        "coverage", "coverage", "higher",
        "Share of the real test items in whose neighbourhood a sample lies.",
    ),
    Figure(
        "spread", "spread inside a class", "one",
        "Mean distance of two samples of a class, relative to real test items; without labels "
        "the classes are those that the judge gives.",
    ),
    Figure(
        "memorised", "memorised", "lower",
        "Share of the samples as near to a training example as the nearest hundredth of held-out "
        "real items; about .01 for new real data.",
    ),
)  # fmt: skip

_OF_THE_MODEL = (
    Figure(
        "reconstruction", "reconstruction", "lower",
        "Mean negative log-likelihood of real test items given a latent inferred from them, in "
        "nats an item.",
        digits=2,
    ),
    Figure(
        "grey_reconstruction", "reconstruction (grey)", "lower",
        "The same of a model of black and white asked about grey values, which it takes for "
        "chances: a cross-entropy, to be compared with its like only.",
        digits=2,
    ),
    Figure(
        "kl", "KL divergence", "none",
        "Mean divergence of the inferred latent from its prior on real test items, in nats an "
        "item.",
        digits=2,
    ),
    Figure(
        "bound", "bound on the likelihood", "lower",
        "Mean negative evidence lower bound of real test items, in nats an item.",
        digits=2,
    ),
    Figure(
        "grey_bound", "bound (grey)", "lower",
        "Grey reconstruction and divergence together.",
        digits=2,
    ),
    Figure(
        "negative_log_likelihood", "negative log-likelihood", "lower",
        "Mean negative log-likelihood of real test items, in nats an item; of an autoencoder an "
        "estimate from above by importance sampling.",
        digits=2,
    ),
    Figure(
        "cross_entropy", "cross-entropy (grey)", "lower",
        "The same of a model of black and white asked about grey values, which it takes for "
        "chances: no likelihood, and to be compared with its like only.",
        digits=2,
    ),
    Figure(
        "nats_per_token", "NLL_test", "lower",
        "Mean negative log-likelihood of real test items, in nats a token.",
    ),
    Figure(
        "perplexity", "perplexity", "lower",
        "Among how many tokens of equal chance the model's doubt about the next token of real "
        "test items is a choice: the exponential of NLL_test.",
        digits=2,
    ),
    Figure(
        "active_units", "active units", "none",
        "How many units of the latent tell anything about real test items.",
        digits=0,
    ),
    Figure(
        "parameters", "parameters", "none",
        "How many numbers sampling needs to have learnt.",
        digits=0,
    ),
    Figure(
        "training_seconds", "training time in seconds", "none",
        "Time on the clock from the first to the last step of training.",
        digits=0,
    ),
    Figure(
        "samples_per_second", "samples a second", "higher",
        "How many samples are made in a second of time on the clock.",
        digits=0,
    ),
)  # fmt: skip


LENGTH_DISTANCE = Figure(
    "length_distance",
    "distance of lengths",
    "lower",
    "Kolmogorov-Smirnov distance of the lengths of samples and test items: the most by which "
    "the share of items up to some length differs.",
)
"""For kinds whose items differ in length."""

FIGURES: Mapping[str, Figure] = MappingProxyType(
    {figure.name: figure for figure in (*_OF_THE_JUDGE, *_OF_THE_MODEL)}
)
"""Figures of every kind of data by name, in the order of the table."""


ACCURACIES = {
    "label_accuracy": ("label accuracy", "Share of the samples in which the judge recognises"),
    "gan_train_accuracy": (
        "GAN-train accuracy",
        "Share of the real test items in which a judge trained on samples alone recognises",
    ),
}
"""Figures that are measured once more for each of several attributes: title and beginning."""


def attribute_figures(figure: str, attributes: Sequence[str]) -> tuple[Figure, ...]:
    """An accuracy once more for each of several attributes, in their order.

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


def figures_for(
    attributes: Sequence[str], own: Sequence[Figure] = (), measured: Iterable[str] = ()
) -> Mapping[str, Figure]:
    """Describe all figures of data with these attributes, in the order of the table.

    Args:
        attributes: of the data.
        own: figures of the kind of data; they stand behind those of the judge.
        measured: names of what was measured. One without a description gets a plain one, so that
            no figure is missing from a table.
    """
    found: dict[str, Figure] = {}
    for figure in (*_OF_THE_JUDGE, *own, *_OF_THE_MODEL):
        found[figure.name] = figure
        if figure.name in ACCURACIES:
            found |= {one.name: one for one in attribute_figures(figure.name, attributes)}
    for name in measured:
        if name not in found:
            found[name] = Figure(name, name.replace("_", " "), "none", "It has no description.")
    return MappingProxyType(found)


@dataclass(frozen=True)
class Value:
    """A figure measured on independent sets of samples.

    Attributes:
        mean: over the sets.
        deviation: standard deviation over the sets (n - 1); ``None`` for one set.
        values: of each set.
        count: samples in each set.
    """

    mean: float
    deviation: float | None
    values: tuple[float, ...]
    count: int

    @classmethod
    def of(cls, values: Sequence[float], count: int) -> Value:
        """Mean and deviation of what the sets gave.

        Raises:
            ValueError: there are no values.

        >>> Value.of([0.5, 1.0], 100)
        Value(mean=0.75, deviation=0.3535533905932738, values=(0.5, 1.0), count=100)
        """
        if not values:
            raise ValueError("a figure needs at least one value")
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
        """The value that :meth:`as_json` wrote.

        Raises:
            ValueError: it is something else.
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
