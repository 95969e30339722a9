"""A task, and the executor that works on tasks here, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from ..errors import SeqganError
from ..runs.watch import Watch

Work = Callable[[Mapping[str, Any], Watch], Any]
"""What a task does: a function of a module that takes and returns JSON values.

It may be called again after its process was lost, so it goes on from what it finds on the disk. It
returns early, without an error, when ``watch.should_stop()`` says so."""


@dataclass(frozen=True)
class Task:
    """A piece of work that depends on no other.

    Attributes:
        name: its name, different from that of other tasks.
        work: what is done.
        given: what `work` is called with, as JSON values: a task may run on another machine. Paths
            are absolute.
        device: the device that it trains or samples on: ``auto``, ``cpu`` or ``cuda``.
        steps: how many steps it has, if that is known.
    """

    name: str
    work: Work
    given: Mapping[str, Any]
    device: str = "auto"
    steps: int | None = None


@dataclass(frozen=True)
class State:
    """The state of a task, to be shown.

    Attributes:
        name: the task.
        phase: what is going on with it.
        progress: fraction that is done.
        said: the last thing that it reported.
        lost: how often its worker was lost.
    """

    name: str
    phase: Literal["waiting", "running", "lost", "done", "failed"] = "waiting"
    progress: float = 0.0
    said: str = ""
    lost: int = 0


class TaskFailed(SeqganError):
    """The error for a task that cannot be finished; what it has done is kept."""


class Stopped(SeqganError):
    """The error for tasks that the user has stopped; what they have done is kept."""


@runtime_checkable
class Executor(Protocol):
    """Where tasks run.

    Attributes:
        elsewhere: whether in other processes, so that several may run at a time.
    """

    elsewhere: bool

    def run(self, tasks: Sequence[Task], folder: Path) -> Iterator[tuple[Task, Any]]:
        """Yield each task with what it returned, in the order in which they end.

        It ends early, without the rest, if the user stops it.

        Args:
            tasks: the tasks.
            folder: a folder that all workers see.

        Raises:
            SeqganError: a task failed; on a cluster after the others have ended.
        """
        ...


Watched = Callable[[Task], AbstractContextManager[Watch]]


class Local:
    """Works on one task after the other, in this process.

    Args:
        watched: returns a context manager with the callbacks of a task.
    """

    elsewhere = False

    def __init__(self, watched: Watched = lambda task: nullcontext(Watch())) -> None:
        self._watched = watched

    def run(self, tasks: Sequence[Task], folder: Path) -> Iterator[tuple[Task, Any]]:
        """See :meth:`Executor.run`."""
        for task in tasks:
            with self._watched(task) as watch:
                found = task.work(task.given, watch)
            yield task, found
            if watch.should_stop():
                return
