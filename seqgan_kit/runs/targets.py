"""What sampling may write: folders that may be replaced, and how many samples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..errors import UsageError
from ..files import refuse_existing
from .asked import Asked

MOST = 10**8
"""Most samples at once; their labels alone take a gigabyte."""


def refuse_folder(asked: Asked, ours: Callable[[Path], bool], *, nested: bool = False) -> None:
    """Refuse a folder of samples that may not be replaced, or that holds more than samples.

    The whole folder is replaced, so that what a user has put there would be lost.

    Args:
        asked: says which folder, and whether it may be replaced.
        ours: whether a file is one that sampling writes.
        nested: whether sampling writes folders inside of the folder.

    Raises:
        UsageError: it is not to be replaced.
    """
    out = asked.target
    if not out.is_dir():
        return
    inside = sorted(out.rglob("*") if nested else out.iterdir())
    if inside:
        refuse_existing(inside[0], asked.may_replace)
    for path in inside:
        if not (path.is_file() and ours(path)) and not (nested and path.is_dir()):
            raise UsageError(
                f"{out} contains more than samples ({path.name}) and is not replaced; use another "
                "--out"
            )


def refuse_many(labels: int, count: int) -> None:
    """Refuse ``count`` samples of each of so many labels if they are more than :data:`MOST`.

    Raises:
        UsageError: they are.
    """
    if labels * count > MOST:
        raise UsageError(
            f"{count:,} samples of each of {labels:,} labels are more than {MOST:,}; request "
            "fewer, or several times with another seed"
        )
