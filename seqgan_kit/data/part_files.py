"""A user's own data: one file, or a folder with one file for each part."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from .dataset import DataError, PartName
from .label_folders import PART_FOLDERS
from .reading import opened


def find_parts(root: Path, endings: Collection[str]) -> tuple[dict[PartName, Path], list[str]]:
    """Find the files of a data set by part, and the names of other files of the folder.

    Args:
        root: a file, or a folder with the files ``training`` (or ``train``), ``validation``
            (``valid``, ``val``) and ``test``; a name may have a prefix, as in ``NAME_test``.
        endings: file endings of the data files.

    Raises:
        DataError: there is no such file or folder, or the folder has no training file.
    """
    if not root.is_dir():
        if not os.path.lexists(root):
            raise DataError(f"{root}: there is no such file or folder")
        opened(root).close()
        return {"training": root}, []
    parts: dict[PartName, Path] = {}
    others = []
    try:
        inside = sorted(root.iterdir())
    except OSError as error:
        raise DataError(f"{root} cannot be read ({error.strerror})") from error
    for path in inside:
        part = PART_FOLDERS.get(path.stem.lower().rpartition("_")[2])
        if not path.is_file() or path.name.startswith("."):
            continue
        if part is None or path.suffix.lower() not in endings:
            others.append(path.name)
        elif part in parts:
            raise DataError(
                f"{root} has two files for one part, {parts[part].name} and {path.name}: keep one"
            )
        else:
            parts[part] = path
    if "training" not in parts:
        raise DataError(
            f"{root} holds no file named training ({', '.join(endings)}): "
            "add one, or give a file instead of the folder"
        )
    return parts, others
