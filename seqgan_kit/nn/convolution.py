"""Stacks of convolutions that shrink or enlarge feature maps by two."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

Shape = tuple[int, int, int]
"""Channels, height and width."""

SLOPE = 0.2
"""Of the leaky rectifiers."""


class Shrinking(nn.Module):
    """Convolutions of stride 2, each with a leaky rectifier.

    Args:
        shape: of what is read.
        channels: feature maps after each convolution.
        kernel: width of the convolutions, odd.

    Attributes:
        size: numbers that come out, all feature maps in one vector.

    References:
        Radford et al. 2016, *Unsupervised Representation Learning with DCGAN*, section 3.
    """

    def __init__(self, *, shape: Shape, channels: Sequence[int], kernel: int = 5) -> None:
        super().__init__()
        inputs, height, width = shape
        self.shape = shape
        self.layers = nn.ModuleList()
        for outputs in channels:
            self.layers.append(nn.Conv2d(inputs, outputs, kernel, stride=2, padding=kernel // 2))
            inputs, height, width = outputs, (height + 1) // 2, (width + 1) // 2
        self.size = inputs * height * width

    def forward(
        self, x_BF: Float[Tensor, "B F"], shift_BC: Float[Tensor, "B C"] | None = None
    ) -> Float[Tensor, "B H"]:
        """From flat things to flat feature maps.

        Args:
            x_BF: what is read, channel by channel.
            shift_BC: added to the first feature maps before their rectifier.
        """
        maps = x_BF.view(-1, *self.shape)
        for number, layer in enumerate(self.layers):
            maps = layer(maps)
            if number == 0 and shift_BC is not None:
                maps = maps + shift_BC[:, :, None, None]
            maps = nn.functional.leaky_relu(maps, SLOPE)
        return maps.flatten(1)


class Enlarging(nn.Module):
    """Transposed convolutions of stride 2, from a vector to a thing of a given shape.

    Sizes that are no multiple of a power of two are reached by cutting off the rest.

    Args:
        inputs: length of the vector.
        shape: of what is written.
        channels: feature maps before each enlargement; the first belong to the smallest maps,
            and the largest ones are half as many as the last.
    """

    def __init__(self, *, inputs: int, shape: Shape, channels: Sequence[int]) -> None:
        super().__init__()
        self.shape = shape
        times = 2 ** len(channels)
        self.start = (channels[0], -(-shape[1] // times), -(-shape[2] // times))
        self.first = nn.Linear(inputs, self.start[0] * self.start[1] * self.start[2])
        after = [*channels[1:], max(channels[-1] // 2, 1)]
        # A kernel that is a multiple of the stride covers every place equally often: no
        # checkerboard (Odena et al. 2016).
        self.layers = nn.ModuleList(
            nn.ConvTranspose2d(before, outputs, 4, stride=2, padding=1)
            for before, outputs in zip(channels, after, strict=True)
        )
        self.last = nn.Conv2d(after[-1], shape[0], 5, padding=2)

    def forward(self, x_BH: Float[Tensor, "B H"]) -> Float[Tensor, "B F"]:
        maps = self.first(x_BH).view(-1, *self.start)
        for layer in self.layers:
            maps = layer(nn.functional.leaky_relu(maps, SLOPE))
        maps = self.last(nn.functional.leaky_relu(maps, SLOPE))
        return maps[:, :, : self.shape[1], : self.shape[2]].flatten(1)


def dense(sizes: Sequence[int]) -> nn.Sequential:
    """Linear layers of these widths, each but the first size with a leaky rectifier after it."""
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*layers)
