"""The schema of recipes. A recipe is one YAML file that describes a run completely.

Unknown keys are errors, in files and in overrides. All errors are shown at once, each with the
file, the key, what was expected and the nearest valid name. :mod:`seqgan_kit.recipe.files` finds,
extends and overrides recipe files.
"""

from .comparison import ComparedModel, CompareRecipe, slug
from .whole import Recipe

__all__ = ["CompareRecipe", "ComparedModel", "Recipe", "slug"]
