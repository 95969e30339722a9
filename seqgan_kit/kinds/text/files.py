"""Readers of a user's text files, row by row with line numbers."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...data import tables
from ...data.dataset import DataError, NoItems, some
from ...data.reading import ENCODING_ADVICE, LARGEST_MB, NotJson, parse_json, read_text
from ...data.tables import TableForm
from ...labels import normal

if TYPE_CHECKING:
    from pandas import DataFrame

ENDINGS = (".txt", ".jsonl", *tables.ENDINGS)
"""Endings of the names of text files."""

LINE_BREAK = re.compile("[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")

Record = tuple[int, dict[str, Any] | str]
"""A line number with the columns of the row, or with what is wrong with it."""


@dataclass(frozen=True)
class Row:
    """One line of text, the names of its labels, and its line number in the file."""

    text: str
    labels: tuple[str, ...]
    line: int


@dataclass
class TextFile:
    """The contents of a text file.

    Attributes:
        path: the file.
        rows: its lines of text.
        empty: number of rows without text.
        unreadable: what is wrong with each row that was left out.
        notes: further remarks on how it was read.
    """

    path: Path
    rows: list[Row] = field(default_factory=list)
    empty: int = 0
    unreadable: list[str] = field(default_factory=list)
    notes: Sequence[str] = ()


SKIP_ADVICE = "fix it, or drop such rows with data.unreadable=skip"
"""What to do about an unreadable row in the data of a recipe."""


def read_rows(
    source: Path | DataFrame,
    *,
    text: str,
    labels: Sequence[str],
    skip: bool,
    form: TableForm | None = None,
    advice: str = SKIP_ADVICE,
    max_mb: int = LARGEST_MB,
) -> TextFile:
    """Read a file of plain lines, a table, or one JSON object per line.

    Line breaks inside a text become spaces.

    Args:
        source: a ``.txt``, ``.jsonl``, ``.csv``, ``.tsv`` or ``.parquet`` file, or a data frame
            of pandas.
        text: column that holds the text; plain lines have no other.
        labels: columns that hold labels.
        skip: leave out rows that cannot be read, instead of stopping at the first.
        form: how the table is written.
        advice: end of the message on a row that cannot be read: what to do about it.
        max_mb: most memory that the content of the file may take.

    Raises:
        DataError: the file cannot be read, lacks a column, or contains no text (then ``NoItems``).
    """
    records, about = open_records(source, form, max_mb, {text: "data.text", **_keys(labels)})
    path = about.path
    if about.plain and labels:
        raise DataError(
            f"{path}: plain lines have no column {labels[0]!r}: use .tsv, .csv or .jsonl, "
            "or leave data.labels empty"
        )
    file = TextFile(path)
    for line, record in records:
        if about.plain and isinstance(record, dict):
            record = {text: record[PLAIN]}
        row = record if isinstance(record, str) else _row(record, text, labels, line)
        if isinstance(row, Row):
            file.rows.append(row)
        elif row is None:
            file.empty += 1
        elif skip:
            file.unreadable.append(f"line {line}: {row}")
        else:
            raise DataError(f"{path}, line {line}: {row}; {advice}")
    if not file.rows:
        why = f" ({file.unreadable[0]})" if file.unreadable else ""
        raise NoItems(f"{path} contains no text{why}: give a file with lines of text")
    file.notes = about.notes
    return file


def _keys(labels: Sequence[str]) -> dict[str, str]:
    return dict.fromkeys(labels, "data.labels")


def _row(
    record: Mapping[str, Any], text: str, labels: Sequence[str], line: int
) -> Row | str | None:
    """Return the row of a record, ``None`` if its text is empty, or what is wrong with it."""
    if missing := [column for column in (text, *labels) if column not in record]:
        return f"{missing[0]!r} is missing (found {some([*map(repr, record)]) or 'nothing'})"
    if not isinstance(record[text], str):
        return f"{text!r} is not a string"
    line_of_text = LINE_BREAK.sub(" ", record[text])
    if not line_of_text.strip():
        return None
    names = []
    for column in labels:
        value = record[column]
        if not isinstance(value, str | int | float):
            return f"{column!r} is neither a string nor a number"
        name = normal(value) if isinstance(value, str) else json.dumps(value)
        if not name:
            return f"{column!r} is empty"
        names.append(name)
    return Row(line_of_text, tuple(names), line)


PLAIN = "text"
"""The only column of plain lines."""


@dataclass
class About:
    """What is known of a file of text before its rows are read.

    Attributes:
        path: the file.
        plain: whether its lines have no columns.
        columns: of a table.
        notes: remarks on how it was read.
    """

    path: Path
    plain: bool = False
    columns: tuple[str, ...] = ()
    notes: Sequence[str] = ()


def open_records(
    source: Path | DataFrame,
    form: TableForm | None = None,
    max_mb: int = LARGEST_MB,
    wanted: Mapping[str, str] | None = None,
) -> tuple[Iterator[Record], About]:
    """Open a file of text; return its records, and what is known of it.

    Args:
        source: as for :func:`read_rows`.
        form: how a table is written.
        max_mb: most memory that the content of the file may take.
        wanted: columns that a table must have, and the key of the recipe that names each.

    Raises:
        DataError: the file cannot be read, or lacks a column.
    """
    ending = source.suffix.lower() if isinstance(source, Path) else tables.ENDINGS[0]
    if ending not in ENDINGS:
        raise DataError(f"{source}: the name must end in {', '.join(ENDINGS)}")
    form = form or TableForm()
    if ending not in tables.ENDINGS and isinstance(source, Path):
        content = read_text(source, max_mb, encoding=form.encoding, advice=ENCODING_ADVICE)
        if ending == ".txt":
            return _plain(content), About(source, plain=True)
        return _objects(content, [*(wanted or {})]), About(source)
    table = tables.open_table(source, form, max_mb)
    if table.columns:
        table.places(wanted or {})
    # The same list, so that notes that come with the rows are in it, too.
    return _table(table), About(table.path, columns=table.columns, notes=table.notes)


def _lines(content: str) -> Iterator[tuple[int, str]]:
    return enumerate(io.StringIO(content, newline=None), start=1)


def _plain(content: str) -> Iterator[Record]:
    for number, line in _lines(content):
        yield number, {PLAIN: line.removesuffix("\n")}


def _objects(content: str, columns: Sequence[str]) -> Iterator[Record]:
    for number, line in _lines(content):
        if not line.strip():
            yield number, dict.fromkeys(columns, "")
            continue
        try:
            record = parse_json(line)
        except NotJson as error:
            yield number, f"this is not valid JSON ({error})"
            continue
        yield number, record if isinstance(record, dict) else "the JSON value is not an object"


def _table(table: tables.Table) -> Iterator[Record]:
    for line, row in table.rows:
        if isinstance(row, str):
            yield line, row
        else:
            yield line, dict(zip(table.columns, row or [""] * len(table.columns), strict=True))
