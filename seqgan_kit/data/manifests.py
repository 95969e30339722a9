"""Manifests: tables that list files and their labels."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..labels import normal
from .dataset import DataError, some
from .reading import LARGEST_MB, NotJson, parse_json, read_bytes, read_text, refuse_columns

ENDINGS = (".csv", ".jsonl")
MANIFEST = "manifest.csv"
"""The manifest in a folder of samples."""


@dataclass(frozen=True)
class LabelledFile:
    """A file, its name within the data set, and its labels."""

    path: Path
    name: str
    labels: tuple[str, ...]


def read_manifest(
    path: Path, labels: Sequence[str], what: str, max_mb: int = LARGEST_MB
) -> tuple[list[str], list[LabelledFile]]:
    """Read a manifest: the columns of its labels, and the files that it lists.

    Args:
        path: a ``.csv`` or ``.jsonl`` file.
        labels: columns that hold labels; all but ``path`` if empty.
        what: name of the files in messages, in the plural.
        max_mb: most memory that its content may take.

    Raises:
        DataError: it cannot be read, lacks a column, or lists a file twice or one that does not
            exist.
    """
    rows = list(_rows(path, max_mb))
    if not rows:
        raise DataError(f"{path} lists no {what}: add rows with a path and labels")
    columns = list(labels) or [name for name in rows[0][1] if name != "path"]
    found: list[LabelledFile] = []
    line_of: dict[Path, int] = {}
    for line, row in rows:
        for column in ("path", *columns):
            if not isinstance(row.get(column, ""), str):
                raise DataError(
                    f"{path}, line {line}: {column!r} is neither a string nor a number"
                )
            if not row.get(column):
                raise DataError(
                    f"{path}, line {line}: {column!r} is missing or empty; the columns are "
                    + some([repr(name) for name in row])
                )
        file = path.parent / row["path"]
        try:
            place = file.resolve(strict=True)
            is_file = place.is_file()
        except (OSError, ValueError, RuntimeError) as error:  # some raised by impossible names
            raise DataError(f"{path}, line {line}: {file} does not exist") from error
        if not is_file:
            raise DataError(f"{path}, line {line}: {file} is not a file")
        if (first := line_of.setdefault(place, line)) != line:
            raise DataError(f"{path}, line {line}: {file} is already listed on line {first}")
        labels_A = tuple(normal(row[column]) for column in columns)
        found.append(LabelledFile(file, row["path"], labels_A))
    return columns, found


def rows_like(path: Path) -> list[Mapping[str, Any]]:
    """Return the rows of what may be a manifest, as far as they can be read.

    Nothing of other files: this is for finding out what kind of files a manifest lists.
    """
    rows: list[Any] = []
    if path.suffix.lower() not in ENDINGS:
        return rows
    content = read_bytes(path).decode("utf-8-sig", errors="replace")
    if path.suffix.lower() == ".csv":
        with suppress(csv.Error):
            rows.extend(csv.DictReader(io.StringIO(content, newline="")))
    else:
        for line in content.splitlines():
            with suppress(NotJson):
                rows.append(parse_json(line))
    return [row for row in rows if isinstance(row, dict)]


def mostly_lists(rows: Sequence[Mapping[str, Any]], extensions: Collection[str]) -> bool:
    """Say whether more than half of the rows of a manifest list files with such extensions."""
    paths = [one.strip() for row in rows if isinstance(one := row.get("path"), str)]
    return 2 * sum(Path(one).suffix.lower() in extensions for one in paths) > len(rows)


def _rows(path: Path, max_mb: int) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the line numbers and columns of a manifest; strings and numbers become strings."""
    if not os.path.lexists(path):
        raise DataError(f"{path}: there is no such file or folder")
    if path.suffix.lower() not in ENDINGS:
        raise DataError(
            f"{path}: the name of a manifest must end in {' or '.join(ENDINGS)}; or give a folder "
            "with one sub-folder per label"
        )
    content = read_text(path, max_mb)
    read = _table if path.suffix.lower() == ".csv" else _objects
    yield from read(path, content)


def _table(path: Path, content: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(content, newline=""))
    try:
        refuse_columns(path, len(reader.fieldnames or ()))
        if reader.fieldnames is None or "path" not in reader.fieldnames:
            raise DataError(f"{path} has no column 'path': add it to the header row")
        for row in reader:
            if None in row or None in row.values():
                raise DataError(
                    f"{path}, line {reader.line_num}: expected {len(reader.fieldnames)} fields, "
                    "as in the header row"
                )
            yield reader.line_num, {name: value.strip() for name, value in row.items()}
    except csv.Error as error:
        raise DataError(
            f"{path}, line {reader.line_num}: invalid table ({error}): correct it"
        ) from error


def _objects(path: Path, content: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            record = parse_json(line)
        except NotJson as error:
            raise DataError(f"{path}, line {number}: this is not valid JSON ({error})") from error
        if not isinstance(record, dict):
            raise DataError(f"{path}, line {number}: the JSON value is not an object")
        yield number, {name: _plain(value) for name, value in record.items()}


def _plain(value: object) -> object:
    """Convert strings, numbers and booleans to strings; return anything else unchanged."""
    if isinstance(value, str):
        return value.strip()
    return json.dumps(value) if isinstance(value, int | float) else value


def write_manifest(path: Path, names: Sequence[str], labels: Mapping[str, Sequence[Any]]) -> None:
    """Write a manifest of files with their labels.

    Raises:
        DataError: an attribute is called ``path``.
    """
    if "path" in labels:
        raise DataError("no attribute can be called 'path': give it another name")
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["path", *labels])
        table.writerows(zip(names, *labels.values(), strict=True))
