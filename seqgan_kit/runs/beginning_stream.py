"""A first recipe for a folder of shards: what a kind proposes for one of them, streamed."""

from __future__ import annotations

import os
import re
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import yaml

from .. import plugins
from ..data.dataset import DataError
from ..data.foreign_tars import TAR, unpacked
from ..data.label_folders import PART_FOLDERS
from ..data.reading import LARGEST_MB
from ..data.shards import PARQUET, rows_of
from .asked import Starter, file_name
from .beginning import quoted, quoted_list

FEWEST = 3
"""Shards: each of the three parts has one."""


def first_shard(folder: Path) -> Path | None:
    """Return the first shard of a folder that is not empty; None if it does not hold shards.

    Several ``.parquet`` or ``.tar`` files are shards, unless they are named as parts.

    Raises:
        DataError: a Parquet file is damaged.
    """
    for ending in (f".{PARQUET}", TAR):
        found = sorted(
            path
            for path in (folder.iterdir() if folder.is_dir() else ())
            if path.suffix.lower() == ending and not path.name.startswith(".")
        )
        named = {path.stem.lower().rpartition("_")[2] for path in found} & PART_FOLDERS.keys()
        if len(found) >= FEWEST and not named:
            # Programs that write in parallel leave empty ones.
            return next((path for path in found if not _is_empty(path)), found[0])
    return None


def _is_empty(shard: Path) -> bool:
    if shard.suffix.lower() == f".{PARQUET}":
        return not rows_of(shard)
    try:
        with tarfile.open(shard, "r:") as tar:
            return tar.next() is None
    except (OSError, tarfile.TarError):
        return False  # It says what is wrong with it when it is read.


def streaming(folder: Path, shard: Path, look: Callable[[Path], Starter]) -> Starter:
    """Return what a kind proposes for a folder of shards.

    Args:
        folder: the folder.
        shard: one of its shards.
        look: finds the kind of a file, and what recipe to begin with.

    Raises:
        DataError: the shard is damaged, or no kind reads it.
        UsageError: several kinds can.
    """
    with tempfile.TemporaryDirectory(prefix="seqgan-shard-") as temporary:
        # Kinds name a recipe after the file.
        name = file_name(folder, "shards")
        if shard.suffix.lower() == TAR:
            endings = sorted({kind.sharded for kind in plugins.kinds().values()} - {"", PARQUET})
            listed = unpacked(
                shard, Path(temporary), labels=(), endings=endings, max_mb=LARGEST_MB
            )
            file = listed.rename(Path(temporary, f"{name}{listed.suffix}"))
        else:
            file = Path(temporary, f"{name}{shard.suffix}")
            file.symlink_to(os.path.abspath(shard))
        try:
            proposed = look(file)
        except DataError as error:
            raise DataError(str(error).replace(str(file), str(shard))) from error
        root = quoted(os.path.abspath(file))

    def recipe(target: Path) -> str:
        streamed = f"""{quoted(os.path.abspath(folder))}
  # The shards of this folder are streamed. sample: items held in memory, to measure with and to
  # learn the codec from (learn: all reads all shards for that).
  stream: {{sample: 50000, learn: sample}}"""
        return _without_numbers(proposed.recipe(target).replace(root, streamed, 1))

    found = proposed.found.replace(str(file), f"{folder} (looked at {shard.name})")
    return replace(proposed, found=found, recipe=recipe)


def _without_numbers(recipe: str) -> str:
    """Leave labels that are numbers out of a recipe: not all of their values are known."""
    data = yaml.safe_load(recipe)["data"]
    numeric = data.get("numeric")
    if not numeric:
        return recipe
    changed = {"labels": [name for name in data["labels"] if name not in numeric], "numeric": []}
    lines = recipe.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if found := re.match(r"  (labels|numeric): ", line):
            lines[number] = f"{found[0]}{quoted_list(changed[found[1]])}\n"
    return "".join(lines)
