"""The sections of a recipe that describe training."""

from __future__ import annotations

from typing import Literal

from ..sections import Count, PositiveInt, Rate, Section, Share
from .objectives import GanObjectiveRecipe, ObjectiveRecipe
from .privacy import PrivacyRecipe


class ScheduleRecipe(Section):
    """A learning-rate schedule."""

    kind: Literal["constant", "linear", "cosine"] = "constant"
    """Shape of the schedule."""
    hold: Share = 0.0
    """Fraction of the run before the learning rates start to fall."""
    final: Share = 0.0
    """Final learning rates, as a fraction of the initial ones."""


class PhaseRecipe(Section):
    """A phase of training with its own objective."""

    steps: Count | None = None
    """Number of steps, 0 to skip the phase; the last phase continues to the end of the run."""
    objective: ObjectiveRecipe = GanObjectiveRecipe()
    """The objective of this phase."""
    learning_rate_factor: Rate = 1.0
    """Factor of the learning rates."""
    schedule: ScheduleRecipe | None = None
    """Learning-rate schedule of the phase (default: train.schedule)."""
    networks: tuple[Literal["generator", "discriminator"], ...] | None = None
    """The networks that this phase trains (default: all of the objective)."""


class TrainRecipe(Section):
    """Training settings."""

    steps: PositiveInt
    """Number of training steps."""
    minutes: Rate | None = None
    """Time limit, if it is reached before `steps` (such a run is not reproducible)."""
    batch_size: PositiveInt = 64
    """Sequences per batch, over all processes."""
    class_group: PositiveInt = 4
    """Number of consecutive sequences in a batch that share a class."""
    learning_rate: Rate = 7e-4
    """Learning rate of Adam."""
    learning_rates: dict[str, Rate] = {}
    """Learning rates of networks that have their own, by name (`discriminator: 1e-3`)."""
    betas: tuple[Share, Share] = (0.5, 0.99)
    """Betas of Adam."""
    schedule: ScheduleRecipe = ScheduleRecipe()
    """Learning-rate schedule of the run."""
    label_dropout: Share = 0.0
    """Share of sequences whose label is hidden from maximum likelihood, so that the network learns
    them without labels, too; `seqgen sample --guidance` needs it (0.1 is usual)."""
    privacy: PrivacyRecipe | None = None
    """Differential privacy: `{epsilon: 10, delta: 1e-5, clip: 1.0}` (requires the extra
    `privacy`)."""
    average_decay: Share = 0.999
    """Decay of the averaged weights per step; samples come from the averaged weights."""
    log_every: PositiveInt = 50
    """Steps between two lines of metrics.jsonl."""
    grid_every: PositiveInt = 1000
    """Steps between two sample grids."""
    checkpoint_every: PositiveInt = 1000
    """Steps between two checkpoints."""
    keep: PositiveInt | Literal["best"] = 2
    """Number of checkpoints to keep. best: two, and the best one on the validation part, which
    sampling and evaluation then use."""
    best_by: Literal["distance", "likelihood"] = "distance"
    """Criterion of the best checkpoint: smallest Frechet judge distance (by a separate judge), or
    highest likelihood. objective.kind ratio has its own: which discriminator tells best apart."""
    tensorboard: bool = False
    """Also write TensorBoard files (requires the extra `tensorboard`)."""
    device: str = "auto"
    """auto (a CUDA GPU if there is one), cpu, cuda or cuda:N."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """float32 (auto is the same), or bfloat16 for autocast."""
