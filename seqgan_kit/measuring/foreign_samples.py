"""External samples, made by other programs, and read so that they can be measured like ours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from ..errors import UsageError
from .bench import Bench


class SamplesError(UsageError):
    """The error for external samples that cannot be measured; the message says why."""


def read_samples(
    path: Path, labels: Path | None, bench: Bench
) -> tuple[Tensor, np.ndarray | None]:
    """Read external samples as items that the bench can measure, and their requested labels.

    Args:
        path: a file or folder in a format of this kind of data.
        labels: a file of labels, if the samples do not contain their labels.
        bench: the bench that measures them.

    Raises:
        SamplesError: they do not fit the data or each other.
    """
    if not path.exists():
        raise SamplesError(f"{path} does not exist")
    return bench.kind.read_samples(path, labels, bench)


def class_numbers(names: Sequence[str], bench: Bench, where: str) -> list[int]:
    """Return the class numbers for the label names of one sample.

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
