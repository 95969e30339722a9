"""What all parts of a recipe share: strictness, and the kinds of numbers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

PositiveInt = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Share = Annotated[float, Field(ge=0, lt=1)]
Rate = Annotated[float, Field(gt=0)]
Reads = Literal["pictures", "text", "sound", "series"]
"""What a data set consists of, and what a codec turns into sequences."""
Steps = Literal["values", "tokens", "picture"]
"""What a codec gives: steps of real values, steps that are tokens, or a picture as one step."""


class Section(BaseModel):
    """A part of a recipe: strict about its keys and their types."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True
    )
