"""Clips of sound, of unequal lengths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

TooLong = Literal["cut", "drop", "error"]


@dataclass(frozen=True)
class ClipSettings:
    """How a recording becomes a clip.

    Attributes:
        sample_rate: samples a second of every clip; recordings of a higher rate are resampled.
        trim_db: what is this many decibels under the loudest frame of a recording is silence, and
            is cut at both ends; ``None`` trims nothing.
        peak: the largest absolute value of every clip; ``None`` leaves the level as it is.
        max_seconds: the longest clip.
        too_long: what becomes of a longer one: its end is cut, it is left out, or it is an error.
    """

    sample_rate: int
    trim_db: float | None = 40.0
    peak: float | None = 0.95
    max_seconds: float = 1.0
    too_long: TooLong = "cut"

    @property
    def max_samples(self) -> int:
        """Samples of the longest clip."""
        return max(round(self.max_seconds * self.sample_rate), 1)


class Clips:
    """Clips one behind the other in one array, which may be memory-mapped.

    Args:
        samples: the samples of all clips, 32-bit floats in -1..1.
        start_N: where each clip begins, and where the last one ends: one number more than there
            are clips.
        chosen_P: the numbers of the clips that count, in their order; all of them by default.

    Raises:
        ValueError: the numbers do not cut the samples into clips of one sample or more.

    >>> clips = Clips(np.array([0.1, 0.2, 0.3], np.float32), np.array([0, 1, 3]))
    >>> [len(clip) for clip in clips[:2]]
    [1, 2]
    """

    def __init__(
        self, samples: np.ndarray, start_N: np.ndarray, chosen_P: np.ndarray | None = None
    ) -> None:
        if not len(start_N) or start_N[0] < 0 or start_N[-1] > len(samples):
            raise ValueError(f"the starts do not lie within the {len(samples)} samples")
        if (np.diff(start_N) < 1).any():
            raise ValueError("every clip has one sample or more")
        self.samples, self.start_N = samples, np.asarray(start_N, np.int64)
        self.chosen_P = np.arange(len(start_N) - 1) if chosen_P is None else chosen_P

    def __len__(self) -> int:
        return len(self.chosen_P)

    def __getitem__(self, index: slice) -> np.ndarray:
        """Clips ``[n]``, an array of objects: each is one row of 32-bit floats."""
        chosen_P = self.chosen_P[index]
        # Filled one by one: NumPy would stack clips that happen to be equally long.
        clip_P = np.empty(len(chosen_P), object)
        for place, number in enumerate(chosen_P):
            begin, end = self.start_N[number], self.start_N[number + 1]
            clip_P[place] = np.array(self.samples[begin:end], np.float32)
        return clip_P

    def choose(self, index_P: np.ndarray) -> Clips:
        """Only some of the clips, in this order; their samples are not copied."""
        return Clips(self.samples, self.start_N, self.chosen_P[index_P])
