"""The schema of a recipe: one YAML file that says everything about a run.

Unknown keys are errors, in a file and in an override; all errors are shown at once, each with the
file, the key, what was expected and the nearest valid name. See :mod:`seqgan_kit.recipe.files` for
how a file is found, extended and overridden.
"""

from .comparison import ComparedModel, CompareRecipe, slug
from .whole import Recipe

__all__ = ["CompareRecipe", "ComparedModel", "Recipe", "slug"]
