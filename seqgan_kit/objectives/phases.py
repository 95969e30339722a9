"""Several objectives, one after another, for the same networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import nn

from .objective import Moment, Objective, Turn


class Phases:
    """A series of objectives, each of which is active for a number of steps.

    Networks of the same name are one network, which keeps one optimiser throughout.

    Args:
        phases: objectives with their numbers of steps; the last one runs to the end, so its
            number may be ``None``.
        factors: learning-rate factor of each phase.
        trained: names of the networks trained in each phase, ``None`` for all.
        courses: learning-rate schedule of each phase, a factor for each fraction of the phase;
            ``None`` for the schedule of the run.
        total: steps of the run, for the schedule of a last phase without a number of steps.

    Raises:
        ValueError: networks of the same name differ, the averaged networks differ, or a phase
            before the last has no number of steps.
    """

    def __init__(
        self,
        phases: Sequence[tuple[Objective, int | None]],
        factors: Sequence[float],
        trained: Sequence[Sequence[str] | None] | None = None,
        courses: Sequence[Callable[[float], float] | None] | None = None,
        total: int | None = None,
    ) -> None:
        self.averaged = phases[0][0].averaged
        networks: dict[str, nn.Module] = {}
        turns: list[Turn] = []
        start = 0
        trained = [None] * len(phases) if trained is None else trained
        courses = [None] * len(phases) if courses is None else courses
        for number, ((objective, steps), factor, names, course) in enumerate(
            zip(phases, factors, trained, courses, strict=True)
        ):
            last = number + 1 == len(phases)
            if steps is None and not last:
                raise ValueError(f"phase {number} is not the last: give it a number of steps")
            if objective.averaged != self.averaged:
                raise ValueError("the phases average different networks")
            for name, network in objective.networks.items():
                if networks.setdefault(name, network) is not network:
                    raise ValueError(f"the phases have different networks named {name!r}")
            end = None if last or steps is None else start + steps
            long = steps if end is not None else None if total is None else total - start
            changes: dict[str, Any] = {
                "active": _between(start, end),
                "factor": factor,
                "course": None if course is None else _course(course, start, long),
            }
            turns += [
                replace(turn, **changes)
                for turn in objective.turns
                if names is None or turn.name in names
            ]
            start += steps or 0
        self.networks: Mapping[str, nn.Module] = networks
        self.turns: Sequence[Turn] = tuple(turns)


def _course(
    course: Callable[[float], float], start: int, steps: int | None
) -> Callable[[Moment], float]:
    """Return the schedule of a phase; without a number of steps it follows the run's progress."""
    if steps is None:
        return lambda moment: course(moment.progress)
    return lambda moment: course(min((moment.step - start) / steps, 1.0))


def _between(start: int, end: int | None) -> Callable[[Moment], bool]:
    return lambda moment: start <= moment.step and (end is None or moment.step < end)
