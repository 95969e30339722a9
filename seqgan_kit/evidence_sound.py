"""What a page shows of runs that make sound: clips of each class, walks, nearest clips."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from .data.sound import audio_codec
from .data.unequal import unpadded
from .evaluation.judge import look
from .evaluation.sound_judge import SoundJudge
from .measuring import Bench, set_seed
from .recipe import Recipe
from .report.images import GRID_ROWS, label_names
from .report.page import TitledPanel
from .report.sounds import SoundPanel, joined, sound_panel
from .run import Run
from .sampling import Sampler

SHEET = 3
"""Clips of a class on the page."""

SORTED = 30
"""Samples for each class that are made of a model without labels, and sorted by the judge."""

WALKS, WALK_STEPS = 3, 6
COMPARED, PAIRS = 500, 6
"""Samples whose nearest training clips are looked for, and those of them that are shown."""


def _sample_rate(bench: Bench) -> int:
    judge = bench.reference.judge
    assert isinstance(judge, SoundJudge), "a bench of sound has a judge of sound"
    return judge.sample_rate


def _by_first(bench: Bench) -> Iterator[tuple[str, int]]:
    """The classes of the first attribute that the page shows: their names and numbers."""
    names = next(iter(bench.dataset.labels.values()))
    for number, name in enumerate(names[:GRID_ROWS]):
        yield name, number


def _turns(bench: Bench, number: int) -> Int[np.ndarray, "N A"]:
    """Labels of one class of the first attribute: the others take turns, from class to class.

    Only those that occur in the training part: of others a network has learned nothing.
    """
    known_MA = np.unique(bench.dataset.parts["training"].label_NA, axis=0)
    known_MA = known_MA[known_MA[:, 0] == number]
    if not len(known_MA):
        return known_MA
    return known_MA[(number * SHEET + np.arange(SHEET)) % len(known_MA)]


def _captions(bench: Bench, label_NA: Int[np.ndarray, "N A"], first: bool = False) -> list[str]:
    """Names of the labels; of one class all but the first, if there are others."""
    named = [label_names(row, bench.dataset.labels) for row in label_NA]
    return [" ".join(names if first or len(names) == 1 else names[1:]) for names in named]


def samples(bench: Bench, recipe: Recipe, sampler: Sampler, seed: int) -> dict[str, SoundPanel]:
    """Samples of each class of the first attribute, by the judge where there are no labels."""
    classes = list(_by_first(bench))
    if not recipe.conditional:
        any_NA = np.zeros((SORTED * len(classes), 1), np.int64)
        made = torch.cat(list(sampler.stream(any_NA, seed=seed)))
        return _chosen(bench, made, look(bench.reference.judge, made).label_NA)
    label_NA = np.concatenate([_turns(bench, number) for _, number in classes])
    made = torch.cat(list(sampler.stream(label_NA, seed=seed)))
    return _chosen(bench, made, label_NA)


def real_samples(bench: Bench) -> dict[str, SoundPanel]:
    """Real test clips of each class of the first attribute."""
    order_N = np.random.default_rng(0).permutation(len(bench.test))
    return _chosen(bench, bench.test[order_N], bench.label_NA[order_N])


def _chosen(
    bench: Bench, items: Tensor, label_NA: Int[np.ndarray, "N A"]
) -> dict[str, SoundPanel]:
    """The first clips of each class."""
    panels = {}
    for name, number in _by_first(bench):
        members = np.flatnonzero(label_NA[:, 0] == number)[:SHEET]
        if len(members):
            captions = _captions(bench, label_NA[members])
            panels[name] = sound_panel(unpadded(items[members]), _sample_rate(bench), captions)
    return panels


# -- what a model has learned -------------------------------------------------------------------


def panels(
    bench: Bench, run: Run, recipe: Recipe, sampler: Sampler, seed: int
) -> list[TitledPanel]:
    """Walks between labels, and samples beside the training clips nearest to them."""
    return [walks(sampler, seed), _nearest(bench, recipe, sampler, seed)]


def walks(sampler: Sampler, seed: int) -> TitledPanel:
    """Walks through the noise, from a label to another."""
    rate = audio_codec(sampler.codec).sample_rate
    rows_NA = sampler.label_rows(None, 1)
    clips, captions = [], []
    for number in range(WALKS):
        # Spread over all labels, so that in the end each attribute changes on some walk.
        place, far = number * len(rows_NA) // WALKS, len(rows_NA) // 2 + 1
        ends = [rows_NA[(place + step) % len(rows_NA)] for step in (0, far)]
        made = sampler.interpolate(*ends, steps=WALK_STEPS, seed=set_seed(seed, number))
        clips.append(joined(unpadded(made), rate))
        captions.append(" to ".join(" ".join(label_names(e, sampler.labels)) for e in ends))
    return {
        "title": "Interpolation",
        "explanation": f"Each is {WALK_STEPS} samples one after the other, on the way from one "
        "draw of noise to another"
        + (", and half-way from one label to another." if len(rows_NA) > 1 else "."),
        "panel": sound_panel(clips, rate, captions),
    }


def _nearest(bench: Bench, recipe: Recipe, sampler: Sampler, seed: int) -> TitledPanel:
    count = min(bench.samples, COMPARED)
    label_NA = bench.asked(count, recipe.conditional)
    made = torch.cat(list(sampler.stream(label_NA, seed=seed)))
    pairs = bench.reference.nearest_pairs(made, PAIRS)
    training = bench.dataset.parts["training"]
    names = _captions(bench, training.label_NA[pairs.training_C], first=True)
    real = unpadded(bench.training_items(pairs.training_C.tolist()))
    clips, captions = [], []
    for place, sample in enumerate(unpadded(made[pairs.sample_C])):
        clips += [sample, real[place]]
        captions += [f"sample {place + 1}", f"nearest to sample {place + 1}: {names[place]}"]
    return {
        "title": "Nearest to the training part",
        "explanation": f"Of {count} samples the {len(real)} that lie nearest to a training clip, "
        "each followed by that clip.",
        "panel": sound_panel(clips, audio_codec(sampler.codec).sample_rate, captions),
    }
