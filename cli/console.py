"""Progress and notes for the user: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqgan_kit.errors import UsageError, printable

from .pulse import QUIET, told
from .stopping import interrupt

if TYPE_CHECKING:
    from seqgan_kit.runs.watch import Watch
    from seqgan_kit.training.log import Report


class FiniteRange(click.FloatRange):
    """A finite number within limits: ``nan`` compares as neither too small nor too large."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number", param, ctx)
        return number


class Step(click.ParamType):
    """The step of a checkpoint, or its name; no number of thousands of digits."""

    name = "step"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if len(value) > 1000 or (len(value) > 18 and value.isdecimal()):
            self.fail(f"{value[:18]!r}... is too long for a step", param, ctx)
        return value


SEED = click.IntRange(min=0, max=2**63 - 1)
COUNT = click.IntRange(min=1, max=10**8)
"""How many samples; what is to be measured must fit into memory besides."""

SETS = click.IntRange(min=1, max=1000)
FEWEST = 20
"""Minimum number of samples to be measured; with fewer, metrics are meaningless."""

MEASURED = click.IntRange(min=FEWEST, max=10**8)

checkpoint_option = click.option(
    "--checkpoint", type=Step(), help="Step of the checkpoint [the best, or the newest]."
)

moved_argument = click.argument("moved", metavar="[data.root=PLACE]", nargs=-1)
"""For a run: where its data are now."""

gan_train_option = click.option(
    "--gan-train/--no-gan-train",
    default=True,
    show_default=True,
    help="Measure GAN-train: train a judge on samples, which takes a minute or so.",
)


class StopSignals:
    """A context manager that stores Ctrl-C and SIGTERM, so that training can save and stop.

    Before the first step, and at a second Ctrl-C, the process stops at once. Launchers and
    schedulers may send SIGTERM more than once, or after a Ctrl-C that the process has seen itself.
    """

    def __init__(self) -> None:
        self.received = 0
        self.training = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> StopSignals:
        self._before = {
            number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)
        }
        return self

    def __exit__(self, *stopped_by: object) -> None:
        self.release()

    def release(self) -> None:
        """Let signals stop the process again as they did before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    def should_stop(self) -> bool:
        """Say whether training is to end; asked after every step, by each of several processes."""
        self.training = True
        return bool(self.received)

    def _note(self, number: int, frame: object) -> None:
        if not self.training or number == self.received == signal.SIGINT:
            interrupt(number, frame)
        if self.received:
            self.received = signal.SIGINT if number == signal.SIGINT else self.received
            return
        self.received = number
        # Not through a Python stream: the signal may have interrupted one of its writes.
        os.write(2, b"\nsaving and stopping after this step (Ctrl-C again: without saving)\n")


class _Bottom:
    """What stands at the bottom of the terminal and goes before a line is printed.

    Attributes:
        clear: removes it.
    """

    def __init__(self) -> None:
        self.clear: Callable[[], None] = lambda: None


bottom = _Bottom()


def say(line: str) -> None:
    """Print a note for the user on standard error, so that results can be piped."""
    bottom.clear()
    click.echo(printable(line), err=True)
    told(line)


def show(text: str, *, nl: bool = True) -> None:
    """Print a result for people on standard output, without what a terminal would obey.

    Names, labels and text from data, recipes and runs may hold anything.
    """
    click.echo(printable(text), nl=nl)


def show_path(path: Path) -> None:
    """Print the place of a result: for people on a terminal, as it is into a pipe."""
    text = str(path)
    if sys.stdout.isatty():
        show(text)
    elif text.isascii():
        click.echo(text)
    else:
        # As bytes, because a name need not be text in any encoding.
        click.echo(os.fsencode(text))


def duration(seconds: float) -> str:
    """Format seconds: ``75.3`` as ``1:15``, with hours in front if there are any."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


def _losses(figures: Mapping[str, float]) -> str:
    return "  ".join(
        f"{name.removeprefix('loss/')} {value:.3f}" for name, value in figures.items()
    )


@contextmanager
def training_progress(steps: int | None) -> Iterator[Callable[[Report], None]]:
    """Yield a report function: a progress bar on a terminal, a line now and then elsewhere.

    ``steps`` is the total number of steps, ``None`` if a time limit ends the training.
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
            told("training")
            bar.start()  # Not earlier, because the lines of a download would disturb it.
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
    """The progress of a download or of a judge.

    On a terminal it is a line that changes twice a second at most, elsewhere a line now and then.
    """

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._finished: set[str] = set()

    def _show(self, what: str, done: int, total: int | None, shown: str) -> None:
        over = total is not None and done >= total
        now = time.monotonic()
        live = sys.stderr.isatty()
        if what in self._finished or (now - self._last < (0.5 if live else QUIET) and not over):
            return
        self._last = now
        if over:
            self._finished.add(what)
        if live:
            click.echo(f"\r{printable(what)}: {shown}   ", nl=over, err=True)
            told(what)
        else:
            say(f"{what}: {'done' if over else shown}")
        if over:
            told("measuring")

    def download(self, what: str, done: int, total: int | None) -> None:
        """Show progress in bytes."""
        of = f" of {total / 1e6:.1f}" if total else ""
        self._show(what, done, total, f"{done / 1e6:.1f}{of} MB")

    def judge(self, done: int, total: int) -> None:
        """Show progress in steps."""
        shown = f"{100 * done // total} % of {total} steps"
        self._show("training the judge (once; then cached)", done, total, shown)


def writable(
    out: Path | None, force: bool, option: str = "--out", endings: Sequence[str] = (".png",)
) -> Path | None:
    """Return the path of a picture if it may be written: it is new, or ``force`` is set.

    Raises:
        UsageError: it may not, or its name has none of these endings.
    """
    from seqgan_kit.files import refuse_existing

    if out is None:
        return None
    if out.suffix not in endings:
        raise UsageError(f"{option} {out}: choose a name that ends in {' or '.join(endings)}")
    refuse_existing(out, force, option)
    return out


def watching() -> Watch:
    """Return the callbacks for progress of all commands except `train`."""
    from seqgan_kit.runs.watch import Watch

    counter = Counter()
    return Watch(say=say, download=counter.download, judge=counter.judge)
