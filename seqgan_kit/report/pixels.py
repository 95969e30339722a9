"""A canvas that is drawn as a picture instead of written as SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from PIL import Image, ImageDraw

from .canvas import LITERAL, TEXT, WIDTH, Canvas, Spot
from .fonts import lettering
from .tables import printable

SCALE = 2
"""Pixels for a unit of a canvas."""

FINER = 3
"""Factor by which lines are drawn larger and then reduced, which smooths them."""

ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}
"""Pillow's names of the anchors of SVG text."""


@dataclass
class Pixels(Canvas):
    """A standalone canvas whose lines and texts are kept for a picture; it has no markers."""

    lines: list[tuple[Sequence[Spot], str, float, str]] = field(default_factory=list)
    words: list[tuple[str, Spot, str, str]] = field(default_factory=list)

    def line(self, path: Sequence[Spot], colour: str, width: float, dash: str = "none") -> str:
        """Keep a line; there is no SVG to return."""
        self.lines.append(([self.moved(spot) for spot in path], colour, width, dash))
        return ""

    def text(
        self, text: str, x: float, y: float, anchor: str = "start", colour: str = "soft"
    ) -> str:
        """Keep a text; there is no SVG to return."""
        self.words.append((printable(text), self.moved((x, y)), anchor, self.colour(colour)))
        return ""

    def image(self, height: float, width: float = WIDTH) -> Image.Image:
        """Draw the picture, on white."""
        size = math.ceil(width * SCALE), math.ceil(height * SCALE)
        fine = Image.new("RGB", (size[0] * FINER, size[1] * FINER), LITERAL["paper"])
        draw = ImageDraw.Draw(fine)
        scale = SCALE * FINER
        for path, colour, thickness, dash in self.lines:
            for part in _dashes(path, dash):
                points = [(x * scale, y * scale) for x, y in part]
                draw.line(points, fill=colour, width=round(thickness * scale), joint="curve")
        sheet = fine.resize(size, Image.Resampling.BOX)
        write = ImageDraw.Draw(sheet)
        for text, (x, y), anchor, colour in self.words:
            font, shown = lettering(text, round(TEXT * SCALE))
            write.text(
                (x * SCALE, y * SCALE), shown, fill=colour, font=font, anchor=ANCHORS[anchor],
                stroke_width=SCALE, stroke_fill=LITERAL["paper"],
            )  # fmt: skip
        return sheet


def _dashes(path: Sequence[Spot], dash: str) -> Iterator[list[Spot]]:
    """Yield the visible parts of a line; all of it with the pattern ``none``."""
    if dash == "none":
        yield list(path)
        return
    lengths = [float(text) for text in dash.split()]
    part, number, left = [path[0]], 0, lengths[0]
    for (x1, y1), (x2, y2) in pairwise(path):
        span, done = math.hypot(x2 - x1, y2 - y1), 0.0
        while span - done > left:
            done += left
            corner = x1 + (x2 - x1) * done / span, y1 + (y2 - y1) * done / span
            if number % 2 == 0:
                yield [*part, corner]
            part, number = [corner], number + 1
            left = lengths[number % len(lengths)]
        left -= span - done
        part.append((x2, y2))
    if number % 2 == 0 and len(part) > 1:
        yield part
