"""A small chart with two axes as SVG text, without scripts or fonts; all text is escaped."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from rich.cells import cell_len, set_cell_size

from .tables import printable

SHAPES = (
    "M-4.2 0A4.2 4.2 0 1 0 4.2 0A4.2 4.2 0 1 0-4.2 0Z",
    "M-3.8-3.8H3.8V3.8H-3.8Z",
    "M0-4.6 4.6 3.8H-4.6Z",
    "M0-5 5 0 0 5-5 0Z",
    "M0 4.6 4.6-3.8H-4.6Z",
    "M-1.6-5H1.6V-1.6H5V1.6H1.6V5H-1.6V1.6H-5V-1.6H-1.6Z",
    "M0-2.1 2.5-4.6 4.6-2.5 2.1 0 4.6 2.5 2.5 4.6 0 2.1-2.5 4.6-4.6 2.5-2.1 0-4.6-2.5-2.5-4.6Z",
    "M0-5 1.5-1.7 4.9-1.5 2.3.8 3.1 4.2 0 2.4-3.1 4.2-2.3.8-4.9-1.5-1.5-1.7Z",
)
"""Markers of models, as paths around the origin."""

LITERAL = {
    "paper": "#ffffff", "ink": "#1c2128", "soft": "#59616d", "rule": "#e9e6de",
    "m0": "#0072b2", "m1": "#d1510a", "m2": "#008f68", "m3": "#b0479a",
    "m4": "#a67c00", "m5": "#2e9ccb", "m6": "#50565f", "m7": "#7d2248",
}  # fmt: skip
"""The light colours of the page, for a standalone picture."""

DASHES = ("none", "6 3", "2 3")
"""Line styles: further models repeat the colours with the next style."""

WIDTH, HEIGHT, TOP, BOTTOM, EDGE = 420.0, 340.0, 32.0, 296.0, 12.0
"""Size of a picture without its legend, top and bottom of the axes, and the right margin.

The picture is narrow so that its text stays legible when a page shrinks it to a phone's width.
"""

TEXT = 12.0
"""Font size of all text."""

SIDES = ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (-1, 1), (1, 1), (-1, -1))
"""Positions of text next to a point, the best first."""

Spot = tuple[float, float]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def length(text: str) -> float:
    """Estimate the width of a text; fonts differ."""
    return 0.56 * TEXT * cell_len(text)


def cut(text: str, longest: float) -> str:
    """Shorten a text to at most this width."""
    text, cells = printable(text), int(longest / (0.56 * TEXT))
    return text if cell_len(text) <= cells else set_cell_size(text, cells - 1) + "…"


def ticks(low: float, high: float, count: int = 6) -> list[tuple[float, str]]:
    """Choose round numbers between two values, with as few decimals as possible.

    >>> [text for _, text in ticks(0.31, 0.52)]
    ['0.35', '0.40', '0.45', '0.50']
    """
    raw = (high - low) / count
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(share * size for share in (1, 2, 2.5, 5, 10) if share * size >= 0.999 * raw)
    numbers = range(math.ceil(low / step), math.floor(high / step) + 1)
    texts = [f"{k * step:z,.{max(0, 1 - math.floor(math.log10(step)))}f}" for k in numbers]
    while "." in texts[0] and all(text.endswith(("0", ".")) for text in texts):
        texts = [text[:-1] for text in texts]
    return [(k * step, text) for k, text in zip(numbers, texts, strict=True)]


def padded(values: Sequence[float]) -> tuple[float, float]:
    """Compute the ends of an axis for some values."""
    low, high = min(values), max(values)
    pad = (high - low) * 0.07 or abs(high) * 0.1 or 1.0
    return low - pad, high + pad


@dataclass
class Canvas:
    """The parts of a picture, and the areas that text labels avoid.

    Attributes:
        standalone: whether the picture is a separate file, with literal colours on white.
        ids: for each name the number that the page's script uses to show and hide it.
        origin: where the picture begins; on a sheet of several, each is drawn at its own.
    """

    standalone: bool
    ids: Mapping[str, int]
    origin: Spot = (0.0, 0.0)
    left: float = 0.0
    across: tuple[float, float] = (0.0, 1.0)
    upwards: tuple[float, float] = (0.0, 1.0)
    parts: list[str] = field(default_factory=list)
    things: list[Box] = field(default_factory=list)
    texts: list[Box] = field(default_factory=list)

    def axes(self, xs: Sequence[float], ys: Sequence[float], across: str, upwards: str) -> None:
        """Draw axes that include all values, with their titles."""
        self.across, self.upwards, right = padded(xs), padded(ys), WIDTH - EDGE
        marks = ticks(*self.upwards)
        self.left = 14 + max(length(text) for _, text in marks)
        for value, text in marks:
            _, y = self.spot(0.0, value)
            self.parts += [
                self.line([(self.left, y), (right, y)], self.colour("rule"), 1.0),
                self.text(text, self.left - 7, y + 4, "end"),
            ]
        for value, text in ticks(*self.across):
            x, _ = self.spot(value, 0.0)
            self.parts += [
                self.line([(x, BOTTOM), (x, BOTTOM + 5)], self.colour("soft"), 1.0),
                self.text(text, min(x, WIDTH - length(text) / 2), BOTTOM + 18, "middle"),
            ]
        self.parts += [
            self.line([(self.left, BOTTOM), (right, BOTTOM)], self.colour("soft"), 1.0),
            self.text(cut(upwards, WIDTH - 4), 2.0, 14.0, colour="ink"),
            self.text(cut(across, WIDTH - 4), right, BOTTOM + 37, "end", "ink"),
        ]

    def spot(self, x: float, y: float) -> Spot:
        """Convert a point from axis values to picture coordinates."""
        share_x, share_y = (
            (value - low) / (high - low)
            for value, (low, high) in ((x, self.across), (y, self.upwards))
        )
        return (
            self.left + share_x * (WIDTH - EDGE - self.left),
            BOTTOM + share_y * (TOP - BOTTOM),
        )

    def moved(self, spot: Spot) -> Spot:
        """Convert picture coordinates to those of the sheet."""
        return spot[0] + self.origin[0], spot[1] + self.origin[1]

    def colour(self, name: str) -> str:
        return LITERAL[name] if self.standalone else f"var(--{name})"

    def add(self, name: str, parts: Sequence[str]) -> None:
        """Add parts that the page shows and hides with their model."""
        model = f' data-model="{self.ids[name]}"' if name in self.ids else ""
        self.parts.append(f"<g{model}>{''.join(parts)}</g>")

    def text(
        self, text: str, x: float, y: float, anchor: str = "start", colour: str = "soft"
    ) -> str:
        """Make text with a halo in the background colour, legible across a line."""
        x, y = self.moved((x, y))
        return (
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" style="fill:'
            f"{self.colour(colour)};stroke:{self.colour('paper')};stroke-width:3px;"
            f'stroke-linejoin:round;paint-order:stroke">{html.escape(printable(text))}</text>'
        )

    def line(self, path: Sequence[Spot], colour: str, width: float, dash: str = "none") -> str:
        points = "L".join(f"{x:.1f} {y:.1f}" for x, y in map(self.moved, path))
        return (
            f'<path d="M{points}" style="fill:none;stroke:{colour};stroke-width:{width}px;'
            f'stroke-linejoin:round;stroke-dasharray:{dash}"/>'
        )

    def curve(self, colour: int, path: Sequence[Spot], turn: int = 0) -> str:
        """Make a line of a model; its first, second and third differ in their dashes."""
        dash = DASHES[(colour // 8 + turn) % len(DASHES)]
        return self.line(path, self.colour(f"m{colour % 8}"), 1.75, dash)

    def model(self, colour: int, spot: Spot, title: str = "") -> str:
        """Make the marker of a model, with its title as a tooltip."""
        fill = self.colour(f"m{colour % 8}")
        shape = SHAPES[(colour + colour // 8) % 8]
        return self._shape(shape, spot, fill, self.colour("paper"), title)

    def single(self, spot: Spot, title: str) -> str:
        """Make the marker of a single point, outside any curve."""
        return self._shape(SHAPES[3], spot, self.colour("paper"), self.colour("ink"), title)

    def _shape(self, shape: str, spot: Spot, fill: str, stroke: str, title: str) -> str:
        about = f"<title>{html.escape(printable(title))}</title>" if title else ""
        x, y = self.moved(spot)
        return (
            f'<path d="{shape}" transform="translate({x:.1f} {y:.1f}) scale(.85)" '
            f'style="fill:{fill};stroke:{stroke};stroke-width:1.2px;paint-order:stroke">'
            f"{about}</path>"
        )

    def keep_clear(self, path: Sequence[Spot]) -> None:
        """Make text labels avoid the points of a curve and the lines between them."""
        self.things += [(x - 5, y - 5, x + 5, y + 5) for x, y in path]
        for (x1, y1), (x2, y2) in pairwise(path):
            for share in (k / 12 for k in range(1, 12)):
                x, y = x1 + share * (x2 - x1), y1 + share * (y2 - y1)
                self.things.append((x - 1, y - 1, x + 1, y + 1))

    def beside(self, text: str, spot: Spot, colour: str, needed: bool = False) -> str:
        """Make a label next to a point, on the side with most room; empty if labels overlap."""
        half, best = length(text) / 2, (math.inf, (0.0, 0.0, 0.0, 0.0))
        for preference, (right, down) in enumerate(SIDES):
            reach = 9 if not right or not down else 5
            x, y = spot[0] + right * (reach + half), spot[1] + down * (reach + 5)
            box = x - half, y - 6, x + half, y + 6
            cost = preference / 100 + sum(_meet(box, thing) for thing in self.things)
            cost += 100 * sum(_meet(box, other) for other in self.texts)
            inside = box[0] > self.left and box[2] < WIDTH - 2
            inside = inside and box[1] > TOP - 8 and box[3] < BOTTOM
            best = min(best, (cost if inside else cost + 1000, box))
        cost, box = best
        if cost >= 100 and not needed:
            return ""
        self.texts.append(box)
        return self.text(text, (box[0] + box[2]) / 2, box[3] - 2, "middle", colour)

    def picture(self, about: str, height: float, width: float = WIDTH) -> str:
        """Assemble the picture; a standalone one gets a size and a white background."""
        size = ground = ""
        if self.standalone:
            size = f'xmlns="http://www.w3.org/2000/svg" width="{1.5 * width:.0f}" '
            size += f'height="{1.5 * height:.0f}" '
            ground = f'<rect width="100%" height="100%" style="fill:{self.colour("paper")}"/>'
        return (
            f'<svg {size}viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
            f'aria-label="{html.escape(printable(about))}" font-size="{TEXT:.0f}" '
            f'font-family="system-ui, sans-serif">{ground}{"".join(self.parts)}</svg>'
        )


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
