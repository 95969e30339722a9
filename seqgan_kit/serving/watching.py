"""A run that is being trained: how far it is, its curves, and the samples that it has drawn."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import NotSupported
from ..pages.training_curves import logged
from ..training.log import read_metrics
from .media import media_type
from .models import Preview, Training
from .served import Served

NAME = re.compile(r"step-([0-9]{1,18})")
"""Names of the samples that a training draws, without their ending."""


def newest_preview(served: Served) -> tuple[int, Path] | None:
    """Return the step and the file of the newest samples; ``None`` if there are none yet."""
    found = [
        (int(match[1]), path)
        for path in served.run.samples.glob(f"step-*{served.kind.preview}")
        if (match := NAME.fullmatch(path.stem))
    ]
    return max(found, default=None)


def training_of(served: Served) -> Training:
    """Describe the training of a run.

    Raises:
        NotSupported: the folder of the run has no training, only what sampling needs.
    """
    if not served.watched:
        raise NotSupported(f"{served.name} is packed, and has no training to watch")
    run = served.run
    lines = read_metrics(run.metrics_path)
    last: Mapping[str, float] = lines[-1] if lines else {}
    step, seconds = int(last.get("step", 0)), float(last.get("seconds", 0.0))
    settings = served.recipe.train
    shares = [
        done / whole
        for done, whole in ((step, settings.steps), (seconds / 60, settings.minutes))
        if whole
    ]
    quiet = time.time() - run.metrics_path.stat().st_mtime if lines else None
    preview = newest_preview(served)
    return Training(
        step=step,
        progress=min(max(shares), 1.0) if shares else None,
        seconds=seconds,
        quiet=quiet,
        preview=None
        if preview is None
        else Preview(step=preview[0], media=media_type(served.kind.preview)),
        curves={name: list(map(_drawable, points)) for name, points in logged(run).items()},
    )


def _drawable(point: Sequence[float]) -> list[float | None]:
    """Return a point without what JSON does not have."""
    return [value if math.isfinite(value) else None for value in point]
