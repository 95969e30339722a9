"""The schema of a recipe: one YAML file that says everything about a run.

Unknown keys are errors, in a file and in an override; all errors are shown at once, each with the
file, the key, what was expected and the nearest valid name. See :mod:`seqgan_kit.recipe_files` for
how a file is found, extended and overridden.
"""

from .codecs import AudioCodecRecipe, TextCodecRecipe
from .comparison import ComparedModel, CompareRecipe, slug
from .data import OracleData
from .models import ImageGanRecipe, RecurrentGanRecipe, RecurrentVaeRecipe, VaeRecipe
from .objectives import (
    ElboObjectiveRecipe,
    GanObjectiveRecipe,
    LikelihoodObjectiveRecipe,
    PenaltyRecipe,
    PolicyObjectiveRecipe,
)
from .section import Section
from .training import EvaluationRecipe
from .whole import KINDS, Recipe

__all__ = [
    "KINDS",
    "AudioCodecRecipe",
    "CompareRecipe",
    "ComparedModel",
    "ElboObjectiveRecipe",
    "EvaluationRecipe",
    "GanObjectiveRecipe",
    "ImageGanRecipe",
    "LikelihoodObjectiveRecipe",
    "OracleData",
    "PenaltyRecipe",
    "PolicyObjectiveRecipe",
    "Recipe",
    "RecurrentGanRecipe",
    "RecurrentVaeRecipe",
    "Section",
    "TextCodecRecipe",
    "VaeRecipe",
    "slug",
]
