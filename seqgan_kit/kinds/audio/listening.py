"""Listeners trained on other data than the judge: a speech recogniser and a quality rating.

Both come with the extra `listening`, include their models and need no network.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ...evaluation.distribution import NotMeasurable
from .transforms import functional

RATE = 16000
"""Sample rate that both were trained for."""

PAUSE_SECONDS = 0.5
"""Silence before and after a clip. With less, what is heard in a clip depends on the clips before
it, because a recogniser adapts to the level."""

RATED_SECONDS = 9.01
"""Length of audio that DNSMOS rates at once."""

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
DIGITS = {str(number): word for number, word in enumerate(WORDS)}

ABSENT = 'required packages are not installed: pip install "seqgan_kit[listening]"'


def hear_digits(clips: Sequence[np.ndarray], sample_rate: int) -> list[str | None]:
    """Return the digit that pocketsphinx hears in each clip, "0" to "9", or ``None``.

    Its grammar contains only the ten words.

    Args:
        clips: rows of samples.
        sample_rate: samples per second.

    Raises:
        NotMeasurable: the package is not installed.
    """
    try:
        from pocketsphinx import Decoder
    except ImportError as error:
        raise NotMeasurable(f"evaluation.listen: {ABSENT}") from error
    with tempfile.TemporaryDirectory() as folder:
        grammar = Path(folder, "digits.gram")
        grammar.write_text(
            f"#JSGF V1.0;\ngrammar digits;\npublic <digit> = {' | '.join(WORDS)};\n"
        )
        decoder = Decoder(samprate=RATE, jsgf=str(grammar), lm=None, loglevel="FATAL")
        digit_of = {word: digit for digit, word in DIGITS.items()}
        heard: list[str | None] = []
        for clip in clips:
            decoder.start_utt()
            decoder.process_raw(_bytes(clip, sample_rate), full_utt=True)
            decoder.end_utt()
            found = decoder.hyp()
            heard.append(digit_of.get(found.hypstr) if found is not None else None)
        return heard


def rate_quality(clips: Sequence[np.ndarray], sample_rate: int) -> np.ndarray:
    """Return the DNSMOS of each clip, a network's prediction of how people would rate it, 1 to 5.

    It was made for several seconds of telephone speech, so clips are repeated; compare the rating
    only with that of real clips.

    Args:
        clips: rows of samples.
        sample_rate: samples per second.

    Raises:
        NotMeasurable: the packages are not installed.

    References:
        Reddy et al. 2021, *DNSMOS: A Non-Intrusive Perceptual Objective Speech Quality Metric*.
    """
    try:
        from speechmos import dnsmos
    except ImportError as error:
        raise NotMeasurable(f"evaluation.quality: {ABSENT}") from error
    # The package would repeat a short clip beyond the required length, and rate every window.
    size = int(RATED_SECONDS * RATE)
    tiled = [np.resize(_at(clip, sample_rate), size) for clip in clips]
    return np.array([dnsmos.run(sound, RATE)["ovrl_mos"] for sound in tiled])


def _at(clip: np.ndarray, sample_rate: int) -> np.ndarray:
    found = (
        functional()
        .resample(torch.from_numpy(np.ascontiguousarray(clip)), sample_rate, RATE)
        .numpy()
    )
    return found.clip(-1, 1)


def _bytes(clip: np.ndarray, sample_rate: int) -> bytes:
    pause = np.zeros(round(PAUSE_SECONDS * RATE), np.float32)
    padded = np.concatenate([pause, _at(clip, sample_rate), pause])
    return np.rint(padded * 32000).astype(np.int16).tobytes()
