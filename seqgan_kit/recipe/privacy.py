"""The section of a recipe for training with differential privacy, and what it rules out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from ..sections import PositiveInt, Rate, Section, stream_of

if TYPE_CHECKING:
    from .whole import Recipe


class PrivacyRecipe(Section):
    """A guarantee for every unit of the training part (requires the extra `privacy`)."""

    epsilon: Rate
    """The budget: training ends when it is used up."""
    delta: Annotated[float, Field(gt=0, lt=1)] = 1e-5
    """The guarantee's delta; less than 1 / (number of units)."""
    clip: Rate = 1.0
    """Largest norm of the gradient of one unit; larger ones are scaled down to it."""
    noise_multiplier: Rate | None = None
    """Standard deviation of the noise, in units of `clip` (default: the least with which
    train.steps keep to the budget)."""
    unit: str = "item"
    """What the guarantee is for: an item, or all items that share a value of this attribute
    (`unit: speaker`)."""
    unit_items: PositiveInt = 8
    """Most items of a unit in a batch, where a unit has several."""
    accountant: Literal["prv", "rdp"] = "prv"
    """How the budget is counted: prv (tighter), or rdp (faster)."""


def problems_of(recipe: Recipe) -> Iterator[str]:
    """Yield what a recipe has that its privacy rules out, each with what to do."""
    train = recipe.train
    if stream_of(recipe.data) is not None:
        yield (
            "data.stream: train.privacy draws every item on its own from all, which a stream does "
            "not: leave one of them out"
        )
    if recipe.minibatch_group:
        yield (
            "model.discriminator.minibatch_group: train.privacy requires 0, since the feature "
            "shows the discriminator an item together with others"
        )
    if train.class_group > 1:
        yield "train.class_group: train.privacy requires 1, since every unit is drawn on its own"
    if train.precision == "bfloat16":
        yield "train.precision: train.privacy requires float32"
    if train.keep == "best" and train.best_by == "distance":
        yield (
            "train.keep: with train.privacy, 'best' requires best_by: likelihood, since the judge "
            "that measures distances has learned from the training part without privacy"
        )
    if train.minutes is not None and train.privacy and train.privacy.noise_multiplier is None:
        yield (
            "train.minutes: with a time limit it is not known how many steps share the budget; "
            "leave it out, or set train.privacy.noise_multiplier"
        )
    for objective in recipe.objectives:
        yield from _problems_of_objective(objective)


def _problems_of_objective(objective: object) -> Iterator[str]:
    kind = getattr(objective, "kind", "")
    if kind not in ("gan", "likelihood", "elbo"):
        yield (
            f"objective.kind {kind!r} does not support train.privacy, since its losses are not "
            "means over single items; it supports 'gan', 'likelihood' and 'elbo'"
        )
        return
    if getattr(objective, "loss", "") == "relativistic":
        yield (
            "objective.loss 'relativistic' lets the generator see real sequences, and with "
            "train.privacy only the discriminator may: choose non-saturating or hinge"
        )
    if kind == "gan" and getattr(objective, "likelihood", 0.0):
        yield (
            "objective.likelihood lets the generator see real sequences, and with train.privacy "
            "only the discriminator may: set it to 0"
        )
    for penalty in getattr(objective, "penalties", ()):
        if penalty.kind != "finite-difference":
            yield (
                f"objective.penalties: train.privacy does not support {penalty.kind!r}, whose "
                "second derivatives are not known for each item; use finite-difference"
            )
