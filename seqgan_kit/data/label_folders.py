"""Folders with one sub-folder for each label."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

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
    """Files by part and label, and notes on files that were left out."""

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


def find_files(root: Path, extensions: Collection[str], what: str) -> FileTree:
    """Find the files of a folder by part and label, opening none of them.

    Args:
        root: the folder. The parts are the sub-folders ``training`` (or ``train``),
            ``validation`` (``valid``, ``val``) and ``test`` with a folder for each label;
            without them the folders of the labels are in ``root``.
        extensions: extensions of the files to find, in lower case.
        what: name of the files in messages, in the plural.

    Raises:
        DataError: there is no such folder, or no label's folder has such files.
    """
    if not root.is_dir():
        raise DataError(f"{root}: there is no such folder")
    _, folders = _entries(root)
    # A folder named "test" may be a label; the folder of a part has sub-folders.
    named = [f for f in folders if f.name.lower() in PART_FOLDERS and _entries(f)[1]]
    by_part = {PART_FOLDERS[folder.name.lower()]: folder for folder in named}
    if len(by_part) < len(named):
        raise DataError(f"{root} has two folders for one part: {some([f.name for f in named])}")
    left: dict[str, list[Path]] = defaultdict(list)
    if "training" in by_part:
        left["folders next to the parts"] = [f for f in folders if f not in named]
    else:
        by_part = {"training": root}
    parts = {part: _by_label(folder, extensions, what, left) for part, folder in by_part.items()}
    if not parts["training"]:
        where = by_part["training"]
        if left[f"{what} outside of a label's folder"]:
            raise DataError(
                f"{what} are directly in the folder {where}: "
                "put them in one sub-folder for each label"
            )
        raise DataError(
            f"no sub-folder of {where} contains {what} ({', '.join(sorted(extensions))}): "
            "make a sub-folder for each label"
        )
    notes = [
        note
        for kind, paths in left.items()
        for note in left_out(kind, [path.relative_to(root).as_posix() for path in paths])
    ]
    return FileTree({part: labels for part, labels in parts.items() if labels}, notes)


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
    folder: Path, extensions: Collection[str], what: str, left: dict[str, list[Path]]
) -> dict[str, list[Path]]:
    """Find the files of each sub-folder, and add all other entries to ``left``."""
    files, folders = _entries(folder)
    for file in files:
        place = f"{what} outside of a label's folder" if _is(file, extensions) else "other files"
        left[place] += [file]
    labels = {}
    for label in folders:
        files, nested = _entries(label)
        left["other files"] += [file for file in files if not _is(file, extensions)]
        left["folders inside a label's folder"] += nested
        if wanted := [file for file in files if _is(file, extensions)]:
            labels[label.name] = wanted
        else:
            left[f"folders without {what}"].append(label)
    return labels


def _entries(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return visible files and folders in natural order."""
    try:
        visible = [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        raise DataError(f"{folder} cannot be read ({error.strerror})") from error
    files: list[Path] = []
    folders: list[Path] = []
    for path in sorted(visible, key=lambda path: natural(path.name)):
        (folders if path.is_dir() else files).append(path)
    return files, folders


def _is(path: Path, extensions: Collection[str]) -> bool:
    return path.suffix.lower() in extensions


def natural(name: str) -> tuple[list[str | int], str]:
    """Return a sort key that puts 2 before 10."""
    pieces = re.split(r"(\d+)", name.casefold())
    return [int(piece) if place % 2 else piece for place, piece in enumerate(pieces)], name


def left_out(what: str, names: Sequence[str]) -> list[str]:
    """Return a note on entries that were left out, or none if there are no entries."""
    return [f"{what} left out: {len(names)} ({some(names)})"] if names else []
