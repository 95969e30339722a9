"""Reading of one image file: upright, within limits, and as it is asked for."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from ...data.dataset import DataError
from ...data.reading import LARGEST_MB, opened, refuse_large
from .schema import MOST_PIXELS

Colour = Literal["grey", "rgb"]
Fit = Literal["stretch", "crop", "pad"]
Ground = Literal["black", "white", "grey", "corner"]

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
"""What files are read as, whatever their names: Pillow itself would hand PostScript to a program
that runs it."""
EXTENSIONS = frozenset(
    (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm")
)
LEVELS: dict[Ground, int] = {"black": 0, "white": 255, "grey": 128}
BRIGHTEST = 65535
"""Largest value of 16 bits."""


class Limits(NamedTuple):
    """What a file may take: pixels, and memory of its decoded pixels in MB."""

    pixels: int = MOST_PIXELS
    max_mb: int = LARGEST_MB


USUAL = Limits()


@dataclass(frozen=True)
class Look:
    """What images become.

    Attributes:
        size: height and width.
        colour: colour mode.
        fit: what is done about other proportions.
        ground: what lies behind transparent pixels, and around padded images.
        white: value of 16-bit images that becomes white.
        limits: what a file may take.
    """

    size: tuple[int, int]
    colour: Colour = "grey"
    fit: Fit = "stretch"
    ground: Ground = "black"
    white: int = BRIGHTEST
    limits: Limits = USUAL

    @property
    def mode(self) -> str:
        """Pillow's name of the colour mode."""
        return "L" if self.colour == "grey" else "RGB"

    @property
    def edge(self) -> int:
        """Shortest edge that a JPEG is decoded at."""
        return 2 * max(self.size)


def read_pixels(path: Path, look: Look) -> np.ndarray:
    """Read an image ``[H, W, C]`` of bytes.

    Raises:
        DataError: the file cannot be read as an image.
    """
    return pixels(read_image(path, look.edge, look.limits), look)


def pixels(image: Image.Image, look: Look) -> np.ndarray:
    """Return what :func:`read_image` gave as bytes ``[H, W, C]``."""
    ground = ground_of(image, look.ground, look.white)
    flat = flattened(image, ground, look.white).convert(look.mode)
    return np.asarray(_fitted(flat, look, ground)).reshape(*look.size, -1)


def read_image(path: Path, edge: int, limits: Limits = USUAL) -> Image.Image:
    """Read the first frame of an image upright, in mode L, RGB, RGBA, or I for 16 bits.

    Args:
        path: the file.
        edge: a JPEG may be decoded at reduced size, but with edges of at least this length.
        limits: what the file may take.

    Raises:
        DataError: the file cannot be read as an image.
    """
    with opened_image(path, limits) as image:
        return upright(image, path, edge, limits)[0]


def upright(
    opened: Image.Image, path: Path, edge: int, limits: Limits
) -> tuple[Image.Image, tuple[int, int]]:
    """Decode an opened image; return it as :func:`read_image`, and its full height and width."""
    size = opened.size
    opened.draft(None, (edge, edge))
    taken = 1 if opened.mode in ("1", "L", "P") else 4
    refuse_large(path, opened.width * opened.height * taken, limits.max_mb)
    # Behind the check of memory: of some formats this decodes the pixels.
    lies = opened.getexif().get(ExifTags.Base.Orientation, 1) >= 5
    ImageOps.exif_transpose(opened, in_place=True)
    return _known_mode(opened), size if lies else size[::-1]


def _known_mode(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers; save the image with 8 or 16 bits")
    if image.mode.startswith("I"):
        image = image.convert("I")
        low, high = extrema(image)[0]
        if low < 0 or high > BRIGHTEST:
            raise ValueError(
                f"its values go from {low} to {high}; save the image with 8 or 16 bits"
            )
        return image
    if image.has_transparency_data:
        image = image.convert("RGBA")
        # Without a transparent pixel its colours are the image.
        return image if extrema(image)[3][0] < 255 else image.convert("RGB")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def extrema(image: Image.Image) -> list[tuple[int, int]]:
    """Return the lowest and the highest value of each channel."""
    pairs: Any = image.getextrema()
    return [pairs] if len(image.getbands()) == 1 else list(pairs)


@contextmanager
def opened_image(path: Path, limits: Limits = USUAL) -> Iterator[Image.Image]:
    """Open an image of one of the known formats, before its pixels are read.

    Raises:
        DataError: it is no such image, or too large, or damaged in what the caller reads.
    """
    with opened(path) as file:
        refuse_large(path, os.fstat(file.fileno()).st_size, limits.max_mb)
        try:
            with _limited(limits.pixels), Image.open(file, formats=FORMATS) as image:
                yield image
        except UnidentifiedImageError as error:
            raise DataError(f"{path}: not a readable image ({', '.join(FORMATS)})") from error
        except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
            raise DataError(
                f"{path}: more than {limits.pixels:,} pixels, the limit: make it smaller, or "
                "raise data.max_pixels"
            ) from error
        except DataError:
            raise
        except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
            raise DataError(f"{path}: {str(error) or type(error).__name__}") from error


@contextmanager
def _limited(pixels: int) -> Iterator[None]:
    """Let Pillow refuse images of more pixels, and keep quiet about damaged tags.

    Tags do not matter where the pixels can be read. Pillow has its limit as a global, which is
    asked for while an image is opened and while it is decoded.
    """
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, pixels
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def ground_of(image: Image.Image, ground: Ground, white: int) -> tuple[int, int, int]:
    """Return the colour of the background: by name, or that of the top left pixel.

    A transparent pixel has a colour, too: what its program would show if it were not.
    """
    if ground != "corner":
        return (LEVELS[ground],) * 3
    corner = image.crop((0, 0, 1, 1))
    seen = Image.fromarray(scaled(corner, white)) if image.mode == "I" else corner
    return seen.convert("RGB").getpixel((0, 0))  # type: ignore[return-value]  # of three channels


def flattened(image: Image.Image, ground: tuple[int, int, int], white: int) -> Image.Image:
    """Return what :func:`read_image` gave as 8-bit grey (mode L) or colour (RGB).

    Args:
        image: the image.
        ground: colour behind transparent pixels.
        white: value of 16-bit images that becomes white.
    """
    if image.mode == "I":
        # Pillow would clip 16-bit values at 255.
        return Image.fromarray(scaled(image, white))
    if image.mode == "RGBA":
        return Image.alpha_composite(Image.new("RGBA", image.size, (*ground, 255)), image).convert(
            "RGB"
        )
    return image


def scaled(image: Image.Image, white: int) -> np.ndarray:
    """Scale an image of 16 bits to bytes ``[H, W]``; values above ``white`` are cut."""
    grey = np.rint(np.asarray(image).astype(np.float32) * (255 / white))
    return grey.clip(0, 255).astype(np.uint8)


def _fitted(image: Image.Image, look: Look, ground: tuple[int, int, int]) -> Image.Image:
    """Resize an image: stretched, cut around its middle, or with edges of the background."""
    height, width = look.size
    # Lanczos widens its window when shrinking, which prevents aliasing.
    lanczos = Image.Resampling.LANCZOS
    if look.fit == "crop":
        return ImageOps.fit(image, (width, height), lanczos)
    if look.fit == "stretch":
        return image.resize((width, height), lanczos)
    share = min(width / image.width, height / image.height)
    inner = max(round(image.width * share), 1), max(round(image.height * share), 1)
    padded = Image.new("RGB", (width, height), ground).convert(image.mode)
    padded.paste(image.resize(inner, lanczos), ((width - inner[0]) // 2, (height - inner[1]) // 2))
    return padded
