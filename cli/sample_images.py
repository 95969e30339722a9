"""Samples that are pictures: grids, folders, arrays, walks and swaps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .console import UseError, say

if TYPE_CHECKING:
    from seqgan_kit.sampling import Sampler

DEFAULT_COUNT = 12
GRID_LIMIT = 4000
"""Images on one grid; a larger picture is better a folder or an array."""


def refuse_to_overwrite(out: Path, force: bool) -> None:
    from seqgan_kit.report.images import labels_path

    inside = list(out.iterdir()) if out.is_dir() else []
    written = [out, labels_path(out)] if out.suffix == ".npy" else [out]
    there = [path for path in written if path.is_file()] + inside
    if there and not force:
        raise UseError(f"{there[0]} exists and is not overwritten; use --force or another --out")
    foreign = [path for path in inside if path.suffix != ".png"]
    if foreign:
        raise UseError(f"{out} holds other things than samples ({foreign[0].name}) and stays")


def write_samples(
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

    legible = not labels and count is None and target.suffix == ".png"
    count = count or DEFAULT_COUNT
    rows_NA = sampler.label_rows(labels or None, count)
    if legible:
        rows_NA = rows_NA[: GRID_ROWS * count]
    chunks = sampler.stream(rows_NA, seed=seed, noise_scale=noise_scale)
    if target.suffix == ".npy":
        write_array(target, (sampler.codec.present(chunk) for chunk in chunks), rows_NA)
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


def write_swap(
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


def write_walk(
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
