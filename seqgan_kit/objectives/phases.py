"""One objective after another, over the same networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from torch import nn

from .objective import Moment, Objective, Turn


class Phases:
    """Objectives that take their turns one after another.

    Networks of the same name are one network, and keep one optimiser throughout.

    Args:
        phases: objectives, each with the number of its steps; the last one goes on to the end
            of the run, so its number may be ``None``.
        factors: for each phase the factor of the learning rates.

    Raises:
        ValueError: networks of one name differ, the averaged ones do, or a phase before the last
            has no end.
    """

    def __init__(
        self, phases: Sequence[tuple[Objective, int | None]], factors: Sequence[float]
    ) -> None:
        self.averaged = phases[0][0].averaged
        networks: dict[str, nn.Module] = {}
        turns: list[Turn] = []
        start = 0
        for number, ((objective, steps), factor) in enumerate(zip(phases, factors, strict=True)):
            last = number + 1 == len(phases)
            if steps is None and not last:
                raise ValueError(f"phase {number} has no number of steps and is not the last")
            if objective.averaged != self.averaged:
                raise ValueError("the phases average different networks")
            for name, network in objective.networks.items():
                if networks.setdefault(name, network) is not network:
                    raise ValueError(f"the phases have different networks named {name!r}")
            end = None if last or steps is None else start + steps
            turns += [
                replace(turn, active=_between(start, end), factor=factor)
                for turn in objective.turns
            ]
            start += steps or 0
        self.networks: Mapping[str, nn.Module] = networks
        self.turns: Sequence[Turn] = tuple(turns)


def _between(start: int, end: int | None) -> Callable[[Moment], bool]:
    return lambda moment: start <= moment.step and (end is None or moment.step < end)
