"""Recipes on disk: finding, extending, overriding, checking and writing them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import yaml

from .checking import check, checked
from .comparison import CompareRecipe
from .reading import (
    RecipeError,
    bundled,
    bundled_comparisons,
    find,
    merge,
    override,
    read,
    read_text,
)
from .whole import Recipe

__all__ = [
    "RecipeError",
    "bundled",
    "bundled_comparisons",
    "check",
    "dump",
    "find",
    "is_comparison",
    "load",
    "load_comparison",
    "merge",
    "override",
    "read",
    "read_text",
]


def load(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """Find, extend, override and check a recipe.

    Args:
        name: a path or the name of a bundled recipe.
        overrides: dotted overrides.

    Raises:
        RecipeError: lists all errors.
    """
    path = find(name)
    return check(override(read(path), overrides), str(path))


def load_comparison(
    name: str, overrides: Sequence[str] = ()
) -> tuple[CompareRecipe, dict[str, Recipe]]:
    """Load a comparison and its recipes, which are returned by the names of its models.

    Args:
        name: a path, or the name of a bundled comparison (`compare/mnist`).
        overrides: dotted overrides, of the comparison (`minutes=1`) or of each of its recipes.

    Raises:
        RecipeError: lists all errors of the comparison, or of one of its recipes.
    """
    path = find(name)
    keys = set(CompareRecipe.model_fields)
    own = [text for text in overrides if re.split("[.=]", text)[0] in keys]
    rest = [text for text in overrides if text not in own]
    for text in rest:
        if re.split("=", text)[0] in ("train.steps", "train.minutes"):
            raise RecipeError(
                f"override {text!r}: the budget of a comparison sets how long its models train; "
                "change the budget (minutes=1, or samples_seen=500000 minutes=null)"
            )
    comparison = checked(CompareRecipe, override(read(path), own), str(path))
    recipes = {}
    for model in comparison.models:
        try:
            found = find(model.recipe, beside=path.parent)
        except RecipeError as error:
            raise RecipeError(f"{path}: models: {model.name}: {error}") from None
        where = f"{path}: models: {model.name}: {found.name}"
        recipes[model.name] = check(override(read(found), (*model.overrides, *rest)), where)
    return comparison, recipes


def is_comparison(name: str) -> bool:
    """Return whether a name is that of a comparison, a recipe file that lists models."""
    try:
        return "models" in read(find(name))
    except RecipeError:
        return False


def dump(recipe: Recipe) -> str:
    """Return a resolved recipe as YAML."""
    return yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
