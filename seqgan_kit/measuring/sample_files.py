"""Samples that are one file each: in a folder, with a manifest or a sub-folder for each label."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from ..data.dataset import DataError, some
from ..data.label_folders import found_below, natural
from ..data.manifests import ENDINGS, MANIFEST, read_manifest, rows_like
from ..labels import normal
from .bench import Bench
from .foreign_samples import SamplesError, cell_of, class_numbers, columns_of


def sample_files(
    path: Path, extensions: Collection[str], what: str, bench: Bench
) -> tuple[list[Path], np.ndarray | None]:
    """Find the files of samples, and their class numbers ``[N, A]`` if they are known.

    Args:
        path: a manifest, a folder with one, a folder with a sub-folder for each label, any other
            folder, or one file.
        extensions: extensions of the files, in lower case.
        what: name of the files in messages, in the plural.
        bench: what they are measured with; it knows the classes.

    Raises:
        SamplesError: there are no files, some are in folders of no class, or the manifest cannot
            be read, lacks a column or names a class that the data do not have.
    """
    manifest = path / MANIFEST if path.is_dir() else path
    if manifest.is_file() and manifest.suffix.lower() in ENDINGS:
        return _listed(manifest, what, bench)
    if path.is_file():
        return [path], None
    inside = found_below(path, extensions, deepest=None)
    files = sorted(inside, key=lambda file: natural(str(file)))
    if not files:
        raise SamplesError(f"{path} contains no {what} ({', '.join(sorted(extensions))})")
    return files, _by_folder(path, files, bench)


def _listed(manifest: Path, what: str, bench: Bench) -> tuple[list[Path], np.ndarray | None]:
    columns = columns_of(manifest, tuple(bench.dataset.labels)) if bench.labelled else ()
    # Samples without labels have a manifest, too, with none of these columns.
    labelled = any(column in row for row in rows_like(manifest) for column in columns)
    try:
        found = read_manifest(
            manifest, columns if labelled else ("path",), what, bench.recipe.data.max_file_mb
        )[1]
    except DataError as error:
        raise SamplesError(str(error)) from error
    files = [one.path for one in found]
    if not labelled:
        return files, None
    plain = cell_of(manifest)
    rows = [
        class_numbers([plain(label) for label in one.labels], bench, str(one.path))
        for one in found
    ]
    return files, np.array(rows, np.int64)


def _by_folder(root: Path, files: Sequence[Path], bench: Bench) -> np.ndarray | None:
    """Return the classes that folders are named after, if the data have one attribute.

    Raises:
        SamplesError: only some of them are.
    """
    if not bench.labelled or len(bench.dataset.labels) > 1:
        return None
    [(attribute, classes)] = bench.dataset.labels.items()
    number_of = {normal(name): number for number, name in enumerate(classes)}
    folders = ["" if file.parent == root else normal(file.parent.name) for file in files]
    others = [file for file, name in zip(files, folders, strict=True) if name not in number_of]
    if len(others) == len(files):
        return None
    if others:
        places = sorted({str(file.parent) for file in others}, key=natural)
        raise SamplesError(
            f"{root}: {len(others)} of {len(files)} files are in no folder of a {attribute} of "
            f"{bench.dataset.name} ({some(places)}): move them, or list all files in a "
            f"{MANIFEST}"
        )
    return np.array([[number_of[name]] for name in folders], np.int64)
