"""How audio is judged and measured."""

from __future__ import annotations

from functools import partial

from torch import Tensor

from ...data.dataset import Dataset
from ...data.unequal import padded
from ...evaluation.distribution import NotMeasurable
from ...evaluation.judge import Judge
from ...kind import Measure
from ...recipe import Recipe
from .figure_table import FIGURES
from .figures import AudioFigures
from .judge import SoundJudge, mel_vectors
from .listening import DIGITS, hear_digits, rate_quality
from .loading import clip_settings
from .schema import AudioEvaluation


def measure(recipe: Recipe, dataset: Dataset) -> Measure:
    """Return how clips are judged and measured.

    Raises:
        NotMeasurable: a recogniser of digits is asked to listen to something else.
    """
    clips = clip_settings(recipe.data)
    rate, samples = clips.sample_rate, clips.max_samples
    settings = recipe.evaluation
    assert isinstance(settings, AudioEvaluation), "recipes of audio have this section"

    def own(training: Tensor, test: Tensor, judge: Judge) -> AudioFigures:
        words = next(iter(dataset.labels.values()))
        if settings.listen and not set(words) <= set(DIGITS):
            raise NotMeasurable(
                "evaluation.listen: the recogniser knows the digits 0 to 9, and the first "
                f"attribute has {', '.join(words[:10])}"
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

    return Measure(
        key="sound-2",
        judge=lambda _, classes: SoundJudge(classes=classes, sample_rate=rate, samples=samples),
        real=lambda raw: padded(list(raw), samples),
        made=lambda decoded, _: decoded,
        vectors=partial(mel_vectors, sample_rate=rate, samples=samples),
        lossy=True,
        figures=FIGURES,
        own=own,
        settings={"listen": settings.listen, "quality": settings.quality},
        notes=[
            "Loudness, silence, full scale and what a recogniser hears are, for the row of real "
            f"data, those of all {len(dataset.parts['test'])} test clips; its distance of lengths "
            "is that of training clips."
        ],
    )
