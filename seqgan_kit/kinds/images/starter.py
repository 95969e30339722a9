"""Starter recipes for a user's own images."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image

from ...data.dataset import DataError, some
from ...data.label_folders import found_below
from ...data.manifests import mostly_lists, rows_like
from ...runs import beginning as shared
from ...runs.asked import Starter, file_name
from ...runs.first_game import real_valued_game
from .describing import ImageSummary, describe_images
from .listing import Listing, list_images
from .reading import EXTENSIONS

LARGEST = 64
"""Most rows of a proposed size: rows are steps, and more of them make training slow."""
CHANNELS = (16, 32, 64)
"""Of the discriminator's convolutions; the last one has nothing to read of the smallest images."""


@dataclass(frozen=True)
class OwnImages:
    """A folder or a manifest of images to write a recipe for.

    Attributes:
        root: the folder or the manifest.
        name: for the recipe.
        listing: the images.
        summary: what they have in common.
        size: height and width that the recipe proposes.
        columns: columns of a manifest that hold labels.
        left_out: the other columns, and why.
        nested: whether images in folders inside of a label's folder are taken.
    """

    root: Path
    name: str
    listing: Listing
    summary: ImageSummary
    size: tuple[int, int]
    columns: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    nested: bool = False

    @property
    def count(self) -> int:
        """Number of images."""
        return sum(self.summary.labels.values())

    @property
    def description(self) -> str:
        """A readable summary of the images."""
        found = self.summary
        shown = ", ".join(f"{name} ({n})" for name, n in list(found.labels.items())[:12])
        more = f" and {len(found.labels) - 12} more" if len(found.labels) > 12 else ""
        lines = [
            f"{self.root}: {self.count} images, {found.colour}, {len(found.labels)} labels",
            f"labels: {shown}{more}",
            *shared.left_out_lines(self.left_out),
            f"{_sizes(found)} (height x width); the recipe resizes to "
            f"{self.size[0]} x {self.size[1]}",
        ]
        if found.unreadable:
            reasons = some(list(found.unreadable.values()))
            lines.append(
                f"not readable: {len(found.unreadable)} files ({reasons}); they will be skipped"
            )
        return "\n".join([*lines, *self.listing.notes])


def _sizes(found: ImageSummary) -> str:
    shown = "{} x {}".format
    if found.alike:
        return f"most are {shown(*found.size)} pixels"
    return (
        f"{shown(*found.smallest)} to {shown(*found.largest)} pixels, the median is "
        f"{shown(*found.size)}"
    )


def starter(path: Path) -> Starter | None:
    """Propose a recipe for a folder of images by label, or for a manifest of images.

    Returns ``None`` where the path holds no images.

    Raises:
        DataError: the images are not usable.
    """
    found = _folder(path) if path.is_dir() else _manifest(path)
    if found is None:
        return None
    return Starter(
        f"{found.name}_rows", found.description, lambda target: images_recipe(found, target)
    )


def write_tiny(folder: Path) -> Path:
    """Write a folder of tiny grey images by label: light and dark squares."""
    generator = np.random.default_rng(0)
    root = folder / "squares"
    for label, level in (("dark", 60), ("light", 180)):
        (root / label).mkdir(parents=True)
        for number in range(20):
            pixels = (level + generator.integers(0, 60, (8, 8))).astype(np.uint8)
            Image.fromarray(pixels).save(root / label / f"{number:02d}.png")
    return root


def _folder(root: Path) -> OwnImages | None:
    """The images of a folder; ``None`` if there are none."""
    if not any(found_below(root, EXTENSIONS)):
        return None
    try:
        listing = list_images(root)
    except DataError:
        # There may be images in nothing but folders inside of the labels' folders.
        return replace(_own(root, list_images(root, nested=True)), nested=True)
    return _own(root, listing)


def _manifest(path: Path) -> OwnImages | None:
    """The images that a file lists; ``None`` if it is no such file."""
    rows = rows_like(path)
    if not mostly_lists(rows, EXTENSIONS):
        return None
    labels, left_out = shared.manifest_labels(path, rows)
    return _own(path, list_images(path, labels=labels), labels, left_out)


def _own(
    root: Path,
    listing: Listing,
    columns: tuple[str, ...] = (),
    left_out: Mapping[str, str] | None = None,
) -> OwnImages:
    summary = describe_images(root, listing)
    height, width = summary.size
    shrink = max(height, width) / LARGEST
    size = (height, width)
    if shrink > 1:
        size = (max(round(height / shrink), 1), max(round(width / shrink), 1))
    name = file_name(root, "images")
    return OwnImages(root, name, listing, summary, size, columns, left_out or {})


def images_recipe(found: OwnImages, target: Path) -> str:
    """Write a commented recipe for a folder of images."""
    # Validation and test take a fifth, and more of a small folder.
    training_K = [max(int(count * 0.7), 1) for count in found.summary.labels.values()]
    game = real_valued_game(
        f"{found.name}_rows", np.repeat(np.arange(len(training_K)), training_K)[:, None],
        thing="image", width=128, channels=CHANNELS[: 3 if min(found.size) >= 16 else 2],
        steps=10_000, rate="1.5e-3", texture=False,
    )  # fmt: skip
    more = ""
    if found.columns:
        more += f"""
  # Columns of labels; none: all but path.
  labels: {shared.quoted_list(found.columns)}"""
    if found.nested:
        more += """
  # Images in folders inside of a label's folder are taken, too.
  nested: true"""
    return f"""\
# seqgen train {target}
# {found.count} images of {len(found.summary.labels)} labels, row by row.

name: {found.name}_rows

data:
  source: folder
  root: {json.dumps(os.path.abspath(found.root))}{more}
  # Height and width that every image is resized to; a row is a step, so fewer rows train faster.
  size: [{found.size[0]}, {found.size[1]}]
  # grey or rgb
  colour: {found.summary.colour}
  # Files that cannot be read as images: error names them and stops, skip leaves them out.
  unreadable: {"skip" if found.summary.unreadable else "error"}
  # Shares of the images held out of training, unless there are folders of these names.
  validation: 0.1
  test: 0.1

codec:
  kind: rows
  # top-down: a step is a row; left-right: a step is a column.
  order: top-down

{game}"""
