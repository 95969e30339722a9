"""What to learn from."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .section import PositiveInt, Reads, Section, Seed, Share


class NamedData(Section):
    """A data set that seqgan_kit knows where to find."""

    reads: ClassVar[Reads] = "pictures"

    source: Literal["mnist", "fashion_mnist", "digits"]
    """Which data set."""
    root: str | None = None
    """A local folder with its files, instead of the cache or a download."""
    validation: Share = 0.1
    """Share of the training images that is held out of training."""
    seed: Seed = 0
    """Seed of the cut into parts; not the run's, so that all runs share one test part."""
    binarize: Seed | None = None
    """Seed of one draw of every value, 0 or 255 with the value as chance; absent: none."""
    budget_mb: PositiveInt = 2048
    """Encoded sequences up to this size live on the device; larger ones are memory-mapped."""


class FolderData(Section):
    """Your own images: a folder with one sub-folder for each label."""

    reads: ClassVar[Reads] = "pictures"

    source: Literal["folder"]
    """Your own images."""
    root: str
    """The folder. Sub-folders training, validation and test, where they exist, are its parts."""
    size: tuple[PositiveInt, PositiveInt]
    """Height and width that every image is resized to."""
    colour: Literal["grey", "rgb"] = "grey"
    """What every image is turned into."""
    unreadable: Literal["error", "skip"] = "error"
    """What to do about files that are no images: stop and name them, or leave them out."""
    validation: Share = 0.1
    """Share of the images for validation, where the folder has no part of that name."""
    test: Share = 0.1
    """Share of the images for the test, where the folder has no part of that name."""
    seed: Seed = 0
    """Seed of the cut into parts; not the run's, so that all runs share one test part."""
    budget_mb: PositiveInt = 2048
    """Encoded sequences up to this size live on the device; larger ones are memory-mapped."""


class TextData(Section):
    """Lines of text."""

    reads: ClassVar[Reads] = "text"

    root: str | None = None
    """A local folder with its files, instead of the cache or a download."""
    validation: Share = 0.05
    """Share of the lines that is held out of training."""
    seed: Seed = 0
    """Seed of the cut into parts; not the run's, so that all runs share one test part."""
    budget_mb: PositiveInt = 2048
    """Encoded sequences up to this size live on the device; larger ones are memory-mapped."""


class CaptionsData(TextData):
    """Captions of images, without labels, with a test part of their own."""

    source: Literal["coco_captions"]
    """Which data set."""


class LabelledTextData(TextData):
    """Labelled lines that seqgan_kit knows where to find."""

    source: Literal["snippets", "names"]
    """Which data set."""
    test: Share = 0.1
    """Share of the lines for the test."""


class OracleData(TextData):
    """Sequences drawn from a synthetic language model, whose probabilities are known."""

    source: Literal["oracle"]
    """An LSTM with random weights: its own, drawn by `seed`, or those in `root`."""
    root: str | None = None
    """A folder with the published weights (oracle_lstm.npz); absent: weights drawn by `seed`."""
    sequences: PositiveInt = 10000
    """Training sequences, the validation part aside."""
    validation: Share = 0.2
    """Validation sequences, as a share of the training sequences, drawn beside them."""
    test: PositiveInt = 10000
    """Test sequences."""
    length: PositiveInt = 20
    """Tokens of a sequence."""


class LinesData(TextData):
    """Your own text: a .txt, .tsv, .csv or .jsonl file, or a folder with one for each part."""

    source: Literal["lines"]
    """Your own text."""
    root: str
    """The file; or a folder with files named training, validation and test."""
    text: str = "text"
    """The column or key that holds the text."""
    labels: tuple[str, ...] = ()
    """Columns or keys that hold labels; none: one class."""
    test: Share = 0.1
    """Share of the lines for the test, where the folder has no part of that name."""
    unreadable: Literal["error", "skip"] = "error"
    """What to do about rows that cannot be used: stop and name them, or leave them out."""


class SoundData(Section):
    """Clips of sound, prepared alike."""

    reads: ClassVar[Reads] = "sound"

    sample_rate: PositiveInt = 8000
    """Samples a second; recordings with more are resampled."""
    trim_db: Annotated[float, Field(gt=0)] | None = None
    """Cut what is so many decibels below the peak off both ends; absent: keep it."""
    peak: Annotated[float, Field(gt=0, le=1)] | None = 0.95
    """What the loudest sample of every clip is scaled to; null: clips stay as loud as they are."""
    max_seconds: Annotated[float, Field(gt=0)] = 1.0
    """The longest clip."""
    too_long: Literal["cut", "drop", "error"] = "cut"
    """What to do about longer ones."""
    validation: Share = 0.1
    """Share of the training clips that is held out of training."""
    seed: Seed = 0
    """Seed of the cut into parts; not the run's, so that all runs share one test part."""
    budget_mb: PositiveInt = 2048
    """Encoded sequences up to this size live on the device; larger ones are memory-mapped."""


class SpokenDigitsData(SoundData):
    """Recorded digits of several speakers, with a test part of their own."""

    source: Literal["spoken_digits"]
    """The Free Spoken Digit Dataset."""
    root: str | None = None
    """A local folder with its files, instead of the cache or a download."""


class SyntheticDigitsData(SoundData):
    """Digits that a speech synthesizer says in several voices, made on the spot."""

    source: Literal["spoken_digits_synthetic"]
    """eSpeak NG (needs the extra `speech`)."""
    root: None = None
    """There are no files."""
    clips: PositiveInt = 300
    """Clips of each digit."""
    trim_db: Annotated[float, Field(gt=0)] | None = 40.0
    """Cut what is so many decibels below the peak off both ends; null: keep it."""
    test: Share = 0.1
    """Share of the clips for the test."""


class RecordingsData(SoundData):
    """Your own recordings: a folder with one sub-folder for each label, or a manifest."""

    source: Literal["recordings"]
    """Your own recordings."""
    root: str
    """The folder, or a .csv or .jsonl file with a column `path` and columns of labels."""
    labels: tuple[str, ...] = ()
    """Columns of a manifest that hold labels; none: all but `path`."""
    trim_db: Annotated[float, Field(gt=0)] | None = 40.0
    """Cut what is so many decibels below the peak off both ends; null: keep it."""
    test: Share = 0.1
    """Share of the clips for the test, where the folder has no part of that name."""
    unreadable: Literal["error", "skip"] = "error"
    """What to do about files that cannot be used: stop and name them, or leave them out."""


class SeriesData(Section):
    """Series of real values of some channels."""

    reads: ClassVar[Reads] = "series"

    validation: Share = 0.1
    """Share of the training series that is held out of training."""
    seed: Seed = 0
    """Seed of the cut into parts; not the run's, so that all runs share one test part."""
    budget_mb: PositiveInt = 2048
    """Encoded sequences up to this size live on the device; larger ones are memory-mapped."""


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
