"""A first recipe for a user's own data: every installed kind looks at them."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import plugins
from ..data.dataset import DataError, PartName
from ..data.label_folders import PART_FOLDERS
from ..data.part_files import find_parts
from ..data.reading import opened, refuse_columns
from ..errors import UsageError
from ..labels import Bins
from .asked import Starter

SHOWN = 12
"""How many names a line lists at most."""

MOST_CLASSES = 40
MOST_COMBINATIONS = 100
"""Of the classes of several columns."""
FEWEST = 3
"""Items of a class: each of the three parts can have one."""
MOST_EMPTY = 0.05
"""Share of the rows that a column of labels may leave empty."""

ENOUGH = 150
"""Items of which a tenth is enough for a test."""

MISSING = frozenset(("", "nan", "na", "null", "none", "?"))
"""What stands in tables, in small letters, where a value is missing."""
CODE = re.compile(r"\S*\d\S*|\w+://\S+|\S+\.\w{2,4}")
"""A date, an identifier, an address or the name of a file."""
DATE = re.compile(r"\d+([-/.:])\d+\1\d+")
DIGITS = 0.4
"""Share of digits from which on a value with spaces is a date or a code, too."""


@dataclass(frozen=True)
class Fallback(Starter):
    """A recipe for data that look more like another kind's.

    It is used where no other kind takes the data, or where the user names this kind.
    """


def look_at(path: Path, kind: str | None = None) -> Starter:
    """Find the kind of some data, and what recipe to begin with.

    Args:
        path: a file or a folder.
        kind: the only one that is asked, all if absent.

    Raises:
        DataError: there are no such data, or no kind can read them.
        UsageError: there is no such kind, or several can read the data.
    """
    kinds = plugins.kinds()
    if kind is not None and kind not in kinds:
        raise UsageError(f"--kind {kind}: there is no such kind; choose one of {', '.join(kinds)}")
    if not os.path.lexists(path):
        raise DataError(f"{path} does not exist")
    if not path.is_dir():
        # A kind that opened a pipe would wait for ever.
        opened(path).close()
    asked = kinds if kind is None else {kind: kinds[kind]}
    found: dict[str, Starter] = {}
    problems: dict[str, DataError] = {}
    for name, one in asked.items():
        try:
            starter = one.starter(path)
        except DataError as error:
            # Another kind may be able to read what this one took for its own.
            problems[name] = error
            continue
        if starter is not None:
            found[name] = starter
    sure = {name: starter for name, starter in found.items() if not isinstance(starter, Fallback)}
    if problems and not sure:
        raise _all_of(path, problems)
    chosen = sure or found
    if len(chosen) > 1:
        raise UsageError(
            f"{path} can be read as {' or as '.join(chosen)}: say which with --kind "
            f"{next(iter(chosen))}"
        )
    if chosen:
        return next(iter(chosen.values()))
    raise DataError(
        f"{path} holds nothing that can be read as {', '.join(asked)}; docs/data.md "
        "lists the files of each kind"
    )


def _all_of(path: Path, problems: Mapping[str, DataError]) -> DataError:
    """Join what keeps each kind from reading the data: which of them was meant is not known."""
    messages = {str(error) for error in problems.values()}
    if len(messages) == 1:
        return next(iter(problems.values()))
    lines = [f"  as {name}: {error}" for name, error in problems.items()]
    return DataError("\n".join([f"{path} cannot be read:", *lines]))


# -- what the kinds share when they look at data ------------------------------------------------


def part_files(path: Path, endings: Collection[str]) -> dict[PartName, Path] | None:
    """Return the files of a data set by part; ``None`` where there are none by their names.

    Raises:
        DataError: there are such files in the folder and nothing else, and none is for training.
    """
    if path.is_file():
        return {"training": path} if path.suffix.lower() in endings else None
    try:
        visible = [entry for entry in path.iterdir() if not entry.name.startswith(".")]
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror})") from error
    readable = [entry for entry in visible if entry.suffix.lower() in endings]
    named = {PART_FOLDERS.get(entry.stem.lower().rpartition("_")[2]) for entry in readable}
    if "training" in named or (readable and len(readable) == len(visible)):
        return find_parts(path, endings)[0]
    return None


def guess_labels(
    rows: Sequence[Mapping[str, Any]], names: Iterable[str]
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Guess which columns hold labels; return them, and why the others were left out.

    A label has few different values, each of which comes several times.

    Args:
        rows: the items with their columns.
        names: the columns that may hold labels.

    >>> rows = [{"mood": "good" if n % 2 else "bad", "number": n} for n in range(12)]
    >>> guess_labels(rows, ["mood", "number"])
    (('mood',), {'number': '12 different values'})
    """
    chosen: tuple[str, ...] = ()
    left_out: dict[str, str] = {}
    for name in names:
        counts = Counter(label_name(row.get(name)) for row in rows)
        empty = counts.pop("", 0)
        rarest = min(counts, key=lambda value: counts[value], default="")
        together = len(
            {tuple(label_name(row.get(one)) for one in (*chosen, name)) for row in rows}
        )
        if name.lower() == "id":
            left_out[name] = "it identifies items"
        elif sum(bool(DATE.match(value)) for value in counts) > len(counts) / 2:
            left_out[name] = "dates"
        elif empty > MOST_EMPTY * len(rows):
            left_out[name] = f"no value in {empty} of {len(rows)} rows"
        elif len(counts) == 1:
            left_out[name] = f"always {rarest!r}"
        elif len(counts) > min(MOST_CLASSES, max(len(rows) // 4, 2)):
            left_out[name] = f"{len(counts)} different values"
        elif counts[rarest] < FEWEST:
            left_out[name] = f"only {counts[rarest]} with {rarest!r}"
        elif together > min(MOST_COMBINATIONS, len(rows) // 4):
            left_out[name] = f"{together} combinations with {', '.join(chosen)}"
        else:
            chosen += (name,)
    return chosen, left_out


def needed_labels(
    path: Path, rows: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> tuple[tuple[str, ...], dict[str, str]]:
    """As :func:`guess_labels`, for readers that take all columns for labels unless one is named.

    Raises:
        DataError: there are such columns, and none can hold labels.
    """
    labels, left_out = guess_labels(rows, names)
    if not names or labels:
        return labels, left_out
    alike = [name for name, why in left_out.items() if why.startswith("always")]
    if not alike:
        why = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
        raise DataError(
            f"{path} has no column of labels ({why}): add one with few values, each several "
            "times, or with the same value for all"
        )
    return (alike[0],), {name: why for name, why in left_out.items() if name != alike[0]}


def manifest_labels(
    path: Path, rows: Sequence[Mapping[str, Any]]
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the columns of labels of a manifest, and why others were left out.

    Raises:
        DataError: there are too many columns, or none can be a label.
    """
    columns = [*dict.fromkeys(name for row in rows for name in row if name not in ("path", None))]
    refuse_columns(path, len(columns))
    return needed_labels(path, rows, columns)


def are_numbers(values: Sequence[Any]) -> bool:
    """Say whether nearly all values are numbers, the missing ones aside.

    >>> are_numbers(["1", "2.5", "?"]), are_numbers(["1", "one"])
    (True, False)
    """
    known = [one for one in values if label_name(one).lower() not in MISSING]
    return bool(known) and sum(map(_is_number, known)) >= 0.9 * len(known)


def are_codes(texts: Sequence[str]) -> bool:
    """Say whether most texts are dates, identifiers, addresses or names of files.

    >>> are_codes(["S-001", "Jan 3 2020", "a/b.wav"]), are_codes(["Anna", "a room"])
    (True, False)
    """
    return sum(map(_is_code, texts)) > 0.5 * len(texts)


def _is_number(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type]  # what is no text or number raises
    except (TypeError, ValueError):
        return False
    return True


def _is_code(text: str) -> bool:
    signs = [one for one in text if one.isalnum()]
    digits = sum(one.isdigit() for one in signs)
    return bool(CODE.fullmatch(text)) or digits >= DIGITS * len(signs)


def label_name(value: object) -> str:
    """Return the name of a label as the readers of tables write it, ``""`` where it has none."""
    if isinstance(value, str):
        return value.strip()
    return json.dumps(value) if isinstance(value, int | float) else ""


def share_for(count: int) -> float:
    """Return a share for validation, and for the test, that leaves enough to measure with."""
    return 0.1 if count >= ENOUGH else 0.2


def grouping(label_NA: np.ndarray, most: int = 32) -> tuple[int, int]:
    """Return a class group and a batch size that the training part can fill.

    >>> grouping(np.repeat([[0], [1]], 11, axis=0))
    (4, 16)
    """
    _, count_K = np.unique(label_NA, axis=0, return_counts=True)
    # A class with fewer items than a group repeats them: a few such classes do no harm.
    group = 4 if count_K[count_K < 4].sum() <= 0.1 * len(label_NA) else 2
    groups = int(np.maximum(count_K // group, 1).sum())
    return group, min(groups, most // group) * group


def class_counts(label_NA: np.ndarray, labels: Mapping[str, Sequence[str]]) -> list[str]:
    """Describe the classes of each attribute with their counts, one line each."""
    lines = []
    for column, (attribute, names) in enumerate(labels.items()):
        count_K = np.bincount(label_NA[:, column], minlength=len(names))
        shown = [f"{name} ({n})" for name, n in zip(names, count_K, strict=True)]
        what = "labels" if attribute == "label" else f"label {attribute}"
        if isinstance(names, Bins):
            what += " (a number; figures use ranges about these)"
        lines.append(f"{what}: {listing(shown)}")
    return lines


def listing(names: Sequence[str]) -> str:
    """List the first of some names, and say how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def left_out_lines(left_out: Mapping[str, str]) -> list[str]:
    """Say which columns are not used and why: one line, none where all are used."""
    shown = listing(
        [f"{name or 'the one without a name'} ({why})" for name, why in left_out.items()]
    )
    return [f"columns left out: {shown}"] if left_out else []


def spread(value_N: np.ndarray, unit: str, form: str = ".0f") -> str:
    """Describe some lengths by the shortest, the median and the longest.

    >>> spread(np.array([2, 9, 3]), "word")
    '2 to 9 words (median 3)'
    """
    low, middle, high = (format(v, form) for v in np.quantile(value_N, [0, 0.5, 1]))
    units = unit if high == "1" else f"{unit}s"
    return f"{low} {units}" if low == high else f"{low} to {high} {units} (median {middle})"


def plural(count: int, what: str) -> str:
    """Return a count with its noun, which takes an s.

    >>> plural(1, "row"), plural(2, "row")
    ('1 row', '2 rows')
    """
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def quoted(text: str) -> str:
    """Return a text as a YAML scalar in quotation marks."""
    return json.dumps(text, ensure_ascii=not text.isprintable())


def quoted_list(names: Iterable[str]) -> str:
    """Return some texts as a YAML list on one line."""
    return f"[{', '.join(map(quoted, names))}]"
