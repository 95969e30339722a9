"""A user's own images: a folder with one sub-folder for each label."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from ...data.dataset import DataError, Dataset, Part, PartName, fingerprint, held_out, listed, some
from ...data.label_folders import find_files, left_out
from ...data.reading import digest, opened, refuse_large

Colour = Literal["grey", "rgb"]

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
"""What files are read as, whatever their names: Pillow itself would hand PostScript to a program
that runs it."""
EXTENSIONS = frozenset(
    (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm")
)
SAMPLED = 500
# JPEG rounding shifts the channels of grey pixels by a few levels.
GREY_TOLERANCE = 8


@dataclass(frozen=True)
class FolderSummary:
    """Summary of a folder of images.

    Attributes:
        labels: number of images of each label.
        size: the most common height and width.
        smallest: the smallest height and the smallest width.
        largest: the largest height and the largest width.
        colour: ``"rgb"`` if any image has colour.
        unreadable: files that cannot be read as images.
    """

    labels: dict[str, int]
    size: tuple[int, int]
    smallest: tuple[int, int]
    largest: tuple[int, int]
    colour: Colour
    unreadable: list[Path]


class ImageFiles:
    """Image files that are decoded on access.

    Args:
        paths: the files.
        size: height and width that every image is resized to, whatever its proportions.
        colour: what every image is converted to.
    """

    def __init__(self, paths: Sequence[Path], size: tuple[int, int], colour: Colour) -> None:
        self.paths, self.size = list(paths), size
        self.mode, self.channels = ("L", 1) if colour == "grey" else ("RGB", 3)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: slice) -> np.ndarray:
        """Read images ``[B, H, W, C]`` of bytes.

        Raises:
            DataError: a file can no longer be read.
        """
        paths = self.paths[index]
        image_BHWC = np.empty((len(paths), *self.size, self.channels), np.uint8)
        for place, path in enumerate(paths):
            image_BHWC[place] = self._decode(path)
        return image_BHWC

    def _decode(self, path: Path) -> np.ndarray:
        height, width = self.size
        image = read_image(path, 2 * max(self.size)).convert(self.mode)
        # Lanczos widens its window when shrinking, which prevents aliasing.
        image = image.resize((width, height), Image.Resampling.LANCZOS)
        return np.asarray(image).reshape(height, width, -1)


def image_folder(
    root: Path,
    size: tuple[int, int],
    colour: Colour,
    unreadable: Literal["error", "skip"],
    validation: float,
    test: float,
    seed: int,
) -> Dataset:
    """Load a folder of a user's own images.

    The parts are the sub-folders ``training`` (or ``train``), ``validation`` (``valid``, ``val``)
    and ``test`` with a folder for each label; without them the folders of the labels are in
    ``root``. A part without a folder is split off the training images.

    Args:
        root: the folder.
        size: height and width that every image is resized to.
        colour: what every image is converted to.
        unreadable: stop at files that cannot be read, or leave them out with a note.
        validation: share of the training images for validation, if it has no folder.
        test: share of the training images for the test, if it has no folder.
        seed: seed of the split.

    Raises:
        DataError: the folder has another structure, a file is not an image, or a label has too
            few images.
    """
    tree = find_files(root, EXTENSIONS, "images")
    damaged = _damaged(tree.paths, size)
    if damaged and unreadable == "error":
        raise DataError(
            f"{len(damaged)} of {len(tree.paths)} images cannot be read:\n"
            + listed(list(damaged.values()))
            + "\nRepair them, or skip them with data.unreadable=skip"
        )
    names = tree.labels
    parts: dict[PartName, list[tuple[Path, int]]] = {
        part: [
            (path, names.index(label))
            for label, paths in labels.items()
            for path in paths
            if path not in damaged
        ]
        for part, labels in tree.parts.items()
    }
    whole = parts["training"]
    counts = Counter(number for _, number in whole)
    few = [name for number, name in enumerate(names) if counts[number] < 2]
    if few:
        raise DataError(
            f"{root}: fewer than 2 training images with the label {some(few)}: "
            "add images, or remove the folder"
        )
    shares: dict[PartName, float] = {"validation": validation, "test": test}
    cut = {part: share for part, share in shares.items() if part not in parts}
    indices = held_out(_label_column(whole), list(cut.values()), seed)
    for part, index_N in zip(("training", *cut), indices, strict=True):
        parts[part] = [whole[index] for index in index_N]

    # Contents rather than dates, so that a copy of the folder has the same fingerprint.
    sums = [
        (path.relative_to(root).as_posix(), digest(path))
        for path in tree.paths
        if path not in damaged
    ]
    return Dataset(
        name=root.resolve().name,
        parts={
            part: Part(ImageFiles([path for path, _ in items], size, colour), _label_column(items))
            for part, items in parts.items()
        },
        labels={"label": names},
        fingerprint=fingerprint(*sums, *size, colour, unreadable, validation, test, seed),
        notes=tree.notes
        + left_out("unreadable images", [path.relative_to(root).as_posix() for path in damaged]),
    )


def describe_folder(root: Path) -> FolderSummary:
    """Summarise a folder of images, opening at most 500 of them.

    Raises:
        DataError: there is no such folder, or none of its images can be read.
    """
    tree = find_files(root, EXTENSIONS, "images")
    counts = {
        label: sum(len(part.get(label, ())) for part in tree.parts.values())
        for label in tree.labels
    }
    sizes: Counter[tuple[int, int]] = Counter()
    colour: Colour = "grey"
    unreadable = []
    paths = tree.paths
    for path in paths[:: -(-len(paths) // SAMPLED)]:
        try:
            image = read_image(path, 64)
            dimensions = _dimensions(path)
        except DataError:
            unreadable.append(path)
            continue
        sizes[dimensions] += 1
        if colour == "grey" and _has_colour(image):
            colour = "rgb"
    if not sizes:
        raise DataError(f"{root}: none of the images can be read, for example {unreadable[0]}")
    heights, widths = zip(*sizes, strict=True)
    return FolderSummary(
        labels=counts,
        size=sizes.most_common(1)[0][0],
        smallest=(min(heights), min(widths)),
        largest=(max(heights), max(widths)),
        colour=colour,
        unreadable=unreadable,
    )


def read_image(path: Path, edge: int) -> Image.Image:
    """Read an image upright, as 8-bit grey (mode L) or colour (RGB), transparency on black.

    Args:
        path: the file.
        edge: a JPEG may be decoded at reduced size, but with edges of at least this length.

    Raises:
        DataError: the file cannot be read as an image.
    """
    with opened_image(path) as image:
        image.draft(None, (edge, edge))
        ImageOps.exif_transpose(image, in_place=True)
        return _flatten(image)


@contextmanager
def opened_image(path: Path) -> Iterator[Image.Image]:
    """Open an image of one of the known formats, before its pixels are read.

    Raises:
        DataError: it is no such image, or too large, or damaged in what the caller reads.
    """
    with opened(path) as file:
        refuse_large(path, os.fstat(file.fileno()).st_size)
        try:
            with warnings.catch_warnings():
                # Of damaged tags, which do not matter where the pixels can be read.
                warnings.simplefilter("ignore")
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                with Image.open(file, formats=FORMATS) as image:
                    yield image
        except UnidentifiedImageError as error:
            raise DataError(f"{path}: not a readable image ({', '.join(FORMATS)})") from error
        except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
            most = Image.MAX_IMAGE_PIXELS or 0
            raise DataError(f"{path}: more than {most:,} pixels; make it smaller") from error
        except DataError:
            raise
        except Exception as error:  # Pillow's decoders raise nearly anything on damaged files
            raise DataError(f"{path}: {str(error) or type(error).__name__}") from error


def _flatten(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers; save the image with 8 or 16 bits")
    if image.mode.startswith("I"):
        # Pillow would clip 16-bit values at 255.
        grey = np.rint(np.asarray(image).astype(np.float32) * (255 / 65535))
        return Image.fromarray(grey.clip(0, 255).astype(np.uint8))
    if image.has_transparency_data:
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        return Image.alpha_composite(black, image.convert("RGBA")).convert("RGB")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _dimensions(path: Path) -> tuple[int, int]:
    """Return the height and width of the upright image."""
    with opened_image(path) as image:
        width, height = image.size
        lies = image.getexif().get(ExifTags.Base.Orientation, 1) >= 5
    return (width, height) if lies else (height, width)


def _has_colour(image: Image.Image) -> bool:
    pixels = np.asarray(image).astype(np.int16)
    return image.mode == "RGB" and int(np.ptp(pixels, axis=-1).max()) > GREY_TOLERANCE


def _damaged(paths: Iterable[Path], size: tuple[int, int]) -> dict[Path, str]:
    """Find files that cannot be decoded, and why; truncation shows only when decoding."""
    damaged = {}
    for path in paths:
        try:
            read_image(path, 2 * max(size))
        except DataError as error:
            damaged[path] = str(error)
    return damaged


def _label_column(items: Sequence[tuple[Path, int]]) -> np.ndarray:
    return np.array([number for _, number in items], np.int64)[:, None]
