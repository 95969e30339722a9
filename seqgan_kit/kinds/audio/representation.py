"""The interface of audio representations: log-mel frames, waveform frames and mu-law."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor, nn

Chunks = Iterable[tuple[Float[Tensor, "B S"], Int[Tensor, " B"]]]
"""Chunks of clips, zero after their ends, and their lengths."""


@runtime_checkable
class Representation(Protocol):
    """A way to encode audio as a sequence.

    Attributes:
        steps: steps per sequence.
        features: numbers per step, or the size of the vocabulary.
        group: tokens per step, if steps are tokens.
        shape: channels, height and width if a sequence is one step, a whole spectrogram.
        maps: lays steps out as feature maps; see :class:`~seqgan_kit.kind.Codec`.
    """

    steps: int
    features: int
    group: int = 1
    shape: tuple[int, int, int] | None = None
    maps: Callable[[Tensor], Tensor] | None = None

    def encode(self, sound_BS: Tensor, length_B: Tensor) -> Tensor:
        """Encode clips, zero after their ends, as sequences."""
        ...

    def decode(self, x_BTF: Tensor) -> tuple[Tensor, Tensor]:
        """Decode sequences; return samples, and the length of each clip."""
        ...

    def learn(self, chunks: Chunks) -> dict[str, Any]:
        """Return the settings learned from training clips."""
        return {}

    def exact(self, x: Tensor) -> Tensor:
        """Return generated steps with exact ends; see :class:`~seqgan_kit.kind.Codec`."""
        return x

    def augmentation(self) -> nn.Module | None:
        """Return a module that changes sequences; see :class:`~seqgan_kit.kind.Codec`."""
        return None

    def view(self) -> nn.Module | None:
        """Return a module that embeds steps for a discriminator; ``None`` reads them unchanged."""
        return None
