"""The training runs of a comparison or sweep: planned, then trained here or on a cluster."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..files import FileProblem
from ..measuring.evaluation import trained
from ..recipe import CompareRecipe, Recipe, slug
from ..recipe import files as recipe_files
from ..runs.data import located
from ..runs.loading import run_recipe
from ..runs.watch import Watch
from ..runs.workflow import resume, train
from ..tasks.task import Executor, Task
from ..training.run import Run, RunError

ENDLESS = 10**9
"""Number of steps of a training run with a time limit."""

FEWEST_STEPS = 10
"""Minimum number of steps of a training run."""


class BudgetError(UsageError):
    """The error for a budget that is too small to train anything."""


@dataclass(frozen=True)
class Entry:
    """A model of a comparison, with one run per seed."""

    name: str
    runs: tuple[Run, ...]


def budgeted(recipe: Recipe, compared: CompareRecipe, seed: int) -> Recipe:
    """Apply the budget of a comparison to a recipe.

    Samples seen are real items, including repetitions. A step draws one batch for each turn of a
    network, so a GAN gets half as many steps as a VAE.

    Raises:
        BudgetError: the budget is not enough for ten steps.
    """
    train_section = recipe.train.model_dump()
    if compared.minutes is not None:
        train_section |= {"steps": ENDLESS, "minutes": compared.minutes}
    if compared.samples_seen is not None:
        a_step = recipe.train.batch_size * recipe.batches_a_step
        steps = compared.samples_seen // a_step
        if steps < FEWEST_STEPS:
            raise BudgetError(
                f"a budget of {compared.samples_seen} samples is {steps} steps of {recipe.name} "
                f"({a_step} samples each), too few to train anything; give at least "
                f"{FEWEST_STEPS * a_step}"
            )
        train_section |= {"steps": steps, "minutes": None}
    changed = {**recipe.model_dump(mode="json"), "train": train_section, "seed": seed}
    return recipe_files.check(json.loads(json.dumps(changed)), recipe.name)


@dataclass(frozen=True)
class Planned:
    """A planned training run of a comparison: model, title, recipe and folder."""

    model: str
    label: str
    recipe: Recipe
    path: Path


def plan(
    compared: CompareRecipe, recipes: Mapping[str, Recipe], folder: Path, *, seeds: int
) -> list[Planned]:
    """Plan the training runs of a comparison; all are checked before the first one starts.

    Args:
        compared: the budget.
        recipes: recipes by the names of the models.
        folder: folder of the comparison; its runs go into the sub-folder ``runs``.
        seeds: runs per model.

    Raises:
        BudgetError: the budget is too small for one of them.
        RunError: the recipes use different data, or a folder has a run of another recipe.
    """
    planned: list[Planned] = []
    for name, base in recipes.items():
        for number in range(seeds):
            recipe = budgeted(base, compared, base.seed + number)
            label = name + (f", seed {recipe.seed}" if seeds > 1 else "")
            label += f" ({len(planned) + 1} of {len(recipes) * seeds})"
            path = folder / "runs" / f"{slug(name)}-seed{recipe.seed}"
            planned.append(Planned(name, label, recipe, path))
    check_planned(planned)
    return planned


def check_planned(planned: Sequence[Planned]) -> None:
    """Check that planned runs can be compared, and that what is in their folders is theirs.

    Raises:
        RunError: the recipes use different data, or a folder has a run of another recipe.
    """
    first = planned[0]
    for other in planned:
        if _data(other.recipe) != _data(first.recipe):
            raise RunError(
                f"{first.model} and {other.model} learn from different data or parts, so their "
                "metrics would not be comparable"
            )
        if (other.path / "run.json").exists():
            found = run_recipe(Run(other.path))
            if _trained_alike(found) != _trained_alike(other.recipe):
                raise RunError(
                    f"{other.path} was trained with another recipe or budget; choose another "
                    "--out, or remove that folder"
                )


def _data(recipe: Recipe) -> dict[str, Any]:
    """Return the data section of a recipe, without the location of the data."""
    own = set() if recipe.data.own_root else {"root"}
    return recipe.data.model_dump(exclude={"budget_mb", "max_file_mb", *own})


def _trained_alike(recipe: Recipe) -> dict[str, Any]:
    """Return everything in a recipe that the weights depend on."""
    elsewhere: dict[str, Any] = {
        "data": True,
        "evaluation": True,
        "train": {"device", "tensorboard"},
    }
    return {**recipe.model_dump(exclude=elsewhere), "data": _data(recipe)}


def on_device(recipes: Mapping[str, Recipe], device: str) -> dict[str, Recipe]:
    """Return recipes that train on a device; ``auto``: on their own."""
    if device == "auto":
        return dict(recipes)
    return {
        name: recipe.model_copy(
            update={"train": recipe.train.model_copy(update={"device": device})}
        )
        for name, recipe in recipes.items()
    }


def train_all(
    planned: Sequence[Planned], executor: Executor, *, command: Sequence[str] = ()
) -> list[Entry] | None:
    """Train the planned runs of a comparison, except those that are trained already.

    Args:
        planned: the result of :func:`plan`.
        executor: where they are trained.
        command: the command line.

    Returns:
        The models with their runs, or ``None`` if training was stopped.

    Raises:
        BudgetError: the time limit was too short to train anything.
    """
    tasks = [_task(training, command) for training in planned]
    folder = planned[0].path.parents[1]
    finished = [task.name for task, whole in executor.run(tasks, folder) if whole]
    if len(finished) < len(tasks):
        return None
    runs: dict[str, list[Run]] = {}
    for training in planned:
        runs.setdefault(training.model, []).append(Run(training.path))
    return [Entry(name, tuple(found)) for name, found in runs.items()]


def _task(training: Planned, command: Sequence[str]) -> Task:
    recipe = located(training.recipe)
    return Task(
        training.label,
        train_run,
        {
            "label": training.label,
            "name": recipe.name,
            "recipe": recipe.model_dump(mode="json"),
            "path": str(training.path.absolute()),
            "command": list(command),
        },
        device=recipe.train.device,
        steps=recipe.train.steps if recipe.train.minutes is None else None,
    )


def train_run(given: Mapping[str, Any], watch: Watch) -> bool:
    """Find, resume or train a run: the work of a task; return whether the run is finished."""
    recipe = recipe_files.check(given["recipe"], given["name"])
    path, label = Path(given["path"]), given["label"]
    if not (path / "run.json").exists():
        watch.say(f"{label}: training")
        result = train(recipe, out=path, command=given["command"], watch=watch)
    elif _over(Run(path), recipe):
        watch.say(f"{label}: trained before")
        _refuse_short(Run(path), recipe, label)
        return True
    else:
        watch.say(f"{label}: resuming")
        moved = [f"data.root={json.dumps(recipe.data.root)}"] if recipe.data.root else []
        result = resume(path, overrides=moved, device=recipe.train.device, watch=watch)
    if result.finished:
        _refuse_short(result.run, recipe, label)
    return result.finished


def _refuse_short(run: Run, recipe: Recipe, label: str) -> None:
    steps, _ = trained(run)
    # A number of steps is what somebody wanted; what a clock gives is not.
    if recipe.train.minutes is not None and steps < FEWEST_STEPS:
        raise BudgetError(
            f"{label} did {steps} steps in {recipe.train.minutes} minutes, too few to train "
            f"anything; give a larger budget (and remove {run.path})"
        )


def _over(run: Run, recipe: Recipe) -> bool:
    try:
        step, seconds = trained(run)
    except (IndexError, FileProblem):
        return False
    by_clock = bool(recipe.train.minutes) and seconds >= 60 * (recipe.train.minutes or 0)
    return by_clock or step >= recipe.train.steps
