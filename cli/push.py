"""`seqgen push`."""

from __future__ import annotations

from pathlib import Path

import click

from . import completing
from .console import checkpoint_option, say, show


@click.command(short_help="Share a run on the Hugging Face hub.")
@click.argument("run", type=click.Path(path_type=Path), shell_complete=completing.runs)
@click.argument("repository", metavar="USER/NAME")
@checkpoint_option
@click.option("--private", is_flag=True, help="Make a new repository private.")
@click.option("--message", help="Message of the commit [the recipe and the checkpoint].")
def command(
    run: Path, repository: str, checkpoint: str | None, private: bool, message: str | None
) -> None:
    """Share RUN on the Hugging Face hub: a packed run, and its card with the figures.

    \b
    Examples:
      seqgen push runs/mnist_rows me/digits
      seqgen sample hf://me/digits --label 7 -n 100 --out sevens/
      seqgen train mnist_rows --init-from hf://me/digits

    The repository is created if need be, and is public unless --private says otherwise. Log in
    with `hf auth login`, or set HF_TOKEN. Evaluate the run first, so that the card has figures.
    What is printed is a name of the run for every command: hf://USER/NAME.
    """
    from seqgan_kit.runs.loading import opened_runs
    from seqgan_kit.runs.packing import is_measured, push

    (opened,) = opened_runs([run])
    page = push(opened, repository, checkpoint=checkpoint, private=private, message=message)
    if not is_measured(opened):
        say("without figures: `seqgen evaluate` has not measured this run")
    say(page)
    show(f"hf://{repository.removeprefix('hf://')}")
