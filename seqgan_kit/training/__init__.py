"""The training loop: trainer, optimisers and schedules, hooks, devices, the run folder."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .ema import Average as Average
    from .log import Report as Report
    from .run import Run as Run
    from .runtime import Runtime as Runtime
    from .trainer import Hook as Hook
    from .trainer import Optimization as Optimization
    from .trainer import Schedule as Schedule
    from .trainer import Trainer as Trainer
    from .trainer import adam as adam

_PLACES = {
    "Average": "ema",
    "Hook": "trainer",
    "Optimization": "trainer",
    "Report": "log",
    "Run": "run",
    "Runtime": "runtime",
    "Schedule": "trainer",
    "Trainer": "trainer",
    "adam": "trainer",
}
__all__ = [
    "Average",
    "Hook",
    "Optimization",
    "Report",
    "Run",
    "Runtime",
    "Schedule",
    "Trainer",
    "adam",
]


def __getattr__(name: str) -> Any:
    # On demand: commands that read a run's folder need not wait for torch.
    if name in _PLACES:
        return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
