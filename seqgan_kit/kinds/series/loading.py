"""Loaders: from the ``data`` section of a recipe to a data set of series."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...data.dataset import Dataset
from ...data.reading import user_path
from ...data.sources import Progress
from ...data.tables import TableForm
from .datasets import japanese_vowels, own_series, sines
from .items import Columns
from .schema import OwnSeriesData


def _root(data: Any) -> Path | None:
    return user_path(data.root) if data.root else None


def _sines(data: Any, progress: Progress | None) -> Dataset:
    return sines(
        definition=data.definition,
        count=data.count,
        validation=data.validation,
        test=data.test,
        seed=data.seed,
    )


def _vowels(data: Any, progress: Progress | None) -> Dataset:
    return japanese_vowels(root=_root(data), validation=data.validation, seed=data.seed)


def columns_of(data: Any) -> Columns:
    """Return how tables of a ``data`` section are read, and samples of its runs written."""
    if not isinstance(data, OwnSeriesData):
        return Columns()
    return Columns(
        id=data.id,
        time=data.time,
        labels=data.labels,
        channels=data.channels,
        time_format=data.time_format,
        layout=data.layout,
        targets=data.targets,
        decimal=data.decimal,
        numeric=data.numeric,
        form=TableForm.of(data),
    )


def _own_series(data: Any, progress: Progress | None) -> Dataset:
    return own_series(
        root=user_path(data.root),
        columns=columns_of(data),
        window=data.window,
        stride=data.stride,
        split=data.split,
        missing=data.missing,
        unreadable=data.unreadable,
        validation=data.validation,
        test=data.test,
        seed=data.seed,
        max_mb=data.max_file_mb,
    )


LOADERS: Mapping[str, Callable[[Any, Progress | None], Dataset]] = {
    "sines": _sines,
    "japanese_vowels": _vowels,
    "series": _own_series,
}


def load(data: Any, progress: Progress | None = None) -> Dataset:
    """Load the data set named by a ``data`` section.

    Raises:
        DataError: the data are not available or not usable.
    """
    return LOADERS[data.source](data, progress)
