"""The workflows of a user: train a recipe, resume a run."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from glob import escape
from pathlib import Path
from typing import Any

from .. import __version__
from ..data.dataset import Dataset
from ..data.encoded_shards import EncodedShards
from ..errors import UsageError
from ..files import FileProblem, put_back, write_text
from ..kind import StoredCodec
from ..labels import label_counts
from ..recipe import Recipe
from ..recipe import files as recipe_files
from ..training.joining import excused
from ..training.log import damaged_metrics
from ..training.run import (
    Run,
    RunError,
    check_replaceable,
    create_run,
    publish_free,
    remove_draft,
    taken,
)
from ..training.runtime import Runtime
from ..training.trainer import Hook, OptimizerMaker, Trainer, adam
from . import data as data_of
from . import together
from .data import make_codec, run_codec, seen, store_codec
from .loading import run_recipe, same_data
from .places import find, is_packed
from .preparing import Making
from .streaming import counts_of, encode
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
        UsageError: the objective needs the generator of another run.
        RecipeError: the batch does not fit the number of processes.
        DataError: the data cannot be loaded or used.
        TrainingDiverged: a loss became infinite or NaN.
    """
    with excused():
        other = Run(find(init_from)[0]) if init_from is not None else None
        if other is not None:
            other.checkpoint()  # It has one.
        elif recipe.ratio_from == 0:
            raise UsageError(
                "objective.kind 'ratio' needs a finished generator: name its run by --init-from, "
                "or train it in a phase before"
            )
        recipe = data_of.located(recipe)
    runtime = Runtime(device=recipe.train.device, precision=recipe.train.precision)
    watch = _for_process(watch, runtime)
    making = Making(runtime, watch, optimizer, hooks)
    order = together.order_of(recipe, init_from)
    with runtime.together():
        together.same_recipe(runtime, recipe)
        own = [out] if out else runs.glob(f"{escape(recipe.name)}*")
        begun = together.begun(runtime, own, order, anew=force)
        if begun is not None:
            watch.say(f"a process was lost or stopped: going on with {begun}")
            trained = _go_on(together.shared(begun, runtime), recipe, making, order=order)
        else:
            if out is not None and runtime.leader:
                _refuse_to_overwrite(out, force)
            place = _Place(out, runs, force)
            trained = _begin(recipe, place, making, other, order=order, command=command)
    if trained.finished:
        # Only now are all at the end: the loss of a process before would begin the run again.
        together.forget(trained.run, runtime)
    return trained


@dataclass(frozen=True)
class _Place:
    """Where a new run goes; see :func:`train`."""

    out: Path | None
    runs: Path
    force: bool


def _begin(
    recipe: Recipe,
    place: _Place,
    making: Making,
    other: Run | None,
    *,
    order: str,
    command: Sequence[str],
) -> Trained:
    """Train into a new run folder."""
    runtime, watch = making.runtime, making.watch
    # All errors of data and weights are found before a folder is created.
    with runtime.apart():
        dataset = data_of.load_dataset(recipe, watch.download)
        for note in (*recipe.notes, *dataset.notes):
            watch.say(note)
        learned = store_codec(recipe, dataset) if runtime.leader else None
    together.same(runtime, "data", dataset.fingerprint)
    # Learned on each machine, it might differ in the last digit.
    stored = runtime.fabric.broadcast(learned)
    assert stored is not None, "the first process has learned it"
    with runtime.apart():
        codec = make_codec(data_of.kind_of(recipe), stored)
        shards = encode(recipe, dataset, stored, codec, watch)
        trainer_for = making.trainer(recipe, dataset, codec, other, shards)
    path = Path()
    if runtime.leader:
        info = _info(recipe, dataset, stored, shards, runtime, command)
        target = place.out if place.out is not None else place.runs / recipe.name
        path = create_run(target, recipe_files.dump(recipe), info, stored.files).path
    run = together.shared(path, runtime)
    with _held(run, runtime):
        try:
            trainer = trainer_for(run)
            if other is not None:
                trainer.save()  # Otherwise a run that is killed early would lose them.
            together.note(run, runtime, order)
            if runtime.leader:
                if place.out is not None:
                    run.publish(place.out, replace=place.force)
                else:
                    publish_free(run, place.runs, recipe.name)
        except BaseException:
            if runtime.leader:
                remove_draft(run)
            raise
        published = runtime.fabric.broadcast(run.path.absolute())
        run.path = run.path if runtime.leader else published
        if place.out is None and run.path.name != recipe.name:
            watch.say(f"{place.runs / recipe.name} exists: this run is {run.path}")
        watch.begun(run.path)
        return _trained(run, recipe, trainer, watch)


def _trained(run: Run, recipe: Recipe, trainer: Trainer, watch: Watch) -> Trained:
    """Train to the end, and say so if the clock, or a budget of privacy, has left phases out."""
    finished, step, begins = trainer.fit(), trainer.progress.step, 0
    limit = "train.minutes" if recipe.train.minutes else "train.privacy"
    for number, phase in enumerate(recipe.phases):
        if finished and step <= begins:
            watch.say(
                f"{limit} ended training at step {step:,}: phase {number + 1} of "
                f"{len(recipe.phases)}, which begins after step {begins:,}, was not reached"
            )
            break
        begins += phase.steps or 0
    return Trained(run, finished, trainer.runtime.leader)


def _info(
    recipe: Recipe,
    dataset: Dataset,
    stored: StoredCodec,
    shards: EncodedShards | None,
    runtime: Runtime,
    command: Sequence[str],
) -> dict[str, Any]:
    """Return the content of ``run.json``."""
    visible = seen(recipe, dataset)
    items = {name: len(part) for name, part in dataset.parts.items()}
    if shards is not None:
        items["training"] = int(shards.count_S.sum())
    return {
        "seqgan_kit": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(command),
        "environment": environment(runtime.device, runtime.world),
        "labels": {name: list(names) for name, names in visible.labels.items()},
        # How many there are of each label is known of each item then, too.
        "label_counts": None
        if recipe.train.privacy
        else label_counts(visible.parts["training"].label_NA)
        if shards is None
        else counts_of(shards, conditional=recipe.conditional),
        "codec": dict(stored.settings),
        "data": {
            "name": dataset.name,
            "fingerprint": dataset.fingerprint,
            "items": items,
        },
    }


def _refuse_to_overwrite(out: Path, force: bool) -> None:
    put_back(out)
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not force:
        raise RunError(taken(out))
    check_replaceable(out)


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
    with excused():
        found, _ = find(run_path)
        run = Run(found)
        if is_packed(found):
            raise RunError(
                f"{run_path} is packed, and training cannot go on from it: begin another run with "
                "its weights (--init-from)"
            )
        recipe = data_of.located(run_recipe(run, overrides))
    runtime = Runtime(device=device or recipe.train.device, precision=recipe.train.precision)
    making = Making(runtime, _for_process(watch, runtime), optimizer, hooks)
    with runtime.together():
        together.same(runtime, "run", json.dumps(run.info, sort_keys=True))
        together.same_recipe(runtime, recipe)
        return _go_on(run, recipe, making, changed=bool(overrides))


def _go_on(
    run: Run, recipe: Recipe, making: Making, *, order: str | None = None, changed: bool = False
) -> Trained:
    """Resume a run; a ``changed`` recipe is stored in it.

    With an ``order`` its own processes go on with it, without one a user does.
    """
    runtime, watch = making.runtime, making.watch
    with _held(run, runtime):
        if order is not None:
            together.note(run, runtime, order)
        else:
            together.forget(run, runtime)
        if runtime.leader:
            run.clear_drafts()
            if lines := damaged_metrics(run.metrics_path):
                numbers = ", ".join(map(str, lines[:5])) + (", ..." if len(lines) > 5 else "")
                watch.say(f"{run.metrics_path}: left out damaged lines ({numbers})")
        with runtime.apart():
            dataset = same_data(run, recipe, watch)
            codec = run_codec(run)
            stored = StoredCodec(run.info["codec"], run.codec_files())
            shards = encode(recipe, dataset, stored, codec, watch)
            trainer_for = making.trainer(recipe, dataset, codec, shards=shards)
        trainer = trainer_for(run)
        if run.checkpoints():
            _resume_newest(run, trainer, watch)
        else:
            watch.say(f"{run.path} has no checkpoint yet: training starts from the beginning")
        if changed and runtime.leader:
            write_text(run.recipe_path, recipe_files.dump(recipe))
        watch.begun(run.path)
        return _trained(run, recipe, trainer, watch)


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
            path.rename(_free_name(path.with_name(f"damaged-{path.name}")))
            watch.say(f"set a checkpoint aside: {problem}")
        watch.say(f"resumed {chosen.name} of {run.path}")
    name = runtime.fabric.broadcast(None if chosen is None else chosen.name)
    if name is not None and not runtime.leader:
        trainer.resume(run.path / "checkpoints" / name)


def _free_name(path: Path) -> Path:
    number = 1
    free = path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free


def _for_process(watch: Watch | None, runtime: Runtime) -> Watch:
    """Return the callbacks of this process; only the first process prints messages."""
    watch = watch or Watch()
    return watch if runtime.leader else Watch(should_stop=watch.should_stop)


def _held(run: Run, runtime: Runtime) -> AbstractContextManager[None]:
    """Return the lock of a run, which the first process holds for all."""
    return run.hold() if runtime.leader else nullcontext()
