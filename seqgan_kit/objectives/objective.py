"""The interface between trainer and objectives: turns that return named losses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from torch import Tensor, nn

from ..batch import Batch
from ..nn.noise import Noise


class Moment(NamedTuple):
    """A point in training.

    Attributes:
        step: steps done.
        progress: the fraction of the run that is done (0 to 1).
        shared: whether the next turn of this step reads what this one has made, too.
    """

    step: int
    progress: float
    shared: bool = False


class Outcome(NamedTuple):
    """The result of a turn: ``losses``, whose sum is minimised, and ``figures``, to be logged."""

    losses: dict[str, Tensor]
    figures: dict[str, Tensor]


@dataclass(frozen=True)
class Turn:
    """One network's part of a training step.

    Attributes:
        name: name of the trained network in :attr:`Objective.networks`.
        compute: computes losses from a batch, noise and the moment.
        repeats: how often a step takes this turn, each time with a new batch.
        shares: whether it reads the last batch of the step again instead of a new one.
        reads: whether it looks at real sequences; if not, at most at labels and at how many.
        active: whether the turn is taken at a moment.
        factor: factor of the network's learning rate.
        course: learning-rate schedule, a factor for each moment; None for that of the run.
    """

    name: str
    compute: Callable[[Batch, Noise, Moment], Outcome]
    repeats: int = 1
    shares: bool = False
    reads: bool = True
    active: Callable[[Moment], bool] = lambda moment: True
    factor: float = 1.0
    course: Callable[[Moment], float] | None = None


@runtime_checkable
class Objective(Protocol):
    """Networks and the losses that train them. It owns no optimiser and no device.

    Attributes:
        networks: all networks by name.
        turns: the turns of a training step, in order. During a turn, only its own network
            records gradients.
        averaged: name of the network whose moving average is kept and sampled from.
    """

    networks: Mapping[str, nn.Module]
    turns: Sequence[Turn]
    averaged: str
