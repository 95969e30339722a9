"""The judge of audio clips, which computes its own spectrogram."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ...evaluation.judge import FEATURES, Judge
from .transforms import functional

BANDS = 40
FLOOR_DB, RANGE_DB = -60.0, 50.0
"""The level of a band that maps to 0, and how far above it 1 is. A full-scale sine is at about 0
dB in its band; levels below the floor, and frames after the end, are 0."""

CHANNELS = (8, 16, 32, 64)
"""Channels of the convolutions; time and bands are halved between them."""

CHUNK = 512
"""Clips transformed at a time, which bounds the memory: about 130 megabytes for one-second clips
at 8 kHz."""


def hop_of(sample_rate: int) -> int:
    """Return the samples from one frame to the next: 16 ms."""
    return max(round(0.016 * sample_rate), 1)


def mel_bands(sample_rate: int) -> Float[Tensor, "Q M"]:
    """Return the weight of each frequency in each band, from 0 to half the sample rate."""
    return functional().melscale_fbanks(
        _size(sample_rate) // 2 + 1, 0.0, sample_rate / 2, BANDS, sample_rate
    )


def _size(sample_rate: int) -> int:
    """Return the size of the FFT: above the window, so that each band contains a frequency."""
    return max(2 ** math.ceil(math.log2(4 * hop_of(sample_rate))), 512)


def log_mel(
    items: Float[Tensor, "N S"],
    *,
    sample_rate: int,
    bands_QM: Float[Tensor, "Q M"] | None = None,
) -> Float[Tensor, "N T M"]:
    """Return levels in mel bands, from 0 (silence, or after the end) to about 1 (full scale).

    Frames are 32 ms long, every 16 ms, whatever a model's codec uses, so that all models are
    judged in the same way.

    Args:
        items: clips, NaN after the end.
        sample_rate: samples per second.
        bands_QM: :func:`mel_bands` of this rate, if already computed.
    """
    hop, size = hop_of(sample_rate), _size(sample_rate)
    if bands_QM is None:
        bands_QM = mel_bands(sample_rate).to(items.device)
    exists_NT = frames_that_exist(items, sample_rate=sample_rate)
    # A frame extends one hop to either side of its centre. Frames after the end are not
    # transformed: most clips are much shorter than the longest.
    sound_NS = nn.functional.pad(items.nan_to_num(0.0), (hop, 2 * hop))
    frame_NTW = sound_NS.unfold(1, 2 * hop, hop)[:, : exists_NT.shape[1]]
    frame_PW = frame_NTW[exists_NT] * torch.hann_window(2 * hop, device=items.device)
    magnitude_PQ = torch.fft.rfft(frame_PW, n=size).abs()
    # A sine spreads over frequencies whose magnitudes add up to half its amplitude times the size
    # of the transform.
    level_PM = magnitude_PQ @ bands_QM * (2 / size)
    decibel_PM = 20 * level_PM.clamp(min=10 ** (FLOOR_DB / 20)).log10()
    level_NTM = items.new_zeros(*exists_NT.shape, BANDS)
    level_NTM[exists_NT] = (decibel_PM - FLOOR_DB) / RANGE_DB
    return level_NTM


def frames_that_exist(items: Float[Tensor, "N S"], *, sample_rate: int) -> Bool[Tensor, "N T"]:
    """Return which frames have their centre before the end of the clip."""
    return ~items[:, :: hop_of(sample_rate)].isnan()


class SoundJudge(Judge):
    """A judge of clips: convolutions over levels in mel bands, pooled over time.

    The pooling takes the mean and the maximum; the activations of a hidden layer on top are the
    features. With batch normalisation, narrow layers learn in a minute what wide layers without
    it learn in several.

    Args:
        classes: number of classes of each attribute.
        sample_rate: samples per second.
        samples: number of samples of a clip that are used. Every clip is padded or cut to this
            length, so that the longest clip of a set does not affect the others.

    References:
        Ioffe & Szegedy 2015, *Batch Normalization*.
    """

    bands_QM: Tensor

    def __init__(self, *, classes: Sequence[int], sample_rate: int, samples: int) -> None:
        super().__init__(classes=classes)
        self.sample_rate, self.samples = sample_rate, samples
        self.register_buffer("bands_QM", mel_bands(sample_rate), persistent=False)
        layers: list[nn.Module] = []
        before, bands = 1, BANDS
        for channels in CHANNELS:
            if layers:
                layers.append(nn.MaxPool2d(2, ceil_mode=True))
                bands = math.ceil(bands / 2)
            layers += [
                nn.Conv2d(before, channels, 3, padding=1, bias=False),
                nn.BatchNorm2d(channels),
                nn.ReLU(),
            ]
            before = channels
        self.see = nn.Sequential(*layers)
        self.hide = nn.Sequential(
            nn.Dropout(0.3), nn.Linear(2 * before * bands, FEATURES), nn.ReLU()
        )
        self.decide = nn.Linear(FEATURES, sum(classes))

    def features(self, items: Float[Tensor, "B S"]) -> Float[Tensor, "B F"]:
        """Return the features of clips of any width, NaN after the end."""
        clip_BS = of_width(items, self.samples)
        level_BTM = log_mel(clip_BS, sample_rate=self.sample_rate, bands_QM=self.bands_QM)
        seen_BCTM = self.see(level_BTM[:, None])
        return self.hide(torch.cat([seen_BCTM.mean(2), seen_BCTM.amax(2)], 1).flatten(1))

    def logits(self, features_BF: Float[Tensor, "B F"]) -> list[Tensor]:
        return list(self.decide(features_BF).split(self.classes, 1))


def mel_vectors(
    items: Float[Tensor, "N S"], *, sample_rate: int, samples: int
) -> Float[Tensor, "N F"]:
    """Return levels in mel bands as vectors, whose distances tell how similar clips sound.

    Args:
        items: clips, NaN after the end.
        sample_rate: samples per second.
        samples: number of samples of a clip to use: the same for all sets that are compared.
    """
    bands_QM = mel_bands(sample_rate).to(items.device)
    found = [
        log_mel(clip_CS, sample_rate=sample_rate, bands_QM=bands_QM).flatten(1)
        for clip_CS in of_width(items, samples).split(CHUNK)
    ]
    return torch.cat(found)


def level_frames(items: Float[Tensor, "N S"], *, sample_rate: int) -> Float[Tensor, "N T M"]:
    """Return levels in mel bands of every frame, NaN after the end of a clip."""
    bands_QM = mel_bands(sample_rate).to(items.device)
    found = [
        log_mel(clip_CS, sample_rate=sample_rate, bands_QM=bands_QM).masked_fill(
            ~frames_that_exist(clip_CS, sample_rate=sample_rate)[..., None], torch.nan
        )
        for clip_CS in items.split(CHUNK)
    ]
    return torch.cat(found)


def of_width(items: Float[Tensor, "N S"], samples: int) -> Float[Tensor, "N Z"]:
    """Cut clips to this many samples, or pad them with NaN.

    >>> of_width(torch.tensor([[0.1, 0.2]]), 1).shape, of_width(torch.zeros(2, 2), 3)[0].tolist()
    (torch.Size([1, 1]), [0.0, 0.0, nan])
    """
    missing = max(samples - items.shape[1], 0)
    return nn.functional.pad(items[:, :samples], (0, missing), value=torch.nan)
