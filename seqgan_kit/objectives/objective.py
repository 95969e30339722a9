"""What the trainer asks of a method: turns that return losses by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from torch import Tensor, nn

from ..batch import Batch
from ..nn.noise import Noise


class Moment(NamedTuple):
    """Where training stands: steps done, and the share of the run that is over (0 to 1)."""

    step: int
    progress: float


class Outcome(NamedTuple):
    """What a turn computed: ``losses``, whose sum is minimised, and ``figures`` to look at."""

    losses: dict[str, Tensor]
    figures: dict[str, Tensor]


@dataclass(frozen=True)
class Turn:
    """One network's share of a training step.

    Attributes:
        name: the network that is trained, its name in :attr:`Objective.networks`.
        compute: from a batch, noise and the moment to losses.
        repeats: how often a step takes this turn, each time with a batch of its own.
        active: whether the turn is taken at a moment.
        factor: of the network's learning rate.
        course: the share of the learning rate at a moment, where it is not the run's schedule
            that says so.
    """

    name: str
    compute: Callable[[Batch, Noise, Moment], Outcome]
    repeats: int = 1
    active: Callable[[Moment], bool] = lambda moment: True
    factor: float = 1.0
    course: Callable[[Moment], float] | None = None


@runtime_checkable
class Objective(Protocol):
    """Networks and the losses that train them. It owns no optimiser and no device.

    Attributes:
        networks: all networks by name.
        turns: what a training step does, in order. While a turn is taken, only its own network
            records gradients.
        averaged: name of the network whose moving average is kept and sampled from.
    """

    networks: Mapping[str, nn.Module]
    turns: Sequence[Turn]
    averaged: str
