"""Series samples made by other tools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from ...data.dataset import DataError, some
from ...data.tables import ENDINGS
from ...data.unequal import as_objects
from ...measuring.bench import Bench
from ...measuring.foreign_samples import SamplesError, cell_of, class_numbers, columns_of
from . import loading
from .files import read_series
from .items import SeriesFile, complete, renumbered


def read_samples(
    path: Path, labels: Path | None, bench: Bench
) -> tuple[Tensor, np.ndarray | None]:
    """Read samples with :func:`~seqgan_kit.kinds.series.files.read_series`.

    A table has the columns that the recipe names.
    """
    if labels is not None:
        raise SamplesError(
            f"--labels {labels} is not supported for series: put labels into columns of a .csv, "
            "arrays of a .npz, or NAME.labels.npy next to NAME.npy"
        )
    known = tuple(bench.dataset.labels) if bench.labelled else ()
    channels = tuple(bench.dataset.channels)
    try:
        found = read_alike(path, bench.recipe.data, known, channels, bench.dataset.categories)
        series = [complete(one, found.channels, "error", "fill them") for one in found.series]
        names = [list(map(cell_of(path), one.label)) for one in series]
    except DataError as error:
        raise SamplesError(str(error)) from error
    if len(found.channels) != len(channels):
        raise SamplesError(
            f"{path} has {len(found.channels)} channels; {bench.dataset.name} has {len(channels)}"
        )
    items = bench.measure.real(as_objects([one.value_SC for one in series]))
    if not known:
        return items, None
    if len(found.attributes) != len(known):
        raise SamplesError(
            f"{path} has the labels {', '.join(found.attributes) or '(none)'}; expected those of "
            f"{bench.dataset.name}: {', '.join(known)}"
        )
    rows = [class_numbers(row, bench, one.name) for row, one in zip(names, series, strict=True)]
    return items, np.array(rows, np.int64)


def read_alike(
    path: Path,
    data: Any,
    labels: tuple[str, ...],
    channels: tuple[str, ...],
    texts: Mapping[str, Sequence[str]],
) -> SeriesFile:
    """Read a file that looks like the data of a recipe, or like samples of its runs.

    Args:
        path: the file.
        data: the section ``data`` of the recipe: how tables are written.
        labels: the attributes to read; none: as the file has them.
        channels: the channels of the data.
        texts: the texts of the channels that are categories.

    Raises:
        LabelsAbsent: the labels are not there.
        DataError: it cannot be read, or its categories are others.
    """
    columns = loading.columns_of(data)
    key, time = columns_of(path, (columns.id, columns.time))
    # In a table with a row a series, columns are steps.
    tables = () if columns.layout == "wide" else ENDINGS
    by_name = path.suffix.lower() in (*tables, ".npz")
    columns = replace(
        columns,
        id=key,
        time=time,
        labels=columns_of(path, labels),
        channels=columns_of(path, channels) if by_name else columns.channels,
    )
    file = read_series(path, columns, whole=False, max_mb=data.max_file_mb)
    if by_name:
        # A table may quote the names of channels.
        names = dict(zip(file.channels, channels, strict=True))
        own = {names[name]: found for name, found in file.categories.items()}
        file = replace(file, channels=channels, categories=own)
    numeric = [name for name in texts if name not in file.categories]
    if numeric and path.suffix.lower() in tables:
        raise DataError(
            f"{path}: {numeric[0]} holds numbers; expected the texts of the training data: "
            f"{some(texts[numeric[0]])}"
        )
    return renumbered(file, texts, cell_of(path))
