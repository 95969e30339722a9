"""The file of an encoded shard: a NumPy array with a record for each item, which is mapped."""

from __future__ import annotations

import io
import os
from typing import IO, NamedTuple

import numpy as np
import torch
from jaxtyping import Int
from numpy.lib.format import (
    dtype_to_descr,
    read_array_header_2_0,
    read_magic,
    write_array_header_2_0,
)

from ..kind import Codec
from .dataset import DataError, Part
from .loader import CHUNK


class Arrays(NamedTuple):
    """An encoded shard.

    Attributes:
        x: steps ``[N, T, ...]``.
        length: steps of each item that exist, ``[N]``.
        label: class numbers ``[N, A]``.
    """

    x: np.ndarray
    length: Int[np.ndarray, " N"]
    label: Int[np.ndarray, "N A"]


class Records:
    """The items of a part as records.

    Args:
        part: some items, at least one.
        codec: encodes them, chunk by chunk.
    """

    def __init__(self, part: Part, codec: Codec) -> None:
        self._part, self._codec = part, codec
        first, _ = codec.encode(part.items[:1])
        x = (_stored(first.numpy().dtype), tuple(first.shape[1:]))
        label = (np.int32, (part.label_NA.shape[1],))
        self._type = np.dtype([("x", *x), ("length", np.int32), ("label", *label)], align=True)

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return len(self._header()) + len(self._part) * self._type.itemsize

    def write(self, file: IO[bytes]) -> None:
        """Write the array."""
        file.write(self._header())
        for start in range(0, len(self._part), CHUNK):
            chunk = slice(start, start + CHUNK)
            x, mask_BT = self._codec.encode(self._part.items[chunk])
            rows = np.zeros(len(x), self._type)
            rows["x"], rows["length"] = x.numpy(), mask_BT.sum(1).numpy()
            rows["label"] = self._part.label_NA[chunk]
            file.write(rows.view(np.uint8).data)
        file.flush()

    def _header(self) -> bytes:
        file = io.BytesIO()
        shape = (len(self._part),)
        about = {"descr": dtype_to_descr(self._type), "fortran_order": False, "shape": shape}
        write_array_header_2_0(file, about)
        return file.getvalue()


def mapped(file: IO[bytes]) -> Arrays:
    """Map a file that :class:`Records` wrote; it can be closed then.

    A map of NumPy keeps a descriptor of its file, of which a process has about a thousand; those
    of torch keep none, so that a window may consist of many thousands of shards.

    Raises:
        ValueError: it is damaged.
        DataError: the system gives no more maps.
    """
    file.seek(0)
    if read_magic(file) != (2, 0):
        raise ValueError("another version")
    (count,), _, record = read_array_header_2_0(file)
    start = file.tell()
    size = start + count * record.itemsize
    if os.fstat(file.fileno()).st_size != size:
        raise ValueError("it was cut")
    try:
        # By its descriptor, because a temporary file has no name.
        content = torch.from_file(
            f"/dev/fd/{file.fileno()}", shared=False, size=size, dtype=torch.uint8
        ).numpy()
    except RuntimeError as error:
        raise DataError(
            f"an encoded shard cannot be mapped ({error}): write the data into fewer, larger "
            "shards, or lower data.stream.buffer"
        ) from error
    content.flags.writeable = False
    rows = content[start:].view(record)
    return Arrays(rows["x"], rows["length"], rows["label"])


def _stored(dtype: np.dtype) -> np.dtype:
    """Return the type that numbers are stored as: tokens fit into half of what they come in."""
    return np.dtype(np.int32) if dtype == np.int64 else dtype
