"""What a codec costs: real clips beside what is left of them after the codec and back."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Int
from torch import Tensor

from ...data.dataset import Dataset
from ...data.unequal import lengths, padded, unpadded
from ...evaluation.distribution import NotMeasurable
from ...report.data import row
from .codec import AudioCodec
from .judge import RANGE_DB, frames_that_exist, log_mel
from .listening import DIGITS, hear_digits, rate_quality

HEARD, RATED = 150, 60
"""Clips that are recognised, and clips whose quality is rated, which takes .2 s each."""


def round_trip(dataset: Dataset, codec: AudioCodec) -> str:
    """Describe up to 150 test clips beside what the codec makes of them.

    The recogniser and the rating come with the extra `listening`; without it a line says so.

    Args:
        dataset: real clips. Only the test part is used, at regular places of its order.
        codec: the codec.
    """
    test = dataset.parts["test"]
    chosen_P = _regular(len(test), HEARD)
    raw = test.pick(chosen_P)
    begin = time.perf_counter()
    encoded = codec.encode(raw)
    between = time.perf_counter()
    made = codec.decode(*encoded)
    end = time.perf_counter()
    real = padded(list(raw), codec.samples)
    seconds = float(lengths(real).sum()) / codec.sample_rate
    gap = (lengths(made) - lengths(real)).double() / codec.sample_rate * 1000
    lines = [
        row(f"{len(raw)} test clips", ["clips", "codec"]),
        row("numbers a clip", [f"{lengths(real).double().mean():.0f}", _size(codec)]),
        row("levels differ by", ["", f"{_level_distance(real, made, codec.sample_rate):.1f} dB"]),
        row("lengths differ by", ["", f"{gap.abs().mean():.0f} ms"]),
    ]
    sides = (unpadded(real), unpadded(made))
    names = next(iter(dataset.labels.values()))
    if set(names) <= set(DIGITS):
        asked = [names[number] for number in test.label_NA[chosen_P, 0]]
        lines += _listened("heard", lambda clips: _share(clips, codec.sample_rate, asked), sides)
    some = _regular(len(raw), RATED).tolist()
    few = tuple([side[place] for place in some] for side in sides)
    lines += _listened(
        f"DNSMOS ({len(some)})", lambda clips: rate_quality(clips, codec.sample_rate).mean(), few
    )
    forth, back = seconds / (between - begin), seconds / (end - between)
    lines.append(f"{'speed':20}{forth:.0f} s of sound a second to sequences, {back:.0f} back")
    return "\n".join(lines)


def _regular(count: int, most: int) -> Int[np.ndarray, " P"]:
    """Return up to ``most`` indices below ``count``, at regular distances."""
    return np.unique(np.linspace(0, count - 1, most).round().astype(int))


def _size(codec: AudioCodec) -> str:
    return f"{codec.steps} x {codec.features if codec.group == 1 else codec.group}"


def _level_distance(real: Tensor, made: Tensor, sample_rate: int) -> float:
    """Return the mean difference of levels in mel bands, over frames that both have, in dB."""
    both = frames_that_exist(real, sample_rate=sample_rate)
    both = both & frames_that_exist(made, sample_rate=sample_rate)[:, : both.shape[1]]
    levels = [log_mel(side, sample_rate=sample_rate)[:, : both.shape[1]] for side in (real, made)]
    return float((levels[0] - levels[1])[both].abs().mean() * RANGE_DB)


def _share(clips: Sequence[np.ndarray], sample_rate: int, asked: Sequence[str]) -> float:
    heard = hear_digits(clips, sample_rate)
    return float(np.mean([one == other for one, other in zip(heard, asked, strict=True)]))


def _listened(
    title: str,
    listen: Callable[[Sequence[np.ndarray]], float],
    sides: Sequence[Sequence[np.ndarray]],
) -> list[str]:
    try:
        return [row(title, [f"{listen(side):.3f}" for side in sides])]
    except NotMeasurable as error:
        return [f"{title}: {str(error).partition(': ')[2]}"]
