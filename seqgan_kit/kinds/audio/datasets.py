"""Recordings as data sets: spoken digits, and one's own."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ...data.dataset import (
    DataError,
    Dataset,
    Part,
    PartName,
    cut_into_parts,
    fingerprint,
    listed,
    some,
)
from ...data.label_folders import find_files, left_out, natural
from ...data.sources import Progress, locate
from ...files import file_digest
from .clip_cache import TOO_LONG, cached_clips
from .clips import ClipSettings
from .files import EXTENSIONS, Unfit, prepared, read_sound
from .sources import SOURCES, SPEAKERS, SPOKEN_DIGITS

TEST_TAKES = 5
"""Takes 0 to 4 of every digit and speaker are the official test part of the spoken digits."""


@dataclass(frozen=True)
class Recording:
    """A file of sound, what its data set calls it wherever it lies, and its labels."""

    path: Path
    name: str
    labels: tuple[str, ...]


def spoken_digits(
    *,
    root: Path | None,
    settings: ClipSettings,
    validation: float,
    seed: int,
    progress: Progress | None = None,
) -> Dataset:
    """The Free Spoken Digit Dataset: ten digits, six speakers, fifty takes of each.

    The official split: takes 0 to 4 are the test part. Of the others the validation part is held
    out.

    Raises:
        DataError: the files cannot be found, or the settings do not fit them.
    """
    folder = locate(SOURCES["spoken_digits"], root=root, progress=progress)
    found: dict[PartName, list[Recording]] = {"training": [], "test": []}
    for file in SPOKEN_DIGITS:
        digit, speaker, take = Path(file).stem.split("_")
        part: PartName = "test" if int(take) < TEST_TAKES else "training"
        found[part].append(Recording(folder / file, file, (digit, speaker)))
    return _dataset(
        "spoken_digits",
        found,
        {"digit": [str(number) for number in range(10)], "speaker": list(SPEAKERS)},
        root=folder,
        settings=settings,
        shares={"validation": validation},
        seed=seed,
        progress=progress,
    )


def recordings(
    *,
    root: Path,
    settings: ClipSettings,
    labels: Sequence[str] = (),
    unreadable: Literal["error", "skip"] = "error",
    validation: float = 0.1,
    test: float = 0.1,
    seed: int = 0,
    progress: Progress | None = None,
) -> Dataset:
    """Your own recordings.

    Args:
        root: a folder with one sub-folder for each label (in sub-folders ``training``,
            ``validation`` and ``test``, where there are such parts), or a manifest: a ``.csv`` or
            ``.jsonl`` file with a column ``path``, from the manifest's folder, and columns of
            labels.
        settings: how recordings become clips.
        labels: columns of the manifest that hold labels; all but ``path`` if absent.
        unreadable: stop at files that are no sound, or leave them out with a note.
        validation: share of the training clips for validation, where it has no folder.
        test: share of the training clips for the test, where it has no folder.
        seed: of the cut.
        progress: told of the files read.

    Raises:
        DataError: there is nothing of that kind, a file is no sound, or a label has too few.
    """
    notes: list[str] = []
    if root.is_dir():
        tree = find_files(root, EXTENSIONS, "recordings")
        found = {
            part: [
                Recording(path, path.relative_to(root).as_posix(), (label,))
                for label, paths in by_label.items()
                for path in paths
            ]
            for part, by_label in tree.parts.items()
        }
        names: dict[str, list[str]] = {"label": tree.labels}
        notes, folder = tree.notes, root
    else:
        columns, rows = read_manifest(root, labels)
        found, folder = {"training": rows}, root.parent
        names = {
            column: sorted({row.labels[place] for row in rows}, key=natural)
            for place, column in enumerate(columns)
        } or {"label": ["any"]}
    shares: dict[PartName, float] = {"validation": validation, "test": test}
    return _dataset(
        root.resolve().stem,
        found,
        names,
        root=folder,
        settings=settings,
        shares={part: share for part, share in shares.items() if part not in found},
        seed=seed,
        skip=unreadable == "skip",
        notes=notes,
        progress=progress,
    )


def read_manifest(path: Path, labels: Sequence[str]) -> tuple[list[str], list[Recording]]:
    """The recordings that a manifest names, and the columns of their labels.

    Raises:
        DataError: it cannot be read, lacks a column, or names a file twice or one that does not
            exist.
    """
    rows = list(_rows(path))
    if not rows:
        raise DataError(f"{path} names no recordings: add rows with a path and labels")
    columns = list(labels) or [name for name in rows[0][1] if name != "path"]
    found: list[Recording] = []
    line_of: dict[Path, int] = {}
    for line, row in rows:
        for column in ("path", *columns):
            if not isinstance(row.get(column, ""), str):
                raise DataError(f"{path}, line {line}: its {column!r} is no text or number")
            if not row.get(column):
                raise DataError(
                    f"{path}, line {line}: it has no {column!r}; its columns are "
                    + ", ".join(map(repr, row))
                )
        file = path.parent / row["path"]
        if not file.is_file():
            raise DataError(f"{path}, line {line}: there is no file {file}")
        if (first := line_of.setdefault(file.resolve(), line)) != line:
            raise DataError(f"{path}, line {line}: it names {file} again, as line {first} does")
        found.append(Recording(file, row["path"], tuple(row[column] for column in columns)))
    return columns, found


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Line numbers and columns of a manifest; texts and numbers are texts."""
    try:
        # Line breaks inside of quotation marks are left as they are.
        content = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file or folder") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as text in UTF-8 ({error})") from error
    if path.suffix.lower() == ".csv":
        reader = csv.DictReader(io.StringIO(content, newline=""))
        if reader.fieldnames is None or "path" not in reader.fieldnames:
            raise DataError(f"{path} has no column 'path' in its first row: name the files in one")
        for row in reader:
            if None in row or None in row.values():
                raise DataError(
                    f"{path}, line {reader.line_num}: it does not have {len(reader.fieldnames)} "
                    "fields, as the first row has"
                )
            yield reader.line_num, {name: value.strip() for name, value in row.items()}
    elif path.suffix.lower() == ".jsonl":
        for number, line in enumerate(content.splitlines(), start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except json.JSONDecodeError as error:
                raise DataError(f"{path}, line {number}: it is no JSON ({error.msg})") from error
            if not isinstance(record, dict):
                raise DataError(f"{path}, line {number}: its JSON is no object")
            yield number, {name: _plain(value) for name, value in record.items()}
    else:
        raise DataError(
            f"{path}: a manifest ends in .csv or .jsonl; or name a folder with one sub-folder "
            "for each label"
        )


def _plain(value: object) -> object:
    """Texts, numbers and truth values as texts, anything else as it is."""
    if isinstance(value, str):
        return value.strip()
    return json.dumps(value) if isinstance(value, int | float) else value


def _dataset(
    name: str,
    found: Mapping[PartName, Sequence[Recording]],
    names: Mapping[str, Sequence[str]],
    *,
    root: Path,
    settings: ClipSettings,
    shares: Mapping[PartName, float],
    seed: int,
    progress: Progress | None,
    skip: bool = False,
    notes: Sequence[str] = (),
) -> Dataset:
    everything = [recording for part in found.values() for recording in part]
    key = {
        "settings": asdict(settings),
        "skip": skip,
        # Contents, not dates: a copy of the folder is the same data.
        "files": [[one.name, _digest(one.path)] for one in everything],
    }
    tell = partial(progress or (lambda *_: None), name)
    clips, left = cached_clips(
        key, lambda: _prepared(everything, settings, skip=skip, tell=tell), name=name
    )
    kept = [number for number in range(len(everything)) if number not in left]
    label_NA = _label_numbers([everything[number] for number in kept], names)
    part_of = [part for part, members in found.items() for _ in members]
    place_of: dict[PartName, np.ndarray] = {
        part: np.array([n for n, number in enumerate(kept) if part_of[number] == part], np.int64)
        for part in found
    }
    whole_N = place_of["training"]
    _enough(label_NA[whole_N], names, root)
    cut = cut_into_parts(
        label_NA[whole_N],
        shares,
        seed,
        of=f"{root}: {len(whole_N)} recordings",
        advice="add some, or a folder for that part",
    )
    place_of |= {part: whole_N[index_N] for part, index_N in cut.items()}
    return Dataset(
        name=name,
        parts={
            part: Part(clips.choose(place_of[part]), label_NA[place_of[part]])
            for part in ("training", "validation", "test")
            if part in place_of
        },
        labels=names,
        fingerprint=fingerprint(
            name,
            json.dumps(key, sort_keys=True),
            json.dumps([[*one.labels] for one in everything]),
            sorted(shares.items()),
            seed,
        ),
        notes=[
            *notes,
            *left_out(
                "recordings longer than data.max_seconds",
                [everything[number].name for number, why in left.items() if why == TOO_LONG],
            ),
            *left_out(
                "recordings that cannot be used",
                [everything[number].name for number, why in left.items() if why != TOO_LONG],
            ),
        ],
    )


def _prepared(
    everything: Sequence[Recording],
    settings: ClipSettings,
    *,
    skip: bool,
    tell: Callable[[int, int | None], None],
) -> Iterator[np.ndarray | str]:
    """The clips of recordings, or why they are left out.

    Raises:
        DataError: some cannot be used, and they are not to be left out; it names the first ones.
    """
    damaged = []
    *read_N, whole = accumulate((one.path.stat().st_size for one in everything), initial=0)
    for recording, read in zip(everything, read_N, strict=True):
        tell(read, whole)
        try:
            sound_SC, rate = read_sound(recording.path)
            clip = prepared(sound_SC, rate, settings, str(recording.path))
        except Unfit:
            # Not the file is wrong, but a setting: leaving files out would hide that.
            raise
        except DataError as error:
            damaged.append(str(error))
            yield str(error)
            continue
        yield TOO_LONG if clip is None else clip
    tell(whole, whole)
    if damaged and not skip:
        raise DataError(
            f"{len(damaged)} of {len(everything)} recordings cannot be used:\n"
            + listed(damaged)
            + "\nRepair them, or leave them out with data.unreadable=skip"
        )


def _enough(label_NA: np.ndarray, names: Mapping[str, Sequence[str]], root: Path) -> None:
    """Check that each class of each attribute has a clip to train on and one to hold out.

    Raises:
        DataError: one has fewer.
    """
    for column, (attribute, classes) in enumerate(names.items()):
        counts = np.bincount(label_NA[:, column], minlength=len(classes))
        few = [name for name, count in zip(classes, counts, strict=True) if count < 2]
        if few:
            raise DataError(
                f"{root}: fewer than 2 recordings to train on with the {attribute} {some(few)}: "
                "add some, or leave that out"
            )


def _label_numbers(found: Sequence[Recording], names: Mapping[str, Sequence[str]]) -> np.ndarray:
    """Class numbers ``[N, A]``; all of one class where there are no labels."""
    numbers = [{value: number for number, value in enumerate(known)} for known in names.values()]
    rows = [
        [known[value] for known, value in zip(numbers, one.labels, strict=True)]
        if one.labels
        else [0]
        for one in found
    ]
    return np.array(rows, np.int64).reshape(len(found), len(names))


def _digest(path: Path) -> str:
    try:
        return file_digest(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror})") from error
