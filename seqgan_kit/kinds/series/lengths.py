"""Series of a wanted length, from a generator that has learned when to end."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int

from ...errors import UsageError
from ...labels import label_names
from ...runs.asked import Asked
from ...runs.sampler import CHUNK, Sampler, set_seed
from .beginnings import Beginning
from .codec import series_codec
from .options import LENGTH

ROUNDS = 20
"""How often the samples of a label, or a whole chunk if they are fewer, are drawn, at most."""


def wanted(asked: Asked, sampler: Sampler) -> range | None:
    """Return the lengths that samples are to have, or None if any will do.

    Raises:
        UsageError: this is no length, or the run cannot write such series.
    """
    text = asked.options.get(LENGTH.key)
    if text is None:
        return None
    codec = series_codec(sampler.codec)
    found = re.fullmatch(r"(\d{1,9})(?:\.\.(\d{1,9}))?", text)
    if found is None or int(found[2] or found[1]) < int(found[1]):
        raise UsageError(f"--length {text}: expected a number of steps, or A..B as in 20..24")
    first, last = int(found[1]), int(found[2] or found[1])
    if not codec.ends:
        if first <= codec.steps <= last:
            return None
        raise UsageError(f"--length {text}: all series of this run have {codec.steps} steps")
    if first < 1 or last > codec.steps:
        raise UsageError(f"--length {text}: this run writes series of 1 to {codec.steps} steps")
    return range(first, last + 1)


def of_length(
    sampler: Sampler, beginning: Beginning, count: int, lengths: range, asked: Asked
) -> Iterator[Float[np.ndarray, "t C"]]:
    """Yield ``count`` series of these lengths for each label of a beginning.

    The network ends its series itself; others are drawn in the place of those that have another
    length, so that what is kept is distributed as the network's series of this length are.

    Raises:
        UsageError: it hardly ever writes such series.
    """
    for row_A in beginning.label_LA:
        yield from _of_label(sampler, beginning, row_A, count, lengths, asked)


def _of_label(
    sampler: Sampler,
    beginning: Beginning,
    row_A: Int[np.ndarray, " A"],
    count: int,
    lengths: range,
    asked: Asked,
) -> Iterator[Float[np.ndarray, "t C"]]:
    kept = drawn = 0
    for turn in range(ROUNDS):
        for chunk in sampler.stream(
            np.repeat(row_A[None], max(count, CHUNK), 0),
            # The same samples as without a length come first.
            seed=asked.seed if turn == 0 else set_seed(asked.seed, turn),
            noise_scale=asked.noise_scale,
            prefix=beginning.prefix,
        ):
            for one in sampler.codec.present(chunk):
                drawn += 1
                if len(one) in lengths:
                    yield one
                    kept += 1
                    if kept == count:
                        return
    label = ", ".join(label_names(row_A, sampler.labels))
    raise UsageError(
        f"--length {asked.options[LENGTH.key]}: of {drawn:,} series of {label} that were drawn, "
        f"{kept:,} have this length, and {count:,} are wanted; ask for fewer, or a range (A..B)"
    )
