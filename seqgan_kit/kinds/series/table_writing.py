"""Tables of samples, in the form that the recipe of their run reads."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .items import Columns

TextFile = Any
"""A text file open for writing."""

Sample = tuple[Sequence[Sequence[str]], Sequence[str]]
"""The cells of the channels at each step, and the names of labels."""


def write_table(
    file: TextFile,
    samples: Iterable[Sample],
    *,
    columns: Columns,
    channels: Sequence[str],
    attributes: Sequence[str],
    steps: int,
    times: Sequence[str],
    cell: Callable[[str], str],
) -> None:
    """Write samples as the columns say: a row for each step, or for each series.

    Args:
        file: where they go.
        samples: the samples.
        columns: how the recipe reads tables.
        channels: names of the channels.
        attributes: names of the labels.
        steps: steps of the longest sample that there may be.
        times: the times of these steps.
        cell: turns text into a cell.
    """
    form, wide = columns.form, columns.layout == "wide"
    tabs: dict[str, Any] = {}
    if form.separator == "\t":
        # As such tables are read: quotation marks have no meaning in them.
        tabs = {"quoting": csv.QUOTE_NONE, "quotechar": None}
    table = csv.writer(file, delimiter=form.separator or ",", lineterminator="\n", **tabs)
    names = header((columns.id, columns.time), () if wide else channels, attributes)
    if wide:
        names.remove(names[1])
    over = columns.channels or [str(step) for step in range(steps)] if wide else ()
    if form.header:
        table.writerow(map(cell, (*names, *over)))
    for number, (shown, labels) in enumerate(samples):
        said = [cell(label) for label in labels]
        if wide:
            named = dict(zip(names, [str(number), *said], strict=True))
            value_S = [value for (value,) in shown]
            rest = [*value_S, *[""] * (len(over) - len(value_S))]
            table.writerow(arranged(named, rest, form.header))
            continue
        for time, values in zip(times, shown, strict=False):
            named = dict(zip(names, [str(number), time, *values, *said], strict=True))
            table.writerow(arranged(named, (), form.header))


def header(keys: tuple[str, str], channels: Sequence[str], attributes: Sequence[str]) -> list[str]:
    """Return the names of the columns of a table, all different.

    Channels keep their names, because a recipe finds them by these; what else has such a name
    gets another.

    >>> header(("patient", "hour"), ["heat"], ["ward"])
    ['patient', 'hour', 'heat', 'ward']
    >>> header(("id", "time"), ["id", "heat"], ["heat"])
    ['id_2', 'time', 'id', 'heat', 'heat_2']
    """
    taken = [*channels]
    for name in (*attributes, *keys):
        taken.append(free_name(name, taken))
    first = len(channels) + len(attributes)
    return taken[first:] + taken[:first]


def free_name(name: str, taken: Sequence[str]) -> str:
    """Return a name that is not taken: the name itself, or with a number behind it."""
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free


def arranged(named: Mapping[str, str], rest: Sequence[str], names: bool) -> list[str]:
    """Return the cells of a row.

    Args:
        named: cells by the name of their column.
        rest: further cells.
        names: whether a header row names the columns. If not, a cell is in the column whose
            number is its name, or nowhere; the rest is in the columns between.

    >>> arranged({"id": "0", "x": "1.5"}, ["2"], True)
    ['0', '1.5', '2']
    >>> arranged({"3": "0", "time": "7"}, ["1.5", "2", "4"], False)
    ['1.5', '2', '0', '4']
    """
    if names:
        return [*named.values(), *rest]
    placed = {int(name): cell for name, cell in named.items() if name.isdecimal()}
    between = iter(rest)
    width = max(max(placed, default=0), len(placed) + len(rest))
    return [
        placed[place] if place in placed else next(between, "") for place in range(1, width + 1)
    ]
