"""From a recipe to data and codecs: every question goes to the recipe's kind of data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from .. import plugins
from ..data.dataset import Dataset, PartName, unlabelled
from ..data.sources import Progress
from ..errors import PluginError
from ..files import FileProblem
from ..kind import Codec, Kind, Measure, StoredCodec
from ..recipe import Recipe
from ..training.run import Run


def kind_of(recipe: Recipe) -> Kind:
    """Return the kind of a recipe's data."""
    return plugins.kind_of_source(recipe.data.source)


def kind_of_run(run: Run) -> Kind:
    """Return the kind of what a run writes, from its folder alone.

    Raises:
        FileProblem: ``run.json`` names a codec that no installed kind has.
    """
    codec = run.info["codec"]
    try:
        # Before there were several codecs, none was named.
        return plugins.kind_of_codec(codec.get("kind", "rows"))
    except (PluginError, AttributeError) as error:
        if isinstance(error, PluginError):
            raise FileProblem(f"{run.path / 'run.json'}: {error}") from error
        raise FileProblem(f"{run.path / 'run.json'} is damaged: codec is no mapping") from error


def load_dataset(recipe: Recipe, progress: Progress | None = None) -> Dataset:
    """Load the data set of a recipe, fetching it if need be.

    Raises:
        DataError: it cannot be had or used.
    """
    return kind_of(recipe).load(recipe.data, progress)


def seen(recipe: Recipe, dataset: Dataset) -> Dataset:
    """Return the data as the networks see them: without labels where the recipe says so."""
    return dataset if recipe.conditional else unlabelled(dataset)


def store_codec(recipe: Recipe, dataset: Dataset) -> StoredCodec:
    """Learn the codec of a recipe from these data.

    Raises:
        DataError: it cannot be learned from them.
    """
    return kind_of(recipe).learn(recipe, dataset)


def make_codec(kind: Kind, stored: StoredCodec) -> Codec:
    """Make the codec that was stored.

    Raises:
        FileProblem: one of its files is missing or not the one of the training, or its settings
            are damaged.
        PluginError: what the kind gives is not a :class:`~seqgan_kit.kind.Codec`.
    """
    try:
        codec = kind.codec(stored)
    except (KeyError, TypeError) as error:
        raise FileProblem(f"the settings of the codec are damaged: {error}") from error
    given: object = codec
    if not isinstance(given, Codec):
        missing = [name for name in CODEC_PARTS if not hasattr(given, name)]
        raise PluginError(
            f"{type(codec).__name__} of the kind {kind.name!r} is no codec: it lacks "
            f"{', '.join(missing)}; inherit from seqgan_kit.kind.Codec for the usual values"
        )
    return codec


CODEC_PARTS = (
    "steps", "features", "end", "group", "shape", "encode", "decode", "present", "view",
)  # fmt: skip


def run_codec(run: Run) -> Codec:
    """Make the codec of a run, from its folder alone.

    Raises:
        FileProblem: one of its files is missing or not the one of the training.
    """
    return make_codec(kind_of_run(run), StoredCodec(run.info["codec"], run.codec_files()))


def trainable(recipe: Recipe, dataset: Dataset, codec: Codec) -> tuple[Dataset, Sequence[str]]:
    """Leave out training items that the codec cannot take; return notes on that, too.

    Raises:
        DataError: it can take none.
    """
    return kind_of(recipe).trainable(recipe, dataset, codec)


def measure_of(recipe: Recipe, dataset: Dataset) -> Measure:
    """Return how samples of a recipe, and its data, are judged and measured."""
    return kind_of(recipe).measure(recipe, dataset)


def part_items(dataset: Dataset, measure: Measure, part: PartName) -> tuple[Tensor, np.ndarray]:
    """Return a part of a data set as items, and its labels."""
    found = dataset.parts[part]
    return measure.real(found.items[: len(found)]), found.label_NA
