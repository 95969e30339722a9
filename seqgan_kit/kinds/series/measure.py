"""The judge and the metrics of series."""

from __future__ import annotations

from functools import partial

import numpy as np
from torch import Tensor

from ...data.dataset import Dataset
from ...data.unequal import padded
from ...evaluation.judge import Judge
from ...kind import Measure
from ...recipe import Recipe
from .codec import learn_series
from .figure_table import FIGURES
from .figures import Scale, SeriesFigures, SeriesJudge
from .schema import SeriesEvaluation


def measure(recipe: Recipe, dataset: Dataset) -> Measure:
    """Return the judge and the metrics of series."""
    settings = recipe.evaluation
    assert isinstance(settings, SeriesEvaluation), "recipes of series have this section"
    scale = _scale(dataset)
    parts = [part.items[: len(part)] for part in dataset.parts.values()]
    double = any(one.dtype == np.float64 for items in parts for one in items)
    longest = max((len(one) for items in parts for one in items), default=1)

    def own(training: Tensor, test: Tensor, judge: Judge) -> SeriesFigures:
        return SeriesFigures(
            training=training, reference=test, scale=scale, score_steps=settings.score_steps
        )

    return Measure(
        key="series-1",
        judge=lambda _, classes: SeriesJudge(classes=classes, scale=scale),
        real=lambda raw: padded(list(raw), longest, double=double),
        made=lambda decoded, _: decoded,
        vectors=partial(scale.vectors, steps=longest),
        figures=FIGURES,
        own=own,
        settings={"score_steps": settings.score_steps},
        notes=[
            "Scores, discrepancy and distances of series compare a set of samples with all "
            f"{len(dataset.parts['test'])} test series. The row of real data has as many training "
            "series in place of samples, if there are enough. It is not a lower bound if training "
            "and test series differ systematically."
        ],
    )


def _scale(dataset: Dataset) -> Scale:
    """Return the units in which series are measured, independent of the model's codec."""
    learned = learn_series(
        dataset.parts["training"].items,
        channels=dataset.channels,
        normalize="standard",
        deviations=1.0,
        max_length=None,
    )
    return Scale(learned["centre"], learned["scale"])
