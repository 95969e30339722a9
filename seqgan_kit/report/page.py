"""The report page: one self-contained HTML file, rendered from a dictionary of plain values.

The page loads nothing. Its content security policy allows only the script in the template, by
its digest, so no text of a name, a note or a recipe can run, even if it is not escaped.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from typing import Any, Literal, TypedDict

import jinja2
from markupsafe import Markup

from .canvas import SHAPES
from .choice import Choice, goodness, leaders
from .curves import (
    Sweep,
    compared,
    counted,
    drawn,
    full_name,
    in_order,
    marked_at,
    marks_of,
    shown,
    svg,
    swept,
)
from .images import ImagePanel
from .lines import TextPanel, heat
from .players import SoundPanel
from .tables import (
    ARROWS,
    UNDEFINED,
    Figure,
    Row,
    Table,
    Value,
    cell,
    grouped,
    measured,
    number,
    ordered,
    usable,
)

COLOURS = 8
"""Colours and markers in the template; further models repeat a colour with another marker."""

SAMPLE_WIDTH, PANEL_WIDTH, STRIP_WIDTH = 300, 590, 960
"""Widths, in page pixels, up to which pictures are enlarged by whole factors."""

SOUND_SCALE = 2
"""Factor that enlarges all spectrograms, so that a second has the same width in each."""

READINGS = {"higher": "↑ better", "lower": "↓ better", "one": "1 is real", "none": ""}
"""The text below a heading. Real data are near 1 if `better` is "one"."""


Panel = ImagePanel | TextPanel | SoundPanel
"""Content of a page. A new type needs another `kind`, and a branch in the template's `panel`."""


class TitledPanel(TypedDict):
    """A further panel of a model: an interpolation, a label swap, scores of steps."""

    title: str
    explanation: str
    panel: Panel


class Model(TypedDict):
    """A model's recipe, training and samples; `name` is the name of its row.

    `curves` has points ``[step, seconds, value]`` in order.
    """

    name: str
    recipe: str
    run: str
    steps: int
    seeds: int
    notes: list[str]
    curves: dict[str, list[list[float]]]
    samples: Mapping[str, Panel]
    panels: list[TitledPanel]


class Content(Table):
    """The content of the page."""

    kind: Literal["comparison", "run"]
    models: list[Model]
    real_samples: Mapping[str, Panel]
    choice: list[Choice]
    sweeps: list[Sweep]


def template(name: str, package: str = __package__) -> jinja2.Template:
    """Return a template of a package, with the filters and the parts that pages share."""

    def source(name: str) -> str:
        own = files(package).joinpath(name)
        return (own if own.is_file() else files(__package__).joinpath(name)).read_text("utf-8")

    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=jinja2.FunctionLoader(source),
    )
    environment.filters.update(
        number=number, digest=_digest, readable=_readable, scaled=_scaled, heat=heat
    )
    return environment.get_template(name)


def render(content: Content) -> str:
    """Render the page as self-contained HTML."""
    rows = ordered(content["rows"])
    colours = {row["name"]: row["colour"] for row in rows if row["role"] == "model"}
    ids = {model["name"]: place for place, model in enumerate(content["models"])}
    return template("page.html").render(
        content,
        colours={name: colours.get(name, place) for name, place in ids.items()},
        ids=ids,
        tables=_tables(measured(content), rows),
        groups={name: _tables(part, rows) for name, part in grouped(content).items()},
        classes=_classes([content["real_samples"], *(m["samples"] for m in content["models"])]),
        closer=_closer(content["models"]),
        quality=_quality(content, ids),
        shapes=SHAPES,
        curve_titles=_curve_titles(content),
        plots=_plots(content),
        arrows=ARROWS,
        readings=READINGS,
        undefined=UNDEFINED,
        sample_width=SAMPLE_WIDTH,
        panel_width=PANEL_WIDTH,
        strip_width=STRIP_WIDTH,
        sound_scale=SOUND_SCALE,
    )


def _digest(script: str) -> str:
    """Return the digest of the script, for the content security policy."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _readable(name: str) -> str:
    """Return the name of a curve in readable form."""
    text = name.replace("_", " ").replace("/", ": ")
    return text[:1].upper() + text[1:]


def _scaled(panel: ImagePanel, most: int) -> int:
    """Return the width to show a picture at, a whole multiple of its own."""
    return panel["width"] * max(most // max(panel["width"], 1), 1)


def _classes(samples: Iterable[Mapping[str, Panel]]) -> list[str]:
    """Return the names of classes in order of first occurrence."""
    return list(dict.fromkeys(name for named in samples for name in named))


def _tables(figures: Sequence[Figure], rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Build the tables: metrics with a floor or ceiling, then those of models only."""
    bounded = [
        figure
        for figure in figures
        if any(figure["name"] in row["values"] for row in rows if row["role"] != "model")
    ]
    alone = [figure for figure in figures if figure not in bounded]
    models = [row for row in rows if row["role"] == "model"]
    bounds = [row for row in rows if row["role"] != "model"]
    return [
        {
            "bounded": part is bounded,
            "figures": part,
            "models": [_cells(part, row, rows) for row in models],
            "bounds": [_cells(part, row, rows) for row in bounds] if part is bounded else [],
        }
        for part in (bounded, alone)
        if part
    ]


def _cells(figures: Sequence[Figure], row: Row, rows: Sequence[Row]) -> dict[str, Any]:
    models = [other for other in rows if other["role"] == "model"]
    cells: list[dict[str, Any] | None] = []
    for figure in figures:
        name, better = figure["name"], figure["better"]
        value = row["values"].get(name)
        if value is None:
            cells.append(None)
            continue
        best = leaders(models, name, better) if len(models) > 1 else []
        mean, _, deviation = cell(row, figure).partition(" ± ")
        finite = math.isfinite(value["mean"])
        cells.append(
            {
                "mean": mean,
                "deviation": deviation,
                "count": value["count"],
                "best": row in best,
                # The script sorts by this: higher is better, or the plain value.
                "order": None if not finite else goodness(better, value["mean"])
                if better != "none" else value["mean"],
                "place": _place(value, figure, rows) if row["role"] == "model" else None,
            }
        )  # fmt: skip
    return {"row": row, "cells": cells}


def _place(value: Value, figure: Figure, rows: Sequence[Row]) -> int | None:
    """Place a value on the scale from noise (0) to real data (100).

    ``None`` without such a scale: one of them is absent, or noise is not worse than real data.
    """
    bounds = {row["role"]: usable(row, figure["name"]) for row in rows}
    real, noise = bounds.get("real"), bounds.get("noise")
    if not real or not noise or not math.isfinite(value["mean"]):
        return None
    if figure["better"] not in ("higher", "lower"):
        return None
    if goodness(figure["better"], real["mean"]) <= goodness(figure["better"], noise["mean"]):
        return None
    share = (value["mean"] - noise["mean"]) / (real["mean"] - noise["mean"])
    return round(100 * min(max(share, 0.0), 1.0))


def _closer(models: Sequence[Model]) -> list[dict[str, Any]]:
    """Group panels with the same title; a common explanation is shown once."""
    groups: dict[str, list[tuple[Model, TitledPanel]]] = {}
    for model in models:
        for panel in model["panels"]:
            groups.setdefault(panel["title"], []).append((model, panel))
    return [
        {
            "title": title,
            "shared": group[0][1]["explanation"]
            if len({panel["explanation"] for _, panel in group}) == 1
            else None,
            "group": group,
            "strips": all(_is_strip(one["panel"]) for _, one in group),
        }
        for title, group in groups.items()
    ]


def _is_strip(panel: Panel) -> bool:
    return panel["kind"] == "image" and panel["width"] > 4 * panel["height"]


def _quality(content: Content, ids: Mapping[str, int]) -> dict[str, Any] | None:
    """Prepare sweeps as pictures and as a table; ``None`` if there are none."""
    sweeps = [sweep for sweep in content["sweeps"] if sweep["points"]]
    figures = swept(sweeps, content["figures"])
    if not figures:
        return None
    charts = []
    for x, y in drawn(sweeps, content["figures"]):
        marks = marks_of(content["rows"], sweeps, x["name"], y["name"])
        real = [mark for role, mark in marks if role == "real"]
        charts.append(
            {
                "title": f"{y['title']} against {x['title']}",
                # `svg` has escaped its text already.
                "picture": Markup(svg(sweeps, x, y, [mark for _, mark in marks], ids=ids)),
                "compared": [
                    words for mark in real if (words := compared(sweeps, x, mark.x, y))
                ],
            }
        )  # fmt: skip
    blocks = [
        {
            "name": sweep["name"],
            "title": full_name(sweep, sweeps),
            "count": counted(sweep),
            "lines": [
                (marked_at(sweep, point["at"]), [shown(point, figure) for figure in figures])
                for point in in_order(sweep)
            ],
        }
        for sweep in sweeps
    ]
    return {"charts": charts, "figures": figures, "blocks": blocks}


def _curve_titles(content: Content) -> dict[str, str]:
    """Return the titles of curves; a metric has its own title and an arrow to better values."""
    names = dict.fromkeys(name for model in content["models"] for name in model["curves"])
    titles = {figure["name"]: figure for figure in content["figures"]}
    return {
        name: f"{titles[name]['title']} {ARROWS[titles[name]['better']]}".strip()
        if name in titles
        else _readable(name)
        for name in names
    }


def _plots(content: Content) -> dict[str, Any]:
    """Collect the data that the script draws: points, and the bounds of curves that are metrics.

    JSON has neither NaN nor infinity, so such a point becomes a gap.
    """
    references = {
        figure["name"]: {
            row["role"]: value["mean"]
            for row in content["rows"]
            if row["role"] in ("real", "noise") and (value := usable(row, figure["name"]))
        }
        for figure in content["figures"]
    }
    curves = [
        {
            name: [[step, seconds, y if math.isfinite(y) else None] for step, seconds, y in points]
            for name, points in model["curves"].items()
        }
        for model in content["models"]
    ]
    return {
        "models": [model["name"] for model in content["models"]],
        "curves": curves,
        "references": references,
    }
