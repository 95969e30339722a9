"""Errors that a user is told in a sentence, without a traceback."""

from __future__ import annotations

import unicodedata
from typing import ClassVar


class SeqganError(Exception):
    """Something that cannot be done; the message says what is wrong and what to do.

    Attributes:
        exit_code: of the command: 1 for a failure, 2 for a request that makes no sense.
    """

    exit_code: ClassVar[int] = 1


class UsageError(SeqganError, ValueError):
    """A request that makes no sense: a wrong argument, recipe, label or option."""

    exit_code: ClassVar[int] = 2


class NotSupported(UsageError):
    """A request that this kind of data, or this model, does not support."""


class PluginError(SeqganError):
    """An installed plug-in that cannot be used, or two that get in each other's way."""


def printable(text: str) -> str:
    r"""Return text without characters that a terminal would obey, such as ESC.

    Control characters except line breaks and tabs are written as escapes, and so are the marks
    that turn the direction of writing.

    >>> print(printable("a\x1b[31mb"))
    a\x1b[31mb
    """
    return "".join(one.encode("unicode_escape").decode() if _obeyed(one) else one for one in text)


def _obeyed(character: str) -> bool:
    # Cc has ESC and the C1 controls, Cf the marks of direction, Cs halves of surrogate pairs.
    if character in "\n\t":
        return False
    return unicodedata.category(character) in ("Cc", "Cs") or character in DIRECTION


DIRECTION = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Marks that reorder the text after them (CVE-2021-42574)."""
