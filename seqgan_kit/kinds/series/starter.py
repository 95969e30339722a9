"""A first recipe for a user's own series."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ...data.arrays import read_array, read_arrays
from ...data.dataset import PARTS, DataError, Dataset, PartName, some
from ...data.reading import opened, refuse_large
from ...data.tables import ENDINGS
from ...runs import beginning as shared
from ...runs.asked import Starter, file_name
from .arrays import LABELS_SUFFIX, OBJECT_BYTES
from .datasets import own_series
from .files import READERS, read_series
from .items import Columns, SeriesFile
from .tables import DECIMAL_COMMA, MISSING, read_columns
from .times import rise

IDS = ("id", "series", "sample", "item", "unit", "subject", "session", "trial", "run", "sequence")
TIMES = ("time", "timestamp", "datetime", "date", "t", "step", "frame", "tick", "year", "day")
NUMBERS_OF_ROWS = ("", "index", "unnamed: 0", "row", "id")
LABELS = ("label", "class", "target", "category")

WINDOW, SHORTEST_WINDOW = 24, 4
LONGEST = 256
"""Steps beyond which training takes long: of longer series windows are taken, or the beginning."""
FEW_SERIES = 50
"""Of fewer, windows are taken if they are long enough for that."""
MOST_WINDOWS = 20_000
HEAVY_TAILS = 6
"""Standard deviations from the mean beyond which single values would set the whole range."""


@dataclass(frozen=True)
class Guess:
    """How a file is to be read.

    Attributes:
        table: whether it is a table.
        columns: what the columns mean.
        whole: whether windows are to be taken of it.
        left_out: columns that are not used, and why.
        sure: whether the file is plainly one of series.
        roles: what the columns are taken for, in words.
    """

    table: bool = False
    columns: Columns = field(default_factory=Columns)
    whole: bool = False
    left_out: Mapping[str, str] = field(default_factory=dict)
    sure: bool = True
    roles: Sequence[str] = ()


@dataclass(frozen=True)
class OwnSeries:
    """Series that somebody wants to train on.

    Attributes:
        root: the file or the folder.
        guess: how it is read.
        dataset: as the recipe will load it.
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
    guess = _guess(parts["training"]) if parts else None
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


def _guess(path: Path) -> Guess | None:
    """How a file is to be read; ``None`` where it holds images, or names of files."""
    with opened(path) as file:
        if not file.read(1):
            raise DataError(f"{path} is empty: there is nothing to learn from")
    if path.suffix.lower() in ENDINGS:
        return _guess_table(path)
    arrays: dict[str, np.ndarray] = {}
    try:
        if path.suffix.lower() == ".npy":
            arrays = {"x": read_array(path)}
        elif path.suffix.lower() == ".npz":
            arrays = read_arrays(path)
    except DataError:
        return Guess()  # The reader says what is wrong.
    if any(one.dtype == np.uint8 and one.ndim in (3, 4) for one in arrays.values()):
        return None
    x = arrays.get("x", np.zeros(()))
    if not x.ndim:
        return Guess()
    # Many rows of few numbers are steps of one series rather than series of few steps.
    whole = x.ndim == 1 or (x.ndim == 2 and x.shape[1] < 16 and len(x) >= 20 * x.shape[1])
    others = {n: one for n, one in arrays.items() if n not in ("x", "length", "channel")}
    fit = {n: one for n, one in others.items() if one.ndim == 1 and len(one) == len(x)}
    refuse_large(path, len(fit) * len(x) * OBJECT_BYTES)
    columns = [one.tolist() for one in fit.values()]
    rows = [dict(zip(fit, values, strict=True)) for values in zip(*columns, strict=True)] or [{}]
    labels, left_out = shared.needed_labels(path, rows, [*others])
    roles = ["read as one long series, a row for each step"] if whole else []
    return Guess(False, Columns(labels=labels), whole, left_out, roles=roles)


# -- tables -------------------------------------------------------------------------------------


def _guess_table(path: Path) -> Guess | None:
    """What the columns of a table mean; ``None`` where it names files."""
    table, form = read_columns(path)
    if shared.are_numbers(list(table)):
        raise DataError(
            f"{path}: the header row consists of numbers: add a first row that names the columns, "
            "or write a recipe with data.header=false"
        )
    decimal = "."
    numbers = [name for name in table if shared.are_numbers(table[name])]
    points = any("." in cell for name in numbers for cell in table[name])
    if not points and any(_have_commas(table[name]) for name in table):
        decimal = ","
        table = {
            name: [one.replace(",", ".") for one in cells] if _have_commas(cells) else cells
            for name, cells in table.items()
        }
    numbers = [name for name in table if shared.are_numbers(table[name])]
    # A column of paths is one of a manifest, whose other numbers may be labels.
    guess = _roles(path, table, numbers) if numbers and "path" not in table else None
    return guess and replace(guess, columns=replace(guess.columns, form=form, decimal=decimal))


def _have_commas(cells: Sequence[str]) -> bool:
    """Say whether a column holds numbers with decimal commas, some perhaps without decimals."""
    numbers = [one for one in cells if one.lower() not in MISSING]
    commas = [one for one in numbers if DECIMAL_COMMA.fullmatch(one)]
    return bool(commas) and all(one in commas or one.lstrip("+-").isdecimal() for one in numbers)


def _roles(path: Path, table: Mapping[str, Sequence[str]], numbers: Sequence[str]) -> Guess:
    """Guess which columns are the id, the time, labels and channels."""
    key = _id_column(table)
    keys = table[key] if key else [""] * len(next(iter(table.values())))
    count, steps = len({*keys}), len(keys) / len({*keys})
    timed = _named(table, TIMES)
    timed += [n for n in table if n not in (*numbers, key) and shared.are_codes(table[n])]
    time = next((n for n in timed if n == "time" or _rises(table[n], keys)), None)
    left_out = {
        name: "it numbers the rows"
        for name in _named(table, NUMBERS_OF_ROWS)
        if name not in (key, time) and _rises(table[name])
    }
    free = [name for name in table if name not in (key, time, *left_out)]
    may_label = [name for name in free if name not in numbers or name.lower() in LABELS]
    changing = [n for n in may_label if len(set(zip(keys, table[n], strict=True))) > count]
    # A window has one label, which is to stay for a while.
    runs = {n: 1 + sum(map(str.__ne__, table[n][1:], table[n])) for n in changing}
    quick = [n for n in changing if len(keys) / runs[n] < WINDOW and n != "label"]
    few = count < FEW_SERIES and steps >= 2 * WINDOW
    whole = key is None or few or steps > LONGEST or len(changing) > len(quick)
    first = range(len(keys)) if whole else {k: n for n, k in reversed([*enumerate(keys)])}.values()
    left_out |= dict.fromkeys(quick, "changes all the time")
    rows = [{name: table[name][n] for name in may_label} for n in first]
    labels, others = shared.guess_labels(rows, [n for n in may_label if n not in left_out])
    if not labels and not others.get("label", "always").startswith("always"):
        # The reader takes it for labels in any case.
        raise DataError(
            f"{path}: the column 'label' does not hold labels ({others['label']}), which several "
            "series share: correct it, or rename it if it holds values"
        )
    left_out |= others
    channels = [n for n in free if n in numbers and n not in (*labels, *left_out)]
    if not channels:
        raise DataError(
            f"{path}: none of the columns {', '.join(table)} holds values: add one with numbers"
        )
    given = {"id": key, "time": time, "labels": ", ".join(labels)}
    shown = ", ".join(f"{role}: {name}" for role, name in given.items() if name)
    strings = [name for name in left_out if name not in numbers]
    return Guess(
        True,
        Columns(
            # A name that no column has makes one series of all rows.
            id=key or ("id" if "id" not in table else "no column"),
            time=time or "time",
            labels=labels,
            channels=tuple(channels) if left_out else (),
        ),
        whole,
        left_out,
        # What hardly repeats may be text.
        sure=all(
            len({*table[name]}) <= 0.2 * len(keys) or shared.are_codes(table[name])
            for name in strings
        ),
        roles=[f"columns taken for {shown}"] if shown else [],
    )


def _id_column(table: Mapping[str, Sequence[str]]) -> str | None:
    """The column that tells series apart: its values come several times."""
    times = _named(table, TIMES)
    named = [*_named(table, IDS), *(n for n in table if n.lower().endswith("_id"))]
    for name in (*named, *table):
        repeats = len({*table[name]}) <= len(table[name]) / 2
        # Without a telling name it is one if the time begins again with each of its values.
        begins = any(not _rises(table[n]) and _rises(table[n], table[name]) for n in times)
        if repeats and (name in named or (begins and name not in times)):
            return name
    return None


def _named(table: Mapping[str, Sequence[str]], names: Sequence[str]) -> list[str]:
    """The columns of such names, in their order."""
    return [name for one in names for name in table if name.lower() == one]


def _rises(values: Sequence[str], keys: Sequence[str] | None = None) -> bool:
    """Whether values rise from row to row, or among the rows of each key."""
    found: dict[str, list[str]] = {}
    for value, key in zip(values, keys or [""] * len(values), strict=True):
        found.setdefault(key, []).append(value)
    return rise(found)


# -- windows and the recipe ---------------------------------------------------------------------


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
    game = shared.real_valued_game(
        name, training.label_NA, thing="sequence", width=96, steps=4000, rate="1e-3"
    )
    form = columns.form
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
  # Steps of the longest sequence: longer series are cut; null: as many as the longest has.
  max_length: {LONGEST if longest > LONGEST else "null"}

{game}"""
