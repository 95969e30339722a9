"""What the networks are trained for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ..sections import Count, PositiveInt, Rate, Section, Share


class FiniteDifferenceRecipe(Section):
    """R1 and R2 by finite differences: every kernel, no double backward."""

    kind: Literal["finite-difference"]
    """Which penalty."""
    gamma: Rate = 1.0
    """Weight."""
    scale: Rate = 0.05
    """Size of the perturbation."""
    on: Literal["both", "real", "generated"] = "both"
    """R1 (real), R2 (generated) or both."""
    every: PositiveInt = 4
    """Compute it at every so many steps, scaled up accordingly."""


class ExactGradientRecipe(Section):
    """R1 and R2 exactly, by double backward."""

    kind: Literal["exact-gradient"]
    """Which penalty."""
    gamma: Rate = 1.0
    """Weight."""
    on: Literal["both", "real", "generated"] = "real"
    """R1 (real), R2 (generated) or both."""
    every: PositiveInt = 4
    """Compute it at every so many steps, scaled up accordingly."""


class GradientPenaltyRecipe(Section):
    """The penalty of WGAN-GP."""

    kind: Literal["gradient-penalty"]
    """Which penalty."""
    weight: Rate = 10.0
    """Weight."""
    every: PositiveInt = 1
    """Compute it at every so many steps, scaled up accordingly."""


PenaltyRecipe = Annotated[
    FiniteDifferenceRecipe | ExactGradientRecipe | GradientPenaltyRecipe,
    Field(discriminator="kind"),
]


class GanObjectiveRecipe(Section):
    """Adversarial training."""

    kind: Literal["gan"] = "gan"
    """Which objective."""
    loss: Literal[
        "minimax", "non-saturating", "least-squares", "hinge", "wasserstein", "relativistic"
    ] = "relativistic"
    """The adversarial loss."""
    penalties: tuple[PenaltyRecipe, ...] = (FiniteDifferenceRecipe(kind="finite-difference"),)
    """Terms of the discriminator's loss that keep the game stable."""
    mismatch: Annotated[float, Field(ge=0)] = 0.2
    """Weight of real sequences under other labels, taken for generated: what a label means."""
    discriminator_steps: PositiveInt = 1
    """Steps of the discriminator for one of the generator."""
    likelihood: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the likelihood of real sequences, kept beside the game."""


class PolicyObjectiveRecipe(Section):
    """Adversarial training by policy gradient: the discriminator's scores are rewards."""

    kind: Literal["policy"]
    """Which objective."""
    discount: Annotated[float, Field(ge=0, le=1)] = 1.0
    """What a reward is worth one step earlier."""
    baseline_decay: Share = 0.9
    """Of the moving average of returns that is taken away from them."""
    rollouts: Count = 0
    """Completions of each beginning whose mean score rewards a step; 0: the step's own score."""
    penalties: tuple[PenaltyRecipe, ...] = ()
    """Terms of the discriminator's loss that keep the game stable."""
    mismatch: Annotated[float, Field(ge=0)] = 0.0
    """Weight of real sequences under other labels, taken for generated: what a label means."""
    discriminator_steps: PositiveInt = 1
    """Steps of the discriminator for one of the generator."""
    likelihood: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the likelihood of real sequences, kept beside the rewards."""


class LikelihoodObjectiveRecipe(Section):
    """Maximum likelihood by teacher forcing, without a discriminator."""

    kind: Literal["likelihood"]
    """Which objective."""


class ElboObjectiveRecipe(Section):
    """The evidence lower bound of a variational autoencoder."""

    kind: Literal["elbo"]
    """Which objective."""
    beta: Rate = 1.0
    """Weight of the divergence from the prior; 1 is the bound."""
    warmup: Share = 0.0
    """Share of the run over which that weight rises from 0."""


ObjectiveRecipe = Annotated[
    GanObjectiveRecipe | PolicyObjectiveRecipe | LikelihoodObjectiveRecipe | ElboObjectiveRecipe,
    Field(discriminator="kind"),
]
