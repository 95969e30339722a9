"""Starter recipes for a user's own images."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ...data.label_folders import found_below
from ...runs.asked import Starter, file_name
from .folder import EXTENSIONS, FolderSummary, describe_folder

LARGEST = 64
"""Most rows of a proposed size: rows are steps, and more of them make training slow."""


@dataclass(frozen=True)
class OwnImages:
    """A folder of images to write a recipe for."""

    root: Path
    name: str
    summary: FolderSummary
    size: tuple[int, int]

    @property
    def count(self) -> int:
        return sum(self.summary.labels.values())

    @property
    def description(self) -> str:
        """A readable summary of the folder."""
        found = self.summary
        shown = ", ".join(f"{name} ({n})" for name, n in list(found.labels.items())[:12])
        more = f" and {len(found.labels) - 12} more" if len(found.labels) > 12 else ""
        lines = [
            f"{self.root}: {self.count} images, {found.colour}, {len(found.labels)} labels",
            f"labels: {shown}{more}",
            f"most are {found.size[0]} x {found.size[1]} pixels (height x width); "
            f"the recipe resizes to {self.size[0]} x {self.size[1]}",
        ]
        if found.unreadable:
            named = ", ".join(str(path) for path in found.unreadable[:5])
            lines.append(
                f"not readable: {len(found.unreadable)} files ({named}); they will be skipped"
            )
        return "\n".join(lines)


def starter(path: Path) -> Starter | None:
    """Propose a recipe for a folder of images by label; ``None`` if it has no images.

    Raises:
        DataError: the images are not usable.
    """
    if not path.is_dir() or not any(found_below(path, EXTENSIONS)):
        return None
    found = look_at_images(path)
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


def look_at_images(root: Path) -> OwnImages:
    """Examine a folder of images by label.

    Raises:
        DataError: the folder is not usable.
    """
    summary = describe_folder(root)
    height, width = summary.size
    shrink = max(height, width) / LARGEST
    size = (height, width)
    if shrink > 1:
        size = (max(round(height / shrink), 1), max(round(width / shrink), 1))
    return OwnImages(root, file_name(root, "images"), summary, size)


def images_recipe(found: OwnImages, target: Path) -> str:
    """Write a commented recipe for a folder of images."""
    # Validation and test take a fifth; a group needs enough images of one label in the rest.
    fewest = int(min(found.summary.labels.values()) * 0.7)
    group = 4 if fewest >= 4 else 2
    full_groups = sum(int(n * 0.7) // group for n in found.summary.labels.values())
    batch = min(max(full_groups, 1), 32 // group) * group
    return f"""\
# seqgen train {target}
# {found.count} images of {len(found.summary.labels)} labels, row by row.

name: {found.name}_rows

data:
  source: folder
  root: {json.dumps(os.path.abspath(found.root))}
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

model:
  kind: recurrent_gan
  generator:
    # lstm or gru; wider networks learn more and cost more.
    cell: lstm
    hidden_size: 128
  discriminator:
    cell: lstm
    hidden_size: 128
    # Size of the groups of sequences that the discriminator compares; this prevents collapse.
    minibatch_group: {group}

train:
  # Check runs/{found.name}_rows/samples while it trains; more steps help for a long time.
  steps: 10000
  batch_size: {batch}
  class_group: {group}
  learning_rate: 1.5e-3
  # The learning rate is held for this share of the run, then falls linearly to zero.
  schedule: {{kind: linear, hold: 0.3}}
  grid_every: 500
  checkpoint_every: 1000
"""
