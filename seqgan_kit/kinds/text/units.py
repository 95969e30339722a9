"""Lines of text as rows of numbers: what measures them sees words or characters, no vocabulary."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Literal

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

Units = Literal["words", "spaces", "characters"]
"""What a line is cut into: words as NLTK cuts them, lower-cased; what stands between spaces; or
characters. Only of the first is the case of letters ignored."""

PADDING = 0
"""Fills a row behind the last unit of its line; no unit has this number."""


def unit_items(lines: Sequence[str], units: Units) -> Int[Tensor, "N L"]:
    """Lines as rows of numbers, padded to the longest of them, and to 1 at least.

    The number of a unit depends on nothing but the unit, so that samples of any tokenizer, real
    lines and files from elsewhere can be held against each other.

    Args:
        lines: the lines, without line breaks.
        units: what they are cut into. Words are those of the literature on text GANs (NLTK's
            ``NLTKWordTokenizer`` on the lower-cased line).
    """
    cut = _cutter(units)
    rows = [[unit_number(unit) for unit in cut(line)] for line in lines]
    length_N = np.array([len(row) for row in rows], np.int64)
    item_NL = np.zeros((len(rows), max(map(len, rows), default=0) or 1), np.int64)
    exists_NL = np.arange(item_NL.shape[1]) < length_N[:, None]
    item_NL[exists_NL] = np.array([number for row in rows for number in row], np.int64)
    return torch.from_numpy(item_NL)


@lru_cache(maxsize=2**18)
def unit_number(unit: str) -> int:
    """The number of a unit: 62 bits of its BLAKE2 hash, the same everywhere and never 0.

    Two of a million different units share one with a chance of one in ten million.

    >>> unit_number("film")
    1958149802248192834
    """
    digest = hashlib.blake2b(unit.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") % (2**62 - 1) + 1


def _cutter(units: Units) -> Callable[[str], Sequence[str]]:
    if units == "spaces":
        return str.split
    if units == "characters":
        return list
    # Imported late: it takes its time, and most commands measure no words.
    from nltk.tokenize import NLTKWordTokenizer

    tokenize = NLTKWordTokenizer().tokenize
    return lambda line: tokenize(line.lower())


def lengths(items: Int[Tensor, "N L"]) -> Int[Tensor, " N"]:
    """How many units each line has."""
    return (items != PADDING).sum(1)


def as_lists(items: Int[Tensor, "N L"]) -> list[list[int]]:
    """The numbers of each line without the padding."""
    rows = zip(items.tolist(), lengths(items).tolist(), strict=True)
    return [row[:length] for row, length in rows]
