"""How to train, and how to measure the result."""

from __future__ import annotations

from typing import Literal

from .objectives import GanObjectiveRecipe, ObjectiveRecipe
from .section import Count, PositiveInt, Rate, Section, Seed, Share


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
    learning_rates: dict[str, Rate] = {}  # noqa: RUF012  (pydantic copies it)
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


class EvaluationRecipe(Section):
    """How `seqgen evaluate` measures."""

    samples: PositiveInt = 5000
    """Samples in a set."""
    sets: PositiveInt = 3
    """Independent sets, over which a figure's spread is taken."""
    neighbours: PositiveInt = 5
    """k of precision, recall, density and coverage."""
    gan_train_samples: PositiveInt = 20000
    """Samples that a fresh judge is trained on for GAN-train."""
    likelihood_items: PositiveInt = 10000
    """Test items whose likelihood is measured, at most."""
    importance_samples: PositiveInt = 200
    """Codes drawn for an item where only a bound of its likelihood can be computed."""
    units: Literal["words", "spaces", "characters"] = "words"
    """What BLEU and the judge read of text: lower-cased words, what stands between spaces, or
    characters."""
    listen: bool = False
    """Whether a recogniser listens to spoken digits (needs the extra `listening`)."""
    quality: bool = False
    """Whether the quality of sound is rated (needs the extra `listening`)."""
    score_steps: PositiveInt = 500
    """Training steps of each of the networks behind the two scores of series."""
    judge_seed: Seed = 1
    """Seed of the judge."""
    judge_epochs: PositiveInt = 4
    """Passes over the training items for the judge."""
