"""Reader of audio samples made elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from torch import Tensor

from ...data.dataset import DataError
from ...measuring.bench import Bench
from ...measuring.foreign_samples import SamplesError
from ...measuring.sample_files import sample_files
from .files import EXTENSIONS, open_recording
from .loading import clip_settings
from .preparing import take


def read_samples(
    path: Path, labels: Path | None, bench: Bench
) -> tuple[Tensor, np.ndarray | None]:
    """Read files like real recordings: with the sample rate, level and length of the recipe.

    Their labels are in a manifest, or are the names of the folders that they are in.
    """
    if labels is not None:
        raise SamplesError(
            f"--labels {labels} is not supported for audio: put the labels into columns of a "
            "manifest, like the manifest.csv that `seqgen sample` writes, or use one sub-folder "
            "for each label"
        )
    settings = clip_settings(bench.recipe.data)
    files, label_NA = sample_files(path, EXTENSIONS, "recordings", bench)
    clips: list[np.ndarray] = []
    for file in files:
        try:
            taken = take(open_recording(file, bench.recipe.data.max_file_mb), settings)
            clips.extend(taken.clips)
        except DataError as error:
            raise SamplesError(str(error)) from error
        if not taken.facts.clips:
            raise SamplesError(f"{file} is longer than data.max_seconds")
    return bench.measure.real(clips), label_NA
