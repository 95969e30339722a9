"""The judge and the metrics of series."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import Tensor

from ...data.dataset import Dataset
from ...data.unequal import padded
from ...evaluation.copying import copied_windows
from ...evaluation.judge import Judge
from ...kind import Measure
from ...recipe import Recipe
from .channel_figures import channel_figures
from .continuing import FIGURES as CONTINUATION
from .figure_table import FIGURES
from .figures import Scale, SeriesFigures, SeriesJudge
from .forms import own_range
from .learning import learn_series
from .schema import SeriesCodecRecipe, SeriesEvaluation, Sort
from .summary import LARGELY

PARTS = 4
"""Windows that the longest series has, where copies of parts are looked for."""


def measure(recipe: Recipe, dataset: Dataset) -> Measure:
    """Return the judge and the metrics of series."""
    settings = recipe.evaluation
    assert isinstance(settings, SeriesEvaluation), "recipes of series have this section"
    scale = scale_of(dataset)
    sorts: dict[str, Sort] = dict.fromkeys(dataset.categories, "categorical")
    if isinstance(recipe.codec, SeriesCodecRecipe):
        sorts |= recipe.codec.channels
    parts = [part.items[: len(part)] for part in dataset.parts.values()]
    double = any(one.dtype == np.float64 for items in parts for one in items)
    longest = max((len(one) for items in parts for one in items), default=1)

    far = beyond_training(dataset)
    notes = [
        "Memorisation is not measured: it compares samples with test series by their distance to "
        f"the training part, and {100 * far:.0f} % of the test values lie beyond the range of "
        "that part (data.split=random or blocks mixes the times of windows)."
    ]

    def real(raw: np.ndarray) -> Tensor:
        if not len(raw):
            return torch.zeros(0, longest, len(dataset.channels))
        return padded(list(raw), longest, double=double)

    def own(training: Tensor, test: Tensor, judge: Judge) -> SeriesFigures:
        return SeriesFigures(
            training=training,
            reference=test,
            scale=scale,
            score_steps=settings.score_steps,
            channels=dataset.channels,
            sorts=sorts,
        )

    def copied(items: Tensor, samples: Tensor, reference: Tensor) -> np.ndarray:
        width = max(longest // PARTS, 2)
        return copied_windows(scale(items), scale(samples), scale(reference), width=width)

    return Measure(
        key="series-1",
        judge=lambda _, classes: SeriesJudge(classes=classes, scale=scale),
        real=real,
        made=lambda decoded, _: decoded,
        vectors=partial(scale.vectors, steps=longest),
        figures=(*FIGURES, *channel_figures(dataset.channels, sorts), *CONTINUATION),
        own=own,
        copied=copied,
        settings={"score_steps": settings.score_steps, "channels": 1, "sorts": sorts},
        notes=[
            "Scores, discrepancy and distances of series compare a set of samples with all "
            f"{len(dataset.parts['test'])} test series. The row of real data has as many training "
            "series in place of samples, if there are enough. It is not a lower bound if training "
            "and test series differ systematically.",
            *(notes if far > LARGELY else []),
        ],
        unclaimed=("memorised",) if far > LARGELY else (),
    )


def beyond_training(dataset: Dataset) -> float:
    """Return the share of test values beyond the range of the training part, in the channel where
    it is largest; 0 if there is no test part."""
    training, test = (dataset.parts[name] for name in ("training", "test"))
    if not len(test):
        return 0.0
    known_SC, value_SC = (np.concatenate(list(p.items[: len(p)])) for p in (training, test))
    centre_C, reach_C = own_range(known_SC.astype(np.float64), "min-max", 0.0)
    return float((np.abs(value_SC - centre_C) > reach_C).mean(0).max())


def scale_of(dataset: Dataset) -> Scale:
    """Return the units in which series are measured, independent of the model's codec."""
    learned = learn_series(
        dataset.parts["training"].items,
        channels=dataset.channels,
        normalize="standard",
        deviations=1.0,
        max_length=None,
    )
    return Scale(learned["centre"], learned["scale"])
