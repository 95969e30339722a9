"""Tokenizers: SentencePiece models, and whole numbers."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, Protocol, runtime_checkable

from ...data.dataset import DataError

Pieces = Literal["unigram", "bpe", "char", "word"]
Normalization = Literal["nfkc", "identity"]

SPACE = "\u2581"
"""SentencePiece's symbol for a space."""

UNKNOWN_ID, END_ID = 0, 1
BYTES = 256
MOST_TOKENS = 10**7
LONGEST_LINE = 1 << 30
LONGEST_WORD = 2000
"""Characters without a space that pieces are learned from at once. The time that SentencePiece
takes grows with their square: a line of half a million letters would take a quarter of an hour."""
# With byte fallback the rarest characters are encoded as bytes: SentencePiece's default.
COVERAGE_BESIDE_BYTES = 0.9995


@runtime_checkable
class Tokenizer(Protocol):
    """Converter between text and token ids below ``vocabulary``.

    Attributes:
        vocabulary: number of tokens.
        end: id of the token that ends a sequence, ``None`` if there is none.
        unknown: id of the token for text outside the vocabulary, ``None`` if there is none.
    """

    vocabulary: int
    end: int | None
    unknown: int | None

    def ids(self, line: str) -> list[int]:
        """Return the tokens of a line, without the end token."""
        ...

    def batch_ids(self, lines: Sequence[str]) -> list[list[int]]:
        """Return the tokens of each line."""
        ...

    def text(self, ids: Sequence[int]) -> str:
        """Return the line for a list of tokens."""
        ...

    def batch_text(self, ids: Sequence[Sequence[int]]) -> list[str]:
        """Return the line for each list of tokens."""
        ...

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """Return the text of each token."""
        ...

    def strangers(self, line: str) -> list[str]:
        """Return the stretches of a line that are outside the vocabulary."""
        ...


class SentencePieceTokenizer:
    """A trained SentencePiece model.

    Token 0 is the unknown token and token 1 ends a sequence. There is no start token, because a
    generator has a start vector, and no padding token, because padding is masked.

    With identity normalisation, ``text(ids(line)) == line`` for every line without U+2581 (which
    is read as a space) whose characters are in the vocabulary; with byte fallback they all are. A
    word model needs words in the vocabulary separated by single spaces, or byte fallback. With
    NFKC the text comes back in SentencePiece's NFKC form.

    Args:
        model: the bytes returned by :func:`learn_sentencepiece`.

    References:
        Kudo & Richardson 2018, *SentencePiece: A simple and language independent subword
        tokenizer and detokenizer for Neural Text Processing*.
    """

    def __init__(self, model: bytes) -> None:
        # Imported here, because the commands for images do not need it.
        from sentencepiece import SentencePieceProcessor

        self._model = SentencePieceProcessor(model_proto=model)
        self.vocabulary: int = self._model.vocab_size()
        self.end: int | None = self._model.eos_id()
        self.unknown: int | None = self._model.unk_id()

    def check(self) -> None:
        """Use every token once, because a damaged model may fail only then.

        Raises:
            ValueError: the model lacks what the codec needs; other errors come from SentencePiece.
        """
        if not 0 < self.vocabulary <= MOST_TOKENS or (self.end, self.unknown) != (
            END_ID,
            UNKNOWN_ID,
        ):
            raise ValueError("it has no token for the end of a line, or for unknown text")
        every = list(range(self.vocabulary))
        self.pieces(every)
        self.ids(self.text(every))

    def ids(self, line: str) -> list[int]:
        return self._model.encode(line)

    def batch_ids(self, lines: Sequence[str]) -> list[list[int]]:
        return self._model.encode(list(lines))

    def text(self, ids: Sequence[int]) -> str:
        return self.batch_text([ids])[0]

    def batch_text(self, ids: Sequence[Sequence[int]]) -> list[str]:
        decoded = self._model.decode([list(line) for line in ids]) if ids else []
        # A word that is unknown or encoded as bytes keeps the symbol of its space.
        return [text.removeprefix(SPACE).replace(SPACE, " ") for text in decoded]

    def pieces(self, ids: Sequence[int]) -> list[str]:
        return self._model.id_to_piece(list(ids))

    def strangers(self, line: str) -> list[str]:
        pieces = zip(self._model.encode(line, out_type=str), self.ids(line), strict=True)
        return [
            piece.replace(SPACE, " ").strip() for piece, token in pieces if token == self.unknown
        ]


class NumbersTokenizer:
    """Tokenizer for lines of whole numbers separated by spaces; there is no end token.

    Args:
        vocabulary: one more than the largest number.

    >>> NumbersTokenizer(10).ids("3 0 9")
    [3, 0, 9]
    """

    end: int | None = None
    unknown: int | None = None

    def __init__(self, vocabulary: int) -> None:
        self.vocabulary = vocabulary

    def ids(self, line: str) -> list[int]:
        """Return the numbers of a line.

        Raises:
            DataError: a word is not a whole number below ``vocabulary``.
        """
        words = line.split()
        for word in words:
            if not (word.isascii() and word.isdecimal() and int(word) < self.vocabulary):
                raise DataError(
                    f"{word!r} is not a whole number below {self.vocabulary}: with "
                    "codec.tokenizer=numbers, lines are such numbers separated by spaces"
                )
        return [int(word) for word in words]

    def batch_ids(self, lines: Sequence[str]) -> list[list[int]]:
        return [self.ids(line) for line in lines]

    def text(self, ids: Sequence[int]) -> str:
        return " ".join(map(str, ids))

    def batch_text(self, ids: Sequence[Sequence[int]]) -> list[str]:
        return [self.text(line) for line in ids]

    def pieces(self, ids: Sequence[int]) -> list[str]:
        return [str(token) for token in ids]

    def strangers(self, line: str) -> list[str]:
        return []


class TooManyTokens(DataError):
    """The error for a vocabulary that is larger than the training text allows.

    Attributes:
        most: the largest that it allows.
    """

    def __init__(self, vocabulary: int | None, most: int) -> None:
        super().__init__(
            f"codec.vocabulary={vocabulary} is more than the training text allows: "
            f"choose at most {most}"
        )
        self.most = most


def learn_sentencepiece(
    lines: Iterable[str],
    *,
    kind: Pieces,
    vocabulary: int | None,
    byte_fallback: bool,
    normalization: Normalization,
) -> bytes:
    """Learn a SentencePiece model; the same lines give the same bytes.

    Args:
        lines: the training text.
        kind: type of model.
        vocabulary: number of tokens, including the unknown token, the end token and the 256 bytes
            of byte fallback; ``None`` (``char`` only) is every character.
        byte_fallback: encode text outside the vocabulary as bytes instead of losing it.
        normalization: Unicode's compatibility form (NFKC), or the text unchanged.

    Raises:
        TooManyTokens: the text allows fewer tokens.
        DataError: there is no text, or it needs more tokens.
    """
    from sentencepiece import SentencePieceTrainer

    if vocabulary is None and kind != "char":
        raise DataError(
            f"a {kind} tokenizer requires codec.vocabulary: set it to the number of tokens"
        )
    written = [line for line in lines if line.strip()]
    if not written:
        raise DataError("there is no text to learn a tokenizer from: every line is empty")
    size = {"use_all_vocab": True} if vocabulary is None else {"vocab_size": vocabulary}
    partial_words = kind in ("unigram", "bpe")
    model = io.BytesIO()
    try:
        SentencePieceTrainer.train(
            sentence_iterator=(cut for line in written for cut in bearable(line)),
            model_writer=model,
            model_type=kind,
            **size,
            byte_fallback=byte_fallback,
            character_coverage=COVERAGE_BESIDE_BYTES if byte_fallback and partial_words else 1.0,
            normalization_rule_name=normalization,
            remove_extra_whitespaces=False,
            # Makes the first word of a line the same token as the word inside a line.
            add_dummy_prefix=kind != "char",
            unk_surface=f"{SPACE}\u2047" if kind == "word" else "\u2047",
            unk_id=UNKNOWN_ID,
            eos_id=END_ID,
            bos_id=-1,
            pad_id=-1,
            max_sentence_length=LONGEST_LINE,
            num_threads=1,
            minloglevel=3,
        )
    except RuntimeError as error:
        if most := re.search(r"to a value <= (\d+)", str(error)):
            raise TooManyTokens(vocabulary, int(most[1])) from error
        raise DataError(_refused(str(error), kind, vocabulary)) from error
    learned = SentencePieceTokenizer(model.getvalue()).vocabulary
    if vocabulary is not None and learned < vocabulary:
        # A char model can be smaller than requested without an error.
        raise TooManyTokens(vocabulary, learned)
    return model.getvalue()


def bearable(line: str) -> Iterator[str]:
    """Cut a line inside of words that are too long to learn from in one piece.

    >>> list(bearable("a word")), [len(part) for part in bearable("a " + "b" * 4500)]
    (['a word'], [2000, 2000, 502])
    """
    if len(line) <= LONGEST_WORD or max(map(len, line.split())) <= LONGEST_WORD:
        yield line
        return
    for start in range(0, len(line), LONGEST_WORD):
        yield line[start : start + LONGEST_WORD]


def _refused(said: str, kind: str, vocabulary: int | None) -> str:
    """Turn SentencePiece's error into a message."""
    if least := re.search(r"smaller than required_chars\. \d+ vs (\d+)", said):
        return (
            f"codec.vocabulary={vocabulary} is too small: the characters of the training text "
            f"alone need {least[1]} tokens; choose at least that many"
        )
    if "(vocab_size) >= (0)" in said:
        return (
            f"codec.vocabulary={vocabulary} is too small: the unknown token, the end token and "
            f"the {BYTES} bytes need {BYTES + 2}; choose more than that"
        )
    return (
        f"SentencePiece cannot learn a {kind} tokenizer with codec.vocabulary={vocabulary} "
        f"({' '.join(said.split())}): choose another size or kind"
    )
