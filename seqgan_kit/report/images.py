"""Pictures in reports, and files of pictures and arrays."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, NotRequired, TypedDict

import numpy as np
from jaxtyping import Float, Int
from PIL import Image, ImageDraw

from ..files import write_file
from .fonts import lettering


class ImagePanel(TypedDict):
    """A picture on a page: a PNG in base64, its size in pixels, and a text alternative.

    `ink` is whether it is a drawing on white, which a dark page may turn round.
    """

    kind: Literal["image"]
    png: str
    width: int
    height: int
    alt: str
    ink: NotRequired[bool]


MARGIN = 2
"""Pixels between tiles, before scaling."""

GRID_ROWS = 20
"""Most labels on the grid of a run or a data set; more would not be legible."""


def to_bytes(images: Float[np.ndarray, ...]) -> np.ndarray:
    """Convert values from 0 to 1 to bytes, rounded."""
    return (np.asarray(images) * 255 + 0.5).astype(np.uint8)


def picture(image_HWC: Float[np.ndarray, "h w *c"]) -> Image.Image:
    """Convert an image with values from 0 to 1 to a picture."""
    pixels = to_bytes(image_HWC)
    return Image.fromarray(
        pixels[..., 0] if pixels.shape[-1] == 1 and pixels.ndim == 3 else pixels
    )


def grid(
    rows: Sequence[Float[np.ndarray, "N h w c"]], names: Sequence[str], *, tile: int = 56
) -> Image.Image:
    """Draw rows of images, each with its name on the left.

    Args:
        rows: the images of each row, values from 0 to 1.
        names: the names of the rows; without any, what is between images is transparent.
        tile: larger side of an image in the picture, in pixels; small images are enlarged by a
            whole factor to keep their pixels sharp.
    """
    height, width = rows[0].shape[1:3]
    factor = max(tile // max(height, width), 1)
    cell_h, cell_w = (height + MARGIN) * factor, (width + MARGIN) * factor
    titles = [lettering(name, max(min(cell_h // 2, 28), 10)) for name in names]
    left = max((int(font.getlength(text)) for font, text in titles), default=0)
    left += 12 if any(names) else 0
    columns = max(len(row) for row in rows)
    colour = rows[0].shape[-1] == 3
    size = (left + columns * cell_w, len(rows) * cell_h)
    if any(names):
        sheet = Image.new("RGB" if colour else "L", size, "white")
    else:
        sheet = Image.new("RGBA" if colour else "LA", size)
    draw = ImageDraw.Draw(sheet)
    for y, ((font, text), row) in enumerate(zip(titles, rows, strict=True)):
        middle = y * cell_h + cell_h // 2
        draw.text((left - 8, middle), text, fill="black", font=font, anchor="rm")
        for x, image in enumerate(row):
            shown = picture(image).resize(
                (width * factor, height * factor), Image.Resampling.NEAREST
            )
            sheet.paste(shown, (left + x * cell_w, y * cell_h + MARGIN * factor // 2))
    return sheet


def panel(image: Image.Image, alt: str, *, ink: bool = False) -> ImagePanel:
    """Convert a picture to a panel of a page.

    Grey pictures are reduced to sixteen levels, which halves their size.

    Args:
        image: the picture.
        alt: its text alternative.
        ink: whether it is a drawing on white.
    """
    shown = image
    if image.mode == "L":
        levels = Image.fromarray(np.rint(np.asarray(image) / 17).astype(np.uint8), "P")
        levels.putpalette([level * 17 for level in range(16) for _ in range(3)])
        shown = levels
    buffer = io.BytesIO()
    shown.save(buffer, format="PNG", optimize=True, **({"bits": 4} if shown.mode == "P" else {}))
    png = base64.b64encode(buffer.getvalue()).decode()
    found: ImagePanel = {
        "kind": "image", "png": png, "width": image.width, "height": image.height, "alt": alt
    }  # fmt: skip
    return {**found, "ink": True} if ink else found


def save_picture(image: Image.Image, path: Path) -> None:
    """Write a PNG; the file appears only once it is complete."""
    with write_file(path) as draft:
        image.save(draft, format="PNG")


def labels_path(path: Path) -> Path:
    """Return the path of the labels of an array."""
    return path.with_name(f"{path.stem}.labels.npy")


def write_array(
    path: Path,
    chunks: Iterable[Float[np.ndarray, "B ..."]],
    label_NA: Int[np.ndarray, "N A"],
) -> None:
    """Write samples as ``.npy``, chunk by chunk, and their labels to a second file.

    The samples are float32; the labels are class numbers ``[N]``, or ``[N, A]`` with several
    attributes, in ``NAME.labels.npy``.
    """
    # Sequential writes, as a full disk would kill the process with a memory-mapped file.
    with write_file(path) as draft, draft.open("wb") as file:
        for number, chunk in enumerate(chunks):
            if number == 0:
                header = np.lib.format.header_data_from_array_1_0(chunk.astype("<f4"))
                header["shape"] = (len(label_NA), *chunk.shape[1:])
                np.lib.format.write_array_header_1_0(file, header)
            file.write(np.ascontiguousarray(chunk, "<f4").tobytes())
    with write_file(labels_path(path)) as draft:
        np.save(draft, label_NA[:, 0] if label_NA.shape[1] == 1 else label_NA)


def heat_colour(score: float) -> tuple[int, int, int]:
    """Return the colour of a score from -1 (red, generated) through 0 (white) to 1 (blue, real).

    The red and the blue are also distinct to colour-blind readers.

    >>> heat_colour(0.0), heat_colour(1.0)
    ((255, 255, 255), (33, 102, 171))
    """
    end = (0.13, 0.40, 0.67) if score > 0 else (0.84, 0.19, 0.15)
    strength = min(abs(score), 1.0)
    red, green, blue = (round(255 * (1 + strength * (share - 1))) for share in end)
    return red, green, blue
