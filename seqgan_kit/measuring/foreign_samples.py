"""External samples, made by other programs, and read so that they can be measured like ours."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from ..data.dataset import DataError
from ..data.names import plain_cell, safe_cell
from ..data.reading import opened
from ..data.shards import has_shards
from ..errors import UsageError
from ..labels import Bins, number_of
from .bench import Bench
from .shard_samples import gathered

TABLES = (".csv", ".tsv")
LONGEST_HEADER = 1 << 20


class SamplesError(UsageError):
    """The error for external samples that cannot be measured; the message says why."""


def read_samples(
    path: Path, labels: Path | None, bench: Bench
) -> tuple[Tensor, np.ndarray | None]:
    """Read external samples as items that the bench can measure, and their requested labels.

    Args:
        path: a file or folder in a format of this kind of data, or a folder of shards.
        labels: a file of labels, if the samples do not contain their labels.
        bench: the bench that measures them.

    Raises:
        SamplesError: they do not fit the data or each other.
    """
    check_paths(path, labels)
    if not has_shards(path):
        return bench.kind.read_samples(path, labels, bench)
    if labels is not None:
        raise SamplesError(f"--labels {labels} is not supported for shards: they have labels")
    try:
        with gathered(path, max_mb=bench.recipe.data.max_file_mb) as place:
            try:
                return bench.kind.read_samples(place, None, bench)
            except SamplesError as error:
                # The user knows nothing of the temporary place.
                raise SamplesError(str(error).replace(str(place), str(path))) from error
    except DataError as error:
        raise SamplesError(str(error)) from error


def check_paths(path: Path, labels: Path | None) -> None:
    """Refuse what is no file or folder, before anything is measured.

    Raises:
        SamplesError: it does not exist, or is a pipe or a device.
    """
    for one in (path, *([labels] if labels else [])):
        if not one.exists():
            raise SamplesError(f"{one} does not exist")
        if not one.is_dir():
            opened(one, SamplesError).close()


def cell_of(path: Path) -> Callable[[str], str]:
    """Return what makes text of a cell: `seqgen sample` quotes some cells of its tables."""
    return plain_cell if path.suffix.lower() in TABLES else str


def columns_of(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    """Return the names that these columns have in the header of a table, quoted or not.

    Other files, and tables that cannot be read, have the names that are expected.
    """
    if path.suffix.lower() not in TABLES or all(safe_cell(name) == name for name in names):
        return tuple(names)
    try:
        with opened(path) as file:
            first = file.readline(LONGEST_HEADER).decode("utf-8-sig", errors="replace")
        header = next(csv.reader([first]), [])
    except (DataError, csv.Error):
        return tuple(names)
    return tuple(
        name if name in header or safe_cell(name) not in header else safe_cell(name)
        for name in names
    )


def class_numbers(names: Sequence[str], bench: Bench, where: str) -> list[int]:
    """Return the class numbers for the label names of one sample.

    Raises:
        SamplesError: the data have no such class.
    """
    numbers = []
    for name, (attribute, classes) in zip(names, bench.dataset.labels.items(), strict=True):
        if isinstance(classes, Bins) and (value := number_of(name)) is not None:
            numbers.append(classes.holding(value))
            continue
        if name not in classes:
            raise SamplesError(
                f"{where}: {bench.dataset.name} has no {attribute} {name!r}; it has "
                f"{', '.join(classes)}"
            )
        numbers.append(list(classes).index(name))
    return numbers
