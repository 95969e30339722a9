"""Labels and text from data as names of files, and as cells that a spreadsheet does not run."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Hashable

LONGEST = 50
"""Characters of a file name that come from a label, so that no file system finds it too long."""

DIGITS = 8
"""Hexadecimal digits that tell long labels with the same beginning apart."""

RESERVED = {"con", "prn", "aux", "nul"} | {f"{n}{i}" for n in ("com", "lpt") for i in range(10)}
"""Names that Windows keeps for devices, with any ending."""

FORMULA = re.compile(r"'*[=+\-@\t\r]")
QUOTED = re.compile(r"'+[=+\-@\t\r]")


def safe_name(label: str, otherwise: str, *, spaces: bool = False) -> str:
    """Return a label as a file name without an ending: no path, not hidden, and not too long.

    Args:
        label: any text.
        otherwise: the name where nothing of the label can stay.
        spaces: whether spaces stay.

    >>> safe_name("3/4 time", "label"), safe_name("../..", "label"), safe_name("aux", "label")
    ('3_4_time', '_', 'aux_')
    >>> len(safe_name("a" * 250, "label"))
    50
    """
    name = re.sub(r"[^\w. -]+" if spaces else r"[^\w.-]+", "_", label).lstrip(".- ").rstrip(". ")
    if len(name) > LONGEST:
        digest = hashlib.sha256(label.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]
        name = f"{name[: LONGEST - DIGITS - 1]}-{digest}"
    if name.partition(".")[0].lower() in RESERVED:
        name += "_"
    return name or otherwise


class Folders:
    """Names of files or folders for labels, a distinct one for each on any file system.

    Args:
        otherwise: stands for a label of which nothing can stay.
        spaces: whether spaces stay.
    """

    def __init__(self, otherwise: str, *, spaces: bool = True) -> None:
        self._otherwise, self._spaces = otherwise, spaces
        self._names: dict[Hashable, str] = {}
        self._taken: set[str] = set()

    def of(self, label: str, key: Hashable = None) -> str:
        """Return the name of a label.

        Args:
            label: its text.
            key: tells labels of the same text apart, such as those of several attributes.

        >>> folders = Folders("label")
        >>> folders.of("a/b"), folders.of("a/b"), folders.of("A?B")
        ('a_b', 'a_b', 'A_B 2')
        """
        key = label if key is None else key
        if key not in self._names:
            first = name = safe_name(label, self._otherwise, spaces=self._spaces)
            number = 1
            while name.casefold() in self._taken:
                number += 1
                name = f"{first}{' ' if self._spaces else '_'}{number}"
            self._names[key] = name
            self._taken.add(name.casefold())
        return self._names[key]


class Numbered:
    """Names of files made of a label and a number, distinct on any file system.

    Args:
        otherwise: stands for a label of which nothing can stay.
        between: stands between label and number.
        digits: of the number, at least.
    """

    def __init__(self, otherwise: str, between: str = "_", digits: int = 4) -> None:
        self._otherwise, self._between, self._digits = otherwise, between, digits
        self._seen: dict[str, int] = {}

    def next(self, label: str) -> str:
        """Return the next name for a label.

        >>> names = Numbered("clip")
        >>> [names.next(label) for label in ("7_jackson", "7_jackson", "a/b", "A b")]
        ['7_jackson_0000', '7_jackson_0001', 'a_b_0000', 'A_b_0001']
        """
        name = safe_name(label, self._otherwise)
        number = self._seen.get(name.casefold(), 0)
        self._seen[name.casefold()] = number + 1
        return f"{name}{self._between}{number:0{self._digits}d}"


def safe_cell(text: str) -> str:
    """Return text for a cell of a table, quoted if a spreadsheet would run it as a formula.

    Such text starts with ``=``, ``+``, ``-``, ``@``, a tab or a return; it gets a ``'`` in front,
    and so does text that looks as if it had one already. :func:`plain_cell` undoes it.

    >>> safe_cell("=1+1"), safe_cell("'=1+1"), safe_cell("it's")
    ("'=1+1", "''=1+1", "it's")
    """
    return f"'{text}" if FORMULA.match(text) else text


def plain_cell(text: str) -> str:
    """Return the text that :func:`safe_cell` was given.

    >>> plain_cell("'=1+1"), plain_cell("''=1+1"), plain_cell("'tis")
    ('=1+1', "'=1+1", "'tis")
    """
    return text[1:] if QUOTED.match(text) else text
