"""The judge and the metrics of audio."""

from __future__ import annotations

from functools import partial

import numpy as np
from torch import Tensor

from ...data.dataset import Dataset
from ...data.unequal import padded
from ...evaluation.copying import copied_windows
from ...evaluation.distribution import NotMeasurable
from ...evaluation.judge import Judge
from ...kind import Measure
from ...recipe import Recipe
from .figure_table import FIGURES
from .figures import AudioFigures
from .judge import SoundJudge, level_frames, mel_vectors
from .listening import DIGITS, hear_digits, rate_quality
from .loading import clip_settings
from .schema import AudioEvaluation

WINDOW = 16
"""Frames of a piece of a clip that is looked for in samples: a quarter of a second."""


def measure(recipe: Recipe, dataset: Dataset) -> Measure:
    """Return the judge and the metrics of clips.

    Raises:
        NotMeasurable: ``evaluation.listen`` is set, but the first attribute is not a digit.
    """
    clips = clip_settings(recipe.data)
    rate, samples = clips.sample_rate, clips.max_samples
    settings = recipe.evaluation
    assert isinstance(settings, AudioEvaluation), "audio recipes have this section"

    def own(training: Tensor, test: Tensor, judge: Judge) -> AudioFigures:
        words = next(iter(dataset.labels.values()))
        if settings.listen and not set(words) <= set(DIGITS):
            raise NotMeasurable(
                "evaluation.listen: the recogniser only knows the digits 0 to 9, but the first "
                f"attribute has {', '.join(words[:10])}; set it to false"
            )
        return AudioFigures(
            training=training,
            reference=test,
            label_NA=dataset.parts["test"].label_NA,
            sample_rate=rate,
            judge=judge,
            words=words,
            listen=hear_digits if settings.listen else None,
            rate=rate_quality if settings.quality else None,
        )

    def copied(items: Tensor, samples: Tensor, reference: Tensor) -> np.ndarray:
        sides = (level_frames(one, sample_rate=rate) for one in (items, samples, reference))
        return copied_windows(*sides, width=WINDOW)

    return Measure(
        key="sound-2",
        judge=lambda _, classes: SoundJudge(classes=classes, sample_rate=rate, samples=samples),
        real=lambda raw: padded(list(raw), samples),
        made=lambda decoded, _: decoded,
        vectors=partial(mel_vectors, sample_rate=rate, samples=samples),
        lossy=True,
        figures=FIGURES,
        own=own,
        copied=copied,
        settings={"listen": settings.listen, "quality": settings.quality},
        notes=[
            "In the row of real data, the distance of lengths is that of training clips; the "
            f"other audio metrics are those of all {len(dataset.parts['test'])} test clips."
        ],
    )
