"""Pictures of image samples: labelled grids, plain tiles, scores of steps, folders of PNGs."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from PIL import Image
from torch import Tensor

from ...data.dataset import Dataset
from ...data.manifests import MANIFEST
from ...data.names import Folders
from ...files import write_folder
from ...kind import Codec
from ...labels import are_named, label_names
from ...report.data import of_each_class
from ...report.images import GRID_ROWS, MARGIN, grid, picture, save_picture
from ...runs.sampler import Sampler
from ...runs.scoring import Scores

ACROSS = 12
"""Images in a row."""

SEED = "seed"
"""Column of the manifest."""


def tiles(rows: Sequence[Float[np.ndarray, "_ h w c"]]) -> Image.Image:
    """Draw rows of images side by side at their own size, for a page that enlarges them.

    Args:
        rows: images with values from 0 to 1.
    """
    height, width = (side + MARGIN for side in rows[0].shape[1:3])
    columns = max(len(row) for row in rows)
    colour = rows[0].shape[-1] == 3
    size = (columns * width - MARGIN, len(rows) * height - MARGIN)
    sheet = Image.new("RGB" if colour else "L", size, "white")
    for y, row in enumerate(rows):
        for x, image in enumerate(row):
            sheet.paste(picture(image), (x * width, y * height))
    return sheet


def scored_tiles(
    rows: Sequence[tuple[Float[np.ndarray, "N h w c"], Float[np.ndarray, "N h w"]]],
) -> Image.Image:
    """Draw rows of images, each with a coloured map of its scores on the right.

    Args:
        rows: images with values from 0 to 1, and a score for each pixel, from -1 (red) through
            0 (white) to 1 (blue).
    """
    painted = []
    for image_NHWC, score_NHW in rows:
        rgb_NHWC = np.broadcast_to(image_NHWC, (*image_NHWC.shape[:3], 3))
        heat_NHW1 = score_NHW[..., None]
        # This red and blue are also distinct to colour-blind readers.
        red, blue = np.array([0.84, 0.19, 0.15]), np.array([0.13, 0.40, 0.67])
        end = np.where(heat_NHW1 > 0, blue, red)
        painted.append(np.concatenate([rgb_NHWC, 1 + np.abs(heat_NHW1) * (end - 1)], 2))
    return tiles(painted)


def enlarged(image: Image.Image, factor: int = 3) -> Image.Image:
    """Enlarge the pixels of a picture, for a separate file."""
    size = (image.width * factor, image.height * factor)
    return image.resize(size, Image.Resampling.NEAREST)


def write_pictures(
    path: Path,
    chunks: Iterable[Float[np.ndarray, "B ..."]],
    label_NA: Int[np.ndarray, "N A"],
    labels: Mapping[str, Sequence[str]],
    *,
    seed: int = 0,
    cell: Callable[[str], str] = str,
) -> None:
    """Write samples as a folder of PNGs with a manifest, which can be read as data again.

    The files are ``LABEL-NUMBER.png``, numbered label by label. No two labels share a name, on
    any file system; which file has which label is in ``manifest.csv``. An existing folder is
    replaced as a whole.

    Args:
        path: the folder.
        chunks: the samples.
        label_NA: their labels.
        labels: names of the classes of each attribute.
        seed: of the samples, for the manifest.
        cell: turns text into a cell of the manifest.
    """
    names = Folders("image", spaces=False)
    counts: Counter[str] = Counter()
    named = tuple(labels) if are_named(labels) else ()
    seeds = {} if SEED in named else {SEED: seed}
    with (
        write_folder(path, replace=True) as draft,
        (draft / MANIFEST).open("w", encoding="utf-8", newline="") as file,
    ):
        manifest = csv.writer(file, lineterminator="\n")
        manifest.writerow(["path", *map(cell, named), *seeds])
        for row_A, image in zip(label_NA, (one for chunk in chunks for one in chunk), strict=True):
            classes = label_names(row_A, labels)
            name = names.of("-".join(classes), tuple(row_A.tolist()))
            target = f"{name}-{counts[name]:05d}.png"
            counts[name] += 1
            picture(image).save(draft / target)
            manifest.writerow([target, *map(cell, classes[: len(named)]), *seeds.values()])


# -- for commands -------------------------------------------------------------------------------


def draw_grid(sampler: Sampler, path: Path, *, columns: int = 12, seed: int = 0) -> None:
    """Draw a grid of samples, one row per label."""
    rows_NA = sampler.label_rows(None, 1)[:GRID_ROWS]
    images = torch.cat(list(sampler.stream(np.repeat(rows_NA, columns, 0), seed=seed))).numpy()
    names = [" ".join(label_names(row, sampler.labels)) for row in rows_NA]
    save_picture(grid(list(images.reshape(len(names), columns, *images.shape[1:])), names), path)


def contact_sheet(dataset: Dataset, codec: Codec) -> Image.Image:
    """Draw encoded and decoded training images, one row for each class of each attribute."""
    names, rows = of_each_class(dataset, codec, ACROSS)
    return grid([row.numpy() for row in rows], names)


def draw_scores(scores: Scores, codec: Codec) -> Image.Image:
    """Draw real images above samples, each next to a map of its step scores."""
    strips = []
    for x, mask_BT, score_BT in (scores.real, scores.made):
        # The codec places the scores where it places the steps.
        heat = codec.decode(score_BT[:, :, None].expand_as(x), mask_BT) * 2 - 1
        strips.append((codec.decode(x, mask_BT).numpy(), heat[..., 0].numpy()))
    return scored_tiles(strips)


def draw_pairs(real: Tensor, written: Tensor) -> Image.Image:
    """Draw real images above their reconstructions."""
    rows = []
    for start in range(0, len(real), ACROSS):
        chunk = slice(start, start + ACROSS)
        rows += [real[chunk].numpy(), written[chunk].numpy()]
    return enlarged(tiles(rows))
