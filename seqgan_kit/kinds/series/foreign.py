"""Series samples made by other tools."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from torch import Tensor

from ...data.dataset import DataError, some
from ...data.tables import ENDINGS
from ...data.unequal import as_objects
from ...measuring.bench import Bench
from ...measuring.foreign_samples import SamplesError, cell_of, class_numbers, columns_of
from . import loading
from .files import read_series
from .items import complete, renumbered


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
    columns = loading.columns_of(bench.recipe.data)
    known = tuple(bench.dataset.labels) if bench.labelled else ()
    channels = tuple(bench.dataset.channels)
    key, time = columns_of(path, (columns.id, columns.time))
    # In a table with a row a series, columns are steps.
    tables = () if columns.layout == "wide" else ENDINGS
    by_name = path.suffix.lower() in (*tables, ".npz")
    try:
        found = read_series(
            path,
            replace(
                columns,
                id=key,
                time=time,
                labels=columns_of(path, known),
                channels=columns_of(path, channels) if by_name else columns.channels,
            ),
            whole=False,
            max_mb=bench.recipe.data.max_file_mb,
        )
        texts = bench.dataset.categories
        if by_name and path.suffix.lower() in tables and set(texts) - set(found.categories):
            name = next(name for name in texts if name not in found.categories)
            raise SamplesError(
                f"{path}: {name} holds numbers; expected the texts of {bench.dataset.name}: "
                f"{some(texts[name])}"
            )
        found = renumbered(found, texts)
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
