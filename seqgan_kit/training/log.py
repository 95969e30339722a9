"""Training metrics: collected on the device, written as lines of JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..files import write_text

LARGEST = 2**63
"""No count is as large; JSON has integers of any size."""


@dataclass(frozen=True)
class Report:
    """The state of a training run, for those who watch it.

    Attributes:
        step: steps done.
        progress: fraction of the run that is done.
        seconds: training time, over all sessions.
        seconds_left: estimated time left.
        steps_per_second: speed in this session.
        figures: mean losses and other metrics at a step that logs them, empty at other steps.
    """

    step: int
    progress: float
    seconds: float
    seconds_left: float
    steps_per_second: float
    figures: Mapping[str, float]


class Means:
    """Running means that stay on the device until they are read, all in one copy."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def add(self, values: Mapping[str, Tensor]) -> None:
        for name, value in values.items():
            self._sums[name] = self._sums[name] + value if name in self._sums else value
            self._counts[name] = self._counts.get(name, 0) + 1

    def take(self) -> tuple[list[str], Tensor]:
        """Return names and means, and start again from zero."""
        names = list(self._sums)
        means = [self._sums[name].float() / self._counts[name] for name in names]
        self._sums, self._counts = {}, {}
        return names, torch.stack(means) if means else torch.empty(0)

    def state(self, mean: Callable[[Tensor], Tensor]) -> dict[str, tuple[float, int]]:
        """Return sums, averaged over processes by ``mean``, and counts, for a checkpoint."""
        if not self._sums:
            return {}
        sums = mean(torch.stack([value.float() for value in self._sums.values()])).tolist()
        counts = self._counts
        return {name: (value, counts[name]) for name, value in zip(counts, sums, strict=True)}

    def restore(self, state: Mapping[str, tuple[float, int]], device: torch.device) -> None:
        """Restore what :meth:`state` returned."""
        self._sums = {n: torch.tensor(s, device=device) for n, (s, _) in state.items()}
        self._counts = {name: int(count) for name, (_, count) in state.items()}


class MetricsFile:
    """The file ``metrics.jsonl``, with one line of JSON each time the losses are logged.

    Args:
        path: the file.
        step: current step of the run. Lines of later steps, written after the checkpoint that is
            resumed, are removed, and so are damaged ones.
    """

    def __init__(self, path: Path, step: int) -> None:
        self.path = path
        kept = [line for line in read_metrics(path) if line["step"] <= step]
        write_text(path, "".join(json.dumps(line) + "\n" for line in kept))
        self._file = path.open("a", encoding="utf-8")

    def write(self, values: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(values) + "\n")
        self._file.flush()

    def close(self) -> None:
        os.fsync(self._file.fileno())
        self._file.close()


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a ``metrics.jsonl`` without damaged ones; none if there is no file."""
    return [line for line in _lines(path) if line is not None]


def damaged_metrics(path: Path) -> list[int]:
    """Return the numbers of lines that are damaged, from 1.

    A last line without its end is not among them: that is what a killed process leaves.
    """
    found = list(_lines(path))
    whole = found if not found or path.read_bytes().endswith(b"\n") else found[:-1]
    return [number for number, line in enumerate(whole, 1) if line is None]


def _lines(path: Path) -> Iterator[dict[str, Any] | None]:
    """Yield the lines of the file; ``None`` for one that is no mapping of numbers with a step."""
    if not path.exists():
        return
    written_lines = path.read_bytes().split(b"\n")
    for written in written_lines if written_lines[-1] else written_lines[:-1]:
        try:
            line = json.loads(written)
        except (ValueError, RecursionError):  # Not UTF-8, not JSON, or nested without end.
            line = None
        numbers = isinstance(line, dict) and all(map(_is_number, line.values()))
        yield line if numbers and isinstance(line.get("step"), int) else None


def _is_number(value: Any) -> bool:
    """Return whether a value is a float, or an integer that a float can hold."""
    return isinstance(value, float) or (isinstance(value, int) and abs(value) < LARGEST)


def require_tensorboard() -> None:
    """Check that TensorBoard is installed.

    Raises:
        ModuleNotFoundError: it is not installed; the message says how to install it.
    """
    try:
        import torch.utils.tensorboard  # noqa: F401
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "train.tensorboard requires TensorBoard: pip install 'seqgan_kit[tensorboard]'"
        ) from error


def tensorboard_report(
    folder: Callable[[], Path], report: Callable[[Report], None]
) -> Callable[[Report], None]:
    """Return a report function that also writes TensorBoard files.

    Args:
        folder: returns the folder for the files; called at the first report, when a new run has
            its name.
        report: the report function.
    """
    from torch.utils.tensorboard import SummaryWriter

    writer: SummaryWriter | None = None

    def both(state: Report) -> None:
        nonlocal writer
        if writer is None:
            writer = SummaryWriter(str(folder()))
        for name, value in state.figures.items():
            writer.add_scalar(name, value, state.step)
        if state.progress >= 1:
            writer.close()
        report(state)

    return both
