"""Folders with one sub-folder for each label."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..labels import normal
from .dataset import DataError, PartName, some

PART_FOLDERS: dict[str, PartName] = {
    "training": "training",
    "train": "training",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "test": "test",
}


@dataclass(frozen=True)
class FileTree:
    """Files by part and label.

    Attributes:
        parts: the files of each label of each part.
        notes: notes on files that were left out.
    """

    parts: dict[PartName, dict[str, list[Path]]]
    notes: list[str]

    @property
    def labels(self) -> list[str]:
        """All labels, in natural order."""
        return sorted({label for part in self.parts.values() for label in part}, key=natural)

    @property
    def paths(self) -> list[Path]:
        """The files of all parts."""
        return [path for part in self.parts.values() for paths in part.values() for path in paths]


def find_files(
    root: Path, extensions: Collection[str], what: str, *, nested: bool | None = None
) -> FileTree:
    """Find the files of a folder by part and label, opening none of them.

    Args:
        root: the folder. The parts are the sub-folders ``training`` (or ``train``),
            ``validation`` (``valid``, ``val``) and ``test`` with a folder for each label;
            without them the folders of the labels are in ``root``.
        extensions: extensions of the files to find, in lower case.
        what: name of the files in messages, in the plural.
        nested: whether files in folders inside of a label's folder are taken, too; ``None`` if
            the recipe has no ``data.nested`` to ask for them.

    Raises:
        DataError: there is no such folder, no label's folder has such files, or a name is not
            UTF-8.
    """
    _, folders = _entries(root)
    # A folder named "test" may be a label; the folder of a part has sub-folders.
    named = [f for f in folders if f.name.lower() in PART_FOLDERS and _entries(f)[1]]
    left: dict[str, list[Path]] = defaultdict(list)
    by_part = _part_folders(root, named, folders, left)
    deeper: list[Path] = []
    parts = {
        part: _by_label(folder, extensions, what, left, deeper, nested=bool(nested))
        for part, folder in by_part.items()
    }
    ask = "" if nested is None else "; data.nested=true takes them"
    if not parts["training"]:
        where = by_part["training"]
        if left[f"{what} outside of a label's folder"]:
            raise DataError(
                f"{what} are directly in the folder {where}: "
                "put them in one sub-folder for each label"
            )
        if deeper:
            raise DataError(
                f"{where} has its {len(deeper)} {what} in folders inside of the labels' folders: "
                f"move them into the labels' folders{ask}"
            )
        raise DataError(
            f"no sub-folder of {where} contains {what} ({', '.join(sorted(extensions))}): "
            "make a sub-folder for each label"
        )
    notes = _notes(root, left)
    for note in left_out(f"{what} in folders inside a label's folder", _within(root, deeper)):
        notes.append(note + ask)
    return FileTree({part: labels for part, labels in parts.items() if labels}, notes)


def find_unlabelled(
    root: Path, extensions: Collection[str], what: str, *, nested: bool
) -> tuple[dict[PartName, list[Path]], list[str]]:
    """Find the files of a folder by part, whatever folders they are in, opening none of them.

    Args:
        root: the folder, with or without sub-folders for the parts; see :func:`find_files`.
        extensions: extensions of the files to find, in lower case.
        what: name of the files in messages, in the plural.
        nested: whether files in sub-folders are taken, too.

    Returns:
        The files of each part, and notes on what was left out.

    Raises:
        DataError: there is no such folder, it has no such files, or a name is not UTF-8.
    """
    _, folders = _entries(root)
    named = [f for f in folders if f.name.lower() in PART_FOLDERS]
    left: dict[str, list[Path]] = defaultdict(list)
    parts: dict[PartName, list[Path]] = {}
    for part, folder in _part_folders(root, named, folders, left).items():
        files, inside = _entries(folder)
        below = [path for one in inside for path in _below(one)]
        parts[part] = [path for path in files + below * nested if _is(path, extensions)]
        left["other files"] += [path for path in files if not _is(path, extensions)]
        if not nested:
            left[f"{what} in sub-folders"] += [path for path in below if _is(path, extensions)]
    if not parts["training"]:
        deeper = len(left[f"{what} in sub-folders"])
        more = f", but {deeper} in sub-folders; data.nested=true takes them" if deeper else ""
        raise DataError(
            f"{root} has no {what} for the training part ({', '.join(sorted(extensions))}){more}"
        )
    return {part: files for part, files in parts.items() if files}, _notes(root, left)


def _part_folders(
    root: Path, named: Sequence[Path], folders: Sequence[Path], left: dict[str, list[Path]]
) -> dict[PartName, Path]:
    """Return the folder of each part, and add folders beside them to ``left``."""
    by_part = {PART_FOLDERS[folder.name.lower()]: folder for folder in named}
    if len(by_part) < len(named):
        raise DataError(f"{root} has two folders for one part: {some([f.name for f in named])}")
    if "training" not in by_part:
        return {"training": root}
    left["folders next to the parts"] = [f for f in folders if f not in named]
    return by_part


def _notes(root: Path, left: dict[str, list[Path]]) -> list[str]:
    return [note for kind, paths in left.items() for note in left_out(kind, _within(root, paths))]


def _within(root: Path, paths: Sequence[Path]) -> list[str]:
    return [path.relative_to(root).as_posix() for path in paths]


DEEPEST = 4
"""Folders inside of each other that :func:`found_below` looks into."""


def found_below(
    root: Path, extensions: Collection[str], deepest: int | None = DEEPEST
) -> Iterator[Path]:
    """Yield the files below a folder that have one of these extensions, opening none of them.

    Links to folders are not followed, and folders that cannot be read are left out.

    Args:
        root: the folder.
        extensions: extensions in lower case.
        deepest: how many folders inside of each other are looked into; ``None``: all.
    """
    top = len(root.parts)
    for folder, inside, files in os.walk(root):
        if deepest is not None and len(Path(folder).parts) - top >= deepest:
            inside.clear()
        yield from (Path(folder, name) for name in files if _is(Path(name), extensions))


def _by_label(
    folder: Path,
    extensions: Collection[str],
    what: str,
    left: dict[str, list[Path]],
    deeper: list[Path],
    *,
    nested: bool,
) -> dict[str, list[Path]]:
    """Find the files of each sub-folder, and add all other entries to ``left`` or ``deeper``."""
    files, folders = _entries(folder)
    for file in files:
        place = f"{what} outside of a label's folder" if _is(file, extensions) else "other files"
        left[place] += [file]
    labels: dict[str, list[Path]] = {}
    for label in folders:
        files, inside = _entries(label)
        below = [path for one in inside for path in _below(one)]
        if nested:
            files = files + below
        else:
            left["folders inside a label's folder"] += inside
            deeper += [file for file in below if _is(file, extensions)]
        left["other files"] += [file for file in files if not _is(file, extensions)]
        if wanted := [file for file in files if _is(file, extensions)]:
            # Two forms of one name in Unicode are one label.
            labels.setdefault(normal(label.name), []).extend(wanted)
        else:
            left[f"folders without {what}"].append(label)
    return labels


def _below(folder: Path) -> list[Path]:
    """Return the visible files below a folder; links to folders are not followed."""
    files, folders = _entries(folder)
    return files + [
        path for inside in folders if not inside.is_symlink() for path in _below(inside)
    ]


def _entries(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return visible files and folders in natural order.

    Raises:
        DataError: there is no such folder, it cannot be read, or a name is not UTF-8.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder")
    try:
        visible = [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise DataError(f"{folder} cannot be read ({error.strerror})") from error
    files: list[Path] = []
    folders: list[Path] = []
    for path in sorted(visible, key=lambda path: natural(path.name)):
        _refuse_bytes(path)
        (folders if path.is_dir() else files).append(path)
    return files, folders


def _refuse_bytes(path: Path) -> None:
    """Refuse a name that is not UTF-8: it could be written neither in JSON nor in a message."""
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        shown = os.fsencode(path).decode("utf-8", "backslashreplace")
        raise DataError(f"{shown}: this name is not UTF-8: rename it") from error


def _is(path: Path, extensions: Collection[str]) -> bool:
    return path.suffix.lower() in extensions


def natural(name: str) -> tuple[list[str | int], str]:
    """Return a sort key that puts 2 before 10."""
    pieces = re.split(r"(\d+)", name.casefold())
    return [int(piece) if place % 2 else piece for place, piece in enumerate(pieces)], name


class LeftOut(str):
    """A note on entries that were left out, whose counts can be added up.

    Attributes:
        what: the entries, in the plural.
        number: how many.
    """

    what: str
    number: int

    def __new__(cls, text: str, what: str, number: int) -> LeftOut:
        made = super().__new__(cls, text)
        made.what, made.number = what, number
        return made


def left_out_of(notes: Sequence[str]) -> Counter[str]:
    """Return how many entries of each sort some notes say were left out.

    >>> left_out_of(["short", *left_out("clips", ["a", "b"])])
    Counter({'clips': 2})
    """
    found: Counter[str] = Counter()
    for note in notes:
        if isinstance(note, LeftOut):
            found[note.what] += note.number
    return found


def left_out(what: str, names: Sequence[str], *, of: str = "") -> list[str]:
    """Return a note on entries (``of`` a file) that were left out; none if there are no entries.

    >>> left_out("rows", ["line 3"], of="a.csv")
    ['a.csv: rows left out: 1 (line 3)']
    """
    if not names:
        return []
    where = f"{of}: " if of else ""
    return [LeftOut(f"{where}{what} left out: {len(names)} ({some(names)})", what, len(names))]
