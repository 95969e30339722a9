"""Samples that were made elsewhere, read so that they can be measured beside our own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from ..errors import UsageError
from .bench import Bench


class SamplesError(UsageError):
    """Samples from elsewhere that cannot be measured; the message says why."""


def read_samples(
    path: Path, labels: Path | None, bench: Bench
) -> tuple[Tensor, np.ndarray | None]:
    """Read samples as the bench looks at them, and what they were asked to be.

    Args:
        path: a file or folder as the kind of data reads it.
        labels: a file of labels, where samples do not carry their own.
        bench: what they are to be measured with.

    Raises:
        SamplesError: they do not fit the data or each other.
    """
    if not path.exists():
        raise SamplesError(f"{path} does not exist")
    return bench.kind.read_samples(path, labels, bench)


def class_numbers(names: Sequence[str], bench: Bench, where: str) -> list[int]:
    """Return the class numbers of the names of one sample's labels.

    Raises:
        SamplesError: the data have no such class.
    """
    numbers = []
    for name, (attribute, classes) in zip(names, bench.dataset.labels.items(), strict=True):
        if name not in classes:
            raise SamplesError(
                f"{where}: {bench.dataset.name} has no {attribute} {name!r}; it has "
                f"{', '.join(classes)}"
            )
        numbers.append(list(classes).index(name))
    return numbers
