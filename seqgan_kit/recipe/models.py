"""The networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from ..sections import Count, ModelSection, PositiveInt, Rate, Section, Share, Steps, in_words

if TYPE_CHECKING:
    from .whole import Recipe

Cell = Literal["lstm", "gru"]


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


class _Writer(Section):
    """A stack of recurrent layers that writes step by step."""

    cell: Cell = "lstm"
    """lstm or gru."""
    hidden_size: PositiveInt = 128
    """Units of a recurrent layer."""
    layers: PositiveInt = 2
    """Recurrent layers."""
    input_size: PositiveInt = 64
    """Width of what a step reads."""


class _Reader(Section):
    """Recurrent layers that read a sequence, in one direction or in both."""

    cell: Cell = "lstm"
    """lstm or gru."""
    hidden_size: PositiveInt = 128
    """Units of a recurrent layer, in each direction."""
    layers: PositiveInt = 1
    """Recurrent layers, in each direction."""
    bidirectional: bool = True
    """Whether a second stack reads from the end."""


class GeneratorRecipe(_Writer):
    """The recurrent generator."""

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


class DiscriminatorRecipe(_Reader):
    """The recurrent discriminator."""

    logits: Literal["sequence", "step", "both"] = "sequence"
    """One logit a sequence, one at every step, or both, added to each other."""
    minibatch_group: Count = 4
    """Sequences whose differences the discriminator sees (against collapse); 0: none."""
    condition: Literal["projection", "concatenation"] = "projection"
    """How the label enters."""
    embedding_size: PositiveInt = 64
    """Length of a token's vector, where steps are tokens."""
    spectral_norm: bool = False
    """Divide every weight matrix by its largest singular value."""


class RecurrentGanRecipe(ModelSection):
    """A recurrent generator and a recurrent discriminator."""

    writes: ClassVar[Sequence[Steps]] = ("values", "tokens")
    objectives: ClassVar[Sequence[str]] = ("gan", "policy", "likelihood")

    kind: Literal["recurrent_gan"] = "recurrent_gan"
    """Which networks."""
    generator: GeneratorRecipe = GeneratorRecipe()
    """The network that writes sequences."""
    discriminator: DiscriminatorRecipe = DiscriminatorRecipe()
    """The network that tells real from generated ones."""

    @property
    def compared(self) -> int:
        return self.discriminator.minibatch_group

    @property
    def exact_likelihood(self) -> bool:
        return self.generator.head.kind != "continuous"

    def check(self, recipe: Recipe) -> None:
        """Raise a ValueError if head or noise do not suit codec and objectives."""
        self._suits_steps(recipe)
        objectives = recipe.objectives
        if any(o.kind == "likelihood" or getattr(o, "likelihood", 0) for o in objectives):
            self._has_likelihood(alone=all(other.kind == "likelihood" for other in objectives))
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
            raise ValueError("codec: objective.kind 'policy' requires one token a step")
        if isinstance(head, CategoricalHeadRecipe) and head.tied:
            raise ValueError("model.generator.head.tied: only where a step is one token")

    def _has_policy(self) -> None:
        if self.generator.head.kind != "categorical":
            raise ValueError(
                "objective.kind 'policy' requires model.generator.head.kind 'categorical'"
            )
        if self.generator.noise_size + self.generator.step_noise_size:
            raise ValueError(
                "model.generator: under 'policy' the draw of the steps is the only randomness: "
                "set noise_size and step_noise_size to 0"
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
                "model.generator.feedback: a likelihood requires true, so that a step reads the "
                "one before it"
            )
        if alone and generator.noise_size + generator.step_noise_size:
            raise ValueError(
                "model.generator: under a likelihood alone noise is zero: set noise_size and "
                "step_noise_size to 0"
            )


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


class ImageGanRecipe(ModelSection):
    """A generator of whole images and a convolutional discriminator."""

    writes: ClassVar[Sequence[Steps]] = ("whole",)

    kind: Literal["image_gan"]
    """Which networks."""
    generator: Annotated[
        DenseGeneratorRecipe | ConvolutionalGeneratorRecipe, Field(discriminator="kind")
    ] = DenseGeneratorRecipe()
    """The network that writes images."""
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

    widths: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (512, 256, 128)
    """Units of the layers."""
    label_size: PositiveInt = 64
    """Length of a label's vector."""
    head: RealHeadRecipe = BernoulliHeadRecipe(kind="bernoulli", draw="mean")
    """What an image consists of."""


class VaeRecipe(ModelSection):
    """A convolutional encoder and a dense decoder."""

    writes: ClassVar[Sequence[Steps]] = ("whole",)
    objectives: ClassVar[Sequence[str]] = ("elbo",)
    networks: ClassVar[Sequence[str]] = ("autoencoder",)

    kind: Literal["vae"]
    """Which networks."""
    latent_size: PositiveInt = 128
    """Numbers in a code."""
    encoder: ConvolutionsRecipe = ConvolutionsRecipe()
    """The network that reads images."""
    decoder: DenseDecoderRecipe = DenseDecoderRecipe()
    """The network that writes them."""

    def check(self, recipe: Recipe) -> None:
        """Raise a ValueError if the decoder has no likelihood."""
        _decodes(self.decoder.head)


class RecurrentEncoderRecipe(_Reader):
    """The recurrent encoder."""

    label_size: PositiveInt = 32
    """Length of a label's vector."""


class RecurrentDecoderRecipe(_Writer):
    """The recurrent generator that reads a code instead of noise."""

    label_size: PositiveInt = 64
    """Length of a label's vector."""
    feedback: bool = False
    """Whether a step reads the output of the one before."""
    head: RealHeadRecipe = BernoulliHeadRecipe(kind="bernoulli", draw="mean")
    """What a step consists of."""


class RecurrentVaeRecipe(ModelSection):
    """A recurrent encoder and the recurrent generator as decoder."""

    writes: ClassVar[Sequence[Steps]] = ("values",)
    objectives: ClassVar[Sequence[str]] = ("elbo",)
    networks: ClassVar[Sequence[str]] = ("autoencoder",)

    kind: Literal["recurrent_vae"]
    """Which networks."""
    latent_size: PositiveInt = 64
    """Numbers in a code."""
    encoder: RecurrentEncoderRecipe = RecurrentEncoderRecipe()
    """The network that reads sequences."""
    decoder: RecurrentDecoderRecipe = RecurrentDecoderRecipe()
    """The network that writes them."""

    def check(self, recipe: Recipe) -> None:
        """Raise a ValueError if the decoder has no likelihood."""
        _decodes(self.decoder.head)


def _decodes(head: ContinuousHeadRecipe | BernoulliHeadRecipe | LogisticHeadRecipe) -> None:
    if head.kind == "continuous":
        raise ValueError("model.decoder.head.kind: a likelihood requires bernoulli or logistic")
