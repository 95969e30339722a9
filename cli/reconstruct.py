"""`seqgen reconstruct`."""

from __future__ import annotations

from pathlib import Path

import click

from . import completing
from .console import checkpoint_option, moved_argument, show_path, watching, writable


@click.command(short_help="Show what a VAE makes of real items.")
@click.argument("run", type=click.Path(path_type=Path), shell_complete=completing.runs)
@moved_argument
@click.option("-n", "--count", type=click.IntRange(min=1, max=400), default=12, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="A .png [RUN/samples/...].")
@checkpoint_option
@click.option("--force", is_flag=True, help="Replace what --out names.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
def command(
    run: Path,
    moved: tuple[str, ...],
    count: int,
    out: Path | None,
    checkpoint: str | None,
    force: bool,
    device: str,
) -> None:
    """Write a picture of test items beside what RUN, a variational autoencoder, makes of them.

    \b
    Examples:
      seqgen reconstruct runs/mnist_vae
      seqgen reconstruct runs/mnist_cvae -n 24 --out reconstructions.png
      seqgen reconstruct runs/vowels_series_vae
    """
    from seqgan_kit import load
    from seqgan_kit.report.images import save_picture
    from seqgan_kit.runs.data import kind_of_run
    from seqgan_kit.runs.loading import opened_runs, run_recipe, same_data
    from seqgan_kit.runs.reconstruction import check_encoder, reconstructions

    (found,) = opened_runs([run, *moved])
    kind = kind_of_run(found)
    target = writable(out, force) or found.samples / "reconstruct.png"
    recipe = run_recipe(found)
    sampler = load(run, checkpoint=checkpoint, device=device)
    check_encoder(sampler)
    dataset = same_data(found, recipe, watching())
    real, written = reconstructions(recipe, dataset, sampler, count)
    save_picture(kind.draw_pairs(real, written, sampler.codec), target)
    show_path(target)
