"""Networks that generate and read a whole image at once, as a sequence of one step.

They are baselines for the recurrent networks and train under the same objectives.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ..batch import Batch, full_mask
from ..nn.condition import LabelEmbedding
from ..nn.convolution import SLOPE, Enlarging, Shape, Shrinking, dense
from ..nn.heads import Head, LikelihoodHead, with_likelihood
from ..nn.networks import Discriminator, Generator
from ..nn.noise import Latent, Noise
from ..nn.pooling import minibatch_deviation
from ..nn.relaxation import Written


class DenseGenerator(Generator):
    """A generator of linear layers, from noise and a label.

    Args:
        head: output head; its input has the last width.
        classes: number of classes of each attribute.
        widths: units of the layers.
        noise_size: Z, noise per sequence.
        label_size: size of the label embedding, which is concatenated with the noise.

    References:
        Goodfellow et al. 2014.
    """

    def __init__(
        self,
        *,
        head: Head,
        classes: Sequence[int],
        widths: Sequence[int] = (128, 256, 512),
        noise_size: int = 64,
        label_size: int = 64,
    ) -> None:
        super().__init__()
        self.noise_size = noise_size
        self.label = LabelEmbedding(classes, label_size)
        self.body = dense([noise_size + label_size, *widths])
        self.head = head

    def draw(self, count: int, noise: Noise, steps: int | None = None) -> Latent:
        return Latent(
            z_BZ=noise.normal(count, self.noise_size),
            step_BTE=noise.normal(count, 1, 0),
            head_BTN=self.head.draw(count, 1, noise),
        )

    def _hidden(self, z_BZ: Tensor, label_BA: Tensor) -> Float[Tensor, "B 1 H"]:
        return self.body(torch.cat([z_BZ, self.label(label_BA)], 1))[:, None]

    def forward(
        self, latent: Latent, label_BA: Int[Tensor, "B A"]
    ) -> tuple[Written, Bool[Tensor, "B 1"]]:
        return self.head.close(self.head(self._hidden(latent.z_BZ, label_BA), latent.head_BTN))

    def covers(self, x_BTF: Tensor) -> bool:
        return isinstance(self.head, LikelihoodHead) and self.head.covers(x_BTF)

    def log_prob(
        self,
        batch: Batch,
        z_BZ: Float[Tensor, "B Z"] | None = None,
        *,
        regularize: Noise | None = None,
    ) -> Float[Tensor, "B 1"]:
        """See :class:`~seqgan_kit.nn.networks.Generator`.

        Raises:
            TypeError: the head has no likelihood.
        """
        head = with_likelihood(self.head)
        if z_BZ is None:
            z_BZ = batch.x_BTF.new_zeros(len(batch), self.noise_size)
        return head.log_prob(self._hidden(z_BZ, batch.label_BA), batch.x_BTF)


class ConvolutionalGenerator(Generator):
    """A generator of transposed convolutions, with values between -1 and 1.

    It has no batch normalisation, which would make a sample depend on the rest of its batch, and
    so on how a batch is split over processes.

    Args:
        shape: channels, height and width of the output.
        classes: number of classes of each attribute.
        channels: input channels of each transposed convolution.
        noise_size: Z, noise per sequence.
        label_size: size of the label embedding, which is concatenated with the noise.

    References:
        Radford et al. 2016 (DCGAN).
    """

    def __init__(
        self,
        *,
        shape: Shape,
        classes: Sequence[int],
        channels: Sequence[int] = (128, 64),
        noise_size: int = 64,
        label_size: int = 64,
    ) -> None:
        super().__init__()
        self.noise_size = noise_size
        self.label = LabelEmbedding(classes, label_size)
        self.body = Enlarging(inputs=noise_size + label_size, shape=shape, channels=channels)

    def draw(self, count: int, noise: Noise, steps: int | None = None) -> Latent:
        return Latent(
            z_BZ=noise.normal(count, self.noise_size),
            step_BTE=noise.normal(count, 1, 0),
            head_BTN=noise.normal(count, 1, 0),
        )

    def forward(
        self, latent: Latent, label_BA: Int[Tensor, "B A"]
    ) -> tuple[Float[Tensor, "B 1 F"], Bool[Tensor, "B 1"]]:
        x_BF = self.body(torch.cat([latent.z_BZ, self.label(label_BA)], 1)).tanh()
        return x_BF[:, None], full_mask(x_BF.shape[0], 1, x_BF.device)


class ConvolutionalDiscriminator(Discriminator):
    """A convolutional discriminator of labelled images: high logits for real, low for generated.

    Args:
        shape: channels, height and width of the input.
        classes: number of classes of each attribute.
        channels: output channels of each stride-2 convolution.
        kernel: kernel size of the convolutions.
        hidden_size: units between the feature maps and the logit; 0 omits that layer.
        group: group size of the minibatch-deviation feature; 0 disables it.

    References:
        Radford et al. 2016 (DCGAN); label by projection: Miyato & Koyama 2018.
    """

    def __init__(
        self,
        *,
        shape: Shape,
        classes: Sequence[int],
        channels: Sequence[int] = (64, 128, 256),
        kernel: int = 5,
        hidden_size: int = 128,
        group: int = 4,
    ) -> None:
        super().__init__()
        self.classes = tuple(classes)
        self.group = group
        self.body = Shrinking(shape=shape, channels=channels, kernel=kernel)
        size = self.body.size + bool(group)
        self.summary = nn.Linear(size, hidden_size) if hidden_size else None
        size = hidden_size or size
        self.score_head = nn.Linear(size, 1)
        self.projection = LabelEmbedding(classes, size, scale=size**-0.5)

    def score_labels(
        self,
        x_BTF: Float[Tensor, "B 1 F"],
        labels: Sequence[Int[Tensor, "B A"]],
        mask_BT: Bool[Tensor, "B 1"],
    ) -> list[Tensor]:
        """See :class:`~seqgan_kit.nn.networks.Discriminator`; one pass serves all labels."""
        h_BH = self.body(x_BTF[:, 0])
        if self.group:
            h_BH = torch.cat([h_BH, minibatch_deviation(h_BH, self.group)], 1)
        if self.summary is not None:
            h_BH = nn.functional.leaky_relu(self.summary(h_BH), SLOPE)
        logit_B = self.score_head(h_BH).squeeze(-1)
        return [
            logit_B + torch.einsum("bh,bh->b", h_BH, self.projection(label_BA))
            for label_BA in labels
        ]
