"""The metrics that runs have logged while they trained, as curves."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Literal

from ..errors import UsageError
from ..recipe.reading import nearest
from ..report.canvas import Spot
from ..report.charts import Chart, Curve
from ..training.log import read_metrics
from ..training.run import Run, RunError

CURVE_POINTS = 200
"""Most points of a curve."""

LARGEST = 1e100
"""Larger values, infinity and NaN are gaps in a curve."""

Against = Literal["step", "seconds"]
"""What the x axis shows: steps, or seconds of training."""


def logged(run: Run) -> dict[str, list[list[float]]]:
    """Return points ``[step, seconds, value]`` of each metric: some, with the first and last."""
    curves: dict[str, list[list[float]]] = {}
    for line in read_metrics(run.metrics_path):
        for figure, value in line.items():
            if figure not in ("step", "seconds"):
                seconds = float(line.get("seconds", 0.0))  # Older runs have none.
                point = [float(line["step"]), round(seconds, 1), round(float(value), 5)]
                curves.setdefault(figure, []).append(point)
    return {figure: _thinned(points) for figure, points in curves.items()}


def _thinned(points: list[list[float]]) -> list[list[float]]:
    # For each metric by itself, as some are not in every line.
    every = max(-(-(len(points) - 1) // (CURVE_POINTS - 1)), 1)
    return [*points[:-1:every], points[-1]]


def charts(
    runs: Sequence[Run], *, against: Against = "step", figures: Sequence[str] = ()
) -> list[Chart]:
    """Make a chart for each metric, with a curve for each run.

    Args:
        runs: the runs.
        against: the x axis.
        figures: metrics to show, in this order; by default all that some run has.

    Raises:
        RunError: a run has logged nothing yet.
        UsageError: no run has such a metric.
    """
    curves = []
    for run in runs:
        curves.append({name: _curve(points, against) for name, points in logged(run).items()})
        if not any(curves[-1].values()):
            raise RunError(
                f"{run.path} has nothing to plot: there are no values in {run.metrics_path.name}"
            )
    known = list(dict.fromkeys(name for one in curves for name, curve in one.items() if curve))
    for name in figures:
        if name not in known:
            near = nearest(name, known)
            hint = f"did you mean {near!r}? " if near else ""
            raise UsageError(f"unknown figure {name!r}; {hint}there are {', '.join(known)}")
    across = "step" if against == "step" else "seconds of training"
    return [
        Chart(name, across, [one.get(name, []) for one in curves])
        for name in dict.fromkeys(figures or known)
    ]


def _curve(points: Sequence[Sequence[float]], against: Against) -> Curve:
    """Cut a curve where its values cannot be drawn."""
    spots = [(step if against == "step" else seconds, value) for step, seconds, value in points]
    return [list(part) for drawn, part in groupby(spots, _drawable) if drawn]


def _drawable(spot: Spot) -> bool:
    return all(abs(value) < LARGEST for value in spot)
