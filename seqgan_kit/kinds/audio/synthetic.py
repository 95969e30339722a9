"""Data sets of clips that are made on the spot."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from jaxtyping import Int

from ...data.dataset import Dataset, Part, PartName, cut_into_parts, fingerprint
from .clip_cache import cached_clips
from .clips import ClipSettings
from .preparing import Taken
from .reading_notes import cut_notes


def made_dataset(
    name: str,
    make: Callable[[], Iterable[Taken | str]],
    label_NA: Int[np.ndarray, "N A"],
    labels: Mapping[str, Sequence[str]],
    *,
    key: Mapping[str, object],
    settings: ClipSettings,
    shares: Mapping[PartName, float],
    seed: int,
    advice: str,
) -> Dataset:
    """Return clips that are made once and cached, cut into parts.

    Args:
        name: of the data set.
        make: yields the clip of each row of labels, or why it is left out.
        label_NA: labels of all clips.
        labels: names of the attributes and of their classes.
        key: everything the clips depend on beside ``settings``, as JSON values.
        settings: how sound becomes a clip.
        shares: shares of the clips for validation and test.
        seed: random seed of the split.
        advice: what to do if there are too few clips.

    Raises:
        DataError: the clips are too few to split, or none fits the settings.
    """
    key = {"settings": settings.key, **key}
    clips, facts, left = cached_clips(key, make, count=len(label_NA), name=name)
    label_NA = np.delete(label_NA, list(left), 0)
    fact_N = [facts[number] for number in sorted(facts)]
    cut = cut_into_parts(label_NA, dict(shares), seed, of=f"{len(label_NA)} clips", advice=advice)
    return Dataset(
        name=name,
        parts={
            part: Part(clips.choose(index_N), label_NA[index_N]) for part, index_N in cut.items()
        },
        labels=labels,
        fingerprint=fingerprint(name, json.dumps(key), *shares.values()),
        notes=[
            *([f"clips longer than data.max_seconds left out: {len(left)}"] if left else []),
            *cut_notes({part: [fact_N[n] for n in cut[part]] for part in cut}, settings),
        ],
    )
