"""The table of tasks on a cluster: live on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from .console import StopSignals, bottom, say
from .pulse import told

if TYPE_CHECKING:
    from seqgan_kit.tasks.task import State

EVERY = 20.0
"""Seconds between two lines on tasks at work, where there is no terminal."""

PHASE, DONE, SAID = 7, 5, 18
"""Characters of the columns beside the name of a task; the last one grows with the window."""

ORDER: Final = ("running", "lost", "failed", "waiting", "done")
"""Which tasks are shown where not all fit."""


@contextmanager
def task_table(signals: StopSignals) -> Iterator[Callable[[Sequence[State]], None]]:
    """Give what shows the states of all tasks."""
    from rich.console import Console

    console = Console(stderr=True)
    if not sys.stderr.isatty() or console.is_dumb_terminal or console.legacy_windows:
        yield _Lines()
        return
    table = _Live(lambda: (console.width, console.height), signals)
    bottom.clear = table.clear
    try:
        yield table
    finally:
        table.clear()
        bottom.clear = lambda: None


class _Live:
    """A table at the bottom of the terminal, which gives way to lines that are printed.

    Args:
        size: returns columns and rows of the window.
        signals: tells when Ctrl-C has printed a line of its own.
    """

    def __init__(self, size: Callable[[], tuple[int, int]], signals: StopSignals) -> None:
        self._size, self._signals = size, signals
        self._stopping = False
        self._height = 0

    def __call__(self, states: Sequence[State]) -> None:
        told("tasks on the cluster")
        if self._signals.received and not self._stopping:
            # The line of Ctrl-C stands below the table: the next one begins below it.
            self._stopping, self._height = True, 0
        if all(one.phase in ("done", "failed") for one in states):
            self.clear()
            return
        lines = drawn(states, *self._size())
        # One write, so that it does not flicker.
        self._write("".join(f"\x1b[2K{line}\n" for line in lines) + "\x1b[J")
        self._height = len(lines)

    def clear(self) -> None:
        """Remove the table."""
        if self._height:
            self._write("\x1b[J")
            self._height = 0

    def _write(self, text: str) -> None:
        up = f"\x1b[{self._height}A\r" if self._height else ""
        sys.stderr.write(up + text)
        sys.stderr.flush()


def drawn(states: Sequence[State], columns: int, rows: int) -> list[str]:
    """Return the lines of the table: each fits into the window, and so do all of them.

    Args:
        states: the tasks.
        columns: width of the window.
        rows: height of the window.
    """
    from rich.cells import set_cell_size

    room = max(rows - 3, 1)  # Beside the first line, the last one, and the one of the cursor.
    shown, left = list(states), []
    if len(states) > room:
        order = sorted(states, key=lambda one: ORDER.index(one.phase))
        shown, left = order[:room], order[room:]
    said = max(SAID, columns // 4)
    name = max(columns - 1 - PHASE - DONE - said - 6, 10)
    done = sum(one.phase == "done" for one in states)
    lines = [f"{done} of {len(states)} tasks are done"]
    for one in shown:
        percent = f"{100 * one.progress:.0f} %"
        cells = (_shortened(one.name, name), set_cell_size(one.phase, PHASE), f"{percent:>{DONE}}")
        lines.append("  ".join((*cells, set_cell_size(_said(one), said))))
    if left:
        counts = Counter(one.phase for one in left)
        kinds = ", ".join(f"{counts[phase]} {phase}" for phase in ORDER if counts[phase])
        lines.append(f"and {len(left)} more: {kinds}")
    return [set_cell_size(line, columns - 1).rstrip() for line in lines]


def _said(one: State) -> str:
    from seqgan_kit.errors import printable

    lost = [f"lost {one.lost} x"] if one.lost else []
    said = [one.said.removeprefix(f"{one.name}: ")] if one.said else []
    return printable(", ".join((*lost, *said))).replace("\n", " ")


def _shortened(name: str, width: int) -> str:
    """Return a name with so many columns; one that is longer keeps its beginning and its end."""
    from rich.cells import cell_len, set_cell_size

    from seqgan_kit.errors import printable

    name = printable(name).replace("\n", " ")
    if cell_len(name) <= width:
        return set_cell_size(name, width)
    end = name[-(width // 2) :]
    while cell_len(end) > width // 2:
        end = end[1:]
    return set_cell_size(name, width - 1 - cell_len(end)) + "…" + end


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
