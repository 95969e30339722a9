"""The sections of a recipe that describe objectives and penalties."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from ..sections import PositiveInt, Rate, Section, Share

Turns = Annotated[int, Field(ge=1, le=100)]
"""How often a network is trained in one step; each costs as much as a step."""


class FallingRecipe(Section):
    """A weight that changes by the same factor in equal parts of a run."""

    start: Rate
    """The weight at the beginning."""
    end: Rate
    """The weight at the end."""


def _how_given(weight: object) -> str:
    return "(falling)" if isinstance(weight, dict | FallingRecipe) else "(constant)"


Weight = Annotated[
    Annotated[Rate, Tag("(constant)")] | Annotated[FallingRecipe, Tag("(falling)")],
    Discriminator(_how_given),
]
"""A number, or a weight that falls: told apart first, so that an error is about what is meant.

No key has the name of a tag.
"""


class FiniteDifferenceRecipe(Section):
    """R1 and R2 by finite differences; works with every kernel, without double backward."""

    kind: Literal["finite-difference"]
    """The type of penalty."""
    gamma: Weight = 1.0
    """Weight: a number, or one that falls (`{start: 1.0, end: 0.1}`)."""
    scale: Rate = 0.05
    """Size of the perturbation."""
    on: Literal["both", "real", "generated"] = "both"
    """R1 (real), R2 (generated) or both."""
    every: PositiveInt = 4
    """Steps between two computations; the penalty is scaled up accordingly."""


class ExactGradientRecipe(Section):
    """R1 and R2 exactly, by double backward."""

    kind: Literal["exact-gradient"]
    """The type of penalty."""
    gamma: Weight = 1.0
    """Weight: a number, or one that falls (`{start: 1.0, end: 0.1}`)."""
    on: Literal["both", "real", "generated"] = "real"
    """R1 (real), R2 (generated) or both."""
    every: PositiveInt = 4
    """Steps between two computations; the penalty is scaled up accordingly."""


class GradientPenaltyRecipe(Section):
    """The penalty of WGAN-GP."""

    kind: Literal["gradient-penalty"]
    """The type of penalty."""
    weight: Rate = 10.0
    """Weight."""
    every: PositiveInt = 1
    """Steps between two computations; the penalty is scaled up accordingly."""


PenaltyRecipe = Annotated[
    FiniteDifferenceRecipe | ExactGradientRecipe | GradientPenaltyRecipe,
    Field(discriminator="kind"),
]
Penalties = Annotated[tuple[PenaltyRecipe, ...], Field(max_length=20)]


class GanObjectiveRecipe(Section):
    """Adversarial training."""

    kind: Literal["gan"] = "gan"
    """The type of objective."""
    augmentation: Share = 0.0
    """Share of sequences that the discriminator reads changed, at the end of the run."""
    loss: Literal[
        "minimax", "non-saturating", "least-squares", "hinge", "wasserstein", "relativistic"
    ] = "relativistic"
    """The adversarial loss."""
    penalties: Penalties = (FiniteDifferenceRecipe(kind="finite-difference"),)
    """Terms of the discriminator's loss that stabilise training."""
    mismatch: Annotated[float, Field(ge=0)] = 0.2
    """Weight of a loss on real sequences with wrong labels, which teaches what labels mean."""
    discriminator_steps: Turns = 1
    """Discriminator turns per generator turn."""
    likelihood: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the negative log-likelihood of real sequences, added to the generator's loss."""
    mode_seeking: Annotated[float, Field(ge=0)] = 0.0
    """Weight of a loss on pairs of one label that are alike, against collapsed classes."""


class PolicyObjectiveRecipe(Section):
    """Adversarial training by policy gradient: the discriminator's scores are rewards."""

    kind: Literal["policy"]
    """The type of objective."""
    discount: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Discount of rewards per step."""
    baseline_decay: Share = 0.9
    """Decay of the moving average that is subtracted from returns."""
    rollouts: Annotated[int, Field(ge=0, le=1000)] = 0
    """Completions per step, whose mean score is its reward; 0 uses the score of the step."""
    penalties: Penalties = ()
    """Terms of the discriminator's loss that stabilise training."""
    mismatch: Annotated[float, Field(ge=0)] = 0.0
    """Weight of a loss on real sequences with wrong labels, which teaches what labels mean."""
    discriminator_steps: Turns = 1
    """Discriminator turns per generator turn."""
    likelihood: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the negative log-likelihood of real sequences, added to the generator's loss."""


class RatioObjectiveRecipe(Section):
    """A discriminator against a finished generator, by which its samples can be chosen.

    The generator is that of a phase before, or of another run (`seqgen train --init-from RUN`).
    """

    kind: Literal["ratio"]
    """The type of objective."""
    penalties: Penalties = ()
    """Terms of the discriminator's loss that stabilise training."""


class LikelihoodObjectiveRecipe(Section):
    """Maximum likelihood by teacher forcing, without a discriminator."""

    kind: Literal["likelihood"]
    """The type of objective."""


class ElboObjectiveRecipe(Section):
    """The evidence lower bound of a variational autoencoder."""

    kind: Literal["elbo"]
    """The type of objective."""
    beta: Rate = 1.0
    """Weight of the KL term; 1 gives the bound."""
    warmup: Share = 0.0
    """Fraction of the run over which that weight rises from 0."""


ObjectiveRecipe = Annotated[
    GanObjectiveRecipe
    | PolicyObjectiveRecipe
    | RatioObjectiveRecipe
    | LikelihoodObjectiveRecipe
    | ElboObjectiveRecipe,
    Field(discriminator="kind"),
]
