"""How such items are judged and measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..evaluation.copying import BASE, copied_runs
from ..evaluation.evaluate import flat
from ..evaluation.figures import Figure
from ..evaluation.judge import FEATURES, Judge
from ..evaluation.lengths import length_distance
from ..kind import Codec, Measure
from .codec import NOTHING, KnownNumbers, unpadded

EMBEDDING, CHANNELS, WIDTH = 32, 128, 5

Items = Sequence[np.ndarray]
FiguresOf = Callable[[Items, Items], dict[str, float]]


class TokenJudge(Judge):
    """Convolutions over a few steps, of each the maximum over the item, and a hidden layer.

    Args:
        group: numbers of a step.
        classes: classes of each attribute.
        buckets: rows of an embedding, one of them for padding; numbers share those of the others.

    References:
        Kim 2014, *Convolutional Neural Networks for Sentence Classification*, section 2.
    """

    def __init__(self, *, group: int, classes: Sequence[int], buckets: int = 512) -> None:
        super().__init__(classes=classes)
        self.buckets = buckets
        self.embed = nn.ModuleList(
            nn.Embedding(buckets, EMBEDDING, padding_idx=0) for _ in range(group)
        )
        self.see = nn.Conv1d(group * EMBEDDING, CHANNELS, WIDTH, padding=WIDTH // 2)
        self.hide = nn.Sequential(nn.Dropout(0.3), nn.Linear(CHANNELS, FEATURES), nn.ReLU())
        self.decide = nn.Linear(FEATURES, sum(classes))

    def features(self, items: Int[Tensor, "B T G"]) -> Float[Tensor, "B F"]:
        """Features of items; how much padding there is changes nothing."""
        row_BTG = torch.where(items == NOTHING, 0, items % (self.buckets - 1) + 1)
        x_BTE = torch.cat([e(row_BTG[..., place]) for place, e in enumerate(self.embed)], -1)
        seen_BTC = self.see(x_BTE.mT).relu().mT * (row_BTG[..., :1] > 0)
        return self.hide(seen_BTC.amax(1))

    def logits(self, features_BF: Float[Tensor, "B F"]) -> list[Tensor]:
        return list(self.decide(features_BF).split(self.classes, 1))


class SetFigures:
    """Figures of sets of items: lengths, and what a function measures beside the test part.

    Args:
        training: items that a model has seen.
        test: items that it has not.
        codec: knows the numbers that occur.
        of: measures a set beside the test part.
    """

    def __init__(self, training: Tensor, test: Tensor, codec: KnownNumbers, of: FiguresOf) -> None:
        self._training, self._codec, self._of = training, codec, of
        self._test = unpadded(test)
        self._length_R = _lengths(test)

    def measure(self, samples: Tensor, label_NA: np.ndarray | None = None) -> dict[str, float]:
        """Measure a set of items, whatever they were asked to be."""
        distance = length_distance(_lengths(samples), self._length_R)
        return {"length_distance": distance} | self._of(unpadded(samples), self._test)

    def real(self, count: int, seed: int = 0) -> tuple[dict[str, float], int]:
        """Measure training items in place of samples."""
        order = np.random.default_rng(seed).permutation(len(self._training))[:count]
        return self.measure(self._training[torch.from_numpy(order)]), len(order)

    def noise(self, count: int, seed: int) -> Tensor:
        """Return items of known numbers, each with the same chance, as long as test items are."""
        rng = torch.Generator().manual_seed(seed)
        length_N = self._length_R[torch.randint(len(self._length_R), (count,), generator=rng)]
        size = (count, self._codec.steps)
        ids = [torch.randint(len(k), size, generator=rng) + 1 for k in self._codec.known]
        exists_NT = torch.arange(self._codec.steps) < length_N[:, None]
        return self._codec.decode(torch.stack(ids, -1) * exists_NT[..., None], exists_NT)


def _lengths(items: Tensor) -> Tensor:
    return (items[..., 0] != NOTHING).sum(1)


def _copied(*sets: Int[Tensor, "N T G"]) -> np.ndarray:
    """Compare runs of steps: a step of several numbers becomes one, and 0 after the end."""
    rows = []
    for items in sets:
        step_NT = torch.zeros_like(items[..., 0])
        for place in range(items.shape[-1]):
            step_NT = step_NT * int(BASE >> np.uint64(1)) + items[..., place] + 1
        rows.append(step_NT.masked_fill(items[..., 0] == NOTHING, 0))
    return copied_runs(*rows)


def measure(key: str, codec: Codec, figures: Sequence[Figure], of: FiguresOf) -> Measure:
    """Return how items are judged and measured."""
    from .codec import padded

    known = cast(KnownNumbers, codec)
    return Measure(
        key=key,
        judge=lambda _, classes: TokenJudge(group=known.group, classes=classes),
        real=lambda raw: padded(raw, known.steps),
        made=lambda decoded, _: decoded,
        vectors=flat,
        figures=figures,
        copied=_copied,
        own=lambda training, test, _: SetFigures(training, test, known, of),
    )
