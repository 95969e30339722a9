"""What a discriminator reads of smooth sequences: values, and how they change."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

SHARE = 3.0
"""So many deviations of a change are 1."""


def frame_maps(
    x_BTF: Float[Tensor, "B T F"], frames: int = 1, more: int = 0
) -> Float[Tensor, "B C S 1"]:
    """Return a map of all frames for each number of a frame, and for each of the last numbers.

    Args:
        x_BTF: steps.
        frames: frames in a step.
        more: numbers at the end of a step that belong to no frame.
    """
    value_BTF, more_BTM = x_BTF.tensor_split([x_BTF.shape[-1] - more], -1)
    value_BNS = rearrange(value_BTF, "b t (n m) -> b m (t n)", n=frames)
    more_BMS = more_BTM.transpose(1, 2).repeat_interleave(frames, 2)
    return torch.cat([value_BNS, more_BMS], 1)[..., None]


class ChangeView(nn.Module):
    """The numbers of frames, and beside each how much it has changed since the frame before.

    Where a contour changes little from frame to frame, its jitter is small among its values, and a
    penalty keeps a discriminator from looking at what is so small. In units of real changes it is
    as large as everything else. The first frame has not changed.

    Args:
        deviation: standard deviation of the change of each number of a frame.
        frames: frames in a step.
        more: numbers at the end of a step that belong to no frame, and are read as they are.

    Attributes:
        features: numbers in a step of the output: for each frame its numbers, then their changes;
            then the last ones.

    References:
        Delta features: Furui 1986, *Speaker-independent isolated word recognition using dynamic
        features of speech spectrum*.
    """

    scale_N: Tensor

    def __init__(self, deviation: Sequence[float], frames: int = 1, more: int = 0) -> None:
        super().__init__()
        self.frames, self.more = frames, more
        self.register_buffer("scale_N", SHARE * torch.tensor(list(deviation)), persistent=False)
        self.features = 2 * frames * len(deviation) + more

    def forward(self, x_BTF: Float[Tensor, "B T F"]) -> Float[Tensor, "B T G"]:
        value_BTF, more_BTM = x_BTF.tensor_split([x_BTF.shape[-1] - self.more], -1)
        value_BSN = rearrange(value_BTF, "b t (n m) -> b (t n) m", n=self.frames)
        change_BSN = value_BSN.diff(dim=1, prepend=value_BSN[:, :1]) / self.scale_N
        both_BSN = torch.cat([value_BSN, change_BSN], -1)
        steps_BTG = rearrange(both_BSN, "b (t n) m -> b t (n m)", n=self.frames)
        return torch.cat([steps_BTG, more_BTM], -1)

    def maps(self, x_BTG: Float[Tensor, "B T G"]) -> Float[Tensor, "B C S 1"]:
        """Return a map of all frames for each number that was read, and for each of the last."""
        return frame_maps(x_BTG, self.frames, self.more)
