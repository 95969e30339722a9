"""What a page shows of runs that make pictures: samples, walks, swaps, scores of steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch
from PIL.Image import Image
from torch import Tensor

from . import build, materials
from .batch import Batch
from .data.dataset import DataError, Dataset, Part
from .evaluation.attribution import step_scores
from .evaluation.judge import look
from .measuring import Bench, set_seed
from .nn.noise import seeded_noise
from .recipe import Recipe
from .report import images
from .report.images import ImagePanel
from .report.page import TitledPanel
from .run import Run
from .sampling import Sampler, parse_labels
from .workflow import Watch, run_recipe, same_data

SHEET = (3, 5)
"""Rows and columns of samples of a class on the page."""

PAIRS = 10
"""Samples that are shown with their nearest training items."""


def _class_names(bench: Bench) -> tuple[np.ndarray, list[str]]:
    """Labels that the page shows, and what it calls them."""
    labels = bench.dataset.labels
    rows_NA = parse_labels(None, labels)[: images.GRID_ROWS]
    return rows_NA, [" ".join(images.label_names(row, labels)) for row in rows_NA]


def samples(bench: Bench, recipe: Recipe, sampler: Sampler, seed: int) -> dict[str, ImagePanel]:
    rows_NA, names = _class_names(bench)
    if recipe.conditional:
        found = np.repeat(rows_NA, math.prod(SHEET), 0)
        made = torch.cat(list(sampler.stream(found, seed=seed)))
    else:
        any_NA = np.zeros((100 * len(rows_NA), 1), np.int64)
        made = torch.cat(list(sampler.stream(any_NA, seed=seed)))
        found = look(bench.reference.judge, made).label_NA
    return _by_class(made, found, rows_NA, names, "samples")


def real_samples(bench: Bench) -> dict[str, ImagePanel]:
    rows_NA, names = _class_names(bench)
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
            panels[name] = images.panel(images.tiles(lines), alt)
    return panels


# -- what a model has learned -------------------------------------------------------------------


def panels(
    bench: Bench, run: Run, recipe: Recipe, sampler: Sampler, seed: int
) -> list[TitledPanel]:
    found = [walks(sampler, seed)]
    if recipe.conditional:
        found.append(swapped(sampler, seed))
    strips = scored(bench.dataset, run, recipe, sampler, seed, run.checkpoint().name)
    if strips is not None:
        shown = images.panel(strips[0], "items with a score beside every step")
        title = "What the discriminator sees"
        found.append({"title": title, "explanation": strips[1], "panel": shown})
    found.append(_nearest(bench, recipe, sampler, seed))
    return found


def walks(sampler: Sampler, seed: int, count: int = 4, steps: int = 12) -> TitledPanel:
    """Walks through the noise, from a label to the next."""
    rows_NA = sampler.label_rows(None, 1)
    strips = []
    for number in range(count):
        start, end = (rows_NA[(number * 3 + step) % len(rows_NA)] for step in (0, 1))
        strips.append(
            sampler.interpolate(start, end, steps=steps, seed=set_seed(seed, number)).numpy()
        )
    return {
        "title": "Interpolation",
        "explanation": "Each row walks from one draw of noise to another"
        + (", and half-way from one label to the next." if len(rows_NA) > 1 else "."),
        "panel": images.panel(images.tiles(strips), f"{count} walks of {steps} samples"),
    }


def swapped(sampler: Sampler, seed: int, count: int = 8) -> TitledPanel:
    """The same noise under every label."""
    rows_NA = sampler.label_rows(None, 1)[: images.GRID_ROWS]
    samples = sampler.swap(rows_NA, count=count, seed=seed).numpy()
    by_label = list(samples.reshape(len(rows_NA), count, *samples.shape[1:]))
    # One row a draw of noise: what stays from left to right is style, what changes is the label.
    by_noise = [np.stack([row[column] for row in by_label]) for column in range(count)]
    return {
        "title": "Label swap",
        "explanation": "Each row is one draw of noise, each column a label: what the label "
        "changes, and what it leaves.",
        "panel": images.panel(images.tiles(by_noise), f"{count} draws under every label"),
    }


def scored(
    dataset: Dataset,
    run: Run,
    recipe: Recipe,
    sampler: Sampler,
    seed: int,
    checkpoint: str | None = None,
) -> tuple[Image, str] | None:
    """What the discriminator makes of every step, with an explanation.

    ``None`` for a run without a discriminator that reads step by step.
    """
    codec = materials.run_codec(run)
    if not recipe.adversarial or codec.steps == 1:
        return None
    critic = build.load_critic(run, recipe, checkpoint=checkpoint)
    group = max(recipe.minibatch_group, 1)
    part = _test_part(recipe, dataset)
    chosen = _groups(part.label_NA, group, -(-8 // group))
    count = len(chosen)
    label_BA = torch.from_numpy(part.label_NA[chosen])
    real_BTF, mask_BT = codec.encode(part.pick(chosen))
    latent = sampler.generator.draw(count, seeded_noise(seed, sampler.device))
    with torch.no_grad():
        x, fake_mask_BT = sampler.generator(latent, label_BA.to(sampler.device))
        many_BTF, _ = codec.encode(part.items[:1000])
        neutral_BTF = critic.embed(many_BTF).mean(0).expand(count, -1, -1)
    every_step = cast(Any, recipe.model).discriminator.logits != "sequence"
    sides = [(real_BTF, mask_BT), (x.cpu(), fake_mask_BT.cpu())]
    scores = [
        step_scores(critic, critic.embed(steps), label_BA, exists_BT, neutral_BTF, group)
        for steps, exists_BT in sides
    ]
    if every_step:
        # Most losses do not fix where zero is: it is put between real items and samples.
        middle = torch.stack([score.mean() for score in scores]).mean()
        scores = [score - middle for score in scores]
    largest = max(score.abs().max().item() for score in scores) or 1.0
    strips = []
    for (steps, exists_BT), score_BT in zip(sides, scores, strict=True):
        # Laid out as the codec lays out steps: the score in the place of the step, -1 to 1.
        share_BTF = (score_BT[:, :, None] / largest).expand_as(steps)
        heat = codec.decode(share_BTF, exists_BT) * 2 - 1
        strips.append((codec.decode(steps, exists_BT).numpy(), heat[..., 0].numpy()))
    explanation = (
        "Above real items, below samples of the same labels; beside each, step by step, what "
        "speaks for real (blue) and for generated (red): "
    )
    if every_step:
        explanation += "the logit of that step, from half-way between the two."
    else:
        explanation += "what the logit loses when the step is replaced by the mean of real ones."
    return images.scored_tiles(strips), explanation


def _test_part(recipe: Recipe, dataset: Dataset) -> Part:
    """The test items as the networks see them.

    Raises:
        DataError: there are none.
    """
    part = materials.seen(recipe, dataset).parts["test"]
    if not len(part):
        raise DataError(f"{dataset.name} has no test part to show: set data.test")
    return part


def _groups(label_NA: np.ndarray, group: int, count: int) -> np.ndarray:
    """Some groups of items that share a label, as a critic with a minibatch feature knows them."""
    _, class_N = np.unique(label_NA, axis=0, return_inverse=True)
    members = [np.flatnonzero(class_N.ravel() == k) for k in range(class_N.max() + 1)]
    # A class with too few items repeats them, as batches do.
    groups = [np.resize(chosen, group) for chosen in members]
    return np.concatenate((groups * count)[:count])


def scored_run(
    run: Run, seed: int, watch: Watch, checkpoint: str | None = None
) -> tuple[Image, str] | None:
    """:func:`scored` for a run folder, enlarged for a file of its own."""
    recipe = run_recipe(run)
    chosen = run.checkpoint(checkpoint).name
    sampler = build.load_sampler(run, recipe, checkpoint=chosen, device=torch.device("cpu"))
    found = scored(same_data(run, recipe, watch), run, recipe, sampler, seed, chosen)
    return found and (images.enlarged(found[0]), found[1])


def reconstructions(run: Run, sampler: Sampler, count: int, watch: Watch) -> Image:
    """Test items of a run's data above what an autoencoder makes of them.

    Raises:
        NoEncoder: the run has no encoder.
    """
    recipe = run_recipe(run)
    part = _test_part(recipe, same_data(run, recipe, watch))
    codec = materials.run_codec(run)
    count = min(count, len(part))
    x_BTF, mask_BT = codec.encode(part.items[:count])
    label_BA = torch.from_numpy(part.label_NA[:count])
    tensors = (tensor.to(sampler.device) for tensor in (x_BTF, mask_BT, label_BA))
    written = sampler.reconstruct(Batch(*tensors)).numpy()
    given = codec.decode(x_BTF, mask_BT).numpy()
    rows = []
    for start in range(0, count, 12):
        rows += [given[start : start + 12], written[start : start + 12]]
    return images.enlarged(images.tiles(rows))


def _nearest(bench: Bench, recipe: Recipe, sampler: Sampler, seed: int) -> TitledPanel:
    count = min(bench.samples, 1000)
    label_NA = bench.asked(count, recipe.conditional)
    samples = torch.cat(list(sampler.stream(label_NA, seed=seed)))
    pairs = bench.reference.nearest_pairs(samples, PAIRS)
    training = bench.training_items(pairs.training_C.tolist())
    shown = [samples[pairs.sample_C].numpy(), training.numpy()]
    return {
        "title": "Nearest to the training part",
        "explanation": f"Above, of {count} samples the {len(pairs.sample_C)} that lie nearest to "
        "a training item; below, that item.",
        "panel": images.panel(images.tiles(shown), "samples above their nearest training items"),
    }
