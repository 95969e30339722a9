"""Readers of a user's own series: arrays, long tables, and the .ts format of UCR archives."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...data.dataset import DataError, NoItems
from ...data.reading import LARGEST_MB, read_text
from ...data.tables import ENDINGS
from .arrays import numeric_targets, read_npy, read_npz
from .items import Columns, OneSeries, SeriesFile
from .tables import read_table


def read_series(
    path: Path, columns: Columns, *, whole: bool, max_mb: int = LARGEST_MB
) -> SeriesFile:
    """Read the series of a file.

    Args:
        path: the file; its ending decides the format.

            - ``.npy``: an array ``[series, time, channels]``, or ``[series, time]`` of one
              channel; labels in ``NAME.labels.npy`` next to it.
            - ``.npz``: the same in an array ``x``, with ``length`` where lengths differ,
              ``channel`` for names, and every other array a column of labels.
            - ``.csv``, ``.tsv``, ``.parquet``: a row for each step, with columns ``id``,
              ``time``, labels and channels, or a row for each series (``columns.layout``).
            - ``.ts``: the format of the UCR and UEA archives, read by aeon.
        columns: names of columns.
        whole: whether the file has long series to cut windows from: arrays are then
            ``[time, channels]`` or ``[time]``, a table needs no ``id``, and labels may change.
        max_mb: most memory that the content of the file may take.

    Raises:
        DataError: the file is not usable; the message says where and why.
    """
    read = READERS.get(path.suffix.lower())
    if read is None:
        raise DataError(f"{path}: the name must end in {', '.join(READERS)}")
    if not os.path.lexists(path):
        raise DataError(f"{path}: there is no such file")
    return checked(read(path, columns, whole, max_mb), path)


def checked(found: SeriesFile, path: Path) -> SeriesFile:
    """Check that there are series and that each has steps, and return them.

    Raises:
        DataError: it is not so.
    """
    if not found.series:
        raise NoItems(f"{path} contains no series")
    for one in found.series:
        if not len(one.value_SC):
            raise DataError(f"{one.name} has no steps: remove it")
    return found


def _ts(path: Path, columns: Columns, whole: bool, max_mb: int = LARGEST_MB) -> SeriesFile:
    read_text(path, max_mb)  # aeon opens anything, and takes any bytes for text.
    load = aeon_reader(path)
    try:
        x, y, about = load(str(path), return_meta_data=True)
    except Exception as error:  # aeon raises what its parser happens to meet
        raise DataError(f"{path} cannot be read as .ts ({error})") from error
    notes = []
    if about["targetlabel"]:
        notes = numeric_targets(path, "its targets", columns)
    rows = [(str(label),) for label in y] if about["classlabel"] else [()] * len(x)
    found = [
        OneSeries(f"{path}: series {number}", np.asarray(one_CT, np.float64).T, label)
        for number, (one_CT, label) in enumerate(zip(x, rows, strict=True))
    ]
    if not found:
        return SeriesFile([], (), ())
    counts = sorted({one.value_SC.shape[1] for one in found})
    if len(counts) > 1:
        raise DataError(f"{path}: its series have {counts[0]} to {counts[-1]} channels")
    channels = tuple(f"channel_{n}" for n in range(counts[0]))
    attributes = ("label",) if about["classlabel"] else ()
    return SeriesFile(found, channels, attributes, notes)


def aeon_reader(path: Path) -> Callable[..., Any]:
    """Return the reader of ``.ts`` files from the package aeon.

    Raises:
        DataError: aeon is not installed.
    """
    try:
        # Imported late: it takes seconds, and it is an extra.
        from aeon.datasets import load_from_ts_file
    except ImportError as error:
        raise DataError(
            f'{path}: .ts files require the package aeon: pip install "seqgan_kit[series]"'
        ) from error
    return load_from_ts_file


READERS: Mapping[str, Callable[[Path, Columns, bool, int], SeriesFile]] = {
    ".npz": read_npz,
    ".npy": read_npy,
    **dict.fromkeys(ENDINGS, read_table),
    ".ts": _ts,
}
