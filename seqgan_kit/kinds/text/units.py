"""Lines of text as rows of unit numbers, so that metrics do not depend on a vocabulary."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Literal

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from ...data.unequal import refuse_padding

Units = Literal["words", "spaces", "characters"]
"""What a line is split into: words as split by NLTK, lower-cased; text between spaces; or
characters. Only words ignore case."""

PADDING = 0
"""Fills a row after the last unit of its line; no unit has this number."""


def unit_items(lines: Sequence[str], units: Units) -> Int[Tensor, "N L"]:
    """Convert lines to rows of unit numbers, padded to the longest line and to at least 1.

    The number of a unit depends only on the unit, so that samples of any tokenizer, real lines
    and files from elsewhere can be compared. Lines are normalised first (NFKC): a tokenizer may
    write "," for a full-width comma, and a line copied so would count as new.

    Args:
        lines: the lines, without line breaks.
        units: what they are split into. Words are those of the text-GAN literature (NLTK's
            ``NLTKWordTokenizer`` on the lower-cased line).

    Raises:
        DataError: one line is so long that rows of its length would fill the memory.
    """
    cut = _cutter(units)
    rows = [
        [unit_number(unit) for unit in cut(unicodedata.normalize("NFKC", line))] for line in lines
    ]
    length_N = np.array([len(row) for row in rows], np.int64)
    refuse_padding(length_N.tolist(), int(length_N.max(initial=1)), length_N.itemsize)
    item_NL = np.zeros((len(rows), max(map(len, rows), default=0) or 1), np.int64)
    exists_NL = np.arange(item_NL.shape[1]) < length_N[:, None]
    item_NL[exists_NL] = np.array([number for row in rows for number in row], np.int64)
    return torch.from_numpy(item_NL)


@lru_cache(maxsize=2**18)
def unit_number(unit: str) -> int:
    """Return the number of a unit: 62 bits of its BLAKE2 hash, the same everywhere and never 0.

    The probability of a collision among a million distinct units is one in ten million.

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
    # Imported late, because it is slow and most commands do not measure words.
    from nltk.tokenize import NLTKWordTokenizer

    tokenize = NLTKWordTokenizer().tokenize
    return lambda line: tokenize(line.lower())


def lengths(items: Int[Tensor, "N L"]) -> Int[Tensor, " N"]:
    """Count the units of each line."""
    return (items != PADDING).sum(1)


def as_lists(items: Int[Tensor, "N L"]) -> list[list[int]]:
    """Return the unit numbers of each line, without padding."""
    rows = zip(items.tolist(), lengths(items).tolist(), strict=True)
    return [row[:length] for row, length in rows]
