"""The schema of a recipe: one YAML file that says everything about a run.

Unknown keys are errors, in a file and in an override; all errors are shown at once, each with the
file, the key, what was expected and the nearest valid name. See :mod:`seqgan_kit.recipe_files` for
how a file is found, extended and overridden.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

PositiveInt = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]
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
    binarize: Seed | None = None
    """Seed of one draw of every value, 0 or 255 with the value as chance; absent: none."""
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


class TextData(Section):
    """Lines of text."""

    root: str | None = None
    """A local folder with its files, instead of the cache or a download."""
    validation: Share = 0.05
    """Share of the lines that is held out of training."""
    seed: Seed = 0
    """Seed of the cut into parts; not the run's, so that all runs share one test part."""
    budget_mb: PositiveInt = 2048
    """Encoded sequences up to this size live on the device; larger ones are memory-mapped."""


class CaptionsData(TextData):
    """Captions of images, without labels, with a test part of their own."""

    source: Literal["coco_captions"]
    """Which data set."""


class LabelledTextData(TextData):
    """Labelled lines that seqgan_kit knows where to find."""

    source: Literal["snippets", "names"]
    """Which data set."""
    test: Share = 0.1
    """Share of the lines for the test."""


class OracleData(TextData):
    """Sequences drawn from a synthetic language model, whose probabilities are known."""

    source: Literal["oracle"]
    """An LSTM with random weights: its own, drawn by `seed`, or those in `root`."""
    root: str | None = None
    """A folder with the published weights (oracle_lstm.npz); absent: weights drawn by `seed`."""
    sequences: PositiveInt = 10000
    """Training sequences, the validation part aside."""
    validation: Share = 0.2
    """Validation sequences, as a share of the training sequences, drawn beside them."""
    test: PositiveInt = 10000
    """Test sequences."""
    length: PositiveInt = 20
    """Tokens of a sequence."""


class LinesData(TextData):
    """Your own text: a .txt, .tsv, .csv or .jsonl file, or a folder with one for each part."""

    source: Literal["lines"]
    """Your own text."""
    root: str
    """The file; or a folder with files named training, validation and test."""
    text: str = "text"
    """The column or key that holds the text."""
    labels: tuple[str, ...] = ()
    """Columns or keys that hold labels; none: one class."""
    test: Share = 0.1
    """Share of the lines for the test, where the folder has no part of that name."""
    unreadable: Literal["error", "skip"] = "error"
    """What to do about rows that cannot be used: stop and name them, or leave them out."""


class RowsCodecRecipe(Section):
    """An image is a sequence of its rows or columns."""

    kind: Literal["rows"] = "rows"
    """Images as sequences."""
    order: Literal["top-down", "left-right"] = "top-down"
    """Whether a step is a row or a column."""


class ImageCodecRecipe(Section):
    """An image is one step."""

    kind: Literal["image"] = "image"
    """Whole images, for the networks that write them at once."""


class TextCodecRecipe(Section):
    """A line is a sequence of tokens."""

    kind: Literal["text"]
    """Text as sequences."""
    tokenizer: Literal["unigram", "bpe", "char", "word", "numbers"] = "unigram"
    """A SentencePiece model learned from the training lines; numbers: a line is whole numbers."""
    vocabulary: PositiveInt | None = 4000
    """How many tokens; null with char: every character of the training lines."""
    byte_fallback: bool = False
    """Write characters outside the vocabulary as bytes instead of as unknown."""
    normalization: Literal["nfkc", "identity"] = "nfkc"
    """What is done to the characters of a line before it is cut."""
    max_length: PositiveInt = 40
    """Tokens of the longest sequence, the end token aside."""
    too_long: Literal["cut", "drop"] = "cut"
    """What is done in training with lines that have more."""


class ContinuousHeadRecipe(Section):
    """Real values, for adversarial training."""

    kind: Literal["continuous"] = "continuous"
    """Values between -1 and 1, no distribution."""


class BernoulliHeadRecipe(Section):
    """Each value is one of two; grey values count as probabilities."""

    kind: Literal["bernoulli"]
    """A chance for each value."""
    draw: Literal["sample", "mean"] = "sample"
    """Hand out a draw of each value, or its mean."""


class LogisticHeadRecipe(Section):
    """Each value is a byte."""

    kind: Literal["logistic"]
    """A discretised logistic distribution for each value."""
    draw: Literal["sample", "mean"] = "sample"
    """Hand out a draw of each value, or the distribution's middle."""
    levels: Annotated[int, Field(ge=2)] = 256
    """How many values there are."""


class RelaxationRecipe(Section):
    """The temperature of Gumbel-softmax over the course of a run."""

    kind: Literal["constant", "linear", "exponential"] = "constant"
    """The shape."""
    start: Rate = 1.0
    """Where it begins."""
    end: Rate = 1.0
    """Where it ends."""
    inverse: bool = False
    """Whether these are values of 1 / temperature."""


class CategoricalHeadRecipe(Section):
    """Each step is one of a vocabulary."""

    kind: Literal["categorical"]
    """A probability for each token."""
    embedding_size: PositiveInt = 64
    """Length of a token's vector, as the next step reads it."""
    tied: bool = False
    """Whether the output layer uses those vectors, too."""
    straight_through: bool = True
    """Hand out one token forwards and the relaxed gradient backwards; else relaxed samples."""
    relaxation: RelaxationRecipe = RelaxationRecipe()
    """Temperature of the Gumbel-softmax."""


RealHeadRecipe = Annotated[
    ContinuousHeadRecipe | BernoulliHeadRecipe | LogisticHeadRecipe, Field(discriminator="kind")
]
HeadRecipe = Annotated[
    ContinuousHeadRecipe | BernoulliHeadRecipe | LogisticHeadRecipe | CategoricalHeadRecipe,
    Field(discriminator="kind"),
]


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
    noise_size: Count = 64
    """Random numbers drawn once a sequence."""
    step_noise_size: Count = 16
    """Random numbers drawn at every step."""
    label_size: PositiveInt = 64
    """Length of a label's vector."""
    feedback: bool = False
    """Whether a step reads the output of the one before (slower: no fused kernel)."""
    dropout: Share = 0.0
    """Share of the units that maximum likelihood leaves out, the same at all steps."""
    head: HeadRecipe = ContinuousHeadRecipe()
    """What a step consists of."""


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
    minibatch_group: Count = 4
    """Sequences whose differences the discriminator sees (against collapse); 0: none."""
    condition: Literal["projection", "concatenation"] = "projection"
    """How the label enters."""
    embedding_size: PositiveInt = 64
    """Length of a token's vector, where steps are tokens."""
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


class DenseGeneratorRecipe(Section):
    """Linear layers from noise to a whole image."""

    kind: Literal["dense"] = "dense"
    """Linear layers."""
    widths: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (128, 256, 512)
    """Units of the layers."""
    noise_size: PositiveInt = 64
    """Random numbers of an image."""
    label_size: PositiveInt = 64
    """Length of a label's vector."""


class ConvolutionalGeneratorRecipe(Section):
    """Transposed convolutions from noise to a whole image."""

    kind: Literal["convolutional"]
    """Transposed convolutions."""
    channels: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (128, 64)
    """Feature maps before each enlargement by two."""
    noise_size: PositiveInt = 64
    """Random numbers of an image."""
    label_size: PositiveInt = 64
    """Length of a label's vector."""


class ConvolutionsRecipe(Section):
    """Convolutions of stride 2 that read a whole image."""

    channels: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (64, 128, 256)
    """Feature maps after each convolution."""
    kernel: Literal[3, 5, 7] = 5
    """Width of the convolutions."""


class ConvolutionalDiscriminatorRecipe(ConvolutionsRecipe):
    """The convolutional discriminator."""

    hidden_size: Count = 128
    """Units between the feature maps and the logit; 0: none."""
    minibatch_group: Count = 4
    """Images whose differences the discriminator sees (against collapse); 0: none."""
    spectral_norm: bool = False
    """Divide every weight matrix by its largest singular value."""


class ImageGanRecipe(Section):
    """A generator of whole images and a convolutional discriminator."""

    kind: Literal["image_gan"]
    """Which networks."""
    generator: Annotated[
        DenseGeneratorRecipe | ConvolutionalGeneratorRecipe, Field(discriminator="kind")
    ] = DenseGeneratorRecipe()
    """The network that writes images."""
    discriminator: ConvolutionalDiscriminatorRecipe = ConvolutionalDiscriminatorRecipe()
    """The network that tells real from generated ones."""


class DenseDecoderRecipe(Section):
    """Linear layers from a code to a whole image."""

    widths: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (512, 256, 128)
    """Units of the layers."""
    label_size: PositiveInt = 64
    """Length of a label's vector."""
    head: RealHeadRecipe = BernoulliHeadRecipe(kind="bernoulli", draw="mean")
    """What an image consists of."""


class VaeRecipe(Section):
    """A convolutional encoder and a dense decoder."""

    kind: Literal["vae"]
    """Which networks."""
    latent_size: PositiveInt = 128
    """Numbers in a code."""
    encoder: ConvolutionsRecipe = ConvolutionsRecipe()
    """The network that reads images."""
    decoder: DenseDecoderRecipe = DenseDecoderRecipe()
    """The network that writes them."""


class RecurrentEncoderRecipe(Section):
    """The recurrent encoder."""

    cell: Cell = "lstm"
    """lstm or gru."""
    hidden_size: PositiveInt = 128
    """Units of a recurrent layer, in each direction."""
    layers: PositiveInt = 1
    """Recurrent layers, in each direction."""
    bidirectional: bool = True
    """Whether a second stack reads from the end."""
    label_size: PositiveInt = 32
    """Length of a label's vector."""


class RecurrentDecoderRecipe(Section):
    """The recurrent generator that reads a code instead of noise."""

    cell: Cell = "lstm"
    """lstm or gru."""
    hidden_size: PositiveInt = 128
    """Units of a recurrent layer."""
    layers: PositiveInt = 2
    """Recurrent layers."""
    input_size: PositiveInt = 64
    """Width of what a step reads."""
    label_size: PositiveInt = 64
    """Length of a label's vector."""
    feedback: bool = False
    """Whether a step reads the output of the one before."""
    head: RealHeadRecipe = BernoulliHeadRecipe(kind="bernoulli", draw="mean")
    """What a step consists of."""


class RecurrentVaeRecipe(Section):
    """A recurrent encoder and the recurrent generator as decoder."""

    kind: Literal["recurrent_vae"]
    """Which networks."""
    latent_size: PositiveInt = 64
    """Numbers in a code."""
    encoder: RecurrentEncoderRecipe = RecurrentEncoderRecipe()
    """The network that reads sequences."""
    decoder: RecurrentDecoderRecipe = RecurrentDecoderRecipe()
    """The network that writes them."""


ModelRecipe = Annotated[
    RecurrentGanRecipe | ImageGanRecipe | VaeRecipe | RecurrentVaeRecipe,
    Field(discriminator="kind"),
]


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
    likelihood: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the likelihood of real sequences, kept beside the game."""


class PolicyObjectiveRecipe(Section):
    """Adversarial training by policy gradient: the discriminator's scores are rewards."""

    kind: Literal["policy"]
    """Which objective."""
    discount: Annotated[float, Field(ge=0, le=1)] = 1.0
    """What a reward is worth one step earlier."""
    baseline_decay: Share = 0.9
    """Of the moving average of returns that is taken away from them."""
    rollouts: Count = 0
    """Completions of each beginning whose mean score rewards a step; 0: the step's own score."""
    penalties: tuple[PenaltyRecipe, ...] = ()
    """Terms of the discriminator's loss that keep the game stable."""
    mismatch: Annotated[float, Field(ge=0)] = 0.0
    """Weight of real sequences under other labels, taken for generated: what a label means."""
    discriminator_steps: PositiveInt = 1
    """Steps of the discriminator for one of the generator."""
    likelihood: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the likelihood of real sequences, kept beside the rewards."""


class LikelihoodObjectiveRecipe(Section):
    """Maximum likelihood by teacher forcing, without a discriminator."""

    kind: Literal["likelihood"]
    """Which objective."""


class ElboObjectiveRecipe(Section):
    """The evidence lower bound of a variational autoencoder."""

    kind: Literal["elbo"]
    """Which objective."""
    beta: Rate = 1.0
    """Weight of the divergence from the prior; 1 is the bound."""
    warmup: Share = 0.0
    """Share of the run over which that weight rises from 0."""


ObjectiveRecipe = Annotated[
    GanObjectiveRecipe | PolicyObjectiveRecipe | LikelihoodObjectiveRecipe | ElboObjectiveRecipe,
    Field(discriminator="kind"),
]


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
    judge_seed: Seed = 1
    """Seed of the judge."""
    judge_epochs: PositiveInt = 4
    """Passes over the training images for the judge."""


KINDS = {"codec": "rows", "model": "recurrent_gan", "objective": "gan"}
"""The kind of a section that names none: what had only one kind when it was written."""


class Recipe(Section):
    """Everything about a run."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    """Name of the run folder; the file's name if absent."""
    seed: Seed = 0
    """Seed of the weights, the noise and the order of the data."""
    data: Annotated[
        NamedData | FolderData | CaptionsData | LabelledTextData | OracleData | LinesData,
        Field(discriminator="source"),
    ]
    """What to learn from."""
    conditional: bool = True
    """Whether the networks see the labels; without them there is one class."""
    codec: Annotated[
        RowsCodecRecipe | ImageCodecRecipe | TextCodecRecipe, Field(discriminator="kind")
    ] = RowsCodecRecipe()
    """How data become sequences."""
    model: ModelRecipe = RecurrentGanRecipe()
    """The networks."""
    objective: ObjectiveRecipe = GanObjectiveRecipe()
    """What they are trained for."""
    phases: tuple[PhaseRecipe, ...] = ()
    """Objectives one after another, instead of the one above."""
    train: TrainRecipe
    """How to train."""
    evaluation: EvaluationRecipe = EvaluationRecipe()
    """How to measure the result."""

    @property
    def objectives(self) -> tuple[Any, ...]:
        """The objectives in order: those of the phases, or the one."""
        return tuple(phase.objective for phase in self.phases) or (self.objective,)

    @property
    def minibatch_group(self) -> int:
        """Sequences that a discriminator compares; 0 where none is trained."""
        discriminator = getattr(self.model, "discriminator", None)
        return (
            discriminator.minibatch_group if discriminator is not None and self.adversarial else 0
        )

    @property
    def adversarial(self) -> bool:
        """Whether a discriminator is trained."""
        return any(objective.kind in ("gan", "policy") for objective in self.objectives)

    @property
    def own_root(self) -> bool:
        """Whether ``data.root`` says which data these are, and not only where they lie."""
        return self.data.source in ("folder", "lines", "oracle")

    @property
    def batches_a_step(self) -> int:
        """Batches that a training step draws: one for each turn of a network."""
        return max(
            1 + objective.discriminator_steps if objective.kind in ("gan", "policy") else 1
            for objective in self.objectives
        )

    @model_validator(mode="after")
    def _fits_together(self) -> Recipe:
        train = self.train
        for name, size in (
            ("train.class_group", train.class_group),
            ("model.discriminator.minibatch_group", self.minibatch_group),
        ):
            if size and train.batch_size % size:
                raise ValueError(
                    f"train.batch_size ({train.batch_size}) must be a multiple of {name} ({size})"
                )
        self._reads_what_there_is()
        autoencoder = self.model.kind in ("vae", "recurrent_vae")
        for objective in self.objectives:
            if (objective.kind == "elbo") != autoencoder:
                wanted = "'elbo'" if autoencoder else "'gan', 'policy' or 'likelihood'"
                raise ValueError(f"model.kind {self.model.kind!r} wants objective.kind {wanted}")
            if objective.kind == "likelihood" or getattr(objective, "likelihood", 0):
                self._has_likelihood(
                    alone=all(other.kind == "likelihood" for other in self.objectives)
                )
            if objective.kind == "policy":
                self._has_policy()
        decoder = getattr(self.model, "decoder", None)
        if decoder is not None and decoder.head.kind == "continuous":
            raise ValueError("model.decoder.head.kind: a likelihood wants bernoulli or logistic")
        if train.keep == "best" and train.best_by == "likelihood":
            model = self.model
            if not isinstance(model, RecurrentGanRecipe) or (
                model.generator.head.kind == "continuous"
            ):
                raise ValueError("train.best_by: this model has no exact likelihood")
        for number, phase in enumerate(self.phases[:-1]):
            if phase.steps is None:
                raise ValueError(f"phases.{number}.steps: a phase before the last needs an end")
        before = sum(phase.steps or 0 for phase in self.phases[:-1])
        if before >= train.steps:
            raise ValueError(
                f"train.steps ({train.steps}) ends before the last phase begins, at step {before}"
            )
        return self._names_networks(autoencoder)

    def _reads_what_there_is(self) -> None:
        kind, codec = self.model.kind, self.codec.kind
        text = isinstance(self.data, TextData)
        if text != (codec == "text"):
            raise ValueError(
                f"data.source {self.data.source!r} wants codec.kind "
                + ("'text'" if text else "'rows' or 'image'")
            )
        wanted = {"image_gan": ["image"], "vae": ["image"], "recurrent_vae": ["rows"]}
        fits = wanted.get(kind, ["rows", "text"])
        if codec not in fits:
            raise ValueError(
                f"model.kind {kind!r} wants codec.kind {' or '.join(map(repr, fits))}"
            )
        if isinstance(self.model, RecurrentGanRecipe):
            head = self.model.generator.head.kind
            if (head == "categorical") != text:
                wanted_head = "categorical" if text else "continuous, bernoulli or logistic"
                raise ValueError(
                    f"model.generator.head.kind: codec.kind {codec!r} wants {wanted_head}"
                )
            if text and not self.model.generator.feedback:
                raise ValueError("model.generator.feedback: tokens want true")
        if isinstance(self.codec, TextCodecRecipe):
            numbers = self.codec.tokenizer == "numbers"
            if numbers != (self.data.source == "oracle"):
                raise ValueError(
                    "codec.tokenizer: numbers is for data.source 'oracle', and only it"
                )
            if self.codec.vocabulary is None and self.codec.tokenizer != "char":
                raise ValueError("codec.vocabulary: only char can do without a number")

    def _has_policy(self) -> None:
        generator = getattr(self.model, "generator", None)
        if generator is None or generator.head.kind != "categorical":
            raise ValueError(
                "objective.kind 'policy' wants model.generator.head.kind 'categorical'"
            )
        if generator.noise_size + generator.step_noise_size:
            raise ValueError(
                "model.generator: under 'policy' the draw of the steps is the only randomness: "
                "set noise_size and step_noise_size to 0"
            )

    def _has_likelihood(self, alone: bool) -> None:
        if not isinstance(self.model, RecurrentGanRecipe):
            raise ValueError(
                f"objective.kind 'likelihood' wants a recurrent generator, not {self.model.kind!r}"
            )
        generator = self.model.generator
        if generator.head.kind == "continuous":
            raise ValueError(
                "model.generator.head.kind: a likelihood wants bernoulli, logistic or categorical"
            )
        if not generator.feedback:
            raise ValueError(
                "model.generator.feedback: a likelihood wants true, so that a step reads the one "
                "before it"
            )
        if alone and generator.noise_size + generator.step_noise_size:
            raise ValueError(
                "model.generator: under a likelihood alone noise is zero: set noise_size and "
                "step_noise_size to 0"
            )

    def _names_networks(self, autoencoder: bool) -> Recipe:
        networks = {"autoencoder"} if autoencoder else {"generator", "discriminator"}
        for network in self.train.learning_rates:
            if network not in networks:
                raise ValueError(
                    f"train.learning_rates names {network!r}; the networks are "
                    + ", ".join(sorted(networks))
                )
        return self


def slug(name: str) -> str:
    """A name as a folder's.

    >>> slug("rows GAN (LSTM)")
    'rows-gan-lstm'
    """
    return "-".join("".join(c if c.isalnum() else " " for c in name.lower()).split())


class ComparedModel(Section):
    """One of the models of a comparison."""

    name: Annotated[str, Field(min_length=1)]
    """What the table and the page call it."""
    recipe: str
    """A bundled recipe, or a path from this file."""
    overrides: tuple[str, ...] = ()
    """Dotted changes of the recipe, as on the command line."""


class CompareRecipe(Section):
    """Recipes that are trained under one budget and laid side by side."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    """Name of the comparison's folder; the file's name if absent."""
    minutes: Rate | None = None
    """The budget: minutes of training for each model."""
    samples_seen: PositiveInt | None = None
    """The budget: real items that each model sees, repetitions counted."""
    models: Annotated[tuple[ComparedModel, ...], Field(min_length=1)]
    """What is compared."""

    @model_validator(mode="after")
    def _one_budget(self) -> CompareRecipe:
        if (self.minutes is None) == (self.samples_seen is None):
            raise ValueError("give one budget: minutes, or samples_seen")
        folders = [slug(model.name) for model in self.models]
        for model, folder in zip(self.models, folders, strict=True):
            if not folder:
                raise ValueError(f"models: {model.name!r} has no letter or digit")
            if folders.count(folder) > 1:
                raise ValueError(f"models: {model.name!r} stands there twice, or a name like it")
        return self

    @property
    def budget(self) -> str:
        """The budget in words."""
        if self.minutes is not None:
            return f"{self.minutes:g} minutes of training for each model"
        return f"{self.samples_seen:,} training items seen by each model"
