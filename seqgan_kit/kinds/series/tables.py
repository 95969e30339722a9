"""Reader of long tables: a row for each step of a series."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...data.dataset import DataError, some
from ...data.reading import LARGEST_MB, read_text, refuse_columns
from .items import Columns, OneSeries, SeriesFile


def read_table(path: Path, columns: Columns, whole: bool, max_mb: int = LARGEST_MB) -> SeriesFile:
    """Read a ``.csv`` with a row for each step of a series."""
    return _table(path, table_rows(path, max_mb), columns, whole)


def table_rows(path: Path, max_mb: int = LARGEST_MB) -> Iterator[list[str]]:
    """Yield the rows of a ``.csv``, the first of which names the columns.

    Raises:
        DataError: it cannot be read, is no table in UTF-8, or has too many columns.
    """
    rows = csv.reader(io.StringIO(read_text(path, max_mb), newline=""))
    try:
        header = next(rows, [])
        refuse_columns(path, len(header))
        yield header
        yield from rows
    except csv.Error as error:
        raise DataError(
            f"{path}, line {rows.line_num}: invalid table ({error}): correct it"
        ) from error


def _table(path: Path, rows: Iterator[list[str]], columns: Columns, whole: bool) -> SeriesFile:
    header = [name.strip() for name in next(rows, [])]
    if len(set(header)) != len(header):
        raise DataError(f"{path}: two columns have the same name: {some(header)}")
    labels = columns.labels or (("label",) if "label" in header else ())
    named = columns.channels or tuple(
        name for name in header if name not in (columns.id, columns.time, *labels)
    )
    needed = [*labels, *columns.channels]
    if not whole:
        needed.append(columns.id)
    if columns.time != Columns.time:
        # A table may have no time column, unless the recipe names one.
        needed.append(columns.time)
    for name in needed:
        if name not in header:
            advice = " (for one long series set data.window)"
            raise DataError(
                f"{path} has no column {name!r}{advice if name == columns.id else ''}; its "
                f"columns: {some(header) or 'none'}"
            )
    if not named:
        raise DataError(f"{path} has no column of values, only {some(header)}")
    place = {name: number for number, name in enumerate(header)}
    values: dict[str, list[list[float]]] = {}
    label_of: dict[str, list[tuple[str, ...]]] = {}
    clock: dict[str, _Clock] = {}
    for line, row in enumerate(rows, start=2):
        if not row:
            continue
        if len(row) != len(header):
            raise DataError(
                f"{path}, row {line}: it has {len(row)} fields; the first row has {len(header)}"
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
    """The times of one series, which must increase."""

    def __init__(self) -> None:
        self._before: tuple[str, float | str] | None = None

    def tick(self, text: str, where: str, key: str) -> None:
        """Check the next time.

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
                    f"{where}: the time {text!r} and the one before it, {shown!r}, are not both "
                    "numbers or both text"
                )
            if not now > before:  # type: ignore[operator]  # both have one type
                raise DataError(
                    f"{where}: the time {text!r} comes after {shown!r}"
                    f"{f' in series {key}' if key else ''}: sort the rows of a series by time, "
                    "without duplicates"
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
            f"{where}: {text!r} in the column {name!r} is not a number; if the column is not a "
            "channel, list the channels in data.channels"
        ) from None
