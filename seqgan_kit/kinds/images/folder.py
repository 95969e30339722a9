"""A user's own images as a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Literal

import numpy as np

from ...data.dataset import (
    DataError,
    Dataset,
    Part,
    PartName,
    as_classes,
    fingerprint,
    held_out,
    listed,
    some,
)
from ...data.label_folders import left_out
from ...data.manifests import LabelledFile
from ...data.reading import digest
from ...data.sources import Progress
from .listing import Listing
from .reading import Ground, Look, read_pixels
from .survey import Seen, changes, decided, look_at, notes


class ImageFiles:
    """Image files that are decoded on access.

    Args:
        paths: the files.
        look: what every image becomes.
    """

    def __init__(self, paths: Sequence[Path], look: Look) -> None:
        self.paths, self.look = list(paths), look
        self.channels = 1 if look.colour == "grey" else 3

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: slice) -> np.ndarray:
        """Read images ``[B, H, W, C]`` of bytes.

        Raises:
            DataError: a file can no longer be read.
        """
        paths = self.paths[index]
        image_BHWC = np.empty((len(paths), *self.look.size, self.channels), np.uint8)
        for place, path in enumerate(paths):
            image_BHWC[place] = read_pixels(path, self.look)
        return image_BHWC


def image_files(
    root: Path,
    listing: Listing,
    look: Look,
    *,
    ground: Ground | Literal["auto"] = "auto",
    depth: int | Literal["auto"] = "auto",
    unreadable: Literal["error", "skip"] = "error",
    numeric: Sequence[str] = (),
    validation: float = 0.1,
    test: float = 0.1,
    seed: int = 0,
    progress: Progress | None = None,
) -> Dataset:
    """Load a data set of a user's own images.

    Args:
        root: the folder or the manifest; the data set has its name.
        listing: the files, by part and with their labels. A part that it lacks is split off the
            training images.
        look: what every image becomes, but for the background and the white.
        ground: the background, or ``"auto"``.
        depth: bits that images of 16 bits use, or ``"auto"``.
        unreadable: stop at files that cannot be read, or leave them out with a note.
        validation: share of the training images for validation, if that is not a part.
        test: share of the training images for the test, if that is not a part.
        seed: seed of the split.
        progress: called with the bytes read.

    Raises:
        DataError: a file is not an image, or a label has too few images.
    """
    seen, damaged = _survey(root.name, listing.files, look, progress)
    if damaged and unreadable == "error":
        raise DataError(
            f"{len(damaged)} of {len(listing.files)} images cannot be read:\n"
            + listed(list(damaged.values()))
            + "\nRepair them, or skip them with data.unreadable=skip"
        )
    look = decided(look, seen.values(), ground, depth)
    parts = {
        part: [one for one in files if one.name in seen] for part, files in listing.parts.items()
    }
    if validation or test:
        _refuse_rare(root, parts["training"], listing.labels, numeric)
    shares: dict[PartName, float] = {"validation": validation, "test": test}
    cut = {part: share for part, share in shares.items() if part not in parts}
    whole = parts["training"]
    classes_NA = as_classes(_numbers(whole, listing.labels), listing.labels, numeric)
    indices = held_out(classes_NA, list(cut.values()), seed)
    for part, index_N in zip(("training", *cut), indices, strict=True):
        parts[part] = [whole[index] for index in index_N]

    # Contents rather than dates, so that a copy of the folder has the same fingerprint.
    files = [one for one in listing.files if one.name in seen]
    sums = [(one.name, digest(one.path, look.limits.max_mb)) for one in files]
    settings = (*look.size, look.colour, unreadable, validation, test, seed)
    return Dataset(
        name=root.resolve().name if root.is_dir() else root.resolve().stem,
        parts={
            part: Part(
                ImageFiles([one.path for one in members], look),
                _numbers(members, listing.labels),
            )
            for part, members in parts.items()
        },
        labels=listing.labels,
        fingerprint=fingerprint(*sums, *settings, *listing.key, *changes(look, seen.values())),
        notes=[*listing.notes, *_left(damaged), *notes(look, seen)],
    )


def _survey(
    name: str, files: Sequence[LabelledFile], look: Look, progress: Progress | None
) -> tuple[dict[str, Seen], dict[str, str]]:
    """Decode every image, as truncation shows only then.

    Returns:
        What was seen of each by its name, and what is wrong with those that cannot be read.
    """
    tell = progress or (lambda *_: None)
    *read_N, whole = accumulate((_bytes(one.path) for one in files), initial=0)
    seen: dict[str, Seen] = {}
    damaged: dict[str, str] = {}
    for one, read in zip(files, read_N, strict=True):
        tell(name, read, whole)
        try:
            seen[one.name] = look_at(one.path, look)
        except DataError as error:
            damaged[one.name] = str(error)
    tell(name, whole, whole)
    return seen, damaged


def _left(damaged: Mapping[str, str]) -> list[str]:
    """Return a note on files that cannot be read, with the reason for the first."""
    return [
        f"{note}; {next(iter(damaged.values()))}"
        for note in left_out("unreadable images", list(damaged))
    ]


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # Reading it will say why.


def _refuse_rare(
    root: Path,
    training: Sequence[LabelledFile],
    labels: Mapping[str, Sequence[str]],
    numeric: Sequence[str],
) -> None:
    """Refuse a class that has no image to train on and one to hold out."""
    label_NA = _numbers(training, labels)
    for column, (attribute, classes) in enumerate(labels.items()):
        counts = np.bincount(label_NA[:, column], minlength=len(classes))
        few = [one for one, count in zip(classes, counts, strict=True) if count < 2]
        if few and attribute not in numeric:
            raise DataError(
                f"{root}: fewer than 2 training images with the {attribute} {some(few)}: "
                "add images, or remove the label"
            )


def _numbers(files: Sequence[LabelledFile], labels: Mapping[str, Sequence[str]]) -> np.ndarray:
    """Return class numbers ``[N, A]``; all are of one class if there are no labels."""
    numbers = [{value: number for number, value in enumerate(known)} for known in labels.values()]
    rows = [
        [known[value] for known, value in zip(numbers, one.labels, strict=True)] or [0]
        for one in files
        if one.labels
    ] or [[0]] * len(files)
    return np.array(rows, np.int64).reshape(len(files), len(labels))
