"""Recipe sections for text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from ...sections import (
    CodecSection,
    Column,
    DataSection,
    EvaluationSection,
    PositiveInt,
    Share,
    Steps,
    TableData,
)


class TextData(DataSection):
    """Lines of text."""

    validation: Share = 0.05
    """Share of the lines held out for validation."""


class CaptionsData(TextData):
    """Image captions without labels, with an official test part."""

    source: Literal["coco_captions"]
    """Name of the data set."""


class LabelledTextData(TextData):
    """Labelled lines that seqgan_kit knows where to find."""

    source: Literal["snippets", "names", "peptides"]
    """Name of the data set."""
    test: Share = 0.1
    """Share of the lines for testing."""


class OracleData(TextData):
    """Sequences drawn from a synthetic language model with known probabilities."""

    own_root: ClassVar[bool] = True

    source: Literal["oracle"]
    """An LSTM with random weights, drawn with `seed` or read from `root`."""
    root: str | None = None
    """Folder with the published weights (oracle_lstm.npz); null: weights drawn with `seed`."""
    sequences: PositiveInt = 10000
    """Number of training sequences, without the validation part."""
    validation: Share = 0.2
    """Number of additional validation sequences, as a share of the training sequences."""
    test: PositiveInt = 10000
    """Number of test sequences."""
    length: PositiveInt = 20
    """Tokens per sequence."""


class BracketsData(TextData):
    """Lines of balanced brackets, drawn on the spot: a formal language, right or wrong."""

    source: Literal["brackets"]
    """Round, square and curly brackets, closed in order."""
    root: None = None
    """There are no files."""
    sequences: PositiveInt = 50000
    """Number of training lines, without the validation part."""
    test: PositiveInt = 2000
    """Number of test lines."""
    longest: Annotated[int, Field(ge=2, le=1000, multiple_of=2)] = 40
    """Brackets of the longest line."""


class LinesData(TextData, TableData):
    """Your own text: a .txt, .jsonl, .csv, .tsv or .parquet file, or a folder with one for each
    part."""

    own_root: ClassVar[bool] = True

    source: Literal["lines"]
    """Your own text."""
    root: str
    """The file, or a folder with files named training, validation and test."""
    text: Column = "text"
    """Column or key that holds the text."""
    labels: tuple[Column, ...] = ()
    """Columns or keys that hold labels; empty: one class."""
    test: Share = 0.1
    """Share of the lines for testing, unless the folder has a test file."""
    unreadable: Literal["error", "skip"] = "error"
    """What to do with rows that cannot be read: stop with an error, or leave them out."""


class TextCodecRecipe(CodecSection):
    """A line is a sequence of tokens."""

    ways: ClassVar[Mapping[Steps, Mapping[str, Any]]] = {"tokens": {"kind": "text"}}

    kind: Literal["text"] = "text"
    """The text codec."""
    tokenizer: Literal["unigram", "bpe", "char", "word", "numbers"] = "unigram"
    """Type of SentencePiece model learned from the training lines; numbers: whole numbers."""
    vocabulary: Annotated[int, Field(ge=1, le=10**7)] | None = 4000
    """Number of tokens; null (char only): every character of the training lines."""
    byte_fallback: bool = False
    """Encode characters outside the vocabulary as bytes instead of the unknown token."""
    normalization: Literal["nfkc", "identity"] = "nfkc"
    """Unicode normalization of a line before it is tokenized."""
    max_length: Annotated[int, Field(ge=1, le=10**6)] = 40
    """Maximum number of tokens in a sequence, without the end token."""
    too_long: Literal["cut", "drop"] = "cut"
    """What to do with longer training lines."""

    def check(self, data: DataSection) -> None:
        """Raise a ValueError if the tokenizer does not suit the data."""
        if (self.tokenizer == "numbers") != isinstance(data, OracleData):
            raise ValueError(
                "codec.tokenizer 'numbers' and data.source 'oracle' only work together: set both, "
                "or neither"
            )
        if self.vocabulary is None and self.tokenizer != "char":
            raise ValueError(
                "codec.vocabulary null requires codec.tokenizer 'char'; give a number instead"
            )


class TextEvaluation(EvaluationSection):
    """How text runs are evaluated."""

    units: Literal["words", "spaces", "characters"] = "words"
    """Units for BLEU and the judge: lower-cased words, text between spaces, or characters."""
    descriptors: Literal["peptides", "brackets"] | None = None
    """Figures of a field beside those of text, with units: characters. peptides: charge,
    hydrophobic moment, letters, edit distances (requires the extra `peptides`). brackets: whether
    lines are balanced, and how deep."""

    @model_validator(mode="after")
    def _of_letters(self) -> TextEvaluation:
        if self.descriptors is not None and self.units != "characters":
            raise ValueError(f"descriptors {self.descriptors!r} require units: characters")
        return self
