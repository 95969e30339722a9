"""Series in memory: to train on, and samples to save and show."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...data.dataset import DataError
from ...data.tables import is_frame, pandas_or_refuse
from ...errors import UsageError
from ...report.images import GRID_ROWS, ImagePanel, panel, save_picture
from ...runs.asked import Asked
from ...runs.samples import Made
from .codec import series_codec
from .drawing import CHANNELS, Frame, small_multiples, walk_sheet
from .writing import RESERVED, write_made

TAKEN = tuple(inspect.signature(np.savez_compressed).parameters)
"""Names that arrays of an archive cannot have, because its writer has them."""

if TYPE_CHECKING:
    from pandas import DataFrame
    from PIL.Image import Image


def keep(data: Any, labels: Mapping[str, Sequence[Any]], folder: Path) -> Mapping[str, Any]:
    """Write series; see :meth:`~seqgan_kit.kind.Kind.keep`.

    Args:
        data: an array ``[N, time, channels]`` or ``[N, time]``; a list of arrays
            ``[time, channels]`` of unequal lengths; or a table of pandas with a row for each step,
            whose columns ``id`` and ``time`` say what belongs together.
        labels: the class of each series, by attribute; of a table, they are columns of it.
        folder: where they go.

    Raises:
        DataError: they are not such series.
    """
    if is_frame(data):
        path = folder / "series.csv"
        data.to_csv(path, index=False)
        return {"source": "series", "root": str(path), "labels": list(labels)}
    if wrong := [name for name in labels if name in (*RESERVED, *TAKEN)]:
        raise DataError(f"no attribute of series can be called {wrong[0]!r}: give it another name")
    series = [np.asarray(one, float) for one in data]
    series = [one[:, None] if one.ndim == 1 else one for one in series]
    if not series or any(one.ndim != 2 or not one.size for one in series):
        raise DataError(
            "series in memory are an array [count, time, channels], or a list of arrays [time, "
            "channels], each of one step or more"
        )
    if len({one.shape[1] for one in series}) > 1:
        raise DataError("series in memory have unequal numbers of channels")
    longest = max(map(len, series))
    x_NTC = np.zeros((len(series), longest, series[0].shape[1]))
    for row_TC, one in zip(x_NTC, series, strict=True):
        row_TC[: len(one)] = one
    arrays: dict[str, Any] = {"x": x_NTC, "length": np.array([*map(len, series)])}
    arrays |= {name: np.array([str(one) for one in values]) for name, values in labels.items()}
    path = folder / "series.npz"
    np.savez_compressed(path, **arrays)
    return {"source": "series", "root": str(path), "labels": list(labels)}


def save(samples: Made, asked: Asked) -> None:
    """Write samples; see :meth:`~seqgan_kit.kind.Kind.write_made`."""
    if asked.target.suffix == ".png":
        save_picture(_picture(samples), asked.target)
    else:
        write_made(iter(samples.array), samples.label_NA, samples.sampler, asked)


def gallery(samples: Made) -> ImagePanel:
    """Draw small multiples; see :meth:`~seqgan_kit.kind.Kind.gallery`."""
    alt = "samples in small multiples, a row for each label"
    return panel(_picture(samples), alt, ink=True)


def frame(samples: Made) -> DataFrame:
    """Return a table with a row for each step; see :meth:`~seqgan_kit.kind.Kind.frame`.

    Raises:
        DataError: pandas is not installed.
        UsageError: a channel is called like another column.
    """
    pandas = pandas_or_refuse()
    codec = series_codec(samples.sampler.codec)
    named = samples.named()
    if taken := {"id", "time", *named} & set(codec.channels):
        raise UsageError(f"a channel is called like another column: {', '.join(sorted(taken))}")
    times = range(codec.steps) if codec.clock is None else codec.clock.texts(codec.steps)
    columns: dict[str, list[Any]] = {name: [] for name in ("id", "time", *codec.channels, *named)}
    for number, one_TC in enumerate(map(np.asarray, samples.array)):
        columns["id"] += [number] * len(one_TC)
        columns["time"] += times[: len(one_TC)]
        for name, channel, value_T in zip(codec.channels, codec.sorts, one_TC.T, strict=True):
            columns[name] += channel.plain(value_T)
        for name, classes in named.items():
            columns[name] += [classes[number]] * len(one_TC)
    return pandas.DataFrame(columns)


def _picture(samples: Made) -> Image:
    """Draw a row of channels for each of the first labels; or walks."""
    series = [np.asarray(one) for one in samples.array]
    channels = series_codec(samples.sampler.codec).channels
    if samples.walk:
        return walk_sheet(series[: GRID_ROWS * samples.walk], channels, samples.walk)
    shared = Frame.of(series, channels[:CHANNELS])
    rows: dict[str, list[np.ndarray]] = {}
    for name, one in zip(samples.names, series, strict=True):
        rows.setdefault(name, []).append(one)
    shown = list(rows)[:GRID_ROWS]
    return small_multiples([shared.cells(rows[name]) for name in shown], shown)
