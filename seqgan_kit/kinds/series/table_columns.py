"""Samples as the columns of a table with types, in the form that the recipe of their run reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import NotSupported
from ...runs.loading import folder_of, run_recipe
from ...runs.samples import Made
from ...training.run import Run
from .codec import SeriesCodec, series_codec
from .items import Columns
from .loading import columns_of
from .table_writing import header

Values = dict[str, list[Any]]


def columns(samples: Made, first: int) -> Mapping[str, Sequence[Any]]:
    """Return series as columns; see :meth:`~seqgan_kit.kind.Kind.shard`.

    A row is a step, or a series where the recipe reads such tables (``data.layout: wide``).

    Raises:
        NotSupported: the recipe reads tables whose columns have no names.
    """
    form = columns_of(run_recipe(Run(folder_of(samples.sampler))).data)
    if not form.form.header:
        raise NotSupported("--shards is not supported for series in tables without a header")
    codec = series_codec(samples.sampler.codec)
    series = [np.asarray(one_TC) for one_TC in samples.array]
    labels = samples.named()
    if form.layout == "wide":
        return _wide(series, labels, form, codec, first)
    names = header((form.id, form.time), codec.channels, list(labels))
    times = range(codec.steps)
    shown = times if codec.clock is None else codec.clock.texts(codec.steps, form.time_format)
    found: Values = {name: [] for name in names}
    identity, time, *others = names
    for number, one_TC in enumerate(series):
        found[identity] += [first + number] * len(one_TC)
        found[time] += shown[: len(one_TC)]
        for name, channel, value_T in zip(others, codec.sorts, one_TC.T, strict=False):
            found[name] += channel.plain(value_T)
        said = zip(others[len(codec.channels) :], labels.values(), strict=True)
        for name, classes in said:
            found[name] += [classes[number]] * len(one_TC)
    return found


def _wide(
    series: Sequence[np.ndarray],
    labels: Mapping[str, Sequence[str]],
    form: Columns,
    codec: SeriesCodec,
    first: int,
) -> Values:
    names = header((form.id, form.time), (), list(labels))
    identity, _, *others = names
    found: Values = {identity: [first + number for number in range(len(series))]}
    found |= {name: list(values) for name, values in zip(others, labels.values(), strict=True)}
    (channel,) = codec.sorts
    # Of one type in every shard, whatever is missing in it.
    missing: Any = "" if channel.names else float("nan")
    rows = [channel.plain(one_TC[:, 0]) for one_TC in series]
    if not channel.names:
        rows = [[float(value) for value in row] for row in rows]
    for place, step in enumerate(form.channels or map(str, range(codec.steps))):
        found[step] = [row[place] if place < len(row) else missing for row in rows]
    return found
