"""Recipe sections for series."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

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
    """Series of real values of one or more channels."""

    @property
    def keys(self) -> tuple[str, str]:
        """Names of the columns of a table that identify a series and a step of it."""
        return "id", "time"


class SinesData(SeriesData):
    """Sines drawn with `seed`, the usual toy data in papers on recurrent GANs of series."""

    source: Literal["sines"]
    """Which data set."""
    root: None = None
    """Not used: sines have no files."""
    definition: Literal["rgan", "timegan"] = "rgan"
    """rgan: one channel of 30 steps, any frequency, amplitude and phase; timegan: five slow
    channels of 24 steps."""
    count: PositiveInt = 10000
    """Number of series."""
    test: Share = 0.2
    """Share of the series for the test."""


class VowelsData(SeriesData):
    """Two vowels of nine speakers in 12 channels, with an official test part."""

    source: Literal["japanese_vowels"]
    """Which data set (needs the extra `series`, or `root`)."""
    root: str | None = None
    """A folder with the two .ts files, instead of those in the package aeon."""


class OwnSeriesData(SeriesData):
    """Your own series: a .npz, .npy, .csv or .ts file, or a folder with one for each part."""

    own_root: ClassVar[bool] = True

    source: Literal["series"]
    """Your own series."""
    root: str
    """The file; or a folder with files named training, validation and test."""
    id: str = "id"
    """For a table: the column that identifies each series."""
    time: str = "time"
    """For a table: the column that increases within a series, if there is one."""
    labels: tuple[str, ...] = ()
    """Columns of labels. If empty: `label` if it exists (in a .npz, every other array)."""
    channels: tuple[str, ...] = ()
    """Columns of values. If empty: all others."""
    window: PositiveInt | None = None
    """Steps of the windows cut from long series. If absent: each series is one item."""
    stride: PositiveInt = 1
    """Steps from one window to the next."""
    split: Literal["time", "random", "blocks"] = "time"
    """How windows are divided into parts: time: the last ones are for validation and test;
    blocks: blocks of time drawn at random, so that parts share no step and yet the whole range;
    random: single windows drawn at random, as in papers, where parts overlap."""
    missing: Literal["error", "forward", "linear"] = "error"
    """What to do with missing values: stop with an error, repeat the last one, or interpolate."""
    test: Share = 0.1
    """Share of the series (with windows: of the time) for the test, if there is no test file."""

    @property
    def keys(self) -> tuple[str, str]:
        return self.id, self.time


class SeriesCodecRecipe(CodecSection):
    """A series is a sequence of its steps; if lengths differ, an extra channel marks the end."""

    ways: ClassVar[Mapping[Steps, Mapping[str, Any]]] = {"values": {"kind": "series"}}

    kind: Literal["series"] = "series"
    """Series as sequences."""
    normalize: Literal["min-max", "standard"] = "min-max"
    """What -1 and 1 mean in each channel: just beyond the smallest and the largest value of the
    training data, or `deviations` standard deviations from the mean."""
    deviations: Rate = 3.0
    """Number of standard deviations for `standard`; values beyond are clipped."""
    scale: Literal["channel", "item"] = "channel"
    """Whose range that is: the channel's; or that of each series, so that its centre and half
    range become two more numbers of a step for each channel (data of very different levels)."""
    values: Literal["level", "difference", "ratio"] = "level"
    """What is written of a step: its value; the difference from the step before (data with a
    trend); or the logarithm of the ratio to it (positive data that grow). The value of the first
    step becomes another number of a step for each channel."""
    max_length: Annotated[int, Field(ge=1, le=10**7)] | None = None
    """Steps of a sequence. If absent: the length of the longest training series."""
    snap: bool = False
    """Round values to the 256 levels of a logistic head."""


class SeriesEvaluation(EvaluationSection):
    """How runs on series are evaluated."""

    score_steps: PositiveInt = 500
    """Training steps of each network that computes the discriminative and predictive scores."""
