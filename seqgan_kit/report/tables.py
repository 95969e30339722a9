"""The figures of a comparison as text: for the terminal, as Markdown, as CSV."""

from __future__ import annotations

import csv as csv_module
import io
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict

from rich.cells import cell_len, set_cell_size

Better = Literal["higher", "lower", "one", "none"]
"""Which values of a figure are good: high ones, low ones, those near 1; or it is no verdict."""

UNDEFINED = "–"  # noqa: RUF001
"""What stands where a figure does not exist for a row."""

ARROWS: dict[Better, str] = {"higher": "↑", "lower": "↓", "one": "→1", "none": ""}
NAME_WIDTH = 28
"""Columns of a terminal that the longest name may take."""


class Figure(TypedDict):
    """What is measured, and how it is to be read."""

    name: str
    title: str
    better: Better
    how: str
    digits: int


class Value(TypedDict):
    """A figure of one row: `values` of independent sets of `count` samples each.

    `deviation` is the standard deviation over the sets, and `None` for a single one.
    """

    mean: float
    deviation: float | None
    values: list[float]
    count: int


Role = Literal["model", "codec", "real", "noise"]
"""A model, real data as its codec gives them back, real data, or noise."""

ROLES: tuple[Role, ...] = ("model", "codec", "real", "noise")


class Row(TypedDict):
    """A model, or what bounds the models."""

    name: str
    role: Role
    colour: int
    values: dict[str, Value]


class Data(TypedDict):
    """What the models were trained on and measured against."""

    name: str
    items: dict[str, int]
    labels: dict[str, list[str]]


class Table(TypedDict):
    """The figures and where they come from."""

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
    """A number in a fixed form.

    >>> number(12345.6, 0), number(-0.0001, 3), number(float("nan"), 3)
    ('12,346', '0.000', 'nan')
    """
    return f"{value:z,.{digits}f}"


def cell(row: Row, figure: Figure) -> str:
    """A row's figure with its deviation."""
    value = row["values"].get(figure["name"])
    if value is None:
        return UNDEFINED
    shown = number(value["mean"], figure["digits"])
    if value["deviation"] is not None:
        shown += f" ± {number(value['deviation'], figure['digits'])}"
    return shown


def ordered(rows: Sequence[Row]) -> list[Row]:
    """Models in their order, then what bounds them."""
    return sorted(rows, key=lambda row: ROLES.index(row["role"]))


def measured(content: Table) -> list[Figure]:
    """The figures that exist for at least one row."""
    return [
        figure
        for figure in content["figures"]
        if any(figure["name"] in row["values"] for row in content["rows"])
    ]


def printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _right(text: str, width: int) -> str:
    return " " * (width - cell_len(text)) + text


@dataclass
class _Column:
    """A figure on the terminal: its wrapped heading and its cells, all of one width."""

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
    """Aligned text: a row for each model, as many figures side by side as fit.

    Args:
        content: figures and rows.
        width: columns of the terminal; further figures follow in blocks below.
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
    """The lines of figures that stand side by side; real data and noise only where defined."""

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
    """Text that Markdown shows as it is, also in a table."""
    for sign in "\\|*_`[]":
        text = text.replace(sign, "\\" + sign)
    return " ".join(text.replace("&", "&amp;").replace("<", "&lt;").split())


def markdown(content: Table) -> str:
    """A table with a row for each figure, what was counted, how it was measured, and notes."""
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
    lines += ["", "## How each figure was measured", ""]
    lines += [f"- **{marked(f['title'])}**: {marked(f['how'])}" for f in figures]
    if content["notes"]:
        lines += ["", "## Notes", "", *(f"- {marked(note)}" for note in content["notes"])]
    lines += ["", f"{marked(content['created'])}, seqgan_kit {marked(content['version'])}"]
    return "\n".join(lines) + "\n"


def csv(content: Table) -> str:
    """One line for each row and figure that exists, at full precision."""
    out = io.StringIO()
    writer = csv_module.writer(out, lineterminator="\n")
    writer.writerow(["model", "role", "figure", "mean", "deviation", "count"])
    for row in ordered(content["rows"]):
        for figure in measured(content):
            value = row["values"].get(figure["name"])
            if value is not None:
                deviation = "" if value["deviation"] is None else value["deviation"]
                writer.writerow(
                    [
                        row["name"],
                        row["role"],
                        figure["name"],
                        value["mean"],
                        deviation,
                        value["count"],
                    ]
                )
    return out.getvalue()


def usable(row: Row, figure: str) -> Value | None:
    """A row's figure if it can be compared; a run that went astray may have NaN."""
    value = row["values"].get(figure)
    return value if value is not None and math.isfinite(value["mean"]) else None
