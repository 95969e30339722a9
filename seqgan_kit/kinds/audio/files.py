"""Files of sound: any of them read as a clip, and clips written."""

from __future__ import annotations

import io
import re
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from ...data.dataset import DataError
from ...files import write_bytes
from .clips import ClipSettings

Form = Literal["wav", "flac"]

EXTENSIONS = frozenset((".wav", ".flac", ".ogg"))

FRAME_SECONDS = 0.01
# Under this root mean square (-80 dB of full scale) 16 bits hold little but their rounding.
SILENCE = 1e-4
# A WAV that was piped states no size, or the largest.
PIPED = 0x7FFF_F000
SCALE = 1 << 15
LARGEST_TERM = 1000


class Unfit(DataError):
    """A recording that is sound, but not as the settings ask for."""


def prepared(
    sound_SC: np.ndarray, rate: int, settings: ClipSettings, name: str
) -> np.ndarray | None:
    """Samples of any rate and number of channels as a clip.

    Args:
        sound_SC: the samples; channels are averaged.
        rate: how many a second.
        settings: how they become a clip.
        name: what messages call it.

    Returns:
        One row of 32-bit floats in -1..1, or ``None`` for what is too long and to be left out.

    Raises:
        Unfit: it has fewer samples a second than the settings ask for, or is too long where that
            is an error.
        DataError: it is silent, or holds samples that are no numbers.
    """
    finite_SC = np.isfinite(sound_SC)
    if not finite_SC.all():
        first = int((~finite_SC).any(1).argmax())
        raise DataError(
            f"{name} holds samples that are not finite numbers, the first after "
            f"{first / rate:.3f} s"
        )
    mono_S = sound_SC.mean(1, dtype=np.float32)
    if _loudness(mono_S, len(mono_S))[0] < SILENCE:
        raise DataError(f"{name} holds nothing but silence")
    if rate < settings.sample_rate:
        raise Unfit(
            f"{name} has {rate} samples a second, and data.sample_rate={settings.sample_rate} "
            f"asks for more, which adds nothing: set data.sample_rate={rate} or lower"
        )
    clip_S = trimmed(resampled(mono_S, rate, settings.sample_rate), settings)
    if len(clip_S) > settings.max_samples:
        if settings.too_long == "drop":
            return None
        if settings.too_long == "error":
            raise Unfit(
                f"{name} lasts {len(clip_S) / settings.sample_rate:.2f} s, and "
                f"data.max_seconds={settings.max_seconds:g} allows less: raise it, or choose "
                "data.too_long=cut or drop"
            )
        clip_S = clip_S[: settings.max_samples]
    return levelled(clip_S, settings.peak)


def read_sound(path: Path) -> tuple[np.ndarray, int]:
    """The samples ``[S, C]`` of a file as 32-bit floats, and how many a second it has.

    Raises:
        DataError: it cannot be read, is no sound, damaged or empty.
    """
    import soundfile

    try:
        if not path.stat().st_size:
            raise DataError(f"{path} is empty")
        with path.open("rb") as stream, soundfile.SoundFile(stream) as file:
            expected = file.frames
            _refuse_truncated(path, file.extra_info)
            sound_SC = file.read(dtype="float32", always_2d=True)
            rate = file.samplerate
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error})") from error
    except soundfile.LibsndfileError as error:
        reason = error.error_string.rstrip(".")
        raise DataError(f"{path} is damaged or no sound that can be read ({reason})") from error
    if len(sound_SC) < expected:
        raise DataError(f"{path} is damaged: it holds {len(sound_SC)} of {expected} samples")
    if not len(sound_SC):
        raise DataError(f"{path} is empty: its length is zero")
    return sound_SC, rate


def _refuse_truncated(path: Path, log: str) -> None:
    """Notice a WAV with fewer bytes than it states, which libsndfile only writes in its log."""
    found = re.search(r"^data *: (\d+) \(should be (\d+)\)", log, re.MULTILINE)
    if found is None:
        return
    stated, held = int(found[1]), int(found[2])
    if held < stated < PIPED:
        raise DataError(f"{path} is damaged: it holds {held} of {stated} bytes of sound")


def resampled(sample_S: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """Samples at a lower rate, by a windowed sinc that lets nothing alias."""
    if rate == wanted:
        return sample_S
    from torchaudio import functional

    # Rates without a common divisor would need a filter for each of thousands of phases; the
    # nearest ratio of small numbers is off by less than a millionth.
    ratio = Fraction(rate, wanted).limit_denominator(LARGEST_TERM)
    sound = functional.resample(
        torch.from_numpy(sample_S), ratio.numerator, ratio.denominator, lowpass_filter_width=64
    )
    return sound.numpy()


def trimmed(clip_S: np.ndarray, settings: ClipSettings) -> np.ndarray:
    """A clip without the silence at its ends, frame by frame of 10 ms."""
    if settings.trim_db is None:
        return clip_S
    frame = max(round(FRAME_SECONDS * settings.sample_rate), 1)
    loudness_T = _loudness(clip_S, frame)
    heard_P = np.flatnonzero(loudness_T >= loudness_T.max() * 10 ** (-settings.trim_db / 20))
    return clip_S[heard_P[0] * frame : (heard_P[-1] + 1) * frame]


def levelled(clip_S: np.ndarray, peak: float | None) -> np.ndarray:
    """A clip whose largest absolute value is ``peak``; without one at most full scale."""
    largest = float(np.abs(clip_S).max())
    wanted = min(largest, 1.0) if peak is None else peak
    # Rounding may leave the product a hair above.
    return (clip_S * np.float32(wanted / max(largest, 1e-12))).clip(-wanted, wanted)


def _loudness(clip_S: np.ndarray, frame: int) -> np.ndarray:
    """Root mean square of every frame, about the mean of the clip: an offset is not heard."""
    count = -(-len(clip_S) // frame)
    squares = np.zeros(count * frame, np.float64)
    squares[: len(clip_S)] = np.square(clip_S - clip_S.mean(dtype=np.float64))
    return np.sqrt(squares.reshape(count, frame).mean(1))


def write_clip(
    target: Path | io.BufferedIOBase, clip: np.ndarray, sample_rate: int, *, form: Form = "wav"
) -> None:
    """Write a clip as 16-bit mono; the same clip gives the same bytes.

    Nothing is clipped: what is above full scale is scaled down as a whole. What is within is
    written as it is, so that a clip read from 16 bits is written to the same 16 bits.

    Args:
        target: a file, which appears whole or not at all, or an open one, pipes included.
        clip: one row of samples.
        sample_rate: samples a second.
        form: the kind of file.

    Raises:
        DataError: the clip is empty or holds samples that are no finite numbers.
    """
    content = encoded(clip, sample_rate, form)
    if isinstance(target, Path):
        write_bytes(target, content)
    else:
        target.write(content)


def encoded(clip: np.ndarray, sample_rate: int, form: Form) -> bytes:
    """The bytes of a file of sound; see :func:`write_clip`."""
    import soundfile

    if clip.ndim != 1 or not len(clip):
        raise DataError(f"a clip is one row of samples, and this has the shape {clip.shape}")
    if not np.isfinite(clip).all():
        raise DataError("the clip holds samples that are not finite numbers")
    scaled_S = clip.astype(np.float64) * SCALE
    over = max(scaled_S.max() / (SCALE - 1), -scaled_S.min() / SCALE, 1.0)
    # A pipe cannot be sought in, which the header needs.
    memory = io.BytesIO()
    whole_S: Any = np.rint(scaled_S / over).astype(np.int16)
    soundfile.write(memory, whole_S, sample_rate, format=form.upper(), subtype="PCM_16")
    return memory.getvalue()
