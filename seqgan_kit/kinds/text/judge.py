"""The judge of text, which needs no vocabulary."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ...evaluation.judge import FEATURES, Judge
from .units import PADDING

EMBEDDING = 64
CHANNELS = 64
WIDTHS = (1, 2, 3)
FORGOTTEN = 0.3
"""Share of the units that are dropped at random in training; without this, the judge memorises
which line contains which rare word."""


class WordJudge(Judge):
    """A judge of rows of units, which reads the short patterns and the average unit of a line.

    Convolutions over one, two and three units are max-pooled over the line and concatenated with
    the sum of the unit embeddings divided by the root of their number. The activations of a
    hidden layer on top are the features.

    Args:
        classes: number of classes of each attribute.
        buckets: rows of the embedding, one of them for padding. The row of a unit is its number
            modulo the number of the others, so some units share a row.

    References:
        Kim 2014, *Convolutional Neural Networks for Sentence Classification*, section 2; Iyyer
        et al. 2015, *Deep Unordered Composition Rivals Syntactic Methods*, for the average and
        the dropped units; Weinberger et al. 2009, *Feature Hashing*.
    """

    def __init__(self, *, classes: Sequence[int], buckets: int = 2**15) -> None:
        super().__init__(classes=classes)
        self.embed = nn.Embedding(buckets, EMBEDDING, padding_idx=0)
        with torch.no_grad():
            # Small, so that what is learned about a unit soon outweighs its initial value.
            self.embed.weight.mul_(0.05)
        self.see = nn.ModuleList(nn.Linear(EMBEDDING * width, CHANNELS) for width in WIDTHS)
        self.hide = nn.Sequential(
            nn.Dropout(0.5), nn.Linear(CHANNELS * len(WIDTHS) + EMBEDDING, FEATURES), nn.ReLU()
        )
        self.decide = nn.Linear(FEATURES, sum(classes))

    def features(self, items: Int[Tensor, "B L"]) -> Float[Tensor, "B F"]:
        """Return the features of rows of units, which do not depend on the padding."""
        exists_BL = items != PADDING
        row_BL = torch.where(exists_BL, items % (self.embed.num_embeddings - 1) + 1, 0)
        if self.training:
            row_BL = row_BL * (torch.rand(row_BL.shape, device=row_BL.device) > FORGOTTEN)
        # A window starts at each unit; the last ones extend past the end of the line. No others
        # are computed: most of a batch is padding after lines shorter than the longest.
        row_BLW = nn.functional.pad(row_BL, (0, WIDTHS[-1] - 1)).unfold(1, WIDTHS[-1], 1)
        x_PWE = self.embed(row_BLW[exists_BL])
        line_P = exists_BL.nonzero()[:, 0]
        empty_BE = x_PWE.new_zeros(len(items), EMBEDDING)
        root_B = exists_BL.sum(1).clamp(min=1).sqrt()
        found = [empty_BE.index_add(0, line_P, x_PWE[:, 0]) / root_B[:, None]]
        for convolution, width in zip(self.see, WIDTHS, strict=True):
            seen_PC = convolution(x_PWE[:, :width].flatten(1)).relu()
            empty_BC = seen_PC.new_zeros(len(items), CHANNELS)
            index_PC = line_P[:, None].expand_as(seen_PC)
            found.append(empty_BC.scatter_reduce(0, index_PC, seen_PC, "amax"))
        return self.hide(torch.cat(found, 1))

    def logits(self, features_BF: Float[Tensor, "B F"]) -> list[Tensor]:
        return list(self.decide(features_BF).split(self.classes, 1))
