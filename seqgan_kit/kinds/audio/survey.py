"""Reading recordings at the sample rate of the clips, and how loud they are where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import torch
from jaxtyping import Bool, Float

from ...data.dataset import DataError
from .files import Recording
from .transforms import functional

FRAME_SECONDS = 0.01
# Below this root mean square (-80 dB of full scale), 16 bits are mostly rounding noise.
SILENCE = 1e-4
FILTER_WIDTH = 64
LARGEST_TERM = 1000
FULL_SCALE = 0.99
"""From here on, three equal samples in a row are a clipped wave."""


@dataclass(frozen=True)
class Survey:
    """How loud a recording is where, at the sample rate of the clips.

    Attributes:
        samples: how many samples it has at that rate.
        frame: samples per frame.
        loudness_T: root mean square of each frame around the recording's mean, because offsets
            are inaudible.
        clipped: whether it was clipped at full scale when it was recorded.
    """

    samples: int
    frame: int
    loudness_T: Float[np.ndarray, " T"]
    clipped: bool

    def heard(self, trim_db: float | None) -> Bool[np.ndarray, " T"]:
        """Return which frames are not silent, compared with the loudest or in themselves."""
        if trim_db is None:
            return self.loudness_T >= SILENCE
        return self.loudness_T >= self.loudness_T.max() * 10 ** (-trim_db / 20)

    def trimmed(self, trim_db: float | None) -> tuple[int, int]:
        """Return begin and end without the silence at both ends."""
        if trim_db is None:
            return 0, self.samples
        heard_P = np.flatnonzero(self.heard(trim_db))
        return int(heard_P[0]) * self.frame, min((int(heard_P[-1]) + 1) * self.frame, self.samples)


@dataclass
class _Source:
    """A recording while it is read: its channels averaged, and what there is to say of it."""

    recording: Recording
    samples: int = 0
    total: float = 0.0
    squares: float = 0.0
    clipped: bool = False

    def mono(self, multiple: int) -> Iterator[Float[np.ndarray, " S"]]:
        for block_SC in self.recording.blocks(multiple):
            self._refuse_infinite(block_SC)
            mono_S = block_SC.mean(1, dtype=np.float32)
            self.samples += len(mono_S)
            self.total += float(mono_S.sum(dtype=np.float64))
            self.squares += float(np.square(mono_S, dtype=np.float64).sum())
            self.clipped = self.clipped or _is_clipped(block_SC)
            yield mono_S

    def _refuse_infinite(self, block_SC: np.ndarray) -> None:
        finite_S = np.isfinite(block_SC).all(1)
        if not finite_S.all():
            first = self.samples + int((~finite_S).argmax())
            raise DataError(
                f"{self.recording.name} contains samples that are not finite numbers, the first "
                f"at {first / self.recording.rate:.3f} s"
            )

    @property
    def loudness(self) -> float:
        """Root mean square around the mean."""
        mean = self.total / self.samples
        return max(self.squares / self.samples - mean * mean, 0.0) ** 0.5


def _is_clipped(block_SC: np.ndarray) -> bool:
    loud_SC = np.abs(block_SC) >= FULL_SCALE
    if not loud_SC.any():
        return False
    same_SC = loud_SC[1:] & (block_SC[1:] == block_SC[:-1])
    return bool((same_SC[1:] & same_SC[:-1]).any())


@dataclass
class _Frames:
    """Sums over frames of a sound that comes in blocks."""

    frame: int
    sums: list[np.ndarray] = field(default_factory=list)
    squares: list[np.ndarray] = field(default_factory=list)
    rest_S: np.ndarray = field(default_factory=lambda: np.empty(0, np.float32))
    samples: int = 0

    def add(self, block_S: np.ndarray) -> None:
        self.samples += len(block_S)
        self.rest_S = np.concatenate([self.rest_S, block_S])
        whole = len(self.rest_S) // self.frame * self.frame
        self._sum(self.rest_S[:whole].reshape(-1, self.frame))
        self.rest_S = self.rest_S[whole:]

    def _sum(self, frame_TS: np.ndarray) -> None:
        self.sums.append(frame_TS.sum(1, dtype=np.float64))
        self.squares.append(np.square(frame_TS, dtype=np.float64).sum(1))

    def loudness(self) -> Float[np.ndarray, " T"]:
        """Return the root mean square of each frame around the mean of the sound."""
        count_T = np.full(self.samples // self.frame, float(self.frame))
        if len(self.rest_S):
            self._sum(self.rest_S[None])
            count_T = np.append(count_T, len(self.rest_S))
        sum_T, square_T = np.concatenate(self.sums), np.concatenate(self.squares)
        mean = sum_T.sum() / self.samples
        power_T = square_T - 2 * mean * sum_T + count_T * mean * mean
        return np.sqrt(np.maximum(power_T, 0) / self.frame)


def survey(recording: Recording, sample_rate: int) -> Survey:
    """Read a recording and return how loud it is where.

    Raises:
        DataError: it cannot be read, is silent, or contains samples that are not finite.
    """
    source = _Source(recording)
    frames = _Frames(max(round(FRAME_SECONDS * sample_rate), 1))
    for block_S in _resampled(source, sample_rate):
        frames.add(block_S)
    if source.loudness < SILENCE:
        raise DataError(f"{recording.name} contains only silence")
    return Survey(frames.samples, frames.frame, frames.loudness(), source.clipped)


def at_rate(recording: Recording, sample_rate: int) -> Iterator[Float[np.ndarray, " S"]]:
    """Yield a recording in blocks, its channels averaged, at a lower sample rate.

    Raises:
        DataError: it cannot be read, or contains samples that are not finite.
    """
    return _resampled(_Source(recording), sample_rate)


def _resampled(source: _Source, sample_rate: int) -> Iterator[Float[np.ndarray, " S"]]:
    """Resample with a windowed sinc, without aliasing, each block with what is around it."""
    # Rates without a common divisor would need filters for thousands of phases; the nearest
    # ratio of small numbers is off by less than a millionth.
    ratio = Fraction(source.recording.rate, sample_rate).limit_denominator(LARGEST_TERM)
    down, up = ratio.numerator, ratio.denominator
    if source.recording.rate == sample_rate:
        yield from source.mono(1)
        return
    # Twice the filter is more than enough on both sides.
    around = (2 * FILTER_WIDTH * max(down, up) // (down * up) + 2) * down
    held_S, done = np.empty(0, np.float32), 0
    for block_S, is_last in _with_last(source.mono(down)):
        held_S = np.concatenate([held_S, block_S])
        end = len(held_S) if is_last else max((len(held_S) - around) // down * down, done)
        sound_S = (
            functional()
            .resample(torch.from_numpy(held_S), down, up, lowpass_filter_width=FILTER_WIDTH)
            .numpy()
        )
        yield sound_S[done // down * up : None if is_last else end // down * up]
        past = max(end - around, 0)
        held_S, done = held_S[past:], end - past


def _with_last(blocks: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, bool]]:
    """Yield each block, and whether it is the last."""
    before = None
    for block in blocks:
        if before is not None:
            yield before, False
        before = block
    if before is not None:
        yield before, True
