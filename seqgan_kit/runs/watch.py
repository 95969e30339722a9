"""Callbacks for progress, a way to stop, and what a training ran on."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch

from ..data.sources import Progress as DownloadProgress
from ..evaluation.judge import Progress as JudgeProgress
from ..training.log import Report


@dataclass(frozen=True)
class Watch:
    """Callbacks for progress, and a way to stop.

    Attributes:
        say: called with lines for people.
        begun: called with the folder of the run before the first step.
        report: called after every step.
        download: called while data are fetched.
        judge: called while a judge is trained.
        should_stop: asked after every step.
    """

    say: Callable[[str], None] = field(default=lambda line: None)
    begun: Callable[[Path], None] = field(default=lambda path: None)
    report: Callable[[Report], None] = field(default=lambda report: None)
    download: DownloadProgress | None = None
    judge: JudgeProgress | None = None
    should_stop: Callable[[], bool] = field(default=lambda: False)


def environment(device: torch.device, processes: int = 1) -> dict[str, object]:
    """Describe what figures and speed depend on beside the recipe."""
    cuda = device.type == "cuda"
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "platform": platform.platform(),
        "device": torch.cuda.get_device_name(device) if cuda else platform.machine(),
        "threads": torch.get_num_threads(),
        "processes": processes,
    }
