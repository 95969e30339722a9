"""What an autoencoder makes of real items."""

from __future__ import annotations

import torch
from torch import Tensor

from ..batch import Batch
from ..data.dataset import Dataset
from ..recipe import Recipe
from .sampler import Sampler
from .scoring import test_part


def reconstructions(
    recipe: Recipe, dataset: Dataset, sampler: Sampler, count: int
) -> tuple[Tensor, Tensor]:
    """Decode the first test items, and what an autoencoder writes from their codes.

    Args:
        recipe: of the run.
        dataset: its data.
        sampler: of its network.
        count: of items, as many as there are at most.

    Raises:
        NoEncoder: the run has no encoder.
        DataError: there is no test part.
    """
    part = test_part(recipe, dataset)
    count = min(count, len(part))
    codec = sampler.codec
    x, mask_BT = codec.encode(part.items[:count])
    label_BA = torch.from_numpy(part.label_NA[:count])
    on_device = (one.to(sampler.device) for one in (x, mask_BT, label_BA))
    written = sampler.reconstruct(Batch(*on_device))
    return codec.decode(x, mask_BT), written
