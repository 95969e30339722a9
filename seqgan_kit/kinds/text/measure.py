"""The judge and the metrics of text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from ...data.dataset import Dataset
from ...evaluation.copying import copied_runs
from ...evaluation.distribution import NotMeasurable
from ...evaluation.figures import Figure
from ...evaluation.judge import Judge
from ...kind import Measure
from ...recipe import Recipe
from . import brackets, peptides
from .brackets import BracketFigures
from .codec import text_codec
from .figure_table import FIGURES
from .figures import OwnFigures, TextFigures
from .judge import WordJudge
from .loading import known_oracle
from .oracle import Oracle
from .peptides import PeptideFigures
from .schema import OracleData, TextEvaluation
from .units import Units, unit_items


class Field(NamedTuple):
    """What the field of some data measures, beside the figures of text.

    Attributes:
        figures: their descriptions.
        measure: from training and test lines to what measures samples.
    """

    figures: Sequence[Figure]
    measure: Callable[[Tensor, Tensor], OwnFigures]


FIELDS: Mapping[str, Field] = {
    "peptides": Field(
        peptides.FIGURES,
        lambda training, test: PeptideFigures(training=training, reference=test).measure,
    ),
    "brackets": Field(brackets.FIGURES, lambda training, test: BracketFigures(test).measure),
}
"""For each value of ``evaluation.descriptors``."""


def measure(recipe: Recipe, dataset: Dataset, note: str) -> Measure:
    """Return the judge and the metrics of text items.

    Args:
        recipe: defines the units of text.
        dataset: the data.
        note: on the metrics, with the fields ``{test}`` and ``{units}``.
    """
    settings = recipe.evaluation
    assert isinstance(settings, TextEvaluation), "text recipes have this section"
    units = settings.units
    items = partial(unit_items, units=units)
    described = None if settings.descriptors is None else FIELDS[settings.descriptors]

    def own(training: Tensor, test: Tensor, judge: Judge) -> TextFigures:
        score = None
        if isinstance(recipe.data, OracleData):
            score = _oracle_score(known_oracle(recipe.data), units)
        field = None if described is None else described.measure(training, test)
        return TextFigures(training=training, reference=test, score=score, field=field)

    return Measure(
        key=f"words-2-{units}",
        judge=lambda _, classes: WordJudge(classes=classes),
        real=lambda raw: items(list(raw)),
        made=lambda decoded, codec: items(text_codec(codec).strings(decoded)),
        figures=(*FIGURES, *(() if described is None else described.figures)),
        own=own,
        copied=copied_runs,
        settings={"descriptors": settings.descriptors} if settings.descriptors else {},
        notes=[note.format(test=len(dataset.parts["test"]), units=units)],
    )


def _oracle_score(known: Oracle, units: Units) -> Callable[[Tensor], Tensor]:
    """Return a function that scores items under the data's language model, in nats per token."""
    words = [str(number) for number in range(known.vocabulary)]
    number_V, id_V = unit_items(words, units)[:, 0].sort()

    def score(items: Tensor) -> Tensor:
        place = torch.searchsorted(number_V, items).clamp(max=len(number_V) - 1)
        if not bool((number_V[place] == items).all()):
            raise NotMeasurable(
                f"the oracle can only score lines of whole numbers below {len(number_V)}, all of "
                "the same length: remove all other samples"
            )
        return known.nats(id_V[place])

    return score
