"""Charts as lines of text, drawn with the dots of Braille characters."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from .canvas import padded, ticks
from .charts import Chart
from .tables import printable

ROWS = 10
"""Lines of text of a chart, without its title and its x axis."""

DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of a Braille character for its four rows of two dots."""

NARROWEST = 20
"""Fewest columns of the curves."""

Sign = Callable[[str, int], str]
"""What a character of a curve is shown as, from the character and the number of the run."""


def terminal_chart(chart: Chart, width: int, sign: Sign = lambda dots, run: dots) -> str:
    """Draw a chart.

    Args:
        chart: the curves. Where two meet, the later one is seen.
        width: columns of the terminal.
        sign: tells the runs apart, such as by colours.
    """
    xs, ys = chart.extent()
    left, right = (min(xs), max(xs)) if min(xs) < max(xs) else padded(xs)
    low, high = padded(ys)
    marks = {
        round((high - y) / (high - low) * (ROWS - 1)): text for y, text in ticks(low, high, 3)
    }
    edge = max(map(len, marks.values()))
    columns = max(width - edge - 3, NARROWEST)
    cells: dict[tuple[int, int], tuple[int, int]] = {}
    for run, curve in enumerate(chart.curves):
        for part in curve:
            spots = [
                (
                    round((x - left) / (right - left) * (2 * columns - 1)),
                    round((high - y) / (high - low) * (4 * ROWS - 1)),
                )
                for x, y in part
            ]
            for before, after in pairwise([spots[0], *spots]):
                for x, y in _between(before, after):
                    place = y // 4, x // 2
                    cells[place] = cells.get(place, (0, 0))[0] | DOTS[y % 4][x % 2], run
    lines = [printable(chart.title)]
    for row in range(ROWS):
        axis = f"{marks.get(row, ''):>{edge}} {'┤' if row in marks else '│'}"
        signs = [
            sign(chr(0x2800 + cells[row, column][0]), cells[row, column][1])
            if (row, column) in cells
            else " "
            for column in range(columns)
        ]
        lines.append(axis + "".join(signs).rstrip())
    ends = f"{left:,.0f}", f"{right:,.0f}"
    between = max(columns - sum(map(len, ends)), len(chart.across) + 2)
    lines.append(f"{'':{edge}} └{'─' * columns}")
    lines.append(f"{'':{edge}}  {ends[0]}{chart.across:^{between}}{ends[1]}")
    return "\n".join(lines)


def _between(before: tuple[int, int], after: tuple[int, int]) -> list[tuple[int, int]]:
    """Return the dots of a straight line."""
    (x1, y1), (x2, y2) = before, after
    count = max(abs(x2 - x1), abs(y2 - y1), 1)
    return [
        (x1 + round((x2 - x1) * k / count), y1 + round((y2 - y1) * k / count))
        for k in range(count + 1)
    ]
