"""Sections of a recipe for images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from ...sections import CodecSection, DataSection, PositiveInt, Seed, Share, Steps


class NamedData(DataSection):
    """A data set that seqgan_kit knows where to find."""

    source: Literal["mnist", "fashion_mnist", "digits"]
    """Which data set."""
    binarize: Seed | None = None
    """Seed of one draw of every value, 0 or 255 with the value as chance; absent: none."""


class FolderData(DataSection):
    """Your own images: a folder with one sub-folder for each label."""

    own_root: ClassVar[bool] = True

    source: Literal["folder"]
    """Your own images."""
    root: str
    """The folder. Sub-folders training, validation and test, where they exist, are its parts."""
    size: tuple[PositiveInt, PositiveInt]
    """Height and width that every image is resized to."""
    colour: Literal["grey", "rgb"] = "grey"
    """What every image is turned into."""
    unreadable: Literal["error", "skip"] = "error"
    """What to do about files that are no images: stop and name them, or leave them out."""
    validation: Share = 0.1
    """Share of the images for validation, where the folder has no part of that name."""
    test: Share = 0.1
    """Share of the images for the test, where the folder has no part of that name."""


class RowsCodecRecipe(CodecSection):
    """An image is a sequence of its rows or columns."""

    ways: ClassVar[Mapping[Steps, Mapping[str, Any]]] = {"values": {"kind": "rows"}}

    kind: Literal["rows"] = "rows"
    """Images as sequences."""
    order: Literal["top-down", "left-right"] = "top-down"
    """Whether a step is a row or a column."""


class ImageCodecRecipe(CodecSection):
    """An image is one step."""

    ways: ClassVar[Mapping[Steps, Mapping[str, Any]]] = {"whole": {"kind": "image"}}

    kind: Literal["image"] = "image"
    """Whole images, for the networks that write them at once."""
