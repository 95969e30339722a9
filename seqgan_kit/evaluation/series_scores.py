"""Two scores of series by recurrent networks: can they be told apart, and do they predict."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from .distribution import TooFewSamples

HIDDEN, BATCH, LEARNING_RATE = 32, 128, 5e-3
FOLDS = 4
"""Parts of which each is held out once, so that every series is judged by a network that has not
seen it: a single part of a small set would say little."""

MOST = 2000
"""Series of a set that are looked at, at most."""


class _Reader(nn.Module):
    """A GRU that gives some numbers at every step."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.recurrent = nn.GRU(channels, HIDDEN, batch_first=True)
        self.decide = nn.Linear(HIDDEN, outputs)

    def forward(self, x_BTC: Float[Tensor, "B T C"]) -> Float[Tensor, "B T O"]:
        return self.decide(self.recurrent(x_BTC)[0])


def _batches(count: int, steps: int, rng: torch.Generator) -> Iterator[Int[Tensor, " P"]]:
    """Indexes of so many batches, pass after pass in a new order."""
    size = min(BATCH, count)
    order = torch.empty(0, dtype=torch.long)
    for _ in range(steps):
        if len(order) < size:
            order = torch.randperm(count, generator=rng)
        yield order[:size]
        order = order[size:]


def discriminative_score(
    real: Float[Tensor, "R T C"], samples: Float[Tensor, "N T C"], *, steps: int, seed: int = 0
) -> float:
    r"""How far a recurrent classifier gets in telling samples from real series.

    :math:`|\text{accuracy} - 1/2|` on series that it has not learned from, as many real ones as
    samples: 0 where it can only guess, .5 where it is always right. The classifier reads a series
    to its end, so that it also sees lengths. Each of four parts is held out once.

    Args:
        real: series of values of the order of 1, NaN where they have ended.
        samples: the same of samples.
        steps: of training, for each part.
        seed: of the choice of series, of weights and batches.

    Raises:
        TooFewSamples: fewer than two series for each part on a side.

    References:
        Yoon et al. 2019, *Time-series Generative Adversarial Networks*, whose classifier is
        smaller: on the same series its score is lower.
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
            x_NTC[~held_N], truth_N[~held_N], x_NTC[held_N], steps=steps, seed=seed + fold
        )
        hits += int(((logit_P > 0) == truth_N[held_N]).sum())
    return abs(hits / len(x_NTC) - 0.5)


def _told_apart(
    x_NTC: Tensor, truth_N: Bool[Tensor, " N"], asked_PTC: Tensor, *, steps: int, seed: int
) -> Float[Tensor, " P"]:
    """Logits for held-out series after training on others."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _Reader(x_NTC.shape[-1], 1)
    rng = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=steps)
    for index in _batches(len(x_NTC), steps, rng):
        loss = nn.functional.binary_cross_entropy_with_logits(
            _last(network, x_NTC[index]), truth_N[index].float()
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        return _last(network, asked_PTC)


def _last(network: _Reader, x_BTC: Tensor) -> Float[Tensor, " B"]:
    """What a network gives at the last step that exists."""
    last_B = (~x_BTC[..., 0].isnan()).sum(1).clamp(min=1) - 1
    logit_BT1 = network(x_BTC.nan_to_num(0.0))
    return logit_BT1[torch.arange(len(x_BTC)), last_B, 0]


def predictive_score(
    learned: Float[Tensor, "N T C"], asked: Float[Tensor, "R T C"], *, steps: int, seed: int = 0
) -> float:
    """Mean absolute error of what a network that learned from some series predicts of others.

    The last channel of a step from the other channels of all steps before it, as TimeGAN does;
    of series of one channel, from that channel.

    Args:
        learned: series to learn from, from 0 to 1, NaN where they have ended.
        asked: real series that are predicted.
        steps: of training.
        seed: of the choice of series, of weights and batches.

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
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _Reader(len(range(x_NTC.shape[-1])[given]), 1)
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=steps)
    for index in _batches(len(x_NTC), steps, torch.Generator().manual_seed(seed)):
        loss = _error(network, x_NTC[index], given)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        return float(_error(network, asked, given))


def _error(network: _Reader, x_BTC: Tensor, given: slice) -> Tensor:
    """Mean absolute error of the last channel, one step ahead, where that step exists."""
    truth_BT = x_BTC[:, 1:, -1]
    exists_BT = ~truth_BT.isnan()
    guess_BT = network(x_BTC[:, :-1, given].nan_to_num(0.0))[..., 0].sigmoid()
    gap_BT = torch.where(exists_BT, guess_BT - truth_BT, 0.0)
    return gap_BT.abs().sum() / exists_BT.sum().clamp(min=1)
