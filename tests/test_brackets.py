"""Balanced brackets: the language, and whether lines are right."""

from collections import Counter

import numpy as np
import pytest

from seqgan_kit.kinds.text.brackets import FIGURES, BracketFigures, bracket_dataset, depth, line_of
from seqgan_kit.kinds.text.units import as_lists, unit_items


def items(lines):
    return unit_items(lines, "characters")


@pytest.mark.parametrize(
    ("line", "expected"),
    [("()", 1), ("([{}])[]", 3), ("", 0), ("(]", None), (")(", None), ("((", None), ("(a)", None),
     ("())", None)],
)  # fmt: skip
def test_depth(line, expected):
    (row,) = as_lists(items([line]))
    assert depth(row) == expected


def test_every_way_to_close_is_as_likely():
    rng = np.random.default_rng(0)
    one_kind = str.maketrans("[]{}", "()()")
    counts = Counter(line_of(3, rng).translate(one_kind) for _ in range(5000))
    assert set(counts) == {"()()()", "(()())", "()(())", "(())()", "((()))"}
    assert max(counts.values()) < 1.15 * min(counts.values())


def test_the_data_are_right_and_independent():
    dataset = bracket_dataset(sequences=500, test=100, validation=0.1, longest=12, seed=3)
    assert [len(part) for part in dataset.parts.values()] == [500, 50, 100]
    lines = [str(line) for part in dataset.parts.values() for line in part.items[: len(part)]]
    assert all(depth(row) is not None for row in as_lists(items(lines)))
    assert {len(line) for line in lines} == {2, 4, 6, 8, 10, 12}
    assert len({letter for line in lines for letter in line}) == 6
    again, other = (
        bracket_dataset(sequences=500, test=100, validation=0.1, longest=12, seed=seed)
        for seed in (3, 4)
    )
    assert again.fingerprint == dataset.fingerprint != other.fingerprint


def test_figures_see_what_is_off():
    rng = np.random.default_rng(0)
    figures = BracketFigures(items([line_of(6, rng) for _ in range(50)]))
    right = figures.measure(items([line_of(6, rng) for _ in range(50)]))
    assert set(right) == {figure.name for figure in FIGURES}
    assert right["balanced"] == 1
    flat = figures.measure(items(["()()()()", "(]"]))
    assert flat["balanced"] == 0.5
    assert flat["depth_distance"] > right["depth_distance"]
    assert flat["distinct_4"] < right["distinct_4"] * 2
    assert np.isnan(figures.measure(items(["(", "]"]))["depth_distance"])
