"""The options of commands whose tasks can run on a cluster."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .console import StopSignals, say, training_progress, watching
from .pulse import told
from .task_table import task_table

if TYPE_CHECKING:
    from seqgan_kit.pages.training_runs import Entry, Planned
    from seqgan_kit.runs.watch import Watch
    from seqgan_kit.tasks.task import Executor, Task

Command = TypeVar("Command", bound=Callable[..., Any])


def on_options(command: Command) -> Command:
    """Add ``--on`` and ``--threads`` to a command."""
    command = click.option(
        "--threads",
        type=click.IntRange(1, 1024),
        help="Threads of each task, and its cores on a cluster [as many as PyTorch takes].",
    )(command)
    return click.option(
        "--on",
        metavar="ray[://HOST:PORT]",
        help="Run tasks at the same time on a Ray cluster: ray (the one of this machine, or all "
        "its cores), ray:CORES or ray://HOST:PORT [one after the other, here].",
    )(command)


@contextmanager
def executing(
    on: str | None, threads: int | None, *, bar: bool = True
) -> Iterator[tuple[Executor, StopSignals]]:
    """Give the executor that the options name, and what Ctrl-C does meanwhile.

    Args:
        on: value of ``--on``.
        threads: value of ``--threads``.
        bar: whether tasks that are worked on here show their steps.

    Raises:
        UsageError: there is no such cluster.
    """
    import torch

    from seqgan_kit.tasks.cluster import on_ray
    from seqgan_kit.tasks.connection import place_of
    from seqgan_kit.tasks.task import Local

    place = None if on is None else place_of(on)
    with StopSignals() as signals, ExitStack() as stack:
        if place is None:
            if threads is not None:
                torch.set_num_threads(threads)
            yield Local(_watched(signals, bar)), signals
            return
        told(f"--on {on}: connecting")
        shown = stack.enter_context(task_table(signals))
        executor = stack.enter_context(
            on_ray(place, threads=threads, show=shown, should_stop=signals.should_stop, say=say)
        )
        yield executor, signals


def trained(planned: Sequence[Planned], executor: Executor, signals: StopSignals) -> list[Entry]:
    """Train the models that are not trained yet; exit if the user stops training."""
    from seqgan_kit.pages.training_runs import train_all

    entries = train_all(planned, executor, command=["seqgen", *sys.argv[1:]])
    if entries is None:
        say("saved; resume with the same command")
        sys.exit(128 + signals.received)
    return entries


def _watched(signals: StopSignals, bar: bool) -> Callable[[Task], Any]:
    """Return the progress of tasks that are worked on here."""
    plain = watching()

    @contextmanager
    def watched(task: Task) -> Iterator[Watch]:
        if not bar:
            say(task.name)
            yield replace(plain, should_stop=signals.should_stop)
            return
        with training_progress(task.steps) as shown:
            yield replace(plain, report=shown, should_stop=signals.should_stop)

    return watched
