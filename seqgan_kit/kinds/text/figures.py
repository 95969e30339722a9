"""The figures of lines of text that need no judge."""

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

Score = Callable[[Int[Tensor, "N L"]], Float[Tensor, " N"]]
"""Gives for each line its negative log-likelihood, in nats a token, under what the data came
from."""


class TextFigures:
    """Samples of text beside the lines that they were learnt from and beside held-out ones.

    Lines are rows of units, see :func:`~seqgan_kit.kinds.text.units.unit_items`; any number of
    sample sets is measured, of any width.

    Args:
        training: the lines that the model has seen.
        reference: real lines that it has not: the whole test part.
        score: where it is known what the data came from, its verdict on lines.

    Raises:
        TooFewSamples: a part has no line.
        NotMeasurable: no training line has a unit.
    """

    def __init__(
        self,
        *,
        training: Int[Tensor, "M L"],
        reference: Int[Tensor, "R W"],
        score: Score | None = None,
    ) -> None:
        if not len(training) or not len(reference):
            raise TooFewSamples("figures of text need at least one training and one test line")
        self._training = training
        self._reference = reference
        self._score = score
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
        """The figures of one set of samples.

        Args:
            samples: lines; most figures change with their number, so compare equal numbers only.
            label_NA: what they were asked to be, which no figure here depends on.

        Raises:
            TooFewSamples: fewer than two lines.
        """
        return self._variety(samples) | self._novelty(samples)

    def real(self, count: int, seed: int = 0) -> tuple[dict[str, float], int]:
        """The ceiling: the figures of real lines in the place of samples.

        Training lines are held against the test part, which no test line can be: each is its own
        best reference. What asks for copies of training lines, and the oracle, is shown the test
        part.

        Args:
            count: how many training lines: as many as there are samples beside them.
            seed: of their choice.

        Returns:
            The figures, and how many training lines there were for them.
        """
        order = np.random.default_rng(seed).permutation(len(self._training))[:count]
        chosen = self._training[torch.from_numpy(np.sort(order))]
        return self._variety(chosen) | self._novelty(self._reference), len(chosen)

    def noise(self, count: int, seed: int) -> Int[Tensor, "N L"]:
        """So many lines of the units of the training lines, each with the same chance.

        Args:
            count: lines, as long as those of the test part are.
            seed: of lengths and units.
        """
        rng = torch.Generator().manual_seed(seed)
        length_N = self._length_R[torch.randint(len(self._length_R), (count,), generator=rng)]
        width = max(int(length_N.max()), 1)
        choice_NL = torch.randint(len(self._vocabulary_V), (count, width), generator=rng)
        exists_NL = torch.arange(width) < length_N[:, None]
        return torch.where(exists_NL, self._vocabulary_V[choice_NL], PADDING)

    def _variety(self, samples: Tensor) -> dict[str, float]:
        """How the lines compare with the test part, and with each other."""
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
        """How much of the lines stands in the training lines, and what the oracle says."""
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
    """For each line the length of its longest n-gram that stands in a training line.

    All suffixes of all lines are sorted, by comparing stretches that double in length. No training
    suffix has more in common with a given one than the nearest before it or the nearest after it.

    Args:
        lines: the lines, without padding.
        training: the training lines, at least one.

    References:
        Manber & Myers 1993, *Suffix arrays: a new method for on-line string searches*.
    """
    parts = [*lines, *training]
    length_P = np.array([len(part) for part in parts])
    # A separator ends each line. Behind it anything may seem to be in common, and is not counted.
    unit_T = np.array([unit for part in parts for unit in (*part, PADDING)], np.int64)
    left_T = np.repeat(np.cumsum(length_P + 1) - 1, length_P + 1) - np.arange(len(unit_T))

    # levels_T[k] ranks the stretches of 2**k units by where they begin.
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
