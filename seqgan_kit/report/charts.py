"""Training curves on one sheet: a chart for each metric, and in it a curve for each run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from ..errors import UsageError
from ..files import write_text
from .canvas import HEIGHT, WIDTH, Canvas, Spot, cut, length
from .images import save_picture
from .pixels import Pixels

COLUMNS = 3
"""Most charts in a row."""

ENDINGS = (".png", ".svg")
"""Of files that a sheet can be written to."""

GAP = 24.0
"""Between charts, in the units of a canvas."""

Curve = Sequence[Sequence[Spot]]
"""A curve: its stretches between gaps, each with at least one point."""


@dataclass(frozen=True)
class Chart:
    """The curves of one metric.

    Attributes:
        title: name of the metric.
        across: what the x axis shows.
        curves: the curve of each run, in the order of the runs; empty without the metric. One at
            least has a point.
    """

    title: str
    across: str
    curves: Sequence[Curve]

    def extent(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return the x and the y of all points."""
        xs, ys = zip(
            *(spot for curve in self.curves for part in curve for spot in part), strict=True
        )
        return xs, ys


@dataclass(frozen=True, repr=False)
class Sheet:
    """Charts of the same runs in rows. A notebook shows it by itself.

    Attributes:
        charts: at least one.
        names: of the runs.
    """

    charts: Sequence[Chart]
    names: Sequence[str]

    def svg(self) -> str:
        """Draw the charts as a file of SVG."""
        canvas = Canvas(standalone=True, ids={})
        width, height = _draw(canvas, self.charts, self.names)
        about = ", ".join(chart.title for chart in self.charts)
        return canvas.picture(f"{about} of {', '.join(self.names)}", height, width)

    def picture(self) -> Image.Image:
        """Draw the charts as a picture."""
        pixels = Pixels(standalone=True, ids={})
        width, height = _draw(pixels, self.charts, self.names)
        return pixels.image(height, width)

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the charts to a file.

        Args:
            path: the file, which ends in ``.png`` or ``.svg``.
            force: replace the file if it is there.

        Raises:
            UsageError: it has another ending, or is there.
        """
        target = Path(path)
        if target.suffix not in ENDINGS:
            raise UsageError(f"{target}: curves are written to {' or '.join(ENDINGS)}")
        if target.exists() and not force:
            raise UsageError(f"{target} is there already; force=True replaces it")
        if target.suffix == ".svg":
            write_text(target, self.svg())
        else:
            save_picture(self.picture(), target)
        return target

    def __repr__(self) -> str:
        titles = ", ".join(chart.title for chart in self.charts)
        return f"<charts of {', '.join(self.names)}: {titles}; save('curves.svg') writes them>"

    def _repr_svg_(self) -> str:
        return self.svg()


def _draw(canvas: Canvas, charts: Sequence[Chart], names: Sequence[str]) -> tuple[float, float]:
    """Draw charts in rows, and the names of the runs below; return width and height."""
    columns = min(COLUMNS, len(charts))
    for place, chart in enumerate(charts):
        row, column = divmod(place, columns)
        canvas.origin = column * (WIDTH + GAP), row * (HEIGHT + GAP)
        canvas.axes(*chart.extent(), chart.across, chart.title)
        for number, curve in enumerate(chart.curves):
            canvas.parts += [canvas.curve(number, _path(canvas, part)) for part in curve]
    width = columns * (WIDTH + GAP) - GAP
    canvas.origin = 0.0, -(-len(charts) // columns) * (HEIGHT + GAP)
    return width, canvas.origin[1] + _legend(canvas, names, width)


def _path(canvas: Canvas, part: Sequence[Spot]) -> list[Spot]:
    """Return the places of points; a single one becomes a short line."""
    path = [canvas.spot(*spot) for spot in part]
    if len(path) > 1:
        return path
    ((x, y),) = path
    return [(x - 3, y), (x + 3, y)]


def _legend(canvas: Canvas, names: Sequence[str], width: float) -> float:
    """Draw names with their lines; return the height of it."""
    x, y = 2.0, 0.0
    for number, name in enumerate(names):
        shown = cut(name, width - 40)
        if x > 2 and x + 34 + length(shown) > width:
            x, y = 2.0, y + 18
        canvas.parts += [
            canvas.curve(number, [(x, y - 4), (x + 24, y - 4)]),
            canvas.text(shown, x + 30, y, colour="ink"),
        ]
        x += 50 + length(shown)
    return y + 8
