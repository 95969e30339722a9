"""Samples that are pictures: grids, folders, arrays, walks and swaps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .console import UseError, say
from .sample import STANDARD_OUTPUT

if TYPE_CHECKING:
    from seqgan_kit.sampling import Sampler

    from .sample import Asked

DEFAULT_COUNT = 12
GRID_LIMIT = 4000
"""Images on one grid; a larger picture is better a folder or an array."""


def refuse_to_overwrite(out: Path, force: bool) -> None:
    """Refuse a target that is there, unless it may be replaced and holds nothing else."""
    from seqgan_kit.report.images import labels_path

    if out == STANDARD_OUTPUT:
        raise UseError("--out -: pictures do not go to standard output; name a file or a folder")
    inside = list(out.iterdir()) if out.is_dir() else []
    written = [out, labels_path(out)] if out.suffix == ".npy" else [out]
    there = [path for path in written if path.is_file()] + inside
    if there and not force:
        raise UseError(f"{there[0]} exists and is not overwritten; use --force or another --out")
    foreign = [path for path in inside if path.suffix != ".png"]
    if foreign:
        raise UseError(f"{out} holds other things than samples ({foreign[0].name}) and stays")


def write_samples(sampler: Sampler, asked: Asked) -> None:
    """Write what is asked for: samples by label, a swap or a walk.

    Raises:
        UseError: it cannot be, or not in such a file.
        LabelError: the run has no such label.
    """
    if asked.swap and asked.walk is not None:
        raise UseError("--swap and --interpolate are two pictures; ask for one at a time")
    if asked.swap:
        _write_swap(sampler, asked)
    elif asked.walk is not None:
        _write_walk(sampler, asked)
    else:
        _write_by_label(sampler, asked)


def _write_by_label(sampler: Sampler, asked: Asked) -> None:
    import numpy as np

    from seqgan_kit.report.images import (
        GRID_ROWS,
        grid,
        label_names,
        save_picture,
        write_array,
        write_pictures,
    )

    target, labels = asked.target, asked.labels or None
    legible = not labels and asked.count is None and target.suffix == ".png"
    count = asked.count or DEFAULT_COUNT
    rows_NA = sampler.label_rows(labels, count)
    if legible:
        rows_NA = rows_NA[: GRID_ROWS * count]
    chunks = sampler.stream(rows_NA, seed=asked.seed, noise_scale=asked.noise_scale)
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
    say(f"{len(rows_NA)} samples, seed {asked.seed}")


def _write_swap(sampler: Sampler, asked: Asked) -> None:
    from seqgan_kit.report.images import GRID_ROWS, grid, label_names, save_picture

    if asked.target.suffix != ".png":
        raise UseError(
            f"--out {asked.target}: a grid is a picture; choose a name that ends in .png"
        )
    count = asked.count or DEFAULT_COUNT
    rows_NA = sampler.label_rows(asked.labels or None, 1)[:GRID_ROWS]
    images = sampler.swap(
        rows_NA, count=count, seed=asked.seed, noise_scale=asked.noise_scale
    ).numpy()
    names = [" ".join(label_names(row, sampler.labels)) for row in rows_NA]
    by_label = list(images.reshape(len(names), count, *images.shape[1:]))
    save_picture(grid(by_label, names), asked.target)
    say(
        f"{count} draws of noise under {len(names)} labels, seed {asked.seed}: a column is one "
        "draw"
    )


def _write_walk(sampler: Sampler, asked: Asked) -> None:
    from seqgan_kit.report.images import grid, save_picture

    start_A, end_A = asked.walk_ends(sampler.labels)
    if asked.target.suffix != ".png":
        raise UseError(
            f"--out {asked.target}: a walk is a picture; choose a name that ends in .png"
        )
    walks, steps = asked.count or 6, 14
    images = sampler.interpolate(
        start_A,
        end_A,
        steps=steps,
        walks=walks,
        seed=asked.seed,
        noise_scale=asked.noise_scale,
    ).numpy()
    by_walk = list(images.reshape(walks, steps, *images.shape[1:]))
    title = " to ".join((asked.walk or "").split("..", 1))
    save_picture(grid(by_walk, [title] * walks), asked.target)
    say(f"{walks} walks of {steps} samples, seed {asked.seed}")
