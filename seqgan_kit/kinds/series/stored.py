"""What a run stores of the codec of series."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ...sections import Rate, Section
from .forms import Form

NARROWEST = 3e38
"""Largest number of 32 bits, in which series are computed."""

Finite = Annotated[float, Field(ge=-NARROWEST, le=NARROWEST)]


class StoredForm(Section):
    """What is written of a series: see :class:`~.forms.Form`."""

    values: Literal["level", "difference", "ratio"]
    scale: Literal["channel", "item"]
    normalize: Literal["min-max", "standard"]
    deviations: Rate


class StoredSeries(Section):
    """Length, channels and their ranges, and those of what is written of whole series."""

    kind: Literal["series"]
    steps: Annotated[int, Field(ge=1, le=10**7)]
    channels: Annotated[tuple[str, ...], Field(min_length=1)]
    centre: tuple[Finite, ...]
    scale: tuple[Annotated[float, Field(ge=0, le=NARROWEST)], ...]
    ends: bool
    snap: bool = False
    form: StoredForm | None = None

    @model_validator(mode="after")
    def _of_equal_length(self) -> StoredSeries:
        whole = Form(**self.form.model_dump()).whole if self.form else 0
        expected = len(self.channels) * (1 + whole)
        for key in ("centre", "scale"):
            if len(getattr(self, key)) != expected:
                raise ValueError(
                    f"{key} has {len(getattr(self, key))} numbers instead of {expected} for "
                    f"{len(self.channels)} channels"
                )
        return self
