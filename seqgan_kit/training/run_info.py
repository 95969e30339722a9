"""What ``run.json`` must hold, checked when a run is opened."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..files import FileProblem
from ..sections import LARGEST, Count, first_problem

Classes = Annotated[list[str], Field(min_length=1)]


class _Stored(BaseModel):
    """Strict about types; keys that a newer version may add are left alone."""

    model_config = ConfigDict(strict=True, extra="ignore")


class _Data(_Stored):
    """Which data a run was trained on."""

    name: str
    fingerprint: str
    items: dict[str, Count] = {}


class _Info(_Stored):
    """The part of ``run.json`` that the toolkit reads; a kind checks ``codec`` itself."""

    labels: Annotated[dict[str, Classes], Field(min_length=1)]
    label_counts: list[Any] | None = None
    codec: dict[str, Any]
    data: _Data

    @model_validator(mode="after")
    def _labels_fit(self) -> _Info:
        sizes = [len(classes) for classes in self.labels.values()]
        if math.prod(sizes) > LARGEST:
            raise ValueError("labels: there are too many combinations of classes")
        for name, classes in self.labels.items():
            try:
                "".join([name, *classes]).encode("utf-8")
            except UnicodeEncodeError as error:
                raise ValueError(f"labels: a name of {name!r} has half a character") from error
            if len(set(classes)) < len(classes):
                raise ValueError(f"labels: two classes of {name!r} have the same name")
        for place, entry in enumerate(self.label_counts or ()):
            if not _is_count(entry, sizes):
                raise ValueError(
                    f"label_counts.{place}: expected a class number for each of the "
                    f"{len(sizes)} attributes, and how often they occur together"
                )
        return self


def _is_count(entry: Any, sizes: Sequence[int]) -> bool:
    """Say whether an entry is ``[[class numbers], count]``."""
    if not (isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], list)):
        return False
    numbers, count = entry
    return (
        len(numbers) == len(sizes)
        and all(
            type(one) is int and 0 <= one < most for one, most in zip(numbers, sizes, strict=True)
        )
        and type(count) is int
        and 0 <= count <= LARGEST
    )


def check_info(info: Mapping[str, Any], path: Path) -> None:
    """Check the content of ``run.json``, apart from the format version.

    Args:
        info: the content.
        path: the file, for the message.

    Raises:
        FileProblem: a key is missing or has a value that it cannot have; the message names it.
    """
    try:
        _Info.model_validate(dict(info))
    except ValidationError as error:
        raise FileProblem(f"{path} is damaged: {first_problem(error)}") from error
