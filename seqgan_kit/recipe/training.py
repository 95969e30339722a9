"""How to train, and how to measure the result."""

from __future__ import annotations

from typing import Literal

from ..sections import Count, PositiveInt, Rate, Section, Share
from .objectives import GanObjectiveRecipe, ObjectiveRecipe


class ScheduleRecipe(Section):
    """The course of the learning rates."""

    kind: Literal["constant", "linear", "cosine"] = "constant"
    """The shape."""
    hold: Share = 0.0
    """Share of the run before they begin to fall."""
    final: Share = 0.0
    """Where they end, as a share of where they began."""


class PhaseRecipe(Section):
    """A part of a training with an objective of its own."""

    steps: Count | None = None
    """How many steps, 0 to leave the phase out; the last one goes on to the end of the run."""
    objective: ObjectiveRecipe = GanObjectiveRecipe()
    """What the networks are trained for meanwhile."""
    learning_rate_factor: Rate = 1.0
    """Factor of the learning rates."""
    schedule: ScheduleRecipe | None = None
    """How the learning rates change over the phase; absent: as train.schedule says."""
    networks: tuple[Literal["generator", "discriminator"], ...] | None = None
    """The networks that are trained meanwhile; absent: all of the objective."""


class TrainRecipe(Section):
    """How to train."""

    steps: PositiveInt
    """Training steps."""
    minutes: Rate | None = None
    """An end by the clock, whichever comes first (a run that ends so is not reproducible)."""
    batch_size: PositiveInt = 64
    """Sequences of a batch, all processes together."""
    class_group: PositiveInt = 4
    """Sequences of a batch beside each other that share a class."""
    learning_rate: Rate = 7e-4
    """Adam's step size."""
    learning_rates: dict[str, Rate] = {}
    """Step sizes of networks that differ, by name (`discriminator: 1e-3`)."""
    betas: tuple[Share, Share] = (0.5, 0.99)
    """Adam's betas."""
    schedule: ScheduleRecipe = ScheduleRecipe()
    """How the learning rates change over the run."""
    average_decay: Share = 0.999
    """Share of the averaged weights that a step keeps; samples come from the average."""
    log_every: PositiveInt = 50
    """Steps between two lines of metrics.jsonl."""
    grid_every: PositiveInt = 1000
    """Steps between two sample grids."""
    checkpoint_every: PositiveInt = 1000
    """Steps between two checkpoints."""
    keep: PositiveInt | Literal["best"] = 2
    """How many checkpoints stay; best: two, and the best on the validation part, which is then
    the one that is used."""
    best_by: Literal["distance", "likelihood"] = "distance"
    """What is best: the smallest Frechet judge distance, by a judge of a seed of its own, or the
    highest likelihood."""
    tensorboard: bool = False
    """Also write TensorBoard files (needs the extra `tensorboard`)."""
    device: str = "auto"
    """auto (a CUDA GPU if there is one), cpu, cuda or cuda:N."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """float32 (auto is the same), or bfloat16 for autocast."""
