"""Tables with named columns: comma- or tab-separated text, Parquet, and data frames of pandas."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..sections import TableData
from .dataset import DataError, some
from .reading import (
    ENCODING_ADVICE,
    LARGEST_MB,
    read_text,
    refuse_columns,
    refuse_large,
    regular_file,
)

if TYPE_CHECKING:
    from pandas import DataFrame

ENDINGS = (".csv", ".tsv", ".parquet")
"""Endings of the names of tables."""

SEPARATORS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar", " ": "space"}
GUESSED = (";", "\t", "|")
"""What may separate the cells of a `.csv` that has no commas in its first row."""
INDEX = re.compile(r"(Unnamed: \d+)?")
"""Names of the columns that programs add: pandas writes its index under none, and reads and
writes it again as ``Unnamed: 0``."""

EXACT = 2.0**53
"""Up to here, whole numbers are exact as floats."""

FRAME = Path("the data frame")
"""How messages call a data frame."""

Cells = Sequence[str]
Record = tuple[int, Cells | str]
"""The number of a line, counted from 1, with its cells or with what is wrong with them."""


@dataclass(frozen=True)
class TableForm:
    """How a table is written.

    Attributes:
        separator: between two cells; ``None``: a tab in ``.tsv``, else a comma. What is separated
            by tabs has no quotation marks with a meaning.
        encoding: of the text.
        header: whether the first row names the columns; if not, they are ``1``, ``2`` and so on.
    """

    separator: str | None = None
    encoding: str = "utf-8"
    header: bool = True

    @classmethod
    def of(cls, data: TableData) -> TableForm:
        """Return the form that a section of a recipe names."""
        return cls(data.separator, data.encoding, data.header)


@dataclass
class Table:
    """A table whose rows are read one after the other.

    Attributes:
        path: the file, or ``FRAME``.
        columns: names of its columns.
        rows: its rows, each with a cell for every column, or none at all in an empty line.
        separator: between two cells; empty where the format has none.
        notes: remarks for the user on what was left out.
    """

    path: Path
    columns: tuple[str, ...]
    rows: Iterator[Record]
    separator: str = ""
    notes: list[str] = field(default_factory=list)

    def places(self, wanted: Mapping[str, str]) -> dict[str, int]:
        """Return where the wanted columns are.

        Args:
            wanted: names of columns, and the key of the recipe that names each.

        Raises:
            DataError: there is no such column, or there are two.
        """
        for name, key in wanted.items():
            if self.columns.count(name) > 1:
                raise DataError(f"{self.path}: two columns have the same name: {name!r}")
            if name not in self.columns:
                raise DataError(f"{self.path} has no column {name!r} ({key}); {self._seen()}")
        return {name: self.columns.index(name) for name in wanted}

    def _seen(self) -> str:
        """Tell what columns were found, and what else may separate them."""
        found = "its columns are " + (some([*map(repr, self.columns)]) or "none")
        if not self.separator:
            return found
        between = SEPARATORS.get(self.separator, repr(self.separator))
        header = self.separator.join(self.columns)
        others = [one for one in SEPARATORS if one != self.separator and one in header]
        if len(self.columns) == 1 and others:
            name = "tab" if others[0] == "\t" else others[0]
            return f"{found} (separated by {between}); perhaps data.separator={name!r}"
        return f"{found} (separated by {between})"


def open_table(
    source: Path | DataFrame, form: TableForm | None = None, max_mb: int = LARGEST_MB
) -> Table:
    """Open a table.

    Columns without a name are left out, with a note: programs add them for their index.

    Args:
        source: a ``.csv``, ``.tsv`` or ``.parquet`` file, or a data frame of pandas.
        form: how it is written, if it is text.
        max_mb: most memory that the content of the file may take.

    Raises:
        DataError: it cannot be read, or has too many columns. Reading the rows raises it, too.
    """
    form = form or TableForm()
    if not isinstance(source, Path):
        table = _frame(source)
    elif source.suffix.lower() == ".parquet":
        table = _parquet(source, max_mb)
    else:
        table = _text(source, form, max_mb)
    refuse_columns(table.path, len(table.columns))
    return _named(table) if form.header else table


def guessed_form(path: Path) -> TableForm:
    """Return how a table seems to be written, where nobody has said so yet.

    Raises:
        DataError: it cannot be read, or has too many columns.
    """
    table = open_table(path)
    if table.separator != "," or len(table.columns) != 1:
        return TableForm()
    return TableForm(separator=next((one for one in GUESSED if one in table.columns[0]), None))


def _named(table: Table) -> Table:
    """Leave out the columns without a name."""
    kept = [place for place, name in enumerate(table.columns) if not INDEX.fullmatch(name)]
    left_out = len(table.columns) - len(kept)
    if not left_out or not kept:
        return table
    rows = table.rows
    table.rows = (
        (line, row if isinstance(row, str) or not row else [row[place] for place in kept])
        for line, row in rows
    )
    table.columns = tuple(table.columns[place] for place in kept)
    table.notes.append(f"{table.path.name}: columns without a name left out: {left_out}")
    return table


# -- text -----------------------------------------------------------------------------------------


def _text(path: Path, form: TableForm, max_mb: int) -> Table:
    separator = form.separator or ("\t" if path.suffix.lower() == ".tsv" else ",")
    content = read_text(path, max_mb, encoding=form.encoding, advice=ENCODING_ADVICE)
    # Between tabs, a quotation mark at the start of a sentence is part of the text.
    reader = csv.reader(
        io.StringIO(content, newline=""),
        delimiter=separator,
        quoting=csv.QUOTE_NONE if separator == "\t" else csv.QUOTE_MINIMAL,
        strict=True,
    )
    first = next(_checked(path, reader), None)
    names = [] if first is None else [name.strip() for name in first]
    if form.header:
        rows: Iterable[list[str]] = _checked(path, reader)
    else:
        rows = chain([] if first is None else [first], _checked(path, reader))
        names = [str(number) for number in range(1, len(names) + 1)]
    return Table(path, tuple(names), _records(rows, reader, len(names), form.header), separator)


def _checked(path: Path, reader: Any) -> Iterator[list[str]]:
    """Yield the rows of a reader.

    Raises:
        DataError: what it reads is no table.
    """
    try:
        yield from reader
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: invalid table ({error})") from error


def _records(rows: Iterable[list[str]], reader: Any, width: int, header: bool) -> Iterator[Record]:
    expected = f"the {'header' if header else 'first'} row has {width}"
    for row in rows:
        if row and len(row) != width:
            yield reader.line_num, f"the number of fields is {len(row)}, but {expected}"
        else:
            yield reader.line_num, row


# -- Parquet and pandas ---------------------------------------------------------------------------


def _parquet(path: Path, max_mb: int) -> Table:
    try:
        # Imported late, because it is an extra.
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise DataError(
            f'{path}: .parquet files require the package pyarrow: pip install "seqgan_kit[tables]"'
        ) from error
    regular_file(path, max_mb)
    try:
        file = parquet.ParquetFile(path)
        about = file.metadata
        groups = [about.row_group(number) for number in range(about.num_row_groups)]
        refuse_large(path, sum(group.total_byte_size for group in groups), max_mb)
        names = tuple(file.schema_arrow.names)
        rows = [
            row
            for batch in file.iter_batches()
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True)
        ]
    except (ArrowException, OSError, ValueError, OverflowError) as error:
        if isinstance(error, DataError):
            raise
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{path} is damaged or not a .parquet file ({reason})") from error
    return Table(path, names, _cells(rows))


def _frame(frame: DataFrame) -> Table:
    if any(frame.index.names):
        frame = frame.reset_index()
    names = tuple(str(name) for name in frame.columns)
    return Table(FRAME, names, _cells(frame.itertuples(index=False, name=None)))


def _cells(rows: Iterable[Sequence[Any]]) -> Iterator[Record]:
    """Yield values as the cells that a table of text would have."""
    for number, row in enumerate(rows, start=1):
        yield number, [_cell(value) for value in row]


def _cell(value: Any) -> str:
    """Return a value as text; what is missing is empty.

    A whole number is the same text whether its column is of integers or, for the sake of missing
    values elsewhere, of floats.

    >>> _cell(1.5), _cell(1.0), _cell(True), _cell(None), _cell(float("nan"))
    ('1.5', '1', 'True', '', '')
    """
    # A number that is not equal to itself: NaN, and pandas' NaT.
    missing = value is None or (not isinstance(value, str | bytes) and value != value)
    if missing or type(value).__name__ == "NAType":
        return ""
    return str(whole(value))


def whole(value: Any) -> Any:
    """Return a float that is a whole number as an integer, and anything else as it is.

    >>> whole(2.0), whole(2.5), whole(1e300), whole("2.0")
    (2, 2.5, 1e+300, '2.0')
    """
    exact = isinstance(value, float) and abs(value) <= EXACT and value.is_integer()
    return int(value) if exact else value


def is_frame(data: Any) -> bool:
    """Whether data are a data frame of pandas; its import is left to whoever has one."""
    return hasattr(data, "to_csv") and hasattr(data, "columns")


def pandas_or_refuse() -> Any:
    """Return the package pandas.

    Raises:
        DataError: it is not installed.
    """
    try:
        # Imported late, because it is an extra.
        import pandas
    except ImportError as error:
        raise DataError("tables require the package pandas: pip install pandas") from error
    return pandas
