"""What the columns of a user's own series mean, guessed from their names and values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ...data.arrays import read_array, read_arrays
from ...data.dataset import DataError
from ...data.reading import opened, refuse_large
from ...data.tables import ENDINGS, TableForm
from ...runs import beginning as shared
from .arrays import OBJECT_BYTES
from .items import Columns
from .schema import MOST_CATEGORIES
from .tables import COMMA_NUMBER, MISSING, pointed, read_columns
from .times import rise

IDS = ("id", "series", "sample", "item", "unit", "subject", "session", "trial", "run", "sequence")
TIMES = ("time", "timestamp", "datetime", "date", "t", "step", "frame", "tick", "year", "day")
NUMBERS_OF_ROWS = ("", "index", "unnamed: 0", "row", "id")
LABELS = ("label", "class", "target", "category")

OFTEN = 0.2
"""Different texts for each row of a column, up to which they are names of something."""

THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2},\d{3}")
"""A number whose comma may stand between thousands."""

WINDOW = 24
LONGEST = 256
"""Steps beyond which training takes long: of longer series windows are taken, or the beginning."""
FEW_SERIES = 50
"""Of fewer, windows are taken if they are long enough for that."""


@dataclass(frozen=True)
class Guess:
    """How a file is to be read.

    Attributes:
        table: whether it is a table.
        columns: what the columns mean.
        whole: whether windows are to be taken of it.
        left_out: columns that are not used, and why.
        sure: whether the file is plainly one of series.
        roles: what the columns are taken for, in words.
    """

    table: bool = False
    columns: Columns = field(default_factory=Columns)
    whole: bool = False
    left_out: Mapping[str, str] = field(default_factory=dict)
    sure: bool = True
    roles: Sequence[str] = ()


def guess_columns(path: Path) -> Guess | None:
    """How a file is to be read; ``None`` where it holds images, or names of files."""
    with opened(path) as file:
        if not file.read(1):
            raise DataError(f"{path} is empty: there is nothing to learn from")
    if path.suffix.lower() in ENDINGS:
        return _guess_table(path)
    arrays: dict[str, np.ndarray] = {}
    try:
        if path.suffix.lower() == ".npy":
            arrays = {"x": read_array(path)}
        elif path.suffix.lower() == ".npz":
            arrays = read_arrays(path)
    except DataError:
        return Guess()  # The reader says what is wrong.
    if any(one.dtype == np.uint8 and one.ndim in (3, 4) for one in arrays.values()):
        return None
    x = arrays.get("x", np.zeros(()))
    if not x.ndim:
        return Guess()
    # Many rows of few numbers are steps of one series rather than series of few steps.
    whole = x.ndim == 1 or (x.ndim == 2 and x.shape[1] < 16 and len(x) >= 20 * x.shape[1])
    others = {n: one for n, one in arrays.items() if n not in ("x", "length", "channel")}
    fit = {n: one for n, one in others.items() if one.ndim == 1 and len(one) == len(x)}
    refuse_large(path, len(fit) * len(x) * OBJECT_BYTES)
    columns = [one.tolist() for one in fit.values()]
    rows = [dict(zip(fit, values, strict=True)) for values in zip(*columns, strict=True)] or [{}]
    labels, left_out = shared.needed_labels(path, rows, [*others])
    roles = ["read as one long series, a row for each step"] if whole else []
    return Guess(False, Columns(labels=labels), whole, left_out, roles=roles)


# -- tables -------------------------------------------------------------------------------------


def _guess_table(path: Path) -> Guess | None:
    """What the columns of a table mean; ``None`` where it names files."""
    table, form = read_columns(path)
    if shared.are_numbers(list(table)):
        raise DataError(
            f"{path}: the header row consists of numbers: add a first row that names the columns, "
            "or write a recipe with data.header=false"
        )
    decimal = "," if _decimal_commas(table, form) else "."
    if decimal == ",":
        table = {name: [pointed(cell) for cell in cells] for name, cells in table.items()}
    numbers = [name for name in table if shared.are_numbers(table[name])]
    # A column of paths is one of a manifest, whose other numbers may be labels.
    guess = _roles(path, table, numbers) if numbers and "path" not in table else None
    if guess is None:
        return None
    told = ["commas taken for decimal ones"] if decimal == "," else []
    columns = replace(guess.columns, form=form, decimal=decimal)
    return replace(guess, columns=columns, roles=[*guess.roles, *told])


def _decimal_commas(table: Mapping[str, Sequence[str]], form: TableForm) -> bool:
    """Say whether the commas in numbers stand before decimals.

    They do not where other numbers have points, and may not where all could stand between
    thousands; a semicolon separates cells because commas have that other use.
    """
    known = {n: [c for c in cells if c.lower() not in MISSING] for n, cells in table.items()}
    if any("." in c for cells in known.values() if shared.are_numbers(cells) for c in cells):
        return False
    commas = [
        cell
        for cells in known.values()
        if all(map(COMMA_NUMBER.fullmatch, cells))
        for cell in cells
        if "," in cell
    ]
    return bool(commas) and (form.separator == ";" or not all(map(THOUSANDS.fullmatch, commas)))


def _roles(path: Path, table: Mapping[str, Sequence[str]], numbers: Sequence[str]) -> Guess:
    """Guess which columns are the id, the time, labels and channels."""
    key = _id_column(table)
    keys = table[key] if key else [""] * len(next(iter(table.values())))
    count, steps = len({*keys}), len(keys) / len({*keys})
    timed = _named(table, TIMES)
    timed += [n for n in table if n not in (*numbers, key) and shared.are_codes(table[n])]
    time = next((n for n in timed if n == "time" or _rises(table[n], keys)), None)
    left_out = {
        name: "it numbers the rows"
        for name in _named(table, NUMBERS_OF_ROWS)
        if name not in (key, time) and _rises(table[name])
    }
    free = [name for name in table if name not in (key, time, *left_out)]
    pairs = {name: set(zip(keys, table[name], strict=True)) for name in free}
    # A number that is one for all steps of a series is no measurement.
    steady = [
        n for n in numbers if key and n in free and count >= FEW_SERIES and len(pairs[n]) <= count
    ]
    may_label = [n for n in free if n not in numbers or n.lower() in LABELS or n in steady]
    changing = [n for n in may_label if len(pairs[n]) > count]
    # A window has one label, which is to stay for a while.
    runs = {n: 1 + sum(map(str.__ne__, table[n][1:], table[n])) for n in changing}
    quick = [n for n in changing if len(keys) / runs[n] < WINDOW and n != "label"]
    few = count < FEW_SERIES and steps >= 2 * WINDOW
    whole = key is None or few or steps > LONGEST or len(changing) > len(quick)
    first = range(len(keys)) if whole else {k: n for n, k in reversed([*enumerate(keys)])}.values()
    # Text that changes from step to step is a state, if there are few.
    states = [n for n in quick if n not in numbers and _are_states(table[n])]
    left_out |= {n: "changes all the time" for n in quick if n not in states}
    rows = [{name: table[name][n] for name in may_label} for n in first]
    labels, others = shared.guess_labels(
        rows, [n for n in may_label if n not in (*left_out, *states)]
    )
    if not labels and not others.get("label", "always").startswith("always"):
        # The reader takes it for labels in any case.
        raise DataError(
            f"{path}: the column 'label' does not hold labels ({others['label']}), which several "
            "series share: correct it, or rename it if it holds values"
        )
    numeric = tuple(n for n in steady if "different values" in others.get(n, "") and not whole)
    labels += numeric
    left_out |= {name: why for name, why in others.items() if name not in numeric}
    channels = [n for n in free if n in (*numbers, *states) and n not in (*labels, *left_out)]
    if not channels:
        raise DataError(
            f"{path}: none of the columns {', '.join(table)} holds values: add one with numbers"
        )
    given = {"id": key, "time": time, "labels": ", ".join(labels)}
    shown = ", ".join(f"{role}: {name}" for role, name in given.items() if name)
    strings = [name for name in left_out if name not in numbers and name not in states]
    return Guess(
        True,
        Columns(
            # A name that no column has makes one series of all rows.
            id=key or ("id" if "id" not in table else "no column"),
            time=time or "time",
            labels=labels,
            numeric=numeric,
            channels=tuple(channels) if left_out else (),
        ),
        whole,
        left_out,
        # What hardly repeats may be text.
        sure=all(
            len({*table[name]}) <= OFTEN * len(keys) or shared.are_codes(table[name])
            for name in strings
        ),
        roles=[f"columns taken for {shown}"] if shown else [],
    )


def _are_states(cells: Sequence[str]) -> bool:
    """Say whether texts are categories: few, which come again and again, and no numbers."""
    known = {cell for cell in cells if cell.lower() not in MISSING}
    few = len(known) <= min(MOST_CATEGORIES, OFTEN * len(cells))
    return few and all(any(map(str.isalpha, cell)) for cell in known)


def _id_column(table: Mapping[str, Sequence[str]]) -> str | None:
    """The column that tells series apart: its values come several times."""
    times = _named(table, TIMES)
    named = [*_named(table, IDS), *(n for n in table if n.lower().endswith("_id"))]
    for name in (*named, *table):
        repeats = len({*table[name]}) <= len(table[name]) / 2
        # Without a telling name it is one if the time begins again with each of its values.
        begins = any(not _rises(table[n]) and _rises(table[n], table[name]) for n in times)
        if repeats and (name in named or (begins and name not in times)):
            return name
    return None


def _named(table: Mapping[str, Sequence[str]], names: Sequence[str]) -> list[str]:
    """The columns of such names, in their order."""
    return [name for one in names for name in table if name.lower() == one]


def _rises(values: Sequence[str], keys: Sequence[str] | None = None) -> bool:
    """Whether values rise from row to row, or among the rows of each key."""
    found: dict[str, list[str]] = {}
    for value, key in zip(values, keys or [""] * len(values), strict=True):
        found.setdefault(key, []).append(value)
    return rise(found)
