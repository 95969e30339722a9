"""Sound as its samples: real values in overlapping frames, or tokens of few levels."""

from __future__ import annotations

import math

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import fold, pad

from .dataset import DataError

WHOLE = 15 / 16
"""Share of a step from which it counts as whole: a learned channel is no more exact."""


class Waveform:
    """Some samples a step, and a channel that tells whether the sound goes on.

    A step holds ``hop + overlap`` samples and shares the last ``overlap`` with the next one. Put
    together again, one step fades out while the next fades in, so that borders between steps do
    not click; a sound that was cut into steps comes back as it was. The last number of a step is
    the share of its ``hop`` samples that lie before the end, from -1 (none) to 1 (all).

    Args:
        samples: of the longest clip.
        hop: samples from a step to the next.
        overlap: samples that neighbours share.
    """

    def __init__(self, *, samples: int, hop: int = 128, overlap: int = 32) -> None:
        if overlap > hop:
            raise DataError(
                f"codec.representation.overlap ({overlap}) is more than hop ({hop}): a sample "
                "would belong to three steps"
            )
        self.samples, self.hop, self.overlap = samples, hop, overlap
        self.steps = math.ceil(samples / hop)
        self.features = hop + overlap + 1
        ramp = torch.sin(torch.pi / 2 * (torch.arange(overlap) + 0.5) / max(overlap, 1)) ** 2
        self._window = torch.cat([ramp, torch.ones(hop - overlap), ramp.flip(0)])

    def encode(
        self, sound_BS: Float[Tensor, "B S"], length_B: Int[Tensor, " B"]
    ) -> Float[Tensor, "B T F"]:
        """Clips, zero behind their ends, as sequences."""
        room = self.steps * self.hop + self.overlap - sound_BS.shape[1]
        frame_BTF = pad(sound_BS, (0, max(room, 0))).unfold(1, self.hop + self.overlap, self.hop)
        begin_T = torch.arange(self.steps) * self.hop
        share_BT = ((length_B[:, None] - begin_T) / self.hop).clamp(0, 1)
        return torch.cat([frame_BTF[:, : self.steps], share_BT[..., None] * 2 - 1], -1)

    def decode(
        self, x_BTF: Float[Tensor, "B T F"]
    ) -> tuple[Float[Tensor, "B S"], Int[Tensor, " B"]]:
        """Sequences as sound, and how many samples of it exist."""
        share_BT = ((x_BTF[..., -1] + 1) / 2).clamp(0, 1)
        short_BT = share_BT < WHOLE
        before_BT = short_BT.cumsum(1) - short_BT.long() == 0
        share_BT = torch.where(short_BT, share_BT, 1.0)
        length_B = ((share_BT * before_BT).sum(1) * self.hop).round().long()
        window = self._window.to(x_BTF.device)
        whole = self.steps * self.hop + self.overlap
        stride = {"kernel_size": (1, self.hop + self.overlap), "stride": (1, self.hop)}
        frame_BFT = rearrange(x_BTF[..., :-1] * window, "b t f -> b f t")
        sound_BS = fold(frame_BFT, output_size=(1, whole), **stride)[:, 0, 0]
        # Where only one step is, at both ends, its fading is undone.
        weight_FT = window[:, None].expand(-1, x_BTF.shape[1]).contiguous()
        weight_S = fold(weight_FT, output_size=(1, whole), **stride)[0, 0]
        return (sound_BS / weight_S)[:, : self.samples], length_B.clamp(1, self.samples)


class MuLaw:
    """Samples as tokens, one of few levels that lie closer near silence, or the end.

    Experimental: with a step for each sample, what thousands of them tell is hard to learn for a
    recurrent network; with several a step, those of one step are drawn without a look at each
    other.

    Args:
        samples: of the longest clip.
        levels: how many levels there are; one token more says that the clip has ended.
        hop: samples of a step. With one, sequences are ``[B, T]``, otherwise ``[B, T, hop]``.

    References:
        ITU-T G.711 (mu-law).
    """

    def __init__(self, *, samples: int, levels: int = 64, hop: int = 1) -> None:
        self.samples = samples
        self.steps = math.ceil(samples / hop)
        self.levels = levels
        self.group = hop
        self.features = levels + 1

    def encode(
        self, sound_BS: Float[Tensor, "B S"], length_B: Int[Tensor, " B"]
    ) -> Int[Tensor, "B T *G"]:
        """Clips, zero behind their ends, as token ids."""
        from torchaudio.functional import mu_law_encoding

        whole = self.steps * self.group
        sound_BS = pad(sound_BS, (0, whole - sound_BS.shape[1]))
        exists_BS = torch.arange(whole) < length_B[:, None]
        id_BS = torch.where(exists_BS, mu_law_encoding(sound_BS, self.levels), self.levels)
        return id_BS if self.group == 1 else id_BS.unflatten(1, (self.steps, self.group))

    def decode(
        self, x_BTG: Int[Tensor, "B T *G"]
    ) -> tuple[Float[Tensor, "B S"], Int[Tensor, " B"]]:
        """Token ids as sound, and how many samples of it exist."""
        from torchaudio.functional import mu_law_decoding

        id_BS = x_BTG.flatten(1)[:, : self.samples]
        ended_BS = (id_BS == self.levels).cumsum(1) > 0
        sound_BS = mu_law_decoding(id_BS.clamp(max=self.levels - 1), self.levels)
        return sound_BS, (~ended_BS).sum(1).clamp(min=1)
