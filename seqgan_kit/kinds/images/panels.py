"""Panels of a report for image runs: samples, interpolations, swaps, scores of steps."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ...evaluation.judge import look
from ...measuring.bench import Bench
from ...pages.choosing_samples import class_rows, scored
from ...recipe import Recipe
from ...report.images import GRID_ROWS, ImagePanel, panel
from ...report.page import TitledPanel
from ...runs.sampler import Sampler, set_seed
from ...training.run import Run
from .drawing import tiles

SHEET = (3, 5)
"""Rows and columns of samples per class."""

PAIRS = 10
"""Number of samples shown with their nearest training items."""


def samples(bench: Bench, recipe: Recipe, sampler: Sampler, seed: int) -> dict[str, ImagePanel]:
    rows_NA, names = class_rows(bench)
    if recipe.conditional:
        found = np.repeat(rows_NA, math.prod(SHEET), 0)
        made = torch.cat(list(sampler.stream(found, seed=seed)))
    else:
        any_NA = np.zeros((100 * len(rows_NA), 1), np.int64)
        made = torch.cat(list(sampler.stream(any_NA, seed=seed)))
        found = look(bench.reference.judge, made).label_NA
    return _by_class(made, found, rows_NA, names, "samples")


def real_samples(bench: Bench) -> dict[str, ImagePanel]:
    rows_NA, names = class_rows(bench)
    return _by_class(bench.test, bench.label_NA, rows_NA, names, "real test items")


def _by_class(
    items: Tensor, label_NA: np.ndarray, rows_NA: np.ndarray, names: Sequence[str], what: str
) -> dict[str, ImagePanel]:
    panels: dict[str, ImagePanel] = {}
    for row, name in zip(rows_NA, names, strict=True):
        members = np.flatnonzero((label_NA == row).all(1))[: math.prod(SHEET)]
        if len(members):
            lines = [
                items[members[start : start + SHEET[1]]].numpy()
                for start in range(0, len(members), SHEET[1])
            ]
            alt = f"{len(members)} {what} of {name}"
            panels[name] = panel(tiles(lines), alt)
    return panels


# -- what a model has learned -------------------------------------------------------------------


def panels(
    bench: Bench, run: Run, recipe: Recipe, sampler: Sampler, seed: int
) -> list[TitledPanel]:
    found = [walks(sampler, seed)]
    if recipe.conditional:
        found.append(swapped(sampler, seed))
    found += scored(bench, run, recipe, sampler, seed)
    found.append(_nearest(bench, recipe, sampler, seed))
    return found


def walks(sampler: Sampler, seed: int, count: int = 4, steps: int = 12) -> TitledPanel:
    """Draw interpolations between draws of noise, from each label to the next."""
    rows_NA = sampler.label_rows(None, 1)
    strips = []
    for number in range(count):
        start, end = (rows_NA[(number * 3 + step) % len(rows_NA)] for step in (0, 1))
        strips.append(
            sampler.interpolate(start, end, steps=steps, seed=set_seed(seed, number)).numpy()
        )
    return {
        "title": "Interpolation",
        "explanation": "Each row goes from one draw of noise to another"
        + (", and halfway from one label to the next." if len(rows_NA) > 1 else "."),
        "panel": panel(tiles(strips), f"{count} walks of {steps} samples"),
    }


def swapped(sampler: Sampler, seed: int, count: int = 8) -> TitledPanel:
    """Draw the same noise under every label."""
    rows_NA = sampler.label_rows(None, 1)[:GRID_ROWS]
    samples = sampler.swap(rows_NA, count=count, seed=seed).numpy()
    by_label = list(samples.reshape(len(rows_NA), count, *samples.shape[1:]))
    # One row per draw of noise: what stays along a row is style, what changes is the label.
    by_noise = [np.stack([row[column] for row in by_label]) for column in range(count)]
    return {
        "title": "Label swap",
        "explanation": "Each row is one draw of noise, each column a label. It shows what the "
        "label changes and what stays the same.",
        "panel": panel(tiles(by_noise), f"{count} draws under every label"),
    }


def _nearest(bench: Bench, recipe: Recipe, sampler: Sampler, seed: int) -> TitledPanel:
    count = min(bench.samples, 1000)
    label_NA = bench.asked(count, recipe.conditional)
    samples = torch.cat(list(sampler.stream(label_NA, seed=seed)))
    pairs = bench.reference.nearest_pairs(samples, PAIRS)
    training = bench.training_items(pairs.training_C.tolist())
    shown = [samples[pairs.sample_C].numpy(), training.numpy()]
    return {
        "title": "Nearest to the training part",
        "explanation": f"Above: the {len(pairs.sample_C)} of {count} samples that are closest to "
        "a training item. Below: that item.",
        "panel": panel(tiles(shown), "samples above their nearest training items"),
    }
