"""Clips of sound on a page, each with a picture and a player."""

from __future__ import annotations

from typing import Literal, TypedDict


class SoundClip(TypedDict):
    """A clip on a page.

    `png` is its spectrogram and `wav` the sound, both in base64; width and height are those of
    the picture, in pixels. `caption` says what it is; `alt` what the picture shows.
    """

    png: str
    width: int
    height: int
    alt: str
    wav: str
    caption: str
    seconds: float


class SoundPanel(TypedDict):
    """Clips on a page, each with a player."""

    kind: Literal["sound"]
    clips: list[SoundClip]
