"""The schema of a recipe: one YAML file that says everything about a run.

Unknown keys are errors, in a file and in an override; all errors are shown at once, each with the
file, the key, what was expected and the nearest valid name. See :mod:`seqgan_kit.recipe_files` for
how a file is found, extended and overridden.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

PositiveInt = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Share = Annotated[float, Field(ge=0, lt=1)]
Rate = Annotated[float, Field(gt=0)]
Cell = Literal["lstm", "gru"]


class Section(BaseModel):
    """A part of a recipe: strict about its keys and their types."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True
    )


class NamedData(Section):
    """A data set that seqgan_kit knows where to find."""

    source: Literal["mnist", "fashion_mnist", "digits"]
    """Which data set."""
    root: str | None = None
    """A local folder with its files, instead of the cache or a download."""
    validation: Share = 0.1
    """Share of the training images that is held out of training."""
    seed: Seed = 0
    """Seed of the cut into parts; not the run's, so that all runs share one test part."""
    budget_mb: PositiveInt = 2048
    """Encoded sequences up to this size live on the device; larger ones are memory-mapped."""


class FolderData(Section):
    """Your own images: a folder with one sub-folder for each label."""

    source: Literal["folder"]
    """Your own images."""
    root: str
    """The folder. Sub-folders training, validation and test, where they exist, are its parts."""
    size: tuple[PositiveInt, PositiveInt]
    """Height and width that every image is resized to."""
    colour: Literal["grey", "rgb"] = "grey"
    """What every image is turned into."""
    unreadable: Literal["error", "skip"] = "error"
    """What to do about files that are no images: stop and name them, or leave them out."""
    validation: Share = 0.1
    """Share of the images for validation, where the folder has no part of that name."""
    test: Share = 0.1
    """Share of the images for the test, where the folder has no part of that name."""
    seed: Seed = 0
    """Seed of the cut into parts; not the run's, so that all runs share one test part."""
    budget_mb: PositiveInt = 2048
    """Encoded sequences up to this size live on the device; larger ones are memory-mapped."""


class RowsCodecRecipe(Section):
    """An image is a sequence of its rows or columns."""

    kind: Literal["rows"] = "rows"
    """Images as sequences."""
    order: Literal["top-down", "left-right"] = "top-down"
    """Whether a step is a row or a column."""


class GeneratorRecipe(Section):
    """The recurrent generator."""

    cell: Cell = "lstm"
    """lstm or gru."""
    hidden_size: PositiveInt = 128
    """Units of a recurrent layer."""
    layers: PositiveInt = 2
    """Recurrent layers."""
    input_size: PositiveInt = 64
    """Width of what a step reads."""
    noise_size: PositiveInt = 64
    """Random numbers drawn once a sequence."""
    step_noise_size: Annotated[int, Field(ge=0)] = 16
    """Random numbers drawn at every step."""
    label_size: PositiveInt = 64
    """Length of a label's vector."""
    feedback: bool = False
    """Whether a step reads the output of the one before (slower: no fused kernel)."""


class DiscriminatorRecipe(Section):
    """The recurrent discriminator."""

    cell: Cell = "lstm"
    """lstm or gru."""
    hidden_size: PositiveInt = 128
    """Units of a recurrent layer, in each direction."""
    layers: PositiveInt = 1
    """Recurrent layers, in each direction."""
    bidirectional: bool = True
    """Whether a second stack reads from the end."""
    logits: Literal["sequence", "step"] = "sequence"
    """One logit a sequence, or one at every step."""
    minibatch_group: Annotated[int, Field(ge=0)] = 4
    """Sequences whose differences the discriminator sees (against collapse); 0: none."""
    condition: Literal["projection", "concatenation"] = "projection"
    """How the label enters."""
    spectral_norm: bool = False
    """Divide every weight matrix by its largest singular value."""


class RecurrentGanRecipe(Section):
    """A recurrent generator and a recurrent discriminator."""

    kind: Literal["recurrent_gan"] = "recurrent_gan"
    """Which networks."""
    generator: GeneratorRecipe = GeneratorRecipe()
    """The network that writes sequences."""
    discriminator: DiscriminatorRecipe = DiscriminatorRecipe()
    """The network that tells real from generated ones."""


class FiniteDifferenceRecipe(Section):
    """R1 and R2 by finite differences: every kernel, no double backward."""

    kind: Literal["finite-difference"]
    """Which penalty."""
    gamma: Rate = 1.0
    """Weight."""
    scale: Rate = 0.05
    """Size of the perturbation."""
    on: Literal["both", "real", "generated"] = "both"
    """R1 (real), R2 (generated) or both."""
    every: PositiveInt = 4
    """Compute it at every so many steps, scaled up accordingly."""


class ExactGradientRecipe(Section):
    """R1 and R2 exactly, by double backward."""

    kind: Literal["exact-gradient"]
    """Which penalty."""
    gamma: Rate = 1.0
    """Weight."""
    on: Literal["both", "real", "generated"] = "real"
    """R1 (real), R2 (generated) or both."""
    every: PositiveInt = 4
    """Compute it at every so many steps, scaled up accordingly."""


class GradientPenaltyRecipe(Section):
    """The penalty of WGAN-GP."""

    kind: Literal["gradient-penalty"]
    """Which penalty."""
    weight: Rate = 10.0
    """Weight."""
    every: PositiveInt = 1
    """Compute it at every so many steps, scaled up accordingly."""


PenaltyRecipe = Annotated[
    FiniteDifferenceRecipe | ExactGradientRecipe | GradientPenaltyRecipe,
    Field(discriminator="kind"),
]


class GanObjectiveRecipe(Section):
    """Adversarial training."""

    kind: Literal["gan"] = "gan"
    """Which objective."""
    loss: Literal[
        "minimax", "non-saturating", "least-squares", "hinge", "wasserstein", "relativistic"
    ] = "relativistic"
    """The adversarial loss."""
    penalties: tuple[PenaltyRecipe, ...] = (FiniteDifferenceRecipe(kind="finite-difference"),)
    """Terms of the discriminator's loss that keep the game stable."""
    mismatch: Annotated[float, Field(ge=0)] = 0.2
    """Weight of real sequences under other labels, taken for generated: what a label means."""
    discriminator_steps: PositiveInt = 1
    """Steps of the discriminator for one of the generator."""


class ScheduleRecipe(Section):
    """The course of the learning rates."""

    kind: Literal["constant", "linear", "cosine"] = "constant"
    """The shape."""
    hold: Share = 0.0
    """Share of the run before they begin to fall."""
    final: Share = 0.0
    """Where they end, as a share of where they began."""


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
    keep: PositiveInt = 2
    """How many checkpoints stay."""
    tensorboard: bool = False
    """Also write TensorBoard files (needs the extra `tensorboard`)."""
    device: str = "auto"
    """auto (a CUDA GPU if there is one), cpu, cuda or cuda:N."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """float32 (auto is the same), or bfloat16 for autocast."""


class EvaluationRecipe(Section):
    """How `seqgen evaluate` measures."""

    samples: PositiveInt = 5000
    """Samples to generate."""
    judge_seed: Seed = 1
    """Seed of the judge."""
    judge_epochs: PositiveInt = 4
    """Passes over the training images for the judge."""


class Recipe(Section):
    """Everything about a run."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    """Name of the run folder; the file's name if absent."""
    seed: Seed = 0
    """Seed of the weights, the noise and the order of the data."""
    data: Annotated[NamedData | FolderData, Field(discriminator="source")]
    """What to learn from."""
    codec: RowsCodecRecipe = RowsCodecRecipe()
    """How data become sequences."""
    model: RecurrentGanRecipe = RecurrentGanRecipe()
    """The networks."""
    objective: GanObjectiveRecipe = GanObjectiveRecipe()
    """What they are trained for."""
    train: TrainRecipe
    """How to train."""
    evaluation: EvaluationRecipe = EvaluationRecipe()
    """How to measure the result."""

    @model_validator(mode="after")
    def _fits_together(self) -> Recipe:
        train, group = self.train, self.model.discriminator.minibatch_group
        for name, size in (
            ("train.class_group", train.class_group),
            ("model.discriminator.minibatch_group", group),
        ):
            if size and train.batch_size % size:
                raise ValueError(
                    f"train.batch_size ({train.batch_size}) must be a multiple of {name} ({size})"
                )
        networks = {"generator", "discriminator"}
        for network in train.learning_rates:
            if network not in networks:
                raise ValueError(
                    f"train.learning_rates names {network!r}; the networks are "
                    + ", ".join(sorted(networks))
                )
        return self
