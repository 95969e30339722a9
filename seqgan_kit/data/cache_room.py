"""How much a cache of encoded shards may take, for all processes that fill it together."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from filelock import FileLock, Timeout

FREE = 1 << 30
"""Bytes of the disk that the cache leaves free."""

ITEMS = "items.npy"
"""The file of an encoded shard in its folder."""
USED = ".used"
DRAFT = ".draft-"


class CacheRoom:
    """The bytes that encoded shards in a folder take, counted once and added up from then on.

    Args:
        folder: of the cache; each shard has a folder in it.
        most: bytes that it may take.
    """

    def __init__(self, folder: Path, most: int) -> None:
        self.folder, self._most = folder, most

    def recount(self) -> None:
        """Count what is there, and remove what killed processes left."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._lock():
            self._count()

    def reserve(self, file: Path, size: int) -> bool:
        """Make a file of this size, unless the cache or the disk would be too full."""
        with self._lock():
            try:
                used = int((self.folder / USED).read_text())
            except (FileNotFoundError, ValueError):
                used = self._count()
            free = shutil.disk_usage(self.folder).free
            if used + size > self._most or size + FREE > free:
                return False
            # At its size from now on, so that whoever counts again sees it.
            with file.open("wb") as made:
                made.truncate(size)
            (self.folder / USED).write_text(str(used + size))
        return True

    def _lock(self) -> FileLock:
        return FileLock(self.folder / f"{USED}.lock")

    def _count(self) -> int:
        size_of: dict[str, int] = {}
        for path in [Path(one.path) for one in os.scandir(self.folder) if one.is_dir()]:
            name = path.name
            if DRAFT in name:
                name = name[1:].partition(DRAFT)[0]
                self._remove_left(name, path)
            # A draft may have got its name meanwhile, or have been removed.
            found = (_size(path), _size(path.with_name(name)))
            size_of[name] = max(size_of.get(name, 0), *found)
        used = sum(size_of.values())
        (self.folder / USED).write_text(str(used))
        return used

    def _remove_left(self, name: str, draft: Path) -> None:
        """Remove a draft, unless the process that makes it is at work."""
        try:
            with shard_lock(self.folder / name):
                shutil.rmtree(draft, ignore_errors=True)
        except Timeout:
            pass


def shard_lock(folder: Path) -> FileLock:
    """Return the lock of whoever encodes a shard into this folder; it waits for nobody."""
    return FileLock(folder.with_name(f"{folder.name}.lock"), timeout=0)


def _size(folder: Path) -> int:
    try:
        return (folder / ITEMS).stat().st_size
    except FileNotFoundError:
        return 0
