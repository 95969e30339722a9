"""Options of ``seqgen sample`` that series have, and the files it writes."""

from __future__ import annotations

from ...runs.asked import Option

ENDINGS = (".csv", ".npz", ".png")
"""Of the names of files of samples."""

START = Option(
    "start",
    "Time of the first step in a table [as in the training data].",
    "text",
    metavar="TIME",
)

LENGTH = Option(
    "length",
    "Steps of the samples, N or A..B: those that the network ends elsewhere are drawn anew.",
    "text",
    metavar="STEPS",
)
