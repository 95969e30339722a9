"""What pages of series and of sound choose in the same way: classes, walks, nearest items."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from .evaluation.evaluate import Pairs
from .measuring import Bench, set_seed
from .recipe import Recipe
from .report.images import GRID_ROWS, label_names
from .sampling import Sampler

COMPARED, PAIRS = 500, 6
"""Samples whose nearest training items are looked for, and those of them that are shown."""


def by_first(bench: Bench) -> Iterator[tuple[str, int]]:
    """The classes of the first attribute that the page shows: their names and numbers."""
    names = next(iter(bench.dataset.labels.values()))
    for number, name in enumerate(names[:GRID_ROWS]):
        yield name, number


def walks(sampler: Sampler, count: int, *, steps: int, seed: int) -> Iterator[tuple[str, Tensor]]:
    """Walks through the noise, from a label to another: what to call each, and its samples."""
    rows_NA = sampler.label_rows(None, 1)
    for number in range(count):
        # Spread over all labels, so that in the end each attribute changes on some walk.
        place, far = number * len(rows_NA) // count, len(rows_NA) // 2 + 1
        ends = [rows_NA[(place + step) % len(rows_NA)] for step in (0, far)]
        made = sampler.interpolate(*ends, steps=steps, seed=set_seed(seed, number))
        yield " to ".join(" ".join(label_names(e, sampler.labels)) for e in ends), made


def way(sampler: Sampler) -> str:
    """What changes on a walk."""
    labels = ", and half-way from one label to another" * (len(sampler.label_rows(None, 1)) > 1)
    return f"on the way from one draw of noise to another{labels}"


def nearest(
    bench: Bench, recipe: Recipe, sampler: Sampler, seed: int
) -> tuple[int, Tensor, Pairs]:
    """How many samples were compared, those nearest to training items, and which these are."""
    count = min(bench.samples, COMPARED)
    label_NA = bench.asked(count, recipe.conditional)
    made = torch.cat(list(sampler.stream(label_NA, seed=seed)))
    pairs = bench.reference.nearest_pairs(made, PAIRS)
    return count, made[pairs.sample_C], pairs
