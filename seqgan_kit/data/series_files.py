"""Files of series of one's own: arrays, long tables, and the format of time series archives."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from .dataset import DataError, listed, some

Missing = Literal["error", "forward", "linear"]

LABELS_SUFFIX = ".labels.npy"
"""Of the file beside a ``.npy`` that holds its labels, as `seqgen sample` writes them."""


@dataclass(frozen=True)
class Columns:
    """Which columns of a table, or arrays of a file, mean what.

    Attributes:
        id: tells the series of a table apart.
        time: the order within a series.
        labels: those of labels; what is called ``label``, if there is such a one, where empty.
        channels: those of values; all others where empty.
    """

    id: str = "id"
    time: str = "time"
    labels: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()


@dataclass(frozen=True)
class OneSeries:
    """A series as it was read.

    Attributes:
        name: what messages call it.
        value_SC: values ``[t, C]``, NaN where one is missing.
        labels: of each step, or one tuple for all of them.
    """

    name: str
    value_SC: np.ndarray
    labels: tuple[str, ...] | list[tuple[str, ...]]

    @property
    def label(self) -> tuple[str, ...]:
        """The one label of all steps.

        Raises:
            DataError: it changes.
        """
        if isinstance(self.labels, tuple):
            return self.labels
        changes = [place for place, one in enumerate(self.labels) if one != self.labels[0]]
        if changes:
            raise DataError(
                f"{self.name}: its label changes from {' '.join(self.labels[0])!r} to "
                f"{' '.join(self.labels[changes[0]])!r} at step {changes[0]} (counted from 0): a "
                "series has one label; cut it, or take windows (data.window), each of one label"
            )
        return self.labels[0]

    def part(self, start: int, stop: int) -> OneSeries:
        """Some of the steps."""
        labels = self.labels if isinstance(self.labels, tuple) else self.labels[start:stop]
        return OneSeries(self.name, self.value_SC[start:stop], labels)


@dataclass(frozen=True)
class SeriesFile:
    """What a file holds."""

    series: list[OneSeries]
    channels: tuple[str, ...]
    attributes: tuple[str, ...]


def read_series(path: Path, columns: Columns, *, whole: bool) -> SeriesFile:
    """The series of a file.

    Args:
        path: its ending says how it is read.

            - ``.npy``: an array ``[series, time, channels]``, or ``[series, time]`` of one
              channel; labels in ``NAME.labels.npy`` beside it.
            - ``.npz``: the same in an array ``x``, with ``length`` where lengths differ,
              ``channel`` for names, and every other array for a column of labels.
            - ``.csv``: a row for each step, with columns ``id``, ``time``, labels and channels.
            - ``.ts``: the format of the UCR and UEA archives, which aeon reads.
        columns: names of columns.
        whole: the file is one long series, or some, of which windows are to be taken: arrays are
            ``[time, channels]`` or ``[time]``, a table needs no ``id``, and labels may change.

    Raises:
        DataError: it cannot be used; the message says where and why.
    """
    read = READERS.get(path.suffix.lower())
    if read is None:
        raise DataError(f"{path}: the name must end in {', '.join(READERS)}")
    if not path.is_file():
        raise DataError(f"{path}: there is no such file")
    found = read(path, columns, whole)
    if not found.series:
        raise DataError(f"{path} holds no series")
    for one in found.series:
        if not len(one.value_SC):
            raise DataError(f"{one.name} has no steps: remove it")
    return found


def complete(series: OneSeries, channels: Sequence[str], missing: Missing) -> OneSeries:
    """A series without missing values.

    Args:
        series: the series.
        channels: names for messages.
        missing: ``error``, or what a missing value becomes: the one before it (``forward``; the
            first known one at the beginning), or what lies between its neighbours (``linear``;
            the nearest known one at the ends).

    Raises:
        DataError: a value is missing and not to be filled, a channel has none, or one is
            infinite.
    """
    value_SC = series.value_SC
    infinite_SC, absent_SC = np.isinf(value_SC), np.isnan(value_SC)

    def first(what: str, bad_SC: np.ndarray) -> str:
        step, channel = np.argwhere(bad_SC)[0]
        return f"{series.name} has {what} at step {step} (counted from 0) of {channels[channel]}"

    if infinite_SC.any():
        raise DataError(f"{first('an infinite value', infinite_SC)}: correct it")
    if not absent_SC.any():
        return series
    where = first("no value", absent_SC)
    if missing == "error":
        raise DataError(
            f"{where}, the first of {int(absent_SC.sum())}: fill them with "
            "data.missing=forward or data.missing=linear"
        )
    filled_SC = value_SC.copy()
    for column in np.flatnonzero(absent_SC.any(0)):
        filled_SC[:, column] = _filled(value_SC[:, column], missing, where)
    return OneSeries(series.name, filled_SC, series.labels)


def _filled(value_S: np.ndarray, missing: Missing, where: str) -> np.ndarray:
    known = np.flatnonzero(~np.isnan(value_S))
    if not len(known):
        raise DataError(f"{where}, and at no other step either: leave the series out")
    steps = np.arange(len(value_S))
    if missing == "linear":
        return np.interp(steps, known, value_S[known])
    before = np.searchsorted(known, steps, side="right") - 1
    return value_S[known[before.clip(min=0)]]


def windows(
    series: OneSeries, length: int, stride: int
) -> tuple[list[tuple[np.ndarray, tuple[str, ...]]], int]:
    """Windows of a long series with their labels, and how many are left out.

    Left out are those in which the label changes.

    >>> found, left = windows(OneSeries("a", np.arange(5.0)[:, None], ("x",)), 3, 2)
    >>> [value_SC.ravel().tolist() for value_SC, _ in found], left
    ([[0.0, 1.0, 2.0], [2.0, 3.0, 4.0]], 0)
    """
    found, left = [], 0
    for start in range(0, len(series.value_SC) - length + 1, stride):
        part = series.part(start, start + length)
        labels = {part.labels} if isinstance(part.labels, tuple) else set(part.labels)
        if len(labels) == 1:
            found.append((part.value_SC, labels.pop()))
        else:
            left += 1
    return found, left


# -- arrays -------------------------------------------------------------------------------------


def _npy(path: Path, columns: Columns, whole: bool) -> SeriesFile:
    beside = path.with_name(path.stem + LABELS_SUFFIX)
    labels: dict[str, np.ndarray] = {}
    if beside.is_file():
        label = _loaded(beside)
        if label.ndim == 2 and label.shape[1] > 1:
            labels = {f"label_{n}": label[:, n] for n in range(label.shape[1])}
        else:
            labels = {"label": label.reshape(-1)}
    elif columns.labels:
        raise DataError(
            f"{path}: data.labels names {some(columns.labels)}, and the labels of a .npy file lie "
            f"in {beside.name} beside it, which is not there; or use .npz"
        )
    return _from_arrays(path, _loaded(path), None, labels, columns, whole)


def _npz(path: Path, columns: Columns, whole: bool) -> SeriesFile:
    arrays = _loaded_npz(path)
    if "x" not in arrays:
        raise DataError(
            f"{path} holds no array 'x' of series; it has {some(list(arrays)) or 'none'}"
        )
    others = {name: a for name, a in arrays.items() if name not in ("x", "length", "channel")}
    if columns.labels:
        for name in columns.labels:
            if name not in others:
                raise DataError(f"{path} holds no array {name!r}; it has {some(list(arrays))}")
        others = {name: others[name] for name in columns.labels}
    names = arrays.get("channel")
    return _from_arrays(
        path, arrays["x"], arrays.get("length"), others, columns, whole,
        None if names is None else [str(name) for name in names.reshape(-1)],
    )  # fmt: skip


def _from_arrays(
    path: Path,
    x: np.ndarray,
    length: np.ndarray | None,
    labels: Mapping[str, np.ndarray],
    columns: Columns,
    whole: bool,
    names: Sequence[str] | None = None,
) -> SeriesFile:
    if not (np.issubdtype(x.dtype, np.number) or x.dtype == bool) or np.iscomplexobj(x):
        raise DataError(f"{path} holds {x.dtype} where numbers are expected")
    kinds = ("[time] or [time, channels], as data.window is set", (1, 2)) if whole else (
        "[series, time] or [series, time, channels]", (2, 3)
    )  # fmt: skip
    if x.ndim not in kinds[1]:
        hint = "" if whole or x.ndim != 1 else "; for one long series set data.window"
        raise DataError(
            f"{path} holds an array of shape {list(x.shape)}; expected {kinds[0]}{hint}"
        )
    x = x.astype(np.float64)
    x = x[..., None] if x.ndim == kinds[1][0] else x
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
                f"{path} holds {len(x)} {counted} and {name} {len(array)} labels"
                if array.ndim == 1
                else f"{path}: {name} has the shape {list(array.shape)}, and is to be one label "
                f"for each of {len(x)} {counted}"
            )
    rows = list(zip(*(_named(path, name, array) for name, array in labels.items()), strict=True))
    rows = rows or [()] * len(x)
    if whole:
        return SeriesFile([OneSeries(str(path), x, rows)], channels, tuple(labels))
    size_N = _sizes(path, x, length)
    found = [
        OneSeries(f"{path}: series {number}", row_TC[:size], label)
        for number, (row_TC, size, label) in enumerate(zip(x, size_N, rows, strict=True))
    ]
    return SeriesFile(found, channels, tuple(labels))


def _chosen(
    path: Path, x: np.ndarray, channels: tuple[str, ...], columns: Columns
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Only the channels that are asked for."""
    if not columns.channels:
        return x, channels
    unknown = [name for name in columns.channels if name not in channels]
    if unknown:
        raise DataError(f"{path} has no channel {unknown[0]!r}; it has {some(channels)}")
    return x[..., [channels.index(name) for name in columns.channels]], columns.channels


def _sizes(path: Path, x: np.ndarray, length: np.ndarray | None) -> np.ndarray:
    """How long each series of a padded array is."""
    if length is None:
        ragged = np.isnan(x[:, -1]).all(-1)
        if ragged.any() and not np.isnan(x).all((1, 2)).any() and x.shape[1] > 1:
            raise DataError(
                f"{path}: {int(ragged.sum())} of {len(x)} series end in missing values (the first "
                f"is series {int(ragged.argmax())}), as ragged arrays do that were padded: say "
                "how long each is in an array 'length' of an .npz, or write 0 where values are "
                "known to be 0"
            )
        return np.full(len(x), x.shape[1])
    if length.shape != (len(x),) or not np.issubdtype(length.dtype, np.integer):
        raise DataError(
            f"{path}: 'length' is {length.dtype} of shape {list(length.shape)}, and is to be one "
            f"whole number for each of {len(x)} series"
        )
    wrong = np.flatnonzero((length < 1) | (length > x.shape[1]))
    if len(wrong):
        raise DataError(
            f"{path}: 'length' says {int(length[wrong[0]])} of series {int(wrong[0])}, and "
            f"lengths go from 1 to {x.shape[1]}"
        )
    return length


def _named(path: Path, name: str, array: np.ndarray) -> list[str]:
    if np.issubdtype(array.dtype, np.floating):
        if not (array == np.floor(array)).all():
            raise DataError(f"{path}: {name} holds fractions, and labels are classes")
        array = array.astype(np.int64)
    return [str(value) for value in array.tolist()]


RAGGED = (
    "holds Python objects, as ragged arrays do, and such files are not opened: store one array "
    "[series, time, channels], padded at the end, as 'x' of an .npz, and how long each series is "
    "as 'length'"
)


def _loaded(path: Path) -> np.ndarray:
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        if "Object arrays" in str(error):
            raise DataError(f"{path} {RAGGED}") from error
        raise DataError(f"{path} is no .npy file that can be read ({error})") from error
    if not isinstance(array, np.ndarray) or not array.ndim:
        raise DataError(f"{path} holds no array")
    return array


def _loaded_npz(path: Path) -> dict[str, np.ndarray]:
    from zipfile import BadZipFile

    try:
        with np.load(path, allow_pickle=False) as file:
            if isinstance(file, np.ndarray):
                raise DataError(f"{path} is a .npy file: rename it")
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, BadZipFile, KeyError) as error:
        if isinstance(error, DataError):
            raise
        if "Object arrays" in str(error):
            raise DataError(f"{path} {RAGGED}") from error
        raise DataError(f"{path} is no .npz file that can be read ({error})") from error


# -- long tables --------------------------------------------------------------------------------


def _csv(path: Path, columns: Columns, whole: bool) -> SeriesFile:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _table(path, csv.reader(file), columns, whole)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as a table in UTF-8 ({error})") from error


def _table(path: Path, rows: Iterator[list[str]], columns: Columns, whole: bool) -> SeriesFile:
    header = [name.strip() for name in next(rows, [])]
    if len(set(header)) != len(header):
        raise DataError(f"{path}: two columns have one name in {', '.join(header)}")
    labels = columns.labels or (("label",) if "label" in header else ())
    named = columns.channels or tuple(
        name for name in header if name not in (columns.id, columns.time, *labels)
    )
    needed = [*labels, *columns.channels]
    if not whole:
        needed.append(columns.id)
    if columns.time != Columns.time:
        # A table may do without a time, but not without one that was named.
        needed.append(columns.time)
    for name in needed:
        if name not in header:
            advice = ", or is one long series, of which data.window takes parts"
            raise DataError(
                f"{path} has no column {name!r}{advice if name == columns.id else ''}; it has "
                f"{', '.join(header) or 'no row'}"
            )
    if not named:
        raise DataError(f"{path} has no column of values beside {', '.join(header)}")
    place = {name: header.index(name) for name in header}
    values: dict[str, list[list[float]]] = {}
    label_of: dict[str, list[tuple[str, ...]]] = {}
    clock: dict[str, _Clock] = {}
    for line, row in enumerate(rows, start=2):
        if not row:
            continue
        if len(row) != len(header):
            raise DataError(
                f"{path}, row {line}: it has {len(row)} fields, and the first row {len(header)}"
            )
        key = row[place[columns.id]].strip() if columns.id in place else ""
        where = f"{path}, row {line}"
        if columns.time in place:
            clock.setdefault(key, _Clock()).tick(row[place[columns.time]].strip(), where, key)
        numbers = [_number(row[place[name]], where, name) for name in named]
        values.setdefault(key, []).append(numbers)
        label_of.setdefault(key, []).append(tuple(row[place[name]].strip() for name in labels))
    found = [
        OneSeries(f"{path}: series {key}" if key else str(path), np.array(rows_SC), label_of[key])
        for key, rows_SC in values.items()
    ]
    return SeriesFile(found, tuple(named), tuple(labels))


class _Clock:
    """The times of one series, which are to rise."""

    def __init__(self) -> None:
        self._before: tuple[str, float | str] | None = None

    def tick(self, text: str, where: str, key: str) -> None:
        """Take the next time.

        Raises:
            DataError: it is not later than the one before.
        """
        try:
            now: float | str = float(text)
        except ValueError:
            now = text
        if self._before is not None:
            shown, before = self._before
            if type(now) is not type(before):
                raise DataError(
                    f"{where}: the time {text!r} follows on {shown!r}, of another kind"
                )
            if not now > before:  # type: ignore[operator]  # two of a kind
                raise DataError(
                    f"{where}: the time {text!r} follows on {shown!r}"
                    f"{f' in series {key}' if key else ''}: sort the rows of a series by time, "
                    "each time once"
                )
        self._before = text, now


def _number(text: str, where: str, name: str) -> float:
    text = text.strip()
    if text.lower() in ("", "nan", "na", "null", "none", "?"):
        return np.nan
    try:
        return float(text)
    except ValueError:
        raise DataError(
            f"{where}: {text!r} in the column {name!r} is no number; if the column is no channel, "
            "name those that are in data.channels"
        ) from None


# -- archives -----------------------------------------------------------------------------------


def _ts(path: Path, columns: Columns, whole: bool) -> SeriesFile:
    load = aeon_reader(path)
    try:
        x, y, about = load(str(path), return_meta_data=True)
    except Exception as error:  # aeon raises what its parser happens to meet
        raise DataError(f"{path} cannot be read as .ts ({error})") from error
    if about["targetlabel"]:
        raise DataError(f"{path} has numbers for targets, and labels are classes")
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
    return SeriesFile(found, channels, attributes)


def aeon_reader(path: Path) -> Callable[..., Any]:
    """The reader of ``.ts`` files that the package aeon has.

    Raises:
        DataError: aeon is not installed.
    """
    try:
        # Imported late: it takes seconds, and it is an extra.
        from aeon.datasets import load_from_ts_file
    except ImportError as error:
        raise DataError(
            f'{path}: .ts files are read by the package aeon: pip install "seqgan_kit[series]"'
        ) from error
    return load_from_ts_file


READERS: Mapping[str, Callable[[Path, Columns, bool], SeriesFile]] = {
    ".npz": _npz,
    ".npy": _npy,
    ".csv": _csv,
    ".ts": _ts,
}


def same_columns(files: Mapping[str, SeriesFile]) -> SeriesFile:
    """The first of some files, whose channels and attributes all have.

    Raises:
        DataError: one has others.
    """
    (first_name, first), *others = files.items()
    problems = [
        f"{name}: {', '.join((*other.channels, *other.attributes))}"
        for name, other in others
        if (other.channels, other.attributes) != (first.channels, first.attributes)
    ]
    if problems:
        raise DataError(
            f"{first_name} has the channels and labels "
            f"{', '.join((*first.channels, *first.attributes))}, and others have\n"
            + listed(problems)
        )
    return first
