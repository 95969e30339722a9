"""Loading of text data sets from the ``data`` section of a recipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...data.dataset import DataError, Dataset
from ...data.reading import user_path
from ...data.sources import Progress
from ...data.tables import TableForm
from ...kind import Codec
from ...recipe import Recipe
from . import datasets
from .codec import text_codec
from .oracle import Oracle, oracle_dataset, published_oracle, seeded_oracle
from .schema import OracleData, TextCodecRecipe


def _root(data: Any) -> Path | None:
    return user_path(data.root) if data.root else None


def _labelled_text(data: Any, progress: Progress | None) -> Dataset:
    load = {"snippets": datasets.snippets, "names": datasets.names}[data.source]
    return load(
        root=_root(data),
        validation=data.validation,
        test=data.test,
        seed=data.seed,
        progress=progress,
    )


def _captions(data: Any, progress: Progress | None) -> Dataset:
    return datasets.coco_captions(
        root=_root(data), validation=data.validation, seed=data.seed, progress=progress
    )


def _lines(data: Any, progress: Progress | None) -> Dataset:
    return datasets.text_lines(
        root=user_path(data.root),
        text=data.text,
        labels=data.labels,
        validation=data.validation,
        test=data.test,
        seed=data.seed,
        unreadable=data.unreadable,
        form=TableForm.of(data),
        max_mb=data.max_file_mb,
    )


def known_oracle(data: OracleData) -> Oracle:
    """Return the language model behind the sequences: the published one, or a seeded one."""
    root = _root(data)
    return seeded_oracle(data.seed) if root is None else published_oracle(root)


def _oracle(data: Any, progress: Progress | None) -> Dataset:
    return oracle_dataset(
        oracle=known_oracle(data),
        sequences=data.sequences,
        test=data.test,
        validation=data.validation,
        length=data.length,
        seed=data.seed,
    )


LOADERS: Mapping[str, Callable[[Any, Progress | None], Dataset]] = {
    "snippets": _labelled_text,
    "names": _labelled_text,
    "coco_captions": _captions,
    "lines": _lines,
    "oracle": _oracle,
}


def load(data: Any, progress: Progress | None = None) -> Dataset:
    """Load the data set that a ``data`` section describes.

    Raises:
        DataError: the data cannot be found or used.
    """
    return LOADERS[data.source](data, progress)


def trainable(recipe: Recipe, dataset: Dataset, codec: Codec) -> tuple[Dataset, Sequence[str]]:
    """Drop training lines that are too long if ``codec.too_long`` says so; return notes, too.

    Raises:
        DataError: all of them are too long.
    """
    settings = recipe.codec
    assert isinstance(settings, TextCodecRecipe), "a text codec is made from this section"
    training = dataset.parts["training"]
    fits_N = text_codec(codec).fits(training.items[: len(training)])
    longer = int((~fits_N).sum())
    if not longer:
        return dataset, ()
    limit = f"codec.max_length ({settings.max_length})"
    if settings.too_long == "cut":
        return dataset, [f"{longer} training lines have more tokens than {limit} and are cut"]
    if longer == len(training):
        raise DataError(f"every training line has more tokens than {limit}: raise it")
    return dataset.picked("training", np.flatnonzero(fits_N)), [
        f"{longer} training lines have more tokens than {limit} and are left out"
    ]
