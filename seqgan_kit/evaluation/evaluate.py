"""Metrics of samples, with real data and noise as bounds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import torch
from filelock import FileLock
from jaxtyping import Float, Int
from torch import Tensor

from ..files import FileProblem, read_json, write_json
from .distribution import NotMeasurable, TooFewSamples, frechet_distance, spread_inside_class
from .figures import Value, class_figure
from .judge import Judge, Verdict, cache_name, look
from .manifold import Manifold, compare_evenly
from .memorisation import Nearest, closest_pairs, memorised_share, nearest

MEASURE = 5
"""Version of the metrics: increase it when one changes, so that older cached rows are unused."""


class Pairs(NamedTuple):
    """Samples and their nearest training examples: indices and distances."""

    sample_C: Int[np.ndarray, " C"]
    training_C: Int[np.ndarray, " C"]
    distance_C: Float[np.ndarray, " C"]


def flat(items: Tensor) -> Float[Tensor, "N F"]:
    """Return items as vectors, the default of ``flatten``."""
    return items.flatten(1).float()


class Reference:
    """Real test data, judged once and then compared with any number of sample sets.

    The test part is split at random into two halves. Samples are compared with the first half;
    the second half gives the values of real data in the same comparison.

    Args:
        judge: the judge.
        items: decoded test items ``[N, ...]``, for images ``[N, height, width, channels]``; sets
            of lines ``[N, L]`` may differ in width.
        label_NA: their labels.
        training: the training part after ``flatten``, or a function that returns it on demand.
        seed: seed of the split.
        neighbours: k of precision, recall, density and coverage.
        flatten: maps items to the vectors whose distances spread and memorised use; ``None`` for
            items without vectors, which omits these two.
        noise: returns ``count`` noise items from a random generator; by default uniform values
            from 0 to 1.
        labels: names of the label columns, and of their classes. Of two or more columns, each
            has a metric ``label_accuracy/COLUMN``; each class has one, ``recall/COLUMN=CLASS``.

    Attributes:
        judge_accuracy: accuracy of the judge on the whole test part.
        count: number of real items that samples are compared with.

    Raises:
        TooFewSamples: the test part is too small for two halves.
    """

    def __init__(
        self,
        *,
        judge: Judge,
        items: Float[Tensor, "N ..."] | Int[Tensor, "N ..."],
        label_NA: Int[np.ndarray, "N A"],
        training: Tensor | Callable[[], Tensor],
        seed: int = 0,
        neighbours: int = 5,
        flatten: Callable[[Tensor], Tensor] | None = flat,
        noise: Callable[[int, torch.Generator], Tensor] | None = None,
        labels: Mapping[str, Sequence[str]] = MappingProxyType({}),
    ) -> None:
        if len(items) < 4:
            raise TooFewSamples(
                f"the test part has {len(items)} items; an evaluation needs at least 4"
            )
        self.judge = judge
        self.neighbours = neighbours
        self.flatten = flatten
        shape = items.shape[1:]
        self._noise = noise or (lambda count, rng: torch.rand(count, *shape, generator=rng))
        self._training = training
        self.label_NA = label_NA
        self.first, self.second = np.array_split(
            np.random.default_rng(seed).permutation(len(items)), 2
        )
        self.count = len(self.first)
        self.verdict = look(judge, items)
        self.judge_accuracy = self.verdict.accuracy(label_NA)
        self._labels = labels
        self.flat_NF = None if flatten is None else flatten(items)

    # Computed on demand: only some metrics need these.

    @cached_property
    def training_MF(self) -> Float[Tensor, "M F"]:
        """The training part as vectors."""
        return self._training() if callable(self._training) else self._training

    @cached_property
    def _manifold(self) -> Manifold:
        return Manifold(self.verdict.features_NF[self.first], neighbours=self.neighbours)

    @cached_property
    def _distance_N(self) -> np.ndarray:
        return self._nearest(self._vectors[self.first]).distance_N

    @cached_property
    def _spread_of_labels(self) -> float:
        return self._real_spread(self.label_NA)

    @cached_property
    def _spread_as_judged(self) -> float:
        return self._real_spread(self.verdict.label_NA)

    def _real_spread(self, label_NA: np.ndarray) -> float:
        spread = _spread(self._vectors[self.first], label_NA[self.first])
        if not spread:
            raise NotMeasurable(
                "spread is undefined: it is relative to the spread of real test items, which are "
                "all equal within each class"
            )
        return spread

    def labels_for(self, count: int) -> Int[np.ndarray, "N A"]:
        """Return labels for ``count`` samples, in the proportions of the reference."""
        return np.resize(self.label_NA[self.first], (count, self.label_NA.shape[1]))

    def measure(
        self,
        samples: Float[Tensor, "N ..."] | Int[Tensor, "N ..."],
        label_NA: Int[np.ndarray, "N A"] | None,
    ) -> dict[str, float]:
        """Compute the metrics of one set of decoded samples.

        Args:
            samples: the decoded samples.
            label_NA: their requested labels; ``None`` for an unconditional model, which has no
                label accuracy and gets its classes from the judge.

        Raises:
            TooFewSamples: there are too few for a metric; the message says which.
            NotMeasurable: samples have infinite or NaN values.
        """
        flat_NF = None if self.flatten is None else self.flatten(samples)
        if not bool(torch.isfinite(samples if flat_NF is None else flat_NF).all()):
            raise NotMeasurable(
                "the samples have values that are infinite or not a number: the training has "
                "diverged; use an earlier checkpoint"
            )
        return self._figures(look(self.judge, samples), flat_NF, label_NA)

    def real(self) -> dict[str, float]:
        """Compute the metrics of real data, the second half of the test part, as the ceiling."""
        rest = self.second
        flat_NF = None if self.flat_NF is None else self.flat_NF[rest]
        return self._figures(self.verdict.part(rest), flat_NF, self.label_NA[rest])

    def noise(self, count: int, seed: int) -> dict[str, float]:
        """Compute the metrics of ``count`` noise items, as the floor."""
        return self.measure(self.noise_items(count, seed), self.labels_for(count))

    def noise_items(self, count: int, seed: int) -> Tensor:
        """Draw ``count`` noise items."""
        return self._noise(count, torch.Generator().manual_seed(seed))

    def nearest_pairs(
        self, samples: Float[Tensor, "N ..."] | Int[Tensor, "N ..."], count: int
    ) -> Pairs:
        """Find the ``count`` samples nearest to a training example, the nearest first.

        Raises:
            NotMeasurable: these items have no vectors.
        """
        if self.flatten is None:
            raise NotMeasurable("these items have no vectors, so nearest items are undefined")
        found = self._nearest(self.flatten(samples))
        chosen = closest_pairs(found, count)
        return Pairs(chosen, found.index_N[chosen], found.distance_N[chosen])

    @property
    def _vectors(self) -> Tensor:
        assert self.flat_NF is not None, "only metrics of vectors use them"
        return self.flat_NF

    def _nearest(self, flat_NF: Tensor) -> Nearest:
        device = next(self.judge.parameters()).device
        return nearest(flat_NF, self.training_MF, device=device)

    def _figures(
        self, verdict: Verdict, flat_NF: Tensor | None, label_NA: np.ndarray | None
    ) -> dict[str, float]:
        features_NF = verdict.features_NF
        figures: dict[str, float] = {}
        of_vectors = {} if flat_NF is None else self._of_vectors(verdict, flat_NF, label_NA)
        if label_NA is not None:
            figures |= accuracies("label_accuracy", verdict, label_NA, tuple(self._labels))
        figures["frechet_judge_distance"] = frechet_distance(
            features_NF, self.verdict.features_NF[self.first]
        )
        figures |= self._overlap(features_NF)
        return figures | of_vectors

    def _overlap(self, features_NF: Float[np.ndarray, "N F"]) -> dict[str, float]:
        figures = compare_evenly(features_NF, self._manifold)._asdict()
        recalled_M = figures.pop("recalled_M")
        label_NA = self.label_NA[self.first]
        for column, (attribute, classes) in enumerate(self._labels.items()):
            for number, name in enumerate(classes if len(classes) > 1 else ()):
                of_class_N = (label_NA[:, column] == number) & ~np.isnan(recalled_M)
                if of_class_N.any():
                    share = float(recalled_M[of_class_N].mean())
                    figures[class_figure("recall", attribute, name)] = share
        return figures

    def _of_vectors(
        self, verdict: Verdict, flat_NF: Tensor, label_NA: np.ndarray | None
    ) -> dict[str, float]:
        if label_NA is not None:
            spread = _spread(flat_NF, label_NA) / self._spread_of_labels
        else:
            spread = _spread(flat_NF, verdict.label_NA) / self._spread_as_judged
        distance_N = self._nearest(flat_NF).distance_N
        return {"spread": spread, "memorised": memorised_share(distance_N, self._distance_N)}


def accuracies(
    figure: str, verdict: Verdict, label_NA: np.ndarray, attributes: Sequence[str]
) -> dict[str, float]:
    """Compute the share of items with all attributes recognised, and the share per attribute.

    >>> verdict = Verdict(np.array([[0, 0], [1, 1]]), np.zeros((2, 3)))
    >>> accuracies("label_accuracy", verdict, np.array([[0, 0], [1, 0]]), ["digit", "speaker"])
    {'label_accuracy': 0.5, 'label_accuracy/digit': 1.0, 'label_accuracy/speaker': 0.5}
    """
    found = {figure: verdict.accuracy(label_NA)}
    if len(attributes) > 1:
        for column, name in enumerate(attributes):
            hits_N = verdict.label_NA[:, column] == label_NA[:, column]
            found[f"{figure}/{name}"] = float(hits_N.mean())
    return found


def _spread(flat_NF: Tensor, label_NA: np.ndarray) -> float:
    _, class_N = np.unique(label_NA, axis=0, return_inverse=True)
    return spread_inside_class(flat_NF.numpy(), class_N.ravel())


def combine(sets: Sequence[Mapping[str, float]], count: int) -> dict[str, Value]:
    """Combine the metrics of independent sets of ``count`` samples.

    Raises:
        ValueError: there is no set, or the sets have different metrics.
    """
    if not sets or any(figures.keys() != sets[0].keys() for figures in sets):
        raise ValueError("combine needs one or more sets with the same metrics")
    return {name: Value.of([figures[name] for figures in sets], count) for name in sets[0]}


def cached_rows(
    folder: Path,
    *,
    key: Mapping[str, object],
    compute: Callable[[], dict[str, Any]],
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Return table rows that many runs share, from the cache or computed.

    Args:
        folder: the cache.
        key: everything that the rows depend on, as JSON values.
        compute: returns the rows, as JSON values.
        say: called with a message if the cached file is damaged (it is recomputed).
    """
    key = {**key, "measure": MEASURE}
    path = folder / f"{cache_name(key)}.json"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        try:
            kept = read_json(path)
            if not isinstance(kept, dict) or kept.get("key") != key:
                say(f"Recomputing cached metrics: {path} is damaged (unexpected content).")
            elif kept.get("checksum") == _checksum(kept.get("rows")):
                found: dict[str, Any] = kept["rows"]
                return found
            else:
                say(f"Recomputing cached metrics: {path} has no matching checksum.")
        except FileNotFoundError:
            pass
        except FileProblem as error:
            say(f"Recomputing cached metrics: {error}.")
        rows = compute()
        write_json(path, {"key": key, "rows": rows, "checksum": _checksum(rows)})
    return rows


def _checksum(rows: object) -> str:
    return hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()
