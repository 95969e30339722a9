"""The toolkit from Python: train, sample, evaluate and compare in a few lines.

>>> model = train("vowels_series", data=series, labels=wards, out="runs/mine")  # doctest: +SKIP
>>> model.sample(label="surgery", count=8).save("eight.csv")  # doctest: +SKIP

Everything here is what the command ``seqgen`` does; a run that one of them has made is a run for
the other.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .errors import UsageError
from .measuring.evaluation import Evaluation
from .measuring.opening import bench_of, same_data_for_all
from .pages import comparison, training_curves
from .pages.measuring_runs import Measuring
from .pages.training_curves import Against
from .recipe import Recipe
from .report.charts import Sheet
from .report.page import Content
from .runs import workflow
from .runs.given import recipe_of
from .runs.loading import folder_of, load
from .runs.places import find
from .runs.sampler import Sampler
from .runs.watch import Watch
from .training.log import Report
from .training.run import Run
from .training.trainer import Hook, OptimizerMaker, adam

Model = str | Path | Sampler
"""A run: its folder, or what :func:`train` and :func:`load` return."""

QUIET = 10.0
"""Seconds between two lines of progress."""


def train(
    recipe: str | Path | Mapping[str, Any] | Recipe,
    *overrides: str,
    data: Any = None,
    labels: Any = None,
    out: str | Path | None = None,
    force: bool = False,
    init_from: Model | None = None,
    hooks: Sequence[Hook] = (),
    optimizer: OptimizerMaker = adam,
    progress: bool = True,
) -> Sampler:
    """Train a recipe into a new run folder, and return the trained model.

    Args:
        recipe: the name of a bundled recipe, a file, a dictionary with the keys of one (with
            ``extends``, only what it changes), or a :class:`Recipe`.
        overrides: dotted overrides, such as ``"train.steps=500"``.
        data: data in memory in place of the recipe's; see ``keep`` of each kind. Images: an array
            ``[N, height, width]`` or ``[N, height, width, 3]``, bytes or 0 to 1. Text: a list of
            strings. Sound: a list of clips ``[samples]``, -1 to 1. Series: an array
            ``[N, time, channels]``, a list of arrays ``[time, channels]``, or a data frame. They
            are written to the cache, so that the run can be resumed and measured later.
        labels: labels of these data: one for each item, a dictionary of such by attribute, or the
            names of columns of a data frame.
        out: the run folder (default: ``runs/NAME``).
        force: replace the run in ``out``.
        init_from: another run, whose weights to start from.
        hooks: called with the averaged network every so many steps.
        optimizer: makes the optimiser of each network.
        progress: print progress to standard error.

    Returns:
        The sampler of the trained run.

    Raises:
        RecipeError: the recipe has an error.
        DataError: the data cannot be used.
        RunError: ``out`` exists.
        TrainingDiverged: a loss became infinite or NaN.
    """
    checked = recipe_of(recipe, overrides, data, labels)
    trained = workflow.train(
        checked,
        out=None if out is None else Path(out),
        force=force,
        init_from=None if init_from is None else _path(init_from),
        watch=_watch(progress),
        optimizer=optimizer,
        hooks=hooks,
    )
    return load(trained.run.path, device=checked.train.device)


def resume(
    run: Model,
    *overrides: str,
    hooks: Sequence[Hook] = (),
    optimizer: OptimizerMaker = adam,
    progress: bool = True,
) -> Sampler:
    """Resume a run from its newest checkpoint, and return the trained model.

    Args:
        run: the run.
        overrides: of its ``train`` section (``"train.steps=20000"``), or of ``data.root``.
        hooks: see :func:`train`.
        optimizer: see :func:`train`.
        progress: print progress to standard error.

    Raises:
        RunError: it is no run, or an override is not allowed.
        FileProblem: its checkpoints are damaged.
    """
    trained = workflow.resume(
        _path(run), overrides=overrides, watch=_watch(progress), hooks=hooks, optimizer=optimizer
    )
    return load(trained.run.path)


def evaluate(
    run: Model,
    *,
    samples: int | None = None,
    sets: int | None = None,
    gan_train: bool = True,
    seed: int = 0,
    device: str = "auto",
    progress: bool = True,
) -> Evaluation:
    """Measure the samples of a run; see ``seqgen evaluate``.

    Args:
        run: the run.
        samples: samples per set (default: from the recipe).
        sets: independent sets of samples (default: from the recipe).
        gan_train: whether to train a judge on samples, too.
        seed: seed of the samples.
        device: where to measure.
        progress: print progress to standard error.

    Returns:
        Its ``figures`` by name, each with ``mean`` and ``deviation``.

    Raises:
        RunError: it is no run, or its data have changed.
        DataError: the data cannot be loaded.
    """
    opened = Run(_path(run))
    bench = bench_of(
        same_data_for_all([opened]),
        device=device,
        watch=_watch(progress),
        samples=samples,
        sets=sets,
        gan_train=gan_train,
    )
    return bench.run(opened, seed=seed)


def compare(
    *runs: Model,
    out: str | Path,
    samples: int | None = None,
    sets: int | None = None,
    gan_train: bool = True,
    seed: int = 0,
    device: str = "auto",
    force: bool = False,
    progress: bool = True,
) -> Content:
    """Measure runs side by side and write ``compare.html``, ``.md``, ``.csv`` and ``.json``.

    Args:
        runs: the runs, all of the same data.
        out: the folder of these files.
        samples: samples per set (default: from the first recipe).
        sets: independent sets of samples (default: from the first recipe).
        gan_train: whether to train a judge on samples, too.
        seed: seed of the samples.
        device: where to measure.
        force: replace a comparison of other runs.
        progress: print progress to standard error.

    Returns:
        What the page shows.

    Raises:
        UsageError: no run is given, or ``out`` has a comparison already.
        RunError: the runs were trained on different data.
    """
    if not runs:
        raise UsageError("compare what? Name one or more runs")
    entries = comparison.runs_as_entries([Run(_path(run)) for run in runs])
    comparison.refuse_others(Path(out), "compare", None, force)
    return comparison.compare(
        entries,
        Path(out),
        title=", ".join(entry.name for entry in entries),
        how=Measuring(device, samples, sets, gan_train, seed),
        watch=_watch(progress),
    )


def plot(*runs: Model, against: Against = "step", figures: Sequence[str] = ()) -> Sheet:
    """Draw what runs have logged while they trained; see ``seqgen plot``.

    Args:
        runs: the runs.
        against: the x axis: ``"step"``, or ``"seconds"`` of training.
        figures: metrics to show, in this order; by default all that some run has.

    Returns:
        A chart for each metric, which a notebook shows; ``save`` writes PNG or SVG.

    Raises:
        RunError: a run has logged nothing yet, or is named twice.
        UsageError: no run is given, or none has such a metric.
    """
    if not runs:
        raise UsageError("plot what? Name one or more runs")
    entries = comparison.runs_as_entries([Run(_path(run)) for run in runs])
    opened = [run for entry in entries for run in entry.runs]
    charts = training_curves.charts(opened, against=against, figures=figures)
    return Sheet(charts, [entry.name for entry in entries])


def _path(run: Model) -> Path:
    """Return the folder of a run.

    Raises:
        UsageError: the sampler was not loaded from one.
    """
    return folder_of(run) if isinstance(run, Sampler) else find(run)[0]


# -- progress -----------------------------------------------------------------------------------


def _watch(progress: bool) -> Watch:
    return Watch(say=_say, report=_reporter()) if progress else Watch()


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _reporter() -> Callable[[Report], None]:
    """Return what prints a line now and then while a run trains."""
    last = [0.0]

    def report(state: Report) -> None:
        now = time.monotonic()
        if state.figures and (now - last[0] >= QUIET or state.progress >= 1):
            last[0] = now
            minutes, seconds = divmod(round(state.seconds_left), 60)
            _say(
                f"step {state.step:,}, {state.steps_per_second:.1f} steps/s, "
                f"{minutes}:{seconds:02d} left"
            )

    return report
