"""What the samples of a run are worth, beside the same figures of real data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from .distribution import TooFewSamples, frechet_distance, spread_inside_class
from .judge import ImageJudge, look


@dataclass(frozen=True)
class Figures:
    """The figures of one set of samples.

    Attributes:
        samples: how many were measured.
        label_accuracy: share whose label the judge recognises (GAN-test).
        spread: distance of two samples of a class, relative to real ones: 1 is as varied as real
            data, 0 is one sample a class.
        frechet_judge_distance: Frechet distance to real test data in the judge's features. Not an
            FID: other features.
    """

    samples: int
    label_accuracy: float
    spread: float
    frechet_judge_distance: float


@dataclass(frozen=True)
class Evaluation:
    """The figures of a run beside those of real data that were held out of everything.

    Attributes:
        generated: of the samples.
        real: of real test data, the ceiling: one half of the test part against the other.
        reference: how many real test items the distances are measured to.
        judge_accuracy: of the judge on the whole test part.
    """

    generated: Figures
    real: Figures
    reference: int
    judge_accuracy: float

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Reference:
    """Real test data, judged once, that any number of sample sets are compared with.

    The test part is cut at random into two halves: the samples are compared with the first, and
    the second shows what the same comparison gives for real data.

    Args:
        judge: the judge.
        items: decoded test items ``[N, height, width, channels]``.
        label_NA: their labels.
        seed: of the cut.
    """

    def __init__(
        self, judge: ImageJudge, items: Tensor, label_NA: Int[np.ndarray, "N A"], seed: int = 0
    ) -> None:
        if len(items) < 4:
            raise TooFewSamples(
                f"the test part has {len(items)} items; an evaluation needs at least 4"
            )
        self.judge = judge
        order_N = np.random.default_rng(seed).permutation(len(items))
        self.first, self.second = np.array_split(order_N, 2)
        self.label_NA = label_NA
        self.verdict = look(judge, items)
        self.flat_NF = items.flatten(1).numpy()
        self.spread = self._spread(self.flat_NF[self.first], label_NA[self.first])

    def labels_for(self, count: int) -> Int[np.ndarray, "N A"]:
        """Labels for ``count`` samples, in the proportions of the reference."""
        return np.resize(self.label_NA[self.first], (count, self.label_NA.shape[1]))

    def compare(self, samples: Tensor, label_NA: Int[np.ndarray, "N A"]) -> Evaluation:
        """The figures of decoded samples ``[N, height, width, channels]``."""
        verdict = look(self.judge, samples)
        generated = self._figures(
            verdict.accuracy(label_NA),
            self._spread(samples.flatten(1).numpy(), label_NA),
            verdict.features_NF,
        )
        other = self.second
        hit_N = (self.verdict.label_NA[other] == self.label_NA[other]).all(1)
        real = self._figures(
            float(hit_N.mean()),
            self._spread(self.flat_NF[other], self.label_NA[other]),
            self.verdict.features_NF[other],
        )
        return Evaluation(generated, real, len(self.first), self.verdict.accuracy(self.label_NA))

    def _figures(
        self, accuracy: float, spread: float, features_NF: Float[np.ndarray, "N F"]
    ) -> Figures:
        return Figures(
            samples=len(features_NF),
            label_accuracy=accuracy,
            spread=spread / self.spread,
            frechet_judge_distance=frechet_distance(
                features_NF, self.verdict.features_NF[self.first]
            ),
        )

    def _spread(self, flat_NF: np.ndarray, label_NA: np.ndarray) -> float:
        _, class_N = np.unique(label_NA, axis=0, return_inverse=True)
        return spread_inside_class(flat_NF, class_N.ravel())


ROWS: Mapping[str, str] = {
    "label_accuracy": "label accuracy (higher)",
    "spread": "spread inside a class (1 is real)",
    "frechet_judge_distance": "Frechet judge distance (lower)",
}
"""The figures in the order of the table, with their names for people."""
