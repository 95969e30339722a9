"""Notes of five instruments, made on the spot: sound that is no speech."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from jaxtyping import Float, Int
from scipy.signal import lfilter

from ...data.dataset import Dataset
from ...data.sources import Progress
from .clip_cache import TOO_LONG
from .clips import ClipSettings
from .files import Recording
from .preparing import Taken, take
from .synthetic import made_dataset

RATE = 16_000
"""Samples per second at which notes are made."""

LOWEST = 196.0
"""Hz of the lowest pitch; the others follow in half tones."""

PITCHES = ("G", "G#", "A", "A#", "B", "C", "C#", "D", "D#", "E", "F", "F#")

SECONDS = (0.4, 0.95)
"""Shortest and longest note."""

VERSION = 1
"""Increase it when the notes change."""

Rng = np.random.Generator
Sound = Float[np.ndarray, " S"]


def _plucked(pitch: float, time_S: Sound, rng: Rng) -> Sound:
    """A string: noise in a delay line whose filter takes away the high tones first.

    References:
        Karplus & Strong 1983, *Digital Synthesis of Plucked-String and Drum Timbres*.
    """
    # The filter delays by half a sample; the rest is the share between two neighbours.
    period = RATE / pitch
    whole = int(period - 0.5)
    share = period - 0.5 - whole
    loss = rng.uniform(0.985, 0.997)
    loop = np.zeros(whole + 3)
    loop[0] = 1.0
    loop[whole : whole + 3] -= loss * np.convolve([0.5, 0.5], [1 - share, share])
    pluck_S = np.zeros(len(time_S))
    pluck_S[:whole] = rng.uniform(-1, 1, whole)
    brightness = rng.uniform(0.2, 0.9)
    pluck_S[:whole] = lfilter([brightness], [1, brightness - 1], pluck_S[:whole])
    return lfilter([1.0], loop, pluck_S)


def _bell(pitch: float, time_S: Sound, rng: Rng) -> Sound:
    """A bell: a tone whose phase is modulated by another at no whole multiple of its pitch.

    References:
        Chowning 1973, *The Synthesis of Complex Audio Spectra by Means of Frequency Modulation*.
    """
    decay_S = np.exp(-time_S / rng.uniform(0.15, 0.4))
    modulator_S = np.sin(2 * np.pi * pitch * rng.uniform(1.38, 1.42) * time_S)
    depth = rng.uniform(2.0, 5.0)
    return decay_S * np.sin(2 * np.pi * pitch * time_S + depth * decay_S * modulator_S)


def _organ(pitch: float, time_S: Sound, rng: Rng) -> Sound:
    """A pipe organ: a few whole multiples of the pitch, each of a random strength."""
    multiples = np.array([1, 2, 3, 4, 6, 8])
    strength = rng.uniform(0.2, 1.0, len(multiples)) / np.sqrt(multiples)
    phase = rng.uniform(0, 2 * np.pi, len(multiples))
    angle = 2 * np.pi * pitch * multiples[:, None] * time_S + phase[:, None]
    below = multiples * pitch < RATE / 2
    return (strength * below) @ np.sin(angle) * _swell(time_S, rng.uniform(0.02, 0.08))


def _reed(pitch: float, time_S: Sound, rng: Rng) -> Sound:
    """A clarinet: odd multiples of the pitch, with vibrato and breath."""
    vibrato_S = np.sin(2 * np.pi * rng.uniform(4.5, 6.5) * time_S + rng.uniform(0, 2 * np.pi))
    phase_S = 2 * np.pi * pitch * np.cumsum(1 + 0.004 * vibrato_S) / RATE
    odd = np.arange(1, 14, 2)
    odd = odd[odd * pitch < RATE / 2]
    strength = odd ** -rng.uniform(0.8, 1.6)
    breath_S = rng.normal(size=len(time_S)) * rng.uniform(0.01, 0.05)
    return (strength @ np.sin(odd[:, None] * phase_S) + breath_S) * _swell(time_S, 0.05)


def _drum(pitch: float, time_S: Sound, rng: Rng) -> Sound:
    """A tuned drum: a tone that falls to its pitch, and the noise of the stick."""
    fall_S = 1 + rng.uniform(0.3, 0.8) * np.exp(-time_S / 0.03)
    tone_S = np.sin(2 * np.pi * pitch * np.cumsum(fall_S) / RATE)
    stick_S = rng.normal(size=len(time_S)) * np.exp(-time_S / rng.uniform(0.01, 0.03))
    return tone_S * np.exp(-time_S / rng.uniform(0.08, 0.2)) + rng.uniform(0.1, 0.5) * stick_S


INSTRUMENTS: Mapping[str, Callable[[float, Sound, Rng], Sound]] = {
    "plucked": _plucked,
    "bell": _bell,
    "organ": _organ,
    "reed": _reed,
    "drum": _drum,
}


def _swell(time_S: Sound, attack: float) -> Sound:
    """Return a rise and a fall at the ends of a note that is blown."""
    left_S = time_S[-1] - time_S
    return np.minimum(time_S / attack, 1) * np.minimum(left_S / 0.05, 1)


def note(instrument: str, pitch: int, rng: Rng) -> Sound:
    """Return a note of random length, loudness of parts and detail, at 16,000 Hz.

    Args:
        instrument: one of :data:`INSTRUMENTS`.
        pitch: half tones above 196 Hz.
        rng: where its randomness comes from.
    """
    time_S = np.arange(round(rng.uniform(*SECONDS) * RATE)) / RATE
    # No two instruments are in perfect tune.
    frequency = LOWEST * 2 ** ((pitch + rng.normal() * 0.05) / 12)
    sound_S = INSTRUMENTS[instrument](frequency, time_S, rng)
    sound_S[-160:] *= np.linspace(1, 0, 160)
    return sound_S / np.abs(sound_S).max()


def notes(
    *,
    settings: ClipSettings,
    count: int,
    validation: float,
    test: float,
    seed: int,
    progress: Progress | None = None,
) -> Dataset:
    """Make notes of five instruments and twelve pitches.

    The same seed gives the same notes, which are made once and cached.

    Args:
        settings: how a note becomes a clip.
        count: notes of each instrument and pitch.
        validation: share of the notes for validation.
        test: share of the notes for testing.
        seed: random seed of the notes and the split.
        progress: called with the bytes of sound made so far.

    Raises:
        DataError: the notes are too few to split or do not fit the settings.
    """
    classes = np.stack(np.meshgrid(range(len(INSTRUMENTS)), range(len(PITCHES)), indexing="ij"))
    label_NA = np.repeat(classes.reshape(2, -1).T, count, 0)
    return made_dataset(
        "notes",
        lambda: _made(label_NA, settings, seed, progress),
        label_NA,
        {"instrument": tuple(INSTRUMENTS), "pitch": PITCHES},
        key={"notes": VERSION, "seed": seed, "count": count},
        settings=settings,
        shares={"validation": validation, "test": test},
        seed=seed,
        advice="raise data.notes, the number of notes of each instrument and pitch",
    )


def _made(
    label_NA: Int[np.ndarray, "N 2"],
    settings: ClipSettings,
    seed: int,
    progress: Progress | None,
) -> Iterator[Taken | str]:
    """Yield the clip of each note, or why it is left out."""
    tell = progress or (lambda *_: None)
    names, rng, size = tuple(INSTRUMENTS), np.random.default_rng(seed), 0
    for instrument, pitch in label_NA.tolist():
        sound_S = note(names[instrument], pitch, rng).astype(np.float32)
        size += sound_S.nbytes
        tell("making notes", size, None)
        taken = take(_recording(sound_S), settings)
        yield taken if taken.facts.clips else TOO_LONG
    tell("making notes", size, size)


def _recording(sound_S: Float[np.ndarray, " S"]) -> Recording:
    return Recording("a note", RATE, 1, lambda _: iter([sound_S[:, None]]))
