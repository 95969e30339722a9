"""The text codec: lines of text to token sequences and back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from ...data.dataset import DataError, some
from ...errors import UsageError
from ...files import FileProblem, parsing
from ...kind import Codec
from .files import LINE_BREAK
from .tokenizers import (
    Normalization,
    NumbersTokenizer,
    SentencePieceTokenizer,
    Tokenizer,
    TooManyTokens,
    learn_sentencepiece,
)

TokenizerKind = Literal["unigram", "bpe", "char", "word", "numbers"]

PAD = -1
"""Fills decoded ids after the end of a sequence; no token has this id."""

MODEL_FILE = "tokenizer.model"

MOST_PIECES = 1 << 16
"""Tokens whose text is written into an exported network."""


class TextCodec(Codec):
    """Codec between lines of text and token sequences that end with the end token.

    A line of more than ``max_length`` tokens keeps its first ``steps`` and gets no end token, so
    that a model does not learn to stop in mid-sentence. Padding is token 0 with a false mask. If
    the vocabulary has no end token, a sequence ends where its mask ends.

    Args:
        tokenizer: splits a line into tokens.
        max_length: the most tokens that a line can have without being cut.
    """

    def __init__(self, *, tokenizer: Tokenizer, max_length: int) -> None:
        self.tokenizer = tokenizer
        self.max_length = max_length
        self.end = tokenizer.end
        self.steps = max_length + (self.end is not None)
        self.features = tokenizer.vocabulary

    def encode(self, raw: np.ndarray) -> tuple[Int[Tensor, "B T"], Bool[Tensor, "B T"]]:
        """Encode strings ``[B]`` as tokens and a mask."""
        ending = [] if self.end is None else [self.end]
        x_BT = torch.zeros(len(raw), self.steps, dtype=torch.int64)
        length_B = torch.zeros(len(raw), dtype=torch.int64)
        for row, ids in enumerate(self.tokenizer.batch_ids(raw.tolist())):
            kept = [*ids, *ending][: self.steps]
            x_BT[row, : len(kept)] = torch.tensor(kept, dtype=torch.int64)
            length_B[row] = len(kept)
        return x_BT, torch.arange(self.steps) < length_B[:, None]

    def decode(self, x_BT: Int[Tensor, "B T"], mask_BT: Bool[Tensor, "B T"]) -> Int[Tensor, "B T"]:
        """Return the tokens, with :data:`PAD` from the end token on and outside the mask."""
        over_BT = ~mask_BT
        if self.end is not None:
            over_BT = over_BT | ((x_BT == self.end).cumsum(1) > 0)
        return x_BT.masked_fill(over_BT, PAD)

    def strings(self, ids_BT: Int[Tensor, "B T"]) -> list[str]:
        """Convert decoded tokens to text, one line per sequence."""
        return [LINE_BREAK.sub(" ", text) for text in self.tokenizer.batch_text(_rows(ids_BT))]

    def present(self, things: Int[Tensor, "B T"]) -> np.ndarray:
        """Convert decoded tokens to strings ``[B]``."""
        return np.array(self.strings(things), object)

    def pieces(self, ids_BT: Int[Tensor, "B T"]) -> list[list[str]]:
        """Return the text of each decoded token."""
        return [self.tokenizer.pieces(ids) for ids in _rows(ids_BT)]

    def about(self) -> dict[str, Any]:
        """Return the text of every token, unless there are more than :data:`MOST_PIECES`."""
        if self.features > MOST_PIECES:
            return {}
        return {"pieces": self.tokenizer.pieces(range(self.features))}

    def beginning(self, raw: str) -> Int[Tensor, " P"]:
        """Tokenize the beginning of a line.

        Raises:
            UsageError: some of it is outside the vocabulary, or it leaves no room for more tokens.
        """
        if strangers := sorted(set(self.tokenizer.strangers(raw))):
            named = some(list(map(repr, strangers)))
            raise UsageError(
                f"the prompt {raw!r} contains text outside the vocabulary: {named}; remove it"
            )
        ids = self.tokenizer.ids(raw)
        if len(ids) >= self.max_length:
            raise UsageError(
                f"the prompt has {len(ids)} tokens, but the model's lines have at most "
                f"{self.max_length}, the prompt included: use fewer than {self.max_length} tokens"
            )
        return torch.tensor(ids, dtype=torch.int64)

    def lengths(self, raw: np.ndarray) -> np.ndarray:
        """Count the tokens of each line, uncut and without the end token."""
        return np.array([len(ids) for ids in self.tokenizer.batch_ids(raw.tolist())], np.int64)

    def written(self, raw: np.ndarray) -> list[str]:
        """Return uncut lines as their tokens write them."""
        return self.tokenizer.batch_text(self.tokenizer.batch_ids(raw.tolist()))

    def fits(self, raw: np.ndarray) -> np.ndarray:
        """Return which lines are not cut."""
        return self.lengths(raw) <= self.max_length


def _rows(ids_BT: Tensor) -> list[list[int]]:
    return [[token for token in row if token != PAD] for row in ids_BT.tolist()]


def learn_codec(
    lines: Iterable[str],
    *,
    tokenizer: TokenizerKind,
    vocabulary: int | None,
    byte_fallback: bool,
    normalization: Normalization,
    max_length: int,
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Learn a codec from the training text.

    Args:
        lines: the training text.
        tokenizer: kind of tokenizer.
        vocabulary: number of tokens, or fewer where the text allows no more; see
            :func:`learn_sentencepiece`.
        byte_fallback: see there.
        normalization: see there.
        max_length: the most tokens that a line can have without being cut.

    Returns:
        The arguments of :func:`stored_codec`: JSON settings, and files by name.

    Raises:
        DataError: the text needs more tokens.
    """
    settings: dict[str, Any] = {"tokenizer": tokenizer, "max_length": max_length}
    if tokenizer == "numbers":
        if vocabulary is None:
            raise DataError(
                "codec.tokenizer 'numbers' requires codec.vocabulary: set it to one more than the "
                "largest number"
            )
        return settings | {"vocabulary": vocabulary}, {}
    learn = partial(
        learn_sentencepiece,
        list(lines),
        kind=tokenizer,
        byte_fallback=byte_fallback,
        normalization=normalization,
    )
    try:
        model = learn(vocabulary=vocabulary)
    except TooManyTokens as error:
        model = learn(vocabulary=error.most)
    return settings | {"sha256": hashlib.sha256(model).hexdigest()}, {MODEL_FILE: model}


def stored_codec(settings: Mapping[str, Any], files: Mapping[str, bytes]) -> TextCodec:
    """Rebuild the codec of a run.

    Args:
        settings: as returned by :func:`learn_codec`.
        files: likewise; files that the codec does not need are ignored.

    Raises:
        FileProblem: the tokenizer file is missing, damaged, or not the one the run was trained
            with.
    """
    if settings["tokenizer"] == "numbers":
        tokenizer: Tokenizer = NumbersTokenizer(settings["vocabulary"])
        return TextCodec(tokenizer=tokenizer, max_length=settings["max_length"])
    remedy = "restore it from a copy of the run, or train again"
    if MODEL_FILE not in files:
        raise FileProblem(f"the run has no {MODEL_FILE}, which turns tokens into text: {remedy}")
    found = hashlib.sha256(files[MODEL_FILE]).hexdigest()
    if found != settings["sha256"]:
        raise FileProblem(
            f"{MODEL_FILE} is not the one the run was trained with: its SHA-256 is {found}, "
            f"expected {settings['sha256']}; {remedy}"
        )
    with parsing(MODEL_FILE, f"a tokenizer; {remedy}"):
        tokenizer = SentencePieceTokenizer(files[MODEL_FILE])
        tokenizer.check()
    return TextCodec(tokenizer=tokenizer, max_length=settings["max_length"])


def text_codec(codec: object) -> TextCodec:
    """Return the codec if it is a text codec.

    Raises:
        TypeError: it is another codec.
    """
    if not isinstance(codec, TextCodec):
        raise TypeError(f"{type(codec).__name__} is not a text codec")
    return codec
