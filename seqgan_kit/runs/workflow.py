"""The workflows of a user: train a recipe, resume a run."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from torch import nn

from .. import __version__
from ..data.dataset import Dataset
from ..data.loader import GroupedBatches, SequenceStore
from ..data.sources import cache_folder
from ..files import FileProblem, write_text
from ..kind import Codec
from ..labels import label_counts
from ..nn.networks import Generator
from ..objectives.objective import Objective
from ..recipe import Recipe
from ..recipe import files as recipe_files
from ..training.checkpoint import load_network, network_names
from ..training.log import require_tensorboard, tensorboard_report
from ..training.run import Run, RunError, create_run, free_path, remove_run
from ..training.runtime import Runtime
from ..training.trainer import Hook, OptimizerMaker, Trainer, adam
from . import data as data_of
from .data import make_codec, run_codec, seen, store_codec, trainable
from .judging import checkpoint_score, likelihood_score
from .loading import run_recipe, same_data
from .objectives import check_processes, make_objective, optimization, schedule
from .sampler import Sampler
from .watch import Watch, environment


@dataclass(frozen=True)
class Trained:
    """The result of a training run.

    Attributes:
        run: the run.
        finished: whether it reached its end.
        leads: whether this is the first process, the only one that prints messages.
    """

    run: Run
    finished: bool
    leads: bool


def train(
    recipe: Recipe,
    *,
    out: Path | None = None,
    runs: Path = Path("runs"),
    force: bool = False,
    init_from: Path | None = None,
    command: Sequence[str] = (),
    watch: Watch | None = None,
    optimizer: OptimizerMaker = adam,
    hooks: Sequence[Hook] = (),
) -> Trained:
    """Train a recipe into a new run folder.

    Args:
        recipe: the recipe.
        out: the run folder (default: ``runs/NAME``, or ``runs/NAME-2`` and so on).
        runs: parent folder of runs without ``out``.
        force: replace the run in ``out``.
        init_from: another run, whose weights to start from.
        command: the command line, stored in ``run.json``.
        watch: callbacks for progress.
        optimizer: makes the optimiser of each network.
        hooks: callbacks for the averaged network, in addition to the sample grid.

    Raises:
        RunError: ``out`` exists, or ``init_from`` is not a run.
        RecipeError: the batch does not fit the number of processes.
        DataError: the data cannot be loaded or used.
        TrainingDiverged: a loss became infinite or NaN.
    """
    weights = Run(init_from).checkpoint() if init_from is not None else None
    runtime = Runtime(device=recipe.train.device, precision=recipe.train.precision)
    watch = _for_process(watch, runtime)
    if out is not None and runtime.leader:
        _refuse_to_overwrite(out, force)
    # All errors of data and weights are found before a folder is created.
    dataset = data_of.load_dataset(recipe, watch.download)
    for note in (*recipe.notes, *dataset.notes):
        watch.say(note)
    stored = store_codec(recipe, dataset)
    codec = make_codec(data_of.kind_of(recipe), stored)
    trainer_for = _prepare(
        recipe, dataset, codec, runtime, watch, weights, optimizer=optimizer, hooks=hooks
    )
    visible = seen(recipe, dataset)
    labels = visible.labels
    path = Path()
    if runtime.leader:
        if out is not None and force:
            remove_run(out)
        path = out if out is not None else free_path(runs, recipe.name)
        create_run(
            path,
            recipe_files.dump(recipe),
            {
                "seqgan_kit": __version__,
                "created": datetime.now(UTC).isoformat(timespec="seconds"),
                "command": shlex.join(command),
                "environment": environment(runtime.device, runtime.world),
                "labels": {name: list(names) for name, names in labels.items()},
                "label_counts": label_counts(visible.parts["training"].label_NA),
                "codec": dict(stored.settings),
                "data": {
                    "name": dataset.name,
                    "fingerprint": dataset.fingerprint,
                    "items": {name: len(part) for name, part in dataset.parts.items()},
                },
            },
            stored.files,
        )
    run = Run(runtime.fabric.broadcast(path))
    with _held(run, runtime):
        trainer = trainer_for(run)
        if weights is not None:
            trainer.save()  # Otherwise a run that is killed early would resume without them.
        return Trained(run, trainer.fit(), runtime.leader)


def _refuse_to_overwrite(out: Path, force: bool) -> None:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not force:
        raise RunError(
            f"{out} exists and is not overwritten; choose another --out, continue it with "
            f"`seqgen train --resume {shlex.quote(str(out))}`, or replace it with --force"
        )
    Run(out)  # Raises an error if it is not a run: nothing else is ever replaced.


def resume(
    run_path: Path,
    *,
    overrides: Sequence[str] = (),
    device: str | None = None,
    watch: Watch | None = None,
    optimizer: OptimizerMaker = adam,
    hooks: Sequence[Hook] = (),
) -> Trained:
    """Resume a run from its newest readable checkpoint, with the recipe stored in the run.

    Args:
        run_path: the run folder.
        overrides: overrides of the ``train`` section (``train.steps=20000`` trains longer), or
            of ``data.root`` if the data have moved; the changed recipe is stored in the run.
        device: device to train on (default: from the recipe).
        watch: callbacks for progress.
        optimizer: see :func:`train`; must be the same as before, or its state does not fit.
        hooks: see :func:`train`.

    Raises:
        RunError: it is not a run, another process is training it, or an override is not allowed.
        FileProblem: its checkpoints are damaged.
    """
    run = Run(run_path)
    recipe = run_recipe(run, overrides)
    runtime = Runtime(device=device or recipe.train.device, precision=recipe.train.precision)
    watch = _for_process(watch, runtime)
    with _held(run, runtime):
        dataset = same_data(run, recipe, watch)
        codec = run_codec(run)
        trainer = _prepare(
            recipe, dataset, codec, runtime, watch, optimizer=optimizer, hooks=hooks
        )(run)
        if run.checkpoints():
            _resume_newest(run, trainer, watch)
        else:
            watch.say(f"{run.path} has no checkpoint yet: training starts from the beginning")
        if overrides and runtime.leader:
            write_text(run.recipe_path, recipe_files.dump(recipe))
        return Trained(run, trainer.fit(), runtime.leader)


def _resume_newest(run: Run, trainer: Trainer, watch: Watch) -> None:
    """Resume from the newest checkpoint that can be read; the first process chooses for all.

    Damaged ones are renamed, not removed, so that pruning does not keep them as the newest ones.
    If none can be read, nothing is changed.
    """
    runtime = trainer.runtime
    chosen: Path | None = None
    if runtime.leader:
        problems: list[tuple[Path, str]] = []
        for path in reversed(run.checkpoints()):
            try:
                trainer.resume(path)
            except FileProblem as error:
                problems.append((path, str(error)))
            else:
                chosen = path
                break
        if chosen is None:
            raise FileProblem("; ".join(problem for _, problem in problems))
        for path, problem in problems:
            path.rename(path.with_name(f"damaged-{path.name}"))
            watch.say(f"set a checkpoint aside: {problem}")
        watch.say(f"resumed {chosen.name} of {run.path}")
    chosen = runtime.fabric.broadcast(chosen)
    if chosen is not None and not runtime.leader:
        trainer.resume(chosen)


def _for_process(watch: Watch | None, runtime: Runtime) -> Watch:
    """Return the callbacks of this process; only the first process prints messages."""
    watch = watch or Watch()
    return watch if runtime.leader else Watch(should_stop=watch.should_stop)


def _held(run: Run, runtime: Runtime) -> AbstractContextManager[None]:
    """Return the lock of a run, which the first process holds for all."""
    return run.hold() if runtime.leader else nullcontext()


def _prepare(
    recipe: Recipe,
    dataset: Dataset,
    codec: Codec,
    runtime: Runtime,
    watch: Watch,
    weights: Path | None = None,
    *,
    optimizer: OptimizerMaker,
    hooks: Sequence[Hook],
) -> Callable[[Run], Trainer]:
    """Prepare training; return a function that makes the trainer for a run folder.

    ``weights`` is a checkpoint with the initial weights.
    """
    settings = recipe.train
    kind = data_of.kind_of(recipe)
    check_processes(recipe, runtime.world)
    if settings.tensorboard:
        require_tensorboard()
    visible, notes = trainable(recipe, seen(recipe, dataset), codec)
    for note in notes:
        watch.say(note)
    store = SequenceStore(
        visible.parts["training"],
        codec,
        runtime.device,
        recipe.data.budget_mb * 2**20,
        cache_folder() / "encoded",
    )
    batches = GroupedBatches(
        store,
        batch_size=settings.batch_size,
        group=settings.class_group,
        seed=recipe.seed,
        rank=runtime.rank,
        world=runtime.world,
    )
    objective = make_objective(recipe, codec, visible.classes)
    score = None
    if settings.keep == "best" and settings.best_by == "likelihood":
        score = likelihood_score(recipe, dataset, codec, device=runtime.device)
    elif settings.keep == "best":
        score = checkpoint_score(
            recipe, dataset, codec, device=runtime.device, say=watch.say, progress=watch.judge
        )
    if weights is not None:
        _begin_with(weights, objective, watch)

    def trainer_for(run: Run) -> Trainer:
        def sampler(network: nn.Module) -> Sampler:
            made = Sampler(cast(Generator, network), codec, visible.labels, runtime.device)
            made.label_counts = label_counts(visible.parts["training"].label_NA)
            return made

        def draw(step: int, network: nn.Module) -> None:
            kind.draw(sampler(network), run.samples / f"step-{step:08d}{kind.preview}")

        report = watch.report
        if settings.tensorboard and runtime.leader:
            report = tensorboard_report(run.path / "tensorboard", report)
        return Trainer(
            objective,
            batches,
            runtime=runtime,
            run=run,
            optimization=optimization(recipe, objective, optimizer),
            schedule=schedule(recipe),
            steps=settings.steps,
            minutes=settings.minutes,
            average_decay=settings.average_decay,
            seed=recipe.seed,
            log_every=settings.log_every,
            checkpoint_every=settings.checkpoint_every,
            # The best one and two new ones, in case one is damaged.
            keep=2 if settings.keep == "best" else settings.keep,
            score=None if score is None else lambda network: score(sampler(network)),
            hooks=[Hook(settings.grid_every, draw), *hooks],
            report=report,
            should_stop=watch.should_stop,
        )

    return trainer_for


def _begin_with(weights: Path, objective: Objective, watch: Watch) -> None:
    """Load weights from a checkpoint of another run; networks missing there stay as they are."""
    found = network_names(weights)
    for name, network in objective.networks.items():
        if name in found:
            # For the averaged network the average, from which that run draws its samples.
            average = name == objective.averaged and "average" in found
            load_network(weights, "average" if average else name, network)
        else:
            watch.say(f"the {name} begins anew: the other run has none")
    watch.say(f"starting from the weights of {weights}")
