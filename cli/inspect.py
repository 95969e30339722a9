"""`seqgen inspect`."""

from __future__ import annotations

from pathlib import Path

import click

from .console import SEED, UseError, say, watching, writable


@click.command(short_help="Show which steps a discriminator finds fake.")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of the samples.")
@click.option("--out", type=click.Path(path_type=Path), help="A .png [RUN/samples/inspect.png].")
@click.option("--checkpoint", help="Step of the checkpoint [the best, or the newest].")
@click.option("--force", is_flag=True, help="Replace what --out names.")
def command(run: Path, seed: int, out: Path | None, checkpoint: str | None, force: bool) -> None:
    """Write a picture of real items and samples with a score of RUN's discriminator for each step.

    Above real test items, below samples of the same labels. Blue speaks for real, red for
    generated.

    \b
    Examples:
      seqgen inspect runs/mnist_rows
      seqgen inspect runs/mnist_rows --seed 3 --out scores.png
    """
    from seqgan_kit import evidence_images
    from seqgan_kit.report.images import save_picture
    from seqgan_kit.run import Run

    found = Run(run)
    if found.info["codec"].get("kind") == "text":
        raise UseError(
            f"{run} writes text, and this draws pictures; `seqgen report {run}` shows the score "
            "of every token"
        )
    target = writable(out, force) or found.samples / "inspect.png"
    scored = evidence_images.scored_run(found, seed, watching(), checkpoint)
    if scored is None:
        raise UseError(f"{run} has no discriminator that reads step by step")
    picture, explanation = scored
    save_picture(picture, target)
    say(explanation)
    click.echo(str(target))
