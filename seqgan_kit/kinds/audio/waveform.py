"""Audio as waveforms: real values in overlapping frames, or tokens of few levels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import fold, pad

from ...data.dataset import DataError
from .log_mel import DEVIATIONS, FLOOR, LogMel, band_magnitudes
from .representation import Chunks, Representation
from .transforms import functional

WHOLE = 15 / 16
"""Share from which a step counts as whole: a learned channel is not more exact than this."""


class Waveform(Representation):
    """A block of samples per step, and a channel that marks the end of a clip.

    A step has ``hop + overlap`` samples and shares the last ``overlap`` with the next one. When
    decoded, one step fades out while the next fades in, so that borders between steps do not
    click; decoding an encoded clip reproduces it. The last number of a step is the share of its
    ``hop`` samples before the end, from -1 (none) to 1 (all).

    Args:
        samples: maximum number of samples in a clip.
        hop: samples from one step to the next.
        overlap: samples that neighbours share.
    """

    def __init__(self, *, samples: int, hop: int = 128, overlap: int = 32) -> None:
        if overlap > hop:
            raise DataError(
                f"codec.representation.overlap ({overlap}) is more than hop ({hop}): a sample "
                "would belong to three steps; lower overlap or raise hop"
            )
        self.samples, self.hop, self.overlap = samples, hop, overlap
        self.steps = math.ceil(samples / hop)
        self.features = hop + overlap + 1
        ramp = torch.sin(torch.pi / 2 * (torch.arange(overlap) + 0.5) / max(overlap, 1)) ** 2
        self._window = torch.cat([ramp, torch.ones(hop - overlap), ramp.flip(0)])

    def encode(
        self, sound_BS: Float[Tensor, "B S"], length_B: Int[Tensor, " B"]
    ) -> Float[Tensor, "B T F"]:
        """Encode clips, zero after their ends, as sequences."""
        room = self.steps * self.hop + self.overlap - sound_BS.shape[1]
        frame_BTF = pad(sound_BS, (0, max(room, 0))).unfold(1, self.hop + self.overlap, self.hop)
        going_BT = shares(length_B, self.steps, self.hop)
        return torch.cat([frame_BTF[:, : self.steps], going_BT[..., None]], -1)

    def decode(
        self, x_BTF: Float[Tensor, "B T F"]
    ) -> tuple[Float[Tensor, "B S"], Int[Tensor, " B"]]:
        """Decode sequences; return samples, and the length of each clip."""
        window_W = self._window.to(x_BTF.device)
        sound_BS = added_up(x_BTF[..., :-1] * window_W, self.hop)
        # At both ends, where there is only one step, its fading is undone.
        weight_S = added_up(window_W.expand(1, x_BTF.shape[1], -1), self.hop)[0]
        sound_BS = (sound_BS / weight_S)[:, : self.samples]
        return sound_BS, told_length(x_BTF[..., -1], self.hop).clamp(1, self.samples)


class Cosines(Representation):
    """Amplitudes of cosines in overlapping frames, and a channel that marks the end of a clip.

    A lapped transform (MDCT): a frame reads ``2 * hop`` samples and has ``hop`` numbers. Decoding
    an encoded clip reproduces it, and any other values decode without clicks. Amplitudes differ by
    orders of magnitude, within a frame and across the pitches of a voice; their signed roots
    differ less, and each is divided by its deviation. A step is ``frames`` consecutive frames; its
    last number is the share of its samples before the end, from -1 (none) to 1 (all).

    Args:
        sample_rate: samples per second.
        samples: maximum number of samples in a clip.
        hop: samples from one frame to the next.
        frames: frames per step.
        bands: mel bands that a discriminator reads in addition to the amplitudes.
        deviation: deviation of the root of each amplitude.
        band_mean: mean log-magnitude of each band.
        band_deviation: standard deviation of the log-magnitudes of each band.

    References:
        Princen, Johnson & Bradley 1987, *Subband/Transform Coding Using Filter Bank Designs Based
        on Time Domain Aliasing Cancellation*.
    """

    def __init__(
        self,
        *,
        sample_rate: int,
        samples: int,
        hop: int = 128,
        frames: int = 1,
        bands: int = 40,
        deviation: Sequence[float] = (),
        band_mean: Sequence[float] = (),
        band_deviation: Sequence[float] = (),
    ) -> None:
        self.samples, self.hop, self.frames = samples, hop, frames
        # One more frame is needed for the last samples of a clip.
        self.steps = math.ceil((math.ceil(samples / hop) + 1) / frames)
        self.features = frames * hop + 1
        # Its frames have the same centres and lengths.
        self.spectrum = LogMel(
            sample_rate=sample_rate,
            samples=self.steps * frames * hop,
            bins=bands,
            n_fft=2 * hop,
            hop=hop,
            mean=band_mean,
            deviation=band_deviation,
        )
        try:
            _ = self.spectrum.bands_FM
        except DataError as error:
            raise DataError(
                f"codec.representation.bands ({bands}) is too large for hop ({hop}): some bands "
                "contain no frequency"
            ) from error
        self.scale_K = DEVIATIONS * torch.tensor(deviation or [1.0] * hop)

    @cached_property
    def wave_KW(self) -> Float[Tensor, "K W"]:
        """The waveform of each amplitude: a cosine that fades in and out."""
        place_W = torch.arange(2 * self.hop, dtype=torch.float64)
        pitch_K1 = torch.arange(self.hop, dtype=torch.float64)[:, None] + 0.5
        wave_KW = torch.cos(torch.pi / self.hop * (place_W + (1 + self.hop) / 2) * pitch_K1)
        window_W = torch.sin(torch.pi / (2 * self.hop) * (place_W + 0.5))
        return ((2 / self.hop) ** 0.5 * wave_KW * window_W).float()

    def _roots(self, sound_BS: Float[Tensor, "B S"]) -> Float[Tensor, "B T K"]:
        room = self.steps * self.frames * self.hop - sound_BS.shape[1]
        frame_BTW = pad(sound_BS, (self.hop, room)).unfold(1, 2 * self.hop, self.hop)
        amplitude_BTK = frame_BTW @ self.wave_KW.T
        return amplitude_BTK.sign() * amplitude_BTK.abs().sqrt()

    def learn(self, chunks: Chunks) -> dict[str, list[float]]:
        """Return the statistics that normalise amplitudes and bands, over frames before the end.

        Args:
            chunks: read twice.
        """
        bands = self.spectrum.learn(chunks)
        square_K, count = torch.zeros(self.hop, dtype=torch.float64), 0
        for sound_BS, length_B in chunks:
            root_BTK = self._roots(sound_BS)
            begin_T = torch.arange(root_BTK.shape[1]) * self.hop
            found_PK = root_BTK[begin_T < length_B[:, None]].double()
            square_K += found_PK.square().sum(0)
            count += len(found_PK)
        return {
            "deviation": (square_K / count).sqrt().clamp(min=1e-4).tolist(),
            "band_mean": bands["mean"],
            "band_deviation": bands["deviation"],
        }

    def view(self) -> SpectrumView:
        """Return a module whose output a discriminator reads instead of the steps."""
        return SpectrumView(self)

    def encode(
        self, sound_BS: Float[Tensor, "B S"], length_B: Int[Tensor, " B"]
    ) -> Float[Tensor, "B T F"]:
        """Encode clips, zero after their ends, as sequences."""
        level_BTK = self._roots(sound_BS) / self.scale_K
        level_BTF = rearrange(level_BTK.clamp(-1, 1), "b (t n) k -> b t (n k)", n=self.frames)
        going_BT = shares(length_B, self.steps, self.frames * self.hop)
        return torch.cat([level_BTF, going_BT[..., None]], -1)

    def decode(
        self, x_BTF: Float[Tensor, "B T F"]
    ) -> tuple[Float[Tensor, "B S"], Int[Tensor, " B"]]:
        """Decode sequences; return samples, and the length of each clip."""
        scale_K, wave_KW = (constant.to(x_BTF.device) for constant in (self.scale_K, self.wave_KW))
        sound_BS = waves(x_BTF, scale_K, wave_KW)[:, self.hop : self.hop + self.samples]
        length_B = told_length(x_BTF[..., -1], self.frames * self.hop).clamp(1, self.samples)
        return sound_BS, length_B


def waves(
    x_BTF: Float[Tensor, "B T F"], scale_K: Float[Tensor, " K"], wave_KW: Float[Tensor, "K W"]
) -> Float[Tensor, "B S"]:
    """Decode steps of cosines to sound, which starts half a window before the clip."""
    root_BTK = rearrange(x_BTF[..., :-1], "b t (n k) -> b (t n) k", k=len(scale_K)) * scale_K
    return added_up((root_BTK * root_BTK.abs()) @ wave_KW, len(scale_K))


class SpectrumView(nn.Module):
    """Amplitudes, followed by what a listener hears: log-magnitudes in mel bands.

    The sign of an amplitude, and how its magnitude is shared with its neighbours, depend on the
    phase of a wave. What is heard does not: the bands are those of the sound of all steps
    together, and a generator learns from them across the borders of its steps.

    Args:
        cosines: the representation of the steps, and its spectrum.

    Attributes:
        features: numbers per step.

    References:
        Jang et al. 2021, *UnivNet*, with a discriminator of spectra beside one of samples.
    """

    def __init__(self, cosines: Cosines) -> None:
        super().__init__()
        spectrum = cosines.spectrum
        self.hop, self.frames = cosines.hop, cosines.frames
        self.features = cosines.features + cosines.frames * spectrum.bins
        # Constants: they move with the network, but are not saved with its weights.
        self.scale_K, self.wave_KW, self.window_W, self.bands_FM, self.mean_M, self.deviation_M = (
            nn.Buffer(constant, persistent=False)
            for constant in (
                cosines.scale_K,
                cosines.wave_KW,
                spectrum.window_W,
                spectrum.bands_FM,
                spectrum.mean_M,
                DEVIATIONS * spectrum.deviation_M,
            )
        )

    def forward(self, x_BTF: Float[Tensor, "B T F"]) -> Float[Tensor, "B T G"]:
        """Return the steps, each followed by the bands of its frames."""
        frames = x_BTF.shape[1] * self.frames
        sound_BS = waves(x_BTF.float(), self.scale_K, self.wave_KW)[:, self.hop :]
        band_BTM = band_magnitudes(sound_BS, self.window_W, self.bands_FM, self.hop)[:, :frames]
        # The floor is added instead of clamped, so that silence has a gradient, too.
        level_BTM = (band_BTM + FLOOR).log()
        level_BTM = (level_BTM - self.mean_M) / self.deviation_M
        beside_BTN = rearrange(level_BTM, "b (t n) m -> b t (n m)", n=self.frames)
        return torch.cat([x_BTF, beside_BTN], -1)


def shares(length_B: Int[Tensor, " B"], steps: int, hop: int) -> Float[Tensor, "B T"]:
    """Return the share of each step's ``hop`` samples before the end, from -1 to 1."""
    begin_T = torch.arange(steps, device=length_B.device) * hop
    return ((length_B[:, None] - begin_T) / hop).clamp(0, 1) * 2 - 1


def told_length(going_BT: Float[Tensor, "B T"], hop: int) -> Int[Tensor, " B"]:
    """Return the number of samples before the end, given the output of :func:`shares`.

    The end is the first step with a share below one half. Only this step and the one before it
    may be partial: learned shares are never exactly whole, which must not end a clip.
    """
    share_BT = ((going_BT + 1) / 2).clamp(0, 1)
    share_BT = torch.where(share_BT < WHOLE, share_BT, 1.0)
    steps = share_BT.shape[1]
    end_B = steps - ((share_BT < 0.5).cumsum(1) > 0).sum(1)
    # An empty step is added before the first step and after the last one.
    around_BT = pad(share_BT, (1, 1))
    partly_B = around_BT.gather(1, torch.stack([end_B, end_B + 1], 1)).sum(1)
    return (((end_B - 1).clamp(min=0) + partly_B) * hop).round().long()


def added_up(frame_BTW: Float[Tensor, "B T W"], hop: int) -> Float[Tensor, "B S"]:
    """Add up overlapping frames."""
    _, steps, width = frame_BTW.shape
    return fold(
        rearrange(frame_BTW, "b t w -> b w t"),
        output_size=(1, (steps - 1) * hop + width),
        kernel_size=(1, width),
        stride=(1, hop),
    )[:, 0, 0]


class MuLaw(Representation):
    """Samples as tokens: one of a few levels, closer together near silence, or the end.

    Experimental: with one sample per step, sequences have thousands of steps, which are hard to
    learn for a recurrent network; with several, the samples of a step are drawn independently of
    each other.

    Args:
        samples: maximum number of samples in a clip.
        levels: number of levels; one more token marks the end of a clip.
        hop: samples per step. With one, sequences are ``[B, T]``, otherwise ``[B, T, hop]``.

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
        """Encode clips, zero after their ends, as token ids."""
        whole = self.steps * self.group
        sound_BS = pad(sound_BS, (0, whole - sound_BS.shape[1]))
        exists_BS = torch.arange(whole) < length_B[:, None]
        id_BS = torch.where(
            exists_BS, functional().mu_law_encoding(sound_BS, self.levels), self.levels
        )
        return id_BS if self.group == 1 else id_BS.unflatten(1, (self.steps, self.group))

    def decode(
        self, x_BTG: Int[Tensor, "B T *G"]
    ) -> tuple[Float[Tensor, "B S"], Int[Tensor, " B"]]:
        """Decode token ids; return samples, and the length of each clip."""
        id_BS = x_BTG.flatten(1)[:, : self.samples]
        ended_BS = (id_BS == self.levels).cumsum(1) > 0
        sound_BS = functional().mu_law_decoding(id_BS.clamp(max=self.levels - 1), self.levels)
        return sound_BS, (~ended_BS).sum(1).clamp(min=1)
