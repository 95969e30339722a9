"""Beginnings of series that samples go on from, as a file has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from ...data.unequal import as_objects
from ...errors import UsageError
from ...labels import label_names, parse_labels
from ...runs.asked import Asked
from ...runs.loading import run_recipe
from ...runs.sampler import Sampler
from ...training.run import Run
from .codec import SeriesCodec, series_codec
from .foreign import read_alike
from .items import LabelsAbsent, SeriesFile, complete


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
        DataError: the file cannot be read, or has other labels or categories.
        UsageError: a beginning is empty, too long, or of other channels.
        LabelError: the run has no such label.
    """
    wanted_LA = parse_labels(asked.labels or None, sampler.labels)
    if (path := asked.prompt) is None:
        return [Beginning(wanted_LA)]
    codec = series_codec(sampler.codec)
    file = _read(path, asked, sampler, codec)
    labelled = not asked.labels and file.attributes == tuple(sampler.labels)
    found = []
    for one in file.series:
        value_SC = complete(one, file.channels, "error", "fill them").value_SC
        own_LA = wanted_LA
        if labelled:
            named = zip(file.attributes, one.label, strict=True)
            own_LA = parse_labels([f"{name}={value}" for name, value in named], sampler.labels)
        try:
            found.append(Beginning(own_LA, [value_SC], sampler.beginning(value_SC)))
        except UsageError as error:
            raise UsageError(f"--prompt: {one.name}: {error}") from error
    far = np.concatenate(codec.clipped(as_objects([one.given[0] for one in found]))).any(1)
    if far.any():
        asked.say(
            "--prompt: steps with values beyond those of the training data, which are cut: "
            f"{far.sum():,} of {len(far):,}"
        )
    return found


def _read(path: Path, asked: Asked, sampler: Sampler, codec: SeriesCodec) -> SeriesFile:
    """Read the file as the recipe reads tables, with the labels of the run if it has them."""
    data = run_recipe(Run(asked.run)).data
    texts = {n: one.names for n, one in zip(codec.channels, codec.sorts, strict=True) if one.names}
    labels = () if asked.labels else tuple(sampler.labels)
    try:
        file = read_alike(path, data, labels, codec.channels, texts)
    except LabelsAbsent as absent:
        file = read_alike(path, data, (), codec.channels, texts)
        asked.say(f"--prompt without labels, so that each goes on under every label: {absent}")
    return file
