"""Sweeps of the sampling temperature, as curves of quality against diversity and as tables.

Sampling below a temperature of 1 trades diversity for quality, so models are compared along
their whole curves (Caccia et al. 2020, Language GANs Falling Short).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple, TypedDict, cast

from .canvas import HEIGHT, WIDTH, Canvas, cut, length
from .tables import UNDEFINED, Figure, Row, Table, marked, number, terminal, usable

AXES = (
    ("self_bleu_3", "bleu_3"),
    ("nats_per_token", "oracle_nats"),
    ("frechet_judge_distance", "label_accuracy"),
)
"""Pairs of metrics that are drawn against each other, as (x, y)."""


class SweepPoint(TypedDict):
    """Metrics of `count` samples at one temperature."""

    temperature: float
    count: int
    values: dict[str, float]


class Sweep(TypedDict):
    """A model at several temperatures, with the `name` and `colour` of its row."""

    name: str
    colour: int
    points: list[SweepPoint]


class Mark(NamedTuple):
    """A single point outside the curves: real data, or a published value."""

    name: str
    x: float
    y: float


class Place(NamedTuple):
    """A point of a curve at a temperature."""

    temperature: float
    x: float
    y: float


def places(sweep: Sweep, x: str, y: str) -> list[Place]:
    """Return the points of a sweep with finite values of both metrics, by temperature."""
    found = [
        Place(point["temperature"], point["values"][x], point["values"][y])
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

    Interpolates linearly between points adjacent in temperature. ``None`` if the curve does not
    reach the value; if it does so twice, the lower temperature counts.

    >>> points = [(0.5, 0.9, 0.6), (1.0, 0.7, 0.4)]
    >>> sweep = {"name": "a", "colour": 0, "points": [
    ...     {"temperature": t, "count": 100, "values": {"self_bleu_3": x, "bleu_3": y}}
    ...     for t, x, y in points]}
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
    found = [(sweep["name"], at(sweep, figure["name"], value, wanted["name"])) for sweep in sweeps]
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


def written(temperature: float) -> str:
    """Format a temperature.

    >>> written(0.7000000000000001), written(1.0)
    ('0.7', '1')
    """
    return f"{temperature:.4g}"


def by_temperature(sweep: Sweep) -> list[SweepPoint]:
    """Return the points of a sweep by temperature."""
    return sorted(sweep["points"], key=lambda point: point["temperature"])


def counted(sweep: Sweep) -> str:
    """Describe how many samples each point has."""
    counts = sorted({point["count"] for point in sweep["points"]})
    return " to ".join(number(count, 0) for count in dict.fromkeys(counts[:1] + counts[-1:]))


def sweep_table(sweeps: Sequence[Sweep], figures: Sequence[Figure], width: int = 100) -> str:
    """Format sweeps as aligned text, with a row for each temperature.

    Args:
        sweeps: the models.
        figures: all metrics that may exist, in the order of the columns.
        width: columns of the terminal; further metrics follow in blocks below.
    """
    blocks = []
    for sweep in sweeps:
        rows: list[Row] = [
            {
                "name": f"T={written(point['temperature'])}",
                "role": "model",
                "colour": 0,
                "values": {
                    name: {
                        "mean": value, "deviation": None, "values": [value],
                        "count": point["count"],
                    }
                    for name, value in point["values"].items()
                },
            }
            for point in by_temperature(sweep)
        ]  # fmt: skip
        if rows:
            title = f"{sweep['name']}: {counted(sweep)} samples at each temperature"
            # The other fields of a table are only used in files.
            content = {"title": title, "rows": rows, "figures": list(figures)}
            blocks.append(terminal(cast(Table, content), width))
    return "\n\n".join(blocks)


def sweep_markdown(sweeps: Sequence[Sweep], figures: Sequence[Figure]) -> str:
    """Format a Markdown table with a row for each model and temperature; empty without sweeps."""
    columns = swept(sweeps, figures)
    if not columns:
        return ""
    heads = ["model", "temperature", "samples", *(marked(figure["title"]) for figure in columns)]
    lines = [f"| {' | '.join(heads)} |", "|---|" + "---:|" * (len(heads) - 1)]
    for sweep in sweeps:
        for point in by_temperature(sweep):
            cells = [marked(sweep["name"]), written(point["temperature"])]
            cells.append(number(point["count"], 0))
            cells += [shown(point, figure) for figure in columns]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def shown(point: SweepPoint, figure: Figure) -> str:
    """Format a metric at a point, for a cell."""
    value = point["values"].get(figure["name"])
    return UNDEFINED if value is None else number(value, figure["digits"])


# -- the picture ----------------------------------------------------------------------------------


def svg(
    sweeps: Sequence[Sweep],
    x: Figure,
    y: Figure,
    marks: Sequence[Mark] = (),
    standalone: bool = False,
    ids: Mapping[str, int] | None = None,
) -> str:
    """Draw a curve for each sweep, through its points in order of temperature.

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
    names = ", ".join(sweep["name"] for sweep, _ in curves)
    about = f"{y['title']} against {x['title']}" + (f": {names}" if names else "")
    return canvas.picture(about, _legend(canvas, [sweep for sweep, _ in curves]))


def _draw(
    canvas: Canvas, curves: Sequence[tuple[Sweep, Sequence[Place]]], marks: Sequence[Mark]
) -> None:
    """Draw the curves, then the names of single points, and some temperatures if there is room."""
    paths = [[canvas.spot(place.x, place.y) for place in curve] for _, curve in curves]
    spots = [canvas.spot(mark.x, mark.y) for mark in marks]
    for path in [*paths, *([spot] for spot in spots)]:
        canvas.keep_clear(path)
    for (sweep, curve), path in zip(curves, paths, strict=True):
        parts = [canvas.curve(sweep["colour"], path)]
        for place, spot in zip(curve, path, strict=True):
            title = f"{sweep['name']}, T={written(place.temperature)}: "
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
            canvas.beside(f"T={written(place.temperature)}", spot, "soft")
            for number, (place, spot) in enumerate(zip(curve, path, strict=True))
            if number in ends or math.isclose(place.temperature, 1)
        ]
        canvas.add(sweep["name"], parts)


def _legend(canvas: Canvas, sweeps: Sequence[Sweep]) -> float:
    """Draw the names below the axes; return the height of the whole picture."""
    x, y = 2.0, HEIGHT + 16
    for sweep in sweeps:
        name, colour = cut(sweep["name"], WIDTH - 40), sweep["colour"]
        if x > 2 and x + 34 + length(name) > WIDTH:
            x, y = 2.0, y + 18
        line = canvas.curve(colour, [(x, y - 4), (x + 24, y - 4)])
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
