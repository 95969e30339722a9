"""Summary of audio data: total duration, lengths of clips and spectrograms."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ...data.dataset import PARTS, Dataset, Items
from ...data.unequal import unpadded
from ...report.data import of_each_class, quantile_rows, row
from .codec import AudioCodec
from .drawing import spectrogram_grid

READ = 1000
"""Clips read at a time while their lengths are counted."""

ACROSS = 4
"""Clips per class on a sheet."""


def summary(dataset: Dataset, codec: AudioCodec) -> str:
    """Describe the total duration of each part, and the lengths of its clips in seconds."""
    seconds = [_samples(dataset.parts[name].items) / codec.sample_rate for name in PARTS]
    return "\n".join(
        [
            row(f"{codec.sample_rate} Hz", PARTS),
            row("in all", [_duration(float(n.sum())) for n in seconds]),
            *quantile_rows(seconds, ".2f"),
        ]
    )


def _samples(clips: Items) -> np.ndarray:
    """Count the samples of each clip."""
    starts = range(0, len(clips), READ)
    return np.array([len(clip) for at in starts for clip in clips[at : at + READ]], np.int64)


def _duration(seconds: float) -> str:
    """Format a duration in a suitable unit.

    >>> _duration(42.0), _duration(1290.0), _duration(5400.0)
    ('42.0 s', '21.5 min', '1.5 h')
    """
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def contact_sheet(dataset: Dataset, codec: AudioCodec) -> Image.Image:
    """Draw spectrograms of training clips that were encoded and decoded."""
    names, rows = of_each_class(dataset, codec, ACROSS)
    return spectrogram_grid([unpadded(clips) for clips in rows], names, codec.sample_rate)
