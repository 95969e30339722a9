"""Recipe sections for images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from ...sections import CodecSection, DataSection, PositiveInt, Seed, Share, Steps


class NamedData(DataSection):
    """A known data set, downloaded when needed."""

    source: Literal["mnist", "fashion_mnist", "digits"]
    """Which data set."""
    binarize: Seed | None = None
    """Seed for drawing each pixel once as black or white, with its grey value as the chance of
    white. If absent, images stay grey."""


class FolderData(DataSection):
    """Your own images: a folder with one sub-folder for each label."""

    own_root: ClassVar[bool] = True

    source: Literal["folder"]
    """Your own images."""
    root: str
    """The folder. Sub-folders training, validation and test, if any, are used as the parts."""
    size: tuple[PositiveInt, PositiveInt]
    """Height and width that every image is resized to."""
    colour: Literal["grey", "rgb"] = "grey"
    """Colour mode that every image is converted to."""
    unreadable: Literal["error", "skip"] = "error"
    """What to do with files that cannot be read as images: stop and name them, or skip them."""
    validation: Share = 0.1
    """Share of the images for validation, if the folder has no part of that name."""
    test: Share = 0.1
    """Share of the images for the test, if the folder has no part of that name."""


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
    """Whole images, for networks that generate them in one step."""
