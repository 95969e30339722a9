"""Sections of a recipe for audio."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from ...sections import (
    CodecSection,
    Count,
    DataSection,
    EvaluationSection,
    PositiveInt,
    Section,
    Share,
    Steps,
)


class SoundData(DataSection):
    """Clips of sound, prepared alike."""

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


class SpokenDigitsData(SoundData):
    """Recorded digits of several speakers, with a test part of their own."""

    source: Literal["spoken_digits"]
    """The Free Spoken Digit Dataset."""


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

    own_root: ClassVar[bool] = True

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
        return "whole" if self.layout == "picture" else "values"


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


class AudioCodecRecipe(CodecSection):
    """A clip is a sequence of frames or samples."""

    ways: ClassVar[Mapping[Steps, Mapping[str, Any]]] = {
        "values": {"representation": {"kind": "log-mel", "layout": "steps"}},
        "tokens": {"representation": {"kind": "mu-law"}},
        "whole": {"representation": {"kind": "log-mel", "layout": "picture"}},
    }

    kind: Literal["audio"] = "audio"
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


class AudioEvaluation(EvaluationSection):
    """How runs of audio are measured."""

    listen: bool = False
    """Whether a recogniser listens to spoken digits (needs the extra `listening`)."""
    quality: bool = False
    """Whether the quality of sound is rated (needs the extra `listening`)."""
