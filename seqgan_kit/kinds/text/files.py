"""Readers of a user's text files, row by row with line numbers."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...data.dataset import DataError, some
from ...data.reading import LARGEST_MB, NotJson, parse_json, read_text, refuse_columns

LINE_BREAK = re.compile("[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")


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
    """

    path: Path
    rows: list[Row] = field(default_factory=list)
    empty: int = 0
    unreadable: list[str] = field(default_factory=list)


Record = tuple[int, dict[str, Any] | str]
"""A line number with the columns of the row, or with what is wrong with it."""


SKIP_ADVICE = "fix it, or drop such rows with data.unreadable=skip"
"""What to do about an unreadable row in the data of a recipe."""


def read_rows(
    path: Path,
    *,
    text: str,
    labels: Sequence[str],
    skip: bool,
    advice: str = SKIP_ADVICE,
    max_mb: int = LARGEST_MB,
) -> TextFile:
    """Read a file of plain lines, a table with a header row, or one JSON object per line.

    Line breaks inside a text become spaces.

    Args:
        path: ``.txt``, ``.tsv`` (without quoting), ``.csv`` or ``.jsonl``, in UTF-8.
        text: column that holds the text; plain lines have no other.
        labels: columns that hold labels.
        skip: leave out rows that cannot be read, instead of stopping at the first.
        advice: end of the message on a row that cannot be read: what to do about it.
        max_mb: most memory that the content of the file may take.

    Raises:
        DataError: the file cannot be read, lacks a column, or contains no text.
    """
    read = FORMATS.get(path.suffix.lower())
    if read is None:
        raise DataError(f"{path}: the name must end in {', '.join(FORMATS)}")
    if read is _plain and labels:
        raise DataError(
            f"{path}: plain lines have no column {labels[0]!r}: use .tsv, .csv or .jsonl, "
            "or leave data.labels empty"
        )
    file = TextFile(path)
    for line, record in read(path, read_text(path, max_mb), (text, *labels)):
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
        raise DataError(f"{path} contains no text{why}: give a file with lines of text")
    return file


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
        name = value.strip() if isinstance(value, str) else json.dumps(value)
        if not name:
            return f"{column!r} is empty"
        names.append(name)
    return Row(line_of_text, tuple(names), line)


def _lines(content: str) -> Iterator[tuple[int, str]]:
    return enumerate(io.StringIO(content, newline=None), start=1)


def _plain(path: Path, content: str, columns: Sequence[str]) -> Iterator[Record]:
    for number, line in _lines(content):
        yield number, {columns[0]: line.removesuffix("\n")}


def _objects(path: Path, content: str, columns: Sequence[str]) -> Iterator[Record]:
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


def _comma_separated(path: Path, content: str, columns: Sequence[str]) -> Iterator[Record]:
    rows = csv.reader(io.StringIO(content, newline=""), strict=True)
    return _table(path, rows, columns)


def _tab_separated(path: Path, content: str, columns: Sequence[str]) -> Iterator[Record]:
    # A quotation mark at the start of a sentence is part of the text.
    rows = csv.reader(io.StringIO(content, newline=""), "excel-tab", quoting=csv.QUOTE_NONE)
    return _table(path, rows, columns)


def _table(path: Path, rows: Any, columns: Sequence[str]) -> Iterator[Record]:
    """Yield the rows of a CSV reader as dictionaries keyed by the header row."""
    try:
        header: list[str] = next(rows, [])
        refuse_columns(path, len(header))
        if missing := [column for column in columns if header and column not in header]:
            raise DataError(
                f"{path} has no column {missing[0]!r}: the columns in its header row are "
                f"{some([*map(repr, header)])}"
            )
        for row in rows:
            if not row:
                yield rows.line_num, dict.fromkeys(columns, "")
            elif len(row) != len(header):
                yield (
                    rows.line_num,
                    f"the number of fields is {len(row)}, but the header row has {len(header)}",
                )
            else:
                yield rows.line_num, dict(zip(header, row, strict=True))
    except csv.Error as error:
        raise DataError(f"{path}, line {rows.line_num}: invalid table ({error})") from error


FORMATS: dict[str, Callable[[Path, str, Sequence[str]], Iterator[Record]]] = {
    ".txt": _plain,
    ".tsv": _tab_separated,
    ".csv": _comma_separated,
    ".jsonl": _objects,
}
