"""What a run stores of the codec of series."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ...sections import Rate, Section
from .forms import Form
from .schema import MOST_CATEGORIES, Sort

NARROWEST = 3e38
"""Largest number of 32 bits, in which series are computed."""

Finite = Annotated[float, Field(ge=-NARROWEST, le=NARROWEST)]


class StoredForm(Section):
    """What is written of a series: see :class:`~.forms.Form`."""

    values: Literal["level", "difference", "ratio"]
    scale: Literal["channel", "item"]
    normalize: Literal["min-max", "standard"]
    deviations: Rate


class StoredChannel(Section):
    """What the values of a channel may be: see :class:`~.channels.Channel`."""

    sort: Sort
    values: Annotated[tuple[Finite, ...], Field(max_length=MOST_CATEGORIES)] = ()
    names: tuple[str, ...] = ()
    whole: bool = False
    low: Finite | None = None
    high: Finite | None = None

    @model_validator(mode="after")
    def _of_its_sort(self) -> StoredChannel:
        expected = {"binary": 2, "categorical": max(len(self.values), 1)}.get(self.sort, 0)
        if len(self.values) != expected:
            raise ValueError(f"values has {len(self.values)} numbers for a {self.sort} channel")
        if self.names and max(self.values, default=0) >= len(self.names):
            raise ValueError(f"names has {len(self.names)} for the values {self.values}")
        return self


class StoredClock(Section):
    """The times of steps: see :class:`~seqgan_kit.data.clock.Clock`."""

    unit: Literal["numbers", "seconds", "months", "month-ends"]
    start: Finite
    step: Rate
    offset: Annotated[float, Field(gt=-86_400, lt=86_400)] | None = None


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
    sorts: tuple[StoredChannel, ...] | None = None
    clock: StoredClock | None = None

    @model_validator(mode="after")
    def _of_equal_length(self) -> StoredSeries:
        if self.sorts is not None and len(self.sorts) != len(self.channels):
            raise ValueError(
                f"sorts has {len(self.sorts)} entries for {len(self.channels)} channels"
            )
        if self.sorts is not None and self.form is not None:
            raise ValueError("sorts and form cannot be used together")
        whole = Form(**self.form.model_dump()).whole if self.form else 0
        expected = len(self.channels) * (1 + whole)
        for key in ("centre", "scale"):
            if len(getattr(self, key)) != expected:
                raise ValueError(
                    f"{key} has {len(getattr(self, key))} numbers instead of {expected} for "
                    f"{len(self.channels)} channels"
                )
        return self
