"""BLEU, Self-BLEU and distinct n-grams of token lists, computed for whole files at once."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from ...evaluation.distribution import TooFewSamples

ORDERS = (2, 3, 4, 5)
EPSILON = 0.1
"""Replaces a count of zero (NLTK's smoothing method 1; Chen & Cherry 2014, section 2)."""

Line = Sequence[Hashable]
"""A line as a list of tokens: words, or any other hashable units."""


class _Counts(NamedTuple):
    """Counts of the n-grams of one order: an entry for each pair of a line and an n-gram in it.

    ``kinds`` is the number of distinct n-grams.
    """

    line_P: Int[np.ndarray, " P"]
    gram_P: Int[np.ndarray, " P"]
    count_P: Int[np.ndarray, " P"]
    kinds: int


def bleu(
    hypotheses: Sequence[Line], references: Sequence[Line], orders: Sequence[int] = ORDERS
) -> dict[int, float]:
    """Return the mean BLEU of lines, each scored against all references, for each order.

    This equals NLTK's ``sentence_bleu`` with uniform weights up to the order and smoothing method
    1: a line that shares no word with the references scores 0; the brevity penalty uses the
    closest reference length, the shorter of two equally close ones.

    Args:
        hypotheses: the lines.
        references: real lines. BLEU rises with their number: compare only equal numbers.
        orders: lengths of the longest n-grams.

    Raises:
        TooFewSamples: there are no lines, or no references.

    References:
        Papineni et al. 2002, *BLEU*.
    """
    if not hypotheses or not references:
        raise TooFewSamples("BLEU needs at least one line and one reference")
    lines = [*hypotheses, *references]
    first = len(hypotheses)
    matched: list[np.ndarray] = []
    for counts in _counted(lines, max(orders)):
        of_reference = counts.line_P >= first
        most_G = np.zeros(counts.kinds, np.int64)
        np.maximum.at(most_G, counts.gram_P[of_reference], counts.count_P[of_reference])
        asked = ~of_reference
        clipped_P = np.minimum(counts.count_P[asked], most_G[counts.gram_P[asked]])
        matched.append(_sums(counts.line_P[asked], clipped_P, first))
    length_N = np.array([len(line) for line in hypotheses])
    known = np.unique([len(line) for line in references])
    return _means(matched, length_N, _closest(length_N, known), orders)


def self_bleu(hypotheses: Sequence[Line], orders: Sequence[int] = ORDERS) -> dict[int, float]:
    """Return the mean BLEU of each line against all other lines, for each order.

    It is high if lines repeat each other. A line is never its own reference. Self-BLEU rises with
    the number of lines: compare only equal numbers.

    Args:
        hypotheses: the lines.
        orders: lengths of the longest n-grams.

    Raises:
        TooFewSamples: there are fewer than two lines.

    References:
        Zhu et al. 2018, *Texygen*, section 3.
    """
    if len(hypotheses) < 2:
        raise TooFewSamples("Self-BLEU needs at least two lines")
    matched: list[np.ndarray] = []
    for counts in _counted(hypotheses, max(orders)):
        # Find the highest and second-highest count of each n-gram. A line is compared with the
        # highest, or with the second-highest if the highest is its own.
        order_P = np.lexsort((-counts.count_P, counts.gram_P))
        gram_P, count_P = counts.gram_P[order_P], counts.count_P[order_P]
        start_G = np.flatnonzero(np.diff(gram_P, prepend=-1))
        most_G, owner_G = count_P[start_G], counts.line_P[order_P][start_G]
        several_G = np.diff(np.append(start_G, len(gram_P))) > 1
        second_G = np.where(several_G, np.append(count_P, 0)[start_G + 1], 0)
        own = owner_G[counts.gram_P] == counts.line_P
        most_P = np.where(own, second_G[counts.gram_P], most_G[counts.gram_P])
        clipped_P = np.minimum(counts.count_P, most_P)
        matched.append(_sums(counts.line_P, clipped_P, len(hypotheses)))
    length_N = np.array([len(line) for line in hypotheses])
    known, how_many = np.unique(length_N, return_counts=True)
    closest_N = _closest(length_N, known)
    for alone in known[how_many == 1]:
        # The only line of its length must not be compared with its own length.
        others = known[known != alone]
        closest_N[length_N == alone] = _closest(np.array([alone]), others)
    return _means(matched, length_N, closest_N, orders)


def distinct(lines: Sequence[Line], orders: Sequence[int] = (1, 2, 3)) -> dict[int, float]:
    """Return the share of distinct n-grams among all n-grams of the lines, for each order.

    It falls with the number of lines: compare only equal numbers. It is 0 if no line is long
    enough.

    Args:
        lines: the lines.
        orders: lengths of the n-grams.

    References:
        Li et al. 2016, *A Diversity-Promoting Objective Function*, section 5 (there relative to
        all words).

    >>> distinct(["to be or not to be".split(), "to do".split()])
    {1: 0.625, 2: 0.8333333333333334, 3: 1.0}
    """
    counted = _counted(lines, max(orders))
    totals = {n: int(counted[n - 1].count_P.sum()) for n in orders}
    return {n: counted[n - 1].kinds / max(totals[n], 1) for n in orders}


def _counted(lines: Sequence[Line], longest: int) -> list[_Counts]:
    """Count the n-grams of each line, for n from 1 to ``longest``."""
    numbers: dict[Hashable, int] = {}
    flat = [numbers.setdefault(token, len(numbers)) for line in lines for token in line]
    token_T = np.array(flat, np.int64)
    length_N = np.array([len(line) for line in lines])
    line_T = np.repeat(np.arange(len(lines)), length_N)
    end_T = np.repeat(np.cumsum(length_N), length_N)
    place_T = np.arange(len(token_T))
    gram_T = token_T
    found = []
    for n in range(1, longest + 1):
        if n > 1:
            # An n-gram is the (n - 1)-gram that starts at the same place, plus the next token.
            fits = place_T + n <= end_T[place_T]
            place_T, gram_T = place_T[fits], gram_T[fits]
            gram_T = gram_T * max(len(numbers), 1) + token_T[place_T + n - 1]
        kinds, gram_T = np.unique(gram_T, return_inverse=True)
        width = max(len(kinds), 1)
        pair_P, count_P = np.unique(line_T[place_T] * width + gram_T, return_counts=True)
        found.append(_Counts(pair_P // width, pair_P % width, count_P, len(kinds)))
    return found


def _sums(
    line_P: Int[np.ndarray, " P"], count_P: Int[np.ndarray, " P"], lines: int
) -> Float[np.ndarray, " N"]:
    """Add up the counts of each line."""
    return np.bincount(line_P, count_P, lines).astype(np.float64)


def _closest(
    length_N: Int[np.ndarray, " N"], known: Int[np.ndarray, " K"]
) -> Int[np.ndarray, " N"]:
    """Return the closest of the known lengths (sorted) for each length; ties go to the shorter."""
    above_N = np.searchsorted(known, length_N).clip(max=len(known) - 1)
    below_N = (above_N - 1).clip(min=0)
    nearer = np.abs(known[above_N] - length_N) < np.abs(known[below_N] - length_N)
    return np.where(nearer, known[above_N], known[below_N])


def _means(
    matched: Sequence[Float[np.ndarray, " N"]],
    length_N: Int[np.ndarray, " N"],
    closest_N: Int[np.ndarray, " N"],
    orders: Sequence[int],
) -> dict[int, float]:
    """Average the geometric mean of precisions times the brevity penalty over the lines."""
    log_precisions = []
    for n, matched_N in enumerate(matched, start=1):
        possible_N = (length_N - n + 1).clip(min=1)
        log_precisions.append(np.log(np.where(matched_N > 0, matched_N, EPSILON) / possible_N))
    with np.errstate(divide="ignore", invalid="ignore"):
        shorter_N = np.where(length_N > closest_N, 0.0, 1 - closest_N / length_N)
    some_N = matched[0] > 0
    return {
        n: float(np.where(some_N, np.exp(shorter_N + np.mean(log_precisions[:n], 0)), 0.0).mean())
        for n in orders
    }
