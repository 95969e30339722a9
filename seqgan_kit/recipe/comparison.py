"""Several recipes under one budget."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from ..sections import PositiveInt, Rate, Section


def slug(name: str) -> str:
    """A name as a folder's.

    >>> slug("rows GAN (LSTM)")
    'rows-gan-lstm'
    """
    return "-".join("".join(c if c.isalnum() else " " for c in name.lower()).split())


class ComparedModel(Section):
    """One of the models of a comparison."""

    name: Annotated[str, Field(min_length=1)]
    """What the table and the page call it."""
    recipe: str
    """A bundled recipe, or a path from this file."""
    overrides: tuple[str, ...] = ()
    """Dotted changes of the recipe, as on the command line."""


class CompareRecipe(Section):
    """Recipes that are trained under one budget and laid side by side."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    """Name of the comparison's folder; the file's name if absent."""
    minutes: Rate | None = None
    """The budget: minutes of training for each model."""
    samples_seen: PositiveInt | None = None
    """The budget: real items that each model sees, repetitions counted."""
    models: Annotated[tuple[ComparedModel, ...], Field(min_length=1)]
    """What is compared."""

    @model_validator(mode="after")
    def _one_budget(self) -> CompareRecipe:
        if (self.minutes is None) == (self.samples_seen is None):
            raise ValueError("give one budget: minutes, or samples_seen")
        folders = [slug(model.name) for model in self.models]
        for model, folder in zip(self.models, folders, strict=True):
            if not folder:
                raise ValueError(f"models: {model.name!r} has no letter or digit")
            if folders.count(folder) > 1:
                raise ValueError(f"models: {model.name!r} stands there twice, or a name like it")
        return self

    @property
    def budget(self) -> str:
        """The budget in words."""
        if self.minutes is not None:
            return f"{self.minutes:g} minutes of training for each model"
        return f"{self.samples_seen:,} training items seen by each model"
