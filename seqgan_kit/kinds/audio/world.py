"""Speech as pitch, voicing, envelope and noisiness of frames, by WORLD."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from ...data.dataset import DataError
from .transforms import functional

LEAST_RATE = 16_000
"""Samples per second below which WORLD tells nothing of noisiness."""

VERSION = 2
"""Increase it when the frames of a clip change."""

SHARP = 64
"""Zero crossings of the filter that changes sample rates: what lies just below half the rate of
the clips is kept, and its mirror image above is taken away."""

QUIET = 1e-7
"""Amplitude of a hiss below all recordings, under which WORLD's logarithms are finite."""


def _package() -> Any:
    """Import pyworld, which is an extra, on demand."""
    try:
        import pyworld
    except ImportError as error:
        raise DataError(
            "codec.representation.kind: vocoder needs the package pyworld: pip install "
            '"seqgan_kit[vocoder]"'
        ) from error
    return pyworld


@dataclass(frozen=True)
class World:
    """Analysis of clips into frames, and synthesis of clips from frames.

    The numbers of a frame are the logarithm of the pitch in Hz, interpolated where the voice is
    silent; 1 where there is a voice and -1 elsewhere; the coefficients of the spectral envelope;
    and for each band of 3 kHz how noisy it is, in dB.

    Args:
        sample_rate: samples per second of clips.
        coefficients: numbers of an envelope.
        period: milliseconds from one frame to the next.
        lowest: the lowest pitch that is looked for, in Hz.
        highest: the highest.

    References:
        Morise, Yokomori & Ozawa 2016, *WORLD: A Vocoder-Based High-Quality Speech Synthesis
        System for Real-Time Applications*.
    """

    sample_rate: int
    coefficients: int
    period: float
    lowest: float
    highest: float

    @property
    def rate(self) -> int:
        """Samples per second at which frames are computed: a multiple of those of clips."""
        return self.sample_rate * self._factor

    @property
    def _factor(self) -> int:
        return -(-LEAST_RATE // self.sample_rate)

    @property
    def bands(self) -> int:
        """Number of bands that have a noisiness of their own."""
        # As WORLD counts them: bands of 3 kHz up to 15, and 3 below half the sampling rate.
        return int(min(15_000, self.rate / 2 - 3000) // 3000)

    @property
    def numbers(self) -> int:
        """Numbers of a frame."""
        return 2 + self.coefficients + self.bands

    @property
    def middle(self) -> float:
        """Logarithm of the pitch in the middle of the range, which stands for none."""
        return float(np.log(self.lowest * self.highest) / 2)

    def frames(self, samples: int) -> int:
        """Return how many frames a clip of so many samples has."""
        return int(1000 * samples / self.sample_rate / self.period) + 1

    def analyse(self, sound_S: Float[np.ndarray, " S"]) -> Float[np.ndarray, "T N"]:
        """Return the frames of a clip.

        Raises:
            DataError: the package is missing.
        """
        world = _package()
        dense_S = self._resampled(sound_S, self.sample_rate, self.rate)
        mirrored_S = np.zeros(len(dense_S))
        mirrored_S[:: self._factor] = sound_S[: -(-len(dense_S) // self._factor)] * self._factor
        # Digital silence would have a logarithm of minus infinity.
        hiss_S = np.random.default_rng(0).standard_normal(len(dense_S)) * QUIET
        dense_S = np.ascontiguousarray(dense_S + hiss_S)
        range_of_pitch = {"f0_floor": self.lowest, "f0_ceil": self.highest}
        rough_T, time_T = world.dio(dense_S, self.rate, frame_period=self.period, **range_of_pitch)
        pitch_T = world.stonemask(dense_S, rough_T, time_T, self.rate)
        voiced_T = pitch_T > 0
        size = self._window(world)
        # Above half the rate of the clips there is nothing, and an envelope would begin to fall
        # well below it. Its mirror image there leaves no edge.
        envelope_TF = world.cheaptrick(
            mirrored_S + hiss_S, pitch_T, time_T, self.rate, fft_size=size
        )
        noise_TF = world.d4c(dense_S, pitch_T, time_T, self.rate, fft_size=size)
        frame_TN = np.concatenate(
            [
                self._interpolated(pitch_T)[:, None],
                np.where(voiced_T, 1.0, -1.0)[:, None],
                world.code_spectral_envelope(envelope_TF, self.rate, self.coefficients),
                world.code_aperiodicity(noise_TF, self.rate),
            ],
            1,
        )
        return frame_TN[: self.frames(len(sound_S))].astype(np.float32)

    def _interpolated(self, pitch_T: Float[np.ndarray, " T"]) -> Float[np.ndarray, " T"]:
        """Return the logarithms of a pitch, interpolated where it is 0."""
        place_T = np.arange(len(pitch_T))
        voiced_T = pitch_T > 0
        if not voiced_T.any():
            # A whisper: any pitch does, since none is heard.
            return np.full(len(pitch_T), self.middle)
        return np.interp(place_T, place_T[voiced_T], np.log(pitch_T[voiced_T]))

    def synthesise(self, frame_TN: Float[np.ndarray, "T N"]) -> Float[np.ndarray, " S"]:
        """Return the sound of frames, ``period`` milliseconds for each.

        Raises:
            DataError: the package is missing.
        """
        world = _package()
        frame_TN = frame_TN.astype(np.float64)
        pitch_T = np.exp(frame_TN[:, 0]).clip(self.lowest, self.highest)
        pitch_T = np.where(frame_TN[:, 1] > 0, pitch_T, 0.0)
        envelope_TK, noise_TB = np.split(frame_TN[:, 2:], [self.coefficients], 1)
        size = self._window(world)
        envelope_TF = world.decode_spectral_envelope(
            np.ascontiguousarray(envelope_TK), self.rate, size
        )
        # Above 0 dB a band would be more than noise alone.
        noise_TF = world.decode_aperiodicity(
            np.ascontiguousarray(noise_TB.clip(max=0.0)), self.rate, size
        )
        dense_S = world.synthesize(pitch_T, envelope_TF, noise_TF, self.rate, self.period)
        return self._resampled(dense_S, self.rate, self.sample_rate).astype(np.float32)

    def _window(self, world: Any) -> int:
        """Return the samples of a window that holds three periods of the lowest pitch."""
        return int(world.get_cheaptrick_fft_size(self.rate, self.lowest))

    @staticmethod
    def _resampled(sound_S: np.ndarray, before: int, after: int) -> np.ndarray:
        if before == after:
            return sound_S.astype(np.float64)
        import torch

        wanted = torch.from_numpy(np.ascontiguousarray(sound_S, np.float64))
        return functional().resample(wanted, before, after, lowpass_filter_width=SHARP).numpy()
