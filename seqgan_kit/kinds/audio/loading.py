"""Loading of audio data sets from the ``data`` section of a recipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...data.dataset import Dataset
from ...data.reading import user_path
from ...data.sources import Progress
from .clips import ClipSettings
from .datasets import recordings, spoken_digits
from .notes import notes
from .synthetic_speech import spoken_digits_synthetic


def _root(data: Any) -> Path | None:
    return user_path(data.root) if data.root else None


def clip_settings(data: Any) -> ClipSettings:
    """Return the settings of the clips, apart from how recordings are cut into pieces."""
    return ClipSettings(
        sample_rate=data.sample_rate,
        trim_db=data.trim_db,
        peak=data.peak,
        max_seconds=data.max_seconds,
        too_long=data.too_long,
    )


def _spoken_digits(data: Any, progress: Progress | None) -> Dataset:
    return spoken_digits(
        root=_root(data),
        settings=clip_settings(data),
        validation=data.validation,
        seed=data.seed,
        progress=progress,
    )


def _synthetic_digits(data: Any, progress: Progress | None) -> Dataset:
    return spoken_digits_synthetic(
        settings=clip_settings(data),
        clips_per_digit=data.clips,
        validation=data.validation,
        test=data.test,
        seed=data.seed,
        progress=progress,
    )


def _notes(data: Any, progress: Progress | None) -> Dataset:
    return notes(
        settings=clip_settings(data),
        count=data.notes,
        validation=data.validation,
        test=data.test,
        seed=data.seed,
        progress=progress,
    )


def _recordings(data: Any, progress: Progress | None) -> Dataset:
    return recordings(
        root=user_path(data.root),
        settings=replace(
            clip_settings(data), window=data.window, stride=data.stride, pause=data.pause
        ),
        labels=data.labels,
        numeric=data.numeric,
        unreadable=data.unreadable,
        validation=data.validation,
        test=data.test,
        seed=data.seed,
        max_mb=data.max_file_mb,
        progress=progress,
    )


LOADERS: Mapping[str, Callable[[Any, Progress | None], Dataset]] = {
    "spoken_digits": _spoken_digits,
    "spoken_digits_synthetic": _synthetic_digits,
    "notes": _notes,
    "recordings": _recordings,
}


def load(data: Any, progress: Progress | None = None) -> Dataset:
    """Load the data set that a ``data`` section describes.

    Raises:
        DataError: the data cannot be found or used.
    """
    return LOADERS[data.source](data, progress)
