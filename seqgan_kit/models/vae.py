"""Variational autoencoders, built from an encoder and any generator with a likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ..batch import Batch
from ..nn.condition import LabelEmbedding
from ..nn.convolution import Shape, Shrinking
from ..nn.networks import Autoencoder, Generator
from ..nn.noise import Latent, Noise


@runtime_checkable
class Encoder(Protocol):
    """An encoder, which maps each labelled sequence to a vector of ``size`` numbers."""

    size: int

    def __call__(self, batch: Batch) -> Tensor:
        """Return the vectors ``[B, size]``."""
        ...


class ConvolutionalEncoder(nn.Module):
    """A convolutional encoder: a labelled image in, one vector out.

    Args:
        shape: channels, height and width.
        classes: number of classes of each attribute; the label shifts the first feature maps.
        channels: output channels of each stride-2 convolution.
        kernel: kernel size of the convolutions.

    Attributes:
        size: length of the vector.
    """

    def __init__(
        self,
        *,
        shape: Shape,
        classes: Sequence[int],
        channels: Sequence[int] = (64, 128, 256),
        kernel: int = 5,
    ) -> None:
        super().__init__()
        self.body = Shrinking(shape=shape, channels=channels, kernel=kernel)
        self.label = LabelEmbedding(classes, channels[0], scale=0.1)
        self.size = self.body.size

    def forward(self, batch: Batch) -> Float[Tensor, "B H"]:
        return self.body(batch.x_BTF[:, 0], self.label(batch.label_BA))


class VariationalAutoencoder(Autoencoder):
    """A variational autoencoder: an encoder infers the noise of a sequence, a decoder reads it.

    Sampling draws the noise from the prior, a standard normal distribution.

    Args:
        encoder: maps sequences to vectors.
        decoder: generates sequences from noise and labels; has a likelihood given the noise.
        latent_size: Z, size of the noise that the decoder reads.

    References:
        Kingma & Welling 2014, *Auto-Encoding Variational Bayes*; with labels: Sohn et al. 2015,
        *Learning Structured Output Representation using Deep Conditional Generative Models*.
    """

    def __init__(self, *, encoder: Encoder, decoder: Generator, latent_size: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.posterior = nn.Linear(encoder.size, 2 * latent_size)

    def encode(self, batch: Batch) -> tuple[Float[Tensor, "B Z"], Float[Tensor, "B Z"]]:
        mean_BZ, log_variance_BZ = self.posterior(self.encoder(batch)).float().chunk(2, 1)
        # No trained model reaches this bound; without it the first steps may overflow.
        return mean_BZ, log_variance_BZ.clamp(-20, 20)

    def draw(self, count: int, noise: Noise, steps: int | None = None) -> Latent:
        return self.decoder.draw(count, noise, steps)

    def forward(
        self, latent: Latent, label_BA: Int[Tensor, "B A"]
    ) -> tuple[Tensor, Bool[Tensor, "B T"]]:
        return self.decoder(latent, label_BA)

    @property
    def writer(self) -> Generator:
        return self.decoder

    def covers(self, x_BTF: Tensor) -> bool:
        return self.decoder.covers(x_BTF)

    def log_prob(
        self,
        batch: Batch,
        z_BZ: Float[Tensor, "B Z"] | None = None,
        *,
        regularize: Noise | None = None,
    ) -> Float[Tensor, "B T"]:
        return self.decoder.log_prob(batch, z_BZ, regularize=regularize)
