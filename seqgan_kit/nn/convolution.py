"""Stacks of convolutions that halve or double the resolution at every layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from jaxtyping import Bool, Float
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


class StepConvolutions(nn.Module):
    """Convolutions over steps and the places of a step, in front of layers that read step by step.

    A reader of steps then sees each one with its neighbours. Every convolution halves the number
    of places, and that of what is left to read if ``stride`` says so.

    Args:
        maps: lays steps ``[B, T, F]`` out as feature maps ``[B, C, S, W]``, where S is a multiple
            of T; None: each number of a step is a map of its own.
        features: F.
        channels: output maps of each convolution.
        kernel: kernel size over steps, and over places if a step has several; odd.
        stride: places of S from one output of a convolution to the next.
        causal: read no step that comes later, for a reader that goes one way.

    Attributes:
        features: numbers of a step of the output.
        lines: places of S in a step of the input.
    """

    def __init__(
        self,
        *,
        maps: Callable[[Tensor], Tensor] | None,
        features: int,
        channels: Sequence[int],
        kernel: int = 5,
        stride: int,
        causal: bool = False,
    ) -> None:
        super().__init__()
        self.stride = stride
        # Causal: padding in front of the first step only. Padding on both sides is left to the
        # convolution, which copies nothing for it.
        self.before = (0, 0, kernel - 1, 0) if causal else None
        self.maps = maps or _apart
        _, inputs, self.lines, width = self.maps(torch.zeros(1, 1, features)).shape
        self.layers = nn.ModuleList()
        for outputs in channels:
            across, apart = (kernel, 2) if width > 1 else (1, 1)
            padding = (0 if causal else kernel // 2, across // 2)
            self.layers.append(
                nn.Conv2d(inputs, outputs, (kernel, across), (stride, apart), padding)
            )
            inputs, width = outputs, (width + 1) // 2
        self.features = inputs * width

    def forward(
        self, x_BTF: Float[Tensor, "B T F"], mask_BT: Bool[Tensor, "B T"]
    ) -> tuple[Float[Tensor, "B S H"], Bool[Tensor, "B S"]]:
        """Return what is left to read, step by step, and its mask.

        What is in the padding is read as zero.
        """
        exists_B1S1 = mask_BT.repeat_interleave(self.lines, 1)[:, None, :, None]
        maps = self.maps(x_BTF) * exists_B1S1
        # A CPU is twice as fast if the few maps of a place lie beside each other.
        maps = maps.contiguous(memory_format=torch.channels_last)
        for layer in self.layers:
            if self.before is not None:
                maps = nn.functional.pad(maps, self.before)
            maps = nn.functional.leaky_relu(layer(maps), SLOPE)
            exists_B1S1 = exists_B1S1[:, :, :: self.stride]
            maps = maps * exists_B1S1
        return maps.permute(0, 2, 3, 1).flatten(2), exists_B1S1[:, 0, :, 0]


def _apart(x_BTF: Tensor) -> Tensor:
    return x_BTF.transpose(1, 2)[..., None]


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
