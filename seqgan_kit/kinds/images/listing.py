"""Which files are the images of a data set, and what their labels are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...data.dataset import DataError, PartName
from ...data.label_folders import find_files, find_unlabelled, left_out, natural
from ...data.manifests import LabelledFile, read_manifest
from ...data.reading import LARGEST_MB
from ...labels import UNLABELLED, normal
from .reading import EXTENSIONS

PATTERN = re.compile(r"\{([^{}]*)\}|[*#]|[^*#{}]+|.")
"""The pieces of a pattern: a label in braces, something, a number, or text."""


@dataclass(frozen=True)
class Listing:
    """The images of a data set.

    Attributes:
        parts: the files of each part, with their labels.
        labels: for each attribute its name and the names of its classes.
        notes: notes on what was left out.
        key: labels that do not follow from the names of the files, for the fingerprint.
    """

    parts: Mapping[PartName, Sequence[LabelledFile]]
    labels: Mapping[str, Sequence[str]]
    notes: Sequence[str] = ()
    key: Sequence[object] = ()

    @property
    def files(self) -> list[LabelledFile]:
        """The files of all parts."""
        return [one for part in self.parts.values() for one in part]


def list_images(
    root: Path,
    *,
    labels: Sequence[str] = (),
    pattern: str | None = None,
    nested: bool = False,
    max_mb: int = LARGEST_MB,
) -> Listing:
    """Find the images of a folder or a manifest, opening none of them.

    Args:
        root: a folder, or a manifest.
        labels: columns of a manifest that hold labels; all but ``path`` if empty.
        pattern: how names of files begin and end, with labels in braces; see :func:`matcher`.
        nested: whether images in sub-folders of a label's folder are taken, too.
        max_mb: most memory that a manifest may take.

    Raises:
        DataError: there are no images, or they have no labels.
    """
    if root.is_dir() and labels:
        raise DataError(
            f"{root}: data.labels names columns of a manifest, and this is a folder: give the "
            "manifest as data.root, or remove data.labels"
        )
    if root.is_dir() and pattern is not None:
        return _by_pattern(root, pattern, nested=nested)
    if root.is_dir() or not root.exists():
        return _by_folder(root, nested=nested)
    if pattern is not None:
        raise DataError(
            f"{root}: data.pattern reads the names of files in a folder: give the folder as "
            "data.root, or remove data.pattern"
        )
    attributes, files = read_manifest(root, labels, "images", max_mb)
    return Listing(
        {"training": files},
        _classes(files, attributes) or UNLABELLED,
        key=[attributes, [one.labels for one in files]],
    )


def _by_folder(root: Path, *, nested: bool) -> Listing:
    tree = find_files(root, EXTENSIONS, "images", nested=nested)
    parts = {
        part: [
            LabelledFile(path, path.relative_to(root).as_posix(), (label,))
            for label, paths in labels.items()
            for path in paths
        ]
        for part, labels in tree.parts.items()
    }
    return Listing(parts, {"label": tree.labels}, tree.notes)


def _by_pattern(root: Path, pattern: str, *, nested: bool) -> Listing:
    attributes, match = matcher(pattern)
    found, notes = find_unlabelled(root, EXTENSIONS, "images", nested=nested)
    parts: dict[PartName, list[LabelledFile]] = {part: [] for part in found}
    others: list[str] = []
    for part, paths in found.items():
        for path in paths:
            name = path.relative_to(root).as_posix()
            if (fits := match.fullmatch(path.stem)) is None:
                others.append(name)
            else:
                labels = tuple(normal(label) for label in fits.groups())
                parts[part].append(LabelledFile(path, name, labels))
    if not parts["training"]:
        raise DataError(
            f"{root}: no name of an image fits data.pattern={pattern!r}, for example {others[0]}: "
            "write a name in braces for a label, # for a number and * for anything"
        )
    every = [one for part in parts.values() for one in part]
    notes = notes + left_out("images whose names do not fit data.pattern", others)
    return Listing(parts, _classes(every, attributes), notes, key=[pattern])


def matcher(pattern: str) -> tuple[list[str], re.Pattern[str]]:
    """Return the attributes of a pattern, and an expression with a group for each.

    A name in braces stands for a label, ``#`` for a number and ``*`` for anything; all take as
    little as they can.

    Raises:
        DataError: it names no label, or one twice.

    >>> attributes, match = matcher("{breed}_#")
    >>> attributes, match.fullmatch("american_bulldog_10").groups()
    (['breed'], ('american_bulldog',))
    """
    attributes: list[str] = []
    expression = ""
    for piece in PATTERN.finditer(pattern):
        if piece[1] is not None:
            attributes.append(piece[1].strip())
        known = {"*": ".*?", "#": r"\d+"}
        expression += "(.+?)" if piece[1] is not None else known.get(piece[0], re.escape(piece[0]))
    once = len({*attributes, "path"}) == len(attributes) + 1  # A manifest has a column path.
    if not attributes or not all(attributes) or not once:
        raise DataError(
            f"data.pattern={pattern!r} must name its labels, each once and none path, as in "
            f"{'{label}_*'!r}: a name in braces is a label, # is a number and * is anything"
        )
    return attributes, re.compile(expression, re.DOTALL)


def _classes(files: Iterable[LabelledFile], attributes: Sequence[str]) -> dict[str, list[str]]:
    found: list[set[str]] = [set() for _ in attributes]
    for one in files:
        for names, label in zip(found, one.labels, strict=True):
            names.add(label)
    return {
        name: sorted(names, key=natural) for name, names in zip(attributes, found, strict=True)
    }
