"""What a run stores of the codec of token files."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from ..sections import Section

Number = Annotated[int, Field(ge=-(2**31), lt=2**31)]
Numbers = Annotated[tuple[Number, ...], Field(min_length=1)]


class StoredNumbers(Section):
    """The numbers that occur at each place of a step."""

    kind: str
    steps: Annotated[int, Field(ge=1, le=10**7)]
    known: Annotated[tuple[Numbers, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _distinct(self) -> StoredNumbers:
        for place, numbers in enumerate(self.known):
            if len(set(numbers)) < len(numbers):
                raise ValueError(f"known.{place} has the same number twice")
        return self
