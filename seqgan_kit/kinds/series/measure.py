"""How series are judged and measured."""

from __future__ import annotations

from functools import partial

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
    """Return how series are judged and measured."""
    settings = recipe.evaluation
    assert isinstance(settings, SeriesEvaluation), "recipes of series have this section"
    scale = _scale(dataset)
    parts = [part.items[: len(part)] for part in dataset.parts.values()]
    longest = max((len(one) for items in parts for one in items), default=1)

    def own(training: Tensor, test: Tensor, judge: Judge) -> SeriesFigures:
        return SeriesFigures(
            training=training, reference=test, scale=scale, score_steps=settings.score_steps
        )

    return Measure(
        key="series-1",
        judge=lambda _, classes: SeriesJudge(classes=classes, scale=scale),
        real=lambda raw: padded(list(raw), longest),
        made=lambda decoded, _: decoded,
        vectors=partial(scale.vectors, steps=longest),
        figures=FIGURES,
        own=own,
        settings={"score_steps": settings.score_steps},
        notes=[
            "Scores, discrepancy and distances of series compare a set with all "
            f"{len(dataset.parts['test'])} test series; the row of real data is as many training "
            "series, where there are so many. Those of data whose parts differ are no floor."
        ],
    )


def _scale(dataset: Dataset) -> Scale:
    """The units in which series are looked at, whatever the codec of a model does."""
    learned = learn_series(
        dataset.parts["training"].items,
        channels=dataset.channels,
        normalize="standard",
        deviations=1.0,
        max_length=None,
    )
    return Scale(learned["centre"], learned["scale"])
