"""A first recipe for a user's own series."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...data.dataset import PARTS, DataError, Dataset, PartName, some
from ...data.numeric import in_ranges, numbered
from ...runs import beginning as shared
from ...runs.asked import Starter, file_name
from ...runs.first_game import real_valued_game
from .arrays import LABELS_SUFFIX
from .datasets import own_series
from .files import READERS, read_series
from .guessing import LONGEST, WINDOW, Guess, guess_columns
from .items import SeriesFile
from .learning import guessed_sorts

SHORTEST_WINDOW = 4
MOST_WINDOWS = 20_000
HEAVY_TAILS = 6
"""Standard deviations from the mean beyond which single values would set the whole range."""


@dataclass(frozen=True)
class OwnSeries:
    """Series that somebody wants to train on.

    Attributes:
        root: the file or the folder.
        guess: how it is read.
        dataset: as the recipe will load it, with numeric labels as ranges.
        length_N: steps of each series.
        missing: how many values are.
        window: steps of windows, ``None`` where series are taken as they are.
        stride: steps from a window to the next.
        share: of the series or of the time, for each of validation and test.
    """

    root: Path
    guess: Guess
    dataset: Dataset
    length_N: np.ndarray
    missing: int
    window: int | None
    stride: int
    share: float


def starter(path: Path) -> Starter | None:
    """Propose a recipe for a file or a folder of series; ``None`` where it holds none.

    Raises:
        DataError: the series cannot be used.
    """
    parts = None if path.name.endswith(LABELS_SUFFIX) else shared.part_files(path, READERS)
    guess = guess_columns(parts["training"]) if parts else None
    if parts is None or guess is None:
        return None
    found = look_at_series(path, parts, guess)
    name = f"{file_name(path, 'own')}_series"
    make = Starter if guess.sure else shared.Fallback
    return make(name, _description(found), lambda target: series_recipe(found, name, target))


def look_at_series(path: Path, parts: Mapping[PartName, Path], guess: Guess) -> OwnSeries:
    """Read series as a recipe would.

    Raises:
        DataError: they cannot be used.
    """
    files = {part: read_series(f, guess.columns, whole=guess.whole) for part, f in parts.items()}
    values = [one.value_SC for file in files.values() for one in file.series]
    window, stride, share = None, 1, shared.share_for(len(files["training"].series))
    if guess.whole:
        window, stride, share = _window(path, files)
    dataset = own_series(
        root=path, columns=guess.columns, window=window, stride=stride, missing="linear",
        validation=share, test=share,
    )  # fmt: skip
    dataset = in_ranges(numbered(dataset, guess.columns.numeric))
    _refuse_unusable(path, dataset)
    missing = sum(int(np.isnan(value_SC).sum()) for value_SC in values)
    length_N = np.array([len(value_SC) for value_SC in values])
    return OwnSeries(path, guess, dataset, length_N, missing, window, stride, share)


def write_tiny(folder: Path) -> Path:
    """Write a tiny table of series by site: slow and fast waves of unequal lengths."""
    generator = np.random.default_rng(0)
    rows = ["id,time,site,heat,flow"]
    for number in range(40):
        speed, phase = (0.4, 0.9)[number % 2], generator.uniform(0, 6)
        for step in range(generator.integers(6, 11)):
            heat, flow = 20 + np.sin(speed * step + phase), 3 * np.cos(speed * step + phase)
            site = ("north", "south")[number % 2]
            rows.append(f"s{number:02d},{step},{site},{heat:.3f},{flow:.3f}")
    path = folder / "sensors.csv"
    path.write_text("\n".join([*rows, ""]), encoding="utf-8")
    return path


def _window(path: Path, files: Mapping[PartName, SeriesFile]) -> tuple[int, int, float]:
    """The length and the stride of windows that fit into every part, and the other parts' shares.

    Raises:
        DataError: there are too few steps.
    """
    longest = {part: max(len(one.value_SC) for one in file.series) for part, file in files.items()}
    steps = sum(len(one.value_SC) for one in files["training"].series)
    for share in (0.1, 0.2):
        held = [longest.get(part, round(share * longest["training"])) for part in PARTS]
        length = min(WINDOW, *held)
        if length >= (8 if share < 0.2 else SHORTEST_WINDOW):
            return length, max(steps // MOST_WINDOWS, 1), share
    raise DataError(
        f"{path}: its longest series has {longest['training']} steps, too few for windows in "
        f"three parts: give {SHORTEST_WINDOW * 5} or more"
    )


def _refuse_unusable(path: Path, dataset: Dataset) -> None:
    """Refuse values that never change, and classes of a single series."""
    value_SC = np.concatenate([*dataset.parts["training"].items[: len(dataset.parts["training"])]])
    if (value_SC == value_SC[0]).all():
        raise DataError(f"{path}: no channel ever changes: give series with different values")
    label_NA = np.concatenate([part.label_NA for part in dataset.parts.values()])
    for column, (attribute, names) in enumerate(dataset.labels.items()):
        count_K = np.bincount(label_NA[:, column], minlength=len(names))
        if few := [name for name, count in zip(names, count_K, strict=True) if count < 2]:
            raise DataError(
                f"{path}: fewer than 2 series with the {attribute} {some(few)}: add some, or "
                "leave that out"
            )


def _description(found: OwnSeries) -> str:
    dataset, count = found.dataset, len(found.length_N)
    channels = shared.plural(len(dataset.channels), "channel")
    lines = [
        f"{found.root}: {f'{count:,}' if count > 1 else 'one'} series of "
        f"{shared.spread(found.length_N, 'step')} in {channels}: "
        f"{shared.listing(dataset.channels)}",
        *found.guess.roles,
        *shared.left_out_lines(found.guess.left_out),
    ]
    label_NA = np.concatenate([part.label_NA for part in dataset.parts.values()])
    if found.window:
        stride = "step" if found.stride == 1 else f"{found.stride} steps"
        lines.append(
            f"the recipe takes {len(label_NA):,} windows of {found.window} steps, "
            f"one every {stride}"
        )
    if sorts := guessed_sorts(dataset):
        lines.append("values: " + ", ".join(f"{name} {sort}" for name, sort in sorts.items()))
    labelled = any(len(names) > 1 for names in dataset.labels.values())
    lines += shared.class_counts(label_NA, dataset.labels) if labelled else ["no labels"]
    if found.missing:
        lines.append(f"missing values: {found.missing:,}; the recipe interpolates them")
    return "\n".join([*lines, *dataset.notes])


def series_recipe(found: OwnSeries, name: str, target: Path) -> str:
    """A commented recipe for series, step by step."""
    training, columns = found.dataset.parts["training"], found.guess.columns
    items = [*training.items[: len(training)]]
    value_SC = np.concatenate(items)
    distance_SC = np.abs(value_SC - value_SC.mean(0))
    tails = (distance_SC > HEAVY_TAILS * value_SC.std(0)).any()
    longest = max(map(len, items))
    game = real_valued_game(
        name,
        training.label_NA,
        thing="sequence",
        width=96,
        channels=(48, 96),
        kernel=3,
        steps=4000,
        rate="1e-3",
    )
    form = columns.form
    sorts = guessed_sorts(found.dataset)
    channels = ", ".join(f"{shared.quoted(channel)}: {sort}" for channel, sort in sorts.items())
    table = f"""
  # Columns that tell series apart, and whose values rise within each, if there are such.
  id: {shared.quoted(columns.id)}
  time: {shared.quoted(columns.time)}
  # Between two cells of a row; null: a comma, or a tab in .tsv.
  separator: {shared.quoted(form.separator) if form.separator else "null"}
  # What stands before the decimals of a number.
  decimal: {shared.quoted(columns.decimal)}"""
    return f"""\
# seqgen train {target}
# {len(training):,} {"windows of long " if found.window else ""}series to train on, step by step.

name: {name}

data:
  source: series
  root: {shared.quoted(os.path.abspath(found.root))}{table if found.guess.table else ""}
  # Names of labels; without them all series are of one class.
  labels: {shared.quoted_list(columns.labels)}
  # Those that are numbers, and are asked for as such (--label age=63).
  numeric: {shared.quoted_list(columns.numeric)}
  # Names of values; none: all that are nothing else.
  channels: {shared.quoted_list(columns.channels)}
  # Windows of so many steps of long series, and steps from one to the next; null: whole series.
  window: {found.window or "null"}
  stride: {found.stride}
  # Missing values ({found.missing} here): error, forward (the last one) or linear (in between).
  missing: {"linear" if found.missing else "error"}
  # Shares held out of training, of the series or of the time, unless there are such files.
  validation: {found.share}
  test: {found.share}

codec:
  kind: series
  # min-max, or standard: so many deviations about the mean, and what lies beyond is cut.
  normalize: {"standard" if tails else "min-max"}
  deviations: 3.0
  # What the values of a channel may be: real (what is not named), non-negative, bounded, integer,
  # binary, categorical, or zero-inflated.
  channels: {{{channels}}}
  # Steps of the longest sequence: longer series are cut; null: as many as the longest has.
  max_length: {LONGEST if longest > LONGEST else "null"}

{game}"""
