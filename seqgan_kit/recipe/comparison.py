"""Comparisons: several recipes under one budget."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from ..sections import PositiveInt, Rate, Section


def slug(name: str) -> str:
    """Return a folder name for a name.

    >>> slug("rows GAN (LSTM)")
    'rows-gan-lstm'
    """
    return "-".join("".join(c if c.isalnum() else " " for c in name.lower()).split())


class ComparedModel(Section):
    """One model of a comparison."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    """Name in the table and on the page."""
    recipe: str
    """A bundled recipe, or a path relative to this file."""
    overrides: Annotated[tuple[str, ...], Field(max_length=200)] = ()
    """Dotted overrides of the recipe, as on the command line."""


class CompareRecipe(Section):
    """Recipes that are trained under one budget and compared."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=120)]
    """Name of the comparison's folder (default: the name of the file)."""
    minutes: Rate | None = None
    """The budget: minutes of training for each model."""
    samples_seen: PositiveInt | None = None
    """The budget: real items that each model sees, including repetitions."""
    models: Annotated[tuple[ComparedModel, ...], Field(min_length=1, max_length=100)]
    """The models to compare."""

    @model_validator(mode="after")
    def _one_budget(self) -> CompareRecipe:
        if (self.minutes is None) == (self.samples_seen is None):
            raise ValueError("give one budget: either minutes or samples_seen")
        folders = [slug(model.name) for model in self.models]
        for model, folder in zip(self.models, folders, strict=True):
            if not folder:
                raise ValueError(f"models: the name {model.name!r} has no letter or digit")
            if folders.count(folder) > 1:
                raise ValueError(
                    f"models: two models have the same name or folder: {model.name!r}"
                )
        return self

    @property
    def budget(self) -> str:
        """The budget in words."""
        if self.minutes is not None:
            return f"{self.minutes:g} minutes of training for each model"
        return f"{self.samples_seen:,} training items seen by each model"
