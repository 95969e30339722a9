"""Options of ``seqgen sample`` that series have."""

from __future__ import annotations

from ...runs.asked import Option

START = Option(
    "start",
    "Time of the first step in a table [as in the training data].",
    "text",
    metavar="TIME",
)
