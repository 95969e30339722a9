"""Fonts for text in pictures, whatever script it is in.

Latin letters are drawn in Pillow's own font. Greek and Cyrillic ones are in a font that comes
with the package ``font-source-sans-pro``. For others, such as Chinese, the fonts that are
installed are searched by fontconfig, where it is there.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from PIL import ImageFont

Font = ImageFont.ImageFont | ImageFont.FreeTypeFont

PACKAGE, PLACE = "font_source_sans_pro", Path("files", "SourceSansPro-Regular.ttf")
MISSING = "\U0010fffe"
"""A character that no font has, which is drawn as a box."""
TRIED = 5
"""Most installed fonts that are tried for a text."""
PATIENCE = 10.0
"""Seconds for fontconfig, which reads all fonts when it runs for the first time."""


def lettering(text: str, size: int) -> tuple[Font, str]:
    """Return a font for a text, and the text as it can be drawn.

    Characters that no font has are written as their numbers, such as ``U+732B``.

    Args:
        text: the text, on one line.
        size: of the font, in pixels.

    >>> lettering("cat", 10)[1]
    'cat'
    """
    for font in _fonts(text, size):
        if not _lacking(font, text):
            return font, text
    font = _of_package(size) or ImageFont.load_default(size=size)
    lacking = _lacking(font, text)
    return font, "".join(f"U+{ord(one):04X} " if one in lacking else one for one in text).strip()


def _fonts(text: str, size: int) -> Iterator[Font]:
    """Yield the fonts that may have all characters of a text, the usual one first."""
    yield ImageFont.load_default(size=size)
    if packaged := _of_package(size):
        yield packaged
    for file, index in _installed(frozenset(text)):
        try:
            yield ImageFont.truetype(file, size, index=index)
        except OSError:
            continue  # A font in a format that FreeType cannot read.


def _of_package(size: int) -> ImageFont.FreeTypeFont | None:
    # The package is not imported, since it would only look for its own files.
    found = find_spec(PACKAGE)
    places = found.submodule_search_locations if found else None
    for place in places or ():
        if (path := Path(place) / PLACE).is_file():
            return ImageFont.truetype(path, size)
    return None


def _lacking(font: Font, text: str) -> set[str]:
    """Return the characters of a text that a font draws as boxes."""
    box = _drawn(font, MISSING)
    return {one for one in set(text) if not one.isspace() and _drawn(font, one) == box}


def _drawn(font: Font, text: str) -> tuple[tuple[int, int], bytes] | None:
    """Return how a font draws a text; ``None`` if it cannot."""
    try:
        mask = font.getmask(text)
    except UnicodeEncodeError:  # The font of a Pillow without FreeType has Latin letters only.
        return None
    return mask.size, bytes(mask)


@cache
def _installed(characters: frozenset[str]) -> list[tuple[str, int]]:
    """Return installed fonts that have all these characters, with their places in their files."""
    program = shutil.which("fc-list")
    if program is None:
        return []
    wanted = " ".join(f"{ord(one):x}" for one in sorted(characters) if not one.isspace())
    asked = [program, "--format", "%{file}\t%{index}\t%{style}\n", f":charset={wanted}"]
    try:
        found = subprocess.run(asked, capture_output=True, timeout=PATIENCE, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    rows = [line.split("\t") for line in found.decode("utf-8", "replace").splitlines()]
    # Upright ones of usual weight first; after that in the order of their names.
    rows = sorted(
        (row for row in rows if len(row) == 3), key=lambda row: (not _usual(row[2]), row)
    )
    # What is above 16 bits of an index chooses a form of a variable font.
    return [(file, int(index) & 0xFFFF) for file, index, _ in rows[:TRIED] if index.isdigit()]


def _usual(styles: str) -> bool:
    return bool({"Regular", "Book", "Roman", "Medium"} & set(styles.split(",")))
