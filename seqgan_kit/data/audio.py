"""Recordings as data sets: spoken digits, and one's own."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from .audio_files import LongRecording, read_clip
from .clip_cache import LeftOut, cached_clips
from .clips import ClipSettings
from .dataset import DataError, Dataset, Part, PartName, fingerprint, held_out
from .label_folders import NAMED, find_files, left_out, natural, some
from .sources import SPEAKERS, TAKES, Progress, locate

EXTENSIONS = frozenset((".wav", ".flac", ".ogg"))

TEST_TAKES = 5
"""Takes 0 to 4 of every digit and speaker are the official test part of the spoken digits."""


@dataclass(frozen=True)
class Recording:
    """A file of sound and its labels."""

    path: Path
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
    folder = locate("spoken_digits", root=root, progress=progress)
    digits = [str(number) for number in range(10)]
    found: dict[PartName, list[Recording]] = {"training": [], "test": []}
    for digit in digits:
        for speaker in SPEAKERS:
            for take in range(TAKES):
                path = folder / f"{digit}_{speaker}_{take}.wav"
                part: PartName = "test" if take < TEST_TAKES else "training"
                found[part].append(Recording(path, (digit, speaker)))
    return _dataset(
        "spoken_digits",
        found,
        {"digit": digits, "speaker": list(SPEAKERS)},
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
                Recording(path, (label,)) for label, paths in by_label.items() for path in paths
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
        DataError: it cannot be read, lacks a column, or names a file that does not exist.
    """
    rows = list(_rows(path))
    if not rows:
        raise DataError(f"{path} names no recordings: add rows with a path and labels")
    columns = list(labels) or [name for name in rows[0][1] if name != "path"]
    found = []
    for line, row in rows:
        for column in ("path", *columns):
            if not row.get(column):
                raise DataError(
                    f"{path}, line {line}: it has no {column!r}; its columns are "
                    + ", ".join(map(repr, row))
                )
        file = path.parent / row["path"]
        if not file.is_file():
            raise DataError(f"{path}, line {line}: there is no file {file}")
        found.append(Recording(file, tuple(row[column] for column in columns)))
    return columns, found


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Line numbers and columns of a manifest."""
    try:
        content = path.read_text("utf-8-sig")
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file or folder") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as text in UTF-8 ({error})") from error
    if path.suffix.lower() == ".csv":
        reader = csv.DictReader(content.splitlines())
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
            if not isinstance(record, dict) or not all(
                isinstance(value, str | int | float) for value in record.values()
            ):
                raise DataError(
                    f"{path}, line {number}: it is no JSON object of texts and numbers"
                )
            yield number, {name: str(value).strip() for name, value in record.items()}
    else:
        raise DataError(
            f"{path}: a manifest ends in .csv or .jsonl; or name a folder with one sub-folder "
            "for each label"
        )


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
        "files": [
            [one.path.relative_to(root).as_posix(), _digest(one.path)] for one in everything
        ],
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
    cut = held_out(label_NA[whole_N], list(shares.values()), seed)
    for part, index_N in zip(("training", *shares), cut, strict=True):
        place_of[part] = whole_N[index_N]
    return Dataset(
        name=name,
        parts={
            part: Part(clips.choose(place_of[part]), label_NA[place_of[part]])
            for part in ("training", "validation", "test")
            if part in place_of
        },
        labels=names,
        fingerprint=fingerprint(
            name, json.dumps(key, sort_keys=True), sorted(shares.items()), seed
        ),
        notes=[*notes, *_why_left_out(everything, left, root)],
    )


TOO_LONG = "too long"


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
    for number, recording in enumerate(everything):
        tell(number, len(everything))
        try:
            clip: np.ndarray | str = read_clip(recording.path, settings)
        except LongRecording as error:
            clip = TOO_LONG
            if settings.too_long == "error":
                damaged.append(str(error))
        except DataError as error:
            clip = str(error)
            damaged.append(clip)
        yield clip
    tell(len(everything), len(everything))
    if damaged and not skip:
        more = [f"and {len(damaged) - NAMED} more"] if len(damaged) > NAMED else []
        raise DataError(
            f"{len(damaged)} of {len(everything)} recordings cannot be used:\n  "
            + "\n  ".join([*damaged[:NAMED], *more])
            + "\nRepair them, or leave them out with data.unreadable=skip"
        )


def _why_left_out(everything: Sequence[Recording], left: LeftOut, root: Path) -> list[str]:
    long = [everything[number].path for number, why in left.items() if why == TOO_LONG]
    bad = [everything[number].path for number, why in left.items() if why != TOO_LONG]
    return [
        *left_out("recordings longer than data.max_seconds", long, root),
        *left_out("recordings that cannot be used", bad, root),
    ]


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
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror})") from error
