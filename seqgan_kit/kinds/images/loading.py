"""Loaders: from the ``data`` section of a recipe to a data set of images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...data.dataset import Dataset
from ...data.reading import user_path
from ...data.sources import Progress
from .datasets import binarized, mnist_like, sklearn_digits
from .folder import image_files
from .listing import list_images
from .reading import Limits, Look


def _root(data: Any) -> Path | None:
    return user_path(data.root) if data.root else None


def _mnist_like(data: Any, progress: Progress | None) -> Dataset:
    dataset = mnist_like(data.source, _root(data), data.validation, data.seed, progress)
    return dataset if data.binarize is None else binarized(dataset, data.binarize)


def _digits(data: Any, progress: Progress | None) -> Dataset:
    dataset = sklearn_digits(data.validation, data.seed)
    return dataset if data.binarize is None else binarized(dataset, data.binarize)


def _folder(data: Any, progress: Progress | None) -> Dataset:
    root = user_path(data.root)
    listing = list_images(
        root,
        labels=data.labels,
        pattern=data.pattern,
        nested=data.nested,
        max_mb=data.max_file_mb,
    )
    limits = Limits(data.max_pixels, data.max_file_mb)
    return image_files(
        root,
        listing,
        Look(data.size, data.colour, data.fit, limits=limits),
        ground=data.background,
        depth=data.depth,
        unreadable=data.unreadable,
        numeric=data.numeric,
        validation=data.validation,
        test=data.test,
        seed=data.seed,
        progress=progress,
    )


LOADERS: Mapping[str, Callable[[Any, Progress | None], Dataset]] = {
    "mnist": _mnist_like,
    "fashion_mnist": _mnist_like,
    "digits": _digits,
    "folder": _folder,
}


def load(data: Any, progress: Progress | None = None) -> Dataset:
    """Load the data set named by a ``data`` section.

    Raises:
        DataError: the data are not available or not usable.
    """
    return LOADERS[data.source](data, progress)
