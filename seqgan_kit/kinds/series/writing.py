"""Writers of series samples: a table, arrays, or small multiples."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Int

from ...data.dataset import DataError
from ...data.unequal import padded
from ...errors import UsageError
from ...files import refuse_existing, write_file
from ...labels import are_named, label_names
from ...report.images import GRID_ROWS, save_picture
from ...runs.asked import Asked, text_output
from ...runs.data import load_dataset, seen
from ...runs.loading import run_recipe
from ...runs.sampler import Sampler
from ...runs.targets import refuse_many
from ...training.run import Run
from .beginnings import Beginning, read_beginnings
from .codec import SeriesCodec, series_codec
from .drawing import CHANNELS, Frame, small_multiples, walk_sheet
from .items import Columns
from .lengths import of_length, wanted
from .loading import columns_of
from .options import ENDINGS, LENGTH, START
from .table_writing import Sample, free_name, write_table

DEFAULT_COUNT = 12
SHOWN = 12
"""Real series drawn behind the samples of a label."""

WALK_STEPS = 8
"""Samples of a walk."""

RESERVED = ("x", "length", "channel")
"""Arrays of a .npz other than labels."""


def check(asked: Asked) -> None:
    """Refuse a target of another format, or an existing one that may not be replaced."""
    out = asked.target
    if out.suffix not in ENDINGS or out.is_dir():
        raise UsageError(
            f"--out {out}: use a name that ends in .csv, .npz or .png, or - for a table on "
            "standard output"
        )
    refuse_existing(out, asked.may_replace)


def write(sampler: Sampler, asked: Asked) -> None:
    """Write the requested samples: by label, or an interpolation.

    Raises:
        UsageError: they cannot be written, or not to such a file.
        LabelError: the run has no such label.
    """

    codec = series_codec(sampler.codec)
    beginnings = read_beginnings(sampler, asked)
    if asked.options.get(START.key) is not None:
        if asked.walk is not None:
            raise UsageError("--start is for tables of samples, and --interpolate draws a walk")
        if asked.target.suffix in (".png", ".npz"):
            raise UsageError(f"--start is for tables; --out {asked.target} has no times")
    if asked.walk is not None:
        if asked.options.get(LENGTH.key) is not None:
            raise UsageError("--length is for samples, and --interpolate draws a walk")
        _write_walks(sampler, codec, asked)
        return
    lengths = wanted(asked, sampler)
    count = asked.count or DEFAULT_COUNT
    if asked.target.suffix == ".png":
        _write_picture(sampler, codec, beginnings, count, asked, lengths)
        return
    refuse_many(sum(len(one.label_LA) for one in beginnings), count)
    label_NA = np.concatenate([np.repeat(one.label_LA, count, 0) for one in beginnings])
    write_made(_series(sampler, beginnings, count, asked, lengths), label_NA, sampler, asked)


def write_made(
    made: Iterator[np.ndarray], label_NA: Int[np.ndarray, "N A"], sampler: Sampler, asked: Asked
) -> None:
    """Write series to a table, or as arrays."""
    codec = series_codec(sampler.codec)
    write = _write_arrays if asked.target.suffix == ".npz" else _write_table
    write(sampler, codec, made, label_NA, asked)
    asked.say(f"{len(label_NA)} series, seed {asked.seed}")


def _series(
    sampler: Sampler,
    beginnings: Sequence[Beginning],
    count: int,
    asked: Asked,
    lengths: range | None,
) -> Iterator[np.ndarray]:
    """Yield ``count`` sampled series ``[t, C]`` of each label of each beginning."""
    for one in beginnings:
        if lengths is not None:
            yield from of_length(sampler, one, count, lengths, asked)
            continue
        for chunk in sampler.stream(
            np.repeat(one.label_LA, count, 0),
            seed=asked.seed,
            noise_scale=asked.noise_scale,
            prefix=one.prefix,
        ):
            yield from sampler.codec.present(chunk)


def _write_table(
    sampler: Sampler,
    codec: SeriesCodec,
    made: Iterator[np.ndarray],
    label_NA: Int[np.ndarray, "N A"],
    asked: Asked,
) -> None:
    """Write a table in the form that the recipe of the run reads."""

    labels = _labels(sampler)
    columns = columns_of(run_recipe(Run(asked.run)).data)

    def samples() -> Iterator[Sample]:
        for one_TC, row_A in zip(made, label_NA, strict=True):
            cells = codec.texts(one_TC, columns.decimal, asked.cell)
            yield cells, label_names(row_A[: len(labels)], labels)

    with text_output(asked) as file:
        write_table(
            file,
            samples(),
            columns=columns,
            channels=codec.channels,
            attributes=list(labels),
            steps=codec.steps,
            times=_times(codec, columns, asked),
            cell=asked.cell,
        )


def _times(codec: SeriesCodec, columns: Columns, asked: Asked) -> list[str]:
    """Return the times of all steps that a sample may have, as the recipe reads them.

    Raises:
        UsageError: a start is given, and the times of the training data are not regular; or it
            cannot be used.
    """
    start, clock = asked.options.get(START.key), codec.clock
    if clock is None:
        if start is not None:
            raise UsageError(
                f"--start {start}: the training data of this run have no regular times: times of "
                "samples are 0, 1, 2 and so on"
            )
        return [str(step) for step in range(codec.steps)]
    if start is not None:
        clock = clock.begun(start)
    found = clock.texts(codec.steps, columns.time_format)
    numbers = clock.unit == "numbers"
    return [text.replace(".", columns.decimal) for text in found] if numbers else found


def _labels(sampler: Sampler) -> Mapping[str, Sequence[str]]:
    """Return the attributes of the samples; none if the data have no labels."""
    return sampler.labels if are_named(sampler.labels) else {}


def _write_arrays(
    sampler: Sampler,
    codec: SeriesCodec,
    made: Iterator[np.ndarray],
    label_NA: Int[np.ndarray, "N A"],
    asked: Asked,
) -> None:

    found = list(made)
    arrays: dict[str, Any] = {
        "x": padded(found, codec.steps, double=found[0].dtype == np.float64)
        .nan_to_num(0.0)
        .numpy(),
        "length": np.array([len(one) for one in found]),
        "channel": np.array(codec.channels),
    }
    for column, (attribute, names) in enumerate(_labels(sampler).items()):
        name = f"label_{attribute}" if attribute in RESERVED else attribute
        arrays[free_name(name, [*arrays])] = np.array(names)[label_NA[:, column]]
    for name, channel in zip(codec.channels, codec.sorts, strict=True):
        if channel.names:
            listed = ", ".join(f"{number} {text}" for number, text in enumerate(channel.names))
            asked.say(f"x has numbers for the categories of {name}: {listed}")
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    with write_file(asked.target) as draft:
        draft.write_bytes(content.getvalue())


def _write_picture(
    sampler: Sampler,
    codec: SeriesCodec,
    beginnings: Sequence[Beginning],
    count: int,
    asked: Asked,
    lengths: range | None,
) -> None:
    """Draw small multiples: a column for each channel, and a row for each label.

    Behind the samples are real series of their label; or what they go on from, in a row for each
    beginning, so that they are a fan.
    """
    names = [name for number, one in enumerate(beginnings) for name in one.names(number, sampler)]
    first = _first_rows(beginnings)
    made = list(_series(sampler, first, count, asked, lengths))
    behind = [one.given for one in first for _ in one.label_LA]
    if asked.prompt is None:
        behind = _real_series(asked, first[0].label_LA)
    frame = Frame.of([*made, *(one for row in behind for one in row)], codec.channels)
    rows = [
        frame.cells(made[start : start + count], behind[start // count])
        for start in range(0, len(made), count)
    ]
    save_picture(small_multiples(rows, names[: len(rows)]), asked.target)
    asked.say(f"{len(made)} series, seed {asked.seed}")
    if len(rows) < len(names):
        asked.say(f"The picture shows the first {GRID_ROWS} rows; choose others with --label")
    if len(codec.channels) > CHANNELS:
        asked.say(f"The picture shows the first {CHANNELS} of {len(codec.channels)} channels")


def _first_rows(beginnings: Sequence[Beginning]) -> list[Beginning]:
    """Return what fills the rows of a picture, of which there are at most ``GRID_ROWS``."""
    found, left = [], GRID_ROWS
    for one in beginnings:
        if left > 0:
            found.append(replace(one, label_LA=one.label_LA[:left]))
            left -= len(one.label_LA)
    return found


def _real_series(asked: Asked, label_NA: Int[np.ndarray, "L A"]) -> list[Sequence[np.ndarray]]:
    """Return training series of each label; without the data, none, and say why."""

    opened = Run(asked.run)
    try:
        recipe = run_recipe(opened)
        dataset = seen(recipe, load_dataset(recipe))
        if dataset.fingerprint != opened.info["data"]["fingerprint"]:
            raise DataError("the data have changed since the run was trained")
    except DataError as error:
        asked.say(f"The picture has no real series behind the samples: {error}")
        return [[] for _ in label_NA]
    training = dataset.parts["training"]
    found: list[Sequence[np.ndarray]] = []
    for row_A in label_NA:
        members = np.flatnonzero((training.label_NA == row_A).all(1))[:SHOWN]
        found.append(list(training.pick(members)) if len(members) else [])
    return found


def _write_walks(sampler: Sampler, codec: SeriesCodec, asked: Asked) -> None:
    """Draw small multiples: a column for each sample of a walk, a row for each channel."""

    start_A, end_A = asked.walk_ends(sampler.labels)
    if asked.target.suffix != ".png":
        raise UsageError(
            f"--out {asked.target}: --interpolate writes a picture; use a name that ends in .png"
        )
    walks = asked.count or 1
    walked = sampler.interpolate(
        start_A,
        end_A,
        steps=WALK_STEPS,
        walks=walks,
        seed=asked.seed,
        noise_scale=asked.noise_scale,
    )
    picture = walk_sheet(list(codec.present(walked)), codec.channels, WALK_STEPS)
    save_picture(picture, asked.target)
    asked.say(f"{walks} walks of {WALK_STEPS} samples, seed {asked.seed}")
