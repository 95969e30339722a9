"""The sections of a recipe that describe networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from ..sections import (
    Count,
    Depth,
    ModelSection,
    OptionalWidth,
    Rate,
    Section,
    Share,
    Steps,
    Width,
    in_words,
)

if TYPE_CHECKING:
    from .whole import Recipe

Cell = Literal["lstm", "gru"]
Widths = Annotated[tuple[Width, ...], Field(min_length=1, max_length=64)]


class ContinuousHeadRecipe(Section):
    """Real values, for adversarial training."""

    kind: Literal["continuous"] = "continuous"
    """Values between -1 and 1, no distribution."""
    noise: bool = False
    """Add noise of its own to each number of a step: for data with a fine texture."""


class BernoulliHeadRecipe(Section):
    """Binary values; values in between count as probabilities."""

    kind: Literal["bernoulli"]
    """A probability for each value."""
    draw: Literal["sample", "mean"] = "sample"
    """Output a sample of each value, or its mean."""


class LogisticHeadRecipe(Section):
    """Values with a fixed number of levels, such as bytes."""

    kind: Literal["logistic"]
    """A discretised logistic distribution for each value."""
    draw: Literal["sample", "mean"] = "sample"
    """Output a sample of each value, or the centre of its distribution."""
    levels: Annotated[int, Field(ge=2, le=2**16)] = 256
    """Number of levels."""


class RelaxationRecipe(Section):
    """The temperature schedule of the Gumbel-softmax."""

    kind: Literal["constant", "linear", "exponential"] = "constant"
    """Shape of the schedule."""
    start: Rate = 1.0
    """Initial value."""
    end: Rate = 1.0
    """Final value."""
    inverse: bool = False
    """Whether these are values of 1 / temperature."""


class CategoricalHeadRecipe(Section):
    """Each step is a token of a vocabulary."""

    kind: Literal["categorical"]
    """A probability for each token."""
    embedding_size: Width = 64
    """Size of the token embedding that the next step reads."""
    tied: bool = False
    """Share the token embeddings with the output layer."""
    straight_through: bool = True
    """Output one token, with the gradient of the relaxed sample; if false, relaxed samples."""
    relaxation: RelaxationRecipe = RelaxationRecipe()
    """Temperature of the Gumbel-softmax."""


RealHeadRecipe = Annotated[
    ContinuousHeadRecipe | BernoulliHeadRecipe | LogisticHeadRecipe, Field(discriminator="kind")
]
HeadRecipe = Annotated[
    ContinuousHeadRecipe | BernoulliHeadRecipe | LogisticHeadRecipe | CategoricalHeadRecipe,
    Field(discriminator="kind"),
]


class _Writer(Section):
    """A stack of recurrent layers that generates step by step."""

    cell: Cell = "lstm"
    """lstm or gru."""
    hidden_size: Width = 128
    """Units per recurrent layer."""
    layers: Depth = 2
    """Number of recurrent layers."""
    input_size: Width = 64
    """Input width of a step."""


class _Reader(Section):
    """Recurrent layers that read a sequence, in one direction or in both."""

    cell: Cell = "lstm"
    """lstm or gru."""
    hidden_size: Width = 128
    """Units per recurrent layer and direction."""
    layers: Depth = 1
    """Recurrent layers per direction."""
    bidirectional: bool = True
    """Add a second stack that reads from the end."""


class GeneratorRecipe(_Writer):
    """The recurrent generator."""

    noise_size: OptionalWidth = 64
    """Random numbers per sequence."""
    step_noise_size: OptionalWidth = 16
    """Random numbers per step."""
    label_size: Width = 64
    """Size of the label embedding."""
    feedback: bool = False
    """Feed the output of each step to the next one (slower: no fused kernel)."""
    dropout: Share = 0.0
    """Fraction of units dropped under maximum likelihood, the same at all steps."""
    head: HeadRecipe = ContinuousHeadRecipe()
    """The output head: what a step consists of."""


class StepConvolutionsRecipe(Section):
    """Convolutions over steps, and over the places of a step that are neighbours."""

    channels: Widths = (16, 32, 64)
    """Output channels of each convolution."""
    kernel: Literal[3, 5, 7] = 5
    """Kernel size."""
    stride: Literal[1, 2] = 2
    """Steps from one output to the next: 2 halves their number at every convolution."""


class DiscriminatorRecipe(_Reader):
    """The recurrent discriminator."""

    logits: Literal["sequence", "step", "both"] = "sequence"
    """One logit per sequence, one per step, or the sum of both."""
    minibatch_group: Count = 4
    """Group size of the minibatch feature (against mode collapse); 0 disables it."""
    condition: Literal["projection", "concatenation"] = "projection"
    """How the label is read: as a product with the features, or as an input."""
    embedding_size: Width = 64
    """Size of the token embedding, if steps are tokens."""
    spectral_norm: bool = False
    """Divide every weight matrix by its largest singular value."""
    convolutions: StepConvolutionsRecipe | None = None
    """Convolutions in front of the recurrent layers, by which a step is read with others."""


class RecurrentGanRecipe(ModelSection):
    """A recurrent generator and a recurrent discriminator."""

    writes: ClassVar[Sequence[Steps]] = ("values", "tokens")
    objectives: ClassVar[Sequence[str]] = ("gan", "policy", "ratio", "likelihood")

    kind: Literal["recurrent_gan"] = "recurrent_gan"
    """The type of model."""
    generator: GeneratorRecipe = GeneratorRecipe()
    """The network that generates sequences."""
    discriminator: DiscriminatorRecipe = DiscriminatorRecipe()
    """The network that tells real from generated ones."""

    @property
    def compared(self) -> int:
        return self.discriminator.minibatch_group

    @property
    def exact_likelihood(self) -> bool:
        return self.generator.head.kind != "continuous"

    def check(self, recipe: Recipe) -> None:
        """Raise a ValueError if head or noise do not fit codec and objectives."""
        self._suits_steps(recipe)
        convolutions = self.discriminator.convolutions
        if convolutions and convolutions.stride > 1 and self.discriminator.logits != "sequence":
            raise ValueError(
                "model.discriminator.convolutions.stride: a logit for each step requires 1, "
                "or no convolutions (convolutions: null)"
            )
        objectives = recipe.objectives
        if any(o.kind == "likelihood" or getattr(o, "likelihood", 0) for o in objectives):
            self._has_likelihood(alone=not {o.kind for o in objectives} - {"likelihood", "ratio"})
        if any(objective.kind == "policy" for objective in objectives):
            self._has_policy()

    def _suits_steps(self, recipe: Recipe) -> None:
        head, tokens = self.generator.head, recipe.codec.steps == "tokens"
        if (head.kind == "categorical") != tokens:
            wanted = "categorical" if tokens else "continuous, bernoulli or logistic"
            way = in_words(recipe.codec.ways[recipe.codec.steps])
            raise ValueError(f"model.generator.head.kind: {way} requires {wanted}")
        if tokens and not self.generator.feedback:
            raise ValueError("model.generator.feedback: tokens require true")
        if recipe.codec.group == 1:
            return
        if any(objective.kind == "policy" for objective in recipe.objectives):
            raise ValueError("codec: objective.kind 'policy' requires one token per step")
        if isinstance(head, CategoricalHeadRecipe) and head.tied:
            raise ValueError("model.generator.head.tied: true requires one token per step")

    def _has_policy(self) -> None:
        if self.generator.head.kind != "categorical":
            raise ValueError(
                "objective.kind 'policy' requires model.generator.head.kind 'categorical'"
            )
        if self.generator.noise_size + self.generator.step_noise_size:
            raise ValueError(
                "model.generator: objective.kind 'policy' does not support noise: set noise_size "
                "and step_noise_size to 0"
            )

    def _has_likelihood(self, alone: bool) -> None:
        generator = self.generator
        if generator.head.kind == "continuous":
            raise ValueError(
                "model.generator.head.kind: a likelihood requires bernoulli, logistic or "
                "categorical"
            )
        if not generator.feedback:
            raise ValueError(
                "model.generator.feedback: a likelihood requires true, so that each step reads "
                "the one before it"
            )
        if alone and generator.noise_size + generator.step_noise_size:
            raise ValueError(
                "model.generator: with objective.kind 'likelihood' alone, noise is not used: set "
                "noise_size and step_noise_size to 0"
            )


class DenseGeneratorRecipe(Section):
    """Linear layers from noise to a whole image."""

    kind: Literal["dense"] = "dense"
    """Linear layers."""
    widths: Widths = (128, 256, 512)
    """Units of the layers."""
    noise_size: Width = 64
    """Random numbers per image."""
    label_size: Width = 64
    """Size of the label embedding."""


class ConvolutionalGeneratorRecipe(Section):
    """Transposed convolutions from noise to a whole image."""

    kind: Literal["convolutional"]
    """Transposed convolutions."""
    channels: Widths = (128, 64)
    """Input channels of each transposed convolution."""
    noise_size: Width = 64
    """Random numbers per image."""
    label_size: Width = 64
    """Size of the label embedding."""


class ConvolutionsRecipe(Section):
    """Stride-2 convolutions that read a whole image."""

    channels: Widths = (64, 128, 256)
    """Output channels of each convolution."""
    kernel: Literal[3, 5, 7] = 5
    """Kernel size."""


class ConvolutionalDiscriminatorRecipe(ConvolutionsRecipe):
    """The convolutional discriminator."""

    hidden_size: OptionalWidth = 128
    """Units between the feature maps and the logit; 0 omits that layer."""
    minibatch_group: Count = 4
    """Group size of the minibatch feature (against mode collapse); 0 disables it."""
    spectral_norm: bool = False
    """Divide every weight matrix by its largest singular value."""


class ImageGanRecipe(ModelSection):
    """A generator of whole images and a convolutional discriminator."""

    writes: ClassVar[Sequence[Steps]] = ("whole",)

    kind: Literal["image_gan"]
    """The type of model."""
    generator: Annotated[
        DenseGeneratorRecipe | ConvolutionalGeneratorRecipe, Field(discriminator="kind")
    ] = DenseGeneratorRecipe()
    """The network that generates images."""
    discriminator: ConvolutionalDiscriminatorRecipe = ConvolutionalDiscriminatorRecipe()
    """The network that tells real from generated ones."""

    @property
    def compared(self) -> int:
        return self.discriminator.minibatch_group

    def check(self, recipe: Recipe) -> None:
        """Raise a ValueError for a likelihood, which this generator does not have."""
        if any(getattr(objective, "likelihood", 0) for objective in recipe.objectives):
            raise ValueError(
                f"objective.likelihood requires a recurrent generator, not {self.kind!r}"
            )


class DenseDecoderRecipe(Section):
    """Linear layers from a code to a whole image."""

    widths: Widths = (512, 256, 128)
    """Units of the layers."""
    label_size: Width = 64
    """Size of the label embedding."""
    head: RealHeadRecipe = BernoulliHeadRecipe(kind="bernoulli", draw="mean")
    """The output head: what an image consists of."""


class VaeRecipe(ModelSection):
    """A convolutional encoder and a dense decoder."""

    writes: ClassVar[Sequence[Steps]] = ("whole",)
    objectives: ClassVar[Sequence[str]] = ("elbo",)
    networks: ClassVar[Sequence[str]] = ("autoencoder",)

    kind: Literal["vae"]
    """The type of model."""
    latent_size: Width = 128
    """Size of a code."""
    encoder: ConvolutionsRecipe = ConvolutionsRecipe()
    """The network that reads images."""
    decoder: DenseDecoderRecipe = DenseDecoderRecipe()
    """The network that generates them."""

    def check(self, recipe: Recipe) -> None:
        """Raise a ValueError if the decoder has no likelihood."""
        _decodes(self.decoder.head)


class RecurrentEncoderRecipe(_Reader):
    """The recurrent encoder."""

    label_size: Width = 32
    """Size of the label embedding."""


class RecurrentDecoderRecipe(_Writer):
    """The recurrent generator that reads a code instead of noise."""

    label_size: Width = 64
    """Size of the label embedding."""
    feedback: bool = False
    """Feed the output of each step to the next one."""
    head: RealHeadRecipe = BernoulliHeadRecipe(kind="bernoulli", draw="mean")
    """The output head: what a step consists of."""


class RecurrentVaeRecipe(ModelSection):
    """A recurrent encoder and the recurrent generator as decoder."""

    writes: ClassVar[Sequence[Steps]] = ("values",)
    objectives: ClassVar[Sequence[str]] = ("elbo",)
    networks: ClassVar[Sequence[str]] = ("autoencoder",)

    kind: Literal["recurrent_vae"]
    """The type of model."""
    latent_size: Width = 64
    """Size of a code."""
    encoder: RecurrentEncoderRecipe = RecurrentEncoderRecipe()
    """The network that reads sequences."""
    decoder: RecurrentDecoderRecipe = RecurrentDecoderRecipe()
    """The network that generates them."""

    def check(self, recipe: Recipe) -> None:
        """Raise a ValueError if the decoder has no likelihood."""
        _decodes(self.decoder.head)


def _decodes(head: ContinuousHeadRecipe | BernoulliHeadRecipe | LogisticHeadRecipe) -> None:
    if head.kind == "continuous":
        raise ValueError("model.decoder.head.kind: a likelihood requires bernoulli or logistic")
