"""Synthetic spoken digits: a speech synthesizer says them in several voices."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import IO

import numpy as np

from ...data.dataset import DataError, Dataset
from ...data.packages import one_line
from ...data.sources import Progress
from . import espeak
from .clip_cache import TOO_LONG
from .clips import ClipSettings
from .files import Recording
from .preparing import Taken, take
from .synthetic import made_dataset

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
DIGITS = tuple("0123456789")
# Three female and three male voices, none with an echo.
VOICES = ("f1", "linda", "steph", "m1", "m3", "m7")
LANGUAGE = "en-us"
# Words per minute, and values on eSpeak's scales from 0 to 100, that still sound like a person.
RATES, PITCHES, RANGES = (130, 220), (30, 70), (30, 70)
PACKAGE = "espeakng-loader"
SAMPLE_BYTES = 2


@dataclass(frozen=True)
class Utterance:
    """A text for eSpeak NG to say, and how to say it."""

    text: str
    voice: str
    rate: int
    pitch: int
    spread: int


def spoken_digits_synthetic(
    *,
    settings: ClipSettings,
    clips_per_digit: int = 300,
    validation: float,
    test: float,
    seed: int,
    progress: Progress | None = None,
) -> Dataset:
    """Generate ten digits with eSpeak NG in six voices, each clip with a random pitch and rate.

    The same seed gives the same clips, which are generated once and cached.

    Args:
        settings: how speech becomes a clip.
        clips_per_digit: clips of each digit, spread evenly over the voices.
        validation: share of the clips for validation.
        test: share of the clips for testing.
        seed: random seed of pitches, rates and the split.
        progress: called with the bytes of audio generated so far.

    Raises:
        DataError: the package with eSpeak NG is missing or does not work, or the clips are too
            few to split or do not fit the settings.
    """
    try:
        version = metadata.version(PACKAGE)
    except metadata.PackageNotFoundError as error:
        raise DataError(
            "spoken_digits_synthetic needs eSpeak NG, which is not installed: "
            'pip install "seqgan_kit[speech]"'
        ) from error
    said, label_NA = utterances(clips_per_digit, seed)
    return made_dataset(
        "spoken_digits_synthetic",
        lambda: _made(said, settings, seed, progress),
        label_NA,
        {"digit": DIGITS, "voice": VOICES},
        key={
            "package": f"{PACKAGE} {version}",
            "seed": seed,
            "said": [list(asdict(one).values()) for one in said],
        },
        settings=settings,
        shares={"validation": validation, "test": test},
        seed=seed,
        advice="raise data.clips, the number of clips of each digit",
    )


def utterances(clips_per_digit: int, seed: int) -> tuple[list[Utterance], np.ndarray]:
    """Return what to say, and its labels ``[N, 2]``: digit and voice.

    >>> said, label_NA = utterances(7, seed=0)
    >>> len(said), said[6].text, said[6].voice, label_NA[6].tolist()
    (70, 'zero', 'en-us+f1', [0, 0])
    """
    generator = np.random.default_rng(seed)
    said = []
    label_NA = np.empty((len(WORDS) * clips_per_digit, 2), np.int64)
    for place in range(len(label_NA)):
        digit, number = divmod(place, clips_per_digit)
        voice = number % len(VOICES)
        rate, pitch, spread = (
            int(generator.integers(low, high, endpoint=True))
            for low, high in (RATES, PITCHES, RANGES)
        )
        said.append(Utterance(WORDS[digit], f"{LANGUAGE}+{VOICES[voice]}", rate, pitch, spread))
        label_NA[place] = digit, voice
    return said, label_NA


def _made(
    said: Sequence[Utterance], settings: ClipSettings, seed: int, progress: Progress | None
) -> Iterator[Taken | str]:
    """Yield each clip, or why it is left out."""
    tell = progress or (lambda *_: None)
    made = 0
    for one, sound_S in zip(said, spoken(said, seed), strict=True):
        made += sound_S.nbytes
        tell("synthesizing digits", made, None)
        taken = take(_recording(sound_S, one), settings)
        yield taken if taken.facts.clips else TOO_LONG
    tell("synthesizing digits", made, made)


def _recording(sound_S: np.ndarray, said: Utterance) -> Recording:
    name = f"synthetic {said.text!r}"
    return Recording(name, espeak.SAMPLE_RATE, 1, lambda _: iter([sound_S[:, None]]))


def spoken(said: Sequence[Utterance], seed: int) -> Iterator[np.ndarray]:
    """Yield the samples of each utterance, 22,050 per second, as 32-bit floats.

    Args:
        said: what to say; the sound of an utterance depends slightly on those before it.
        seed: random seed of the noise in the voices.

    Raises:
        DataError: eSpeak NG does not work here; the message says why.
    """
    asked = {"seed": seed, "utterances": [list(asdict(one).values()) for one in said]}
    # A separate process, see espeak.py; -P keeps its folder from hiding other modules.
    command = [sys.executable, "-P", str(Path(espeak.__file__))]
    with tempfile.TemporaryFile() as request, tempfile.TemporaryFile() as errors:
        request.write(json.dumps(asked).encode())
        request.seek(0)
        with subprocess.Popen(
            command, stdin=request, stdout=subprocess.PIPE, stderr=errors
        ) as process:
            assert process.stdout is not None
            for _ in said:
                sound_S = _next_sound(process.stdout)
                if sound_S is None:
                    break
                yield sound_S
        if process.returncode:
            errors.seek(0)
            last = errors.read().decode(errors="replace").strip().rpartition("\n")[2]
            raise DataError(f"eSpeak NG does not work here: {one_line(last)}")


def _next_sound(stream: IO[bytes]) -> np.ndarray | None:
    """Read the samples of the next utterance; ``None`` if the stream ends first."""
    head = stream.read(struct.calcsize("<I"))
    size = struct.unpack("<I", head)[0] * SAMPLE_BYTES if len(head) == 4 else None
    content = b"" if size is None else stream.read(size)
    if size is None or len(content) < size:
        return None
    return np.frombuffer(content, "<i2").astype(np.float32) / (1 << 15)
