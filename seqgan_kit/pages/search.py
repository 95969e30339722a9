"""Search of settings: a recipe trained with many, of which one is chosen on validation."""

from __future__ import annotations

import csv
import difflib
import hashlib
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import UsageError
from ..evaluation.figures import Figure, Value, figures_for
from ..files import write_text
from ..measuring.bench import Bench
from ..measuring.evaluation import Evaluation
from ..recipe import Recipe, slug
from ..recipe import files as recipe_files
from ..recipe.search_space import Axis, Setting, SpaceError, name_of, settings
from ..report.page import Content
from ..report.tables import number
from ..runs.watch import Watch
from ..tasks.task import Executor, Local
from . import comparison
from .measuring_runs import Measuring, measure_all
from .training_runs import Entry, Planned, check_planned, on_device

SHOWN = 12
"""Most settings on the page."""

USUAL = ("frechet_judge_distance", "nats_per_token")
"""Metrics to choose by unless the user says so, the first that there is."""

STEM = "sweep"


@dataclass(frozen=True)
class Ranked:
    """A setting and what it led to.

    Attributes:
        entry: its name and runs.
        setting: its values by keys.
        validation: metrics on the validation part, over seeds.
    """

    entry: Entry
    setting: Setting
    validation: Evaluation


@dataclass(frozen=True)
class Found:
    """The result of a search.

    Attributes:
        ranked: all settings, the best first.
        by: the metric that they are ranked by.
        test: metrics of the best on the test part.
        content: what the page shows.
    """

    ranked: Sequence[Ranked]
    by: Figure
    test: Evaluation
    content: Content

    def lines(self) -> list[str]:
        """Return the ranking as lines of a table."""
        width = max(len(one.entry.name) for one in self.ranked)
        return [
            f"{place:3d}  {one.entry.name:{width}}  "
            f"{shown(one.validation.figures[self.by.name], self.by)}"
            for place, one in enumerate(self.ranked, 1)
        ]


def plan(
    recipe: str,
    axes: Sequence[Axis],
    folder: Path,
    *,
    trials: int | None,
    seed: int,
    device: str = "auto",
) -> tuple[list[Planned], dict[str, Setting]]:
    """Plan the training runs of a search; all are checked before the first one starts.

    Args:
        recipe: the recipe.
        axes: overrides of it with one or several values; those of ``seed`` are runs of each
            setting.
        folder: folder of the search; its runs go into the sub-folder ``runs``.
        trials: how many settings to draw; ``None``: all.
        seed: of the draws.
        device: device to train on; ``auto``: that of the recipe.

    Returns:
        The runs, and the settings by their names.

    Raises:
        SpaceError: there is nothing to search, or too much.
        RecipeError: the recipe has an error with some setting.
        RunError: settings change the data, or a folder has a run of another recipe.
    """
    for axis in axes:
        if sum(axis.key == other.key for other in axes) > 1:
            raise SpaceError(f"{axis.key} is given twice")
    seeds = next((axis for axis in axes if axis.key == "seed"), None)
    if seeds is not None and not seeds.values:
        raise SpaceError("seed: expected whole numbers")
    fixed = [f"{one.key}={one.values[0]}" for one in axes if len(one.values) == 1 and one != seeds]
    free = [one for one in axes if len(one.values) != 1 and one != seeds]
    if not free:
        raise SpaceError("nothing to search: give a key several values, as in KEY=1,2 or KEY=1..4")
    by_name = {name_of(one): one for one in settings(free, trials=trials, seed=seed)}
    planned: list[Planned] = []
    for name, setting in by_name.items():
        overrides = [*fixed, *(f"{key}={value}" for key, value in setting)]
        for one in seeds.values if seeds is not None else ("",):
            own = [*overrides, f"seed={one}"] if one else overrides
            checked = on_device({name: recipe_files.load(recipe, own)}, device)[name]
            # Names of folders lose signs and points, so that a digest tells them apart.
            key = f"{slug(name)[:60]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
            label = f"{name}, seed {checked.seed}" if one else name
            path = folder / "runs" / f"{key}-seed{checked.seed}"
            planned.append(Planned(name, label, checked, path))
    total = len(planned)
    planned = [
        replace(one, label=f"{one.label} ({place} of {total})")
        for place, one in enumerate(planned, 1)
    ]
    check_planned(planned)
    return planned, by_name


def figure_by(bench: Bench, by: str | None) -> Figure:
    """Return the metric to choose by; checked before anything is trained.

    Raises:
        UsageError: there is none of this name, or none that is usual and ``by`` is absent.
    """
    known = figures_for(bench.dataset.labels, bench.measure.figures)
    fit: Mapping[str, Figure] = {n: one for n, one in known.items() if one.better != "none"}
    if by is None:
        usual = [fit[name] for name in USUAL if name != USUAL[0] or bench.judged]
        tokens = bench.recipe.codec.steps == "tokens" and bench.recipe.model.exact_likelihood
        if bench.judged or tokens:
            return usual[0]
        raise UsageError(f"name the metric to choose by (--by): {', '.join(fit)}")
    if by in fit:
        return fit[by]
    near = difflib.get_close_matches(by, fit, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(fit)}"
    raise UsageError(f"--by {by}: there is no such metric to choose by; {hint}")


def rank(found: Sequence[Ranked], by: Figure) -> list[Ranked]:
    """Sort settings, the best first.

    Raises:
        UsageError: their runs do not have the metric.
    """
    for one in found:
        if by.name not in one.validation.figures:
            raise UsageError(
                f"--by {by.name}: {one.entry.name} does not have it; it has "
                f"{', '.join(one.validation.figures)}"
            )
    return sorted(found, key=lambda one: _loss(one.validation.figures[by.name], by))


def _loss(value: Value, by: Figure) -> float:
    mean = value.mean
    if math.isnan(mean):
        return math.inf
    return {"lower": mean, "higher": -mean, "one": abs(mean - 1)}[by.better]


def search(
    planned: Sequence[Planned],
    named: Mapping[str, Setting],
    train: Callable[[], Sequence[Entry]],
    folder: Path,
    executor: Executor,
    *,
    title: str,
    by: str | None,
    how: Measuring,
    command: str = "",
    watch: Watch,
) -> Found:
    """Train, measure on the validation part, choose, and measure the best on the test part.

    Args:
        planned: the result of :func:`plan`.
        named: the settings by their names.
        train: trains the planned runs, or raises.
        folder: output folder of ``sweep.html``, ``.json``, ``.csv``, ``.md`` (of the best
            settings) and ``settings.csv`` (of all).
        executor: where runs are measured.
        title: title of the page.
        by: name of the metric to choose by; ``None``: the usual one.
        how: how runs are measured; of which part, this function says.
        command: the command line.
        watch: callbacks for progress.

    Raises:
        UsageError: there is no such metric, or no validation part.
        Stopped: the user stopped it.
    """
    recipe: Recipe = planned[0].recipe
    on_validation = replace(how, part="validation")
    figure = figure_by(on_validation.bench(recipe, watch), by)
    how = replace(how, gan_train=figure.name.startswith("gan_train"))
    on_validation = replace(how, part="validation")
    entries = train()
    _, measured = measure_all(
        entries, folder, recipe, how=on_validation, executor=executor, watch=watch
    )
    ranked = rank(
        [
            Ranked(entry, named[entry.name], evaluation)
            for entry, evaluation in zip(entries, measured, strict=True)
        ],
        figure,
    )
    best = ranked[0]
    _, (test,) = measure_all([best.entry], folder, recipe, how=how, executor=Local(), watch=watch)
    content = comparison.compare(
        [one.entry for one in ranked[:SHOWN]],
        folder,
        recipe=recipe,
        title=title,
        how=on_validation,
        command=command,
        watch=replace(watch, say=lambda line: None),
        notes=_notes(ranked, figure, test),
        stem=STEM,
    )
    write_text(folder / "settings.csv", _table(ranked, figure))
    return Found(ranked, figure, test, content)


def shown(value: Value, figure: Figure) -> str:
    """Format a value with its deviation over seeds."""
    text = number(value.mean, figure.digits)
    if value.deviation is None:
        return text
    return f"{text} ± {number(value.deviation, figure.digits)}"


def _notes(ranked: Sequence[Ranked], by: Figure, test: Evaluation) -> list[str]:
    best = ranked[0]
    direction = {"lower": "the lowest", "higher": "the highest", "one": "closest to 1"}[by.better]
    notes = [
        "All metrics are those of the validation part, by a judge of its own: settings are chosen "
        f"by {by.title} ({direction}).",
        f"The best is {best.entry.name}: {shown(best.validation.figures[by.name], by)}; on the "
        f"test part, by which nothing was chosen, {shown(test.figures[by.name], by)}.",
    ]
    if len(ranked) > SHOWN:
        notes.append(
            f"The page shows the best {SHOWN} of {len(ranked)} settings; settings.csv has all."
        )
    return notes


def _table(ranked: Sequence[Ranked], by: Figure) -> str:
    """Return all settings as CSV, the best first: their values, and metrics over seeds."""
    file = io.StringIO()
    table = csv.writer(file, lineterminator="\n")
    keys = [key for key, _ in ranked[0].setting]
    names = [by.name, *(name for name in ranked[0].validation.figures if name != by.name)]
    deviation = f"{by.name} (standard deviation)"
    table.writerow([*keys, "seeds", by.name, deviation, *names[1:]])
    for one in ranked:
        values = one.validation.figures
        means = [values[name].mean if name in values else "" for name in names]
        spread = values[by.name].deviation
        row = [len(one.entry.runs), means[0], "" if spread is None else spread, *means[1:]]
        table.writerow([*(value for _, value in one.setting), *row])
    return file.getvalue()
