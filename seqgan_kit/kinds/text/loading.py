"""Loading of text data sets from the ``data`` section of a recipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...data.dataset import Dataset, NoItems, Part
from ...data.reading import user_path
from ...data.sources import Progress
from ...data.tables import TableForm
from ...kind import Codec
from ...recipe import Recipe
from ...sections import DataSection
from . import datasets
from .brackets import bracket_dataset
from .codec import TextCodec, text_codec
from .oracle import Oracle, oracle_dataset, published_oracle, seeded_oracle
from .schema import LinesData, OracleData, TextCodecRecipe, TextEvaluation
from .units import Units


def _root(data: Any) -> Path | None:
    return user_path(data.root) if data.root else None


def _labelled_text(data: Any, progress: Progress | None) -> Dataset:
    load = {
        "snippets": datasets.snippets,
        "names": datasets.names,
        "peptides": datasets.peptides,
    }[data.source]
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


def text_column(data: DataSection) -> str:
    """Return the name of the column that holds the text, in the user's files and in samples."""
    return data.text if isinstance(data, LinesData) else LinesData.model_fields["text"].default


def _lines(data: Any, progress: Progress | None) -> Dataset:
    return datasets.text_lines(
        root=user_path(data.root),
        text=data.text,
        labels=data.labels,
        validation=data.validation,
        test=data.test,
        seed=data.seed,
        unreadable=data.unreadable,
        numeric=data.numeric,
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


def _brackets(data: Any, progress: Progress | None) -> Dataset:
    return bracket_dataset(
        sequences=data.sequences,
        test=data.test,
        validation=data.validation,
        longest=data.longest,
        seed=data.seed,
    )


LOADERS: Mapping[str, Callable[[Any, Progress | None], Dataset]] = {
    "snippets": _labelled_text,
    "names": _labelled_text,
    "peptides": _labelled_text,
    "coco_captions": _captions,
    "lines": _lines,
    "oracle": _oracle,
    "brackets": _brackets,
}


def load(data: Any, progress: Progress | None = None) -> Dataset:
    """Load the data set that a ``data`` section describes.

    Raises:
        DataError: the data cannot be found or used.
    """
    return LOADERS[data.source](data, progress)


def trainable(recipe: Recipe, dataset: Dataset, codec: Codec) -> tuple[Dataset, Sequence[str]]:
    """Drop training lines that are too long if ``codec.too_long`` says so; return notes, too.

    The notes also tell a smaller vocabulary than the recipe's, and units that do not suit.

    Raises:
        DataError: all of them are too long.
    """
    settings = recipe.codec
    assert isinstance(settings, TextCodecRecipe), "a text codec is made from this section"
    training = dataset.parts["training"]
    fits_N = text_codec(codec).fits(training.items[: len(training)])
    assert isinstance(recipe.evaluation, TextEvaluation), "text recipes have this section"
    units = recipe.evaluation.units
    notes = _notes(settings.vocabulary, units, training, text_codec(codec))
    longer = int((~fits_N).sum())
    if not longer:
        return dataset, notes
    limit = f"codec.max_length ({settings.max_length})"
    if settings.too_long == "cut":
        cut = f"{longer} training lines have more tokens than {limit} and are cut"
        return dataset, [*notes, cut]
    if longer == len(training):
        raise NoItems(f"every training line has more tokens than {limit}: raise it")
    return dataset.picked("training", np.flatnonzero(fits_N)), [
        *notes,
        f"{longer} training lines have more tokens than {limit} and are left out",
    ]


SPACELESS = 20
"""Characters of a line that would hardly be one word."""


def _notes(wanted: int | None, units: Units, training: Part, codec: TextCodec) -> list[str]:
    notes, learned = [], codec.tokenizer.vocabulary
    if wanted is not None and learned < wanted:
        notes.append(f"the vocabulary has {learned} tokens, all that the training lines allow")
    lines = [str(line).strip() for line in training.items[: len(training)]]
    single = sum(len(line) > SPACELESS and " " not in line for line in lines)
    if units != "characters" and single > len(lines) / 2:
        notes.append(
            f"evaluation.units={units} takes most lines for one word, because "
            "they have no spaces: set evaluation.units=characters"
        )
    return notes
