"""Label embeddings, for one class or several attributes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


class LabelEmbedding(nn.Module):
    """A label embedding: the sum of one learned vector per attribute.

    Args:
        classes: number of classes of each attribute, ``(10,)`` for ten digits, ``(10, 6)`` for
            digit and speaker.
        size: embedding size.
        scale: standard deviation of the initial weights.
    """

    start_A: Tensor

    def __init__(self, classes: Sequence[int], size: int, scale: float = 1.0) -> None:
        super().__init__()
        if not classes or min(classes) < 1:
            raise ValueError(f"every attribute needs at least one class, got {tuple(classes)}")
        # One table for all attributes; each has its own range of rows.
        self.table = nn.Parameter(torch.randn(sum(classes), size) * scale)
        starts = [sum(classes[:attribute]) for attribute in range(len(classes))]
        self.register_buffer("start_A", torch.tensor(starts), persistent=False)

    def forward(self, label_BA: Int[Tensor, "B A"]) -> Float[Tensor, "B E"]:
        return nn.functional.embedding(label_BA + self.start_A, self.table).sum(1)
