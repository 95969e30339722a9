"""Codecs of images: sequences of rows or columns, or one step that is the whole image."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from ...batch import full_mask
from ...data.dataset import DataError
from ...errors import UsageError
from ...kind import Codec

Order = Literal["top-down", "left-right"]


class _Images(Codec):
    """Base class of the image codecs."""

    def present(self, things: Float[Tensor, "N h w c"]) -> Float[np.ndarray, "N h w *c"]:
        """Return images as a user gets them: grey ones without the channel axis."""
        return (things.squeeze(-1) if things.shape[-1] == 1 else things).numpy()


class RowsCodec(_Images):
    """Codec between images ``[B, height, width, channels]`` and sequences ``[B, T, F]``.

    A step is one or more rows of pixels, or columns if the order is left-right, one after another;
    the channels of a pixel are adjacent. Bytes 0..255 become -1..1.

    Args:
        height: pixels from top to bottom.
        width: pixels from left to right.
        channels: 1 for grey, 3 for colour.
        order: ``"top-down"`` or ``"left-right"``.
        rows: rows (or columns) of a step.

    Raises:
        DataError: the rows of an image cannot be divided into such steps.
    """

    def __init__(
        self,
        *,
        height: int,
        width: int,
        channels: int,
        order: Order = "top-down",
        rows: int = 1,
    ) -> None:
        self.height, self.width, self.channels = height, width, channels
        self.order, self.rows = order, rows
        down = order == "top-down"
        lines, across = (height, width) if down else (width, height)
        if lines % rows:
            raise DataError(
                f"codec.rows: {lines} {'rows' if down else 'columns'} cannot be divided into "
                f"steps of {rows}"
            )
        self.steps = lines // rows
        self.features = rows * across * channels
        self._image = "b (t n) f c" if down else "b f (t n) c"

    def encode(
        self, raw: UInt8[np.ndarray, "B height width channels"]
    ) -> tuple[Float[Tensor, "B T F"], Bool[Tensor, "B T"]]:
        """Return images as sequences, with a mask that is true everywhere.

        Raises:
            ValueError: the images do not have the shape of the codec.
        """
        expected = (self.height, self.width, self.channels)
        if raw.shape[1:] != expected:
            raise ValueError(
                f"images have shape {raw.shape[1:]}, but the codec expects {expected}"
            )
        pixels = torch.from_numpy(np.ascontiguousarray(raw)).float() / 127.5 - 1
        x_BTF = rearrange(pixels, f"{self._image} -> b t (n f c)", n=self.rows).contiguous()
        return x_BTF, full_mask(len(raw), self.steps)

    def decode(
        self, x_BTF: Float[Tensor, "B T F"], mask_BT: Bool[Tensor, "B T"]
    ) -> Float[Tensor, "B height width channels"]:
        """Return sequences as images with values from 0 to 1."""
        pixels = rearrange(x_BTF, f"b t (n f c) -> {self._image}", n=self.rows, c=self.channels)
        return ((pixels + 1) / 2).clamp(0, 1)

    def beginning(self, raw: np.ndarray) -> Float[Tensor, "P F"]:
        """Return the first steps of an image, given its first rows (or columns).

        Args:
            raw: whole numbers from 0 to 255, or fractions from 0 to 1, ``[h, width]`` or
                ``[h, width, channels]``.

        Raises:
            UsageError: it has another width, no whole step, or all rows.
        """
        raw = np.asarray(raw)
        if raw.ndim not in (2, 3):
            raise UsageError(
                f"a beginning of the shape {list(raw.shape)}: expected [height, width], or "
                "[height, width, channels]"
            )
        whole_numbers = np.issubdtype(raw.dtype, np.integer)
        pixels = (raw if whole_numbers else (raw * 255).round()).clip(0, 255)
        pixels = (pixels[..., None] if pixels.ndim == 2 else pixels).astype(np.uint8)
        down = self.order == "top-down"
        given = pixels.shape[0 if down else 1] // self.rows
        whole = np.zeros((self.height, self.width, self.channels), np.uint8)
        lines = given * self.rows
        place = np.s_[:lines] if down else np.s_[:, :lines]
        if not 0 < given < self.steps or pixels[place].shape != whole[place].shape:
            what = "rows" if down else "columns"
            across, count = (self.width, self.height) if down else (self.height, self.width)
            raise UsageError(
                f"a beginning of {raw.shape[0]} x {raw.shape[1]} pixels (height x width): it "
                f"needs {self.rows} to {count - self.rows} {what} of {across} pixels in "
                f"{'grey' if self.channels == 1 else 'colour'}"
            )
        whole[place] = pixels[place]
        return self.encode(whole[None])[0][0, :given]

    def maps(self, x_BTF: Float[Tensor, "B T F"]) -> Float[Tensor, "B C S W"]:
        """Return a map for each channel, as high as the image; its places are the pixels."""
        return rearrange(x_BTF, "b t (n f c) -> b c (t n) f", n=self.rows, c=self.channels)


class ImageCodec(_Images):
    """Codec between images ``[B, height, width, channels]`` and sequences of one step.

    The step holds channel after channel, the layout of convolutions. Bytes 0..255 become -1..1.

    Args:
        height: pixels from top to bottom.
        width: pixels from left to right.
        channels: 1 for grey, 3 for colour.
    """

    steps = 1

    def __init__(self, *, height: int, width: int, channels: int) -> None:
        self.shape = self._size = (channels, height, width)
        self.features = height * width * channels

    def encode(
        self, raw: UInt8[np.ndarray, "B height width channels"]
    ) -> tuple[Float[Tensor, "B 1 F"], Bool[Tensor, "B 1"]]:
        """Return images as sequences, with a mask that is true everywhere.

        Raises:
            ValueError: the images do not have the shape of the codec.
        """
        channels, height, width = self._size
        if raw.shape[1:] != (height, width, channels):
            raise ValueError(
                f"images have shape {raw.shape[1:]}, "
                f"but the codec expects {(height, width, channels)}"
            )
        pixels = torch.from_numpy(np.ascontiguousarray(raw)).float() / 127.5 - 1
        return rearrange(pixels, "b h w c -> b 1 (c h w)"), full_mask(len(raw), 1)

    def decode(
        self, x_BTF: Float[Tensor, "B 1 F"], mask_BT: Bool[Tensor, "B 1"]
    ) -> Float[Tensor, "B height width channels"]:
        """Return sequences as images with values from 0 to 1."""
        c, h, _ = self._size
        pixels = rearrange(x_BTF, "b 1 (c h w) -> b h w c", c=c, h=h)
        return ((pixels + 1) / 2).clamp(0, 1)
