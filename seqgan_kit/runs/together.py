"""A training by several processes, perhaps on several machines: one run, recipe and data set."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from ..errors import UsageError
from ..files import FileProblem, read_json, write_json
from ..recipe import Recipe
from ..recipe import files as recipe_files
from ..training.run import Run, RunError, remove_draft
from ..training.runtime import Runtime

LAUNCH = ".launch.json"
"""File in a run that several processes are training: who started them."""

SEEN = 5.0
"""Seconds until a new folder is to be seen on all machines."""


def begun(runtime: Runtime, places: Iterable[Path]) -> Path | None:
    """Return the run that processes began which ``torchrun --max-restarts`` replaced by these.

    A node may have been replaced as a whole; one of its fellows is enough to know the run again.

    Args:
        runtime: the processes.
        places: where the run may be.
    """
    if not runtime.agents:
        return None
    found = None
    if runtime.leader:
        own = [place for place in places if runtime.agents & _agents(place)]
        found = max(own, key=lambda place: place.stat().st_ctime, default=None)
    told: Path | None = runtime.fabric.broadcast(found)
    return told


def note(run: Run, runtime: Runtime) -> None:
    """Leave a word in a run for processes that may be started in place of these."""
    if runtime.leader and runtime.agents:
        write_json(run.path / LAUNCH, sorted(runtime.agents))


def forget(run: Run, runtime: Runtime) -> None:
    """Remove that word: the training has reached its end."""
    if runtime.leader:
        (run.path / LAUNCH).unlink(missing_ok=True)


def _agents(place: Path) -> frozenset[str]:
    try:
        return frozenset(map(str, read_json(place / LAUNCH)))
    except (OSError, FileProblem, TypeError):
        return frozenset()


def shared(path: Path, runtime: Runtime) -> Run:
    """Return the run of the first process, which all processes have to see.

    Raises:
        RunError: the machine of one does not; a new run is removed.
    """
    place = Path(runtime.fabric.broadcast(path.absolute()))
    deadline = time.monotonic() + SEEN
    while not (place / "run.json").exists() and time.monotonic() < deadline:
        time.sleep(0.1)  # A network folder shows what is new a little later.
    blind = runtime.unlike(str((place / "run.json").exists()))
    if blind:
        if runtime.leader:
            remove_draft(Run(path))
        raise RunError(
            f"process {blind[0]} of {runtime.world} does not see {place.parent}, in which process "
            "0 has begun a run: choose an --out that all machines share, under the same path"
        )
    return Run(path if runtime.leader else place)


def same_recipe(runtime: Runtime, recipe: Recipe) -> None:
    """Refuse to train with processes that have other recipes; data may lie elsewhere.

    Raises:
        UsageError: one has.
    """
    anywhere = recipe.data.model_copy(update={"root": None})
    text = recipe_files.dump(recipe.model_copy(update={"data": anywhere}))
    same(runtime, "recipe", text)


def same(runtime: Runtime, what: str, value: str) -> None:
    """Refuse to train with processes that differ in ``what``.

    Raises:
        UsageError: one has another value.
    """
    if others := runtime.unlike(value):
        raise UsageError(
            f"process {others[0]} of {runtime.world} has another {what} than process 0: start all "
            "with the same command, recipe and data"
        )
