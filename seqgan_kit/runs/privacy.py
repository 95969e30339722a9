"""Training with privacy, put together from a recipe and its data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int

from ..data.dataset import Dataset
from ..data.loader import SequenceStore
from ..data.poisson import PoissonBatches
from ..errors import UsageError
from ..kind import Codec
from ..objectives.objective import Moment, Objective, Turn
from ..recipe import Recipe
from ..recipe.privacy import PrivacyRecipe
from ..training.budget import PrivacyBudget, noise_for
from ..training.checkpoint import read_progress
from ..training.private import Private, refuse_mixed
from ..training.runtime import Runtime
from .data import trainable
from .watch import Watch

COMPARED = 3
"""Items by which it is checked that gradients are apart."""

NOT_COVERED = (
    "privacy: what a codec learns from the data (a tokenizer, a normalisation), figures, and "
    "sizes of the data are not covered; docs/privacy.md says more"
)


def with_privacy(
    recipe: Recipe,
    settings: PrivacyRecipe,
    *,
    dataset: Dataset,
    codec: Codec,
    classes: tuple[int, ...],
    store: SequenceStore,
    objective: Objective,
    runtime: Runtime,
    watch: Watch,
) -> tuple[Private, PoissonBatches, PrivacyBudget]:
    """Return the objective with private gradients, batches for it, and its budget.

    Raises:
        UsageError: there are several processes, no such attribute, delta is too large for so many
            units, or Opacus is not installed.
        DataError: a batch is larger than the data, or the gradients of items are not apart.
    """
    if runtime.world > 1:
        raise UsageError("train.privacy: only one process can train with privacy")
    batches = PoissonBatches(
        store,
        batch_size=recipe.train.batch_size,
        classes=classes,
        unit_N=_units(recipe, settings, dataset, codec),
        unit_items=settings.unit_items,
    )
    if settings.delta * batches.units >= 1:
        raise UsageError(
            f"train.privacy.delta: {settings.delta:g} would allow to publish one of "
            f"{batches.units} units; choose less than {1 / batches.units:.1g}"
        )
    for network in objective.networks.values():
        network.to(runtime.device).train()
    with torch.random.fork_rng(devices=[]):
        first = store.batch(torch.arange(min(COMPARED, len(store)), device=store.x.device))
        refuse_mixed(objective, first)
    turns = [turn for turn in objective.turns if turn.reads]
    sigma = settings.noise_multiplier
    if sigma is None:
        sigma = noise_for(
            settings.epsilon, delta=settings.delta, rate=batches.rate,
            count=_planned(turns, recipe.train.steps), accountant=settings.accountant,
        )  # fmt: skip
    budget = PrivacyBudget(
        epsilon=settings.epsilon,
        delta=settings.delta,
        noise_multiplier=sigma,
        rate=batches.rate,
        calls=lambda step: _calls(turns, step, recipe.train.steps),
        most_calls=sum(turn.repeats for turn in turns),
        steps=recipe.train.steps,
        accountant=settings.accountant,
        say=watch.say,
    )
    watch.say(
        f"privacy: epsilon {settings.epsilon:g} at delta {settings.delta:g} for each "
        f"{settings.unit} of {batches.units}; noise {sigma:.3g} times the clip, each drawn with "
        f"probability {batches.rate:.3g}"
    )
    watch.say(NOT_COVERED)
    private = Private(
        objective, batches, budget, bound=settings.clip, noise_multiplier=sigma
    )  # fmt: skip
    return private, batches, budget


def _units(
    recipe: Recipe, settings: PrivacyRecipe, dataset: Dataset, codec: Codec
) -> Int[np.ndarray, " N"] | None:
    """Return the unit of each training item; None where items are units.

    Raises:
        UsageError: the data have no such attribute.
    """
    if settings.unit == "item":
        return None
    names = list(dataset.labels)
    if settings.unit not in names:
        raise UsageError(
            f"train.privacy.unit: expected item or an attribute of the data "
            f"({', '.join(names)}), not {settings.unit!r}"
        )
    chosen, _ = trainable(recipe, dataset, codec)
    return chosen.parts["training"].label_NA[:, names.index(settings.unit)]


def _calls(turns: list[Turn], step: int, steps: int) -> int:
    """Return the number of private gradients in a step."""
    moment = Moment(step, min(step / steps, 1.0))
    return sum(turn.repeats for turn in turns if turn.active(moment))


def _planned(turns: list[Turn], steps: int) -> int:
    return max(sum(_calls(turns, step, steps) for step in range(steps)), 1)


def told(recipe: Recipe, checkpoint: Path) -> str:
    """Return a sentence about the guarantee of a run, for its card; empty without one.

    Args:
        recipe: its recipe.
        checkpoint: the newest one: an earlier one may have been chosen by looking at all.

    Raises:
        FileProblem: the checkpoint is damaged.
    """
    settings, spent = recipe.train.privacy, read_progress(checkpoint).privacy
    if settings is None or spent is None:
        return ""
    return (
        f"trained with differential privacy, epsilon {spent.epsilon:.4g} at delta "
        f"{spent.delta:g} for each {settings.unit} of the training part, by DP-SGD with Poisson "
        "sampling; figures, and what the codec has learned from the data, are not covered"
    )
