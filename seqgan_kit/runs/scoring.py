"""What a trained discriminator makes of every step of real items and of samples."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from ..data.dataset import DataError, Dataset, Part
from ..errors import NotSupported
from ..evaluation.attribution import step_scores
from ..nn.networks import Discriminator
from ..recipe import Recipe
from ..training.run import Run
from .data import seen
from .loading import has_critic, load_critic
from .sampler import Sampler

NEUTRAL = 1000
"""Real items whose mean step stands for a step that says nothing."""


class Scored(NamedTuple):
    """Some sequences, and for every step a score from -1 (generated) to 1 (real)."""

    x: Tensor
    mask_BT: Bool[Tensor, "B T"]
    score_BT: Float[Tensor, "B T"]


class Scores(NamedTuple):
    """Real sequences and samples of the same labels, scored on one scale.

    Attributes:
        real: test items.
        made: samples.
        label_NA: the labels of both.
        explanation: what the scores are, for people.
    """

    real: Scored
    made: Scored
    label_NA: Int[np.ndarray, "N A"]
    explanation: str


def scores(
    dataset: Dataset,
    run: Run,
    recipe: Recipe,
    sampler: Sampler,
    *,
    seed: int,
    checkpoint: str | None = None,
    count: int = 8,
) -> Scores:
    """Score the steps of about ``count`` real items, and of as many samples.

    Args:
        dataset: the run's data.
        run: of which discriminator.
        recipe: the run's.
        sampler: of the same checkpoint.
        seed: of the samples.
        checkpoint: a step number; the best or else the newest if absent.
        count: how many, rounded up to whole groups of the minibatch feature.

    Raises:
        NotSupported: the run has no discriminator that reads step by step.
        DataError: there is no test part.
    """
    codec = sampler.codec
    if not has_critic(run, recipe) or codec.steps == 1:
        raise NotSupported(f"{run.path} has no discriminator that reads step by step")
    critic = load_critic(run, recipe, checkpoint=checkpoint)
    group = max(recipe.minibatch_group, 1)
    part = test_part(recipe, dataset)
    chosen = _groups(part.label_NA, group, -(-count // group))
    label_NA = part.label_NA[chosen]
    label_BA = torch.from_numpy(label_NA)
    written = next(sampler.written(label_NA, seed=seed))
    sides = [
        codec.encode(part.pick(chosen)),
        (written.x_BTF.cpu(), written.mask_BT.cpu()),
    ]
    neutral = _neutral(critic, *codec.encode(part.items[:NEUTRAL]))
    found = []
    for x, mask_BT in sides:
        embedded_BTF = critic.embed(x).detach()
        neutral_BTF = neutral.expand_as(embedded_BTF)
        found.append(step_scores(critic, embedded_BTF, label_BA, mask_BT, neutral_BTF, group))
    every_step = critic.logits != "sequence"
    if every_step:
        # Most losses do not fix where zero is: it is put between real items and samples.
        means = [score[mask].mean() for score, (_, mask) in zip(found, sides, strict=True)]
        middle = torch.stack(means).mean()
        found = [score - middle for score in found]
    largest = max(score.abs().max().item() for score in found) or 1.0
    real, made = (Scored(*side, score / largest) for side, score in zip(sides, found, strict=True))
    what = (
        "the logit of that step, from half-way between the two."
        if every_step
        else "what the logit loses when the step is replaced by the mean of real ones."
    )
    return Scores(
        real,
        made,
        label_NA,
        "Real items and samples of the same labels; step by step, what speaks for real (blue) and "
        f"for generated (red): {what}",
    )


def test_part(recipe: Recipe, dataset: Dataset) -> Part:
    """Return the test items as the networks see them.

    Raises:
        DataError: there are none.
    """
    part = seen(recipe, dataset).parts["test"]
    if not len(part):
        raise DataError(f"{dataset.name} has no test part to show: set data.test")
    return part


@torch.no_grad()
def _neutral(critic: Discriminator, x: Tensor, mask_BT: Tensor) -> Tensor:
    """The mean embedded step: of each place where all sequences are full, else of all places."""
    embedded_BTF = critic.embed(x)
    if bool(mask_BT.all()):
        return embedded_BTF.mean(0)
    return embedded_BTF[mask_BT].mean(0)


def _groups(label_NA: np.ndarray, group: int, count: int) -> np.ndarray:
    """Choose groups of items that share a label, as a critic with a minibatch feature knows them.

    >>> _groups(np.array([[0], [1], [0], [0], [0]]), 2, 3).tolist()
    [0, 2, 1, 1, 3, 4]
    """
    _, class_N = np.unique(label_NA, axis=0, return_inverse=True)
    members = [np.flatnonzero(class_N.ravel() == k) for k in range(class_N.max() + 1)]
    groups = []
    for number in range(count):
        turn, place = divmod(number, len(members))
        # A class with too few items repeats them, as batches do.
        index = np.arange(turn * group, (turn + 1) * group)
        groups.append(members[place].take(index, mode="wrap"))
    return np.concatenate(groups)
