"""What a run stores of the codec of series."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ...sections import Section

NARROWEST = 3e38
"""Largest number of 32 bits, in which series are computed."""

Finite = Annotated[float, Field(ge=-NARROWEST, le=NARROWEST)]


class StoredSeries(Section):
    """Length, channels and their ranges."""

    kind: Literal["series"]
    steps: Annotated[int, Field(ge=1, le=10**7)]
    channels: Annotated[tuple[str, ...], Field(min_length=1)]
    centre: tuple[Finite, ...]
    scale: tuple[Annotated[float, Field(ge=0, le=NARROWEST)], ...]
    ends: bool
    snap: bool = False

    @model_validator(mode="after")
    def _of_equal_length(self) -> StoredSeries:
        for key in ("centre", "scale"):
            if len(getattr(self, key)) != len(self.channels):
                raise ValueError(
                    f"{key} has {len(getattr(self, key))} numbers, and there are "
                    f"{len(self.channels)} channels"
                )
        return self
