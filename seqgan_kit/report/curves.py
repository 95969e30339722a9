"""Sweeps of a setting of sampling, as curves of quality against diversity and as tables.

Sampling below a temperature of 1 trades diversity for quality, as guidance and the choice among
candidates do, so models are compared along their whole curves (Caccia et al. 2020, Language GANs
Falling Short).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple, TypedDict, cast

from .canvas import HEIGHT, WIDTH, Canvas, cut, length
from .tables import UNDEFINED, Figure, Row, Table, marked, number, terminal, usable

Knob = Literal["temperature", "guidance", "candidates"]
"""A setting that samples are drawn with; 1 is as the model has learned."""

SYMBOLS: Mapping[Knob, str] = {"temperature": "T", "guidance": "w", "candidates": "N"}

AXES = (
    ("self_bleu_3", "bleu_3"),
    ("nats_per_token", "oracle_nats"),
    ("frechet_judge_distance", "label_accuracy"),
    ("self_bleu_3", "label_accuracy"),
)
"""Pairs of metrics that are drawn against each other, as (x, y)."""


class SweepPoint(TypedDict):
    """Metrics of `count` samples at one value of a setting, and their standard deviations over
    sets of so many, if there were several."""

    at: float
    count: int
    values: dict[str, float]
    deviations: dict[str, float]


class Sweep(TypedDict):
    """A model at several values of a setting, with the `name` and `colour` of its row.

    `title` says which curve of the model it is: the setting, and how it was used.
    """

    name: str
    colour: int
    knob: Knob
    title: str
    points: list[SweepPoint]


class Mark(NamedTuple):
    """A single point outside the curves: real data, or a published value."""

    name: str
    x: float
    y: float


class Place(NamedTuple):
    """A point of a curve at a value of its setting."""

    at: float
    x: float
    y: float


def places(sweep: Sweep, x: str, y: str) -> list[Place]:
    """Return the points of a sweep with finite values of both metrics, by the setting."""
    found = [
        Place(point["at"], point["values"][x], point["values"][y])
        for point in sweep["points"]
        if x in point["values"] and y in point["values"]
    ]
    return sorted(place for place in found if all(map(math.isfinite, place)))


def swept(sweeps: Sequence[Sweep], figures: Sequence[Figure]) -> list[Figure]:
    """Return the metrics of the table of results that exist in some point of a sweep."""
    names = {name for sweep in sweeps for point in sweep["points"] for name in point["values"]}
    return [one for one in figures if one["name"] in names and not one["group"]]


def drawn(sweeps: Sequence[Sweep], figures: Sequence[Figure]) -> list[tuple[Figure, Figure]]:
    """Return the pairs of :data:`AXES` for which there is a curve."""
    known = {figure["name"]: figure for figure in figures}
    return [
        (known[x], known[y])
        for x, y in AXES
        if x in known and y in known and any(places(sweep, x, y) for sweep in sweeps)
    ]


def at(sweep: Sweep, figure: str, value: float, wanted: str) -> float | None:
    """Return one metric of a sweep at the point where another metric has a given value.

    Interpolates linearly between adjacent points. ``None`` if the curve does not reach the value;
    if it does so twice, the lower value of the setting counts.

    >>> points = [(0.5, 0.9, 0.6), (1.0, 0.7, 0.4)]
    >>> sweep = {"name": "a", "colour": 0, "knob": "temperature", "title": "temperature",
    ...     "points": [{"at": t, "count": 100, "values": {"self_bleu_3": x, "bleu_3": y},
    ...                 "deviations": {}} for t, x, y in points]}
    >>> round(at(sweep, "self_bleu_3", 0.75, "bleu_3"), 6)
    0.45
    """
    curve = places(sweep, figure, wanted)
    for before, after in pairwise([*curve[:1], *curve]):
        if before.x == value:
            return before.y
        if after.x == value:
            return after.y
        if min(before.x, after.x) < value < max(before.x, after.x):
            share = (value - before.x) / (after.x - before.x)
            return before.y + share * (after.y - before.y)
    return None


def compared(sweeps: Sequence[Sweep], figure: Figure, value: float, wanted: Figure) -> str:
    """Compare all sweeps where one metric has a value: "BLEU-3 where Self-BLEU-3 is ...".

    Empty if no curve reaches the value.
    """
    found = [
        (full_name(sweep, sweeps), at(sweep, figure["name"], value, wanted["name"]))
        for sweep in sweeps
    ]
    if all(reached is None for _, reached in found):
        return ""
    words = [
        f"{name} {'does not reach it' if y is None else number(y, wanted['digits'])}"
        for name, y in found
    ]
    where = f"{wanted['title']} where {figure['title']} is {number(value, figure['digits'])}"
    return f"{where[:1].upper()}{where[1:]}: {'; '.join(words)}."


def marks_of(
    rows: Sequence[Row], sweeps: Sequence[Sweep], x: str, y: str
) -> list[tuple[str, Mark]]:
    """Return single points and their roles: real data, and models without a sweep."""
    names = {sweep["name"] for sweep in sweeps}
    return [
        (row["role"], Mark(row["name"], across["mean"], upwards["mean"]))
        for row in rows
        # Noise is far away and would shrink the curves.
        if row["role"] != "noise" and not (row["role"] == "model" and row["name"] in names)
        if (across := usable(row, x)) and (upwards := usable(row, y))
    ]


# -- tables -------------------------------------------------------------------------------------


def full_name(sweep: Sweep, sweeps: Sequence[Sweep]) -> str:
    """Return the name of a model, with the setting where there are several."""
    several = len({one["title"] for one in sweeps}) > 1
    return f"{sweep['name']}, {sweep['title']}" if several else sweep["name"]


def written(value: float) -> str:
    """Format a value of a setting.

    >>> written(0.7000000000000001), written(1.0)
    ('0.7', '1')
    """
    return f"{value:.4g}"


def marked_at(sweep: Sweep, value: float) -> str:
    """Format a value with the symbol of its setting, as in ``T=0.7``."""
    return f"{SYMBOLS[sweep['knob']]}={written(value)}"


def in_order(sweep: Sweep) -> list[SweepPoint]:
    """Return the points of a sweep by the value of its setting."""
    return sorted(sweep["points"], key=lambda point: point["at"])


def counted(sweep: Sweep) -> str:
    """Describe how many samples each point has."""
    counts = sorted({point["count"] for point in sweep["points"]})
    return " to ".join(number(count, 0) for count in dict.fromkeys(counts[:1] + counts[-1:]))


def sweep_table(sweeps: Sequence[Sweep], figures: Sequence[Figure], width: int = 100) -> str:
    """Format sweeps as aligned text, with a row for each value.

    Args:
        sweeps: the models.
        figures: all metrics that may exist, in the order of the columns.
        width: columns of the terminal; further metrics follow in blocks below.
    """
    blocks = []
    for sweep in sweeps:
        rows: list[Row] = [
            {
                "name": marked_at(sweep, point["at"]),
                "role": "model",
                "colour": 0,
                "values": {
                    name: {
                        "mean": value, "deviation": point["deviations"].get(name),
                        "values": [value], "count": point["count"],
                    }
                    for name, value in point["values"].items()
                },
            }
            for point in in_order(sweep)
        ]  # fmt: skip
        if rows:
            title = f"{full_name(sweep, sweeps)}: {counted(sweep)} samples at each value"
            # The other fields of a table are only used in files.
            content = {"title": title, "rows": rows, "figures": list(figures)}
            blocks.append(terminal(cast(Table, content), width))
    return "\n\n".join(blocks)


def sweep_markdown(sweeps: Sequence[Sweep], figures: Sequence[Figure]) -> str:
    """Format a Markdown table with a row for each model and value; empty without sweeps."""
    columns = swept(sweeps, figures)
    if not columns:
        return ""
    heads = ["model", "drawn with", "samples", *(marked(figure["title"]) for figure in columns)]
    lines = [f"| {' | '.join(heads)} |", "|---|" + "---:|" * (len(heads) - 1)]
    for sweep in sweeps:
        for point in in_order(sweep):
            cells = [marked(full_name(sweep, sweeps)), marked_at(sweep, point["at"])]
            cells.append(number(point["count"], 0))
            cells += [shown(point, figure) for figure in columns]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def shown(point: SweepPoint, figure: Figure) -> str:
    """Format a metric at a point, for a cell."""
    value = point["values"].get(figure["name"])
    if value is None:
        return UNDEFINED
    deviation = point["deviations"].get(figure["name"])
    spread = "" if deviation is None else f" ± {number(deviation, figure['digits'])}"
    return number(value, figure["digits"]) + spread


# -- the picture ----------------------------------------------------------------------------------


def svg(
    sweeps: Sequence[Sweep],
    x: Figure,
    y: Figure,
    marks: Sequence[Mark] = (),
    standalone: bool = False,
    ids: Mapping[str, int] | None = None,
) -> str:
    """Draw a curve for each sweep, through its points in the order of its setting.

    Args:
        sweeps: the models; those without both metrics are left out.
        x: the metric on the x axis.
        y: the metric on the y axis.
        marks: single points, labelled with their names.
        standalone: whether the picture is a separate file, with literal colours on white.
        ids: for each name the number that the page's script uses to show and hide it.
    """
    curves = [(sweep, places(sweep, x["name"], y["name"])) for sweep in sweeps]
    curves = [(sweep, curve) for sweep, curve in curves if curve]
    single = [mark for mark in marks if math.isfinite(mark.x) and math.isfinite(mark.y)]
    points = [(p.x, p.y) for _, curve in curves for p in curve] + [(m.x, m.y) for m in single]
    canvas = Canvas(standalone, ids or {})
    if points:
        across, upwards = zip(*points, strict=True)
        canvas.axes(across, upwards, _titled(x, "x"), _titled(y, "y"))
        _draw(canvas, curves, single)
    else:
        canvas.parts.append(canvas.text("There are no points to draw", WIDTH / 2, 160.0, "middle"))
    shown_sweeps = [sweep for sweep, _ in curves]
    names = ", ".join(full_name(sweep, shown_sweeps) for sweep in shown_sweeps)
    about = f"{y['title']} against {x['title']}" + (f": {names}" if names else "")
    return canvas.picture(about, _legend(canvas, shown_sweeps))


def _draw(
    canvas: Canvas, curves: Sequence[tuple[Sweep, Sequence[Place]]], marks: Sequence[Mark]
) -> None:
    """Draw the curves, then the names of single points, and some values if there is room."""
    sweeps = [sweep for sweep, _ in curves]
    paths = [[canvas.spot(place.x, place.y) for place in curve] for _, curve in curves]
    spots = [canvas.spot(mark.x, mark.y) for mark in marks]
    for path in [*paths, *([spot] for spot in spots)]:
        canvas.keep_clear(path)
    for (sweep, curve), path in zip(curves, paths, strict=True):
        parts = [canvas.curve(sweep["colour"], path, _turn(sweep, sweeps))]
        for place, spot in zip(curve, path, strict=True):
            title = f"{full_name(sweep, sweeps)}, {marked_at(sweep, place.at)}: "
            title += f"{place.x:.4g}, {place.y:.4g}"
            parts.append(canvas.model(sweep["colour"], spot, title))
        canvas.add(sweep["name"], parts)
    for mark, spot in zip(marks, spots, strict=True):
        title = f"{mark.name}: {mark.x:.4g}, {mark.y:.4g}"
        name = canvas.beside(cut(mark.name, 150.0), spot, "ink", needed=True)
        canvas.add(mark.name, [canvas.single(spot, title), name])
    for (sweep, curve), path in zip(curves, paths, strict=True):
        ends = (0, len(path) - 1)
        parts = [
            canvas.beside(marked_at(sweep, place.at), spot, "soft")
            for number, (place, spot) in enumerate(zip(curve, path, strict=True))
            if number in ends or math.isclose(place.at, 1)
        ]
        canvas.add(sweep["name"], parts)


def _turn(sweep: Sweep, sweeps: Sequence[Sweep]) -> int:
    """Return the place of a setting among those that are drawn."""
    return list(dict.fromkeys(one["title"] for one in sweeps)).index(sweep["title"])


def _legend(canvas: Canvas, sweeps: Sequence[Sweep]) -> float:
    """Draw the names below the axes; return the height of the whole picture."""
    x, y = 2.0, HEIGHT + 16
    for sweep in sweeps:
        name, colour = cut(full_name(sweep, sweeps), WIDTH - 40), sweep["colour"]
        if x > 2 and x + 34 + length(name) > WIDTH:
            x, y = 2.0, y + 18
        line = canvas.curve(colour, [(x, y - 4), (x + 24, y - 4)], _turn(sweep, sweeps))
        mark = canvas.model(colour, (x + 12, y - 4))
        canvas.add(sweep["name"], [line, mark, canvas.text(name, x + 30, y, colour="ink")])
        x += 50 + length(name)
    return y + 8 if sweeps else HEIGHT


def _titled(figure: Figure, axis: str) -> str:
    """Return the title of an axis, with an arrow in the direction of better values."""
    lower, higher = {"x": ("← {}", "{} →"), "y": ("↓ {}", "↑ {}")}[axis]
    way = {"lower": lower.format("better"), "higher": higher.format("better"), "one": "1 is real"}
    # More diversity is not always better, so Self-BLEU shows only the direction.
    if figure["name"].startswith("self_bleu"):
        way["lower"] = way["none"] = lower.format("more diverse")
    title = figure["title"][:1].upper() + figure["title"][1:]
    return title + (f" ({way[figure['better']]})" if figure["better"] in way else "")
