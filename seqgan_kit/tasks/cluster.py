"""The executor that works on tasks on a Ray cluster."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch

from .. import __version__
from ..errors import SeqganError, UsageError
from ..training.run import RunHeld
from .board import Board
from .connection import Place, connected
from .task import State, Task, TaskFailed, Work

LOOK = 0.5
"""Seconds between two looks at the cluster."""

GIVE_UP = 5
"""Losses of a task in a row, without progress, after which it is not tried again."""

WAIT_FOR_LOCK = 60.0
"""Seconds that a task waits for the run of a lost worker, which may not be dead yet."""


class Answer(NamedTuple):
    """What a task returned, or the error that it told and its exit code."""

    value: Any
    error: str = ""
    code: int = 0


class OnRay:
    """Works on tasks on a Ray cluster, each with its cores and, on CUDA, one GPU.

    A task whose worker or node is lost is given out again, as long as it gets further each time;
    it goes on from what it finds on the disk. Use it in a ``with`` block of :func:`on_ray`.

    Args:
        ray: the package, connected.
        place: where.
        threads: cores of each task, and threads that it computes with.
        show: called with the states of all tasks, now and then.
        should_stop: asked now and then.
        say: told notes for the user.
    """

    elsewhere = True

    def __init__(
        self,
        ray: Any,
        place: Place,
        *,
        threads: int,
        show: Callable[[Sequence[State]], None] = lambda states: None,
        should_stop: Callable[[], bool] = lambda: False,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._ray = ray
        self._place = place
        self._threads = threads
        self._show, self._should_stop, self._say = show, should_stop, say

    def run(self, tasks: Sequence[Task], folder: Path) -> Iterator[tuple[Task, Any]]:
        """See :meth:`~seqgan_kit.tasks.task.Executor.run`.

        Raises:
            UsageError: no machine of the cluster is large enough, or the workers do not see the
                folder.
            TaskFailed: the cluster, or a task, was lost for good.
        """
        self._check_room(tasks)
        board = Board(folder.absolute())
        board.open()
        given_out = _GivenOut(self._ray, board, self._threads, tasks, self._has_gpus())
        try:
            yield from self._followed(given_out, board)
        except (ConnectionError, self._ray.exceptions.RaySystemError) as error:
            raise TaskFailed(
                f"--on {self._place.given}: the connection to the cluster was lost; give the same "
                "command again, what is done is kept"
            ) from error
        finally:
            given_out.cancel()
            board.close()

    def _followed(self, given_out: _GivenOut, board: Board) -> Iterator[tuple[Task, Any]]:
        stopping = False
        while given_out.at_work:
            ready, _ = self._ray.wait(list(given_out.at_work), timeout=LOOK)
            for reference in ready:
                if (ended := given_out.collect(reference, again=not stopping)) is not None:
                    yield ended
            self._show(given_out.states())
            if not stopping and self._should_stop():
                stopping = True
                board.stop()
                given_out.cancel_waiting()
        if given_out.errors:
            first, *others = given_out.errors
            for one in others:
                self._say(f"failed, too: {one}")
            raise first

    def _has_gpus(self) -> bool:
        return bool(self._ray.cluster_resources().get("GPU"))

    def _check_room(self, tasks: Sequence[Task]) -> None:
        alive = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        cores = int(max((node.get("CPU", 0) for node in alive), default=0))
        if any(task.device.startswith("cuda:") for task in tasks):
            raise UsageError("--on does not support cuda:N: choose cuda, one GPU a task")
        lacking = []
        if cores < self._threads:
            lacking.append(f"{self._threads} cores (the largest has {cores})")
        if any(task.device == "cuda" for task in tasks) and not self._has_gpus():
            lacking.append("a GPU")
        if not lacking:
            return
        problem = f"no machine of the cluster has {' and '.join(lacking)}"
        if self._place.host is None:
            raise UsageError(f"--on {self._place.given}: {problem}; choose fewer --threads")
        # A cluster may grow on demand.
        self._say(f"{problem} yet: tasks wait until one joins")


@contextmanager
def on_ray(
    place: Place,
    *,
    threads: int | None,
    show: Callable[[Sequence[State]], None],
    should_stop: Callable[[], bool],
    say: Callable[[str], None],
) -> Iterator[OnRay]:
    """Connect to a cluster and give its executor; see :class:`OnRay`.

    Args:
        place: where.
        threads: of each task; ``None``: as many as PyTorch uses here.
        show: see :class:`OnRay`.
        should_stop: see :class:`OnRay`.
        say: see :class:`OnRay`.

    Raises:
        UsageError: Ray is not installed, or no cluster answers.
    """
    with connected(place) as ray:
        each = threads or torch.get_num_threads()
        cores = int(ray.cluster_resources().get("CPU", 0))
        say(f"--on {place.given}: {cores} cores, {each} a task (--threads)")
        yield OnRay(ray, place, threads=each, show=show, should_stop=should_stop, say=say)


@dataclass
class _Given:
    """A task that was given out, and its state."""

    number: int
    task: Task
    state: State
    furthest: float = -1.0
    stuck: int = 0


class _GivenOut:
    """Tasks on a cluster: those at work by their references, and the states of all."""

    def __init__(
        self, ray: Any, board: Board, threads: int, tasks: Sequence[Task], gpus: bool
    ) -> None:
        self._ray, self._board, self._threads, self._gpus = ray, board, threads, gpus
        self._remote = ray.remote(at_work)
        self._all = [_Given(n, task, State(task.name)) for n, task in enumerate(tasks)]
        self.at_work: dict[Any, _Given] = {}
        self.errors: list[BaseException] = []
        for one in self._all:
            self._give_out(one)

    def _give_out(self, one: _Given) -> None:
        gpu = one.task.device == "cuda" or (one.task.device == "auto" and self._gpus)
        # Lost tasks are given out again here, so that the table knows and it ends some day.
        remote = self._remote.options(
            num_cpus=self._threads, num_gpus=int(gpu), max_retries=0, name=one.task.name
        )
        reference = remote.remote(
            one.task.work,
            dict(one.task.given),
            str(self._board.folder.parent),
            one.number,
            self._threads,
            __version__,
            one.state.lost > 0,
        )
        self.at_work[reference] = one

    def collect(self, reference: Any, *, again: bool) -> tuple[Task, Any] | None:
        """Take what a task has returned; give it out again if it was lost, and ``again``."""
        one = self.at_work.pop(reference)
        errors = self._ray.exceptions
        try:
            answer = Answer(*self._ray.get(reference))
        except errors.TaskCancelledError:
            return None
        except errors.RayTaskError as error:
            self._failed(one, error.cause if isinstance(error.cause, Exception) else error)
            return None
        except (
            errors.WorkerCrashedError,
            errors.NodeDiedError,
            errors.LocalRayletDiedError,
            errors.OutOfMemoryError,
            errors.ObjectLostError,
        ) as error:
            if again:
                self._lost(one, type(error).__name__)
            return None
        if answer.error:
            kind = UsageError if answer.code == UsageError.exit_code else TaskFailed
            self._failed(one, kind(f"{one.task.name}: {answer.error}"))
            return None
        one.state = replace(one.state, phase="done", progress=1.0, said="")
        return one.task, answer.value

    def _failed(self, one: _Given, error: Exception) -> None:
        one.state = replace(one.state, phase="failed", said=str(error))
        self.errors.append(error)

    def _lost(self, one: _Given, why: str) -> None:
        note = self._board.note(one.number)
        progress = -1.0 if note is None else note.progress
        one.stuck = 0 if progress > one.furthest else one.stuck + 1
        one.furthest = max(progress, one.furthest)
        one.state = replace(one.state, phase="lost", lost=one.state.lost + 1)
        if one.stuck < GIVE_UP:
            self._give_out(one)
            return
        self._failed(
            one,
            TaskFailed(
                f"{one.task.name}: its worker was lost {one.state.lost} times ({why}), and it got "
                "no further; what is done is kept (a smaller train.checkpoint_every saves more "
                "often)"
            ),
        )

    def states(self) -> list[State]:
        """Return the states of all tasks, in their order."""
        for one in self.at_work.values():
            if (note := self._board.note(one.number)) is not None:
                if one.state.phase != "lost" or note.said != one.state.said:
                    one.state = replace(one.state, phase="running")
                one.state = replace(one.state, progress=note.progress, said=note.said)
        return [one.state for one in self._all]

    def cancel_waiting(self) -> None:
        """Withdraw the tasks that have not begun."""
        for reference, one in self.at_work.items():
            if self._board.note(one.number) is None:
                self._ray.cancel(reference)

    def cancel(self) -> None:
        """End all tasks at once."""
        for reference in self.at_work if self._ray.is_initialized() else ():
            self._ray.cancel(reference, force=True)


def at_work(
    work: Work,
    given: Mapping[str, Any],
    folder: str,
    number: int,
    threads: int,
    version: str,
    again: bool,
) -> Answer:
    """Work on a task; this runs in a process of the cluster.

    Args:
        work: what is done.
        given: what it is called with.
        folder: the folder of the board.
        number: of the task.
        threads: to compute with.
        version: of seqgan_kit where the task was given out.
        again: whether an earlier worker was lost.
    """
    here = socket.gethostname()
    board = Board(Path(folder))
    try:
        if version != __version__:
            raise UsageError(
                f"{here} has seqgan_kit {__version__}, and this machine {version}: install the "
                "same version everywhere"
            )
        if not board.seen:
            raise UsageError(
                f"{here} does not see {folder}: choose an --out that all machines share"
            )
        torch.set_num_threads(threads)
        watch = board.watch(number)
        give_up = time.monotonic() + (WAIT_FOR_LOCK if again else 0.0)
        while True:
            try:
                return Answer(work(given, watch))
            except RunHeld:
                if time.monotonic() >= give_up:
                    raise
                time.sleep(1)
    except SeqganError as error:
        # As text: an exception of a class of its own may not survive the way.
        return Answer(None, str(error), error.exit_code)
