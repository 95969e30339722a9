"""Recipe sections for images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from ...sections import (
    CodecSection,
    DataSection,
    PositiveInt,
    Seed,
    Share,
    Steps,
    StreamedData,
    Width,
)

MOST_PIXELS = 89_478_485
"""Pixels beyond which an image may be made to fill the memory; Pillow's own limit."""


class NamedData(DataSection):
    """A known data set, downloaded when needed."""

    source: Literal["mnist", "fashion_mnist", "digits"]
    """Which data set."""
    binarize: Seed | None = None
    """Seed for drawing each pixel once as black or white, with its grey value as the chance of
    white. If absent, images stay grey."""


class FolderData(StreamedData):
    """Your own images: a folder with one sub-folder for each label, or a manifest."""

    own_root: ClassVar[bool] = True

    source: Literal["folder"]
    """Your own images."""
    root: str
    """The folder, or a .csv or .jsonl file with a column `path` and columns of labels.
    Sub-folders training, validation and test, if any, are used as the parts."""
    size: tuple[PositiveInt, PositiveInt]
    """Height and width that every image is resized to."""
    fit: Literal["stretch", "crop", "pad"] = "stretch"
    """What to do with images of other proportions: stretch them, cut their edges off, or add
    edges of the background."""
    colour: Literal["grey", "rgb"] = "grey"
    """Colour mode that every image is converted to."""
    background: Literal["auto", "black", "white", "grey", "corner"] = "auto"
    """What lies behind transparent pixels: a colour, that of each image's top left pixel, or auto,
    which is black unless something would disappear."""
    depth: Literal["auto"] | Annotated[int, Field(ge=8, le=16)] = "auto"
    """Bits that images of 16 bits use: 12 makes 4095 white. With auto they are 8, 10, 12, 14 or
    16, as the largest value needs."""
    labels: tuple[str, ...] = ()
    """Columns of a manifest that hold labels; empty: all but `path`."""
    pattern: str | None = None
    """Labels from file names without ending, such as `{label}_#`: a name in braces is a label, #
    is a number, * is anything. The images are then in the folder itself, or in those of the
    parts."""
    nested: bool = False
    """Whether images in folders inside of a label's folder are taken, too."""
    unreadable: Literal["error", "skip"] = "error"
    """What to do with files that cannot be read as images: stop and name them, or skip them."""
    max_pixels: PositiveInt = MOST_PIXELS
    """Pixels that one image may have; raise it for large scans."""
    validation: Share = 0.1
    """Share of the images for validation, if the folder has no part of that name."""
    test: Share = 0.1
    """Share of the images for the test, if the folder has no part of that name."""

    @model_validator(mode="after")
    def _of_this_root(self) -> FolderData:
        if self.pattern is not None and self.stream is not None:
            raise ValueError(
                "pattern is not supported with stream: in shards labels lie beside items"
            )
        if self.pattern is not None and self.labels:
            raise ValueError(
                "labels come from the columns of a manifest (labels) or from file names "
                "(pattern): remove one of them"
            )
        return self


class RowsCodecRecipe(CodecSection):
    """An image is a sequence of its rows or columns."""

    ways: ClassVar[Mapping[Steps, Mapping[str, Any]]] = {"values": {"kind": "rows"}}

    kind: Literal["rows"] = "rows"
    """Images as sequences."""
    order: Literal["top-down", "left-right"] = "top-down"
    """Whether a step is a row or a column."""
    rows: Width = 1
    """Rows (or columns) of a step: with 2, an image is a sequence of half as many steps."""


class ImageCodecRecipe(CodecSection):
    """An image is one step."""

    ways: ClassVar[Mapping[Steps, Mapping[str, Any]]] = {"whole": {"kind": "image"}}

    kind: Literal["image"] = "image"
    """Whole images, for networks that generate them in one step."""
