"""Measuring of many runs, here or on a cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..data.dataset import PartName
from ..evaluation.figures import Value
from ..measuring.bench import Bench
from ..measuring.evaluation import Evaluation
from ..measuring.opening import bench_of
from ..recipe import Recipe
from ..recipe import files as recipe_files
from ..runs.data import located
from ..runs.watch import Watch
from ..tasks.task import Executor, Stopped, Task
from ..training.run import Run
from .training_runs import Entry


@dataclass(frozen=True)
class Measuring:
    """How runs are measured.

    Attributes:
        device: device of judge and generators.
        samples: samples per set (default: from the recipe).
        sets: independent sets of samples per run (default: from the recipe).
        gan_train: whether to measure GAN-train.
        seed: seed of all samples.
        part: the part of the data that samples are compared with.
    """

    device: str = "auto"
    samples: int | None = None
    sets: int | None = None
    gan_train: bool = True
    seed: int = 0
    part: PartName = "test"

    def bench(self, recipe: Recipe, watch: Watch) -> Bench:
        """Return the bench of a recipe."""
        return bench_of(
            recipe,
            device=self.device,
            watch=watch,
            samples=self.samples,
            sets=self.sets,
            gan_train=self.gan_train,
            part=self.part,
        )


PLAIN = Measuring()


def measure_all(
    entries: Sequence[Entry],
    folder: Path,
    recipe: Recipe,
    *,
    how: Measuring,
    executor: Executor,
    watch: Watch,
) -> tuple[Bench, list[Evaluation]]:
    """Measure the runs of models; return the bench, and an evaluation of each model.

    Args:
        entries: the models.
        folder: a folder that all workers see.
        recipe: names the data, and says how to measure.
        how: the settings.
        executor: where they are measured.
        watch: callbacks for progress.

    Raises:
        Stopped: the user stopped it.
        RunError: a run was trained on other data, or has no checkpoint.
    """
    if executor.elsewhere:
        _on_workers(entries, folder, recipe, how, executor)
    bench = how.bench(recipe, watch)
    measured = []
    for entry in entries:
        evaluations = []
        for run in entry.runs:
            watch.say(f"{entry.name}: measuring {run.path}")
            # What a worker has measured is in the run.
            evaluations.append(bench.run(run, seed=how.seed))
        measured.append(joined(entry.name, evaluations))
    return bench, measured


def _on_workers(
    entries: Sequence[Entry], folder: Path, recipe: Recipe, how: Measuring, executor: Executor
) -> None:
    """Let workers measure, which store what they find in the runs."""
    shared = {
        "name": recipe.name,
        "recipe": located(recipe).model_dump(mode="json"),
        "how": asdict(how),
    }
    tasks = [
        Task(
            f"{entry.name}: measuring {run.path.name}",
            measure_run,
            {**shared, "path": str(run.path.absolute()), "data_root": run.data_root},
            device=how.device,
        )
        for entry in entries
        for run in entry.runs
    ]
    if sum(1 for _ in executor.run(tasks, folder)) < len(tasks):
        raise Stopped("stopped; what was measured is kept, and the same command goes on")


def measure_run(given: Mapping[str, Any], watch: Watch) -> None:
    """Measure a run and store the metrics in it: the work of a task."""
    how = Measuring(**given["how"])
    run = Run(Path(given["path"]), data_root=given["data_root"])
    bench = how.bench(recipe_files.check(given["recipe"], given["name"]), watch)
    bench.run(run, seed=how.seed)


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
