"""Stacks of convolutions that halve or double the resolution at every layer."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

Shape = tuple[int, int, int]
"""Channels, height and width."""

SLOPE = 0.2
"""Negative slope of the leaky ReLUs."""


class Shrinking(nn.Module):
    """A stack of stride-2 convolutions, each followed by a leaky ReLU.

    Args:
        shape: shape of the input.
        channels: output channels of each convolution.
        kernel: kernel size, odd.

    Attributes:
        size: length of the flattened output.

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
        """Return the flattened feature maps of flattened inputs.

        Args:
            x_BF: flattened inputs, channel by channel.
            shift_BC: added to the first feature maps before their activation.
        """
        maps = x_BF.view(-1, *self.shape)
        for number, layer in enumerate(self.layers):
            maps = layer(maps)
            if number == 0 and shift_BC is not None:
                maps = maps + shift_BC[:, :, None, None]
            maps = nn.functional.leaky_relu(maps, SLOPE)
        return maps.flatten(1)


class Enlarging(nn.Module):
    """A stack of stride-2 transposed convolutions, from a vector to an output of a given shape.

    The result is cropped to heights and widths that are not multiples of a power of two.

    Args:
        inputs: length of the input vector.
        shape: shape of the output.
        channels: input channels of each transposed convolution, lowest resolution first; the
            last one outputs half of its input channels.
    """

    def __init__(self, *, inputs: int, shape: Shape, channels: Sequence[int]) -> None:
        super().__init__()
        self.shape = shape
        times = 2 ** len(channels)
        self.start = (channels[0], -(-shape[1] // times), -(-shape[2] // times))
        self.first = nn.Linear(inputs, self.start[0] * self.start[1] * self.start[2])
        after = [*channels[1:], max(channels[-1] // 2, 1)]
        # A kernel size that is a multiple of the stride covers every position equally often,
        # which avoids checkerboard patterns (Odena et al. 2016).
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
    """Return linear layers of these sizes (input first), each followed by a leaky ReLU."""
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*layers)
