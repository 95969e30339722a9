"""The discriminative and the predictive score of series, computed by recurrent networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from ...evaluation.distribution import TooFewSamples

LARGE, BATCH, LEARNING_RATE = 32, 128, 5e-3
"""Units of the larger network, and the batch size and learning rate of all networks."""

FOLDS = 2
"""Cross-validation folds: every series is classified by a network that has not seen it. A single
held-out part of a small set would be too noisy."""

MOST = 2000
"""Most series used of a set."""


class _Reader(nn.Module):
    """A GRU with one output per step."""

    def __init__(self, channels: int, hidden_size: int) -> None:
        super().__init__()
        self.recurrent = nn.GRU(channels, hidden_size, batch_first=True)
        self.decide = nn.Linear(hidden_size, 1)

    def forward(self, x_BTC: Float[Tensor, "B T C"]) -> Float[Tensor, "B T"]:
        return self.decide(self.recurrent(x_BTC)[0])[..., 0]


def published_size(channels: int) -> int:
    """Return the units of TimeGAN's networks for so many channels: half as many, at least 2.

    >>> published_size(5), published_size(12), published_size(1)
    (2, 6, 2)
    """
    return max(channels // 2, 2)


def _batches(count: int, steps: int, rng: torch.Generator) -> Iterator[Int[Tensor, " P"]]:
    """Yield the indices of ``steps`` batches, in a new order for each pass."""
    size = min(BATCH, count)
    order = torch.empty(0, dtype=torch.long)
    for _ in range(steps):
        if len(order) < size:
            order = torch.randperm(count, generator=rng)
        yield order[:size]
        order = order[size:]


def discriminative_score(
    real: Float[Tensor, "R T C"],
    samples: Float[Tensor, "N T C"],
    *,
    steps: int,
    hidden_size: int = LARGE,
    seed: int = 0,
) -> float:
    r"""Measure how well a recurrent classifier separates samples from real series.

    The score is :math:`|\text{accuracy} - 1/2|` on held-out series, as many real ones as samples:
    0 if the classifier guesses, .5 if it is always right. It reads each series to its end, so it
    also sees lengths. Each of two folds is held out once.

    Args:
        real: series of values of the order of 1, NaN after their end.
        samples: samples in the same form.
        steps: training steps for each fold.
        hidden_size: units of the classifier. A larger one detects more, so scores of different
            sizes are not comparable.
        seed: seed of the choice of series, the weights and the batches.

    Raises:
        TooFewSamples: a side has fewer than two series for each fold.

    References:
        Yoon et al. 2019, *Time-series Generative Adversarial Networks*, whose classifier has
        :func:`published_size`.
    """
    count = min(len(real), len(samples), MOST)
    if count < 2 * FOLDS:
        raise TooFewSamples(
            f"the discriminative score needs {2 * FOLDS} real series and as many samples"
        )
    rng = np.random.default_rng(seed)
    sides = [
        side[torch.from_numpy(rng.permutation(len(side))[:count])] for side in (real, samples)
    ]
    x_NTC = torch.cat(sides)
    truth_N = torch.arange(2 * count) < count
    fold_N = torch.arange(count).remainder(FOLDS).repeat(2)
    hits = 0
    for fold in range(FOLDS):
        held_N = fold_N == fold
        logit_P = _told_apart(
            _reader(x_NTC.shape[-1], hidden_size, seed + fold),
            x_NTC[~held_N],
            truth_N[~held_N].float(),
            x_NTC[held_N],
            steps=steps,
            seed=seed + fold,
        )
        hits += int(((logit_P > 0) == truth_N[held_N]).sum())
    return abs(hits / len(x_NTC) - 0.5)


def _reader(channels: int, hidden_size: int, seed: int) -> _Reader:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _Reader(channels, hidden_size)


def _trained(
    network: _Reader, count: int, loss: Callable[[Tensor], Tensor], *, steps: int, seed: int
) -> None:
    """Train a network on a loss that is a function of indices below ``count``."""
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=steps)
    for index in _batches(count, steps, torch.Generator().manual_seed(seed)):
        optimizer.zero_grad()
        loss(index).backward()
        optimizer.step()
        schedule.step()


def _told_apart(
    network: _Reader, x_NTC: Tensor, truth_N: Tensor, asked_PTC: Tensor, *, steps: int, seed: int
) -> Float[Tensor, " P"]:
    """Train a network, and return its logits for held-out series."""

    def loss(index: Tensor) -> Tensor:
        logit_B = _last(network, x_NTC[index])
        return nn.functional.binary_cross_entropy_with_logits(logit_B, truth_N[index])

    _trained(network, len(x_NTC), loss, steps=steps, seed=seed)
    with torch.no_grad():
        return _last(network, asked_PTC)


def _last(network: _Reader, x_BTC: Tensor) -> Float[Tensor, " B"]:
    """Return the output of a network at the last valid step."""
    last_B = (~x_BTC[..., 0].isnan()).sum(1).clamp(min=1) - 1
    logit_BT = network(x_BTC.nan_to_num(0.0))
    return logit_BT[torch.arange(len(x_BTC)), last_B]


def predictive_score(
    learned: Float[Tensor, "N S C"], asked: Float[Tensor, "R T C"], *, steps: int, seed: int = 0
) -> float:
    """Compute the mean absolute error of a network trained on one set in predicting another.

    As in TimeGAN, it predicts the last channel from the other channels of all earlier steps; if
    there is one channel only, from that channel.

    Args:
        learned: series to train on, from 0 to 1, NaN after their end.
        asked: real series to predict.
        steps: training steps.
        seed: seed of the choice of series, the weights and the batches.

    Raises:
        TooFewSamples: no series has two steps.

    References:
        Yoon et al. 2019, *Time-series Generative Adversarial Networks*.
    """
    rng = np.random.default_rng(seed)
    x_NTC = learned[torch.from_numpy(rng.permutation(len(learned))[:MOST])]
    given = slice(0, max(x_NTC.shape[-1] - 1, 1))
    for side in (x_NTC, asked):
        if not len(side) or not bool((~side[:, 1:, 0].isnan()).any()):
            raise TooFewSamples("the predictive score needs series of two steps or more")
    network = _reader(x_NTC[..., given].shape[-1], LARGE, seed)
    _trained(
        network,
        len(x_NTC),
        lambda index: _error(network, x_NTC[index], given),
        steps=steps,
        seed=seed,
    )
    with torch.no_grad():
        return float(_error(network, asked, given))


def _error(network: _Reader, x_BTC: Tensor, given: slice) -> Tensor:
    """Compute the mean absolute error of the last channel one step ahead, over valid steps."""
    truth_BT = x_BTC[:, 1:, -1]
    exists_BT = ~truth_BT.isnan()
    guess_BT = network(x_BTC[:, :-1, given].nan_to_num(0.0)).sigmoid()
    gap_BT = torch.where(exists_BT, guess_BT - truth_BT, 0.0)
    return gap_BT.abs().sum() / exists_BT.sum().clamp(min=1)
