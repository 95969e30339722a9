"""What a page shows of runs that make series: samples of each class over real ones, walks, and
the training series nearest to samples."""

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
"""Series of a class on the page, and real ones behind them."""

SORTED = 60
"""Samples for each class that are made of a model without labels, and sorted by the judge."""

WALKS, WALK_STEPS = 3, 8


def _real(bench: Bench) -> dict[int, list[np.ndarray]]:
    """Some real test series of each class."""
    order_N = np.random.default_rng(0).permutation(len(bench.test))
    chosen = {
        number: order_N[bench.label_NA[order_N, 0] == number][:SHEET]
        for _, number in by_first(bench)
    }
    return {number: unpadded(bench.test[index_N]) for number, index_N in chosen.items()}


def _frame(bench: Bench) -> Frame:
    """The frame of all real test series, in which all models are drawn."""
    return Frame.of(unpadded(bench.test), bench.dataset.channels)


def samples(bench: Bench, recipe: Recipe, sampler: Sampler, seed: int) -> dict[str, ImagePanel]:
    """Samples of each class of the first attribute over real ones."""
    classes = list(by_first(bench))
    if recipe.conditional:
        rows_NA = sampler.label_rows(None, 1)
        # Of several attributes the others take turns.
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
    """Real test series of each class of the first attribute."""
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
    """Walks between labels, and samples over the training series nearest to them."""
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
        "explanation": f"Of {count} samples the {len(rows)} that lie nearest to a training "
        "series (blue), each over that series (grey).",
        "panel": panel(small_multiples(rows), f"{len(rows)} samples and their nearest series"),
    }
