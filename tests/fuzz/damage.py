"""Random damage to files: what disks, editors, other programs and attackers do to them."""

import random
import re

TOKENS = (
    b"\0", b"\xff\xfe", b"\xed\xa0\x80", b"\xe2\x80\xae", b"\x1b[31m", b"\n", b"\r", b",", b'"',
    b"'", b"../", b"~nouser/", b"-1", b"0", b"1e999", b"nan", b"2147483648", b"null", b"{}", b"[]",
    b"18446744073709551616", b"9" * 5000, b"[" * 5000, b'{"a":' * 3000, b"a" * 70_000,
    b"&a [*a]", b"*a", b"!!python/name:os.system ", b"!!timestamp 2020-01-01", b"!!binary aGE=",
)  # fmt: skip
"""What readers trip over."""

NUMBER = re.compile(rb"-?\d+(\.\d+)?")
VALUE = re.compile(rb'(?<=[:,\[] )("[^"\n]*"|[^\s,\]}"]+)|(?<=[:,\[])"[^"\n]*"')
"""A value as JSON and YAML write it."""

HEADER = 256
"""Bytes at the beginning of a file, where most formats tell how to read the rest."""


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Return the content of a file with one to four kinds of damage."""
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        content = chance.choice(WAYS)(content, chance)
    return content


def _place(content: bytes, chance: random.Random) -> int:
    """Choose a place, half of the time in the header."""
    end = HEADER if chance.random() < 0.5 else len(content)
    return chance.randrange(min(end, len(content)) + 1)


def _flipped(content: bytes, chance: random.Random) -> bytes:
    place = _place(content, chance)
    flipped = bytes(byte ^ (1 << chance.randrange(8)) for byte in content[place : place + 1])
    return content[:place] + flipped + content[place + 1 :]


def _overwritten(content: bytes, chance: random.Random) -> bytes:
    place, size = _place(content, chance), chance.choice((1, 2, 4, 8, 64))
    fill = bytes([chance.choice((0, 0x7F, 0x80, 0xFF))]) * size
    return content[:place] + fill + content[place + size :]


def _cut_off(content: bytes, chance: random.Random) -> bytes:
    return content[: _place(content, chance)]


def _cut_out(content: bytes, chance: random.Random) -> bytes:
    place = _place(content, chance)
    return content[:place] + content[place + chance.choice((1, 3, 20, 400)) :]


def _repeated(content: bytes, chance: random.Random) -> bytes:
    place, size = _place(content, chance), chance.choice((1, 10, 500))
    piece = content[place : place + size]
    return content[:place] + piece * chance.choice((2, 3, 300)) + content[place + size :]


def _inserted(content: bytes, chance: random.Random) -> bytes:
    place = _place(content, chance)
    return content[:place] + chance.choice(TOKENS) + content[place:]


def _other(pattern: re.Pattern[bytes]):
    def change(content: bytes, chance: random.Random) -> bytes:
        found = [match.span() for match in pattern.finditer(content[: 1 << 16])]
        if not found:
            return _flipped(content, chance)
        start, end = chance.choice(found)
        return content[:start] + chance.choice(TOKENS) + content[end:]

    return change


WAYS = (_flipped, _overwritten, _cut_off, _cut_out, _repeated, _inserted, _other(NUMBER),
        _other(VALUE))  # fmt: skip
