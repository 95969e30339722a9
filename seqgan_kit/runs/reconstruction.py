"""What an autoencoder makes of real items."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from ..batch import Batch
from ..data.dataset import Dataset
from ..errors import NotSupported
from ..nn.networks import Autoencoder
from ..nn.noise import seeded_noise
from ..recipe import Recipe
from .sampler import Sampler
from .scoring import test_part


class NoEncoder(NotSupported):
    """The error for a reconstruction with a run that has no encoder."""


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
    return codec.decode(x, mask_BT), reconstruct(sampler, Batch(*on_device))


def check_encoder(sampler: Sampler) -> Autoencoder:
    """Return the network of a sampler if it has an encoder.

    Raises:
        NoEncoder: it has none.
    """
    if not isinstance(sampler.generator, Autoencoder):
        raise NoEncoder(
            "this run has no encoder: only variational autoencoders (model.kind vae or "
            "recurrent_vae) can reconstruct"
        )
    return sampler.generator


@torch.no_grad()
def reconstruct(sampler: Sampler, batch: Batch) -> Float[Tensor, "N ..."]:
    """Reconstruct sequences from the mean of their codes.

    Raises:
        NoEncoder: the network is not an autoencoder.
    """
    mean_BZ, _ = check_encoder(sampler).encode(batch)
    drawn = sampler.generator.draw(len(batch), seeded_noise(0, sampler.device))
    return sampler.decoded(drawn._replace(z_BZ=mean_BZ), batch.label_BA)
