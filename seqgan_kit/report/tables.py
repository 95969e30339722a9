"""Tables of metrics as text: for the terminal, as Markdown and as CSV."""

from __future__ import annotations

import csv as csv_module
import io
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict

from rich.cells import cell_len, set_cell_size

from ..data.names import safe_cell

Better = Literal["higher", "lower", "one", "none"]
"""Which values of a metric are good: high, low, near 1, or neither."""

UNDEFINED = "–"  # noqa: RUF001
"""The text of a cell if a row does not have the metric."""

ARROWS: dict[Better, str] = {"higher": "↑", "lower": "↓", "one": "→1", "none": ""}
NAME_WIDTH = 28
"""Longest name, in columns of the terminal."""


class Figure(TypedDict):
    """A metric: its name, its description and how to read its values."""

    name: str
    title: str
    better: Better
    how: str
    digits: int
    group: str


class Value(TypedDict):
    """A metric of one row: `values` of independent sets of `count` samples each.

    `deviation` is the standard deviation over the sets, or `None` for a single set.
    """

    mean: float
    deviation: float | None
    values: list[float]
    count: int


Role = Literal["model", "codec", "real", "noise"]
"""A model, real data encoded and decoded by its codec, real data, or noise."""

ROLES: tuple[Role, ...] = ("model", "codec", "real", "noise")


class Row(TypedDict):
    """A model, or a bound for the models."""

    name: str
    role: Role
    colour: int
    values: dict[str, Value]


class Data(TypedDict):
    """The data that the models were trained on and compared with."""

    name: str
    items: dict[str, int]
    labels: dict[str, list[str]]


class Table(TypedDict):
    """The metrics of all rows, and where they come from."""

    title: str
    created: str
    command: str
    version: str
    data: Data
    budget: str | None
    environment: dict[str, str | int]
    figures: list[Figure]
    rows: list[Row]
    notes: list[str]


def number(value: float | int, digits: int) -> str:
    """Format a number with a fixed number of decimals.

    >>> number(12345.6, 0), number(-0.0001, 3), number(float("nan"), 3)
    ('12,346', '0.000', 'nan')
    """
    return f"{value:z,.{digits}f}"


def cell(row: Row, figure: Figure) -> str:
    """Format a metric of a row with its deviation."""
    value = row["values"].get(figure["name"])
    if value is None:
        return UNDEFINED
    shown = number(value["mean"], figure["digits"])
    if value["deviation"] is not None:
        shown += f" ± {number(value['deviation'], figure['digits'])}"
    return shown


def ordered(rows: Sequence[Row]) -> list[Row]:
    """Return the models in their order, then their bounds."""
    return sorted(rows, key=lambda row: ROLES.index(row["role"]))


def everything_measured(content: Table) -> list[Figure]:
    """Return the metrics that exist for at least one row."""
    return [
        figure
        for figure in content["figures"]
        if any(figure["name"] in row["values"] for row in content["rows"])
    ]


def measured(content: Table) -> list[Figure]:
    """Return those of the table of results."""
    return [figure for figure in everything_measured(content) if not figure["group"]]


def grouped(content: Table) -> dict[str, list[Figure]]:
    """Return those of tables of their own, by their headings."""
    groups: dict[str, list[Figure]] = {}
    for figure in everything_measured(content):
        if figure["group"]:
            groups.setdefault(figure["group"], []).append(figure)
    return groups


def printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _right(text: str, width: int) -> str:
    return " " * (width - cell_len(text)) + text


@dataclass
class _Column:
    """A metric on the terminal: its wrapped heading and its cells, all of one width."""

    heading: list[str]
    cells: list[str]
    width: int


def _column(figure: Figure, rows: Sequence[Row]) -> _Column:
    cells = [cell(row, figure) for row in rows]
    title = printable(f"{figure['title']} {ARROWS[figure['better']]}").strip()
    heading = textwrap.wrap(title, max([12, *map(len, cells)]))
    width = max(map(cell_len, [*heading, *cells]))
    return _Column(heading, cells, width)


def terminal(content: Table, width: int = 100) -> str:
    """Format a table as aligned text: a row for each model, and as many metrics as fit.

    Args:
        content: metrics and rows.
        width: columns of the terminal; further metrics follow in blocks below.
    """
    rows = ordered(content["rows"])
    names = [printable(row["name"]) for row in rows]
    left = min(max(map(cell_len, names), default=0), NAME_WIDTH)
    names = [
        set_cell_size(
            name if cell_len(name) <= left else set_cell_size(name, left - 1) + "…", left
        )
        for name in names
    ]
    blocks: list[list[_Column]] = []
    used = 0
    for figure in measured(content):
        column = _column(figure, rows)
        if not blocks or used + 2 + column.width > width:
            blocks.append([])
            used = left
        blocks[-1].append(column)
        used += 2 + column.width
    out = [printable(content["title"])]
    for block in blocks:
        out += ["", *_block(block, rows, names, left)]
    return "\n".join(out)


def _block(
    block: Sequence[_Column], rows: Sequence[Row], names: Sequence[str], left: int
) -> list[str]:
    """Format one block of metrics; a bound appears only if it has one of them."""

    def line(name: str, texts: Sequence[str]) -> str:
        shown = [_right(text, column.width) for text, column in zip(texts, block, strict=True)]
        return "  ".join([name, *shown])

    height = max(len(column.heading) for column in block)
    padded = [[""] * (height - len(column.heading)) + column.heading for column in block]
    out = [line(" " * left, texts) for texts in zip(*padded, strict=True)]
    out.append("─" * (left + sum(2 + column.width for column in block)))
    models = True
    for place, (row, name) in enumerate(zip(rows, names, strict=True)):
        texts = [column.cells[place] for column in block]
        if row["role"] != "model":
            if all(text == UNDEFINED for text in texts):
                continue
            if models:
                out.append("")
            models = False
        out.append(line(name, texts))
    return out


def marked(text: str) -> str:
    """Escape text for Markdown, including tables."""
    for sign in "\\|*_`[]":
        text = text.replace(sign, "\\" + sign)
    return " ".join(text.replace("&", "&amp;").replace("<", "&lt;").split())


def markdown(content: Table) -> str:
    """Format a Markdown table with a row for each metric, then descriptions and notes."""
    rows = ordered(content["rows"])
    figures = measured(content)
    sets = {
        len(value["values"])
        for row in rows
        for value in row["values"].values()
        if value["deviation"] is not None
    }
    items = ", ".join(
        f"{number(count, 0)} {part}" for part, count in content["data"]["items"].items()
    )
    lines = [
        f"# {marked(content['title'])}",
        "",
        f"Data: {marked(content['data']['name'])} ({marked(items)} items).",
    ]
    if content["budget"]:
        lines.append(f"Budget: {marked(content['budget'])}.")
    if sets:
        shown = " or ".join(str(count) for count in sorted(sets))
        lines.append(f"± is the standard deviation over {shown} measurements (see the notes).")
    lines += [
        "",
        "| | " + " | ".join(marked(row["name"]) for row in rows) + " |",
        "|---|" + "---:|" * len(rows),
    ]
    for figure in figures:
        heading = f"{marked(figure['title'])} {ARROWS[figure['better']]}".strip()
        lines.append(f"| {heading} | " + " | ".join(cell(row, figure) for row in rows) + " |")
    lines += ["", "## How each metric was measured", ""]
    lines += [f"- **{marked(f['title'])}**: {marked(f['how'])}" for f in figures]
    if content["notes"]:
        lines += ["", "## Notes", "", *(f"- {marked(note)}" for note in content["notes"])]
    lines += ["", f"{marked(content['created'])}, seqgan_kit {marked(content['version'])}"]
    return "\n".join(lines) + "\n"


def csv(content: Table) -> str:
    """Format as CSV, one line for each row and existing metric, at full precision."""
    out = io.StringIO()
    writer = csv_module.writer(out, lineterminator="\n")
    writer.writerow(["model", "role", "figure", "mean", "deviation", "count"])
    for row in ordered(content["rows"]):
        for figure in everything_measured(content):
            value = row["values"].get(figure["name"])
            if value is not None:
                deviation = "" if value["deviation"] is None else value["deviation"]
                writer.writerow(
                    [
                        safe_cell(row["name"]),
                        row["role"],
                        figure["name"],
                        value["mean"],
                        deviation,
                        value["count"],
                    ]
                )
    return out.getvalue()


def usable(row: Row, figure: str) -> Value | None:
    """Return a metric of a row if it is finite; a diverged run may have NaN."""
    value = row["values"].get(figure)
    return value if value is not None and math.isfinite(value["mean"]) else None
