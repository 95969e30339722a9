"""`seqgen pack`."""

from __future__ import annotations

from pathlib import Path

import click

from seqgan_kit.errors import UsageError

from . import completing
from .console import checkpoint_option, say, show_path


@click.command(short_help="Write a run into one file, to share it.")
@click.argument("run", type=click.Path(path_type=Path), shell_complete=completing.runs)
@checkpoint_option
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="A file that ends in .seqgen [NAME.seqgen, by the name of the recipe].",
)
@click.option("--force", is_flag=True, help="Replace the file.")
def command(run: Path, checkpoint: str | None, out: Path | None, force: bool) -> None:
    """Write RUN into one file: what sampling needs, the figures, and a card in words.

    \b
    Examples:
      seqgen pack runs/mnist_rows -o digits.seqgen
      seqgen sample digits.seqgen --label 7 -n 100 --out sevens/
      seqgen train mnist_rows --init-from digits.seqgen

    The file is a zip archive with the recipe, labels, codec, and the averaged weights in half
    precision; nothing in it is executed when it is read. Training cannot be resumed from it, but
    another run can begin with its weights. Evaluate the run first, so that the card has figures.
    """
    from seqgan_kit.files import refuse_existing
    from seqgan_kit.runs.loading import opened_runs, run_recipe
    from seqgan_kit.runs.packing import is_measured, pack
    from seqgan_kit.runs.places import ENDING

    (opened,) = opened_runs([run])
    target = out or Path(f"{run_recipe(opened).name}{ENDING}")
    if target.is_dir():
        raise UsageError(f"--out {target} is a folder: name a file that ends in {ENDING}")
    refuse_existing(target, force)
    pack(opened, target, checkpoint=checkpoint)
    if not is_measured(opened):
        say("without figures: `seqgen evaluate` has not measured this run")
    say(f"{target.stat().st_size / 1e6:.2f} MB")
    show_path(target)
