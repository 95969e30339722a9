"""How text is judged and measured."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from ...data.dataset import Dataset
from ...evaluation.distribution import NotMeasurable
from ...evaluation.judge import Judge
from ...kind import Measure
from ...recipe import Recipe
from .codec import text_codec
from .figure_table import FIGURES
from .figures import TextFigures
from .judge import WordJudge
from .loading import known_oracle
from .oracle import Oracle
from .schema import OracleData, TextEvaluation
from .units import Units, unit_items


def measure(recipe: Recipe, dataset: Dataset, note: str) -> Measure:
    """Return how items of text are judged and measured.

    Args:
        recipe: says what a unit of text is.
        dataset: the data.
        note: on the figures, with places for ``{test}`` and ``{units}``.
    """
    settings = recipe.evaluation
    assert isinstance(settings, TextEvaluation), "recipes of text have this section"
    units = settings.units
    items = partial(unit_items, units=units)

    def own(training: Tensor, test: Tensor, judge: Judge) -> TextFigures:
        score = None
        if isinstance(recipe.data, OracleData):
            score = _oracle_score(known_oracle(recipe.data), units)
        return TextFigures(training=training, reference=test, score=score)

    return Measure(
        key=f"words-1-{units}",
        judge=lambda _, classes: WordJudge(classes=classes),
        real=lambda raw: items(list(raw)),
        made=lambda decoded, codec: items(text_codec(codec).strings(decoded)),
        figures=FIGURES,
        own=own,
        notes=[note.format(test=len(dataset.parts["test"]), units=units)],
    )


def _oracle_score(known: Oracle, units: Units) -> Callable[[Tensor], Tensor]:
    """Nats a token of items under the language model that the data come from."""
    words = [str(number) for number in range(known.vocabulary)]
    number_V, id_V = unit_items(words, units)[:, 0].sort()

    def score(items: Tensor) -> Tensor:
        place = torch.searchsorted(number_V, items).clamp(max=len(number_V) - 1)
        if not bool((number_V[place] == items).all()):
            raise NotMeasurable(
                f"the oracle knows lines of equal length of whole numbers below {len(number_V)}, "
                "and some samples are others"
            )
        return known.nats(id_V[place])

    return score
