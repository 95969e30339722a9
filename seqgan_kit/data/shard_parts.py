"""Which shards are for training, for validation, and for the test."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from .addresses import ShardFile
from .dataset import DataError, PartName
from .label_folders import PART_FOLDERS


def divided(
    shards: Sequence[ShardFile], *, held: Mapping[PartName, int], seed: int, address: str
) -> dict[PartName, list[ShardFile]]:
    """Divide shards into parts: by their names, or at random.

    A shard belongs to a part if its name or that of a folder begins with it:
    ``validation-00000.parquet``, ``test/0.tar``. All others are for training.

    Args:
        shards: the shards.
        held: how many are held out for each part if no name says so.
        seed: of their order, and of which are held out.
        address: of the folder, for messages.

    Returns:
        The shards of each part, in an order of their own for the seed.

    Raises:
        DataError: there are too few.
    """
    order = np.random.default_rng(seed).permutation(len(shards))
    shuffled = [shards[number] for number in order]
    part_of = {shard.name: _part(shard.name) for shard in shards}
    if {"validation", "test"} & {*part_of.values()}:
        parts: dict[PartName, list[ShardFile]] = {"training": [], "validation": [], "test": []}
        for shard in shuffled:
            parts[part_of[shard.name] or "training"].append(shard)
    else:
        first, last = held["test"], held["test"] + held["validation"]
        parts = {
            "training": shuffled[last:],
            "validation": shuffled[first:last],
            "test": shuffled[:first],
        }
    if not parts["training"]:
        raise DataError(
            f"{address}: its {len(shards)} shards leave none for training: the validation and the "
            "test part each take data.stream.held_out whole shards; write the data into more"
        )
    return parts


def _part(name: str) -> PartName | None:
    words = (re.split(r"[-_.]", piece.lower())[0] for piece in name.split("/"))
    return next((PART_FOLDERS[word] for word in words if word in PART_FOLDERS), None)
