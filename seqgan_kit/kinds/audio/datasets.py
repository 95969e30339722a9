"""Data sets of recordings: spoken digits, and your own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Literal

import numpy as np

from ...data.dataset import (
    PARTS,
    DataError,
    Dataset,
    Part,
    PartName,
    as_classes,
    cut_into_parts,
    fingerprint,
    listed,
    some,
)
from ...data.label_folders import find_files, left_out, natural
from ...data.manifests import LabelledFile, read_manifest
from ...data.reading import LARGEST_MB, digest
from ...data.sources import Progress, locate
from .clip_cache import TOO_LONG, cached_clips
from .clips import ClipSettings
from .files import EXTENSIONS, open_recording
from .preparing import LowRate, Taken, Unfit, take
from .reading_notes import notes_on
from .sources import SOURCES, SPEAKERS, SPOKEN_DIGITS

TEST_TAKES = 5
"""Takes 0 to 4 of each digit and speaker are the official test part of the spoken digits."""


def spoken_digits(
    *,
    root: Path | None,
    settings: ClipSettings,
    validation: float,
    seed: int,
    progress: Progress | None = None,
) -> Dataset:
    """Load the Free Spoken Digit Dataset: ten digits, six speakers, fifty takes of each.

    The split is the official one: takes 0 to 4 are the test part. The validation part is held out
    from the others.

    Raises:
        DataError: the files cannot be found, or do not fit the settings.
    """
    folder = locate(SOURCES["spoken_digits"], root=root, progress=progress)
    found: dict[PartName, list[LabelledFile]] = {"training": [], "test": []}
    for file in SPOKEN_DIGITS:
        digit, speaker, take = Path(file).stem.split("_")
        part: PartName = "test" if int(take) < TEST_TAKES else "training"
        found[part].append(LabelledFile(folder / file, file, (digit, speaker)))
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
    numeric: Sequence[str] = (),
    unreadable: Literal["error", "skip"] = "error",
    validation: float = 0.1,
    test: float = 0.1,
    seed: int = 0,
    max_mb: int = LARGEST_MB,
    progress: Progress | None = None,
) -> Dataset:
    """Load your own recordings.

    Args:
        root: a folder with one sub-folder per label (optionally within sub-folders ``training``,
            ``validation`` and ``test``), or a manifest: a ``.csv`` or ``.jsonl`` file with a
            column ``path``, relative to the folder of the manifest, and columns of labels.
        settings: how recordings become clips.
        labels: columns of the manifest that hold labels; all but ``path`` if empty.
        numeric: labels that are numbers, which may occur once.
        unreadable: whether a file that cannot be used is an error, or is left out with a note.
        validation: share of the training clips for validation, if there is no folder for it.
        test: share of the training clips for testing, if there is no folder for it.
        seed: random seed of the split.
        max_mb: largest size of a file.
        progress: called with the bytes read.

    Raises:
        DataError: there are no recordings, a file cannot be used, or a label has too few.
    """
    notes: list[str] = []
    if root.is_dir():
        tree = find_files(root, EXTENSIONS, "recordings")
        found = {
            part: [
                LabelledFile(path, path.relative_to(root).as_posix(), (label,))
                for label, paths in by_label.items()
                for path in paths
            ]
            for part, by_label in tree.parts.items()
        }
        names: dict[str, list[str]] = {"label": tree.labels}
        notes, folder = tree.notes, root
    else:
        columns, rows = read_manifest(root, labels, "recordings", max_mb)
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
        max_mb=max_mb,
        numeric=numeric,
        notes=notes,
        progress=progress,
    )


def _dataset(
    name: str,
    found: Mapping[PartName, Sequence[LabelledFile]],
    names: Mapping[str, Sequence[str]],
    *,
    root: Path,
    settings: ClipSettings,
    shares: Mapping[PartName, float],
    seed: int,
    progress: Progress | None,
    skip: bool = False,
    max_mb: int = LARGEST_MB,
    notes: Sequence[str] = (),
    numeric: Sequence[str] = (),
) -> Dataset:
    everything = [recording for part in found.values() for recording in part]
    key = {
        "settings": settings.key,
        "skip": skip,
        # Contents, not dates, so that a copy of the folder is the same data.
        "files": [[one.name, _identity(one.path, max_mb)] for one in everything],
    }
    tell = partial(progress or (lambda *_: None), name)
    clips, facts, left = cached_clips(
        key,
        lambda: _prepared(everything, settings, skip=skip, max_mb=max_mb, tell=tell),
        count=len(everything),
        name=name,
    )
    kept = sorted(facts)
    label_NA = _label_numbers([everything[number] for number in kept], names)
    clips_N = np.array([facts[number].clips for number in kept])
    first_N = clips_N.cumsum() - clips_N
    part_of = [part for part, members in found.items() for _ in members]
    place_of: dict[PartName, np.ndarray] = {
        part: np.array([n for n, number in enumerate(kept) if part_of[number] == part], np.int64)
        for part in found
    }
    whole_N = place_of["training"]
    if not shares or any(shares.values()):
        refuse_rare(label_NA[whole_N], names, root, numeric)
    cut = cut_into_parts(
        as_classes(label_NA[whole_N], names, numeric),
        shares,
        seed,
        of=f"{root}: {len(whole_N)} recordings",
        advice="add some, or a folder for that part",
    )
    place_of |= {part: whole_N[index_N] for part, index_N in cut.items()}
    return Dataset(
        name=name,
        parts={
            # All clips of a recording are in the same part.
            part: Part(
                clips.choose(ranges(first_N[place_of[part]], clips_N[place_of[part]])),
                label_NA[place_of[part]].repeat(clips_N[place_of[part]], 0),
            )
            for part in PARTS
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
                [why for why in left.values() if why != TOO_LONG],
            ),
            *notes_on(
                {
                    part: [(everything[kept[n]].name, facts[kept[n]]) for n in place_of[part]]
                    for part in PARTS
                    if part in place_of
                },
                settings,
            ),
        ],
    )


def _prepared(
    everything: Sequence[LabelledFile],
    settings: ClipSettings,
    *,
    skip: bool,
    max_mb: int,
    tell: Callable[[int, int | None], None],
) -> Iterator[Taken | str]:
    """Yield the clips of each recording, or why it is left out.

    Raises:
        DataError: some cannot be used and ``skip`` is false; the message names the first ones.
    """
    damaged = []
    *read_N, whole = accumulate((_size(one.path) for one in everything), initial=0)
    for recording, read in zip(everything, read_N, strict=True):
        tell(read, whole)
        try:
            taken = take(open_recording(recording.path, max_mb), settings)
        except DataError as error:
            # Where a setting is wrong, not the file, the advice would be, too.
            if isinstance(error, Unfit) or (isinstance(error, LowRate) and not skip):
                raise
            damaged.append(str(error))
            # Without the folder, because a copy of it has the same cache.
            yield str(error).replace(str(recording.path), recording.name)
            continue
        yield taken if taken.facts.clips else TOO_LONG
    tell(whole, whole)
    if damaged and not skip:
        raise DataError(
            f"{len(damaged)} of {len(everything)} recordings cannot be used:\n"
            + listed(damaged)
            + "\nRepair them, or skip them with data.unreadable=skip"
        )


def ranges(first_N: np.ndarray, count_N: np.ndarray) -> np.ndarray:
    """Return the numbers of some ranges in a row.

    >>> ranges(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    before_N = count_N.cumsum() - count_N
    return np.arange(count_N.sum()) + (first_N - before_N).repeat(count_N)


def refuse_rare(
    label_NA: np.ndarray,
    names: Mapping[str, Sequence[str]],
    root: Path,
    numeric: Sequence[str] = (),
) -> None:
    """Refuse a class that has no clip to train on and one to hold out.

    Args:
        label_NA: classes of the training clips.
        names: names of the classes of each attribute.
        root: where the recordings are, for the message.
        numeric: attributes that are numbers, which may occur once.

    Raises:
        DataError: a class has fewer than two clips.
    """
    for column, (attribute, classes) in enumerate(names.items()):
        counts = np.bincount(label_NA[:, column], minlength=len(classes))
        few = [name for name, count in zip(classes, counts, strict=True) if count < 2]
        if few and attribute not in numeric:
            raise DataError(
                f"{root}: fewer than 2 training recordings with the {attribute} {some(few)}: "
                "add some, or remove the label"
            )


def _label_numbers(
    found: Sequence[LabelledFile], names: Mapping[str, Sequence[str]]
) -> np.ndarray:
    """Return class numbers ``[N, A]``; all are of one class if there are no labels."""
    numbers = [{value: number for number, value in enumerate(known)} for known in names.values()]
    rows = [
        [known[value] for known, value in zip(numbers, one.labels, strict=True)]
        if one.labels
        else [0]
        for one in found
    ]
    return np.array(rows, np.int64).reshape(len(found), len(names))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # Reading it will say why.


def _identity(path: Path, max_mb: int) -> str:
    """Return the checksum of a file, or a word for one that cannot be read as a file."""
    try:
        return digest(path, max_mb)
    except DataError:
        return "unreadable"
