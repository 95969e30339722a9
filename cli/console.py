"""What a person sees while something runs: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seqgan_kit.errors import UsageError

if TYPE_CHECKING:
    from seqgan_kit.runs.watch import Watch
    from seqgan_kit.training.log import Report


SEED = click.IntRange(min=0, max=2**63 - 1)


class StopSignals:
    """Turns Ctrl-C and SIGTERM into a number to ask for, once there is something to save.

    Before the first step, and at the second signal, they stop the process at once.
    """

    def __init__(self) -> None:
        self.received = 0
        self.training = False

    def __enter__(self) -> StopSignals:
        self._before = {
            number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)
        }
        return self

    def __exit__(self, *stopped_by: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: object) -> None:
        if self.received or not self.training:
            raise KeyboardInterrupt
        self.received = number
        # Not by way of a Python stream, which the signal may have interrupted in a write.
        os.write(2, b"\nstopping after this step and saving (once more: without saving)\n")


def say(line: str) -> None:
    """A note for people, kept off standard output so that results can be piped."""
    click.echo(line, err=True)


def duration(seconds: float) -> str:
    """``75.3`` as ``1:15``, hours in front where there are any."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


def _losses(figures: Mapping[str, float]) -> str:
    return "  ".join(
        f"{name.removeprefix('loss/')} {value:.3f}" for name, value in figures.items()
    )


@contextmanager
def training_progress(steps: int | None) -> Iterator[Callable[[Report], None]]:
    """A callable for the trainer: a bar on a terminal, a line now and then where there is none.

    ``steps`` is how many there will be, ``None`` where the clock ends the training.
    """
    of = "" if steps is None else f"/{steps}"
    if sys.stderr.isatty():
        with _bar(of) as update:
            yield update
        return
    last = [0.0]

    def line(state: Report) -> None:
        now = time.monotonic()
        if state.figures and (now - last[0] >= 10 or state.progress >= 1):
            last[0] = now
            say(
                f"step {state.step}{of}  {_losses(state.figures)}  "
                f"{state.steps_per_second:.1f} steps/s  {duration(state.seconds_left)} left"
            )

    yield line


@contextmanager
def _bar(of: str) -> Iterator[Callable[[Report], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (
        TextColumn("step {task.fields[step]}{task.fields[of]}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[speed]:.1f} steps/s  {task.fields[left]} left"),
        TextColumn("[dim]{task.fields[losses]}"),
    )
    bar = Progress(*columns, console=Console(stderr=True), refresh_per_second=4)
    task = bar.add_task("", total=1.0, step=0, of=of, speed=0.0, left="?", losses="")
    try:

        def update(state: Report) -> None:
            bar.start()  # Not before: the lines of a download would get in its way.
            if state.figures:
                bar.update(task, losses=_losses(state.figures))
            bar.update(
                task,
                completed=state.progress,
                step=state.step,
                speed=state.steps_per_second,
                left=duration(state.seconds_left),
            )

        yield update
    finally:
        bar.stop()


class Counter:
    """Progress of a download or of a judge: a line that changes, at most twice a second."""

    def __init__(self) -> None:
        self._last = 0.0
        self._finished: set[str] = set()

    def _show(self, what: str, done: int, total: int | None, shown: str) -> None:
        over = total is not None and done >= total
        now = time.monotonic()
        if what in self._finished or (now - self._last < 0.5 and not over):
            return
        self._last = now
        if over:
            self._finished.add(what)
        if sys.stderr.isatty():
            click.echo(f"\r{what}: {shown}   ", nl=over, err=True)
        elif over:
            say(f"{what}: done")

    def download(self, what: str, done: int, total: int | None) -> None:
        """Told in bytes."""
        of = f" of {total / 1e6:.1f}" if total else ""
        self._show(what, done, total, f"{done / 1e6:.1f}{of} MB")

    def judge(self, done: int, total: int) -> None:
        """Told in steps."""
        shown = f"{100 * done // total} % of {total} steps"
        self._show("training the judge (once; then cached)", done, total, shown)


def writable(out: Path | None, force: bool, option: str = "--out") -> Path | None:
    """Return a picture's file if it may be written: not there yet, or to be replaced."""
    from seqgan_kit.files import refuse_existing

    if out is None:
        return None
    if out.suffix != ".png":
        raise UsageError(f"{option} {out}: choose a name that ends in .png")
    refuse_existing(out, force, option)
    return out


def watching() -> Watch:
    """What commands other than a training tell."""
    from seqgan_kit.runs.watch import Watch

    counter = Counter()
    return Watch(say=say, download=counter.download, judge=counter.judge)
