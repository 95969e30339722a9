"""Reading audio files block by block, and writing clips."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import numpy as np
from jaxtyping import Float

from ...data.dataset import DataError
from ...data.reading import LARGEST_MB, opened, refuse_large
from ...files import write_bytes

if TYPE_CHECKING:
    from soundfile import SoundFile

Form = Literal["wav", "flac"]

EXTENSIONS = frozenset((
    ".aif", ".aifc", ".aiff", ".au", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".snd", ".wav",
))  # fmt: skip
"""Endings of the files that libsndfile decodes."""

BLOCK = 1 << 21
"""Samples of all channels that are read at a time: 8 MB."""
# A piped WAV states no size, or the largest one.
PIPED = 0x7FFF_F000
STATED = re.compile(r"^ *(?:data|SSND|Data Size) *: (\d+) \(should be (\d+)\)", re.MULTILINE)
"""The line in the log of libsndfile on a WAV, AIFF or AU with fewer bytes than it states."""
SCALE = 1 << 15
HIGHEST_RATE = 768_000
"""Samples per second of the best converters: the filters for what a damaged header announces
beyond would fill the memory."""
MP3_HEAD = 1 << 12
MP3_LENGTHS = (b"Xing", b"Info", b"VBRI")
"""What the first frame of an MP3 contains if it states the length."""


@dataclass(frozen=True)
class Recording:
    """Sound that is read block by block, as often as needed, so that it need not fit in memory.

    Attributes:
        name: its name in messages.
        rate: samples per second.
        channels: number of channels.
        blocks: yields all samples ``[S, C]`` as 32-bit floats; the length of each block but the
            last is a multiple of the argument.
    """

    name: str
    rate: int
    channels: int
    blocks: Callable[[int], Iterator[Float[np.ndarray, "S C"]]]


def open_recording(path: Path, max_mb: int = LARGEST_MB) -> Recording:
    """Read the header of a file.

    Args:
        path: the file.
        max_mb: largest size of the file.

    Raises:
        DataError: the file cannot be read, is not audio, is damaged or empty, or too large; also
            raised while its blocks are read.
    """
    with _decoded(path, max_mb) as (file, _):
        rate, channels = file.samplerate, file.channels
    if not 0 < rate <= HIGHEST_RATE:
        raise DataError(
            f"{path} is damaged: it announces {rate:,} samples per second, and no "
            f"recording has more than {HIGHEST_RATE:,}"
        )

    def blocks(multiple: int) -> Iterator[np.ndarray]:
        size = max(BLOCK // channels // multiple, 1) * multiple
        read = 0
        with _decoded(path, max_mb) as (file, states_length):
            while len(block_SC := file.read(size, dtype="float32", always_2d=True)):
                read += len(block_SC)
                yield block_SC
            expected = file.frames if states_length else read
        if read < expected:
            raise DataError(f"{path} is damaged: it has {read} of {expected} samples")
        if not read:
            raise DataError(f"{path} is empty: its length is zero")

    return Recording(str(path), rate, channels, blocks)


@contextmanager
def _decoded(path: Path, max_mb: int) -> Iterator[tuple[SoundFile, bool]]:
    """Open a file for decoding; also give whether the length that it states is its length."""
    import soundfile

    with opened(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        if not size:
            raise DataError(f"{path} is empty")
        refuse_large(path, size, max_mb)
        try:
            exact = _states_length(stream)
            with soundfile.SoundFile(stream) as file:
                _refuse_truncated(path, file.extra_info)
                yield file, exact or file.format != "MP3"
        except DataError:
            raise
        except OSError as error:
            raise DataError(f"{path} cannot be read ({error.strerror or error})") from error
        except Exception as error:  # what libsndfile and its wrapper happen to meet
            reason = getattr(error, "error_string", str(error)).rstrip(".")
            raise DataError(
                f"{path} is damaged or not a readable audio file ({reason})"
            ) from error


def _states_length(stream: BinaryIO) -> bool:
    """Say whether an MP3 states its length; of others the length is an estimate."""
    head = stream.read(10)
    if head[:3] == b"ID3":
        # The size of the tag: four bytes of seven bits.
        stream.seek(10 + sum(byte << 7 * place for place, byte in enumerate(head[:5:-1])))
    head += stream.read(MP3_HEAD)
    stream.seek(0)
    return any(mark in head for mark in MP3_LENGTHS)


def _refuse_truncated(path: Path, log: str) -> None:
    """Refuse a file with fewer bytes than it states, which libsndfile only writes to its log."""
    found = STATED.search(log)
    if found is None:
        return
    stated, held = int(found[1]), int(found[2])
    if held < stated < PIPED:
        raise DataError(f"{path} is damaged: it has {held} of {stated} bytes of audio")


def write_clip(
    target: Path | io.BufferedIOBase, clip: np.ndarray, sample_rate: int, *, form: Form = "wav"
) -> None:
    """Write a clip as 16-bit mono; the same clip gives the same bytes.

    Nothing is clipped: a clip above full scale is scaled down as a whole. Any other clip is
    written unchanged, so a clip read from 16 bits is written as the same 16 bits.

    Args:
        target: a path, which is written whole or not at all, or an open file, such as a pipe.
        clip: one row of samples.
        sample_rate: samples per second.
        form: the file format.

    Raises:
        DataError: the clip is empty, or contains samples that are not finite.
    """
    content = encoded(clip, sample_rate, form)
    if isinstance(target, Path):
        write_bytes(target, content)
    else:
        target.write(content)


def encoded(clip: np.ndarray, sample_rate: int, form: Form) -> bytes:
    """Return the bytes of an audio file; see :func:`write_clip`."""
    import soundfile

    if clip.ndim != 1 or not len(clip):
        raise DataError(f"a clip must be one row of samples, but this has the shape {clip.shape}")
    if not np.isfinite(clip).all():
        raise DataError("the clip contains samples that are not finite numbers")
    scaled_S = clip.astype(np.float64) * SCALE
    over = max(scaled_S.max() / (SCALE - 1), -scaled_S.min() / SCALE, 1.0)
    # Written to memory first: the header needs seeking, which a pipe does not support.
    memory = io.BytesIO()
    whole_S: Any = np.rint(scaled_S / over).astype(np.int16)
    soundfile.write(memory, whole_S, sample_rate, format=form.upper(), subtype="PCM_16")
    return memory.getvalue()
