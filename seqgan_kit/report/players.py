"""Audio clips on a page, each with a spectrogram and a player."""

from __future__ import annotations

from typing import Literal, TypedDict


class SoundClip(TypedDict):
    """An audio clip on a page.

    `png` is the spectrogram and `wav` the sound, both in base64; `width` and `height` are those of
    the picture, in pixels. `caption` describes the clip, `alt` the picture.
    """

    png: str
    width: int
    height: int
    alt: str
    wav: str
    caption: str
    seconds: float


class SoundPanel(TypedDict):
    """A panel of audio clips on a page."""

    kind: Literal["sound"]
    clips: list[SoundClip]
