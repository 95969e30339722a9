"""The audio codec: clips as sequences of frames, samples or tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ...batch import full_mask
from ...data.dataset import Items
from ...data.unequal import as_objects, lengths, padded, unpadded
from ...errors import UsageError
from ...kind import Codec
from .log_mel import LogMel
from .representation import Representation
from .waveform import Cosines, MuLaw, Waveform

LEARNED = 512
"""Clips per chunk while a representation is learned."""


def _log_mel(samples: int, sample_rate: int, **settings: Any) -> Representation:
    return LogMel(samples=samples, sample_rate=sample_rate, **settings)


def _waveform(
    samples: int, sample_rate: int, *, transform: str = "none", **settings: Any
) -> Representation:
    # A recipe has the keys of both transforms; its schema checks that unused ones are not set.
    others = ("overlap",) if transform == "cosines" else ("frames", "bands")
    own = {name: value for name, value in settings.items() if name not in others}
    if transform == "cosines":
        return Cosines(samples=samples, sample_rate=sample_rate, **own)
    return Waveform(samples=samples, **own)


def _mu_law(samples: int, sample_rate: int, **settings: Any) -> Representation:
    return MuLaw(samples=samples, **settings)


def _vocoder(samples: int, sample_rate: int, **settings: Any) -> Representation:
    from .vocoder import Vocoder

    return Vocoder(samples=samples, sample_rate=sample_rate, **settings)


REPRESENTATIONS: Mapping[str, Callable[..., Representation]] = {
    "log-mel": _log_mel,
    "waveform": _waveform,
    "mu-law": _mu_law,
    "vocoder": _vocoder,
}


class AudioCodec(Codec):
    """Codec between clips and sequences.

    The mask is always true: the end of a clip is encoded in the sequence, as a channel or a token,
    and followed by silence, which a discriminator reads like everything else. A mask computed from
    generated values would pass no gradient to the position of the end.

    Args:
        sample_rate: samples per second.
        samples: maximum number of samples in a clip.
        peak: the peak to which decoded clips are scaled; ``None``: only peaks above 1 are scaled
            down.
        representation: settings of the representation, and its ``kind``: ``"log-mel"``,
            ``"waveform"``, ``"mu-law"`` or ``"vocoder"``.
    """

    def __init__(
        self,
        *,
        sample_rate: int,
        samples: int,
        peak: float | None,
        representation: Mapping[str, Any],
    ) -> None:
        self.sample_rate, self.samples, self.peak = sample_rate, samples, peak
        settings = dict(representation)
        self._representation = REPRESENTATIONS[settings.pop("kind")](
            samples, sample_rate, **settings
        )
        self.steps = self._representation.steps
        self.features = self._representation.features
        self.group = self._representation.group
        self.shape = self._representation.shape
        self.maps = self._representation.maps

    def exact(self, x: Tensor) -> Tensor:
        return self._representation.exact(x)

    def augmentation(self) -> nn.Module | None:
        return self._representation.augmentation()

    def view(self) -> nn.Module | None:
        return self._representation.view()

    def encode(self, raw: np.ndarray) -> tuple[Tensor, Bool[Tensor, "B T"]]:
        """Encode clips as sequences ``[B, T, F]`` or token ids; the mask is true everywhere."""
        sound_BS = padded(list(raw), self.samples)
        x = self._representation.encode(sound_BS.nan_to_num(0.0), lengths(sound_BS))
        return x, full_mask(len(raw), self.steps)

    def decode(self, x: Tensor, mask_BT: Bool[Tensor, "B T"]) -> Float[Tensor, "B S"]:
        """Decode sequences to clips, NaN after the end of a clip."""
        sound_BS, length_B = self._representation.decode(x)
        exists_BS = torch.arange(sound_BS.shape[1], device=x.device) < length_B[:, None]
        sound_BS = torch.where(exists_BS, sound_BS, 0.0)
        loudest_B1 = sound_BS.abs().amax(1, keepdim=True).clamp(min=1e-5)
        wanted = loudest_B1.clamp(max=1.0) if self.peak is None else self.peak
        sound_BS = sound_BS * (wanted / loudest_B1)
        return torch.where(exists_BS, sound_BS, torch.nan)

    def beginning(self, raw: Float[np.ndarray, " S"]) -> Tensor:
        """Return the first steps of a clip, those that end before the beginning does.

        Raises:
            UsageError: it is too short or too long.
        """
        steps = len(raw) * self.steps // self.samples - 1
        if not 0 < steps < self.steps - 1:
            step = 1000 * self.samples / self.sample_rate / self.steps
            raise UsageError(
                f"a beginning of {1000 * len(raw) / self.sample_rate:.0f} ms: it needs 2 steps of "
                f"{step:.0f} ms, and to be shorter than the longest clip of "
                f"{1000 * self.samples / self.sample_rate:.0f} ms"
            )
        return self.encode(as_objects([raw]))[0][0, :steps]

    def present(self, things: Float[Tensor, "N S"]) -> np.ndarray:
        """Return clips as a user gets them: an object array of rows of samples."""
        return as_objects(unpadded(things))


def learn_representation(
    clips: Items, settings: Mapping[str, Any], *, sample_rate: int, samples: int
) -> dict[str, Any]:
    """Return the settings of a representation, with what it learns from the training clips.

    Raises:
        DataError: the settings do not fit together.
    """
    given = dict(settings)
    made = REPRESENTATIONS[given.pop("kind")](samples, sample_rate, **given)
    return {**settings, **made.learn(_Chunks(clips, samples))}


@dataclass(frozen=True)
class _Chunks:
    """Clips in chunks, which can be iterated over repeatedly."""

    clips: Items
    samples: int

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for start in range(0, len(self.clips), LEARNED):
            sound_BS = padded(list(self.clips[start : start + LEARNED]), self.samples)
            yield sound_BS.nan_to_num(0.0), lengths(sound_BS)


def audio_codec(codec: object) -> AudioCodec:
    """Return the codec if it is an audio codec.

    Raises:
        TypeError: it is another codec.
    """
    if not isinstance(codec, AudioCodec):
        raise TypeError(f"{type(codec).__name__} is not an audio codec")
    return codec
