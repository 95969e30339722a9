"""Files from elsewhere, read within limits: regular files of a bearable size, as text or JSON."""

from __future__ import annotations

import codecs
import json
import os
import re
import stat
from io import BufferedReader
from pathlib import Path
from typing import Any

from ..errors import SeqganError
from ..sections import DataSection
from .dataset import DataError

LARGEST_MB: int = DataSection.model_fields["max_file_mb"].default
"""Default of ``data.max_file_mb``, and the limit where there is no recipe yet."""

MB = 1 << 20

MOST_COLUMNS = 10_000
"""Columns of a table: of more, rows and columns are mixed up, or it is no table."""
ESCAPED_HALF = re.compile(r"\\u[dD][89a-fA-F]")
UTF8 = "utf-8"
ENCODING_ADVICE = "save the file as UTF-8, or name its encoding by data.encoding"
BYTE_ORDER_MARK, NEWLINE = b"\xef\xbb\xbf", b"\n"

SPECIAL = {
    stat.S_ISDIR: "a folder",
    stat.S_ISFIFO: "a pipe",
    stat.S_ISSOCK: "a socket",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
}

Refusal = type[SeqganError]
"""Class of the error for a file that cannot be read."""


class NotJson(ValueError):
    """The error for text that is not JSON; the message says why in a few words."""


def user_path(text: str, error: Refusal = DataError) -> Path:
    """Return a path as a user writes it, in which ``~`` and ``~NAME`` are home folders.

    Raises:
        SeqganError: of the class ``error``: there is no such home folder.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError as problem:
        raise error(f"{text}: there is no such home folder; write the path without ~") from problem


def opened(path: Path, error: Refusal = DataError) -> BufferedReader:
    """Open a regular file, or a link to one, for reading.

    Nothing else is opened: a pipe would wait for its other end, and a device may have no end.

    Raises:
        SeqganError: of the class ``error``: there is no such file, it may not be read, or it is
            something else.
    """
    try:
        _refuse_special(path, os.stat(path).st_mode, error)
        # Without waiting: what was a file a moment ago may be a pipe now.
        file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))  # noqa: SIM115
    except OSError as problem:
        raise error(f"{path} cannot be read ({problem.strerror or problem})") from problem
    except ValueError as problem:  # a zero byte in the name
        raise error(f"{path!s} is not a possible name of a file ({problem})") from problem
    try:
        _refuse_special(path, os.fstat(file.fileno()).st_mode, error)
    except SeqganError:
        file.close()
        raise
    return file


def _refuse_special(path: Path, mode: int, error: Refusal) -> None:
    if stat.S_ISREG(mode):
        return
    what = next((name for is_one, name in SPECIAL.items() if is_one(mode)), "something else")
    raise error(f"{path} is {what} instead of a file: give a file, or remove it")


def regular_file(path: Path, max_mb: int = LARGEST_MB, error: Refusal = DataError) -> Path:
    """Check a path before a library opens it by its name, and return it.

    Raises:
        SeqganError: of the class ``error``: it is no regular file, cannot be read, or is too
            large.
    """
    with opened(path, error) as file:
        refuse_large(path, os.fstat(file.fileno()).st_size, max_mb, error)
    return path


def refuse_large(
    path: Path, size: int, max_mb: int = LARGEST_MB, error: Refusal = DataError
) -> None:
    """Refuse content that would take too much memory, before it is read.

    Args:
        path: the file, for the message.
        size: bytes of memory that its content would take.
        max_mb: the limit.
        error: class of the error.

    Raises:
        SeqganError: of the class ``error``: it is larger.
    """
    if size > max_mb * MB:
        raise error(
            f"{path} would take {-(-size // MB):,} MB of memory, more than the limit of "
            f"{max_mb:,} MB: split it, or raise data.max_file_mb in the recipe"
        )


def read_bytes(path: Path, max_mb: int = LARGEST_MB, error: Refusal = DataError) -> bytes:
    """Return the content of a file.

    Raises:
        SeqganError: of the class ``error``: it cannot be read, or is too large.
    """
    with opened(path, error) as file:
        size = os.fstat(file.fileno()).st_size
        refuse_large(path, size, max_mb, error)
        try:
            return file.read(size)  # No more than that, because the file may be growing.
        except OSError as problem:
            raise error(f"{path} cannot be read ({problem.strerror or problem})") from problem


def read_text(
    path: Path,
    max_mb: int = LARGEST_MB,
    error: Refusal = DataError,
    *,
    encoding: str = UTF8,
    advice: str = "save the file as UTF-8",
) -> str:
    """Return the content of a text file without a byte order mark; line breaks stay.

    Args:
        path: the file.
        max_mb: most memory that it may take.
        error: class of the error.
        encoding: of the text.
        advice: what to do about text in another encoding.

    Raises:
        SeqganError: of the class ``error``: it cannot be read, is too large, or is not in this
            encoding; the message names line and byte.
    """
    content = read_bytes(path, max_mb, error)
    if codecs.lookup(encoding).name != UTF8:
        try:
            return content.decode(encoding).removeprefix("\ufeff")
        except UnicodeError as problem:
            raise error(f"{path} is not text in {encoding} ({problem}): {advice}") from problem
    content = content.removeprefix(BYTE_ORDER_MARK)
    if (zero := content.find(0)) >= 0:
        where = _place(content, zero)
        raise error(f"{path}, {where}: zero byte, so this is not UTF-8 text: convert it")
    try:
        return content.decode(UTF8)
    except UnicodeDecodeError as problem:
        where = _place(content, problem.start)
        raise error(
            f"{path}, {where}: 0x{content[problem.start]:02x} is not valid UTF-8: {advice}"
        ) from problem


def _place(content: bytes, offset: int) -> str:
    line = content.count(NEWLINE, 0, offset) + 1
    return f"line {line}, byte {offset - content.rfind(NEWLINE, 0, offset)}"


def parse_json(text: str) -> Any:
    """Return a JSON value.

    Raises:
        NotJson: the text is not JSON, is nested too deeply, or has half a character or a number
            of thousands of digits.

    >>> parse_json("[1, 2]")
    [1, 2]
    """
    try:
        value = json.loads(text)
        if ESCAPED_HALF.search(text):
            # Halves of a character that stand alone could not be written again.
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as error:
        raise NotJson(error.msg) from error
    except UnicodeEncodeError as error:
        raise NotJson("it has half a character") from error
    except RecursionError as error:
        raise NotJson("it is nested too deeply") from error
    except ValueError as error:
        raise NotJson("it has a number with too many digits") from error
    return value


def refuse_columns(path: Path, count: int, error: Refusal = DataError) -> None:
    """Refuse a table of too many columns.

    Raises:
        SeqganError: of the class ``error``: there are more than ``MOST_COLUMNS``.
    """
    if count > MOST_COLUMNS:
        raise error(
            f"{path} has {count:,} columns, more than {MOST_COLUMNS:,}: give it a row for each "
            "item, and the same columns in all rows"
        )


def digest(path: Path, max_mb: int = LARGEST_MB, error: Refusal = DataError) -> str:
    """Return the SHA-256 of a file.

    Raises:
        SeqganError: of the class ``error``: it cannot be read, or is too large.
    """
    try:
        # Here and not at import, because `files` imports torch, and schemas need this module.
        from ..files import file_digest

        return file_digest(regular_file(path, max_mb, error))
    except OSError as problem:
        raise error(f"{path} cannot be read ({problem.strerror or problem})") from problem
