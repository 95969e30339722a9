"""What a step of audio can be: the interface of log-mel frames, waveform frames and mu-law."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor, nn

Chunks = Iterable[tuple[Float[Tensor, "B S"], Int[Tensor, " B"]]]
"""Some clips at a time, zero behind their ends, and their lengths."""


@runtime_checkable
class Representation(Protocol):
    """Sound as a sequence and back.

    Attributes:
        steps: of a sequence.
        features: numbers of a step, or the size of the vocabulary.
        group: tokens of a step, where steps are tokens.
        shape: channels, height and width where a sequence is one step, a whole spectrogram.
    """

    steps: int
    features: int
    group: int = 1
    shape: tuple[int, int, int] | None = None

    def encode(self, sound_BS: Tensor, length_B: Tensor) -> Tensor:
        """Turn clips, zero behind their ends, into sequences."""
        ...

    def decode(self, x_BTF: Tensor) -> tuple[Tensor, Tensor]:
        """Turn sequences into sound; return how many samples of it exist, too."""
        ...

    def learn(self, chunks: Chunks) -> dict[str, Any]:
        """Return the settings that are learned from training clips."""
        return {}

    def view(self) -> nn.Module | None:
        """Return what embeds each step for a discriminator; ``None``: it reads them unchanged."""
        return None
