"""Likelihood of real data under a model, in nats per item."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..batch import Batch
from ..errors import NotSupported
from ..nn.gaussian import kl_to_prior
from ..nn.networks import Autoencoder, Generator
from ..nn.noise import Noise

ACTIVE = 0.01
"""Variance over the data of the mean of a code, above which a unit counts as active."""

READ = 500
"""Sequences scored at a time: a probability for each token of a vocabulary takes memory."""

DECODED = 4000
"""Sequences decoded at a time, if many codes are drawn for each item."""


@torch.no_grad()
def likelihood_figures(
    generator: Generator, batch: Batch, *, noise: Noise, draws: int = 200
) -> dict[str, float]:
    """Compute mean likelihood metrics of sequences; none for a generator without a likelihood.

    A generator with an exact likelihood has ``negative_log_likelihood`` only. For an autoencoder
    this is an importance-sampling estimate, an upper bound that falls with ``draws``; it also has
    ``reconstruction``, ``kl``, their sum ``bound``, and ``active_units``.

    Values without a probability (grey values under a black-and-white head) give cross-entropies,
    which are not comparable with likelihoods. The metrics are then named ``cross_entropy``,
    ``grey_reconstruction`` and ``grey_bound``.

    Args:
        generator: the generator to measure.
        batch: all real sequences.
        noise: source of the random codes.
        draws: codes drawn for each sequence.

    References:
        Burda et al. 2016, *Importance Weighted Autoencoders*, equation 8 and section 5.2.
    """
    covered = generator.covers(batch.x_BTF)
    total = "negative_log_likelihood" if covered else "cross_entropy"
    grey = "" if covered else "grey_"
    if generator.likelihood == "exact":
        return {total: _exact_nats(generator, batch).double().mean().item()}
    if not isinstance(generator, Autoencoder):
        return {}
    columns_B3, mean_BZ = _weighed(generator, batch, noise, draws)
    reconstruction, kl, nats = columns_B3.double().mean(0).tolist()
    active = mean_BZ.var(0) > ACTIVE
    return {
        f"{grey}reconstruction": reconstruction,
        "kl": kl,
        f"{grey}bound": reconstruction + kl,
        total: nats,
        "active_units": float(active.sum()),
    }


@torch.no_grad()
def sequence_nats(
    generator: Generator, batch: Batch, *, noise: Noise, draws: int
) -> Float[Tensor, " B"]:
    """Return the negative log-likelihood of each sequence, or what an autoencoder has for it.

    Args:
        generator: a generator whose ``likelihood`` is ``"exact"`` or ``"bound"``.
        batch: all sequences.
        noise: source of the random codes.
        draws: codes drawn for each sequence.

    Raises:
        NotSupported: the generator has neither.
    """
    if generator.likelihood == "exact":
        return _exact_nats(generator, batch)
    if not isinstance(generator, Autoencoder):
        raise NotSupported("this generator gives sequences no likelihood")
    return _weighed(generator, batch, noise, draws)[0][:, 2]


def _exact_nats(generator: Generator, batch: Batch) -> Float[Tensor, " B"]:
    return torch.cat([-generator.log_prob(part).sum(1) for part in _parts(batch, READ)])


def _weighed(
    generator: Autoencoder, batch: Batch, noise: Noise, draws: int
) -> tuple[Float[Tensor, "B 3"], Float[Tensor, "B Z"]]:
    """Return the columns of :func:`_weigh` and the mean codes of all sequences."""
    columns, means = [], []
    for part in _parts(batch, max(DECODED // draws, 1)):
        mean_BZ, log_variance_BZ = generator.encode(part)
        means.append(mean_BZ)
        columns.append(_weigh(generator, part, mean_BZ, log_variance_BZ, noise, draws))
    return torch.cat(columns), torch.cat(means)


@torch.no_grad()
def token_figures(
    generator: Generator, batch: Batch, temperature: float = 1.0
) -> dict[str, float]:
    """Compute the nats per token of sequences, and the perplexity.

    An end token counts as a token. Values of different tokenizers are not comparable.

    Args:
        generator: a generator with an exact likelihood.
        batch: all sequences of tokens.
        temperature: divisor of the generator's logits.
    """
    nats = torch.zeros((), dtype=torch.float64)
    # Only generators of tokens accept a temperature.
    options: dict[str, Any] = {} if temperature == 1.0 else {"temperature": temperature}
    for part in _parts(batch, READ):
        nats -= generator.log_prob(part, **options).double().sum().cpu()
    # A step has one token or several.
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
    """Compute reconstruction, divergence and importance-sampled likelihood of each sequence."""
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
    """Choose up to ``limit`` items at random; return their indices in order."""
    order = np.random.default_rng(seed).permutation(count)[:limit]
    return np.sort(order)
