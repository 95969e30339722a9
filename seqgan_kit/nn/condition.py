"""Label embeddings, for one class or several attributes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..labels import Ordered

WAVES = 6
"""Cosines of which the curve of a numeric attribute is made."""

NO_LABEL = -1
"""Stands in the place of a class for "whatever the label": its vector is zero."""


class LabelEmbedding(nn.Module):
    r"""A label embedding: the sum of one learned vector per attribute.

    That of a numeric attribute is a smooth curve over its value v in 0..1, a learned sum of
    :math:`v` and :math:`\cos(\pi k v) / k`, so that values between those of the data have vectors
    between theirs. An attribute that is :data:`NO_LABEL` adds nothing.

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
        # One table for all attributes; each has a range of it, which only numeric ones do not use.
        self.table = nn.Parameter(torch.randn(sum(classes), size) * scale)
        self._sizes = [int(count) for count in classes]
        self._numeric = [n for n, count in enumerate(classes) if isinstance(count, Ordered)]
        for attribute in self._numeric:
            basis_LK = _basis(cast(Ordered, classes[attribute]).positions)
            self.register_buffer(f"basis_{attribute}", basis_LK, persistent=False)
            curve_KE = torch.randn(basis_LK.shape[1], size) * scale
            self.register_parameter(f"curve_{attribute}", nn.Parameter(curve_KE))
        starts = [sum(classes[:attribute]) for attribute in range(len(classes))]
        self.register_buffer("start_A", torch.tensor(starts), persistent=False)

    def forward(self, label_BA: Int[Tensor, "B A"]) -> Float[Tensor, "B E"]:
        known_BA1 = (label_BA != NO_LABEL)[..., None]
        place_BA = label_BA.clamp(min=0) + self.start_A
        return (nn.functional.embedding(place_BA, self._vectors()) * known_BA1).sum(1)

    def _vectors(self) -> Float[Tensor, "C E"]:
        """Return the vectors of all classes of all attributes."""
        if not self._numeric:
            return self.table
        vectors = list(self.table.split(self._sizes))
        for attribute in self._numeric:
            basis_LK = self.get_buffer(f"basis_{attribute}")
            # It may be a tensor that stands in for the parameter (torch.func).
            vectors[attribute] = basis_LK @ getattr(self, f"curve_{attribute}")
        return torch.cat(vectors)


def _basis(positions: Sequence[float]) -> Float[Tensor, "L K"]:
    """Return smooth functions of values from -1 to 1."""
    share_L1 = (torch.tensor(positions)[:, None] + 1) / 2
    wave_W = torch.arange(1, WAVES + 1)
    return torch.cat([share_L1, (torch.pi * wave_W * share_L1).cos() / wave_W], 1)
