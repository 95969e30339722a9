"""A word now and then from commands that take long, so that nobody takes them for dead."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from seqgan_kit.errors import printable

QUIET = 20.0
"""Seconds of silence after which a line is printed."""

LONGEST = 100
"""Characters of the line that is repeated."""


class _Pulse:
    """What was said last, and when; used from two threads, which replace it as a whole."""

    def __init__(self) -> None:
        self.said: tuple[float, str] = (time.monotonic(), "")


_pulse = _Pulse()


def told(line: str = "") -> None:
    """Remember that something was printed: a note, or a step of something that shows itself."""
    _pulse.said = (time.monotonic(), line or _pulse.said[1])


def hushed() -> None:
    """Print nothing more: the command waits for others."""
    _pulse.said = (math.inf, "")


@contextmanager
def pulse() -> Iterator[None]:
    """While the body runs, repeat the last note after every :data:`QUIET` seconds of silence.

    Of several processes only the first speaks.
    """
    if os.environ.get("RANK", "0") != "0":
        yield
        return
    over = threading.Event()
    began = time.monotonic()
    _pulse.said = (began, "starting")

    def beat() -> None:
        while not over.wait(1):
            now = time.monotonic()
            at, line = _pulse.said
            if now - at >= QUIET:
                shown = f"{line[:LONGEST]}: still at it" if line else "still at it"
                click.echo(printable(f"{shown} after {now - began:.0f} s"), err=True)
                told()

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
