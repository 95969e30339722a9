"""Objectives and optimiser settings, made from the sections of a recipe."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, cast

import torch
from torch import nn

from ..kind import Codec
from ..nn.networks import Autoencoder, Discriminator, Generator
from ..nn.noise import seeded_noise
from ..objectives.elbo import ELBO
from ..objectives.gan import GAN
from ..objectives.likelihood import Likelihood
from ..objectives.objective import Objective
from ..objectives.penalties import (
    ExactGradient,
    Falling,
    FiniteDifference,
    GradientPenalty,
    Penalty,
)
from ..objectives.phases import Phases
from ..objectives.policy import MovingAverage, PolicyGradient
from ..objectives.ratio import DensityRatio
from ..recipe import Recipe
from ..recipe.files import RecipeError
from ..recipe.objectives import (
    ElboObjectiveRecipe,
    GanObjectiveRecipe,
    LikelihoodObjectiveRecipe,
    PenaltyRecipe,
    PolicyObjectiveRecipe,
    RatioObjectiveRecipe,
)
from ..training.trainer import Optimization, OptimizerMaker, Schedule, adam
from .networks import make_discriminator, make_generator
from .sizes import room_to_train

PENALTIES: Mapping[str, Callable[..., Penalty]] = {
    "finite-difference": FiniteDifference,
    "exact-gradient": ExactGradient,
    "gradient-penalty": GradientPenalty,
}


def _penalty(settings: PenaltyRecipe) -> Penalty:
    arguments = settings.model_dump()
    if isinstance(arguments.get("gamma"), dict):
        arguments["gamma"] = Falling(**arguments["gamma"])
    return PENALTIES[arguments.pop("kind")](**arguments)


class _Networks:
    """The networks of a recipe, each created on first use and shared by all phases."""

    def __init__(self, recipe: Recipe, codec: Codec, classes: tuple[int, ...]) -> None:
        self.label_dropout = recipe.train.label_dropout
        self._steps = codec.steps
        self._baseline: MovingAverage | None = None
        self._arguments = (recipe.model, codec, classes)
        self.classes = classes

    @cached_property
    def augmentation(self) -> nn.Module:
        """What changes sequences for a discriminator.

        Raises:
            RecipeError: this codec has nothing of the kind.
        """
        found = self._arguments[1].augmentation()
        if found is None:
            raise RecipeError(
                "objective.augmentation: this codec knows no changes of its sequences; remove it"
            )
        return found

    @cached_property
    def generator(self) -> Generator:
        return make_generator(*self._arguments)

    @cached_property
    def discriminator(self) -> Discriminator:
        return make_discriminator(*self._arguments)

    def baseline(self, decay: float) -> MovingAverage:
        """Return the moving average of returns; the first phase that uses it sets the decay."""
        if self._baseline is None:
            self._baseline = MovingAverage(self._steps, decay)
        return self._baseline


def _game(
    settings: GanObjectiveRecipe | PolicyObjectiveRecipe, networks: _Networks
) -> dict[str, Any]:
    """Return what every game between two networks needs to know."""
    return {
        "penalties": tuple(_penalty(penalty) for penalty in settings.penalties),
        # With one class there is no other label.
        "mismatch": settings.mismatch if math.prod(networks.classes) > 1 else 0.0,
        "discriminator_steps": settings.discriminator_steps,
        "likelihood": settings.likelihood,
        "label_dropout": networks.label_dropout,
    }


def _gan(settings: GanObjectiveRecipe, networks: _Networks) -> Objective:
    if settings.mode_seeking and not networks.generator.draw(1, seeded_noise(0)).z_BZ.numel():
        raise RecipeError(
            "objective.mode_seeking compares sequences by their noise: set "
            "model.generator.noise_size above 0, or remove it"
        )
    return GAN(
        networks.generator,
        networks.discriminator,
        loss=settings.loss,
        augmentation=networks.augmentation if settings.augmentation else None,
        augmented=settings.augmentation,
        mode_seeking=settings.mode_seeking,
        **_game(settings, networks),
    )


def _policy(settings: PolicyObjectiveRecipe, networks: _Networks) -> Objective:
    return PolicyGradient(
        networks.generator,
        networks.discriminator,
        baseline=networks.baseline(settings.baseline_decay),
        discount=settings.discount,
        rollouts=settings.rollouts,
        **_game(settings, networks),
    )


def _ratio(settings: RatioObjectiveRecipe, networks: _Networks) -> Objective:
    penalties = tuple(_penalty(penalty) for penalty in settings.penalties)
    return DensityRatio(networks.generator, networks.discriminator, penalties=penalties)


def _likelihood(settings: LikelihoodObjectiveRecipe, networks: _Networks) -> Objective:
    return Likelihood(networks.generator, label_dropout=networks.label_dropout)


def _elbo(settings: ElboObjectiveRecipe, networks: _Networks) -> Objective:
    autoencoder = cast(Autoencoder, networks.generator)
    return ELBO(autoencoder, beta=settings.beta, warmup=settings.warmup)


OBJECTIVES: Mapping[str, Callable[..., Objective]] = {
    "gan": _gan,
    "policy": _policy,
    "ratio": _ratio,
    "likelihood": _likelihood,
    "elbo": _elbo,
}


def make_objective(recipe: Recipe, codec: Codec, classes: tuple[int, ...]) -> Objective:
    """Make the objective of a recipe and its networks, with initial weights from its seed.

    Raises:
        TooLarge: they do not fit into memory.
    """
    with room_to_train(recipe, codec), torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        networks = _Networks(recipe, codec, classes)
        objectives = [OBJECTIVES[o.kind](o, networks) for o in recipe.objectives]
    if not recipe.phases:
        return objectives[0]
    steps = [phase.steps for phase in recipe.phases]
    return Phases(
        list(zip(objectives, steps, strict=True)),
        factors=[phase.learning_rate_factor for phase in recipe.phases],
        trained=[phase.networks for phase in recipe.phases],
        courses=[
            None if phase.schedule is None else Schedule(**phase.schedule.model_dump()).factor
            for phase in recipe.phases
        ],
        total=recipe.train.steps,
    )


def check_processes(recipe: Recipe, world: int) -> None:
    """Check that a batch can be divided among ``world`` processes.

    Raises:
        RecipeError: it cannot.
    """
    size = recipe.train.batch_size
    for key, group in (
        ("train.class_group", recipe.train.class_group),
        ("model.discriminator.minibatch_group", recipe.minibatch_group),
    ):
        if group and size % (group * world):
            raise RecipeError(
                f"train.batch_size: {size} cannot be divided among {world} processes in groups of "
                f"{key} = {group}; choose a multiple of {group * world}"
            )


def optimization(
    recipe: Recipe, objective: Objective, make: OptimizerMaker = adam
) -> dict[str, Optimization]:
    """Return the optimiser settings of each network."""
    train = recipe.train
    return {
        turn.name: Optimization(
            train.learning_rates.get(turn.name, train.learning_rate), train.betas, make
        )
        for turn in objective.turns
    }


def schedule(recipe: Recipe) -> Schedule:
    """Return the learning-rate schedule."""
    return Schedule(**recipe.train.schedule.model_dump())
