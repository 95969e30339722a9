"""Reader of audio samples made elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from torch import Tensor

from ...data.dataset import DataError
from ...data.label_folders import found_below, natural
from ...data.manifests import read_manifest
from ...measuring.bench import Bench
from ...measuring.foreign_samples import SamplesError, cell_of, class_numbers, columns_of
from .files import EXTENSIONS, prepared, read_sound
from .loading import clip_settings


def read_samples(
    path: Path, labels: Path | None, bench: Bench
) -> tuple[Tensor, np.ndarray | None]:
    """Read files like real recordings: with the sample rate, level and length of the recipe."""
    if labels is not None:
        raise SamplesError(
            f"--labels {labels} is not supported for audio: put the labels into columns of a "
            "manifest, like the manifest.csv that `seqgen sample` writes"
        )
    max_mb = bench.recipe.data.max_file_mb
    settings = clip_settings(bench.recipe.data)
    try:
        if path.is_dir():
            inside = found_below(path, EXTENSIONS, deepest=None)
            files = sorted(inside, key=lambda file: natural(str(file)))
            rows = None
        else:
            columns = columns_of(path, tuple(bench.dataset.labels)) if bench.labelled else ()
            recordings = read_manifest(path, columns, "recordings", max_mb)[1]
            files = [one.path for one in recordings]
            plain = cell_of(path)
            rows = [list(map(plain, one.labels)) for one in recordings] if columns else None
        clips = []
        for file in files:
            clip = prepared(*read_sound(file, max_mb), settings, str(file))
            if clip is None:
                raise DataError(f"{file} is longer than data.max_seconds")
            clips.append(clip)
    except DataError as error:
        raise SamplesError(str(error)) from error
    if not clips:
        raise SamplesError(f"{path} contains no {', '.join(sorted(EXTENSIONS))} files")
    items = bench.measure.real(clips)
    if rows is None:
        return items, None
    named = zip(rows, files, strict=True)
    return items, np.array([class_numbers(row, bench, str(file)) for row, file in named], np.int64)
