"""What a run stores of the codec of audio: a recipe's settings and what was learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ...sections import Section
from .schema import LogMelRecipe, MuLawRecipe, VocoderRecipe, WaveformRecipe
from .world import World

LONGEST = 10**8
"""Samples of a clip."""

Mean = Annotated[float, Field(ge=-100, le=100)]
Deviation = Annotated[float, Field(gt=0, le=1e6)]


def _agree(above: str, lists: Mapping[str, Sequence[float]], expected: int) -> None:
    """Raise a ValueError for a list that is neither empty nor as long as it must be."""
    for key, values in lists.items():
        if len(values) not in (0, expected):
            raise ValueError(
                f"representation.{key} has {len(values)} numbers, and there are {expected} {above}"
            )


class StoredLogMel(LogMelRecipe):
    """Mel bands, and how loud each is; old runs may lack what is new since."""

    mean: tuple[Mean, ...] = ()
    deviation: tuple[Deviation, ...] = ()

    @model_validator(mode="after")
    def _fit(self) -> StoredLogMel:
        _agree("bins", {"mean": self.mean, "deviation": self.deviation}, self.bins)
        return self


class StoredWaveform(WaveformRecipe):
    """Samples or cosines, and how loud each cosine is."""

    deviation: tuple[Deviation, ...] = ()
    band_mean: tuple[Mean, ...] = ()
    band_deviation: tuple[Deviation, ...] = ()

    @model_validator(mode="after")
    def _fit(self) -> StoredWaveform:
        bands = {"band_mean": self.band_mean, "band_deviation": self.band_deviation}
        if self.transform == "none" and any((self.deviation, *bands.values())):
            raise ValueError("representation: only cosines have deviations")
        _agree("amplitudes", {"deviation": self.deviation}, self.hop)
        _agree("bands", bands, self.bands)
        return self


class StoredVocoder(VocoderRecipe):
    """Frames of a voice, and how large each number and its change are."""

    mean: tuple[Mean, ...] = ()
    deviation: tuple[Deviation, ...] = ()
    change: tuple[Deviation, ...] = ()


class StoredAudio(Section):
    """How long and how loud clips are, and what a step is."""

    kind: Literal["audio"]
    sample_rate: Annotated[int, Field(ge=1, le=10**6)]
    samples: Annotated[int, Field(ge=1, le=LONGEST)]
    peak: Annotated[float, Field(gt=0, le=1)] | None
    representation: Annotated[
        StoredLogMel | StoredWaveform | MuLawRecipe | StoredVocoder, Field(discriminator="kind")
    ]

    @model_validator(mode="after")
    def _fit(self) -> StoredAudio:
        voice = self.representation
        if isinstance(voice, StoredVocoder):
            world = World(
                self.sample_rate, voice.coefficients, voice.period, voice.lowest, voice.highest
            )
            lists = {"mean": voice.mean, "deviation": voice.deviation, "change": voice.change}
            _agree("numbers in a frame", lists, world.numbers)
        return self
