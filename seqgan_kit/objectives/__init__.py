"""Objectives and their turns: games between two networks, likelihood, the evidence bound."""

from .adversarial import ADVERSARIAL, AdversarialLoss
from .elbo import ELBO
from .gan import GAN
from .likelihood import Likelihood
from .objective import Moment, Objective, Outcome, Turn
from .penalties import ExactGradient, Falling, FiniteDifference, GradientPenalty
from .phases import Phases
from .policy import PolicyGradient

__all__ = [
    "ADVERSARIAL",
    "ELBO",
    "GAN",
    "AdversarialLoss",
    "ExactGradient",
    "Falling",
    "FiniteDifference",
    "GradientPenalty",
    "Likelihood",
    "Moment",
    "Objective",
    "Outcome",
    "Phases",
    "PolicyGradient",
    "Turn",
]
