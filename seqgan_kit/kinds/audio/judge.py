"""The judge of clips of sound, which looks at a spectrogram of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ...evaluation.judge import FEATURES, Judge

BANDS = 40
FLOOR_DB, RANGE_DB = -60.0, 50.0
"""The level of a band that becomes 0, and how far above it 1 is. A full-scale sine is at about 0
dB in its band; what lies below the floor, and what does not exist, is 0."""

CHANNELS = (8, 16, 32, 64)
"""Of the convolutions; between them time and bands are halved."""

CHUNK = 512
"""Clips that are transformed together, which bounds the memory: about 130 megabytes for clips of
a second at 8 kHz."""


def hop_of(sample_rate: int) -> int:
    """Samples from one frame to the next: 16 ms."""
    return max(round(0.016 * sample_rate), 1)


def mel_bands(sample_rate: int) -> Float[Tensor, "Q M"]:
    """How much each frequency adds to each of the bands, from 0 to half the sample rate."""
    # Imported late: only sound needs torchaudio.
    from torchaudio.functional import melscale_fbanks

    return melscale_fbanks(_size(sample_rate) // 2 + 1, 0.0, sample_rate / 2, BANDS, sample_rate)


def _size(sample_rate: int) -> int:
    """Of the Fourier transform: more than the window, so that each band holds a frequency."""
    return max(2 ** math.ceil(math.log2(4 * hop_of(sample_rate))), 512)


def log_mel(
    items: Float[Tensor, "N S"],
    *,
    sample_rate: int,
    bands_QM: Float[Tensor, "Q M"] | None = None,
) -> Float[Tensor, "N T M"]:
    """Levels of clips in mel bands, from 0 (silence, or nothing there) to about 1 (full scale).

    Frames of 32 ms every 16 ms, whatever the codec of a model does, so that all models are looked
    at alike.

    Args:
        items: clips, NaN where they have ended.
        sample_rate: samples a second.
        bands_QM: :func:`mel_bands` of this rate, where they are at hand.
    """
    hop, size = hop_of(sample_rate), _size(sample_rate)
    if bands_QM is None:
        bands_QM = mel_bands(sample_rate).to(items.device)
    exists_NT = frames_that_exist(items, sample_rate=sample_rate)
    # A frame reaches one hop to either side of its middle. Only those that exist are transformed:
    # most clips are much shorter than the longest.
    sound_NS = nn.functional.pad(items.nan_to_num(0.0), (hop, 2 * hop))
    frame_NTW = sound_NS.unfold(1, 2 * hop, hop)[:, : exists_NT.shape[1]]
    frame_PW = frame_NTW[exists_NT] * torch.hann_window(2 * hop, device=items.device)
    magnitude_PQ = torch.fft.rfft(frame_PW, n=size).abs()
    # A sine is spread over frequencies whose magnitudes add up to half of its amplitude, times
    # the size of the transform.
    level_PM = magnitude_PQ @ bands_QM * (2 / size)
    decibel_PM = 20 * level_PM.clamp(min=10 ** (FLOOR_DB / 20)).log10()
    level_NTM = items.new_zeros(*exists_NT.shape, BANDS)
    level_NTM[exists_NT] = (decibel_PM - FLOOR_DB) / RANGE_DB
    return level_NTM


def frames_that_exist(items: Float[Tensor, "N S"], *, sample_rate: int) -> Bool[Tensor, "N T"]:
    """Frames whose middle lies before the end of the clip."""
    return ~items[:, :: hop_of(sample_rate)].isnan()


class SoundJudge(Judge):
    """Convolutions over a picture of levels in bands, over time their mean and maximum, and a
    hidden layer, whose activations are the features.

    Normalised over the batch, the layers can be thin, and learn in a minute what thick ones
    without it need several for.

    Args:
        classes: classes of each attribute.
        sample_rate: of the clips, samples a second.
        samples: of a clip that are looked at. Every clip is padded or cut to so many, so that the
            longest clip of a set does not change what is seen of the others.

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
        """Features of clips of any width, NaN where they have ended."""
        clip_BS = of_width(items, self.samples)
        level_BTM = log_mel(clip_BS, sample_rate=self.sample_rate, bands_QM=self.bands_QM)
        seen_BCTM = self.see(level_BTM[:, None])
        return self.hide(torch.cat([seen_BCTM.mean(2), seen_BCTM.amax(2)], 1).flatten(1))

    def logits(self, features_BF: Float[Tensor, "B F"]) -> list[Tensor]:
        return list(self.decide(features_BF).split(self.classes, 1))


def mel_vectors(
    items: Float[Tensor, "N S"], *, sample_rate: int, samples: int
) -> Float[Tensor, "N F"]:
    """Levels in mel bands as vectors, whose distances say how alike clips sound.

    Args:
        items: clips, NaN where they have ended.
        sample_rate: samples a second.
        samples: of a clip that count: the same number for all sets that are compared.
    """
    bands_QM = mel_bands(sample_rate).to(items.device)
    found = [
        log_mel(clip_CS, sample_rate=sample_rate, bands_QM=bands_QM).flatten(1)
        for clip_CS in of_width(items, samples).split(CHUNK)
    ]
    return torch.cat(found)


def of_width(items: Float[Tensor, "N S"], samples: int) -> Float[Tensor, "N Z"]:
    """Clips cut to so many samples, or padded with NaN.

    >>> of_width(torch.tensor([[0.1, 0.2]]), 1).shape, of_width(torch.zeros(2, 2), 3)[0].tolist()
    (torch.Size([1, 1]), [0.0, 0.0, nan])
    """
    missing = max(samples - items.shape[1], 0)
    return nn.functional.pad(items[:, :samples], (0, missing), value=torch.nan)
