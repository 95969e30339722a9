"""Readers of series in NumPy files: one array, or an archive of arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ...data.arrays import read_array, read_arrays
from ...data.dataset import DataError, some
from ...data.reading import LARGEST_MB, MOST_COLUMNS, refuse_large
from ...labels import normal
from .items import Columns, LabelsAbsent, OneSeries, SeriesFile

LABELS_SUFFIX = ".labels.npy"
"""Ending of the file with the labels of a ``.npy``, as `seqgen sample` writes it."""


def read_npy(path: Path, columns: Columns, whole: bool, max_mb: int = LARGEST_MB) -> SeriesFile:
    """Read one array ``[series, time, channels]``, and its labels from a second file."""
    beside = path.with_name(path.stem + LABELS_SUFFIX)
    labels: dict[str, np.ndarray] = {}
    if beside.is_file():
        label = read_array(beside, max_mb=max_mb)
        if label.ndim == 2 and label.shape[1] > 1:
            labels = {f"label_{n}": label[:, n] for n in range(label.shape[1])}
        else:
            labels = {"label": label.reshape(-1)}
    elif columns.labels:
        raise LabelsAbsent(
            f"{path}: data.labels names {some(columns.labels)}, but {beside.name} with the labels "
            "of this .npy file does not exist: add it in the same folder, or use .npz"
        )
    x = read_array(path, max_mb=max_mb, held=HELD, objects=RAGGED)
    return _from_arrays(path, x, None, labels, columns, whole, max_mb)


def read_npz(path: Path, columns: Columns, whole: bool, max_mb: int = LARGEST_MB) -> SeriesFile:
    """Read an array ``x``, and lengths, names of channels and labels from further arrays."""
    arrays = read_arrays(path, max_mb=max_mb, held=HELD, objects=RAGGED)
    if "x" not in arrays:
        raise DataError(
            f"{path} has no array 'x' with the series; its arrays: {some(list(arrays)) or 'none'}"
        )
    others = {name: a for name, a in arrays.items() if name not in ("x", "length", "channel")}
    if columns.labels:
        for name in columns.labels:
            if name not in others:
                raise LabelsAbsent(
                    f"{path} has no array {name!r}; its arrays: {some(list(arrays))}"
                )
        others = {name: others[name] for name in columns.labels}
    names = arrays.get("channel")
    return _from_arrays(
        path, arrays["x"], arrays.get("length"), others, columns, whole, max_mb,
        None if names is None else [str(name) for name in names.reshape(-1)],
    )  # fmt: skip


def _from_arrays(
    path: Path,
    x: np.ndarray,
    length: np.ndarray | None,
    labels: Mapping[str, np.ndarray],
    columns: Columns,
    whole: bool,
    max_mb: int,
    names: Sequence[str] | None = None,
) -> SeriesFile:
    if not (np.issubdtype(x.dtype, np.number) or x.dtype == bool) or np.iscomplexobj(x):
        raise DataError(f"{path} has {x.dtype} values; expected numbers")
    kinds = ("[time] or [time, channels], because data.window is set", (1, 2)) if whole else (
        "[series, time] or [series, time, channels]", (2, 3)
    )  # fmt: skip
    if x.ndim not in kinds[1]:
        hint = "" if whole or x.ndim != 1 else "; for one long series set data.window"
        raise DataError(f"{path} has an array of shape {list(x.shape)}; expected {kinds[0]}{hint}")
    if not x.size:
        empty = "contains no series" if not len(x) else f"has an empty array of {list(x.shape)}"
        raise DataError(f"{path} {empty}: add values")
    x = x.astype(np.float64)
    x = x[..., None] if x.ndim == kinds[1][0] else x
    if x.shape[-1] > MOST_COLUMNS:
        raise DataError(
            f"{path} has {x.shape[-1]:,} channels, more than {MOST_COLUMNS:,}: they are the last "
            "dimension"
        )
    # Many tiny series are small in the file, and large as so many objects.
    refuse_large(path, len(x) * (len(labels) if whole else 1) * OBJECT_BYTES, max_mb)
    channels = tuple(names or [f"channel_{n}" for n in range(x.shape[-1])])
    if len(channels) != x.shape[-1] or len(set(channels)) != len(channels):
        raise DataError(
            f"{path}: 'channel' has {len(set(channels))} different names for {x.shape[-1]} "
            "channels"
        )
    x, channels = _chosen(path, x, channels, columns)
    for name, array in labels.items():
        if array.ndim != 1 or len(array) != len(x):
            counted = "steps" if whole else "series"
            raise DataError(
                f"{path} has {len(x)} {counted}, but {name} has {len(array)} labels"
                if array.ndim == 1
                else f"{path}: {name} has the shape {list(array.shape)}; expected one label for "
                f"each of {len(x)} {counted}"
            )
    labels, notes = _class_labels(path, labels, columns)
    named = [_named(path, name, array, name in columns.numeric) for name, array in labels.items()]
    rows = list(zip(*named, strict=True))
    rows = rows or [()] * len(x)
    if whole:
        return SeriesFile([OneSeries(str(path), x, rows)], channels, tuple(labels), notes)
    size_N = _sizes(path, x, length)
    found = [
        OneSeries(f"{path}: series {number}", row_TC[:size], label)
        for number, (row_TC, size, label) in enumerate(zip(x, size_N, rows, strict=True))
    ]
    return SeriesFile(found, channels, tuple(labels), notes)


def _chosen(
    path: Path, x: np.ndarray, channels: tuple[str, ...], columns: Columns
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Select the requested channels."""
    if not columns.channels:
        return x, channels
    unknown = [name for name in columns.channels if name not in channels]
    if unknown:
        raise DataError(f"{path} has no channel {unknown[0]!r}; its channels: {some(channels)}")
    return x[..., [channels.index(name) for name in columns.channels]], columns.channels


def _sizes(path: Path, x: np.ndarray, length: np.ndarray | None) -> np.ndarray:
    """Return the length of each series in a padded array."""
    if length is None:
        ragged = np.isnan(x[:, -1]).all(-1)
        if ragged.any() and not np.isnan(x).all((1, 2)).any() and x.shape[1] > 1:
            raise DataError(
                f"{path}: {int(ragged.sum())} of {len(x)} series end in missing values (the first "
                f"is series {int(ragged.argmax())}), probably from padding: give the length of "
                "each series in an array 'length' of an .npz, or write 0 where values are 0"
            )
        return np.full(len(x), x.shape[1])
    if length.shape != (len(x),) or not np.issubdtype(length.dtype, np.integer):
        raise DataError(
            f"{path}: 'length' is {length.dtype} of shape {list(length.shape)}; expected one "
            f"whole number for each of {len(x)} series"
        )
    wrong = np.flatnonzero((length < 1) | (length > x.shape[1]))
    if len(wrong):
        raise DataError(
            f"{path}: 'length' is {int(length[wrong[0]])} for series {int(wrong[0])}; expected 1 "
            f"to {x.shape[1]}"
        )
    return length


def _class_labels(
    path: Path, labels: Mapping[str, np.ndarray], columns: Columns
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Return the labels that are classes, and notes on numeric targets that are left out.

    Raises:
        DataError: there are numeric targets, and they are not to be left out.
    """
    kept, notes = {}, []
    for name, array in labels.items():
        if name in columns.numeric:
            kept[name] = array
        elif np.issubdtype(array.dtype, np.floating) and not (
            (np.isfinite(array) & (array == np.floor(array))).all()
        ):
            own = "list it in data.numeric if samples are to be asked by it, or "
            notes += numeric_targets(path, name, columns, own)
        else:
            kept[name] = array
    return kept, notes


def numeric_targets(path: Path, name: str, columns: Columns, advice: str = "") -> list[str]:
    """Return a note that numeric targets are left out.

    Args:
        path: the file.
        name: what has them.
        columns: whether they may be left out.
        advice: what else to do about them.

    Raises:
        DataError: the recipe does not say so.
    """
    if columns.targets == "error":
        raise DataError(
            f"{path}: {name} has fractional values: {advice}leave such targets out with "
            "data.targets=skip"
        )
    return [f"{path.name}: numeric targets left out ({name})"]


def _named(path: Path, name: str, array: np.ndarray, numeric: bool) -> list[str]:
    """Return labels as text; those that are not numeric are whole numbers, or text.

    Raises:
        DataError: one is empty.
    """
    if np.issubdtype(array.dtype, np.floating) and not numeric:
        array = array.astype(np.int64)
    names = [normal(str(value)) for value in array.tolist()]
    if "" in names:
        raise DataError(f"{path}: {name} is empty for series {names.index('')}: add the label")
    return names


RAGGED = (
    " (a ragged array?), which are not supported: store one array [series, time, channels], "
    "padded at the end, as 'x' of an .npz, and the length of each series as 'length'"
)
HELD, OBJECT_BYTES = 8, 500
"""Bytes of a value as it is read, and of a series with its name and labels, at most."""
