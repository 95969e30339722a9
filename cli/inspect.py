"""`seqgen inspect`."""

from __future__ import annotations

from pathlib import Path

import click

from . import completing
from .console import SEED, checkpoint_option, moved_argument, say, show_path, watching, writable


@click.command(short_help="Show which steps a discriminator finds fake.")
@click.argument("run", type=click.Path(path_type=Path), shell_complete=completing.runs)
@moved_argument
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of the samples.")
@click.option("--out", type=click.Path(path_type=Path), help="A .png [RUN/samples/inspect.png].")
@checkpoint_option
@click.option("--force", is_flag=True, help="Replace what --out names.")
def command(
    run: Path,
    moved: tuple[str, ...],
    seed: int,
    out: Path | None,
    checkpoint: str | None,
    force: bool,
) -> None:
    """Write a picture of real items and samples with a score of RUN's discriminator for each step.

    Real test items come first, then samples of the same labels. Blue speaks for real, red for
    generated.

    \b
    Examples:
      seqgen inspect runs/mnist_rows
      seqgen inspect runs/mnist_rows --seed 3 --out scores.png
      seqgen inspect runs/vowels_series
    """
    import torch

    from seqgan_kit.report.images import save_picture
    from seqgan_kit.runs.data import kind_of_run
    from seqgan_kit.runs.loading import load_sampler, opened_runs, run_recipe, same_data
    from seqgan_kit.runs.scoring import scores

    (found,) = opened_runs([run, *moved])
    kind = kind_of_run(found)
    target = writable(out, force) or found.samples / "inspect.png"
    recipe = run_recipe(found)
    chosen = found.checkpoint(checkpoint).name
    sampler = load_sampler(found, recipe, checkpoint=chosen, device=torch.device("cpu"))
    dataset = same_data(found, recipe, watching())
    scored = scores(dataset, found, recipe, sampler, seed=seed, checkpoint=chosen)
    save_picture(kind.draw_scores(scored, sampler.codec), target)
    say(scored.explanation)
    show_path(target)
