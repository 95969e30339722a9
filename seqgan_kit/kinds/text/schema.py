"""Sections of a recipe for text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from ...sections import (
    CodecSection,
    DataSection,
    EvaluationSection,
    PositiveInt,
    Share,
    Steps,
)


class TextData(DataSection):
    """Lines of text."""

    validation: Share = 0.05
    """Share of the lines that is held out of training."""


class CaptionsData(TextData):
    """Captions of images, without labels, with a test part of their own."""

    source: Literal["coco_captions"]
    """Which data set."""


class LabelledTextData(TextData):
    """Labelled lines that seqgan_kit knows where to find."""

    source: Literal["snippets", "names"]
    """Which data set."""
    test: Share = 0.1
    """Share of the lines for the test."""


class OracleData(TextData):
    """Sequences drawn from a synthetic language model, whose probabilities are known."""

    own_root: ClassVar[bool] = True

    source: Literal["oracle"]
    """An LSTM with random weights: its own, drawn by `seed`, or those in `root`."""
    root: str | None = None
    """A folder with the published weights (oracle_lstm.npz); absent: weights drawn by `seed`."""
    sequences: PositiveInt = 10000
    """Training sequences, the validation part aside."""
    validation: Share = 0.2
    """Validation sequences, as a share of the training sequences, drawn beside them."""
    test: PositiveInt = 10000
    """Test sequences."""
    length: PositiveInt = 20
    """Tokens of a sequence."""


class LinesData(TextData):
    """Your own text: a .txt, .tsv, .csv or .jsonl file, or a folder with one for each part."""

    own_root: ClassVar[bool] = True

    source: Literal["lines"]
    """Your own text."""
    root: str
    """The file; or a folder with files named training, validation and test."""
    text: str = "text"
    """The column or key that holds the text."""
    labels: tuple[str, ...] = ()
    """Columns or keys that hold labels; none: one class."""
    test: Share = 0.1
    """Share of the lines for the test, where the folder has no part of that name."""
    unreadable: Literal["error", "skip"] = "error"
    """What to do about rows that cannot be used: stop and name them, or leave them out."""


class TextCodecRecipe(CodecSection):
    """A line is a sequence of tokens."""

    ways: ClassVar[Mapping[Steps, Mapping[str, Any]]] = {"tokens": {"kind": "text"}}

    kind: Literal["text"] = "text"
    """Text as sequences."""
    tokenizer: Literal["unigram", "bpe", "char", "word", "numbers"] = "unigram"
    """A SentencePiece model learned from the training lines; numbers: a line is whole numbers."""
    vocabulary: PositiveInt | None = 4000
    """How many tokens; null with char: every character of the training lines."""
    byte_fallback: bool = False
    """Write characters outside the vocabulary as bytes instead of as unknown."""
    normalization: Literal["nfkc", "identity"] = "nfkc"
    """What is done to the characters of a line before it is cut."""
    max_length: PositiveInt = 40
    """Tokens of the longest sequence, the end token aside."""
    too_long: Literal["cut", "drop"] = "cut"
    """What is done in training with lines that have more."""

    def check(self, data: DataSection) -> None:
        """Raise a ValueError if the tokenizer does not suit the data."""
        if (self.tokenizer == "numbers") != isinstance(data, OracleData):
            raise ValueError("codec.tokenizer: numbers is for data.source 'oracle', and only it")
        if self.vocabulary is None and self.tokenizer != "char":
            raise ValueError("codec.vocabulary: only char can do without a number")


class TextEvaluation(EvaluationSection):
    """How runs of text are measured."""

    units: Literal["words", "spaces", "characters"] = "words"
    """What BLEU and the judge read: lower-cased words, what stands between spaces, or
    characters."""
