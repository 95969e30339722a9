"""The networks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .section import Count, PositiveInt, Rate, Section, Share

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
