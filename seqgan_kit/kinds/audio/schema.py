"""Recipe sections for audio."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from ...sections import (
    CodecSection,
    DataSection,
    EvaluationSection,
    OptionalWidth,
    PositiveInt,
    Section,
    Share,
    Steps,
    StreamedData,
    Width,
)


class SoundData(DataSection):
    """Audio clips, all prepared in the same way."""

    sample_rate: PositiveInt = 8000
    """Samples per second; recordings with more are resampled."""
    trim_db: Annotated[float, Field(gt=0)] | None = None
    """Trim both ends where they are this many decibels below the peak; null: no trimming."""
    peak: Annotated[float, Field(gt=0, le=1)] | None = 0.95
    """Level to which the loudest sample of every clip is scaled; null: no scaling."""
    max_seconds: Annotated[float, Field(gt=0)] = 1.0
    """Maximum length of a clip."""
    too_long: Literal["cut", "drop", "error"] = "cut"
    """What to do with longer clips."""


class SpokenDigitsData(SoundData):
    """Digits recorded by several speakers, with an official test part."""

    source: Literal["spoken_digits"]
    """The Free Spoken Digit Dataset."""


class SyntheticDigitsData(SoundData):
    """Digits that a speech synthesizer says in several voices, generated locally."""

    source: Literal["spoken_digits_synthetic"]
    """eSpeak NG (needs the extra `speech`)."""
    root: None = None
    """Always null, because there are no files."""
    clips: PositiveInt = 300
    """Clips per digit."""
    trim_db: Annotated[float, Field(gt=0)] | None = 40.0
    """Trim both ends where they are this many decibels below the peak; null: no trimming."""
    test: Share = 0.1
    """Share of the clips for testing."""


class NotesData(SoundData):
    """Notes of five instruments and twelve pitches, made on the spot."""

    source: Literal["notes"]
    """Plucked strings, bells, organ pipes, reeds and drums, by well-known equations."""
    root: None = None
    """Always null, because there are no files."""
    notes: PositiveInt = 40
    """Notes of each instrument and pitch."""
    test: Share = 0.1
    """Share of the notes for testing."""


class RecordingsData(SoundData, StreamedData):
    """Your own recordings: a folder with one sub-folder per label, or a manifest."""

    own_root: ClassVar[bool] = True

    source: Literal["recordings"]
    """Your own recordings."""
    root: str
    """The folder, or a .csv or .jsonl file with a column `path` and columns of labels."""
    labels: tuple[str, ...] = ()
    """Columns of a manifest that hold labels; empty: all but `path`."""
    trim_db: Annotated[float, Field(gt=0)] | None = 40.0
    """Trim both ends where they are this many decibels below the peak; null: no trimming."""
    window: Annotated[float, Field(gt=0)] | None = None
    """Cut recordings into clips of this many seconds; null: a recording is one clip."""
    stride: Annotated[float, Field(gt=0)] | None = None
    """Seconds from the beginning of a window to that of the next; null: windows do not overlap."""
    pause: Annotated[float, Field(gt=0)] | None = None
    """Cut recordings where they are silent (see trim_db) for this many seconds, as between words;
    null: they are not cut there."""
    test: Share = 0.1
    """Share of the recordings for testing, unless the folder has a test part."""
    unreadable: Literal["error", "skip"] = "error"
    """What to do with files that cannot be used: stop with an error, or leave them out."""

    @model_validator(mode="after")
    def _pieces(self) -> RecordingsData:
        if self.window is not None and self.pause is not None:
            raise ValueError("recordings are cut by window or by pause: remove one of them")
        if self.window is None and self.stride is not None:
            raise ValueError("stride is not supported without window: set window, too")
        if self.window is not None and self.window > self.max_seconds:
            raise ValueError(
                f"window={self.window:g} is longer than max_seconds={self.max_seconds:g}: "
                f"set max_seconds={self.window:g}"
            )
        if self.pause is not None and self.trim_db is None:
            raise ValueError("pause is not supported without trim_db, which says what is silent")
        return self


class LogMelRecipe(Section):
    """A step is one or more frames of a spectrogram, and a channel that marks the end."""

    kind: Literal["log-mel"]
    """Log-magnitudes in mel bands."""
    bins: Width = 40
    """Number of bands."""
    n_fft: Width = 256
    """Samples per frame."""
    hop: Width = 128
    """Samples from one frame to the next."""
    frames: Width = 1
    """Frames per step."""
    layout: Literal["steps", "picture"] = "steps"
    """A sequence of steps, or one whole picture for image networks."""
    griffin_lim: Annotated[int, Field(ge=1, le=10_000)] = 32
    """Griffin-Lim iterations that find a sound with these magnitudes."""

    @property
    def steps(self) -> Steps:
        """The sort of steps that the representation gives."""
        return "whole" if self.layout == "picture" else "values"


class WaveformRecipe(Section):
    """A step is a block of samples, and a channel that marks the end."""

    steps: ClassVar[Steps] = "values"

    kind: Literal["waveform"]
    """Samples of the waveform."""
    hop: Width = 128
    """Samples from one step to the next."""
    overlap: OptionalWidth = 32
    """Samples shared with the next step, which are cross-faded; cosines always share half."""
    transform: Literal["none", "cosines"] = "none"
    """A step is samples, or amplitudes of as many cosines (a lapped transform)."""
    frames: Width = 1
    """Frames of cosines per step."""
    bands: Width = 40
    """Mel bands that the discriminator reads in addition to the amplitudes of cosines."""

    @model_validator(mode="after")
    def _of_this_transform(self) -> WaveformRecipe:
        others = ("frames", "bands") if self.transform == "none" else ("overlap",)
        for name in others:
            default = type(self).model_fields[name].default
            if getattr(self, name) != default:
                raise ValueError(
                    f"{name} is not supported with transform {self.transform!r}: remove it, or "
                    f"set {name}={default}"
                )
        return self


class MuLawRecipe(Section):
    """A step is one or more samples, each at one of a few levels. Experimental."""

    steps: ClassVar[Steps] = "tokens"

    kind: Literal["mu-law"]
    """Levels that are closer together near silence."""
    levels: Annotated[int, Field(ge=2, le=65536)] = 64
    """Number of levels."""
    hop: Width = 1
    """Samples per step. Those of one step are drawn independently of each other."""


class VocoderRecipe(Section):
    """A step is one or more frames of a voice's parameters, and a channel that marks the end."""

    steps: ClassVar[Steps] = "values"

    kind: Literal["vocoder"]
    """Pitch, voicing, envelope and noisiness of speech (needs the extra `vocoder`)."""
    coefficients: Annotated[int, Field(ge=2, le=128)] = 24
    """Numbers of a spectral envelope."""
    period: Annotated[float, Field(ge=1, le=100)] = 16.0
    """Milliseconds from one frame to the next."""
    frames: Width = 2
    """Frames per step."""
    lowest: Annotated[float, Field(ge=40, le=2000)] = 60.0
    """The lowest pitch of the voices, in Hz."""
    highest: Annotated[float, Field(ge=40, le=2000)] = 500.0
    """The highest pitch of the voices, in Hz."""

    @model_validator(mode="after")
    def _in_order(self) -> VocoderRecipe:
        if self.highest <= self.lowest:
            raise ValueError(
                f"highest ({self.highest:g} Hz) must be above lowest ({self.lowest:g} Hz)"
            )
        return self


class AudioCodecRecipe(CodecSection):
    """A clip is a sequence of frames or samples."""

    ways: ClassVar[Mapping[Steps, Mapping[str, Any]]] = {
        "values": {"representation": {"kind": "log-mel", "layout": "steps"}},
        "tokens": {"representation": {"kind": "mu-law", "hop": 64}},
        "whole": {"representation": {"kind": "log-mel", "layout": "picture"}},
    }

    kind: Literal["audio"] = "audio"
    """The audio codec."""
    representation: Annotated[
        LogMelRecipe | WaveformRecipe | MuLawRecipe | VocoderRecipe, Field(discriminator="kind")
    ] = LogMelRecipe(kind="log-mel")
    """What a step consists of."""

    @property
    def steps(self) -> Steps:
        """The sort of steps that the codec gives."""
        return self.representation.steps

    @property
    def group(self) -> int:
        """Tokens per step, if steps are tokens."""
        return self.representation.hop if isinstance(self.representation, MuLawRecipe) else 1


class AudioEvaluation(EvaluationSection):
    """How audio runs are evaluated."""

    listen: bool = False
    """Whether a speech recogniser checks spoken digits (needs the extra `listening`)."""
    quality: bool = False
    """Whether audio quality is rated (needs the extra `listening`)."""
