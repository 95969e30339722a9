"""`seqgen plot`."""

from __future__ import annotations

import os
import shutil
import string
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import completing
from .console import show_path, writable

if TYPE_CHECKING:
    from seqgan_kit.pages.training_curves import Against
    from seqgan_kit.report.charts import Sheet

COLOURS = ("blue", "yellow", "green", "magenta", "cyan", "red")
"""Colours of runs in a terminal; further runs begin again."""

WIDEST = 120
"""Most columns of a chart in a terminal."""


@click.command(short_help="Plot the training curves of runs.")
@click.argument(
    "runs",
    metavar="RUN...",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
    shell_complete=completing.runs,
)
@click.option("--out", type=click.Path(path_type=Path), help="A .png or .svg [the terminal].")
@click.option("--figure", "figures", metavar="NAME", multiple=True, help="Once for each [all].")
@click.option(
    "--against",
    type=click.Choice(["step", "seconds"]),
    default="step",
    show_default=True,
    help="The x axis: steps, or seconds of training.",
)
@click.option("--force", is_flag=True, help="Replace what --out names.")
def command(
    runs: tuple[Path, ...],
    out: Path | None,
    figures: tuple[str, ...],
    against: Against,
    force: bool,
) -> None:
    """Plot what RUNS have logged while they trained, a chart for each figure.

    \b
    Examples:
      seqgen plot runs/mnist_rows
      seqgen plot runs/mnist_rows --figure loss/generator --figure loss/discriminator
      seqgen plot runs/mnist_rows runs/mnist_rows_gru --against seconds --out curves.png
      seqgen plot runs/mnist_rows --out curves.svg --force

    Several runs are drawn over each other: in a terminal with colours in these, elsewhere with a
    letter for each run. A run that is still training is shown up to now.
    """
    target = writable(out, force, endings=(".png", ".svg"))

    from seqgan_kit.front import plot
    from seqgan_kit.runs.loading import opened_runs

    sheet = plot(*(run.path for run in opened_runs(runs)), against=against, figures=figures)
    if target is None:
        _draw(sheet)
    else:
        show_path(sheet.save(target, force=force))


def _draw(sheet: Sheet) -> None:
    """Draw charts in the terminal, or into a pipe."""
    from seqgan_kit.report.tables import printable
    from seqgan_kit.report.terminal_chart import terminal_chart

    coloured = sys.stdout.isatty() and not os.environ.get("NO_COLOR")

    names = sheet.names

    def sign(dots: str, run: int) -> str:
        if len(names) == 1:
            return dots
        if coloured:
            return click.style(dots, fg=COLOURS[run % len(COLOURS)])
        return string.ascii_letters[run % len(string.ascii_letters)]

    width = min(shutil.get_terminal_size().columns, WIDEST)
    for chart in sheet.charts:
        click.echo(terminal_chart(chart, width, sign) + "\n")
    for run, name in enumerate(names):
        click.echo(f"{sign(chr(0x28FF), run)} {printable(name)}")
