"""NumPy files from elsewhere: their headers are checked before any memory is taken."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import cast
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import numpy as np
from numpy.lib import format as npy

from ..files import parsing
from .dataset import DataError
from .reading import LARGEST_MB, Refusal, opened, refuse_large

ENDING = ".npy"
ENCRYPTED = 0x1
"""Bit of a zip member's flags."""
ZIP = b"PK"

ARRAY = "an array as numpy.save writes it"
ARCHIVE = "an archive of arrays as numpy.savez writes it"


@dataclass(frozen=True)
class Header:
    """What the header of an array announces."""

    shape: tuple[int, ...]
    dtype: np.dtype
    start: int
    """Offset of the values."""

    @property
    def count(self) -> int:
        """How many values there are."""
        return math.prod(self.shape)


def read_array(
    path: Path,
    *,
    max_mb: int = LARGEST_MB,
    held: int = 1,
    objects: str = "",
    error: Refusal = DataError,
) -> np.ndarray:
    """Read a ``.npy`` file.

    Args:
        path: the file.
        max_mb: most memory that its values may take.
        held: bytes that the caller needs for each value, where the file needs fewer.
        objects: end of the message on an array of Python objects: what to do about it.
        error: class of the error.

    Raises:
        SeqganError: of the class ``error``: the file cannot be read, its header does not fit its
            size, or its values are too large or no plain values.
    """
    with opened(path, error) as file, _parsing(path, ARRAY, error):
        if file.read(len(ZIP)) == ZIP:
            raise error(f"{path} is an archive: change its ending to .npz if it holds arrays")
        file.seek(0)
        size = os.fstat(file.fileno()).st_size
        header = _header(file, str(path), size, objects, error)
        refuse_large(path, _memory(header, held), max_mb, error)
        file.seek(0)
        return npy.read_array(file, allow_pickle=False)


def read_arrays(
    path: Path,
    *,
    names: Collection[str] | None = None,
    max_mb: int = LARGEST_MB,
    held: int = 1,
    objects: str = "",
    error: Refusal = DataError,
) -> dict[str, np.ndarray]:
    """Read the arrays of an ``.npz`` file by name.

    Args:
        path: the file.
        names: those to read, if the file has them; all by default.
        max_mb: most memory that all values together may take.
        held: bytes that the caller needs for each value, where the file needs fewer.
        objects: end of the message on an array of Python objects: what to do about it.
        error: class of the error.

    Raises:
        SeqganError: of the class ``error``: the file cannot be read, is encrypted or packed in
            an unusual way, a header does not fit, or the values are too large or no plain values.
    """
    with opened(path, error) as file, _parsing(path, ARCHIVE, error):
        if file.read(len(npy.MAGIC_PREFIX)) == npy.MAGIC_PREFIX:
            raise error(f"{path} is a .npy file: change its ending to .npy")
        with ZipFile(file) as archive:
            found = {
                one.filename.removesuffix(ENDING): one
                for one in archive.infolist()
                if one.filename.endswith(ENDING)
            }
            wanted = found if names is None else {n: found[n] for n in found if n in names}
            memory = 0
            for name, member in wanted.items():
                where = f"{path}: the array {name!r}"
                _refuse_packing(where, member, error)
                with archive.open(member) as packed:
                    stream = cast(BufferedIOBase, packed)
                    header = _header(stream, where, member.file_size, objects, error)
                memory += _memory(header, held)
            refuse_large(path, memory, max_mb, error)
            return {name: _member(archive, member) for name, member in wanted.items()}


def _member(archive: ZipFile, member: ZipInfo) -> np.ndarray:
    with archive.open(member) as stream:
        return npy.read_array(stream, allow_pickle=False)


def _header(file: BufferedIOBase, where: str, size: int, objects: str, error: Refusal) -> Header:
    """Read a header, and check it against the bytes that follow.

    Raises:
        SeqganError: of the class ``error``: the values are no plain ones, or there are more or
            fewer than announced.
    """
    version = npy.read_magic(file)
    if version == (1, 0):
        shape, _, dtype = npy.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, _, dtype = npy.read_array_header_2_0(file)
    else:
        raise error(f"{where} is in version {version[0]} of the format: save it as 1 or 2")
    if dtype.hasobject:
        raise error(f"{where} contains Python objects instead of numbers or text{objects}")
    if dtype.fields is not None or dtype.subdtype is not None or dtype.kind == "V":
        raise error(f"{where} has values of several fields: save each field as an array")
    header = Header(shape, dtype, file.tell())
    announced = header.count * dtype.itemsize
    held = size - header.start
    if min(shape, default=0) < 0 or announced != held:
        raise error(
            f"{where} is damaged: it has {held:,} bytes of values, but its header announces "
            f"{' x '.join(map(str, shape)) or 'one'} of {dtype}: save it again"
        )
    return header


def _memory(header: Header, held: int) -> int:
    # Text of no characters takes no bytes in the file.
    return header.count * max(header.dtype.itemsize, held, 1)


def _refuse_packing(where: str, member: ZipInfo, error: Refusal) -> None:
    if member.flag_bits & ENCRYPTED:
        raise error(f"{where} is encrypted: save it without a password")
    if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise error(
            f"{where} is packed in a way that NumPy does not use (method "
            f"{member.compress_type}): save it with numpy.savez or numpy.savez_compressed"
        )


@contextmanager
def _parsing(path: Path, what: str, error: Refusal) -> Iterator[None]:
    """As :func:`~seqgan_kit.files.parsing`, without the warnings that damaged headers give."""
    try:
        with warnings.catch_warnings(), parsing(path, what, error):
            warnings.simplefilter("ignore")
            yield
    except OSError as problem:  # A damaged offset leads outside of the file.
        why = problem.strerror or problem
        raise error(f"{path} is damaged or not {what} ({why})") from problem
