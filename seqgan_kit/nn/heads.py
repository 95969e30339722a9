"""What a generator emits at a step. A head is the only part that knows what a step means."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from jaxtyping import Bool, Float
from torch import Tensor, nn

from ..batch import full_mask


@runtime_checkable
class Head(Protocol):
    """From hidden states to steps.

    Attributes:
        noise: how many random numbers the head needs at a step.
        feedback: features that it hands to the next step of a generator with output feedback.
    """

    noise: int
    feedback: int

    def __call__(self, h_BTH: Tensor, noise_BTN: Tensor) -> Tensor:
        """The steps ``[B, T, F]`` that belong to the hidden states."""
        ...

    def embed(self, x_BTF: Tensor) -> Tensor:
        """The steps as the next step sees them, ``[B, T, feedback]``."""
        ...

    def mask(self, x_BTF: Tensor) -> Tensor:
        """Which of the generated steps exist, ``[B, T]``."""
        ...


class ContinuousHead(nn.Module):
    """Real values between -1 and 1: ``tanh(W h + b)``.

    Args:
        hidden_size: width of the hidden states.
        features: numbers in a step.
    """

    noise = 0

    def __init__(self, hidden_size: int, features: int) -> None:
        super().__init__()
        self.feedback = features
        self.project = nn.Linear(hidden_size, features)

    def forward(
        self, h_BTH: Float[Tensor, "B T H"], noise_BTN: Float[Tensor, "B T N"]
    ) -> Float[Tensor, "B T F"]:
        return self.project(h_BTH).tanh()

    def embed(self, x_BTF: Float[Tensor, "B T F"]) -> Float[Tensor, "B T F"]:
        return x_BTF

    def mask(self, x_BTF: Float[Tensor, "B T F"]) -> Bool[Tensor, "B T"]:
        return full_mask(x_BTF.shape[0], x_BTF.shape[1], x_BTF.device)
