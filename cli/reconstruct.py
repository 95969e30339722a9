"""`seqgen reconstruct`."""

from __future__ import annotations

from pathlib import Path

import click

from .console import watching, writable


@click.command(short_help="Show what a VAE makes of real items.")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("-n", "--count", type=click.IntRange(min=1, max=400), default=12, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="A .png [RUN/samples/...].")
@click.option("--checkpoint", help="Step of the checkpoint [the best, or the newest].")
@click.option("--force", is_flag=True, help="Replace what --out names.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
def command(
    run: Path, count: int, out: Path | None, checkpoint: str | None, force: bool, device: str
) -> None:
    """Write a picture of test items above what RUN, a variational autoencoder, makes of them.

    \b
    Examples:
      seqgen reconstruct runs/mnist_vae
      seqgen reconstruct runs/mnist_cvae -n 24 --out reconstructions.png
    """
    from seqgan_kit import evidence_images, load
    from seqgan_kit.report.images import save_picture
    from seqgan_kit.run import Run

    found = Run(run)
    target = writable(out, force) or found.samples / "reconstruct.png"
    sampler = load(run, checkpoint=checkpoint, device=device)
    save_picture(evidence_images.reconstructions(found, sampler, count, watching()), target)
    click.echo(str(target))
