"""Audio as a spectrogram of few bands, and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Literal

import torch
from einops import rearrange, repeat
from jaxtyping import Float, Int
from torch import Tensor

from ...data.dataset import DataError
from ...data.levels import snapped
from .representation import Chunks, Representation
from .transforms import functional

Layout = Literal["steps", "picture"]

FLOOR = 1e-2
"""Magnitude below which all levels are the same: a hiss 60 dB below the loudest sound."""

DEVIATIONS = 3.0
"""Standard deviations of a band that map to -1 and 1; values beyond are clipped."""

REFINEMENTS = 16
"""Number of multiplicative updates that recover frequencies from bands."""


def band_magnitudes(
    sound_BS: Float[Tensor, "B S"],
    window_W: Float[Tensor, " W"],
    bands_FM: Float[Tensor, "F M"],
    hop: int,
) -> Float[Tensor, "B T M"]:
    """Return the magnitudes in bands of frames centred on every ``hop``-th sample.

    The sound is padded with silence on both sides.
    """
    spectrum_BFT = torch.stft(
        sound_BS, len(window_W), hop,
        window=window_W, center=True, pad_mode="constant", return_complex=True,
    )  # fmt: skip
    return spectrum_BFT.abs().transpose(1, 2) @ bands_FM


class LogMel(Representation):
    """Normalised log-magnitudes in mel bands, and a channel that marks the end of a clip.

    A step is ``frames`` consecutive frames of ``bins`` numbers, and one more number: the share of
    its frames before the end of the clip, from -1 (none) to 1 (all). The rest is silence.
    Magnitudes are normalised by band, with statistics of the training part (Donahue et al. 2019,
    *Adversarial Audio Synthesis*, SpecGAN).

    Decoding: the last channel gives the end, multiplicative updates (Lee & Seung 2001) find
    nonnegative magnitudes that match the bands, and Griffin and Lim's iterations (1984; with
    momentum, Perraudin et al. 2013) find their phases.

    Args:
        sample_rate: samples per second.
        samples: maximum number of samples in a clip.
        bins: number of bands.
        n_fft: samples per frame.
        hop: samples from one frame to the next.
        frames: frames per step.
        layout: ``"steps"``, or ``"picture"`` for one step that is the whole spectrogram.
        griffin_lim: number of iterations.
        mean: mean log-magnitude of each band.
        deviation: standard deviation of the log-magnitudes of each band.
    """

    def __init__(
        self,
        *,
        sample_rate: int,
        samples: int,
        bins: int = 40,
        n_fft: int = 256,
        hop: int = 128,
        frames: int = 1,
        layout: Layout = "steps",
        griffin_lim: int = 32,
        mean: Sequence[float] = (),
        deviation: Sequence[float] = (),
    ) -> None:
        if hop > n_fft // 2:
            raise DataError(
                f"codec.representation.hop ({hop}) is more than half of n_fft ({n_fft}): frames "
                "with less overlap cannot be put together again; lower hop or raise n_fft"
            )
        self.sample_rate, self.samples = sample_rate, samples
        self.n_fft, self.hop, self.bins, self.griffin_lim = n_fft, hop, bins, griffin_lim
        self.frames = frames
        self.layout = layout
        count = math.ceil(math.ceil(samples / hop) / frames)
        self.total = count * frames
        width = frames * bins + 1
        self.steps, self.features = (1, count * width) if layout == "picture" else (count, width)
        self.width = width
        if layout == "picture":
            self.shape = (1, count, width)
        self.mean_M = torch.tensor(mean or [0.0] * bins)
        self.deviation_M = torch.tensor(deviation or [1.0] * bins)

    @cached_property
    def window_W(self) -> Float[Tensor, " W"]:
        """The window of a frame."""
        return torch.hann_window(self.n_fft)

    @cached_property
    def bands_FM(self) -> Float[Tensor, "F M"]:
        """The weight of each frequency in each band."""
        bands_FM = functional().melscale_fbanks(
            self.n_fft // 2 + 1, 0.0, self.sample_rate / 2, self.bins, self.sample_rate
        )
        if not bool((bands_FM.sum(0) > 0).all()):
            raise DataError(
                f"codec.representation.bins ({self.bins}) is too large for n_fft ({self.n_fft}): "
                "some bands contain no frequency"
            )
        return bands_FM

    def _logarithms(self, sound_BS: Float[Tensor, "B S"]) -> Float[Tensor, "B T M"]:
        room = self.total * self.hop - sound_BS.shape[1]
        whole_BS = torch.nn.functional.pad(sound_BS, (0, max(room, 0)))
        band_BTM = band_magnitudes(
            whole_BS[:, : self.total * self.hop], self.window_W, self.bands_FM, self.hop
        )
        return band_BTM[:, : self.total].clamp(min=FLOOR).log()

    def learn(self, chunks: Chunks) -> dict[str, list[float]]:
        """Return the mean and deviation of each band over all frames before the end of a clip."""
        total_M = torch.zeros(self.bins, dtype=torch.float64)
        square_M, count = total_M.clone(), 0
        for sound_BS, length_B in chunks:
            exists_BT = torch.arange(self.total) < self._alive(length_B)[:, None]
            frames_PM = self._logarithms(sound_BS)[exists_BT].double()
            total_M += frames_PM.sum(0)
            square_M += frames_PM.square().sum(0)
            count += len(frames_PM)
        mean_M = total_M / count
        deviation_M = (square_M / count - mean_M.square()).clamp(min=0).sqrt()
        return {
            "mean": mean_M.tolist(),
            # A band that is always silent stays flat.
            "deviation": deviation_M.clamp(min=1e-3).tolist(),
        }

    def _alive(self, length_B: Int[Tensor, " B"]) -> Int[Tensor, " B"]:
        """Return the number of frames of clips with these lengths."""
        return (length_B + self.hop - 1) // self.hop

    def encode(
        self, sound_BS: Float[Tensor, "B S"], length_B: Int[Tensor, " B"]
    ) -> Float[Tensor, "B T F"]:
        """Encode clips, zero after their ends, as sequences."""
        exists_BT = torch.arange(self.total) < self._alive(length_B)[:, None]
        level_BTM = (self._logarithms(sound_BS) - self.mean_M) / (DEVIATIONS * self.deviation_M)
        level_BTM = torch.where(exists_BT[..., None], level_BTM, -1.0)
        x_BTF = rearrange(level_BTM, "b (t n) m -> b t (n m)", n=self.frames)
        alive_BT = rearrange(exists_BT.float(), "b (t n) -> b t n", n=self.frames).mean(-1)
        x_BTF = snapped(torch.cat([x_BTF, alive_BT[..., None] * 2 - 1], -1))
        return x_BTF if self.layout == "steps" else rearrange(x_BTF, "b t f -> b 1 (t f)")

    def decode(
        self, x_BTF: Float[Tensor, "B T F"]
    ) -> tuple[Float[Tensor, "B S"], Int[Tensor, " B"]]:
        """Decode sequences; return samples, and the length of each clip."""
        if self.layout == "picture":
            x_BTF = rearrange(x_BTF, "b 1 (t f) -> b t f", f=self.width)
        device = x_BTF.device
        going_BT = ((x_BTF[..., -1] + 1) / 2 * self.frames).round().clamp(0, self.frames)
        # The first step that is not whole is the last one.
        before_BT = (going_BT < self.frames).cumsum(1) - (going_BT < self.frames).long() == 0
        alive_B = (going_BT * before_BT).sum(1).long().clamp(min=1)
        level_BTM = rearrange(x_BTF[..., :-1], "b t (n m) -> b (t n) m", n=self.frames)
        scale_M = (DEVIATIONS * self.deviation_M).to(device)
        band_BTM = (level_BTM * scale_M + self.mean_M.to(device)).exp()
        frame_T = torch.arange(band_BTM.shape[1], device=device)
        band_BTM = torch.where((frame_T < alive_B[:, None])[..., None], band_BTM, 0.0)
        sound_BS = self._sound(self._frequencies(band_BTM))
        return sound_BS, (alive_B * self.hop).clamp(max=self.samples)

    def maps(self, x_BTF: Float[Tensor, "B T F"]) -> Float[Tensor, "B C S W"]:
        """Return a map of all frames, whose places are bands, and one of the end."""
        band_B1SM = rearrange(x_BTF[..., :-1], "b t (n m) -> b 1 (t n) m", n=self.frames)
        end_B1SM = repeat(x_BTF[..., -1:], "b t 1 -> b 1 (t n) m", n=self.frames, m=self.bins)
        return torch.cat([band_B1SM, end_B1SM], 1)

    def _frequencies(self, band_BTM: Float[Tensor, "B T M"]) -> Float[Tensor, "B T F"]:
        """Return magnitudes whose bands match the given ones as closely as possible."""
        bands_FM = self.bands_FM.to(band_BTM.device)
        share_FM = bands_FM / bands_FM.sum(0)
        magnitude_BTF = band_BTM @ share_FM.T + 1e-8
        wanted_BTF = band_BTM @ bands_FM.T
        square_FF = bands_FM @ bands_FM.T
        for _ in range(REFINEMENTS):
            magnitude_BTF = magnitude_BTF * wanted_BTF / (magnitude_BTF @ square_FF + 1e-8)
        return magnitude_BTF

    def _sound(self, magnitude_BTF: Float[Tensor, "B T F"]) -> Float[Tensor, "B S"]:
        # Add the frame that is centred on the end of the sound.
        magnitude_BFT = torch.nn.functional.pad(magnitude_BTF.transpose(1, 2), (0, 1))
        device = magnitude_BTF.device
        # Started from random phases that are always the same: with equal phases, all frames would
        # start alike, which leaves a hum at the frame rate.
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(0)
            return functional().griffinlim(
                magnitude_BFT, self.window_W.to(device), self.n_fft, self.hop, self.n_fft,
                power=1.0, n_iter=self.griffin_lim, momentum=0.99,
                length=self.total * self.hop, rand_init=True,
            )[:, : self.samples]  # fmt: skip
