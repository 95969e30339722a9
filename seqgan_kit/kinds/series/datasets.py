"""Data sets of series: sines, Japanese vowels, and a user's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ...data.dataset import PARTS, DataError, Dataset, Part, PartName, fingerprint
from ...data.label_folders import left_out
from ...data.part_files import find_parts
from ...data.reading import LARGEST_MB, digest
from ...data.tables import FRAME
from ...data.unequal import as_objects
from ...labels import UNLABELLED
from .arrays import LABELS_SUFFIX
from .assembling import assemble, cut_parts
from .files import READERS, checked, read_series
from .items import (
    Columns,
    Missing,
    SeriesFile,
    Unreadable,
    same_categories,
    same_columns,
    usable,
)
from .tables import read_table
from .windowing import Labelled, Split, cut_windows

if TYPE_CHECKING:
    from pandas import DataFrame

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
    whole: dict[PartName, np.ndarray] = {"training": np.arange(count)}
    cut = whole | cut_parts(
        label_NA, shares, seed, of=f"{count} sines", advice="increase data.count"
    )
    name = f"sines_{definition}"
    return Dataset(
        name=name,
        parts={part: Part(items[index], label_NA[index]) for part, index in cut.items()},
        labels=UNLABELLED,
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
    return assemble(
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
    root: Path | DataFrame,
    columns: Columns,
    window: int | None = None,
    stride: int = 1,
    split: Split = "time",
    missing: Missing = "error",
    unreadable: Unreadable = "error",
    validation: float = 0.1,
    test: float = 0.1,
    seed: int = 0,
    max_mb: int = LARGEST_MB,
) -> Dataset:
    """Load a user's own series.

    Args:
        root: a file (see :func:`~seqgan_kit.kinds.series.files.read_series`), or a folder with
            one for each part: ``training``, ``validation`` and ``test``, or ``NAME_training``
            etc.; or a data frame of pandas, which is read like a table.
        columns: names of columns, and how tables are written.
        window: steps of the windows cut from long series; ``None``: each series is one item.
        stride: steps from one window to the next.
        split: how windows are divided into parts: see
            :func:`~seqgan_kit.kinds.series.windowing.cut_windows`.
        missing: what to do with missing values.
        unreadable: whether a series that cannot be used is an error, or is left out with a note.
        validation: share for validation, if the folder has no such file; 0 for none.
        test: the same for the test.
        seed: seed of the split, if it is random.
        max_mb: most memory that the content of a file may take.

    Raises:
        DataError: the series are not usable.
    """
    files, others, digests = _files(root, columns, bool(window), max_mb)
    path = root if isinstance(root, Path) else FRAME
    first = same_columns(files)
    files = same_categories(files)
    categories = files["training"].categories
    notes = [*left_out("files of other kinds", others)]
    notes += dict.fromkeys(note for file in files.values() for note in file.notes)
    series, noted = usable(files, missing, skip=unreadable == "skip", whole=bool(window))
    notes += noted
    held: dict[PartName, float] = {"validation": validation, "test": test}
    shares: dict[PartName, float] = {
        part: share for part, share in held.items() if part not in series
    }
    if window is None:
        found: dict[PartName, list[Labelled]] = {
            part: [(one.value_SC, one.label) for one in members]
            for part, members in series.items()
        }
    else:
        found, noted = cut_windows(
            path, series, shares, window=window, stride=stride, split=split, seed=seed
        )
        notes += noted
        shares = {}
    # As in Columns.key: what came later counts where it is used.
    later = {} if split == "time" else {"split": split}
    key = {
        "files": digests,
        # Labels can come from a second file, whose digest is not above.
        "labels": [[*labels] for members in found.values() for _, labels in members],
        "settings": [columns.key(), window, stride, missing],
        "shares": sorted(held.items()),
        **later,
    }
    return assemble(
        path.resolve().stem,
        found,
        channels=first.channels,
        attributes=first.attributes,
        shares=shares,
        seed=seed,
        key=[json.dumps(key, sort_keys=True)],
        notes=notes,
        categories=categories,
        clock=first.clock,
        numeric=columns.numeric,
    )


def _files(
    root: Path | DataFrame, columns: Columns, whole: bool, max_mb: int
) -> tuple[dict[PartName, SeriesFile], list[str], dict[PartName, str]]:
    """Read the file of each part; return names of other files and digests, too."""
    if not isinstance(root, Path):
        file = checked(read_table(root, columns, whole), FRAME)
        values = np.concatenate([one.value_SC.ravel() for one in file.series])
        texts = json.dumps(file.categories).encode() if file.categories else b""
        return {"training": file}, [], {"training": sha256(values.tobytes() + texts).hexdigest()}
    paths, others = find_parts(root, tuple(READERS))
    files = {
        part: read_series(paths[part], columns, whole=whole, max_mb=max_mb)
        for part in PARTS
        if part in paths
    }
    digests = {part: digest(path, max_mb) for part, path in paths.items()}
    return files, [name for name in others if not name.endswith(LABELS_SUFFIX)], digests
