"""Data sets of series: sines, Japanese vowels, and a user's own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import numpy as np

from ...data.dataset import (
    NAMED,
    PARTS,
    DataError,
    Dataset,
    Part,
    PartName,
    cut_into_parts,
    fingerprint,
)
from ...data.label_folders import left_out, natural
from ...data.part_files import find_parts
from ...data.reading import LARGEST_MB, digest
from ...data.unequal import as_objects
from .arrays import LABELS_SUFFIX
from .files import READERS, read_series
from .forms import needs_double, own_range
from .items import Columns, Missing, OneSeries, complete, same_columns
from .windowing import Labelled, Split, cut_windows

Definition = Literal["rgan", "timegan"]

VOWELS: Mapping[PartName, tuple[str, str]] = {
    "training": (
        "JapaneseVowels_TRAIN.ts",
        "68a430eabd919cc77f40b1f5f3bc0dcafacc1486bca9260785aeb7d262cc78cd",
    ),
    "test": (
        "JapaneseVowels_TEST.ts",
        "b3d41d6a0ca3bcad3afb9ca7d4365382aa51341e2e58bae2a574babdda5b9462",
    ),
}
"""The files of each part and their SHA-256."""


# -- sines --------------------------------------------------------------------------------------


def sines(
    *, definition: Definition, count: int, validation: float, test: float, seed: int
) -> Dataset:
    """Generate sines, the usual toy data for recurrent GANs of series.

    Args:
        definition: ``rgan``: one channel of 30 steps, ``a sin(2 pi f t / 30 + p)`` with f from 1
            to 5, a from .1 to .9 and any phase; ``timegan``: five independent channels of 24
            steps, ``(sin(f t + p) + 1) / 2`` with f and p from 0 to .1.
        count: number of series.
        validation: share for validation.
        test: share for the test.
        seed: seed of the draw and of the split into parts.

    References:
        Esteban et al. 2017, *Real-valued (Medical) Time Series Generation with Recurrent
        Conditional GANs*; Yoon et al. 2019, *Time-series Generative Adversarial Networks*.
    """
    rng = np.random.default_rng(seed)
    if definition == "rgan":
        time_T, size = np.arange(1, 31), (count, 1, 1)
        phase = rng.uniform(-np.pi, np.pi, size)
        frequency, amplitude = rng.uniform(1, 5, size), rng.uniform(0.1, 0.9, size)
        value_NTC = amplitude * np.sin(2 * np.pi * frequency * time_T[:, None] / 30 + phase)
        channels: tuple[str, ...] = ("value",)
    else:
        time_T, size = np.arange(24), (count, 1, 5)
        frequency, phase = rng.uniform(0, 0.1, size), rng.uniform(0, 0.1, size)
        value_NTC = (np.sin(frequency * time_T[:, None] + phase) + 1) / 2
        channels = tuple(f"sine_{number}" for number in range(5))
    label_NA = np.zeros((count, 1), np.int64)
    items = as_objects(list(value_NTC.astype(np.float32)))
    shares: dict[PartName, float] = {"validation": validation, "test": test}
    cut = cut_into_parts(label_NA, shares, seed, of=f"{count} sines", advice="increase data.count")
    name = f"sines_{definition}"
    return Dataset(
        name=name,
        parts={part: Part(items[index], label_NA[index]) for part, index in cut.items()},
        labels={"label": ("any",)},
        fingerprint=fingerprint(name, count, sorted(shares.items()), seed),
        channels=channels,
    )


# -- Japanese vowels ----------------------------------------------------------------------------


def japanese_vowels(*, root: Path | None, validation: float, seed: int) -> Dataset:
    """Load two vowels of nine speakers, as 12 cepstrum coefficients over 7 to 29 steps.

    The split is the official one, 270 and 370 series; the validation part is taken from the
    first. The files come from ``root``, or from the package aeon.

    Raises:
        DataError: the files are missing or differ from the published ones.

    References:
        Kudo et al. 1999, *Multidimensional Curve Classification Using Passing-Through Regions*.
    """
    folder = _vowels_folder() if root is None else root
    found: dict[PartName, list[Labelled]] = {}
    for part, (name, expected) in VOWELS.items():
        path = folder / name
        if not path.is_file():
            raise DataError(f"japanese_vowels: {path} does not exist; set data.root to its folder")
        if digest(path) != expected:
            raise DataError(
                f"japanese_vowels: {path} is not the published file (its SHA-256 differs)"
            )
        file = read_series(path, Columns(), whole=False)
        found[part] = [(one.value_SC, one.label) for one in file.series]
    return _dataset(
        "japanese_vowels",
        found,
        channels=tuple(f"cepstrum_{number}" for number in range(1, 13)),
        attributes=("speaker",),
        shares={"validation": validation},
        seed=seed,
        key=[expected for _, expected in VOWELS.values()],
    )


def _vowels_folder() -> Path:
    spec = find_spec("aeon")
    if spec is None or not spec.submodule_search_locations:
        raise DataError(
            "japanese_vowels: these files come with the package aeon: "
            'pip install "seqgan_kit[series]", or set data.root to a folder with them'
        )
    return Path(next(iter(spec.submodule_search_locations))) / "datasets/data/JapaneseVowels"


# -- a user's own -------------------------------------------------------------------------------


def own_series(
    *,
    root: Path,
    columns: Columns,
    window: int | None = None,
    stride: int = 1,
    split: Split = "time",
    missing: Missing = "error",
    validation: float = 0.1,
    test: float = 0.1,
    seed: int = 0,
    max_mb: int = LARGEST_MB,
) -> Dataset:
    """Load a user's own series.

    Args:
        root: a file (see :func:`~seqgan_kit.kinds.series.files.read_series`), or a folder with
            one for each part: ``training``, ``validation`` and ``test``, or ``NAME_training`` etc.
        columns: names of columns.
        window: steps of the windows cut from long series; ``None``: each series is one item.
        stride: steps from one window to the next.
        split: how windows are divided into parts: see
            :func:`~seqgan_kit.kinds.series.windowing.cut_windows`.
        missing: what to do with missing values.
        validation: share for validation, if the folder has no such file.
        test: the same for the test.
        seed: seed of the split, if it is random.
        max_mb: most memory that the content of a file may take.

    Raises:
        DataError: the series are not usable.
    """
    paths, others = find_parts(root, tuple(READERS))
    files = {
        part: read_series(paths[part], columns, whole=bool(window), max_mb=max_mb)
        for part in PARTS
        if part in paths
    }
    first = same_columns({str(paths[part]): file for part, file in files.items()})
    series: dict[PartName, list[OneSeries]] = {
        part: [complete(one, first.channels, missing) for one in file.series]
        for part, file in files.items()
    }
    held: dict[PartName, float] = {"validation": validation, "test": test}
    shares: dict[PartName, float] = {
        part: share for part, share in held.items() if part not in series
    }
    others = [name for name in others if not name.endswith(LABELS_SUFFIX)]
    notes = left_out("files of other kinds", others)
    if window is None:
        found: dict[PartName, list[Labelled]] = {
            part: [(one.value_SC, one.label) for one in members]
            for part, members in series.items()
        }
    else:
        found, noted = cut_windows(
            root, series, shares, window=window, stride=stride, split=split, seed=seed
        )
        notes += noted
        shares = {}
    # Settings that came later are part of the key only where they are used, so that the data of
    # runs of before are still the same.
    later = {} if split == "time" else {"split": split}
    key = {
        "files": {part: digest(path, max_mb) for part, path in paths.items()},
        # Labels can come from a second file, whose digest is not above.
        "labels": [[*labels] for members in found.values() for _, labels in members],
        "settings": [asdict(columns), window, stride, missing],
        "shares": sorted(held.items()),
        **later,
    }
    return _dataset(
        root.resolve().stem,
        found,
        channels=first.channels,
        attributes=first.attributes,
        shares=shares,
        seed=seed,
        key=[json.dumps(key, sort_keys=True)],
        notes=notes,
    )


def _dataset(
    name: str,
    found: Mapping[PartName, Sequence[Labelled]],
    *,
    channels: tuple[str, ...],
    attributes: tuple[str, ...],
    shares: Mapping[PartName, float],
    seed: int,
    key: Sequence[str],
    notes: Sequence[str] = (),
) -> Dataset:
    everything = [labels for members in found.values() for _, labels in members]
    names = {
        attribute: sorted({labels[column] for labels in everything}, key=natural)
        for column, attribute in enumerate(attributes)
    } or {"label": ["any"]}
    numbers = [{value: n for n, value in enumerate(known)} for known in names.values()]
    parts: dict[PartName, Part] = {}
    dtype = _dtype([value_SC for members in found.values() for value_SC, _ in members])
    for part, members in found.items():
        rows = [
            [known[value] for known, value in zip(numbers, labels, strict=True)] if labels else [0]
            for _, labels in members
        ]
        items = as_objects([value_SC.astype(dtype, copy=False) for value_SC, _ in members])
        parts[part] = Part(items, np.array(rows, np.int64).reshape(len(members), len(names)))
    if shares:
        whole = parts["training"]
        cut = cut_into_parts(
            whole.label_NA, shares, seed, of=f"{name}: {len(whole)} series", advice="add series"
        )
        items = whole.items[: len(whole)]
        for part, index_N in cut.items():
            parts[part] = Part(items[index_N], whole.label_NA[index_N])
    constant = _constant(parts["training"].items[: len(parts["training"])], channels)
    return Dataset(
        name=name,
        parts={part: parts[part] for part in PARTS},
        labels=names,
        fingerprint=fingerprint(name, *key, sorted(shares.items()), seed),
        notes=[*notes, *constant],
        channels=channels,
    )


def _dtype(series: Sequence[np.ndarray]) -> np.dtype:
    """Return the type of numbers that holds the values of series within the range of each."""
    ranges = (own_range(value_SC, "min-max", 0.0) for value_SC in series)
    return np.dtype(np.float64 if any(needs_double(*one) for one in ranges) else np.float32)


def _constant(items: np.ndarray, channels: Sequence[str]) -> list[str]:
    """Return notes on constant channels, which are constant in samples, too."""
    low_C = np.min([one.min(0) for one in items], 0)
    high_C = np.max([one.max(0) for one in items], 0)
    found = [
        f"{name} is constant ({float(str(low)):.15g}) in the training data, and will be constant "
        "in samples"
        for name, low, high in zip(channels, low_C, high_C, strict=True)
        if low == high
    ]
    more = [f"{len(found) - NAMED} more channels are constant"] if len(found) > NAMED else []
    return found[:NAMED] + more
