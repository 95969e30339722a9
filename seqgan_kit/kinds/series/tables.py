"""Reader of tables of series: a row for each step of a series, or for each series."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...data.dataset import DataError, some
from ...data.reading import LARGEST_MB
from ...data.tables import Cells, Table, TableForm, guessed_form, open_table
from ...labels import normal
from .items import Columns, LabelsAbsent, OneSeries, SeriesFile
from .schema import MOST_CATEGORIES
from .times import check_times

if TYPE_CHECKING:
    from pandas import DataFrame

WIDE_CHANNEL = "value"
"""The channel of a table with a row for each series."""

COMMA_NUMBER = re.compile(r"[-+]?(\d+(,\d*)?|,\d+)(e[-+]?\d+)?", re.IGNORECASE)
"""A number as tables with decimal commas have it."""

MISSING = ("", "nan", "na", "null", "none", "?")


def read_table(
    source: Path | DataFrame, columns: Columns, whole: bool, max_mb: int = LARGEST_MB
) -> SeriesFile:
    """Read a ``.csv``, ``.tsv`` or ``.parquet``, or a data frame of pandas.

    Raises:
        DataError: it cannot be read, or a column, a label or a time is missing or wrong.
    """
    table = open_table(source, columns.form, max_mb)
    if len(set(table.columns)) != len(table.columns):
        raise DataError(f"{table.path}: two columns have the same name: {some(table.columns)}")
    labels = columns.labels or (("label",) if "label" in table.columns else ())
    try:
        table.places(dict.fromkeys(labels, "data.labels"))
    except DataError as error:
        raise LabelsAbsent(str(error)) from error
    if columns.layout == "wide":
        found = _wide(table, replace(columns, labels=labels))
    else:
        found = _long(table, replace(columns, labels=labels), whole)
    return replace(found, notes=[*table.notes, *found.notes])


def read_columns(path: Path) -> tuple[dict[str, list[str]], TableForm]:
    """Return the columns of a table as text, and how it is written: nobody has said so yet.

    Raises:
        DataError: it cannot be read, has no rows, or two columns of one name.
    """
    form = guessed_form(path)
    table = open_table(path, form)
    rows = [row for _, row in _rows(table)]
    if not rows:
        raise DataError(f"{path} has no rows below the header: add some")
    if len(set(table.columns)) != len(table.columns):
        raise DataError(f"{path}: two columns have the same name: {some(table.columns)}")
    columns = zip(*rows, strict=True)
    return {
        name: [cell.strip() for cell in column]
        for name, column in zip(table.columns, columns, strict=True)
    }, form


def _rows(table: Table) -> Iterator[tuple[int, Cells]]:
    """Yield lines and their cells, without empty lines.

    Raises:
        DataError: a row has too few or too many cells.
    """
    for line, row in table.rows:
        if isinstance(row, str):
            raise DataError(f"{table.path}, line {line}: {row}")
        if row:
            yield line, row


def _values(table: Table, columns: Columns, others: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of values.

    Raises:
        DataError: there is none.
    """
    named = columns.channels or tuple(name for name in table.columns if name not in others)
    if not named:
        raise DataError(f"{table.path} has no column of values, only {some(table.columns)}")
    return named


def _long(table: Table, columns: Columns, whole: bool) -> SeriesFile:
    wanted = dict.fromkeys(columns.channels, "data.channels")
    if not whole:
        wanted[columns.id] = "data.id; for one long series set data.window"
    if columns.time != Columns.time:
        # A table may have no time column, unless the recipe names one.
        wanted[columns.time] = "data.time"
    table.places(wanted)
    named = _values(table, columns, (columns.id, columns.time, *columns.labels))
    place = {name: number for number, name in enumerate(table.columns)}
    cells = [_Column(name, columns, not table.separator) for name in named]
    values: dict[str, list[list[float]]] = {}
    label_of: dict[str, list[tuple[str, ...]]] = {}
    times: dict[str, list[tuple[int, str]]] = {}
    for line, row in _rows(table):
        key = row[place[columns.id]].strip() if columns.id in place else ""
        where = f"{table.path}, line {line}"
        if columns.time in place:
            time = row[place[columns.time]].strip()
            time = pointed(time) if columns.decimal == "," else time
            times.setdefault(key, []).append((line, time))
        values.setdefault(key, []).append(
            [one.value(row[place[one.name]], where) for one in cells]
        )
        label_of.setdefault(key, []).append(_labels(row, place, columns, where))
    notes: list[str] = []
    clock = None
    if times:
        notes, clock = check_times(table.path, columns.time, times, columns.time_format)
    found = [
        OneSeries(
            f"{table.path}: series {key}" if key else str(table.path),
            np.array(rows_SC),
            label_of[key],
        )
        for key, rows_SC in values.items()
    ]
    categories = {one.name: tuple(one.texts) for one in cells if one.texts}
    return SeriesFile(found, named, columns.labels, notes, categories, clock)


def _wide(table: Table, columns: Columns) -> SeriesFile:
    """Read a row for each series: its values in the order of the columns.

    Values that are missing at the end are behind the end of the series.
    """
    wanted = dict.fromkeys(columns.channels, "data.channels")
    if columns.id != Columns.id:
        wanted[columns.id] = "data.id"
    table.places(wanted)
    named = _values(table, columns, (columns.id, *columns.labels))
    place = {name: number for number, name in enumerate(table.columns)}
    typed = not table.separator
    found = []
    for line, row in _rows(table):
        where = f"{table.path}, line {line}"
        value_S = np.array([_number(row[place[n]], where, n, columns, typed) for n in named])
        known = np.flatnonzero(~np.isnan(value_S))
        if not len(known):
            raise DataError(f"{where}: no values: remove the row")
        name = f"{table.path}: series {row[place[columns.id]]}" if columns.id in place else where
        label = _labels(row, place, columns, where)
        found.append(OneSeries(name, value_S[: known[-1] + 1, None], label))
    return SeriesFile(found, (WIDE_CHANNEL,), columns.labels)


class _Column:
    """A column of values: numbers, or texts that get numbers in the order in which they appear.

    Args:
        name: its name.
        columns: how the table is written.
        typed: whether the table has types.

    Attributes:
        texts: the texts and their numbers; empty for a column of numbers.
    """

    def __init__(self, name: str, columns: Columns, typed: bool) -> None:
        self.name = name
        self.texts: dict[str, int] = {}
        self._settings = (name, columns, typed)
        self._numbers = False

    def value(self, cell: str, where: str) -> float:
        """Return the number of a cell, NaN if it is missing.

        Raises:
            DataError: it is text in a column of numbers, or a number in a column of texts, or one
                text too many.
        """
        if self.texts and (known := self.texts.get(normal(cell))) is not None:
            return float(known)
        try:
            number = _number(cell, where, *self._settings)
        except DataError:
            # What has no letter is a number that is wrong.
            if self._numbers or not any(map(str.isalpha, cell)):
                raise
            self.texts[normal(cell)] = len(self.texts)
            if len(self.texts) > MOST_CATEGORIES:
                raise DataError(
                    f"{where}: the column {self.name!r} has more than {MOST_CATEGORIES} different "
                    "texts, too many for categories: list the channels in data.channels without it"
                ) from None
            return float(len(self.texts) - 1)
        if np.isnan(number):
            return number
        if self.texts:
            raise DataError(
                f"{where}: the column {self.name!r} has the number {cell.strip()} and the text "
                f"{next(iter(self.texts))!r}: correct it, or list the channels in data.channels "
                "without it"
            )
        self._numbers = True
        return number


def _labels(row: Cells, place: dict[str, int], columns: Columns, where: str) -> tuple[str, ...]:
    """Return the labels of a row.

    Raises:
        DataError: one is empty.
    """
    found = tuple(normal(row[place[name]]) for name in columns.labels)
    if "" in found:
        name = columns.labels[found.index("")]
        raise DataError(f"{where}: no label in the column {name!r}: add it, or remove the row")
    return found


def _number(text: str, where: str, name: str, columns: Columns, typed: bool) -> float:
    """Read a number; in a table of types, one that was no text has a point in any case."""
    text = text.strip()
    if text.lower() in MISSING:
        return np.nan
    comma = columns.decimal == ","
    doubtful = comma and "." in text and not typed
    try:
        if doubtful:
            raise ValueError  # It may stand between thousands.
        return float(pointed(text) if comma else text)
    except ValueError:
        advice = "if the column is not a channel, list the channels in data.channels"
        if doubtful:
            advice = (
                "a point beside decimal commas may stand between thousands: remove such points"
            )
        elif not comma and COMMA_NUMBER.fullmatch(text):
            advice = "for decimal commas set data.decimal=','"
        raise DataError(
            f"{where}: {text!r} in the column {name!r} is not a number; {advice}"
        ) from None


def pointed(text: str) -> str:
    """Return a number with a decimal comma as one with a decimal point; other text as it is.

    >>> pointed("-1,5"), pointed("31.03.2024"), pointed("a,b")
    ('-1.5', '31.03.2024', 'a,b')
    """
    return text.replace(",", ".") if COMMA_NUMBER.fullmatch(text) else text
