"""The blind test: real and generated items mixed, to be told apart by eye or ear."""

from __future__ import annotations

from typing import TypedDict

from .page import PANEL_WIDTH, Panel, template


class Card(TypedDict):
    """An item of a blind test."""

    panel: Panel
    label: str
    real: bool


class BlindTest(TypedDict):
    """The content of the page; the cards are shown in their order."""

    title: str
    version: str
    cards: list[Card]


def render(content: BlindTest) -> str:
    """Render the page as self-contained HTML. It holds the answers, and shows them at the end."""
    return template("blind.html").render(
        content, answers=[card["real"] for card in content["cards"]], most=PANEL_WIDTH // 2
    )
