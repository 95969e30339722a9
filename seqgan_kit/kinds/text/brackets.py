"""Balanced brackets: a formal language without end, whose lines are right or wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from ...data.dataset import Dataset
from ...evaluation.figures import Figure
from .bleu import distinct
from .drawn import drawn_dataset
from .units import as_lists, unit_number

PAIRS = ("()", "[]", "{}")

FIGURES = (
    Figure(
        "balanced", "balanced lines", "higher",
        "Share of the samples in which every bracket is closed by its own kind, in order.",
    ),
    Figure(
        "distinct_4", "distinct-4", "none",
        "Share of distinct n-grams among all n-grams of the samples, for n = 4; it falls with the "
        "number of samples, so compare only equal numbers.",
    ),
    Figure(
        "depth_distance", "distance of depths", "lower",
        "Wasserstein distance between the depths of the balanced samples and of test lines: how "
        "many brackets are open at once, at most.",
    ),
)  # fmt: skip


def bracket_dataset(
    *, sequences: int, test: int, validation: float, longest: int, seed: int
) -> Dataset:
    """Draw lines of balanced brackets, independent for each part.

    A line has 2 to ``longest`` brackets, any even number with the same probability; of that
    length every way to open and to close has the same probability, as has each kind of bracket
    (:data:`PAIRS`).

    Args:
        sequences: number of training lines.
        test: number of test lines.
        validation: number of additional validation lines, as a share of ``sequences``.
        longest: brackets of the longest line, an even number.
        seed: random seed, from which each part gets its own stream.
    """

    def draw(number: int, count: int) -> list[str]:
        rng = np.random.default_rng((seed, number))
        half_N = rng.integers(1, longest // 2, count, endpoint=True)
        return [line_of(half, rng) for half in half_N.tolist()]

    return drawn_dataset(
        "brackets",
        draw,
        sequences=sequences,
        test=test,
        validation=validation,
        settings=(longest, seed),
    )


def line_of(pairs: int, rng: np.random.Generator) -> str:
    """Draw a line of so many pairs of brackets.

    >>> line_of(4, np.random.default_rng(0))
    '[[]{}{}]'
    """
    step_S = rng.permutation(np.repeat([1, -1], [pairs + 1, pairs]))
    # Of all rotations of a walk of one step more up than down, a single one stays above zero
    # (the cycle lemma; Dvoretzky & Motzkin 1947): without its first step all walks are as likely.
    turn = len(step_S) - 1 - int(np.argmin(step_S.cumsum()[::-1])) + 1
    kinds = iter(rng.integers(0, len(PAIRS), pairs))
    opened: list[str] = []
    written = []
    for step in np.roll(step_S, -turn)[1:]:
        if step == 1:
            opened.append(PAIRS[next(kinds)])
        written.append(opened[-1][0] if step == 1 else opened.pop()[1])
    return "".join(written)


def depth(line: Sequence[int]) -> int | None:
    """Return how many brackets of a line of unit numbers are open at once, at most.

    ``None`` if the line is not balanced.
    """
    closing = {unit_number(pair[1]): unit_number(pair[0]) for pair in PAIRS}
    opening = set(closing.values())
    opened: list[int] = []
    deepest = 0
    for unit in line:
        if unit in opening:
            opened.append(unit)
            deepest = max(deepest, len(opened))
        elif not opened or closing.get(unit) != opened.pop():
            return None
    return None if opened else deepest


class BracketFigures:
    """Whether lines are balanced, how varied they are and how deep, against held-out lines.

    Args:
        reference: test lines.
    """

    def __init__(self, reference: Int[Tensor, "R W"]) -> None:
        self._depth_R = depths(as_lists(reference))

    def measure(self, samples: Int[Tensor, "N L"]) -> dict[str, float]:
        """Measure a set of samples."""
        from scipy.stats import wasserstein_distance

        lines = as_lists(samples)
        depth_N = depths(lines)
        figures = {
            "balanced": float(np.isfinite(depth_N).mean()),
            "distinct_4": distinct(lines, (4,))[4],
        }
        sides = [side[np.isfinite(side)] for side in (depth_N, self._depth_R)]
        # Without a balanced line there is no depth.
        far = wasserstein_distance(*sides) if all(map(len, sides)) else float("nan")
        return figures | {"depth_distance": float(far)}


def depths(lines: Sequence[Sequence[int]]) -> Float[np.ndarray, " N"]:
    """Return the depth of each line; NaN where it is not balanced."""
    found = [depth(line) for line in lines]
    return np.array([float("nan") if one is None else one for one in found], float)
