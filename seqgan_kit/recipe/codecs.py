"""How data become sequences."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from .section import Count, PositiveInt, Rate, Reads, Section, Steps


class RowsCodecRecipe(Section):
    """An image is a sequence of its rows or columns."""

    reads: ClassVar[Reads] = "pictures"
    steps: ClassVar[Steps] = "values"

    kind: Literal["rows"] = "rows"
    """Images as sequences."""
    order: Literal["top-down", "left-right"] = "top-down"
    """Whether a step is a row or a column."""


class ImageCodecRecipe(Section):
    """An image is one step."""

    reads: ClassVar[Reads] = "pictures"
    steps: ClassVar[Steps] = "picture"

    kind: Literal["image"] = "image"
    """Whole images, for the networks that write them at once."""


class TextCodecRecipe(Section):
    """A line is a sequence of tokens."""

    reads: ClassVar[Reads] = "text"
    steps: ClassVar[Steps] = "tokens"

    kind: Literal["text"]
    """Text as sequences."""
    tokenizer: Literal["unigram", "bpe", "char", "word", "numbers"] = "unigram"
    """A SentencePiece model learned from the training lines; numbers: a line is whole numbers."""
    vocabulary: PositiveInt | None = 4000
    """How many tokens; null with char: every character of the training lines."""
    byte_fallback: bool = False
    """Write characters outside the vocabulary as bytes instead of as unknown."""
    normalization: Literal["nfkc", "identity"] = "nfkc"
    """What is done to the characters of a line before it is cut."""
    max_length: PositiveInt = 40
    """Tokens of the longest sequence, the end token aside."""
    too_long: Literal["cut", "drop"] = "cut"
    """What is done in training with lines that have more."""


class LogMelRecipe(Section):
    """A step is one or more frames of a spectrogram, and whether the sound goes on."""

    kind: Literal["log-mel"]
    """Logarithms of magnitudes in bands of equal width to the ear."""
    bins: PositiveInt = 40
    """Bands."""
    n_fft: PositiveInt = 256
    """Samples that a frame looks at."""
    hop: PositiveInt = 128
    """Samples from a frame to the next."""
    frames: PositiveInt = 1
    """Frames of a step."""
    layout: Literal["steps", "picture"] = "steps"
    """A sequence of steps, or one whole picture for the networks of images."""
    griffin_lim: PositiveInt = 32
    """Iterations in which a sound with these magnitudes is looked for."""

    @property
    def steps(self) -> Steps:
        """What it gives."""
        return "picture" if self.layout == "picture" else "values"


class WaveformRecipe(Section):
    """A step is some samples of the sound, and whether it goes on."""

    steps: ClassVar[Steps] = "values"

    kind: Literal["waveform"]
    """Samples as they are."""
    hop: PositiveInt = 128
    """Samples from a step to the next."""
    overlap: Count = 32
    """Samples that a step shares with the next, faded from one to the other; of cosines half."""
    transform: Literal["none", "cosines"] = "none"
    """A step is samples as they are, or amplitudes of as many cosines (a lapped transform)."""
    frames: PositiveInt = 1
    """Frames of cosines that a step consists of."""
    bands: PositiveInt = 40
    """Mel bands that the discriminator is shown beside the amplitudes of cosines."""

    @model_validator(mode="after")
    def _of_this_transform(self) -> WaveformRecipe:
        others = ("frames", "bands") if self.transform == "none" else ("overlap",)
        for name in others:
            default = type(self).model_fields[name].default
            if getattr(self, name) != default:
                raise ValueError(
                    f"{name} means nothing with transform {self.transform!r}: leave it out, or "
                    f"set {name}={default}"
                )
        return self


class MuLawRecipe(Section):
    """A step is one sample or several, each one of a few levels. Experimental."""

    steps: ClassVar[Steps] = "tokens"

    kind: Literal["mu-law"]
    """Levels that lie closer to each other near silence."""
    levels: Annotated[int, Field(ge=2, le=65536)] = 64
    """How many levels there are."""
    hop: PositiveInt = 1
    """Samples of a step. Those of one step are drawn without a look at each other."""


class AudioCodecRecipe(Section):
    """A clip is a sequence of frames or samples."""

    reads: ClassVar[Reads] = "sound"

    kind: Literal["audio"]
    """Sound as sequences."""
    representation: Annotated[
        LogMelRecipe | WaveformRecipe | MuLawRecipe, Field(discriminator="kind")
    ] = LogMelRecipe(kind="log-mel")
    """What a step consists of."""

    @property
    def steps(self) -> Steps:
        """What it gives."""
        return self.representation.steps

    @property
    def group(self) -> int:
        """Tokens of a step, where steps are tokens."""
        return self.representation.hop if isinstance(self.representation, MuLawRecipe) else 1


class SeriesCodecRecipe(Section):
    """A series is a sequence of its steps; where lengths differ, a channel tells the end."""

    reads: ClassVar[Reads] = "series"
    steps: ClassVar[Steps] = "values"

    kind: Literal["series"]
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
