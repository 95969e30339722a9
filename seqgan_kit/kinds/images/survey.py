"""What the images of a data set have in common: it decides how they are read, and is told."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from PIL import Image

from ...data.dataset import some
from .reading import (
    BRIGHTEST,
    Ground,
    Look,
    extrema,
    ground_of,
    opened_image,
    upright,
)

DEPTHS = (8, 10, 12, 14, 16)
"""Bits that cameras and scanners use of 16."""
GROUNDS: tuple[Ground, ...] = ("black", "white", "grey")
"""What may be chosen as a background, in this order where they are equally good."""
SMALL = 64
"""Longest edge at which transparent images are compared with backgrounds."""
ALIKE = 32
"""Levels between a colour and a background that hides it."""
COARSE = 64
"""Levels of 8 bits below which a colour image of 16 bits has lost detail."""
PROPORTIONS = 1.02
"""Ratio of proportions from which on stretching is told of."""


@dataclass(frozen=True)
class Seen:
    """What one image has that matters for how it is read.

    Attributes:
        size: height and width, upright.
        frames: whether it has more than one frame or page.
        highest: its largest value, if it has 16 bits.
        coarse: whether it has 16 bits a channel, of which the upper 8 are read and hardly used.
        bright: whether its corners are bright.
        transparent: whether pixels are transparent.
        hidden: backgrounds on which more than half of what is visible disappears.
        constant: backgrounds on which all pixels have one value.
    """

    size: tuple[int, int]
    frames: bool
    highest: int | None
    coarse: bool
    bright: bool
    transparent: bool
    hidden: frozenset[Ground]
    constant: frozenset[Ground]


def look_at(path: Path, look: Look) -> Seen:
    """Decode an image and look at it.

    Raises:
        DataError: the file cannot be read as an image.
    """
    with opened_image(path, look.limits) as opened:
        deep = any(";16" in str(tile.args) for tile in getattr(opened, "tile", ()))
        image, size = upright(opened, path, look.edge, look.limits)
        frames = False
        with suppress(Exception):  # Damage behind the first frame does not matter.
            frames = bool(getattr(opened, "is_animated", False))
    every: frozenset[Ground] = frozenset((*GROUNDS, "corner"))
    highest, coarse, bright = None, False, False
    hidden: frozenset[Ground] = frozenset()
    if image.mode == "RGBA":
        hidden, constant = _on_grounds(image, look.mode)
    elif image.mode == "I":
        low, highest = extrema(image)[0]
        constant = every if low == highest else frozenset()
        bright = _bright(image, highest / 2)
    else:
        shown = image.convert(look.mode)
        spread = extrema(shown)
        constant = every if all(low == high for low, high in spread) else frozenset()
        coarse = deep and max(high for _, high in spread) < COARSE
        bright = _bright(image.convert("L"), 127.5)
    return Seen(
        size=size,
        frames=frames,
        highest=highest,
        coarse=coarse,
        bright=bright,
        transparent=image.mode == "RGBA",
        hidden=hidden,
        constant=constant,
    )


def _bright(image: Image.Image, level: float) -> bool:
    right, bottom = image.width - 1, image.height - 1
    corners: list[Any] = [image.getpixel((x, y)) for x in (0, right) for y in (0, bottom)]
    return float(np.mean(corners)) > level


def _on_grounds(image: Image.Image, mode: str) -> tuple[frozenset[Ground], frozenset[Ground]]:
    """Return on which backgrounds an image disappears, and on which it is constant."""
    size = min(image.width, SMALL), min(image.height, SMALL)
    small = image if size == image.size else image.resize(size, Image.Resampling.BOX)
    colour_HWC = np.asarray(small.convert("RGB").convert(mode), np.float64).reshape(
        *size[::-1], -1
    )
    opacity_HW = np.asarray(small.getchannel("A")) / 255
    levels: dict[Ground, np.ndarray] = {
        name: np.asarray(
            Image.new("RGB", (1, 1), ground_of(image, name, BRIGHTEST)).convert(mode), np.float64
        ).reshape(-1)
        for name in (*GROUNDS, "corner")
    }
    return (
        frozenset(n for n, level_C in levels.items() if _hides(colour_HWC, opacity_HW, level_C)),
        frozenset(n for n, level_C in levels.items() if _even(colour_HWC, opacity_HW, level_C)),
    )


def _hides(
    colour_HWC: Float[np.ndarray, "H W C"],
    opacity_HW: Float[np.ndarray, "H W"],
    level_C: Float[np.ndarray, " C"],
) -> bool:
    """Say whether more than half of what is visible has nearly the colour of the background."""
    near_HW = np.abs(colour_HWC - level_C).max(-1) <= ALIKE
    return bool((opacity_HW * near_HW).sum() > opacity_HW.sum() / 2)


def _even(
    colour_HWC: Float[np.ndarray, "H W C"],
    opacity_HW: Float[np.ndarray, "H W"],
    level_C: Float[np.ndarray, " C"],
) -> bool:
    """Say whether all pixels have one value on a background."""
    shown_HWC = level_C + opacity_HW[..., None] * (colour_HWC - level_C)
    return bool(np.ptp(shown_HWC, axis=(0, 1)).max() < 1)


# -- what is decided by it ----------------------------------------------------------------------


def decided(
    look: Look,
    seen: Collection[Seen],
    ground: Ground | Literal["auto"],
    depth: int | Literal["auto"],
) -> Look:
    """Return how images are read: with a background and a white for all of them.

    Args:
        look: how they are read otherwise.
        seen: what they have.
        ground: the background, or ``"auto"`` for one on which nothing disappears.
        depth: bits that images of 16 bits use, or ``"auto"``.
    """
    return replace(
        look,
        ground=_ground(look, seen) if ground == "auto" else ground,
        white=_white(seen) if depth == "auto" else 2**depth - 1,
    )


def _ground(look: Look, seen: Collection[Seen]) -> Ground:
    transparent = [one for one in seen if one.transparent]
    if transparent:
        return min(GROUNDS, key=lambda name: sum(name in one.hidden for one in transparent))
    # Around padded images: what most of them have at their corners.
    bright = look.fit == "pad" and 2 * sum(one.bright for one in seen) > len(seen)
    return "white" if bright else "black"


def _white(seen: Collection[Seen]) -> int:
    highest = max((one.highest for one in seen if one.highest is not None), default=BRIGHTEST)
    return next(white for bits in DEPTHS if (white := 2**bits - 1) >= highest)


def changes(look: Look, seen: Collection[Seen]) -> list[str]:
    """Return what makes images other ones than version 0.1 read, for the fingerprint."""
    ground = look.ground != "black" and (look.fit == "pad" or any(one.transparent for one in seen))
    deep = look.white != BRIGHTEST and any(one.highest is not None for one in seen)
    return [
        *([f"fit {look.fit}"] if look.fit != "stretch" else []),
        *([f"ground {look.ground}"] if ground else []),
        *([f"white {look.white}"] if deep else []),
    ]


def notes(look: Look, seen: Mapping[str, Seen]) -> list[str]:
    """Say what was changed in images, and what they lack, with counts.

    Args:
        look: how they are read.
        seen: the images by their names.
    """

    def told(what: str, matters: Callable[[Seen], bool], advice: str) -> list[str]:
        names = [name for name, one in seen.items() if matters(one)]
        of = f"{what}: {len(names)} of {len(seen)} ({some(names)}); {advice}"
        return [of] if names else []

    ground, white = look.ground, look.white
    behind = "the colour of their corner" if ground == "corner" else ground
    height, width = look.size
    done = {"stretch": "stretched", "crop": "cropped", "pad": f"padded with {behind}"}
    others = " or ".join(fit for fit in done if fit != look.fit)
    return [
        *told(
            f"transparent images, drawn on {behind}",
            lambda one: one.transparent,
            "data.background can be another",
        ),
        *told(
            f"images that disappear on {behind}",
            lambda one: ground in one.hidden,
            "set data.background",
        ),
        *told(
            f"images of 16 bits, read with {white} as white",
            lambda one: white != BRIGHTEST and one.highest is not None,
            "data.depth can be another",
        ),
        *told(
            f"images with values above {white}, which become white",
            lambda one: (one.highest or 0) > white,
            "raise data.depth",
        ),
        *told(
            f"colour images of 16 bits that use at most {COARSE} of 256 levels",
            lambda one: one.coarse,
            "save them with 8 bits a channel",
        ),
        *told(
            "images with several frames or pages",
            lambda one: one.frames,
            "only the first is read",
        ),
        *told(
            f"images with other proportions than {height} x {width}, {done[look.fit]}",
            lambda one: _other_proportions(one.size, look.size),
            f"data.fit can be {others}",
        ),
        *told(
            "constant images, all pixels of one value",
            lambda one: ground in one.constant,
            "look at them with --sheet",
        ),
    ]


def _other_proportions(size: Sequence[int], wanted: Sequence[int]) -> bool:
    ratio = size[0] * wanted[1] / (size[1] * wanted[0])
    return max(ratio, 1 / ratio) > PROPORTIONS
