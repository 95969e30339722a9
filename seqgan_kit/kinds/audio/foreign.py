"""Reader of audio samples made elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from ...data.dataset import DataError, some
from ...data.label_folders import found_below, natural
from ...data.manifests import read_manifest
from ...labels import normal
from ...measuring.bench import Bench
from ...measuring.foreign_samples import SamplesError, cell_of, class_numbers, columns_of
from .files import EXTENSIONS, open_recording
from .loading import clip_settings
from .preparing import take
from .writing import MANIFEST

Rows = Sequence[Sequence[str]] | None
"""Names of the classes of each file, where they are known."""


def read_samples(
    path: Path, labels: Path | None, bench: Bench
) -> tuple[Tensor, np.ndarray | None]:
    """Read files like real recordings: with the sample rate, level and length of the recipe.

    Their labels are columns of a manifest, named as in the recipe, or the names of the folders
    that they are in, if data have one attribute.
    """
    if labels is not None:
        raise SamplesError(
            f"--labels {labels} is not supported for audio: put the labels into columns of a "
            "manifest, like the manifest.csv that `seqgen sample` writes"
        )
    max_mb = bench.recipe.data.max_file_mb
    settings = clip_settings(bench.recipe.data)
    try:
        files, rows = _found(path, bench, max_mb)
        # Classes that the data do not have are refused before anything is decoded.
        numbers = None if rows is None else [
            class_numbers(row, bench, str(file)) for row, file in zip(rows, files, strict=True)
        ]  # fmt: skip
        clips: list[np.ndarray] = []
        for file in files:
            taken = take(open_recording(file, max_mb), settings)
            if not taken.facts.clips:
                raise DataError(f"{file} is longer than data.max_seconds")
            clips.extend(taken.clips)
    except DataError as error:
        raise SamplesError(str(error)) from error
    return bench.measure.real(clips), None if numbers is None else np.array(numbers, np.int64)


def _found(path: Path, bench: Bench, max_mb: int) -> tuple[list[Path], Rows]:
    """Return the files of a folder or manifest, and their classes if they are known.

    Raises:
        DataError: the manifest cannot be read or lacks a column.
        SamplesError: there are no files, or some are in folders of no class.
    """
    manifest = path / MANIFEST if path.is_dir() else path
    if manifest.is_file():
        columns = columns_of(manifest, tuple(bench.dataset.labels)) if bench.labelled else ()
        recordings = read_manifest(manifest, columns, "recordings", max_mb)[1]
        plain = cell_of(manifest)
        rows = [list(map(plain, one.labels)) for one in recordings] if columns else None
        return [one.path for one in recordings], rows
    inside = found_below(path, EXTENSIONS, deepest=None)
    files = sorted(inside, key=lambda file: natural(str(file)))
    if not files:
        raise SamplesError(f"{path} contains no {', '.join(sorted(EXTENSIONS))} files")
    return files, _by_folder(path, files, bench)


def _by_folder(root: Path, files: Sequence[Path], bench: Bench) -> Rows:
    """Return the names of the folders if they are classes of the only attribute.

    Raises:
        SamplesError: only some of them are.
    """
    if not bench.labelled or len(bench.dataset.labels) > 1:
        return None
    [(attribute, classes)] = bench.dataset.labels.items()
    folders = {file: normal(file.parent.name) for file in files if file.parent != root}
    others = [file for file in files if folders.get(file) not in classes]
    if len(others) == len(files):
        return None
    if others:
        places = sorted({str(file.parent) for file in others}, key=natural)
        raise SamplesError(
            f"{root}: {len(others)} of {len(files)} files are in no folder of a {attribute} of "
            f"{bench.dataset.name} ({some(places)}): move them, or list all files in a manifest"
        )
    return [[folders[file]] for file in files]
