"""Beginnings of series that samples go on from, as a file has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from ...data.dataset import DataError
from ...data.tables import ENDINGS
from ...errors import UsageError
from ...labels import label_names, parse_labels
from ...runs.asked import Asked
from ...runs.loading import run_recipe
from ...runs.sampler import Sampler
from ...training.run import Run
from .codec import SeriesCodec, series_codec
from .files import read_series
from .items import SeriesFile, complete, renumbered
from .loading import columns_of


@dataclass(frozen=True)
class Beginning:
    """What the samples of a set have in common: their first steps, and what they are asked to be.

    Attributes:
        label_LA: a row for each label.
        given: the first steps, ``[P, C]`` as one series; none where nothing is given.
        prefix: the same as the network reads them.
    """

    label_LA: Int[np.ndarray, "L A"]
    given: Sequence[Float[np.ndarray, "P C"]] = ()
    prefix: Float[Tensor, "P F"] | None = None

    def names(self, number: int, sampler: Sampler) -> list[str]:
        """Return a name for each label, with the number of the beginning if steps are given."""
        names = [" ".join(label_names(row, sampler.labels)) for row in self.label_LA]
        return [f"{number} {name}" for name in names] if self.given else names


def read_beginnings(sampler: Sampler, asked: Asked) -> list[Beginning]:
    """Return the beginnings that the file of ``--prompt`` has; one of no steps without a file.

    Labels are those of the file, unless others are asked for, or the file has none.

    Raises:
        DataError: the file cannot be read.
        UsageError: a beginning is empty, too long, or of other channels.
        LabelError: the run has no such label.
    """
    wanted_LA = parse_labels(asked.labels or None, sampler.labels)
    if (path := asked.prompt) is None:
        return [Beginning(wanted_LA)]
    codec = series_codec(sampler.codec)
    file, labelled = _read(path, asked, sampler, codec)
    found = []
    for one in file.series:
        value_SC = complete(one, file.channels, "error", "fill them").value_SC
        own_LA = wanted_LA
        if labelled and not asked.labels:
            named = zip(file.attributes, one.label, strict=True)
            own_LA = parse_labels([f"{name}={value}" for name, value in named], sampler.labels)
        try:
            found.append(Beginning(own_LA, [value_SC], sampler.beginning(value_SC)))
        except UsageError as error:
            raise UsageError(f"--prompt: {one.name}: {error}") from error
    return found


def _read(
    path: Path, asked: Asked, sampler: Sampler, codec: SeriesCodec
) -> tuple[SeriesFile, bool]:
    """Read the file as the recipe reads tables; say whether it has the labels of the run."""
    columns = columns_of(run_recipe(Run(asked.run)).data)
    by_name = path.suffix.lower() in (*ENDINGS, ".npz") and columns.layout != "wide"
    columns = replace(columns, channels=codec.channels if by_name else columns.channels)
    known = tuple(sampler.labels)
    try:
        file = read_series(path, replace(columns, labels=known), whole=False)
    except DataError:
        # Without labels, then; what else is wrong is wrong again.
        file = read_series(path, replace(columns, labels=()), whole=False)
    texts = {n: one.names for n, one in zip(codec.channels, codec.sorts, strict=True) if one.names}
    return renumbered(file, texts), file.attributes == known
