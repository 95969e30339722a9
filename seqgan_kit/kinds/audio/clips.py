"""Audio clips of unequal lengths."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np

TooLong = Literal["cut", "drop", "error"]


PIECES = ("window", "stride", "pause")
"""Settings that runs of earlier versions do not have."""


@dataclass(frozen=True)
class ClipSettings:
    """Settings for turning a recording into clips: one, unless it is cut into pieces.

    Attributes:
        sample_rate: samples per second of every clip; recordings with a higher rate are
            resampled.
        trim_db: frames this many decibels below the loudest one are silence, which is trimmed at
            both ends; ``None``: no trimming.
        peak: the largest absolute value of every clip; ``None``: the level is unchanged.
        max_seconds: maximum length of a clip.
        too_long: whether a longer clip is cut at the end, left out, or an error.
        window: seconds of each piece; ``None``: a recording is not cut into windows.
        stride: seconds from one window to the next; ``None``: the length of a window.
        pause: the shortest silence, in seconds, at which a recording is cut into pieces; ``None``:
            it is not cut there.
    """

    sample_rate: int
    trim_db: float | None = 40.0
    peak: float | None = 0.95
    max_seconds: float = 1.0
    too_long: TooLong = "cut"
    window: float | None = None
    stride: float | None = None
    pause: float | None = None

    @property
    def max_samples(self) -> int:
        """Maximum number of samples in a clip."""
        return self.samples(self.max_seconds)

    def samples(self, seconds: float) -> int:
        """Return a duration as a number of samples, at least one."""
        return max(round(seconds * self.sample_rate), 1)

    @property
    def key(self) -> dict[str, object]:
        """The settings as part of a cache key; without pieces, that of earlier versions."""
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in PIECES or value is not None
        }


class Clips:
    """Clips stored back to back in one array, which may be memory-mapped.

    Args:
        samples: the samples of all clips, 32-bit floats in -1..1.
        start_N: the start of each clip, and the end of the last one: one entry more than there
            are clips.
        chosen_P: indices of the clips to use, in this order; all of them by default.

    Raises:
        ValueError: the starts do not split the samples into clips of at least one sample.

    >>> clips = Clips(np.array([0.1, 0.2, 0.3], np.float32), np.array([0, 1, 3]))
    >>> [len(clip) for clip in clips[:2]]
    [1, 2]
    """

    def __init__(
        self, samples: np.ndarray, start_N: np.ndarray, chosen_P: np.ndarray | None = None
    ) -> None:
        if not len(start_N) or start_N[0] < 0 or start_N[-1] > len(samples):
            raise ValueError(f"the starts must lie within the {len(samples)} samples")
        if (np.diff(start_N) < 1).any():
            raise ValueError("every clip must have at least one sample")
        self.samples, self.start_N = samples, np.asarray(start_N, np.int64)
        self.chosen_P = np.arange(len(start_N) - 1) if chosen_P is None else chosen_P

    def __len__(self) -> int:
        return len(self.chosen_P)

    def __getitem__(self, index: slice) -> np.ndarray:
        """Return clips ``[n]`` as an object array: each is a row of 32-bit floats."""
        chosen_P = self.chosen_P[index]
        # Filled one by one, because NumPy would stack clips of equal length.
        clip_P = np.empty(len(chosen_P), object)
        for place, number in enumerate(chosen_P):
            begin, end = self.start_N[number], self.start_N[number + 1]
            clip_P[place] = np.array(self.samples[begin:end], np.float32)
        return clip_P

    def choose(self, index_P: np.ndarray) -> Clips:
        """Return some of the clips, in this order, without copying their samples."""
        return Clips(self.samples, self.start_N, self.chosen_P[index_P])
