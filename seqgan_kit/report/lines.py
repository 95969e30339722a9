"""Lines of text on a page: samples, pairs of lines, and scores of their tokens."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, TypedDict

STRONGEST = 55
"""Percentage of colour behind a piece with score -1 or 1; more would hide the text."""


class TextLine(TypedDict):
    """One line of text.

    `under` is a second line in a lighter style, such as the nearest training line; "" for none.
    `scores` are the pieces of the text, each with a score from -1 (generated) to 1 (real). They
    are shown instead of `text`, unless empty.
    """

    text: str
    under: str
    scores: list[tuple[str, float]]


class TextPanel(TypedDict):
    """A list of lines on a page."""

    kind: Literal["text"]
    lines: list[TextLine]


def line(text: str, under: str = "", scores: Sequence[tuple[str, float]] = ()) -> TextLine:
    """Make a line for a panel.

    >>> line("a film", scores=[("a", 0.5), (" film", -1.0)])["scores"]
    [('a', 0.5), (' film', -1.0)]
    """
    return {"text": text, "under": under, "scores": list(scores)}


def text_panel(lines: Sequence[str]) -> TextPanel:
    """Make a panel of plain lines."""
    return {"kind": "text", "lines": [line(text) for text in lines]}


def heat(score: float) -> str:
    """Return the colour behind a piece, for the page's `color-mix`; transparent for NaN.

    >>> heat(1.0), heat(-0.5), heat(float("nan"))
    ('var(--real) 55%', 'var(--fake) 28%', 'var(--real) 0%')
    """
    strength = min(abs(score), 1.0) if math.isfinite(score) else 0.0
    return f"var(--{'fake' if score < 0 else 'real'}) {STRONGEST * strength:.0f}%"
