"""Comparisons: several models trained under one budget, measured and shown side by side."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from ..errors import NotSupported, UsageError
from ..evaluation.figures import Value
from ..files import FileProblem, read_json, refuse_existing, write_json, write_text
from ..measuring.bench import Bench
from ..measuring.evaluation import Evaluation, trained
from ..measuring.opening import bench_of, same_data_for_all
from ..measuring.sweeps import Swept, sweep
from ..recipe import CompareRecipe, Recipe, slug
from ..recipe import files as recipe_files
from ..report import page, tables
from ..report.curves import Sweep
from ..runs.loading import run_recipe
from ..runs.watch import Watch
from ..runs.workflow import resume, train
from ..training.run import Run, RunError
from . import content as evidence

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


# -- training under one budget ------------------------------------------------------------------


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
    return planned


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


def train_all(
    planned: Sequence[Planned],
    *,
    say: Callable[[str], None],
    watched: Callable[[Recipe], AbstractContextManager[Watch]],
    command: Sequence[str] = (),
) -> list[Entry] | None:
    """Train the planned runs of a comparison, except those that are trained already.

    Args:
        planned: the result of :func:`plan`.
        say: called with progress messages.
        watched: returns a context manager with the callbacks of one training run.
        command: the command line.

    Returns:
        The models with their runs, or ``None`` if training was stopped.

    Raises:
        BudgetError: the time limit was too short to train anything.
    """
    runs: dict[str, list[Run]] = {}
    for training in planned:
        run = _trained(training, say, watched, command)
        if run is None:
            return None
        runs.setdefault(training.model, []).append(run)
    return [Entry(name, tuple(found)) for name, found in runs.items()]


def _trained(
    training: Planned,
    say: Callable[[str], None],
    watched: Callable[[Recipe], AbstractContextManager[Watch]],
    command: Sequence[str],
) -> Run | None:
    """Find, resume or train a run; return ``None`` if it was stopped."""
    recipe, path, label = training.recipe, training.path, training.label
    if not (path / "run.json").exists():
        say(f"{label}: training")
        with watched(recipe) as watch:
            result = train(recipe, out=path, command=command, watch=watch)
    elif _over(Run(path), recipe):
        say(f"{label}: trained before")
        return _long_enough(Run(path), training)
    else:
        say(f"{label}: resuming")
        moved = [f"data.root={json.dumps(recipe.data.root)}"] if recipe.data.root else []
        with watched(recipe) as watch:
            result = resume(path, overrides=moved, device=recipe.train.device, watch=watch)
    return _long_enough(result.run, training) if result.finished else None


def _long_enough(run: Run, training: Planned) -> Run:
    steps, _ = trained(run)
    if steps < FEWEST_STEPS:
        raise BudgetError(
            f"{training.label} did {steps} steps in {training.recipe.train.minutes} minutes, too "
            f"few to train anything; give a larger budget (and remove {run.path})"
        )
    return run


def _over(run: Run, recipe: Recipe) -> bool:
    try:
        step, seconds = trained(run)
    except (IndexError, FileProblem):
        return False
    by_clock = bool(recipe.train.minutes) and seconds >= 60 * (recipe.train.minutes or 0)
    return by_clock or step >= recipe.train.steps


# -- comparing runs -----------------------------------------------------------------------------


def runs_as_entries(runs: Sequence[Run]) -> list[Entry]:
    """Return runs as models, named after their folders.

    Raises:
        RunError: a run is given twice.
    """
    names = [run.path.resolve().name for run in runs]
    for name in names:
        if names.count(name) > 1:
            names = [str(run.path) for run in runs]
            break
    if len(set(names)) < len(names):
        raise RunError("a run is named twice; name different runs")
    return [Entry(name, (run,)) for name, run in zip(names, runs, strict=True)]


def compare(
    entries: Sequence[Entry],
    folder: Path,
    *,
    recipe: Recipe | None = None,
    title: str,
    kind: Literal["comparison", "run"] = "comparison",
    budget: str | None = None,
    seed: int = 0,
    device: str = "auto",
    samples: int | None = None,
    sets: int | None = None,
    gan_train: bool = True,
    settings: Sequence[Swept] = (),
    command: str = "",
    watch: Watch | None = None,
    stem: str = "compare",
) -> page.Content:
    """Measure runs and write the table, the page and their data.

    Args:
        entries: the models.
        folder: output folder of ``compare.html``, ``.json``, ``.csv`` and ``.md``.
        recipe: names the data, and says how to measure (default: the recipe of the first run).
        title: title of the page.
        kind: ``"comparison"`` or ``"run"``.
        budget: budget, in words.
        seed: seed of all samples.
        device: device of judge and generators.
        samples: samples per set (default: from the recipe).
        sets: independent sets of samples per run (default: from the recipe).
        gan_train: whether to measure GAN-train.
        settings: settings of sampling along which models are measured, too.
        command: the command line, which the page shows.
        watch: callbacks for progress.
        stem: name of the files, without suffix.

    Returns:
        The content of the page.

    Raises:
        RunError: the runs were trained on different data, or one has no checkpoint.
    """
    watch = watch or Watch()
    runs = [run for entry in entries for run in entry.runs]
    bench = bench_of(
        recipe or same_data_for_all(runs),
        device=device,
        watch=watch,
        samples=samples,
        sets=sets,
        gan_train=gan_train,
    )
    measured = []
    for entry in entries:
        evaluations = []
        for run in entry.runs:
            watch.say(f"{entry.name}: measuring {run.path}")
            evaluations.append(bench.run(run, seed=seed))
        measured.append(joined(entry.name, evaluations))
    content = evidence.content(
        bench,
        [
            (entry.name, entry.runs, result)
            for entry, result in zip(entries, measured, strict=True)
        ],
        title=title,
        kind=kind,
        budget=budget,
        seed=seed,
        command=command,
        sweeps=swept(bench, entries, settings, seed=seed),
    )
    write(content, folder, stem)
    return content


def swept(
    bench: Bench, entries: Sequence[Entry], settings: Sequence[Swept], *, seed: int
) -> list[Sweep]:
    """Measure the first run of each model along each setting that it can be drawn with."""
    found: list[Sweep] = []
    for one in settings:
        for place, entry in enumerate(entries):
            try:
                points = sweep(bench, entry.runs[0], one, seed=seed)
            except NotSupported as error:
                bench.watch.say(f"{entry.name} has no curve of {one.title}: {error}")
                continue
            found.append(
                {
                    "name": entry.name,
                    "colour": place,
                    "knob": one.knob,
                    "title": one.title,
                    "points": points,
                }
            )
    return found


def joined(name: str, evaluations: Sequence[Evaluation]) -> Evaluation:
    """Combine the evaluations of the seeds of a model; statistics are then over seeds."""
    first = evaluations[0]
    if len(evaluations) == 1:
        return replace(first, name=name)
    figures = {
        figure: Value.of([e.figures[figure].mean for e in evaluations], value.count)
        for figure, value in first.figures.items()
    }
    return Evaluation(name, figures, first.settings)


def write(content: page.Content, folder: Path, stem: str) -> None:
    """Write the files of a comparison."""
    folder.mkdir(parents=True, exist_ok=True)
    data, table, text, page_path = page_files(folder, stem)
    write_json(data, evidence.without_pictures(content))
    write_text(table, tables.csv(content))
    write_text(text, tables.markdown(content))
    write_text(page_path, page.render(content))


def page_files(folder: Path, stem: str) -> list[Path]:
    """Return the files of a page: its data, the table twice, and the page itself."""
    return [folder / f"{stem}{ending}" for ending in (".json", ".csv", ".md", ".html")]


def refuse_others(folder: Path, stem: str, title: str | None, force: bool) -> None:
    """Refuse to replace files that :func:`write` did not write for the same comparison.

    Args:
        folder: where the files are to go.
        stem: their name.
        title: title of a page that may be replaced; ``None``: none may.
        force: replace them, whatever they are.

    Raises:
        UsageError: there are such files, or ``folder`` is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--out {folder} is a file: name a folder")
    data, *others = page_files(folder, stem)
    try:
        there = read_json(data).get("title") if title is not None else None
    except (FileNotFoundError, FileProblem, AttributeError):
        there = None
    if there is None or there != title:
        for path in (data, *others):
            refuse_existing(path, force)
