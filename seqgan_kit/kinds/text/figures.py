"""The text metrics that need no judge."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ...evaluation.distribution import NotMeasurable, TooFewSamples
from ...evaluation.lengths import length_distance
from .bleu import bleu, distinct, self_bleu
from .units import PADDING, as_lists, lengths

OwnFigures = Callable[[Int[Tensor, "N L"]], dict[str, float]]
"""Measures a set of lines by what the field of the data measures."""

Score = Callable[[Int[Tensor, "N L"]], Float[Tensor, " N"]]
"""Returns the negative log-likelihood of each line, in nats per token, under the model that
generated the data."""


class TextFigures:
    """Metrics of text samples, measured against training lines and held-out lines.

    Lines are rows of units, see :func:`~seqgan_kit.kinds.text.units.unit_items`; any number of
    sample sets can be measured, each of any width.

    Args:
        training: lines the model was trained on.
        reference: real lines it has not seen: the whole test part.
        score: the likelihood under the model that generated the data, if that is known.
        field: measures what the field of the data measures.

    Raises:
        TooFewSamples: there are no training lines, or no test lines.
        NotMeasurable: all training lines are empty.
    """

    def __init__(
        self,
        *,
        training: Int[Tensor, "M L"],
        reference: Int[Tensor, "R W"],
        score: Score | None = None,
        field: OwnFigures | None = None,
    ) -> None:
        if not len(training) or not len(reference):
            raise TooFewSamples("text metrics need at least one training and one test line")
        self._training = training
        self._reference = reference
        self._score = score
        self._field = field
        self._references = as_lists(reference)
        self._seen = as_lists(training)
        self._copies = set(map(tuple, self._seen))
        self._length_R = lengths(reference)
        self._vocabulary_V = training[training != PADDING].unique()
        if not len(self._vocabulary_V):
            raise NotMeasurable("all training lines are empty: there is nothing to compare with")

    def measure(
        self, samples: Int[Tensor, "N L"], label_NA: np.ndarray | None = None
    ) -> dict[str, float]:
        """Measure one set of samples.

        Args:
            samples: lines; most metrics depend on their number, so compare only equal numbers.
            label_NA: the requested labels; no metric here depends on them.

        Raises:
            TooFewSamples: there are fewer than two lines.
        """
        return self._variety(samples) | self._novelty(samples) | self._of_field(samples)

    def real(self, count: int, seed: int = 0) -> tuple[dict[str, float], int]:
        """Compute the ceiling: the same metrics with real lines in place of samples.

        Training lines are compared with the test part, because a test line would be its own best
        reference. The metrics of copying and the oracle's likelihood use the test lines.

        Args:
            count: number of training lines: as many as the samples they are compared with.
            seed: random seed for choosing training lines.

        Returns:
            The metrics, and the number of training lines used.
        """
        order = np.random.default_rng(seed).permutation(len(self._training))[:count]
        chosen = self._training[torch.from_numpy(np.sort(order))]
        figures = self._variety(chosen) | self._novelty(self._reference)
        return figures | self._of_field(chosen), len(chosen)

    def noise(self, count: int, seed: int) -> Int[Tensor, "N L"]:
        """Draw lines of units chosen uniformly from those of the training lines.

        Args:
            count: number of lines; their lengths are drawn from the test lines.
            seed: random seed of lengths and units.
        """
        rng = torch.Generator().manual_seed(seed)
        length_N = self._length_R[torch.randint(len(self._length_R), (count,), generator=rng)]
        width = max(int(length_N.max()), 1)
        choice_NL = torch.randint(len(self._vocabulary_V), (count, width), generator=rng)
        exists_NL = torch.arange(width) < length_N[:, None]
        return torch.where(exists_NL, self._vocabulary_V[choice_NL], PADDING)

    def _of_field(self, samples: Tensor) -> dict[str, float]:
        return {} if self._field is None else self._field(samples)

    def _variety(self, samples: Tensor) -> dict[str, float]:
        """Compare the lines with the test part, and with each other."""
        lines = as_lists(samples)
        figures: dict[str, float] = {}
        for name, by_order in (
            ("bleu", bleu(lines, self._references)),
            ("self_bleu", self_bleu(lines)),
            ("distinct", distinct(lines)),
        ):
            figures |= {f"{name}_{order}": value for order, value in by_order.items()}
        figures["unique"] = len(set(map(tuple, lines))) / len(lines)
        figures["length_distance"] = length_distance(lengths(samples), self._length_R)
        return figures

    def _novelty(self, samples: Tensor) -> dict[str, float]:
        """Measure how much is copied from training lines, and the oracle's likelihood."""
        lines = as_lists(samples)
        longest_N = longest_copied(lines, self._seen)
        share_N = longest_N / lengths(samples).numpy().clip(min=1)
        figures = {
            "copied": float(np.mean([tuple(line) in self._copies for line in lines])),
            "longest_copied": float(longest_N.mean()),
            "copied_share": float(share_N.mean()),
        }
        if self._score is not None:
            figures["oracle_nats"] = float(self._score(samples).double().mean())
        return figures


def longest_copied(
    lines: Sequence[Sequence[int]], training: Sequence[Sequence[int]]
) -> Int[np.ndarray, " N"]:
    """Return the length of each line's longest n-gram that occurs in a training line.

    The suffixes of all lines are sorted by prefix doubling. In this order, the training suffix
    that shares the longest prefix with a suffix is the nearest one before or after it.

    Args:
        lines: the lines, without padding.
        training: the training lines, at least one.

    References:
        Manber & Myers 1993, *Suffix arrays: a new method for on-line string searches*.
    """
    parts = [*lines, *training]
    length_P = np.array([len(part) for part in parts])
    # A separator ends each line. Units in common after it are not counted.
    unit_T = np.array([unit for part in parts for unit in (*part, PADDING)], np.int64)
    left_T = np.repeat(np.cumsum(length_P + 1) - 1, length_P + 1) - np.arange(len(unit_T))

    # levels_T[k] holds, for each position, the rank of the 2**k units that start there.
    levels_T = [np.unique(unit_T, return_inverse=True)[1]]
    while 2 ** (len(levels_T) - 1) < length_P.max():
        first_T, half = levels_T[-1], 2 ** (len(levels_T) - 1)
        then_T = np.pad(first_T[half:], (0, min(half, len(first_T))))
        levels_T.append(np.unique(first_T * len(first_T) + then_T, return_inverse=True)[1])

    order_T = np.argsort(levels_T[-1], kind="stable")
    own_T = order_T < (length_P[: len(lines)] + 1).sum()
    place_S, training_Q = order_T[own_T], order_T[~own_T]
    before_S = np.cumsum(~own_T)[own_T]
    line_S = np.repeat(np.arange(len(lines)), length_P[: len(lines)] + 1)[place_S]
    longest_N = np.zeros(len(lines), np.int64)
    for nearest_S in (before_S - 1, before_S):
        other_S = training_Q[nearest_S.clip(0, len(training_Q) - 1)]
        common_S = np.zeros(len(place_S), np.int64)
        for power, rank_T in reversed(list(enumerate(levels_T))):
            a_S, b_S = ((at + common_S).clip(max=len(rank_T) - 1) for at in (place_S, other_S))
            common_S += 2**power * (rank_T[a_S] == rank_T[b_S])
        np.maximum.at(longest_N, line_S, np.minimum(common_S, left_T[place_S]))
    return longest_N
