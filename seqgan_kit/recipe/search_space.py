"""Spaces of settings: grids, and random search (Bergstra & Bengio 2012)."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import UsageError

MOST = 1000
"""Most settings of a search."""

DECADE = 10.0
"""A range of positive numbers that spans this factor is drawn from evenly in its logarithm."""

NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"


class SpaceError(UsageError):
    """The error for a space of settings that cannot be searched."""


@dataclass(frozen=True)
class Axis:
    """A key of the recipe and the values that it may have.

    Attributes:
        key: dotted, as in an override.
        values: the values; empty where there are too many to list.
        low: the least of a range.
        high: the greatest of a range.
    """

    key: str
    values: tuple[str, ...]
    low: float = 0.0
    high: float = 0.0

    def draw(self, generator: np.random.Generator) -> str:
        """Draw a value."""
        if self.values:
            return self.values[generator.integers(len(self.values))]
        low, high = self.low, self.high
        if low > 0 and high >= DECADE * low:
            return f"{math.exp(generator.uniform(math.log(low), math.log(high))):.3g}"
        return f"{generator.uniform(low, high):.3g}"


def parse_axis(text: str) -> Axis:
    """Parse an override with one value, several, or a range.

    >>> parse_axis("train.batch_size=32,64").values
    ('32', '64')
    >>> parse_axis("seed=0..2").values
    ('0', '1', '2')
    >>> parse_axis("data.size=[8,8]").values
    ('[8,8]',)
    >>> parse_axis("train.learning_rate=1e-4..1e-2").high
    0.01

    Raises:
        SpaceError: it has another form, or the range is empty or too long.
    """
    key, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[a-z_]+(\.\w+)*", key) or not value:
        raise SpaceError(f"{text!r}: expected KEY=VALUE, KEY=VALUE,VALUE or KEY=FROM..TO")
    if found := re.fullmatch(rf"({NUMBER})\.\.({NUMBER})", value):
        low, high = float(found[1]), float(found[2])
        if not -math.inf < low < high < math.inf:
            raise SpaceError(f"{text!r}: the range is empty")
        if not all(re.fullmatch(r"[-+]?\d+", end) for end in found.groups()):
            return Axis(key, (), low, high)
        first, last = int(found[1]), int(found[2])
        if last - first >= MOST:
            raise SpaceError(f"{text!r}: at most {MOST} values")
        return Axis(key, tuple(map(str, range(first, last + 1))))
    values = _split(value)
    if "" in values or len(set(values)) < len(values):
        raise SpaceError(f"{text!r}: a value is empty, or there twice")
    return Axis(key, tuple(values))


def _split(text: str) -> list[str]:
    """Split a text at the commas that are in no brackets or quotation marks."""
    parts, depth, quote = [""], 0, ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        depth += (character in "[{") - (character in "]}")
        if character == "," and not depth and not quote:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


Setting = tuple[tuple[str, str], ...]
"""Values by keys."""


def settings(axes: Sequence[Axis], *, trials: int | None, seed: int) -> list[Setting]:
    """Return the settings to try: all of a grid, or some that are drawn at random.

    Args:
        axes: the keys with several values.
        trials: how many to draw; ``None``: all.
        seed: of the draws. The first trials of a seed do not depend on their number.

    Raises:
        SpaceError: there are too many, or a range needs ``trials``.
    """
    endless = [axis.key for axis in axes if not axis.values]
    size = math.prod(len(axis.values) for axis in axes)
    if trials is None:
        if endless:
            raise SpaceError(
                f"{endless[0]} has a range of real numbers: say how many to draw (--trials), or "
                "list values"
            )
        if size > MOST:
            raise SpaceError(f"a grid of {size:,} settings: at most {MOST}, or use --trials")
    if trials is None or (not endless and trials >= size):
        values = itertools.product(*(axis.values for axis in axes))
        return [tuple(zip((axis.key for axis in axes), row, strict=True)) for row in values]
    generator = np.random.default_rng(seed)
    found: dict[Setting, None] = {}
    for _ in range(100 * trials):
        found[tuple((axis.key, axis.draw(generator)) for axis in axes)] = None
        if len(found) == trials:
            break
    return list(found)


def name_of(setting: Setting) -> str:
    """Return a short name: keys without their section, where that is enough.

    >>> name_of((("train.learning_rate", "5e-4"), ("model.generator.hidden_size", "8")))
    'learning_rate=5e-4, hidden_size=8'
    """
    last = [key.rpartition(".")[2] for key, _ in setting]
    keys = [
        short if last.count(short) == 1 else key
        for (key, _), short in zip(setting, last, strict=True)
    ]
    return ", ".join(f"{key}={value}" for key, (_, value) in zip(keys, setting, strict=True))
