"""Samples in shards, read by their kind as it reads samples made elsewhere."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..data import shards
from ..data.dataset import DataError
from ..data.manifests import MANIFEST, write_manifest


@contextmanager
def gathered(folder: Path, *, max_mb: int) -> Iterator[Path]:
    """Give the samples of shards as one file or folder in a form that kinds read.

    It is temporary, and takes as much room on the disk as the shards.

    Args:
        folder: the shards.
        max_mb: most memory that a single file may take.

    Raises:
        DataError: the folder is unfinished, or a shard is missing, damaged or of other columns.
    """
    found, paths = shards.intact_shards(folder)
    with tempfile.TemporaryDirectory(prefix="seqgan-shards-") as temporary:
        place = Path(temporary)
        if found.form == shards.PARQUET:
            target = place / "samples.parquet"
            shards.joined_parquet(paths, target)
            yield target
        else:
            _unpacked(paths, place, found.form, max_mb)
            yield place


def _unpacked(paths: list[Path], folder: Path, ending: str, max_mb: int) -> None:
    """Write the files of tars into a folder, with a manifest of their labels."""
    names: list[str] = []
    columns: dict[str, list[str]] = {}
    for path in paths:
        for name, content, labels in shards.read_tar(path, ending=ending, max_mb=max_mb):
            if names and labels.keys() != columns.keys():
                raise DataError(
                    f"{path}: {name} has the labels {', '.join(labels) or '(none)'}; others have "
                    f"{', '.join(columns) or '(none)'}"
                )
            (folder / name).write_bytes(content)
            names.append(name)
            for attribute, value in labels.items():
                columns.setdefault(attribute, []).append(value)
    write_manifest(folder / MANIFEST, names, columns)
