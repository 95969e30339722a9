"""Summary of a user's own images, for a first recipe."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from statistics import median_low

import numpy as np
from PIL import Image

from ...data.dataset import DataError
from ...data.label_folders import natural
from .listing import Listing
from .reading import BRIGHTEST, USUAL, Colour, flattened, opened_image, upright

SAMPLED = 500
"""Images that are opened; of more, this many all over the list."""
EDGE = 64
"""Shortest edge that a JPEG is decoded at."""
# JPEG rounding shifts the channels of grey pixels by a few levels.
GREY_TOLERANCE = 8


@dataclass(frozen=True)
class ImageSummary:
    """What images have in common.

    Attributes:
        labels: number of images of each label, or combination of labels.
        size: the height and width of most images; without such, the median of each.
        alike: whether most images have it.
        smallest: the smallest height and the smallest width.
        largest: the largest height and the largest width.
        colour: ``"rgb"`` if any image has colour.
        unreadable: why files cannot be read as images.
    """

    labels: dict[str, int]
    size: tuple[int, int]
    alike: bool
    smallest: tuple[int, int]
    largest: tuple[int, int]
    colour: Colour
    unreadable: dict[Path, str]


def describe_images(root: Path, listing: Listing) -> ImageSummary:
    """Summarise images, opening at most 500 of them.

    Raises:
        DataError: none of them can be read.
    """
    sizes: Counter[tuple[int, int]] = Counter()
    colour: Colour = "grey"
    unreadable = {}
    paths = [one.path for one in listing.files]
    for path in paths[:: -(-len(paths) // SAMPLED)]:
        try:
            with opened_image(path) as opened:
                image, dimensions = upright(opened, path, EDGE, USUAL)
        except DataError as error:
            unreadable[path] = str(error)
            continue
        sizes[dimensions] += 1
        if colour == "grey" and _has_colour(image):
            colour = "rgb"
    if not sizes:
        raise DataError(
            f"{root}: none of the images can be read, for example "
            f"{next(iter(unreadable.values()))}"
        )
    heights, widths = zip(*sizes.elements(), strict=True)
    size, most = sizes.most_common(1)[0]
    alike = 2 * most > sizes.total()
    middle = median_low(heights), median_low(widths)
    counts = Counter(" ".join(one.labels) for one in listing.files)
    return ImageSummary(
        labels={label: counts[label] for label in sorted(counts, key=natural)},
        size=size if alike else middle,
        alike=alike,
        smallest=(min(heights), min(widths)),
        largest=(max(heights), max(widths)),
        colour=colour,
        unreadable=unreadable,
    )


def _has_colour(image: Image.Image) -> bool:
    """Say whether the visible pixels of an image have colour."""
    if image.mode not in ("RGB", "RGBA"):
        return False
    pixels_HWC = np.asarray(flattened(image, (0, 0, 0), BRIGHTEST)).astype(np.int16)
    return int(np.ptp(pixels_HWC, axis=-1).max()) > GREY_TOLERANCE
