"""Page panels for audio runs: clips of each class, walks and nearest clips."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from ...data.unequal import unpadded
from ...evaluation.judge import look
from ...labels import label_names
from ...measuring.bench import Bench
from ...pages.choosing_samples import by_first, nearest, scored, walks, way
from ...recipe import Recipe
from ...report.page import TitledPanel
from ...report.players import SoundPanel
from ...runs.sampler import Sampler
from ...training.run import Run
from .codec import audio_codec
from .drawing import joined, sound_panel
from .loading import clip_settings

SHEET = 3
"""Clips per class on the page."""

SORTED = 30
"""Samples per class of a model without labels, which the judge sorts into classes."""

WALKS, WALK_STEPS = 3, 6


def _sample_rate(bench: Bench) -> int:
    return int(clip_settings(bench.recipe.data).sample_rate)


def _turns(bench: Bench, number: int) -> Int[np.ndarray, "N A"]:
    """Return labels of one class of the first attribute; the other attributes take turns.

    Only combinations in the training part are used: a network has not learned any others.
    """
    known_MA = np.unique(bench.dataset.parts["training"].label_NA, axis=0)
    known_MA = known_MA[known_MA[:, 0] == number]
    if not len(known_MA):
        return known_MA
    return known_MA[(number * SHEET + np.arange(SHEET)) % len(known_MA)]


def _captions(bench: Bench, label_NA: Int[np.ndarray, "N A"], first: bool = False) -> list[str]:
    """Return the names of the labels, by default without the first if there are others."""
    named = [label_names(row, bench.dataset.labels) for row in label_NA]
    return [" ".join(names if first or len(names) == 1 else names[1:]) for names in named]


def samples(bench: Bench, recipe: Recipe, sampler: Sampler, seed: int) -> dict[str, SoundPanel]:
    """Return samples by class of the first attribute, as judged if the model has no labels."""
    classes = list(by_first(bench))
    if not recipe.conditional:
        any_NA = np.zeros((SORTED * len(classes), 1), np.int64)
        made = torch.cat(list(sampler.stream(any_NA, seed=seed)))
        return _chosen(bench, made, look(bench.reference.judge, made).label_NA)
    label_NA = np.concatenate([_turns(bench, number) for _, number in classes])
    made = torch.cat(list(sampler.stream(label_NA, seed=seed)))
    return _chosen(bench, made, label_NA)


def real_samples(bench: Bench) -> dict[str, SoundPanel]:
    """Return real test clips by class of the first attribute."""
    order_N = np.random.default_rng(0).permutation(len(bench.test))
    return _chosen(bench, bench.test[order_N], bench.label_NA[order_N])


def _chosen(
    bench: Bench, items: Tensor, label_NA: Int[np.ndarray, "N A"]
) -> dict[str, SoundPanel]:
    """Return panels of the first clips of each class."""
    panels = {}
    for name, number in by_first(bench):
        members = np.flatnonzero(label_NA[:, 0] == number)[:SHEET]
        if len(members):
            captions = _captions(bench, label_NA[members])
            panels[name] = sound_panel(unpadded(items[members]), _sample_rate(bench), captions)
    return panels


def single(bench: Bench, items: Tensor) -> list[SoundPanel]:
    """Return a panel of each clip by itself."""
    return [sound_panel([clip], _sample_rate(bench), [""]) for clip in unpadded(items)]


# -- what a model has learned -------------------------------------------------------------------


def panels(
    bench: Bench, run: Run, recipe: Recipe, sampler: Sampler, seed: int
) -> list[TitledPanel]:
    """Return panels on walks between labels, step scores and the nearest training clips."""
    return [
        _walks(sampler, seed),
        *scored(bench, run, recipe, sampler, seed),
        _nearest(bench, recipe, sampler, seed),
    ]


def _walks(sampler: Sampler, seed: int) -> TitledPanel:
    rate = audio_codec(sampler.codec).sample_rate
    clips, captions = [], []
    for caption, made in walks(sampler, WALKS, steps=WALK_STEPS, seed=seed):
        clips.append(joined(unpadded(made), rate))
        captions.append(caption)
    return {
        "title": "Interpolation",
        "explanation": f"Each clip is {WALK_STEPS} samples in sequence, {way(sampler)}.",
        "panel": sound_panel(clips, rate, captions),
    }


def _nearest(bench: Bench, recipe: Recipe, sampler: Sampler, seed: int) -> TitledPanel:
    count, samples, pairs = nearest(bench, recipe, sampler, seed)
    training = bench.dataset.parts["training"]
    names = _captions(bench, training.label_NA[pairs.training_C], first=True)
    real = unpadded(bench.training_items(pairs.training_C.tolist()))
    clips, captions = [], []
    for place, sample in enumerate(unpadded(samples)):
        clips += [sample, real[place]]
        captions += [f"sample {place + 1}", f"nearest to sample {place + 1}: {names[place]}"]
    return {
        "title": "Nearest to the training part",
        "explanation": f"Of {count} samples, the {len(real)} that are nearest to a training clip, "
        "each followed by that clip.",
        "panel": sound_panel(clips, audio_codec(sampler.codec).sample_rate, captions),
    }
