"""Data sets of text that are drawn on the spot."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ...data.dataset import Dataset, Part, PartName, fingerprint
from ...labels import UNLABELLED


def drawn_dataset(
    name: str,
    draw: Callable[[int, int], Sequence[str]],
    *,
    sequences: int,
    test: int,
    validation: float,
    source: Sequence[str] = (),
    settings: Sequence[int] = (),
) -> Dataset:
    """Draw a data set without labels, independent for each part.

    Args:
        name: of the data set.
        draw: from the number of a part, which gives it its own stream, and a count to its lines.
        sequences: number of training lines.
        test: number of test lines.
        validation: number of additional validation lines, as a share of ``sequences``.
        source: what else the lines come from; with ``settings``, it tells data sets apart.
        settings: numbers that they depend on.
    """
    counts: dict[PartName, int] = {
        "training": sequences,
        "validation": round(validation * sequences),
        "test": test,
    }
    parts = {
        part: Part(np.array(draw(number, count), object), np.zeros((count, 1), np.int64))
        for number, (part, count) in enumerate(counts.items())
    }
    return Dataset(
        name=name,
        parts=parts,
        labels=UNLABELLED,
        fingerprint=fingerprint(name, *source, *counts.values(), *settings),
    )
