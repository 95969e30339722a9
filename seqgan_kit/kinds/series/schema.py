"""Sections of a recipe for series."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from ...sections import (
    CodecSection,
    DataSection,
    EvaluationSection,
    PositiveInt,
    Rate,
    Share,
    Steps,
)


class SeriesData(DataSection):
    """Series of real values of some channels."""


class SinesData(SeriesData):
    """Sines, drawn by `seed`: what papers on recurrent GANs of series begin with."""

    source: Literal["sines"]
    """Which data set."""
    root: None = None
    """There are no files."""
    definition: Literal["rgan", "timegan"] = "rgan"
    """rgan: one channel of 30 steps, any frequency, amplitude and phase; timegan: five slow
    channels of 24 steps."""
    count: PositiveInt = 10000
    """Series in all."""
    test: Share = 0.2
    """Share of them for the test."""


class VowelsData(SeriesData):
    """Two vowels of nine speakers in 12 channels, with a test part of their own."""

    source: Literal["japanese_vowels"]
    """Which data set (needs the extra `series`, or `root`)."""
    root: str | None = None
    """A folder with its two .ts files, instead of those that the package aeon carries."""


class OwnSeriesData(SeriesData):
    """Your own series: a .npz, .npy, .csv or .ts file, or a folder with one for each part."""

    own_root: ClassVar[bool] = True

    source: Literal["series"]
    """Your own series."""
    root: str
    """The file; or a folder with files named training, validation and test."""
    id: str = "id"
    """Of a table: the column that tells series apart."""
    time: str = "time"
    """Of a table: the column that rises within a series, if there is one."""
    labels: tuple[str, ...] = ()
    """Columns of labels; none: `label`, if there is such a one (of a .npz every other array)."""
    channels: tuple[str, ...] = ()
    """Columns of values; none: all others."""
    window: PositiveInt | None = None
    """Take windows of so many steps of one or more long series; absent: each is one item."""
    stride: PositiveInt = 1
    """Steps from a window to the next."""
    missing: Literal["error", "forward", "linear"] = "error"
    """What to do about missing values: stop and say where, repeat the last one, or interpolate."""
    test: Share = 0.1
    """Share of the series (of windows: of the time) for the test, where there is no such file."""


class SeriesCodecRecipe(CodecSection):
    """A series is a sequence of its steps; where lengths differ, a channel tells the end."""

    ways: ClassVar[Mapping[Steps, Mapping[str, Any]]] = {"values": {"kind": "series"}}

    kind: Literal["series"] = "series"
    """Series as sequences."""
    normalize: Literal["min-max", "standard"] = "min-max"
    """What -1 and 1 stand for in each channel: just beyond the smallest and the largest value of
    the training part, or some standard deviations from its mean."""
    deviations: Rate = 3.0
    """How many, for standard; what lies beyond is cut."""
    max_length: PositiveInt | None = None
    """Steps of the longest sequence; absent: as many as the longest training series has."""
    snap: bool = False
    """Round to the 256 levels of which a logistic head has probabilities."""


class SeriesEvaluation(EvaluationSection):
    """How runs of series are measured."""

    score_steps: PositiveInt = 500
    """Training steps of each of the networks behind the two scores."""
