"""Windows of long series, in parts: by time, at random, or by blocks of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from ...data.dataset import DataError, PartName, cut_into_parts
from ...data.label_folders import left_out
from .items import OneSeries, windows

Split = Literal["time", "random", "blocks"]

Labelled = tuple[np.ndarray, tuple[str, ...]]
"""Values ``[t, C]`` of a series, and its labels."""

WINDOWS_IN_BLOCK = 10
"""Length of a block in windows, where there are steps enough for ``BLOCKS`` of them."""

BLOCKS = 20


def cut_windows(
    root: Path,
    series: Mapping[PartName, Sequence[OneSeries]],
    shares: Mapping[PartName, float],
    *,
    window: int,
    stride: int,
    split: Split,
    seed: int,
) -> tuple[dict[PartName, list[Labelled]], list[str]]:
    """Cut windows for each part, and return notes on what was left out.

    Args:
        root: the data, for messages.
        series: long series of the parts that have files of their own.
        shares: shares of the parts that are cut from the training series.
        window: steps of a window.
        stride: steps from one window to the next.
        split: ``time``: each series is cut at points of time first, so that windows of two parts
            share no step; ``blocks``: the same with blocks of time that are drawn at random;
            ``random``: windows are drawn at random, and those of different parts overlap.
        seed: seed of the draw.

    Raises:
        DataError: a part would have no window.
    """
    pieces = {part: [*members] for part, members in series.items()}
    shares = {part: share for part, share in shares.items() if share > 0}
    if split == "time":
        pieces |= _by_time(series["training"], shares)
    elif split == "blocks":
        pieces |= _by_blocks(root, series["training"], shares, window, seed)
    found: dict[PartName, list[Labelled]] = {}
    crossing, short = 0, []
    for part, members in pieces.items():
        found[part] = []
        for one in members:
            if len(one.value_SC) < window:
                short.append(f"{one.name} ({len(one.value_SC)} steps, {part} part)")
                continue
            taken, left = windows(one, window, stride)
            found[part] += taken
            crossing += left
        if not found[part]:
            raise DataError(f"{root}: data.window ({window}) {_why(part, members, window)}")
    notes = left_out("parts of series shorter than data.window", short)
    if crossing:
        notes.append(f"{crossing} windows in which the label changes were left out")
    if split == "random" and shares:
        found |= _at_random(root, found["training"], shares, seed)
        if stride < window:
            notes.append("windows of different parts overlap (data.split=random)")
    return found, notes


def _why(part: PartName, members: Sequence[OneSeries], window: int) -> str:
    """Say why a part has no window."""
    longest = max((len(one.value_SC) for one in members), default=0)
    why = f"is longer than the {part} part of any series ({longest} steps)"
    if longest >= window:
        why = f"has a change of label in every window of the {part} part"
    more = "" if part == "training" else f", or increase data.{part}"
    return f"{why}: shorten it{more}"


def _by_time(
    series: Sequence[OneSeries], shares: Mapping[PartName, float]
) -> dict[PartName, list[OneSeries]]:
    """Cut each series at points of time; the training part is the beginning."""
    pieces: dict[PartName, list[OneSeries]] = {"training": []}
    for one in series:
        steps = len(one.value_SC)
        end = steps
        for part in reversed(list(shares)):
            begin = end - round(shares[part] * steps)
            pieces.setdefault(part, []).append(one.part(begin, end))
            end = begin
        pieces["training"].append(one.part(0, end))
    return pieces


def _by_blocks(
    root: Path,
    series: Sequence[OneSeries],
    shares: Mapping[PartName, float],
    window: int,
    seed: int,
) -> dict[PartName, list[OneSeries]]:
    """Cut series into blocks of time and draw those of each part; neighbours are joined.

    Raises:
        DataError: there are fewer blocks than parts.
    """
    total = sum(len(one.value_SC) for one in series)
    length = min(WINDOWS_IN_BLOCK * window, max(total // BLOCKS, window))
    places = [
        (number, start)
        for number, one in enumerate(series)
        for start in range(0, max(len(one.value_SC) - length, 0) + 1, length)
    ]
    drawn = cut_into_parts(
        np.zeros((len(places), 1), np.int64), shares, seed,
        of=f"{root}: {len(places)} blocks of {length} steps", advice="add data or shorten windows",
    )  # fmt: skip
    part_of = {place: part for part, index_N in drawn.items() for place in index_N.tolist()}
    pieces: dict[PartName, list[OneSeries]] = {part: [] for part in drawn}
    first = 0
    for place, (number, _) in enumerate(places):
        after = places[place + 1] if place + 1 < len(places) else (number + 1, 0)
        if after[0] != number:
            end = len(series[number].value_SC)
        elif part_of[place] == part_of[place + 1]:
            continue
        else:
            end = after[1]
        begin = places[first][1]
        pieces[part_of[place]].append(series[number].part(begin, end))
        first = place + 1
    return pieces


def _at_random(
    root: Path, found: Sequence[Labelled], shares: Mapping[PartName, float], seed: int
) -> dict[PartName, list[Labelled]]:
    """Draw the windows of each part at random, class by class."""
    names = sorted({labels for _, labels in found})
    label_NA = np.array([[names.index(labels)] for _, labels in found])
    drawn = cut_into_parts(
        label_NA, shares, seed, of=f"{root}: {len(found)} windows", advice="add data"
    )
    return {part: [found[n] for n in index_N.tolist()] for part, index_N in drawn.items()}
