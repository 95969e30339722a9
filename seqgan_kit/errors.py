"""Errors that a user is told in a sentence, without a traceback."""

from __future__ import annotations

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
