"""Reading audio files as clips, and writing clips."""

from __future__ import annotations

import io
import os
import re
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from ...data.dataset import DataError
from ...data.reading import LARGEST_MB, opened, refuse_large
from ...files import write_bytes
from .clips import ClipSettings

Form = Literal["wav", "flac"]

EXTENSIONS = frozenset((".wav", ".flac", ".ogg"))

FRAME_SECONDS = 0.01
# Below this root mean square (-80 dB of full scale), 16 bits are mostly rounding noise.
SILENCE = 1e-4
# A piped WAV states no size, or the largest one.
PIPED = 0x7FFF_F000
SCALE = 1 << 15
LARGEST_TERM = 1000
HIGHEST_RATE = 768_000
"""Samples per second of the best converters: the filters for what a damaged header announces
beyond would fill the memory."""
SAMPLE_BYTES = 4


class Unfit(DataError):
    """A valid recording that does not fit the settings."""


def prepared(
    sound_SC: np.ndarray, rate: int, settings: ClipSettings, name: str
) -> np.ndarray | None:
    """Turn samples of any rate and number of channels into a clip.

    Args:
        sound_SC: the samples; channels are averaged.
        rate: samples per second.
        settings: how they become a clip.
        name: name of the recording in messages.

    Returns:
        A row of 32-bit floats in -1..1, or ``None`` if it is too long and left out.

    Raises:
        Unfit: its sample rate is below that of the settings, or it is too long and that is an
            error.
        DataError: it is silent, or contains samples that are not finite.
    """
    finite_SC = np.isfinite(sound_SC)
    if not finite_SC.all():
        first = int((~finite_SC).any(1).argmax())
        raise DataError(
            f"{name} contains samples that are not finite numbers, the first at "
            f"{first / rate:.3f} s"
        )
    mono_S = sound_SC.mean(1, dtype=np.float32)
    if _loudness(mono_S, len(mono_S))[0] < SILENCE:
        raise DataError(f"{name} contains only silence")
    if rate < settings.sample_rate:
        raise Unfit(
            f"{name} has {rate} samples per second, fewer than "
            f"data.sample_rate={settings.sample_rate}: set data.sample_rate={rate} or lower"
        )
    clip_S = trimmed(resampled(mono_S, rate, settings.sample_rate), settings)
    if len(clip_S) > settings.max_samples:
        if settings.too_long == "drop":
            return None
        if settings.too_long == "error":
            raise Unfit(
                f"{name} lasts {len(clip_S) / settings.sample_rate:.2f} s, longer than "
                f"data.max_seconds={settings.max_seconds:g}: raise it, or set data.too_long=cut "
                "or drop"
            )
        clip_S = clip_S[: settings.max_samples]
    return levelled(clip_S, settings.peak)


def read_sound(path: Path, max_mb: int = LARGEST_MB) -> tuple[np.ndarray, int]:
    """Read the samples ``[S, C]`` of a file as 32-bit floats, and its sample rate.

    Args:
        path: the file.
        max_mb: most memory that its samples may take.

    Raises:
        DataError: the file cannot be read, is not audio, is damaged or empty, or too large.
    """
    import soundfile

    with opened(path) as stream:
        if not os.fstat(stream.fileno()).st_size:
            raise DataError(f"{path} is empty")
        try:
            with soundfile.SoundFile(stream) as file:
                expected, rate = file.frames, file.samplerate
                _refuse_truncated(path, file.extra_info)
                # A header announces what it likes, and space is made for that before it is read.
                refuse_large(path, expected * file.channels * SAMPLE_BYTES, max_mb)
                if not 0 < rate <= HIGHEST_RATE:
                    raise DataError(
                        f"{path} is damaged: it announces {rate:,} samples per second, and no "
                        f"recording has more than {HIGHEST_RATE:,}"
                    )
                sound_SC = file.read(dtype="float32", always_2d=True)
        except DataError:
            raise
        except OSError as error:
            raise DataError(f"{path} cannot be read ({error.strerror or error})") from error
        except Exception as error:  # what libsndfile and its wrapper happen to meet
            reason = getattr(error, "error_string", str(error)).rstrip(".")
            raise DataError(
                f"{path} is damaged or not a readable audio file ({reason})"
            ) from error
    if len(sound_SC) < expected:
        raise DataError(f"{path} is damaged: it has {len(sound_SC)} of {expected} samples")
    if not len(sound_SC):
        raise DataError(f"{path} is empty: its length is zero")
    return sound_SC, rate


def _refuse_truncated(path: Path, log: str) -> None:
    """Refuse a WAV with fewer bytes than it states, which libsndfile only writes to its log."""
    found = re.search(r"^data *: (\d+) \(should be (\d+)\)", log, re.MULTILINE)
    if found is None:
        return
    stated, held = int(found[1]), int(found[2])
    if held < stated < PIPED:
        raise DataError(f"{path} is damaged: it has {held} of {stated} bytes of audio")


def resampled(sample_S: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """Resample to a lower rate with a windowed sinc, without aliasing."""
    if rate == wanted:
        return sample_S
    from torchaudio import functional

    # Rates without a common divisor would need filters for thousands of phases; the nearest
    # ratio of small numbers is off by less than a millionth.
    ratio = Fraction(rate, wanted).limit_denominator(LARGEST_TERM)
    sound = functional.resample(
        torch.from_numpy(sample_S), ratio.numerator, ratio.denominator, lowpass_filter_width=64
    )
    return sound.numpy()


def trimmed(clip_S: np.ndarray, settings: ClipSettings) -> np.ndarray:
    """Cut the silence off both ends of a clip, in frames of 10 ms."""
    if settings.trim_db is None:
        return clip_S
    frame = max(round(FRAME_SECONDS * settings.sample_rate), 1)
    loudness_T = _loudness(clip_S, frame)
    heard_P = np.flatnonzero(loudness_T >= loudness_T.max() * 10 ** (-settings.trim_db / 20))
    return clip_S[heard_P[0] * frame : (heard_P[-1] + 1) * frame]


def levelled(clip_S: np.ndarray, peak: float | None) -> np.ndarray:
    """Scale a clip to a largest absolute value of ``peak``; without one, to at most full scale."""
    largest = float(np.abs(clip_S).max())
    wanted = min(largest, 1.0) if peak is None else peak
    # Rounding may put the product slightly above.
    return (clip_S * np.float32(wanted / max(largest, 1e-12))).clip(-wanted, wanted)


def _loudness(clip_S: np.ndarray, frame: int) -> np.ndarray:
    """Return the root mean square of each frame around the clip's mean: offsets are inaudible."""
    count = -(-len(clip_S) // frame)
    squares = np.zeros(count * frame, np.float64)
    squares[: len(clip_S)] = np.square(clip_S - clip_S.mean(dtype=np.float64))
    return np.sqrt(squares.reshape(count, frame).mean(1))


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
