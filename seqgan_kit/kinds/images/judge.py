"""The judge for images."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from ...evaluation.judge import FEATURES, Judge


class ImageJudge(Judge):
    """Two convolutions and a hidden layer whose activations are the features.

    Args:
        channels: channels of the images.
        classes: number of classes of each attribute.
    """

    def __init__(self, *, channels: int, classes: Sequence[int]) -> None:
        super().__init__(classes=classes)
        self.see = nn.Sequential(
            nn.Conv2d(channels, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True),
            nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True),
            nn.AdaptiveAvgPool2d(7), nn.Flatten(), nn.Dropout(0.25),
            nn.Linear(64 * 49, FEATURES), nn.ReLU(),
        )  # fmt: skip
        self.decide = nn.Linear(FEATURES, sum(classes))

    def features(self, items: Float[Tensor, "B h w c"]) -> Float[Tensor, "B F"]:
        """Compute features of images with values from 0 to 1."""
        return self.see(items.movedim(-1, 1) * 2 - 1)

    def logits(self, features_BF: Float[Tensor, "B F"]) -> list[Tensor]:
        return list(self.decide(features_BF).split(self.classes, 1))
