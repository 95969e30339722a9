"""Reader of text samples made elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from torch import Tensor

from ...data.dataset import DataError
from ...measuring.bench import Bench
from ...measuring.foreign_samples import SamplesError, cell_of, class_numbers, columns_of
from .files import read_rows
from .loading import text_column


def read_samples(
    path: Path, labels: Path | None, bench: Bench
) -> tuple[Tensor, np.ndarray | None]:
    if labels is not None:
        raise SamplesError(
            f"--labels {labels} is not supported for text: put the labels into columns of a "
            ".jsonl, .csv or .tsv file"
        )
    known = bench.dataset.labels
    named = bench.labelled and path.suffix.lower() != ".txt"
    # Under the names of the recipe, if it has any, so that the file of the data can be read, too.
    text = text_column(bench.recipe.data)
    columns = columns_of(path, tuple(known)) if named else ()
    try:
        rows = read_rows(
            path,
            text=text,
            labels=columns,
            skip=False,
            advice="fix it",
            max_mb=bench.recipe.data.max_file_mb,
        ).rows
    except DataError as error:
        raise SamplesError(str(error)) from error
    plain = cell_of(path)
    items = bench.measure.real([plain(row.text) for row in rows])
    if not named:
        return items, None
    label_NA = np.zeros((len(rows), len(known)), np.int64)
    for place, row in enumerate(rows):
        label_NA[place] = class_numbers(
            list(map(plain, row.labels)), bench, f"{path}, line {row.line}"
        )
    return items, label_NA
