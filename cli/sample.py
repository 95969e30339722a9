"""`seqgen sample`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .console import SEED, UseError, say

if TYPE_CHECKING:
    from seqgan_kit.sampling import Sampler

DEFAULT_COUNT = 12
GRID_LIMIT = 4000
"""Images on one grid; a larger picture is better a folder or an array."""


@click.command(short_help="Make samples with a trained run.")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--label", "labels", multiple=True, help="7, or 3,7; every label if absent.")
@click.option("-n", "--count", type=click.IntRange(min=1), help="Samples of each label [12].")
@click.option("--seed", type=SEED, default=0, show_default=True)
@click.option("--checkpoint", help="Step of the checkpoint [the best, or the newest].")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="A .png (grid), a .npy (array), or a folder of PNGs [RUN/samples/grid.png].",
)
@click.option(
    "--interpolate", metavar="A..B", help="Walk from label A to B (any..any without labels)."
)
@click.option("--swap", is_flag=True, help="A grid of the same noise under every label.")
@click.option(
    "--noise-scale",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="Below 1: more typical samples, less variety.",
)
@click.option("--force", is_flag=True, help="Replace what --out names.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
def command(
    run: Path,
    labels: tuple[str, ...],
    count: int | None,
    seed: int,
    checkpoint: str | None,
    out: Path | None,
    interpolate: str | None,
    swap: bool,
    noise_scale: float,
    force: bool,
    device: str,
) -> None:
    """Sample RUN, the folder of a training. With no option: a grid, one row a label.

    \b
    Examples:
      seqgen sample runs/mnist_rows
      seqgen sample runs/mnist_rows --label 3,7 -n 100 --out digits/
      seqgen sample runs/mnist_rows -n 1000 --seed 1 --out digits.npy
      seqgen sample runs/mnist_rows --interpolate 3..7 --out walk.png
      seqgen sample runs/mnist_rows --swap -n 8 --out swap.png

    The arrays of a .npy are float32 in 0..1, [count, height, width] for grey images and
    [count, height, width, 3] for colour; NAME.labels.npy beside it has the class numbers.
    """
    from seqgan_kit import load
    from seqgan_kit.run import Run

    target = out or Run(run).samples / "grid.png"
    if out is not None:
        _refuse_to_overwrite(out, force)
    sampler = load(run, checkpoint=checkpoint, device=device)
    if swap and interpolate is not None:
        raise UseError("--swap and --interpolate are two pictures; ask for one at a time")
    if swap:
        _swap(sampler, labels, count, seed, noise_scale, target)
    elif interpolate is not None:
        _walk(sampler, interpolate, labels, count, seed, noise_scale, target)
    else:
        _samples(sampler, labels, count, seed, noise_scale, target)
    click.echo(str(target))


def _refuse_to_overwrite(out: Path, force: bool) -> None:
    from seqgan_kit.report.images import labels_path

    inside = list(out.iterdir()) if out.is_dir() else []
    written = [out, labels_path(out)] if out.suffix == ".npy" else [out]
    there = [path for path in written if path.is_file()] + inside
    if there and not force:
        raise UseError(f"{there[0]} exists and is not overwritten; use --force or another --out")
    foreign = [path for path in inside if path.suffix != ".png"]
    if foreign:
        raise UseError(f"{out} holds other things than samples ({foreign[0].name}) and stays")


def _samples(
    sampler: Sampler,
    labels: tuple[str, ...],
    count: int | None,
    seed: int,
    noise_scale: float,
    target: Path,
) -> None:
    import numpy as np

    from seqgan_kit.report.images import (
        GRID_ROWS,
        grid,
        label_names,
        save_picture,
        write_array,
        write_pictures,
    )
    from seqgan_kit.sampling import without_grey_axis

    legible = not labels and count is None and target.suffix == ".png"
    count = count or DEFAULT_COUNT
    rows_NA = sampler.label_rows(labels or None, count)
    if legible:
        rows_NA = rows_NA[: GRID_ROWS * count]
    chunks = sampler.stream(rows_NA, seed=seed, noise_scale=noise_scale)
    if target.suffix == ".npy":
        write_array(target, (without_grey_axis(chunk).numpy() for chunk in chunks), rows_NA)
    elif target.suffix == ".png":
        if len(rows_NA) > GRID_LIMIT:
            raise UseError(
                f"{len(rows_NA)} samples do not fit on one grid (up to {GRID_LIMIT}); use --out "
                "with a folder or a .npy file"
            )
        images = np.concatenate([chunk.numpy() for chunk in chunks])
        by_label = images.reshape(-1, count, *images.shape[1:])
        names = [" ".join(label_names(row, sampler.labels)) for row in rows_NA[::count]]
        save_picture(grid(list(by_label), names), target)
    elif target.suffix:
        raise UseError(f"--out {target}: choose a name that ends in .png or .npy, or a folder")
    else:
        write_pictures(target, (c.numpy() for c in chunks), rows_NA, sampler.labels)
    say(f"{len(rows_NA)} samples, seed {seed}")


def _swap(
    sampler: Sampler,
    labels: tuple[str, ...],
    count: int | None,
    seed: int,
    noise_scale: float,
    target: Path,
) -> None:
    from seqgan_kit.report.images import GRID_ROWS, grid, label_names, save_picture

    if target.suffix != ".png":
        raise UseError(f"--out {target}: a grid is a picture; choose a name that ends in .png")
    count = count or DEFAULT_COUNT
    rows_NA = sampler.label_rows(labels or None, 1)[:GRID_ROWS]
    images = sampler.swap(rows_NA, count=count, seed=seed, noise_scale=noise_scale).numpy()
    names = [" ".join(label_names(row, sampler.labels)) for row in rows_NA]
    save_picture(grid(list(images.reshape(len(names), count, *images.shape[1:])), names), target)
    say(f"{count} draws of noise under {len(names)} labels, seed {seed}: a column is one draw")


def _walk(
    sampler: Sampler,
    interpolate: str,
    labels: tuple[str, ...],
    count: int | None,
    seed: int,
    noise_scale: float,
    target: Path,
) -> None:
    from seqgan_kit.report.images import grid, save_picture
    from seqgan_kit.sampling import parse_labels

    start, dots, end = interpolate.partition("..")
    if not dots or labels:
        raise UseError("--interpolate takes two labels, as in --interpolate 3..7, and no --label")
    if target.suffix != ".png":
        raise UseError(f"--out {target}: a walk is a picture; choose a name that ends in .png")
    ends = [parse_labels(name, sampler.labels) for name in (start, end)]
    for name, rows in zip((start, end), ends, strict=True):
        if len(rows) != 1:
            raise UseError(f"--interpolate: {name!r} names {len(rows)} labels instead of one")
    walks, steps = count or 6, 14
    images = sampler.interpolate(
        ends[0][0], ends[1][0], steps=steps, walks=walks, seed=seed, noise_scale=noise_scale
    ).numpy()
    by_walk = list(images.reshape(walks, steps, *images.shape[1:]))
    save_picture(grid(by_walk, [f"{start} to {end}"] * walks), target)
    say(f"{walks} walks of {steps} samples, seed {seed}")
