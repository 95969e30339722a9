"""The options of commands whose tasks can run on a cluster, and the table of these tasks."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .console import StopSignals, say, training_progress, watching
from .pulse import told

if TYPE_CHECKING:
    from rich.table import Table

    from seqgan_kit.pages.training_runs import Entry, Planned
    from seqgan_kit.runs.watch import Watch
    from seqgan_kit.tasks.task import Executor, State, Task

Command = TypeVar("Command", bound=Callable[..., Any])

EVERY = 20.0
"""Seconds between two lines on tasks at work, where there is no terminal."""

ROWS = 30
"""Most rows of the live table."""


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
        shown = stack.enter_context(_table())
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


@contextmanager
def _table() -> Iterator[Callable[[Sequence[State]], None]]:
    """Give what shows all tasks: a live table on a terminal, elsewhere a line now and then."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(stderr=True), auto_refresh=False, transient=True) as live:

        def show(states: Sequence[State]) -> None:
            told("tasks on the cluster")
            live.update(_drawn(states), refresh=True)

        yield show


def _drawn(states: Sequence[State]) -> Table:
    """Draw a table of tasks, those at work first if not all fit."""
    from rich.markup import escape
    from rich.table import Table

    from seqgan_kit.errors import printable

    order = ("running", "lost", "failed", "waiting", "done")
    shown = states
    if len(states) > ROWS:
        shown = sorted(states, key=lambda one: order.index(one.phase))[:ROWS]
    done = sum(one.phase == "done" for one in states)
    table = Table("task", "", "done", "", title=f"{done} of {len(states)} tasks are done")
    for one in shown:
        lost = f", lost {one.lost} x" if one.lost else ""
        cells = (one.name, one.phase + lost, f"{100 * one.progress:.0f} %", one.said[:60])
        table.add_row(*(escape(printable(cell)) for cell in cells))
    return table


class _Lines:
    """Prints a line when a task begins, ends or is lost, and on all of them now and then."""

    def __init__(self) -> None:
        self._before: dict[str, tuple[str, int]] = {}
        self._last = time.monotonic()

    def __call__(self, states: Sequence[State]) -> None:
        for one in states:
            now = (one.phase, one.lost)
            before = self._before.get(one.name, ("waiting", 0))
            if now == before:
                continue
            self._before[one.name] = now
            if one.lost > before[1]:
                say(f"{one.name}: its worker was lost; it is given out again")
            elif one.phase != "waiting":
                say(f"{one.name}: {one.phase}")
        if time.monotonic() - self._last >= EVERY:
            self._last = time.monotonic()
            running = [one for one in states if one.phase == "running"]
            done = sum(one.phase == "done" for one in states)
            at = ", ".join(f"{one.name} {100 * one.progress:.0f} %" for one in running[:8])
            say(f"{done} of {len(states)} tasks are done; at work: {at or 'none'}")
