"""Turning recordings into clips: at one sample rate, trimmed, cut into pieces, and levelled.

A recording is read twice, block by block: first to find out how loud it is where, then for its
clips. So memory holds what is kept, not what is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from ...data.dataset import DataError
from .clips import ClipSettings
from .files import Recording
from .survey import at_rate, survey


class Unfit(DataError):
    """A valid recording that the settings do not allow."""


class LowRate(DataError):
    """A valid recording with fewer samples per second than the clips."""


@dataclass(frozen=True)
class Facts:
    """What was done to a recording.

    Attributes:
        rate: its samples per second.
        channels: its number of channels, which were averaged.
        clips: how many clips it became.
        lost: seconds of its pieces, or outside of its windows, that are in no clip.
        silent: pieces that were left out because they are silent.
        dropped: pieces that were left out because they are too long.
        clipped: whether it was clipped at full scale when it was recorded.
    """

    rate: int
    channels: int
    clips: int
    lost: float = 0.0
    silent: int = 0
    dropped: int = 0
    clipped: bool = False


class Taken(NamedTuple):
    """The clips of a recording, rows of 32-bit floats in -1..1, and what was done to it."""

    clips: Iterator[Float[np.ndarray, " S"]]
    facts: Facts


def take(recording: Recording, settings: ClipSettings) -> Taken:
    """Turn a recording into clips, which are read when they are asked for.

    Raises:
        Unfit: it is too long, and that is an error.
        LowRate: its sample rate is below that of the settings.
        DataError: it is silent, or contains samples that are not finite.
    """
    if recording.rate < settings.sample_rate:
        # Read first: of a file that is damaged as well, that is what is to be said.
        survey(recording, recording.rate)
        raise LowRate(
            f"{recording.name} has {recording.rate} samples per second, fewer than "
            f"data.sample_rate={settings.sample_rate}: set data.sample_rate={recording.rate} "
            "or lower"
        )
    found = survey(recording, settings.sample_rate)
    heard_T = found.heard(settings.trim_db)
    begin, end = found.trimmed(settings.trim_db)
    whole = list(_pieces(heard_T, found.frame, begin, end, settings))
    audible = [piece for piece in whole if _is_heard(heard_T, found.frame, piece, settings)]
    if not audible:
        raise DataError(f"{recording.name} contains only silence in each of its windows")
    fitting = [piece for piece in audible if _fits(piece, settings, recording.name)]
    kept = [(begin, min(end, begin + settings.max_samples)) for begin, end in fitting]
    if settings.window is None:
        lost = _outside(kept, fitting)
    else:
        lost = _outside(whole, [(begin, end)])
    facts = Facts(
        rate=recording.rate,
        channels=recording.channels,
        clips=len(kept),
        lost=lost / settings.sample_rate,
        silent=len(whole) - len(audible),
        dropped=len(audible) - len(fitting),
        clipped=found.clipped,
    )
    pieces = _cut_out(at_rate(recording, settings.sample_rate), kept, recording.name)
    return Taken((levelled(piece_S, settings.peak) for piece_S in pieces), facts)


def _pieces(
    heard_T: Bool[np.ndarray, " T"], frame: int, begin: int, end: int, settings: ClipSettings
) -> Iterator[tuple[int, int]]:
    """Yield begin and end of each piece of what is left after trimming."""
    if settings.window is not None:
        size = settings.samples(settings.window)
        stride = settings.samples(settings.stride or settings.window)
        for at in range(begin, max(end - size, begin) + 1, stride):
            yield at, min(at + size, end)
    elif settings.pause is not None:
        heard_P = np.flatnonzero(heard_T)
        shortest = settings.samples(settings.pause) / frame
        breaks = np.flatnonzero(np.diff(heard_P) - 1 >= shortest)
        for run_P in np.split(heard_P, breaks + 1):
            yield int(run_P[0]) * frame, min((int(run_P[-1]) + 1) * frame, end)
    else:
        yield begin, end


def _is_heard(
    heard_T: Bool[np.ndarray, " T"], frame: int, piece: tuple[int, int], settings: ClipSettings
) -> bool:
    """Say whether a window has any sound; others are what is heard anyway."""
    if settings.window is None:
        return True
    begin, end = piece
    return bool(heard_T[begin // frame : -(-end // frame)].any())


def _fits(piece: tuple[int, int], settings: ClipSettings, name: str) -> bool:
    """Say whether a piece is short enough, or is to be cut.

    Raises:
        Unfit: it is too long, and that is an error.
    """
    samples = piece[1] - piece[0]
    if samples <= settings.max_samples or settings.too_long == "cut":
        return True
    if settings.too_long == "error":
        raise Unfit(
            f"{name} lasts {samples / settings.sample_rate:.2f} s, longer than "
            f"data.max_seconds={settings.max_seconds:g}: raise it, or set data.too_long=cut "
            "or drop"
        )
    return False


def _outside(pieces: Iterable[tuple[int, int]], of: Iterable[tuple[int, int]]) -> int:
    """Return how many samples of some stretches are in no piece; pieces are in order."""
    samples, at = sum(end - begin for begin, end in of), 0
    for begin, end in pieces:
        samples -= max(end - max(begin, at), 0)
        at = max(end, at)
    return samples


def _cut_out(
    blocks: Iterable[Float[np.ndarray, " S"]], kept: Iterable[tuple[int, int]], name: str
) -> Iterator[Float[np.ndarray, " S"]]:
    """Yield some stretches of a sound, in the order of their beginnings."""
    rest = iter(blocks)
    held_S, at = np.empty(0, np.float32), 0
    for begin, end in kept:
        while at + len(held_S) < end:
            past = min(max(begin - at, 0), len(held_S))
            following = next(rest, None)
            if following is None:
                raise DataError(f"{name} changed while it was read")
            held_S, at = np.concatenate([held_S[past:], following]), at + past
        yield held_S[begin - at : end - at]


def levelled(clip_S: np.ndarray, peak: float | None) -> np.ndarray:
    """Scale a clip to a largest absolute value of ``peak``; without one, to at most full scale."""
    largest = float(np.abs(clip_S).max())
    wanted = min(largest, 1.0) if peak is None else peak
    # Rounding may put the product slightly above.
    return (clip_S * np.float32(wanted / max(largest, 1e-12))).clip(-wanted, wanted)
