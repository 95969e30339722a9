"""Writers of series samples: a table, arrays, or small multiples."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
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
from ...training.run import Run
from .codec import SeriesCodec, series_codec
from .drawing import CHANNELS, Frame, small_multiples
from .loading import columns_of
from .table_writing import Sample, free_name, write_table

DEFAULT_COUNT = 12
ENDINGS = (".csv", ".npz", ".png")
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
    if asked.walk is not None:
        _write_walks(sampler, codec, asked)
        return
    count = asked.count or DEFAULT_COUNT
    label_NA = sampler.label_rows(asked.labels or None, count)
    if asked.target.suffix == ".png":
        _write_picture(sampler, codec, label_NA, count, asked)
    elif asked.target.suffix == ".npz":
        _write_arrays(sampler, codec, label_NA, asked)
    else:
        _write_table(sampler, codec, label_NA, asked)
    asked.say(f"{len(label_NA)} series, seed {asked.seed}")


def _series(
    sampler: Sampler, label_NA: Int[np.ndarray, "N A"], asked: Asked
) -> Iterator[np.ndarray]:
    """Yield the sampled series ``[t, C]`` one by one."""
    for chunk in sampler.stream(label_NA, seed=asked.seed, noise_scale=asked.noise_scale):
        yield from sampler.codec.present(chunk)


def _write_table(
    sampler: Sampler, codec: SeriesCodec, label_NA: Int[np.ndarray, "N A"], asked: Asked
) -> None:
    """Write a table in the form that the recipe of the run reads."""

    labels = _labels(sampler)

    def samples() -> Iterator[Sample]:
        for one_TC, row_A in zip(_series(sampler, label_NA, asked), label_NA, strict=True):
            yield one_TC, codec.digits(one_TC), label_names(row_A[: len(labels)], labels)

    with text_output(asked) as file:
        write_table(
            file,
            samples(),
            columns=columns_of(run_recipe(Run(asked.run)).data),
            channels=codec.channels,
            attributes=list(labels),
            steps=codec.steps,
            cell=asked.cell,
        )


def _labels(sampler: Sampler) -> Mapping[str, Sequence[str]]:
    """Return the attributes of the samples; none if the data have no labels."""
    return sampler.labels if are_named(sampler.labels) else {}


def _write_arrays(
    sampler: Sampler, codec: SeriesCodec, label_NA: Int[np.ndarray, "N A"], asked: Asked
) -> None:

    found = list(_series(sampler, label_NA, asked))
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
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    with write_file(asked.target) as draft:
        draft.write_bytes(content.getvalue())


def _write_picture(
    sampler: Sampler,
    codec: SeriesCodec,
    label_NA: Int[np.ndarray, "N A"],
    count: int,
    asked: Asked,
) -> None:
    """Draw small multiples: a row for each label, a column for each channel."""

    shown_NA = label_NA[: GRID_ROWS * count]
    made = list(_series(sampler, shown_NA, asked))
    real = _real_series(asked, shown_NA[::count])
    frame = Frame.of([*made, *(one for row in real for one in row)], codec.channels)
    rows = [
        frame.cells(made[start : start + count], real[start // count])
        for start in range(0, len(made), count)
    ]
    names = [" ".join(label_names(row, sampler.labels)) for row in shown_NA[::count]]
    save_picture(small_multiples(rows, names), asked.target)
    if len(shown_NA) < len(label_NA):
        asked.say(f"The picture shows the first {GRID_ROWS} labels; choose others with --label")
    if len(codec.channels) > CHANNELS:
        asked.say(f"The picture shows the first {CHANNELS} of {len(codec.channels)} channels")


def _real_series(asked: Asked, label_NA: Int[np.ndarray, "L A"]) -> list[list[np.ndarray]]:
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
    found = []
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
    made = list(codec.present(walked))
    frame = Frame.of(made, codec.channels)
    rows, names = [], []
    for start in range(0, len(made), WALK_STEPS):
        for channel, name in enumerate(codec.channels[:CHANNELS]):
            series = made[start : start + WALK_STEPS]
            rows.append([frame.cell(channel, "", [one]) for one in series])
            names.append(name)
    save_picture(small_multiples(rows, names), asked.target)
    asked.say(f"{walks} walks of {WALK_STEPS} samples, seed {asked.seed}")
