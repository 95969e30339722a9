"""Recipe sections for series."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from ...sections import (
    CodecSection,
    Column,
    DataSection,
    EvaluationSection,
    PositiveInt,
    Rate,
    Share,
    Steps,
    TableData,
    shown,
)

Sort = Literal[
    "real", "non-negative", "bounded", "integer", "binary", "categorical", "zero-inflated"
]
"""What the values of a channel may be."""

MOST_CATEGORIES = 50
"""Most categories of a channel."""


def _time_format(text: str) -> str:
    """Check that a format of times can be read back."""
    moment = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)
    try:
        datetime.strptime(moment.strftime(text), text)  # only tried
    except ValueError as error:
        raise ValueError(
            f"{shown(text)} is no format of times ({error}); write one such as %d.%m.%Y %H:%M"
        ) from error
    return text


class SeriesData(DataSection):
    """Series of real values of one or more channels."""


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


class OwnSeriesData(SeriesData, TableData):
    """Your own series: a table (.csv, .tsv, .parquet), a .npz, .npy or .ts file, or a folder with
    one for each part."""

    own_root: ClassVar[bool] = True

    source: Literal["series"]
    """Your own series."""
    root: str
    """The file; or a folder with files named training, validation and test."""
    layout: Literal["long", "wide"] = "long"
    """For a table: whether a row is a step of a series, or a whole series of one channel."""
    id: Column = "id"
    """For a table: the column that identifies each series."""
    time: Column = "time"
    """For a table: the column that increases within a series, if there is one."""
    time_format: Annotated[str, AfterValidator(_time_format)] | None = None
    """How times are written, such as `%d.%m.%Y %H:%M`. If absent: numbers, ISO 8601 or a usual
    form, which `seqgen data show` names."""
    decimal: Literal[".", ","] = "."
    """For a table: what stands before the decimals of a number."""
    labels: tuple[Column, ...] = ()
    """Columns of labels. If empty: `label` if it exists (in a .npz, every other array)."""
    channels: tuple[Column, ...] = ()
    """Columns of values. If empty: all others."""
    window: PositiveInt | None = None
    """Steps of the windows cut from long series. If absent: each series is one item."""
    stride: PositiveInt = 1
    """Steps from one window to the next."""
    split: Literal["time", "random", "blocks"] = "time"
    """How windows are divided into parts: time: the last ones are for validation and test;
    blocks: blocks of time drawn at random, so that parts share no step and yet the whole range;
    random: single windows drawn at random, as in papers, where parts overlap."""
    missing: Literal["error", "forward", "linear", "mean"] = "error"
    """What to do with missing values: stop with an error, repeat the last one, interpolate, or
    take the mean of the channel in the training file (also where a series has no value of it)."""
    unreadable: Literal["error", "skip"] = "error"
    """What to do with a series that cannot be used, as one without any value of a channel: stop
    with an error, or leave it out with a note."""
    targets: Literal["error", "skip"] = "error"
    """What to do with numeric targets in the place of labels (.ts, .npz): stop with an error, or
    leave them out."""
    test: Share = 0.1
    """Share of the series (with windows: of the time) for the test, if there is no test file."""

    @model_validator(mode="after")
    def _whole_series(self) -> OwnSeriesData:
        if self.stream is not None and self.window is not None:
            raise ValueError(
                "window is not supported with stream: cut the series before they become shards"
            )
        if self.stream is not None and self.missing == "mean":
            raise ValueError(
                "missing: 'mean' is not supported with stream, since the mean would be that of a "
                "shard: choose linear or forward"
            )
        return self


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
    channels: dict[str, Sort] = {}
    """What the values of a channel may be, by its name: `real` (what is not named),
    `non-negative`, `bounded` (by the smallest and the largest value of the training data),
    `integer`, `binary`, `categorical` (text is, unasked), or `zero-inflated` (0, or an amount)."""
    max_length: Annotated[int, Field(ge=1, le=10**7)] | None = None
    """Steps of a sequence. If absent: the length of the longest training series."""
    snap: bool = False
    """Round values to the 256 levels of a logistic head."""

    @model_validator(mode="after")
    def _plain_if_mixed(self) -> SeriesCodecRecipe:
        mixed = [name for name, sort in self.channels.items() if sort != "real"]
        if mixed and (self.scale != "channel" or self.values != "level"):
            raise ValueError(
                f"channels ({mixed[0]} is {self.channels[mixed[0]]}): values other than real "
                "numbers need scale 'channel' and values 'level'"
            )
        return self


class SeriesEvaluation(EvaluationSection):
    """How runs on series are evaluated."""

    score_steps: PositiveInt = 500
    """Training steps of each network that computes the discriminative and predictive scores."""
