"""Changes of what a discriminator reads, so that it cannot learn small data by heart."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from .noise import Noise


class FrameAugmentation(nn.Module):
    """Frames that are moved in level, moved in time, and hidden for a while.

    Real and generated sequences are changed alike, and gradients pass. Each change is made to a
    share of the sequences, so that what the generator learns are still unchanged ones: as long as
    a part of what a discriminator reads is as it was, the only way to match what is changed is to
    match what is not (Karras et al. 2020, section 2.2).

    Args:
        offset: standard deviation of what is added to each number of a frame, the same at all
            frames of a sequence.
        frames: frames in a step.
        shift: most steps by which a sequence begins earlier or later.
        hidden: most steps that are hidden, one after another.

    References:
        Zhao et al. 2020, *Differentiable Augmentation for Data-Efficient GAN Training*; Karras et
        al. 2020, *Training Generative Adversarial Networks with Limited Data*; stretches that are
        hidden: Park et al. 2019, *SpecAugment*.
    """

    offset_F: Tensor

    def __init__(self, offset: Sequence[float], frames: int, shift: int, hidden: int) -> None:
        super().__init__()
        # The last number is the share of a step's frames before the end, from -1 to 1.
        offset_F = torch.tensor([*(list(offset) * frames), 0.0])
        self.register_buffer("offset_F", offset_F, persistent=False)
        self.numbers, self.frames, self.shift, self.hidden = len(offset), frames, shift, hidden

    def forward(
        self, x_BTF: Float[Tensor, "B T F"], share: float, noise: Noise
    ) -> Float[Tensor, "B T F"]:
        """Return sequences of which each was changed in each way with probability ``share``."""
        (count, steps, _), device = x_BTF.shape, x_BTF.device
        chosen_KB = share > noise.uniform(count, 3).T
        place_BK = noise.uniform(count, 3)
        step_T = torch.arange(steps, device=device)

        moved_B = ((2 * place_BK[:, 0] - 1) * (self.shift + 1)).long() * chosen_KB[0]
        from_BT = (step_T + moved_B[:, None]).clamp(0, steps - 1)
        x_BTF = x_BTF.gather(1, from_BT[..., None].expand_as(x_BTF))

        level_BN = noise.normal(count, self.numbers) * chosen_KB[1][:, None]
        level_BF = torch.cat([level_BN.repeat(1, self.frames), level_BN[:, :1]], 1) * self.offset_F
        # Frames after the end are silent at every level.
        exists_BT1 = (x_BTF[..., -1:] + 1) / 2
        x_BTF = x_BTF + rearrange(level_BF, "b f -> b 1 f") * exists_BT1

        length_B = (place_BK[:, 1] * self.hidden).ceil().long() * chosen_KB[2]
        first_B = (place_BK[:, 2] * (steps - length_B + 1)).long()
        after_BT = step_T - first_B[:, None]
        hidden_BT = (after_BT >= 0) & (after_BT < length_B[:, None])
        shown_BTF = torch.where(hidden_BT[..., None], 0.0, x_BTF[..., :-1])
        return torch.cat([shown_BTF, x_BTF[..., -1:]], -1)
