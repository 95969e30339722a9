"""Folders of shards, on this machine or at any address that fsspec knows."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import SeqganError
from .dataset import DataError
from .packages import one_line
from .reading import user_path
from .shards import MANIFEST, has_shards, read_shards

END = 1 << 15
"""Bytes at both ends of a shard by which a change is noticed: a Parquet file has its statistics
at its end, a tar the header of its first file at its beginning."""
TOGETHER = 128
"""Shards of an address whose ends are asked for at once."""


@dataclass(frozen=True)
class ShardFile:
    """A shard in a folder.

    Attributes:
        name: its path in the folder, with ``/``.
        size: in bytes.
        sha256: of its content, where a manifest states it.
        mark: other content has another mark.
    """

    name: str
    size: int
    sha256: str
    mark: str


class Place(ABC):
    """A folder of files.

    Attributes:
        address: as a user writes it.
    """

    address: str

    def whole(self, name: str) -> str:
        """Return how messages call a file of the folder."""
        return f"{self.address.rstrip('/')}/{name}"

    @abstractmethod
    def sizes(self) -> dict[str, int]:
        """Return the size in bytes of every file, by its path in the folder."""

    @abstractmethod
    def ends(self, names: Sequence[str]) -> Iterable[bytes]:
        """Return the first and the last bytes of some files."""

    @abstractmethod
    def bring(self, name: str, folder: Path) -> Path:
        """Return a file on this machine; if it is not here, it is copied into the folder."""


def is_address(root: str) -> bool:
    """Whether this names a place by a protocol, and not by a path.

    >>> is_address("s3://bucket/shards"), is_address("data/shards")
    (True, False)
    """
    return "://" in root


def shards_at(root: str, ending: str) -> tuple[Place, list[ShardFile]]:
    """Find the shards of a folder and its sub-folders, by name.

    Args:
        root: a folder, or an address.
        ending: of their names.

    Raises:
        DataError: the address cannot be reached, there are no such shards, or the manifest of
            ``seqgen sample --shards`` says that some are missing.
    """
    with reaching(root):
        place: Place = Elsewhere(root) if is_address(root) else Here(root)
        size_of = place.sizes()
        names = sorted(name for name in size_of if name.lower().endswith(ending))
        if not names:
            raise DataError(f"{root} has no shards: there is no file with the ending {ending}")
        stated = _stated(place, size_of, names)
        unknown = [name for name in names if name not in stated]
        # As they come: the ends of a million shards need not fit in memory.
        marks = {
            name: _mark(size_of[name], ends)
            for name, ends in zip(unknown, place.ends(unknown), strict=True)
        }
    return place, [
        ShardFile(name, size_of[name], stated.get(name, ""), stated.get(name) or marks[name])
        for name in names
    ]


def mark_of(path: Path, shard: ShardFile) -> str:
    """Return the mark that a shard has with the content of a file."""
    return _mark(shard.size, _ends(path))


def _mark(size: int, ends: bytes) -> str:
    return hashlib.sha256(f"{size} ".encode() + ends).hexdigest()


def _ends(path: Path) -> bytes:
    with path.open("rb") as file:
        first = file.read(END)
        file.seek(max(os.fstat(file.fileno()).st_size - END, 0))
        return first + file.read(END)


def _stated(place: Place, size_of: dict[str, int], names: Sequence[str]) -> dict[str, str]:
    """Return the checksums of the manifest of our own shards, if there is one."""
    if MANIFEST not in size_of:
        return {}
    with tempfile.TemporaryDirectory(prefix="seqgan-shards-") as temporary:
        folder = place.bring(MANIFEST, Path(temporary)).parent
        if not has_shards(folder):
            return {}  # It is somebody else's.
        found = read_shards(folder)
    known = set(names)
    if missing := [name for name in found.shards if name not in known]:
        raise DataError(f"{place.address}: {missing[0]} is missing, which {MANIFEST} lists")
    if not found.whole:
        raise DataError(
            f"{place.address} is unfinished: give the command that began it again, or remove "
            f"{MANIFEST} to take the shards that are there"
        )
    return {name: shard.sha256 for name, shard in found.shards.items()}


@contextmanager
def reaching(address: str) -> Iterator[None]:
    """Say in one sentence why an address cannot be read, whatever its file system raises.

    Raises:
        DataError: it cannot.
    """
    try:
        yield
    except SeqganError:
        raise
    except ImportError as error:
        raise DataError(
            f"{address}: this address requires another package ({one_line(error)})"
        ) from error
    except Exception as error:  # Every file system has exceptions of its own.
        why = getattr(error, "strerror", None) or one_line(error) or type(error).__name__
        raise DataError(f"{address} cannot be read ({why})") from error


class Here(Place):
    """A folder on this machine."""

    def __init__(self, root: str) -> None:
        self.address, self._root = root, user_path(root)
        if not self._root.is_dir():
            what = "this is no folder" if self._root.exists() else "there is no such folder"
            raise DataError(
                f"{root}: {what}; data.stream reads a folder of shards, or an address. If it is "
                "elsewhere, add data.root=PLACE"
            )

    def sizes(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for folder, inside, files in os.walk(self._root):
            inside[:] = [name for name in inside if not name.startswith(".")]
            for name in files:
                path = Path(folder, name)
                if not name.startswith(".") and path.is_file():
                    found[path.relative_to(self._root).as_posix()] = path.stat().st_size
        return found

    def ends(self, names: Sequence[str]) -> Iterator[bytes]:
        for name in names:
            yield _ends(self._root / name)

    def bring(self, name: str, folder: Path) -> Path:
        return self._root / name


class Elsewhere(Place):
    """A folder at an address, such as ``s3://bucket/shards``."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._files, self._root = _file_system(address)

    def sizes(self) -> dict[str, int]:
        found = self._files.find(self._root, detail=True)
        if not found and not self._files.exists(self._root):
            raise DataError(f"{self.address}: there is no such folder")
        start = self._root.rstrip("/") + "/"
        inside = {path.removeprefix(start): about for path, about in found.items()}
        return {
            name: int(about["size"] or 0)
            for name, about in inside.items()
            if not any(part.startswith(".") for part in name.split("/"))
        }

    def ends(self, names: Sequence[str]) -> Iterator[bytes]:
        # Many at once, where the file system can do that.
        for start in range(0, len(names), TOGETHER):
            paths = [self._path(name) for name in names[start : start + TOGETHER]]
            first = self._files.cat_ranges(paths, [0] * len(paths), [END] * len(paths))
            last = self._files.cat_ranges(paths, [-END] * len(paths), [None] * len(paths))
            for found in (*first, *last):
                if isinstance(found, Exception):
                    raise found
            yield from (one + other for one, other in zip(first, last, strict=True))

    def bring(self, name: str, folder: Path) -> Path:
        target = folder / Path(name).name
        with self._files.open(self._path(name), "rb") as source, target.open("wb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
        return target

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"


def _file_system(address: str) -> tuple[Any, str]:
    """Return the file system of an address, and the path in it."""
    try:
        # Imported late, because it is an extra.
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise DataError(
            f'{address}: addresses require the package fsspec: pip install "seqgan_kit[remote]"'
        ) from error
    files, root = url_to_fs(address)
    return files, str(root)
