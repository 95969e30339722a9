"""What a run stores of a codec of images."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ...sections import Section

Pixels = Annotated[int, Field(ge=1, le=2**15)]


class _Sizes(Section):
    """The size of the images."""

    height: Pixels
    width: Pixels
    channels: Literal[1, 3]


class StoredRows(_Sizes):
    """Images as sequences of rows or columns; version 0.1 did not name the codec."""

    kind: Literal["rows"] = "rows"
    order: Literal["top-down", "left-right"] = "top-down"
    rows: Pixels = 1


class StoredImage(_Sizes):
    """Whole images."""

    kind: Literal["image"]
