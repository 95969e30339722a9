"""From a recipe to data and codecs: every question goes to the recipe's kind of data."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError
from torch import Tensor

from .. import plugins
from ..data.addresses import is_address
from ..data.dataset import DataError, Dataset, PartName, unlabelled
from ..data.numeric import numbered
from ..data.reading import user_path
from ..data.shards import has_shards
from ..data.sources import Progress
from ..data.streamed import learned_from, streamed
from ..errors import PluginError
from ..files import FileProblem
from ..kind import Codec, Kind, Measure, StoredCodec
from ..recipe import Recipe
from ..sections import StreamedData, first_problem, shown
from ..training.run import Run

UNNAMED = "rows"
"""The codec of runs that name none: before there were several, it was the only one."""


def kind_of(recipe: Recipe) -> Kind:
    """Return the kind of a recipe's data."""
    return plugins.kind_of_source(recipe.data.source)


def kind_of_run(run: Run) -> Kind:
    """Return the kind of what a run writes, from its folder alone.

    Raises:
        FileProblem: ``run.json`` names a codec that no installed kind has.
    """
    path = run.path / "run.json"
    name = run.info["codec"].get("kind", UNNAMED)
    if not isinstance(name, str):
        raise FileProblem(f"{path} is damaged: codec.kind: {shown(name)} is no name")
    try:
        return plugins.kind_of_codec(name)
    except PluginError as error:
        raise FileProblem(f"{path}: {error}") from error


def load_dataset(recipe: Recipe, progress: Progress | None = None) -> Dataset:
    """Load the data set of a recipe, fetching it if need be.

    Raises:
        DataError: it cannot be had or used.
    """
    root = recipe.data.root
    if isinstance(recipe.data, StreamedData):
        if recipe.data.stream is not None:
            return streamed(kind_of(recipe), recipe.data, progress)
        _refuse_shards(root)
    # Known data have places of their own to be looked for.
    if recipe.data.own_root and root is not None and not os.path.lexists(user_path(root)):
        raise DataError(
            f"{root}: there is no such file or folder; if the data are elsewhere, add "
            "data.root=PLACE to the command"
        )
    return numbered(kind_of(recipe).load(recipe.data, progress), recipe.data.numeric)


def _refuse_shards(root: str | None) -> None:
    """Refuse what is meant to be streamed, and does not say so.

    Raises:
        DataError: it is an address, or a folder that ``seqgen sample --shards`` wrote.
    """
    if root is not None and (is_address(root) or has_shards(user_path(root))):
        what = "an address" if is_address(root) else "a folder of shards"
        raise DataError(f"{root} is {what}: add data.stream={{}} to read its shards")


def located(recipe: Recipe) -> Recipe:
    """Return the recipe with a whole path for ``data.root``, which holds in every folder."""
    if recipe.data.root is None or is_address(recipe.data.root):
        return recipe
    root = os.path.abspath(user_path(recipe.data.root))
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"root": root})})


def seen(recipe: Recipe, dataset: Dataset) -> Dataset:
    """Return the data as the networks see them: without labels where the recipe says so."""
    return dataset if recipe.conditional else unlabelled(dataset)


def store_codec(recipe: Recipe, dataset: Dataset) -> StoredCodec:
    """Learn the codec of a recipe from these data.

    Raises:
        DataError: it cannot be learned from them.
    """
    return kind_of(recipe).learn(recipe, learned_from(dataset))


def make_codec(kind: Kind, stored: StoredCodec, path: Path | None = None) -> Codec:
    """Make the codec that was stored.

    Args:
        kind: the kind of data.
        stored: settings and files.
        path: the ``run.json`` that has the settings; ``None``: they have just been learned.

    Raises:
        FileProblem: one of its files is missing, damaged, or not the one of the training, or the
            settings in ``path`` are damaged.
        DataError: settings that have just been learned cannot be used.
        PluginError: what the kind gives is not a :class:`~seqgan_kit.kind.Codec`.
    """
    settings = _checked_settings(kind, stored, path)
    try:
        codec = kind.codec(StoredCodec(settings, stored.files))
    except (DataError, FileProblem) as error:
        if path is None:
            raise
        # Settings that are fine one by one, and not together; or a file of the codec.
        raise FileProblem(f"{path.parent}: {error}") from error
    given: object = codec
    if not isinstance(given, Codec):
        missing = [name for name in CODEC_PARTS if not hasattr(given, name)]
        raise PluginError(
            f"{type(codec).__name__} of the kind {kind.name!r} is no codec: it lacks "
            f"{', '.join(missing)}; inherit from seqgan_kit.kind.Codec for the usual values"
        )
    return codec


def _checked_settings(kind: Kind, stored: StoredCodec, path: Path | None) -> Mapping[str, Any]:
    """Check settings with the schema that the kind has for them, if it has one."""
    name = stored.settings.get("kind", UNNAMED)
    schema = kind.stored(name)
    if schema is None:
        return stored.settings
    try:
        found = schema.model_validate_json(json.dumps(dict(stored.settings)))
    except ValidationError as error:
        if path is None:
            raise DataError(
                "no codec can be learned from these data: " + first_problem(error, "codec")
            ) from error
        raise FileProblem(f"{path} is damaged: {first_problem(error, 'codec')}") from error
    # Only what is there: the codec itself knows what the rest is.
    return {"kind": name, **found.model_dump(exclude_unset=True)}


CODEC_PARTS = (
    "steps", "features", "end", "group", "shape", "encode", "decode", "present", "view",
)  # fmt: skip


def run_codec(run: Run) -> Codec:
    """Make the codec of a run, from its folder alone.

    Raises:
        FileProblem: its settings are damaged, or one of its files is missing, damaged, or not the
            one of the training.
    """
    stored = StoredCodec(run.info["codec"], run.codec_files())
    return make_codec(kind_of_run(run), stored, run.path / "run.json")


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
