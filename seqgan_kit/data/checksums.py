"""Checksums that verify the files of a data set."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from .dataset import DataError, some
from .packages import LARGEST_FILE, one_line
from .reading import MB, digest, opened

CHUNK = 1 << 20


@dataclass(frozen=True)
class Bundle:
    """Many small files with one joint checksum.

    Attributes:
        names: the names of the files.
        sha256: SHA-256 of the sorted lines ``NAME SHA256``, each with its line break.
        folder: a sub-folder of ``data.root`` that may contain them.
    """

    names: tuple[str, ...]
    sha256: str
    folder: str


def check_bundle(folder: Path, bundle: Bundle) -> None:
    """Check that a folder contains the files of a bundle; further files are ignored.

    Raises:
        DataError: files are missing, or differ from the expected ones.
    """
    count = f"{len(bundle.names):,}"
    missing = [name for name in bundle.names if not (folder / name).is_file()]
    if missing:
        raise DataError(f"{len(missing):,} of the {count} files are missing ({some(missing)})")
    sums = {name: digest(folder / name, LARGEST_FILE // MB) for name in bundle.names}
    lines = sorted(f"{name} {found}\n" for name, found in sums.items())
    found = hashlib.sha256("".join(lines).encode()).hexdigest()
    if found != bundle.sha256:
        raise DataError(
            f"one or more of the {count} files are damaged or differ: their joint SHA-256 is "
            f"{found}, expected {bundle.sha256}"
        )


def find_file(folder: Path, file: str) -> Path:
    """Find a file of a folder, unpacked or as ``.gz``.

    Raises:
        DataError: neither exists.
    """
    for path in (folder / file, folder / f"{file}.gz"):
        if path.is_file():
            return path
    raise DataError(f"it has neither {file} nor {file}.gz")


def checked(path: Path, expected: str) -> Iterator[bytes]:
    """Yield the unpacked bytes of a file in pieces, and check them at the end.

    Raises:
        DataError: it is damaged or too large, or has another checksum.
    """
    found = hashlib.sha256()
    size = 0
    packed = gzip.open if path.suffix == ".gz" else nullcontext
    try:
        with opened(path) as stored, packed(stored) as file:
            while chunk := file.read(CHUNK):
                size += len(chunk)
                if size > LARGEST_FILE:
                    raise DataError(f"{path.name} unpacks to more than {LARGEST_FILE:,} bytes")
                found.update(chunk)
                yield chunk
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path.name} is damaged ({one_line(error)})") from error
    except OSError as error:
        raise DataError(f"{path.name} cannot be read ({error.strerror or error})") from error
    if found.hexdigest() != expected:
        raise DataError(f"{path.name} has SHA-256 {found.hexdigest()}, expected {expected}")
