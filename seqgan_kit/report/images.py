"""Pictures of samples: labelled grids, folders of PNGs, arrays."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, TypedDict

import numpy as np
from jaxtyping import Float, Int
from PIL import Image, ImageDraw, ImageFont

from ..files import write_file, write_folder


class ImagePanel(TypedDict):
    """A picture on a page: a PNG in base64, its size in pixels, and what it shows in words."""

    kind: Literal["image"]
    png: str
    width: int
    height: int
    alt: str


MARGIN = 2
"""Pixels between tiles, before scaling."""

GRID_ROWS = 20
"""Labels on the grid of a run or a data set; more would not be legible."""


def to_bytes(images: Float[np.ndarray, ...]) -> np.ndarray:
    """Values from 0 to 1 as bytes, rounded."""
    return (np.asarray(images) * 255 + 0.5).astype(np.uint8)


def picture(image_HWC: Float[np.ndarray, "h w *c"]) -> Image.Image:
    """One image with values from 0 to 1."""
    pixels = to_bytes(image_HWC)
    return Image.fromarray(
        pixels[..., 0] if pixels.shape[-1] == 1 and pixels.ndim == 3 else pixels
    )


def grid(
    rows: Sequence[Float[np.ndarray, "N h w c"]], names: Sequence[str], *, tile: int = 56
) -> Image.Image:
    """A picture with one row of images for each name, the name at its left.

    Args:
        rows: for each row its images, values from 0 to 1.
        names: the rows' names.
        tile: the larger side of an image on the picture, in pixels; small images are enlarged by
            a whole factor so that their pixels stay sharp.
    """
    height, width = rows[0].shape[1:3]
    factor = max(tile // max(height, width), 1)
    cell_h, cell_w = (height + MARGIN) * factor, (width + MARGIN) * factor
    font = ImageFont.load_default(size=max(min(cell_h // 2, 28), 10))
    left = max((int(font.getlength(name)) for name in names), default=0) + 12
    columns = max(len(row) for row in rows)
    colour = rows[0].shape[-1] == 3
    sheet = Image.new(
        "RGB" if colour else "L", (left + columns * cell_w, len(rows) * cell_h), "white"
    )
    draw = ImageDraw.Draw(sheet)
    for y, (name, row) in enumerate(zip(names, rows, strict=True)):
        middle = y * cell_h + cell_h // 2
        draw.text((left - 8, middle), name, fill="black", font=font, anchor="rm")
        for x, image in enumerate(row):
            shown = picture(image).resize(
                (width * factor, height * factor), Image.Resampling.NEAREST
            )
            sheet.paste(shown, (left + x * cell_w, y * cell_h + MARGIN * factor // 2))
    return sheet


def tiles(rows: Sequence[Float[np.ndarray, "_ h w c"]]) -> Image.Image:
    """Rows of images beside each other at their own size, for a page that enlarges them.

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
    """Rows of images, each with a score for every place beside it, in colour.

    Args:
        rows: images with values from 0 to 1, and for every place of them a score from -1 (red)
            over 0 (white) to 1 (blue).
    """
    painted = []
    for image_NHWC, score_NHW in rows:
        rgb_NHWC = np.broadcast_to(image_NHWC, (*image_NHWC.shape[:3], 3))
        heat_NHW1 = score_NHW[..., None]
        # Colours that those who see no red or green tell apart, too.
        red, blue = np.array([0.84, 0.19, 0.15]), np.array([0.13, 0.40, 0.67])
        end = np.where(heat_NHW1 > 0, blue, red)
        painted.append(np.concatenate([rgb_NHWC, 1 + np.abs(heat_NHW1) * (end - 1)], 2))
    return tiles(painted)


def panel(image: Image.Image, alt: str) -> ImagePanel:
    """A picture for a page, as text.

    Grey pictures keep sixteen levels, which takes half the space.
    """
    shown = image
    if image.mode == "L":
        levels = Image.fromarray(np.rint(np.asarray(image) / 17).astype(np.uint8), "P")
        levels.putpalette([level * 17 for level in range(16) for _ in range(3)])
        shown = levels
    buffer = io.BytesIO()
    shown.save(buffer, format="PNG", optimize=True, **({"bits": 4} if shown.mode == "P" else {}))
    png = base64.b64encode(buffer.getvalue()).decode()
    return {"kind": "image", "png": png, "width": image.width, "height": image.height, "alt": alt}


def enlarged(image: Image.Image, factor: int = 3) -> Image.Image:
    """A picture with larger pixels, for a file of its own."""
    size = (image.width * factor, image.height * factor)
    return image.resize(size, Image.Resampling.NEAREST)


def save_picture(image: Image.Image, path: Path) -> None:
    """Write a PNG, whole or not at all."""
    with write_file(path) as draft:
        image.save(draft, format="PNG")


def label_names(row_A: Int[np.ndarray, " A"], labels: Mapping[str, Sequence[str]]) -> list[str]:
    """The class names of one label."""
    return [names[index] for index, names in zip(row_A, labels.values(), strict=True)]


def labels_path(path: Path) -> Path:
    """Where the labels of an array belong."""
    return path.with_name(f"{path.stem}.labels.npy")


def write_array(
    path: Path,
    chunks: Iterable[Float[np.ndarray, "B ..."]],
    label_NA: Int[np.ndarray, "N A"],
) -> None:
    """Write samples as ``.npy``, chunk by chunk, and their labels beside them.

    The samples are float32; the labels are class numbers ``[N]``, or ``[N, A]`` with several
    attributes, in ``NAME.labels.npy``.
    """
    # Written in order, not through a mapping, in which a full disk would kill the process.
    with write_file(path) as draft, draft.open("wb") as file:
        for number, chunk in enumerate(chunks):
            if number == 0:
                header = np.lib.format.header_data_from_array_1_0(chunk.astype("<f4"))
                header["shape"] = (len(label_NA), *chunk.shape[1:])
                np.lib.format.write_array_header_1_0(file, header)
            file.write(np.ascontiguousarray(chunk, "<f4").tobytes())
    with write_file(labels_path(path)) as draft:
        np.save(draft, label_NA[:, 0] if label_NA.shape[1] == 1 else label_NA)


def write_pictures(
    path: Path,
    chunks: Iterable[Float[np.ndarray, "B ..."]],
    label_NA: Int[np.ndarray, "N A"],
    labels: Mapping[str, Sequence[str]],
) -> None:
    """Write samples as a folder of PNGs, ``LABEL-NUMBER.png``, numbered label by label.

    A folder that is there is replaced as a whole.
    """
    seen: dict[str, int] = {}
    number = 0
    with write_folder(path, replace=True) as draft:
        for chunk in chunks:
            for image in chunk:
                name = "-".join(label_names(label_NA[number], labels))
                name = re.sub(r"[^\w.-]+", "_", name)
                picture(image).save(draft / f"{name}-{seen.get(name, 0):05d}.png")
                seen[name] = seen.get(name, 0) + 1
                number += 1
