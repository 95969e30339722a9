"""Tar files in the form of WebDataset, by whomever: neighbouring members of one name are an item.

Labels are the ``.json`` beside a file (its texts, numbers and booleans), and its ``.cls``; what
else there is, such as captions, is not read (Aizman et al. 2019).
"""

from __future__ import annotations

import json
import os
import re
import tarfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..files import parsing
from .dataset import DataError, NoItems
from .reading import opened, parse_json, refuse_large
from .shards import LABELS
from .tables import whole

TAR = ".tar"

LISTED = "manifest.jsonl"
"""The manifest of the items in their folder."""

CLASS = ".cls"
"""Ending of the members that are a class."""

BESIDE = (LABELS, CLASS, ".txt", ".__key__", ".url", ".id")
"""Endings of what is no item itself."""

BLOCK, END = 512, 1024
"""Bytes of a block of a tar, and of the zeros at its end (POSIX.1-1988, ustar)."""

ENDING = re.compile(r"\.[a-z0-9]{1,8}")
MOST_ITEMS = 10**7


def unpacked(
    path: Path, folder: Path, *, labels: Sequence[str], endings: Sequence[str], max_mb: int
) -> Path:
    """Write the items of a tar into a folder, with a manifest of their labels; return that.

    Args:
        path: the tar file.
        folder: an empty folder.
        labels: which labels are taken; all if empty.
        endings: of the items, where several members of one name could be.
        max_mb: most memory that its members may take.

    Raises:
        DataError: it is damaged, or an item has other labels than the first.
        NoItems: it has none.
    """
    _refuse_cut(path)
    names: list[str] = []
    columns: dict[str, list[Any]] = {}
    for key, members in _items(path, max_mb, endings):
        suffix = next(name for name in members if name not in (LABELS, CLASS))
        found = _labels(path, key, members)
        kept = {name: found[name] for name in labels if name in found} if labels else found
        if names and kept.keys() != columns.keys():
            raise DataError(
                f"{path}: {key} has the labels {', '.join(kept) or '(none)'}; the first item has "
                f"{', '.join(columns) or '(none)'}"
            )
        _refuse_empty(path, key, kept)
        # A name of our own: theirs could lead anywhere.
        names.append(f"{len(names):07d}{suffix}")
        (folder / names[-1]).write_bytes(members[suffix])
        for name, value in kept.items():
            columns.setdefault(name, []).append(value)
    if not names:
        raise NoItems(f"{path} has no items")
    if missing := [name for name in labels if name not in columns]:
        raise DataError(f"{path}: its items have no label {missing[0]!r} (data.labels)")
    # Not as a table, in which some texts could not be read again.
    rows = zip(*columns.values(), strict=True) if columns else iter([()] * len(names))
    with (folder / LISTED).open("w", encoding="utf-8") as file:
        for name, values in zip(names, rows, strict=True):
            row = {"path": name, **dict(zip(columns, values, strict=True))}
            file.write(json.dumps(row) + "\n")
    return folder / LISTED


def _refuse_cut(path: Path) -> None:
    """Refuse a tar without its end, two blocks of zeros: between two members nothing else tells.

    Raises:
        DataError: there is no end.
    """
    with opened(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - END, 0))
        if size % BLOCK or file.read() != bytes(END):
            raise DataError(f"{path} is damaged or not a .tar file (it has no end)")


def _items(
    path: Path, max_mb: int, endings: Sequence[str]
) -> Iterator[tuple[str, Mapping[str, bytes]]]:
    """Yield the name of each item, and by their endings its content and its labels."""
    with parsing(path, "a .tar file", DataError), tarfile.open(path, "r:") as tar:

        def content(key: str, members: Mapping[str, tarfile.TarInfo]) -> Mapping[str, bytes]:
            found: dict[str, bytes] = {}
            for name in (_of_item(path, key, members, endings), LABELS, CLASS):
                if name in members:
                    file = tar.extractfile(members[name])
                    found[name] = b"" if file is None else file.read()
            return found

        key, members, size = "", dict[str, tarfile.TarInfo](), 0
        for number, member in enumerate(tar):
            if member.isdir():
                continue
            # A few bytes would unpack to any number of zeros.
            if not member.isreg() or member.issparse() or number > MOST_ITEMS:
                raise DataError(f"{path}: {member.name!r} is not a file, or one of too many")
            size += member.size
            refuse_large(path, size, max_mb)
            place, _, name = member.name.rpartition("/")
            stem, _, suffix = name.partition(".")
            if not stem:
                continue  # a hidden file
            if (own := f"{place}/{stem}".lstrip("/")) != key:
                if members:
                    yield key, content(key, members)
                key, members = own, {}
            members[f".{suffix.lower()}"] = member
        if members:
            yield key, content(key, members)


def _of_item(path: Path, key: str, members: Collection[str], endings: Sequence[str]) -> str:
    """Return the ending of the member that is the item."""
    others = [name for name in members if name not in BESIDE and ENDING.fullmatch(name)]
    if len(wanted := [name for name in others if name in endings]) == 1:
        return wanted[0]
    if len(others) != 1:
        raise DataError(
            f"{path}: {key} has {len(others)} members that could be the item "
            f"({', '.join(members)}): keep one"
        )
    return others[0]


def _labels(path: Path, key: str, members: Mapping[str, bytes]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if LABELS in members:
        with parsing(f"{path}: {key}{LABELS}", "JSON", DataError):
            read = parse_json(members[LABELS].decode("utf-8"))
            if not isinstance(read, dict):
                raise ValueError("it is no object")
            for name, value in read.items():
                # Where a file lies is no label; a manifest has its own column of that name.
                if isinstance(value, str | int | float) and name != "path":
                    found[name] = whole(value)
    if CLASS in members:
        with parsing(f"{path}: {key}{CLASS}", "a class", DataError):
            found[CLASS[1:]] = members[CLASS].decode("utf-8").strip()
    return found


def _refuse_empty(path: Path, key: str, labels: Mapping[str, Any]) -> None:
    """Refuse a label without a text.

    Raises:
        DataError: there is one.
    """
    for name, value in labels.items():
        if not str(value).strip():
            raise DataError(
                f"{path}: the label {name!r} of {key} is empty: correct it, or name the labels "
                "that all items have (data.labels)"
            )
