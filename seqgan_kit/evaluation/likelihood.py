"""How probable real data are under a model that says so: in nats an item."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..batch import Batch
from ..nn.gaussian import kl_to_prior
from ..nn.networks import Autoencoder, Generator
from ..nn.noise import Noise

ACTIVE = 0.01
"""Variance of a code's mean over the data above which a unit counts as active."""

READ = 500
"""Sequences that are read at a time: a probability for each of a vocabulary takes memory."""

DECODED = 4000
"""Sequences that are decoded at a time where codes are drawn many times for an item."""


@torch.no_grad()
def likelihood_figures(
    generator: Generator, batch: Batch, *, noise: Noise, draws: int = 200
) -> dict[str, float]:
    """Mean figures of given sequences; none for a generator without a likelihood.

    With an exact likelihood that is ``negative_log_likelihood`` alone. For an autoencoder it is
    the estimate of importance sampling, still an upper bound that falls with ``draws``, and
    beside it ``reconstruction``, ``kl`` and their sum, the ``bound``, and ``active_units``.

    Where the data hold values without a probability (grey under a head of black and white) these
    are cross-entropies, which do not compare with likelihoods: the figures are then named
    ``cross_entropy``, ``grey_reconstruction`` and ``grey_bound``.

    Args:
        generator: what is measured.
        batch: real sequences, all of them.
        noise: for the draws of codes.
        draws: codes drawn for each sequence.

    References:
        Burda et al. 2016, *Importance Weighted Autoencoders*, equation 8 and section 5.2.
    """
    covered = generator.covers(batch.x_BTF)
    total = "negative_log_likelihood" if covered else "cross_entropy"
    grey = "" if covered else "grey_"
    if generator.likelihood == "exact":
        nats = [-generator.log_prob(part).sum(1) for part in _parts(batch, READ)]
        return {total: torch.cat(nats).double().mean().item()}
    if not isinstance(generator, Autoencoder):
        return {}
    columns = []
    means_BZ = []
    for part in _parts(batch, max(DECODED // draws, 1)):
        mean_BZ, log_variance_BZ = generator.encode(part)
        means_BZ.append(mean_BZ)
        columns.append(_weigh(generator, part, mean_BZ, log_variance_BZ, noise, draws))
    reconstruction, kl, nats = torch.cat(columns).double().mean(0).tolist()
    active = torch.cat(means_BZ).var(0) > ACTIVE
    return {
        f"{grey}reconstruction": reconstruction,
        "kl": kl,
        f"{grey}bound": reconstruction + kl,
        total: nats,
        "active_units": float(active.sum()),
    }


@torch.no_grad()
def token_figures(
    generator: Generator, batch: Batch, temperature: float = 1.0
) -> dict[str, float]:
    """Nats a token of given sequences, and the perplexity.

    The end of a sequence counts as a token where it is one. Figures of different tokenizers do
    not compare.

    Args:
        generator: one with an exact likelihood.
        batch: sequences of tokens, all of them.
        temperature: that the generator's logits are divided by.
    """
    nats = torch.zeros((), dtype=torch.float64)
    # Only generators of tokens have a temperature, and only they are asked with one.
    options: dict[str, Any] = {} if temperature == 1.0 else {"temperature": temperature}
    for part in _parts(batch, READ):
        nats -= generator.log_prob(part, **options).double().sum().cpu()
    # A step is one token, or several.
    mean = nats.item() / (int(batch.mask_BT.sum()) * batch.x_BTF[0, 0].numel())
    return {"nats_per_token": mean, "perplexity": math.exp(min(mean, 700.0))}


def _parts(batch: Batch, size: int) -> Iterable[Batch]:
    for start in range(0, len(batch), size):
        yield batch.part(slice(start, start + size))


def _weigh(
    generator: Generator,
    batch: Batch,
    mean_BZ: Tensor,
    log_variance_BZ: Tensor,
    noise: Noise,
    draws: int,
) -> Float[Tensor, "B 3"]:
    """For each sequence reconstruction, divergence and importance-sampled log-likelihood."""
    count = len(batch)
    epsilon_NZ = noise.normal(count * draws, mean_BZ.shape[1])
    repeated = batch.part(torch.arange(count, device=mean_BZ.device).repeat_interleave(draws))
    z_NZ = mean_BZ.repeat_interleave(draws, 0) + epsilon_NZ * (
        (0.5 * log_variance_BZ).exp().repeat_interleave(draws, 0)
    )
    log_p_BD = generator.log_prob(repeated, z_NZ).sum(1).view(count, draws)
    # log p(z) - log q(z | x), in which the constants of the two normal densities cancel.
    ratio_NZ = 0.5 * (epsilon_NZ.square() - z_NZ.square())
    ratio_BD = ratio_NZ.sum(1).view(count, draws) + 0.5 * log_variance_BZ.sum(1, keepdim=True)
    log_likelihood_B = (log_p_BD + ratio_BD).logsumexp(1) - math.log(draws)
    kl_B = kl_to_prior(mean_BZ, log_variance_BZ)
    return torch.stack([-log_p_BD.mean(1), kl_B, -log_likelihood_B], 1)


def chosen_items(count: int, limit: int, seed: int = 0) -> np.ndarray:
    """Which items are measured where there are more than can be: a seeded choice, in order."""
    order = np.random.default_rng(seed).permutation(count)[:limit]
    return np.sort(order)
