"""Writers of image samples: grids, folders, arrays, interpolations and swaps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from PIL.Image import Image
from torch import Tensor

from ...data.manifests import MANIFEST
from ...errors import UsageError
from ...files import refuse_existing
from ...labels import label_names
from ...report.images import GRID_ROWS, grid, labels_path, save_picture, write_array
from ...runs.asked import Asked
from ...runs.sampler import Sampler
from ...runs.targets import refuse_folder
from .codec import RowsCodec
from .drawing import write_pictures
from .reading import Colour, Look, pixels, read_image

DEFAULT_COUNT = 12
GRID_LIMIT = 4000
"""Most images on one grid; more of them go to a folder or an array."""


def check(asked: Asked) -> None:
    """Refuse an existing target, unless it may be replaced and contains only samples.

    Raises:
        UsageError: the target cannot be used.
    """
    out = asked.target
    if out.is_dir():
        refuse_folder(asked, lambda path: path.suffix == ".png" or path.name == MANIFEST)
        return
    for path in (out, labels_path(out)) if out.suffix == ".npy" else (out,):
        refuse_existing(path, asked.may_replace)


def write(sampler: Sampler, asked: Asked) -> None:
    """Write the requested samples: by label, a swap or an interpolation.

    Raises:
        UsageError: they cannot be written, or not to such a file.
        LabelError: the run has no such label.
    """
    if asked.options.get("swap") and asked.walk is not None:
        raise UsageError("--swap and --interpolate cannot be combined; use one of them")
    prefix = _beginning(sampler, asked)
    if asked.options.get("swap"):
        if prefix is not None:
            raise UsageError("--swap and --prompt cannot be combined; use one of them")
        _write_swap(sampler, asked)
    elif asked.walk is not None:
        _write_walk(sampler, asked)
    else:
        _write_by_label(sampler, asked, prefix)


def _beginning(sampler: Sampler, asked: Asked) -> Tensor | None:
    """Return the steps that all samples begin with, if a beginning is given.

    Raises:
        UsageError: it does not fit.
        DataError: it cannot be read.
    """
    if (path := asked.prompt) is None:
        return None
    codec = sampler.codec
    image = read_image(path, 1)
    if not isinstance(codec, RowsCodec):
        return sampler.beginning(image)  # It says why not.
    colour: Colour = "grey" if codec.channels == 1 else "rgb"
    given = pixels(image, Look((image.height, image.width), colour))
    if given.shape[:2] == (codec.height, codec.width):
        down = codec.order == "top-down"
        half = (codec.height if down else codec.width) // 2
        given = given[:half] if down else given[:, :half]
    return sampler.beginning(given)


def _write_by_label(sampler: Sampler, asked: Asked, prefix: Tensor | None) -> None:

    target, labels = asked.target, asked.labels or None
    legible = not labels and asked.count is None and target.suffix == ".png"
    count = asked.count or DEFAULT_COUNT
    rows_NA = sampler.label_rows(labels, count)
    if legible:
        rows_NA = rows_NA[: GRID_ROWS * count]
    chunks = sampler.stream(rows_NA, seed=asked.seed, noise_scale=asked.noise_scale, prefix=prefix)
    write_made(chunks, rows_NA, sampler, asked)


def write_made(
    chunks: Iterable[Tensor], label_NA: Int[np.ndarray, "N A"], sampler: Sampler, asked: Asked
) -> None:
    """Write decoded images: as a grid with a row for each label, an array, or a folder.

    Raises:
        UsageError: they are too many for a grid, or the name says no format.
    """
    target = asked.target
    if target.suffix == ".npy":
        write_array(target, (sampler.codec.present(chunk) for chunk in chunks), label_NA)
    elif target.suffix == ".png":
        if len(label_NA) > GRID_LIMIT:
            raise UsageError(
                f"{len(label_NA)} samples do not fit on one grid (at most {GRID_LIMIT}); name a "
                "folder or a .npy file"
            )
        save_picture(by_label(torch.cat(list(chunks)), label_NA, sampler.labels), target)
    elif target.suffix:
        raise UsageError(f"--out {target}: use a name that ends in .png or .npy, or a folder")
    else:
        write_pictures(
            target,
            (chunk.numpy() for chunk in chunks),
            label_NA,
            sampler.labels,
            seed=asked.seed,
            cell=asked.cell,
        )
    asked.say(f"{len(label_NA)} samples, seed {asked.seed}")


def by_label(
    images: Float[Tensor, "N h w c"],
    label_NA: Int[np.ndarray, "N A"],
    labels: Mapping[str, Sequence[str]],
) -> Image:
    """Draw images in rows, a new one wherever the label changes."""
    changes = np.flatnonzero((label_NA[1:] != label_NA[:-1]).any(1)) + 1
    names = [" ".join(label_names(label_NA[at], labels)) for at in (0, *changes)]
    return grid(np.split(images.numpy(), changes), names)


def _write_swap(sampler: Sampler, asked: Asked) -> None:

    if asked.target.suffix != ".png":
        raise UsageError(
            f"--out {asked.target}: --swap writes a picture; use a name that ends in .png"
        )
    count = asked.count or DEFAULT_COUNT
    rows_NA = sampler.label_rows(asked.labels or None, 1)[:GRID_ROWS]
    images = sampler.swap(
        rows_NA, count=count, seed=asked.seed, noise_scale=asked.noise_scale
    ).numpy()
    names = [" ".join(label_names(row, sampler.labels)) for row in rows_NA]
    by_label = list(images.reshape(len(names), count, *images.shape[1:]))
    save_picture(grid(by_label, names), asked.target)
    asked.say(
        f"{count} draws of noise under {len(names)} labels, seed {asked.seed}; each column is "
        "one draw"
    )


def _write_walk(sampler: Sampler, asked: Asked) -> None:

    start_A, end_A = asked.walk_ends(sampler.labels)
    if asked.target.suffix != ".png":
        raise UsageError(
            f"--out {asked.target}: --interpolate writes a picture; use a name that ends in .png"
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
    asked.say(f"{walks} walks of {steps} samples, seed {asked.seed}")
