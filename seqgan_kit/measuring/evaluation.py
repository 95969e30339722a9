"""The evaluation of a run, and how it is stored in the run folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..evaluation.figures import Value
from ..files import FileProblem, read_json
from ..training.checkpoint import read_progress
from ..training.run import Run

FORMAT = 2
"""Format version of `evaluation.json`."""


@dataclass(frozen=True)
class Evaluation:
    """The metrics of one run, or of one set of samples.

    Attributes:
        name: name of the run folder or of the samples file.
        figures: metrics by name, see :data:`~seqgan_kit.evaluation.figures.FIGURES`.
        settings: everything that the metrics depend on, apart from the model.
    """

    name: str
    figures: Mapping[str, Value]
    settings: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        figures = {name: value.as_json() for name, value in self.figures.items()}
        return {"format": FORMAT, "name": self.name, "settings": self.settings, "figures": figures}


def kept(run: Run, settings: Mapping[str, Any], path: Path) -> Evaluation | None:
    """Return the evaluation stored in a file of a run; ``None`` if it has other settings."""
    try:
        read = read_json(path)
        if read.get("format") != FORMAT or read["settings"] != settings:
            return None
        figures = {name: Value.from_json(value) for name, value in read["figures"].items()}
    except FileNotFoundError:
        return None
    except (FileProblem, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return None  # It is measured again.
    return Evaluation(run.path.name, figures, read["settings"])


def trained(run: Run) -> tuple[int, float]:
    """Return how many steps, and how many seconds, a run has been trained.

    Raises:
        FileProblem: its newest checkpoint does not say so.
    """
    progress = read_progress(run.checkpoints()[-1])
    return progress.step, progress.seconds
