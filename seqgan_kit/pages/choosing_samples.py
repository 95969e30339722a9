"""What pages show of several kinds of data: classes, walks, nearest items and scores."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from ..errors import NotSupported
from ..evaluation.evaluate import Pairs
from ..labels import label_names, parse_labels
from ..measuring.bench import Bench
from ..recipe import Recipe
from ..report.images import GRID_ROWS, panel
from ..report.page import TitledPanel
from ..runs.sampler import Sampler, set_seed
from ..runs.scoring import Scores, scores
from ..training.run import Run

COMPARED, PAIRS = 500, 6
"""Number of samples that are compared with training items, and number of pairs shown."""


def class_rows(bench: Bench) -> tuple[Int[np.ndarray, "N A"], list[str]]:
    """Return the labels that a page shows, and their names."""
    labels = bench.dataset.labels
    rows_NA = parse_labels(None, labels)[:GRID_ROWS]
    return rows_NA, [" ".join(label_names(row, labels)) for row in rows_NA]


def by_first(bench: Bench) -> Iterator[tuple[str, int]]:
    """Yield name and number of the classes of the first attribute that the page shows."""
    names = next(iter(bench.dataset.labels.values()))
    for number, name in enumerate(names[:GRID_ROWS]):
        yield name, number


def walks(sampler: Sampler, count: int, *, steps: int, seed: int) -> Iterator[tuple[str, Tensor]]:
    """Yield walks through the noise from one label to another: a title, and the samples."""
    rows_NA = sampler.label_rows(None, 1)
    for number in range(count):
        # Spread over all labels, so that every attribute changes on some walk.
        place, far = number * len(rows_NA) // count, len(rows_NA) // 2 + 1
        ends = [rows_NA[(place + step) % len(rows_NA)] for step in (0, far)]
        made = sampler.interpolate(*ends, steps=steps, seed=set_seed(seed, number))
        yield " to ".join(" ".join(label_names(e, sampler.labels)) for e in ends), made


def way(sampler: Sampler) -> str:
    """Describe what changes on a walk."""
    labels = "; the label changes half-way" * (len(sampler.label_rows(None, 1)) > 1)
    return f"interpolated between two draws of noise{labels}"


def nearest(
    bench: Bench, recipe: Recipe, sampler: Sampler, seed: int
) -> tuple[int, Tensor, Pairs]:
    """Return the number of samples compared, those nearest to training items, and the pairs."""
    count = min(bench.samples, COMPARED)
    label_NA = bench.asked(count, recipe.conditional)
    made = torch.cat(list(sampler.stream(label_NA, seed=seed)))
    pairs = bench.reference.nearest_pairs(made, PAIRS)
    return count, made[pairs.sample_C], pairs


def step_scores(
    bench: Bench, run: Run, recipe: Recipe, sampler: Sampler, seed: int
) -> Scores | None:
    """Score the steps of real items and samples; ``None`` if no discriminator can."""
    try:
        return scores(
            bench.exact, run, recipe, sampler.exact, seed=seed, checkpoint=run.checkpoint().name
        )
    except NotSupported:
        return None


def scored(
    bench: Bench, run: Run, recipe: Recipe, sampler: Sampler, seed: int
) -> list[TitledPanel]:
    """Return a panel on what the discriminator sees, if it reads step by step."""
    found = step_scores(bench, run, recipe, sampler, seed)
    if found is None:
        return []
    picture = bench.kind.draw_scores(found, sampler.codec)
    return [
        {
            "title": "What the discriminator sees",
            "explanation": found.explanation,
            "panel": panel(picture, "items with a score for every step"),
        }
    ]
