"""A training by several processes, perhaps on several machines: one run, recipe and data set."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from pathlib import Path

from ..errors import UsageError
from ..files import FileProblem, read_json, write_json
from ..recipe import Recipe
from ..recipe import files as recipe_files
from ..training.joining import post_of
from ..training.run import Run, RunError, remove_draft
from ..training.runtime import Runtime

LAUNCH = ".launch.json"
"""File in a run that several processes are training: who started them, and with what."""

SEEN = 5.0
"""Seconds until a new folder is to be seen on all machines."""


def begun(runtime: Runtime, places: Iterable[Path], order: str, *, anew: bool) -> Path | None:
    """Return the unfinished run that these processes have to go on with.

    Processes have begun it which ``torchrun --max-restarts`` replaced by these. A node may have
    been replaced as a whole; one of its fellows is enough to know the run again. Where all were
    replaced, their posts are (:func:`~seqgan_kit.training.joining.post_of`).

    Args:
        runtime: the processes.
        places: where the run may be.
        order: what they are to train, by :func:`order_of`; a run of another is none of theirs.
        anew: whether a new run is wanted, so that only a restart may go on with an old one.
    """
    if not runtime.agents:
        return None
    found = None
    if runtime.leader:
        own = [place for place in places if _is_theirs(_noted(place), runtime, order, anew)]
        found = max(own, key=lambda place: place.stat().st_ctime, default=None)
    told: Path | None = runtime.fabric.broadcast(found)
    return told


def note(run: Run, runtime: Runtime, order: str) -> None:
    """Leave a word in a run for processes that may be started in place of these."""
    if runtime.leader and runtime.agents:
        write_json(run.path / LAUNCH, {"order": order, "agents": sorted(runtime.agents)})


def forget(run: Run, runtime: Runtime) -> None:
    """Remove that word: nobody has to go on with the run by it."""
    if runtime.leader:
        (run.path / LAUNCH).unlink(missing_ok=True)


def _noted(place: Path) -> tuple[str, frozenset[str]]:
    """Return the order and the agents that are noted in a run; nothing if there is no note."""
    try:
        found = read_json(place / LAUNCH)
        return str(found["order"]), frozenset(map(str, found["agents"]))
    except (OSError, FileProblem, KeyError, TypeError):
        return "", frozenset()


def _is_theirs(
    noted: tuple[str, frozenset[str]], runtime: Runtime, order: str, anew: bool
) -> bool:
    """Whether these processes go on with the run in which this is noted."""
    wanted, agents = noted
    if wanted != order:
        return False
    if anew:
        return bool(agents & runtime.agents)
    return bool({*map(post_of, agents)} & {*map(post_of, runtime.agents)})


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
    same(runtime, "recipe", _text(recipe))


def order_of(recipe: Recipe, init_from: Path | None) -> str:
    """Return a name for what is to be trained: a recipe, perhaps from the weights of a run."""
    return hashlib.sha256(f"{init_from}\n{_text(recipe)}".encode()).hexdigest()


def _text(recipe: Recipe) -> str:
    anywhere = recipe.data.model_copy(update={"root": None})
    return recipe_files.dump(recipe.model_copy(update={"data": anywhere}))


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
