"""Pictures of series: small multiples, with generated series over real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, ImageDraw
from torch import Tensor

from ...data.unequal import unpadded
from ...labels import label_names
from ...report.fonts import Font, lettering
from ...report.images import GRID_ROWS, ImagePanel, heat_colour, panel, save_picture
from ...runs.sampler import Sampler
from ...runs.scoring import Scores
from .codec import SeriesCodec, series_codec

CELL = (116, 64)
"""Width and height of a cell, in pixels."""

GAP, FINER = 6, 3
"""Pixels between cells, and the factor by which pictures are drawn larger and then reduced, which
smooths the lines."""

CHANNELS = 6
"""Most channels on a sheet; more would not be legible."""

ACROSS = 3
"""Cells per row in a panel of a page."""

INK, BEHIND, FRAME, TEXT = (0, 82, 148), (190, 186, 178), (225, 222, 214), (60, 64, 70)

Series = Float[np.ndarray, "_ C"]


@dataclass(frozen=True)
class Cell:
    """One small picture: lines over other lines, and the range of values that it shows.

    The score of each step, from -1 (red) to 1 (blue), colours the background.
    """

    title: str
    low: float
    high: float
    steps: int
    lines: Sequence[Float[np.ndarray, " _"]]
    behind: Sequence[Float[np.ndarray, " _"]] = field(default=())
    score: Sequence[float] = ()


@dataclass(frozen=True)
class Frame:
    """The axes that all cells of a picture share, to make them comparable."""

    channels: tuple[str, ...]
    low_C: np.ndarray
    high_C: np.ndarray
    steps: int

    @classmethod
    def of(cls, series: Sequence[Series], channels: Sequence[str]) -> Frame:
        """Compute the frame that fits some series."""
        low_C = np.min([one.min(0) for one in series], 0)
        high_C = np.max([one.max(0) for one in series], 0)
        return cls(tuple(channels), low_C, high_C, max(len(one) for one in series))

    def cells(self, series: Sequence[Series], behind: Sequence[Series] = ()) -> list[Cell]:
        """Make a cell for each of the first channels."""
        return [
            self.cell(number, name, series, behind)
            for number, name in enumerate(self.channels[:CHANNELS])
        ]

    def cell(
        self, channel: int, title: str, series: Sequence[Series], behind: Sequence[Series] = ()
    ) -> Cell:
        """Make a cell for one channel."""
        return Cell(
            title,
            float(self.low_C[channel]),
            float(self.high_C[channel]),
            self.steps,
            [one[:, channel] for one in series],
            [one[:, channel] for one in behind],
        )


def small_multiples(rows: Sequence[Sequence[Cell]], names: Sequence[str] = ()) -> Image.Image:
    """Draw rows of cells, each with its name on the left."""
    titles = [lettering(name, 14) for name in names]
    left = max((int(font.getlength(name)) for font, name in titles), default=0)
    left += 14 if any(names) else GAP
    width, height = CELL
    columns = max((len(row) for row in rows), default=1)
    size = (left + columns * (width + GAP), GAP + len(rows) * (height + GAP))
    fine = Image.new("RGB", (size[0] * FINER, size[1] * FINER), "white")
    draw = ImageDraw.Draw(fine)
    corners = [
        (left + x * (width + GAP), GAP + y * (height + GAP), cell)
        for y, row in enumerate(rows)
        for x, cell in enumerate(row)
    ]
    for x, y, cell in corners:
        _draw_cell(draw, cell, x, y)
    sheet = fine.resize(size, Image.Resampling.BOX)
    write = ImageDraw.Draw(sheet)
    for x, y, cell in corners:
        small, title = lettering(cell.title, 10)
        write.text((x + 3, y + 1), _fitting(title, small, width - 6), fill=TEXT, font=small)
    for number, (font, name) in enumerate(titles):
        middle = GAP + number * (height + GAP) + height // 2
        write.text((left - 8, middle), name, fill="black", font=font, anchor="rm")
    return sheet


def walk_sheet(series: Sequence[Series], channels: Sequence[str], steps: int) -> Image.Image:
    """Draw walks of so many series: a column for each series, a row for each channel."""
    frame = Frame.of(series, channels)
    rows, names = [], []
    for start in range(0, len(series), steps):
        for channel, name in enumerate(channels[:CHANNELS]):
            walk = series[start : start + steps]
            rows.append([frame.cell(channel, "", [one]) for one in walk])
            names.append(name)
    return small_multiples(rows, names)


def _draw_cell(draw: ImageDraw.ImageDraw, cell: Cell, x: int, y: int) -> None:
    width, height = CELL
    box = [x * FINER, y * FINER, (x + width) * FINER - 1, (y + height) * FINER - 1]
    draw.rectangle(box, outline=FRAME, width=FINER)
    _draw_score(draw, cell, x, y)
    # Leave room for the title above, and for the frame.
    top, room = y + 13, height - 17
    across = (width - 8) / max(cell.steps - 1, 1)
    reach = (cell.high - cell.low) or 1.0
    for colour, lines in ((BEHIND, cell.behind), (INK, cell.lines)):
        for line in lines:
            share = np.clip((cell.high - line) / reach, 0, 1)
            places = np.stack([x + 4 + np.arange(len(line)) * across, top + share * room], 1)
            points = [tuple(point) for point in (places * FINER).tolist()]
            if len(points) > 1:
                draw.line(points, fill=colour, width=FINER, joint="curve")
            elif points:
                ((at, level),) = points
                draw.ellipse([at - FINER, level - FINER, at + FINER, level + FINER], fill=colour)


def _draw_score(draw: ImageDraw.ImageDraw, cell: Cell, x: int, y: int) -> None:
    """Colour the background of each step by its score."""
    width, height = CELL
    across = (width - 8) / max(cell.steps - 1, 1)
    for step, score in enumerate(cell.score):
        middle = x + 4 + step * across
        left, right = max(middle - across / 2, x + 1), min(middle + across / 2, x + width - 1)
        box = [left * FINER, (y + 1) * FINER, right * FINER - 1, (y + height - 1) * FINER - 1]
        draw.rectangle(box, fill=heat_colour(score))


def _fitting(text: str, font: Font, width: int) -> str:
    """Shorten a text to a width in pixels, if needed."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "...") > width:
        text = text[:-1]
    return text + "..."


def series_panel(cells: Sequence[Cell], alt: str) -> ImagePanel:
    """Draw cells in rows, as a picture for a page."""
    rows = [cells[start : start + ACROSS] for start in range(0, len(cells), ACROSS)]
    return panel(small_multiples(rows), alt, ink=True)


def draw_series(sampler: Sampler, path: Path, *, count: int = 12, seed: int = 0) -> None:
    """Draw samples, one row per label and one column per channel."""
    rows_NA = sampler.label_rows(None, 1)[:GRID_ROWS]
    made = torch.cat(list(sampler.stream(np.repeat(rows_NA, count, 0), seed=seed)))
    series = unpadded(made)
    frame = Frame.of(series, series_codec(sampler.codec).channels)
    cells = [frame.cells(series[start : start + count]) for start in range(0, len(series), count)]
    names = [" ".join(label_names(row, sampler.labels)) for row in rows_NA]
    save_picture(small_multiples(cells, names), path)


def draw_pairs(real: Tensor, written: Tensor, channels: Sequence[str]) -> Image.Image:
    """Draw reconstructions (blue) over real series (grey), one column per channel."""
    below, above = unpadded(real), unpadded(written)
    frame = Frame.of([*below, *above], channels)
    return small_multiples(
        [frame.cells([one], [other]) for one, other in zip(above, below, strict=True)]
    )


def draw_scores(scores: Scores, codec: SeriesCodec) -> Image.Image:
    """Draw real series, then samples, with the step scores as the background of each channel."""
    sides = [
        (name, unpadded(codec.decode(side.x, side.mask_BT)), side.score_BT)
        for name, side in (("real", scores.real), ("sample", scores.made))
    ]
    frame = Frame.of([one for _, series, _ in sides for one in series], codec.channels)
    rows, names = [], []
    for name, series, score_BT in sides:
        for one, score_T in zip(series, score_BT.tolist(), strict=True):
            cells = frame.cells([one])
            rows.append([replace(cell, score=score_T[: len(one)]) for cell in cells])
            names.append(name)
    return small_multiples(rows, names)
