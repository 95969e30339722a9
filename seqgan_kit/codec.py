"""The interface of a codec: raw items to sequences and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from .errors import NotSupported

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

    from .nn.mixed import Piece


@runtime_checkable
class Codec(Protocol):
    """Raw items to sequences and back: all that networks, sampling and measuring read of it.

    A class that inherits from this one gets the values below for what it does not define.

    Attributes:
        steps: of the longest sequence.
        features: numbers of a step, or the size of the vocabulary where steps are tokens.
        end: id of the token that ends a sequence; ``None``: there is none.
        group: tokens of a step, where steps are tokens.
        shape: channels, height and width, where a sequence is one step that networks of images
            can read whole; ``None``: it is not.
        maps: lays steps out as feature maps ``[B, C, S, W]`` for convolutions. Along W lie places
            of a step that are neighbours, such as pixels of a row or bands of a spectrum; S is T,
            or a multiple of it where a step is several rows or frames. ``None``: no places are
            neighbours, and every number of a step is a map of its own.
        mixed: what the numbers of a step are, in their order; ``None``: real values from -1 to 1.
    """

    steps: int
    features: int
    end: int | None = None
    group: int = 1
    shape: tuple[int, int, int] | None = None
    maps: Callable[[Tensor], Tensor] | None = None
    mixed: Sequence[Piece] | None = None

    def encode(self, raw: Any) -> tuple[Tensor, Tensor]:
        """Turn a slice of raw items into ``x [B, T, F]`` (or tokens ``[B, T]``) and a mask."""
        ...

    def decode(self, x: Tensor, mask_BT: Tensor) -> Tensor:
        """Turn sequences into items, one tensor row each."""
        ...

    def present(self, things: Tensor) -> np.ndarray:
        """Turn decoded items into what a user of the library gets."""
        ...

    def beginning(self, raw: Any) -> Tensor:
        """Turn the beginning of an item, as a user has it, into ``[P, F]`` or tokens ``[P]``.

        Raises:
            UsageError: it is empty, too long, or of another form.
            NotSupported: items have no beginning.
        """
        raise NotSupported("this run cannot go on from a beginning: its steps are whole items")

    def exact(self, x: Tensor) -> Tensor:
        """Return generated steps ``[B, T, F]`` as exact as :meth:`encode` writes them.

        Ends, say, or whole numbers. Differentiable; see :func:`seqgan_kit.data.ending.ended`. By
        default steps stay as they are.
        """
        return x

    def about(self) -> dict[str, Any]:
        """Return JSON values that a reader of exported steps needs beside the stored settings.

        The text of each token, say. By default there are none.
        """
        return {}

    def augmentation(self) -> nn.Module | None:
        """Return a module that changes sequences for a discriminator; ``None``: there is none.

        It is called with steps, the share of sequences to change and random numbers; see
        :class:`seqgan_kit.nn.augmentation.FrameAugmentation`.
        """
        return None

    def view(self) -> nn.Module | None:
        """Return a module that embeds each step for a discriminator.

        Its attribute ``features`` says how many numbers a step then has. ``None``: the
        discriminator reads steps unchanged.
        """
        return None


@dataclass(frozen=True)
class StoredCodec:
    """All that makes a codec again without the data: it is stored in the run.

    Attributes:
        settings: JSON values; ``kind`` among them names the codec.
        files: what was learned from the training part, by the name of the file.
    """

    settings: Mapping[str, Any]
    files: Mapping[str, bytes] = field(default_factory=dict)
