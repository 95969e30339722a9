"""What a page of evidence shows of runs: figures, samples, curves, what a model has learned."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Literal, cast

import numpy as np
import torch
from PIL.Image import Image
from torch import Tensor

from . import __version__, build
from .batch import Batch
from .data.dataset import DataError, Dataset, Part
from .evaluation.attribution import step_scores
from .evaluation.figures import FIGURES, Value
from .evaluation.judge import look
from .measuring import Bench, Evaluation, set_seed
from .nn.noise import seeded_noise
from .recipe import Recipe
from .report import images
from .report.choice import choose
from .report.page import Content, Model, Panel, TitledPanel
from .report.tables import Row, Table
from .run import Run
from .sampling import Sampler, parse_labels
from .training.log import read_metrics
from .workflow import Watch, environment, run_recipe, same_data

SHEET = (3, 5)
"""Rows and columns of samples of a class on the page."""

PAIRS = 10
"""Samples that are shown with their nearest training items."""

CURVE_POINTS = 200

Measured = tuple[str, Sequence[Run], Evaluation]
"""A model's name, its runs (one a seed), and what was measured of them together."""


def table(
    bench: Bench,
    measured: Sequence[tuple[str, Evaluation]],
    *,
    title: str,
    command: str,
    budget: str | None = None,
    notes: Sequence[str] = (),
) -> Table:
    """The figures of some models beside those of real data and of noise."""
    rows = [_row(name, "model", place, e.figures) for place, (name, e) in enumerate(measured)]
    names: dict[str, Literal["real", "noise"]] = {"held-out real data": "real", "noise": "noise"}
    bounds = bench.bounds([evaluation for _, evaluation in measured])
    rows += [_row(name, role, 0, bounds[role]) for name, role in names.items()]
    return {
        "title": title,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "version": __version__,
        "data": {
            "name": bench.dataset.name,
            "items": {name: len(part) for name, part in bench.dataset.parts.items()},
            "labels": {name: list(names) for name, names in bench.dataset.labels.items()},
        },
        "budget": budget,
        "environment": cast(Any, environment(bench.device)),
        "figures": cast(Any, [asdict(figure) for figure in FIGURES.values()]),
        "rows": rows,
        "notes": [*_how_measured(bench, [e for _, e in measured]), *notes],
    }


def _row(
    name: str,
    role: Literal["model", "real", "noise"],
    colour: int,
    figures: Mapping[str, Value],
) -> Row:
    values = {figure: value.as_json() for figure, value in figures.items()}
    return {"name": name, "role": role, "colour": colour, "values": cast(Any, values)}


def _how_measured(bench: Bench, measured: Sequence[Evaluation]) -> list[str]:
    settings, real = bench.settings, bench.reference.count
    sizes = {(int(e.settings["sets"]), int(e.settings["samples"])) for e in measured}
    sets = " or ".join(f"{many} x {size}" for many, size in sorted(sizes))
    notes = [
        f"Samples are compared with {real} real test items; the row of held-out real data is "
        f"{len(bench.test) - real} others, compared in the same way. Distances and neighbourhood "
        "figures depend on these counts.",
        f"The judge (seed {settings.judge_seed}) recognises {bench.judge_accuracy:.3f} of the "
        "test part; a label accuracy above that says more typical than real data, not better.",
        f"Independent sets of samples: {sets}. Real data are one set, and so is noise.",
    ]
    if any("gan_train_accuracy" in evaluation.figures for evaluation in measured):
        notes.append(
            "GAN-train: one judge for each row, of one seed, trained on the samples of the count "
            f"in the files beside this page ({settings.gan_train_samples} for runs) and tested on "
            "the whole test part."
        )
    return notes


# -- the page -----------------------------------------------------------------------------------


def content(
    bench: Bench,
    measured: Sequence[Measured],
    *,
    title: str,
    kind: Literal["comparison", "run"],
    budget: str | None,
    seed: int,
    command: str,
) -> Content:
    """Everything on the page.

    Args:
        bench: what the models were measured with.
        measured: the models.
        title: of the page.
        kind: whether it shows a comparison or one run.
        budget: of training, in words.
        seed: of the samples.
        command: that makes the page again.
    """
    notes = []
    if any(len(runs) > 1 for _, runs, _ in measured):
        notes.append(
            "Models with several seeds: mean and standard deviation over the runs; curves and "
            "pictures are those of the first."
        )
    figures = table(
        bench,
        [(name, evaluation) for name, _, evaluation in measured],
        title=title,
        command=command,
        budget=budget,
        notes=notes,
    )
    return {
        **figures,
        "kind": kind,
        "models": [_model(bench, name, runs, seed) for name, runs, _ in measured],
        "real_samples": _real_samples(bench),
        "choice": choose(figures),
    }


def without_pictures(content: Content) -> dict[str, Any]:
    """The content for a file of figures: pictures are only on the page."""
    pictures = ("samples", "panels")
    models = [{k: v for k, v in m.items() if k not in pictures} for m in content["models"]]
    kept = {k: v for k, v in content.items() if k != "real_samples"}
    return {**kept, "models": models}


def _model(bench: Bench, name: str, runs: Sequence[Run], seed: int) -> Model:
    run = runs[0]
    recipe = run_recipe(run)
    checkpoint = run.checkpoint()
    sampler = build.load_sampler(run, recipe, checkpoint=checkpoint.name, device=bench.device)
    notes = []
    if not recipe.conditional:
        notes.append(
            "This model sees no labels: its samples are sorted by the class that the judge gives "
            "them, and figures that need a label asked for are left out."
        )
    if run.best() is not None:
        notes.append("The checkpoint was chosen on the validation part, by another judge.")
    return {
        "name": name,
        "recipe": run.recipe_path.read_text("utf-8"),
        "run": str(run.path),
        "steps": int(checkpoint.name.removeprefix("step-")),
        "seeds": len(runs),
        "notes": notes,
        "curves": _curves(run),
        "samples": _samples(bench, recipe, sampler, seed),
        "panels": _panels(bench, run, recipe, sampler, seed),
    }


def _curves(run: Run) -> dict[str, list[list[float]]]:
    lines = read_metrics(run.metrics_path)
    every = -(-len(lines) // CURVE_POINTS)
    curves: dict[str, list[list[float]]] = {}
    for line in lines[:: max(every, 1)]:
        for figure, value in line.items():
            if figure not in ("step", "seconds"):
                point = [float(line["step"]), round(line["seconds"], 1), round(value, 5)]
                curves.setdefault(figure, []).append(point)
    return curves


def _class_names(bench: Bench) -> tuple[np.ndarray, list[str]]:
    """Labels that the page shows, and what it calls them."""
    labels = bench.dataset.labels
    rows_NA = parse_labels(None, labels)[: images.GRID_ROWS]
    return rows_NA, [" ".join(images.label_names(row, labels)) for row in rows_NA]


def _samples(bench: Bench, recipe: Recipe, sampler: Sampler, seed: int) -> dict[str, Panel]:
    rows_NA, names = _class_names(bench)
    if recipe.conditional:
        found = np.repeat(rows_NA, math.prod(SHEET), 0)
        samples = torch.cat(list(sampler.stream(found, seed=seed)))
    else:
        any_NA = np.zeros((100 * len(rows_NA), 1), np.int64)
        samples = torch.cat(list(sampler.stream(any_NA, seed=seed)))
        found = look(bench.reference.judge, samples).label_NA
    return _by_class(samples, found, rows_NA, names, "samples")


def _real_samples(bench: Bench) -> dict[str, Panel]:
    rows_NA, names = _class_names(bench)
    return _by_class(bench.test, bench.label_NA, rows_NA, names, "real test items")


def _by_class(
    items: Tensor, label_NA: np.ndarray, rows_NA: np.ndarray, names: Sequence[str], what: str
) -> dict[str, Panel]:
    panels = {}
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


def _panels(
    bench: Bench, run: Run, recipe: Recipe, sampler: Sampler, seed: int
) -> list[TitledPanel]:
    panels = [walks(sampler, seed)]
    if recipe.conditional:
        panels.append(swapped(sampler, seed))
    strips = scored(bench.dataset, run, recipe, sampler, seed, run.checkpoint().name)
    if strips is not None:
        shown = images.panel(strips[0], "items with a score beside every step")
        title = "What the discriminator sees"
        panels.append({"title": title, "explanation": strips[1], "panel": shown})
    panels.append(_nearest(bench, recipe, sampler, seed))
    return panels


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
    codec = build.make_codec(run.info["codec"])
    adversarial = any(objective.kind == "gan" for objective in recipe.objectives)
    if not adversarial or codec.steps == 1:
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
    every_step = cast(Any, recipe.model).discriminator.logits == "step"
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
    part = build.seen(recipe, dataset).parts["test"]
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
    codec = build.make_codec(run.info["codec"])
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
