"""Panels of a report for series runs: samples over real series, interpolations, and the training
series nearest to samples."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from ...data.unequal import unpadded
from ...evaluation.judge import look
from ...measuring.bench import Bench
from ...pages.choosing_samples import by_first, nearest, scored, walks, way
from ...recipe import Recipe
from ...report.images import ImagePanel, panel
from ...report.page import TitledPanel
from ...runs.sampler import Sampler
from ...training.run import Run
from .drawing import Frame, series_panel, small_multiples

SHEET = 8
"""Samples per class, and real series behind them."""

SORTED = 60
"""Samples per class from a model without labels; the judge sorts them into classes."""

WALKS, WALK_STEPS = 3, 8


def _real(bench: Bench) -> dict[int, list[np.ndarray]]:
    """Choose real test series of each class."""
    order_N = np.random.default_rng(0).permutation(len(bench.test))
    chosen = {
        number: order_N[bench.label_NA[order_N, 0] == number][:SHEET]
        for _, number in by_first(bench)
    }
    return {number: unpadded(bench.test[index_N]) for number, index_N in chosen.items()}


def _frame(bench: Bench) -> Frame:
    """Return the frame of all real test series, used for every model."""
    return Frame.of(unpadded(bench.test), bench.dataset.channels)


def samples(bench: Bench, recipe: Recipe, sampler: Sampler, seed: int) -> dict[str, ImagePanel]:
    """Draw samples of each class of the first attribute over real series."""
    classes = list(by_first(bench))
    if recipe.conditional:
        rows_NA = sampler.label_rows(None, 1)
        # Further attributes cycle through their classes.
        label_NA = np.concatenate(
            [
                np.resize(rows_NA[rows_NA[:, 0] == number], (SHEET, rows_NA.shape[1]))
                for _, number in classes
            ]
        )
        made = torch.cat(list(sampler.stream(label_NA, seed=seed)))
    else:
        any_NA = np.zeros((SORTED * len(classes), 1), np.int64)
        made = torch.cat(list(sampler.stream(any_NA, seed=seed)))
        label_NA = look(bench.reference.judge, made).label_NA
    return _chosen(bench, made, label_NA)


def _chosen(bench: Bench, made: Tensor, label_NA: Int[np.ndarray, "N A"]) -> dict[str, ImagePanel]:
    frame, real = _frame(bench), _real(bench)
    panels = {}
    for name, number in by_first(bench):
        members = np.flatnonzero(label_NA[:, 0] == number)[:SHEET]
        if len(members):
            cells = frame.cells(unpadded(made[members]), real[number])
            alt = f"{len(members)} samples of {name} (blue) over real test series (grey), in "
            panels[name] = series_panel(cells, alt + f"{len(cells)} channels")
    return panels


def real_samples(bench: Bench) -> dict[str, ImagePanel]:
    """Draw real test series of each class of the first attribute."""
    frame, real = _frame(bench), _real(bench)
    return {
        name: series_panel(
            frame.cells(real[number]), f"{len(real[number])} real test series of {name}"
        )
        for name, number in by_first(bench)
        if real[number]
    }


# -- what a model has learned -------------------------------------------------------------------


def panels(
    bench: Bench, run: Run, recipe: Recipe, sampler: Sampler, seed: int
) -> list[TitledPanel]:
    """Draw interpolations, step scores, and samples over their nearest training series."""
    return [
        _walks(bench, sampler, seed),
        *scored(bench, run, recipe, sampler, seed),
        _nearest(bench, recipe, sampler, seed),
    ]


def _walks(bench: Bench, sampler: Sampler, seed: int) -> TitledPanel:
    frame = _frame(bench)
    rows, names = [], []
    for name, made in walks(sampler, WALKS, steps=WALK_STEPS, seed=seed):
        rows.append([frame.cell(0, "", [one]) for one in unpadded(made)])
        names.append(name)
    return {
        "title": "Interpolation",
        "explanation": f"The channel {frame.channels[0]} of samples {way(sampler)}.",
        "panel": panel(small_multiples(rows, names), f"{WALKS} walks of {WALK_STEPS} samples"),
    }


def _nearest(bench: Bench, recipe: Recipe, sampler: Sampler, seed: int) -> TitledPanel:
    count, samples, pairs = nearest(bench, recipe, sampler, seed)
    near = unpadded(bench.training_items(pairs.training_C.tolist()))
    frame = _frame(bench)
    rows = [
        frame.cells([sample], [real]) for sample, real in zip(unpadded(samples), near, strict=True)
    ]
    return {
        "title": "Nearest to the training part",
        "explanation": f"The {len(rows)} of {count} samples that are closest to a training series "
        "(blue), each over that series (grey).",
        "panel": panel(small_multiples(rows), f"{len(rows)} samples and their nearest series"),
    }
