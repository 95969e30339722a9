"""Text as tokens: SentencePiece, and numbers as they are."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from typing import Literal, Protocol, runtime_checkable

from ...data.dataset import DataError

Pieces = Literal["unigram", "bpe", "char", "word"]
Normalization = Literal["nfkc", "identity"]

SPACE = "\u2581"
"""What SentencePiece writes for a space."""

UNKNOWN_ID, END_ID = 0, 1
BYTES = 256
LONGEST_LINE = 1 << 30
# With byte fallback the rarest characters are spelt in bytes: SentencePiece's own default.
COVERAGE_BESIDE_BYTES = 0.9995


@runtime_checkable
class Tokenizer(Protocol):
    """Text to whole numbers below ``vocabulary`` and back.

    Attributes:
        vocabulary: how many tokens there are.
        end: the token that ends a sequence, ``None`` if there is none.
        unknown: the token of what is not in the vocabulary, ``None`` if there is none.
    """

    vocabulary: int
    end: int | None
    unknown: int | None

    def ids(self, line: str) -> list[int]:
        """The tokens of a line, without the end token."""
        ...

    def batch_ids(self, lines: Sequence[str]) -> list[list[int]]:
        """The tokens of every line."""
        ...

    def text(self, ids: Sequence[int]) -> str:
        """The line of some tokens."""
        ...

    def batch_text(self, ids: Sequence[Sequence[int]]) -> list[str]:
        """The line of every list of tokens."""
        ...

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """How each token is written."""
        ...

    def strangers(self, line: str) -> list[str]:
        """The stretches of a line that are not in the vocabulary."""
        ...


class SentencePieceTokenizer:
    """A trained SentencePiece model.

    Token 0 is the unknown one and token 1 ends a sequence. There is no begin token, since a
    generator starts from a vector of its own, and no padding token, since a mask says it.

    ``text(ids(line)) == line``, if the model was learned with identity normalisation, for every
    line without U+2581 (it is read as a space) whose characters are in the vocabulary; with byte
    fallback they all are. A word model needs words in the vocabulary that stand one space apart,
    or byte fallback. With NFKC the text comes back in SentencePiece's NFKC form.

    Args:
        model: the bytes of :func:`learn_sentencepiece`.

    References:
        Kudo & Richardson 2018, *SentencePiece: A simple and language independent subword
        tokenizer and detokenizer for Neural Text Processing*.
    """

    def __init__(self, model: bytes) -> None:
        # Imported here: the commands for images do without it.
        from sentencepiece import SentencePieceProcessor

        self._model = SentencePieceProcessor(model_proto=model)
        self.vocabulary: int = self._model.vocab_size()
        self.end: int | None = self._model.eos_id()
        self.unknown: int | None = self._model.unk_id()

    def ids(self, line: str) -> list[int]:
        return self._model.encode(line)

    def batch_ids(self, lines: Sequence[str]) -> list[list[int]]:
        return self._model.encode(list(lines))

    def text(self, ids: Sequence[int]) -> str:
        return self.batch_text([ids])[0]

    def batch_text(self, ids: Sequence[Sequence[int]]) -> list[str]:
        decoded = self._model.decode([list(line) for line in ids]) if ids else []
        # A word that is unknown or spelt in bytes brings the mark of its space along.
        return [text.removeprefix(SPACE).replace(SPACE, " ") for text in decoded]

    def pieces(self, ids: Sequence[int]) -> list[str]:
        return self._model.id_to_piece(list(ids))

    def strangers(self, line: str) -> list[str]:
        pieces = zip(self._model.encode(line, out_type=str), self.ids(line), strict=True)
        return [
            piece.replace(SPACE, " ").strip() for piece, token in pieces if token == self.unknown
        ]


class NumbersTokenizer:
    """Lines of whole numbers, separated by spaces, each its own token; there is no end token.

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
        """The numbers of a line.

        Raises:
            DataError: a word is no such number.
        """
        words = line.split()
        for word in words:
            if not (word.isascii() and word.isdecimal() and int(word) < self.vocabulary):
                raise DataError(
                    f"{word!r} is no whole number below {self.vocabulary}: with "
                    "codec.tokenizer=numbers a line holds such numbers, separated by spaces"
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


def learn_sentencepiece(
    lines: Iterable[str],
    *,
    kind: Pieces,
    vocabulary: int | None,
    byte_fallback: bool,
    normalization: Normalization,
) -> bytes:
    """Learn a SentencePiece model: the same lines give the same bytes.

    Args:
        lines: the training text.
        kind: what a token is.
        vocabulary: how many tokens, the unknown and the end token and 256 bytes of a byte
            fallback among them; ``None`` is every character, for ``char`` only.
        byte_fallback: spell what is not in the vocabulary in bytes instead of losing it.
        normalization: Unicode's compatibility form, or the text as it stands.

    Raises:
        DataError: there is no text, or it does not allow such a vocabulary.
    """
    from sentencepiece import SentencePieceTrainer

    if vocabulary is None and kind != "char":
        raise DataError(f"codec.vocabulary must say how many tokens a {kind} tokenizer learns")
    written = [line for line in lines if line.strip()]
    if not written:
        raise DataError("there is no text to learn a tokenizer from: every line is empty")
    size = {"use_all_vocab": True} if vocabulary is None else {"vocab_size": vocabulary}
    partial_words = kind in ("unigram", "bpe")
    model = io.BytesIO()
    try:
        SentencePieceTrainer.train(
            sentence_iterator=iter(written),
            model_writer=model,
            model_type=kind,
            **size,
            byte_fallback=byte_fallback,
            character_coverage=COVERAGE_BESIDE_BYTES if byte_fallback and partial_words else 1.0,
            normalization_rule_name=normalization,
            remove_extra_whitespaces=False,
            # The first word of a line is then the same token as inside of it.
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
        raise DataError(_refused(str(error), kind, vocabulary)) from error
    learned = SentencePieceTokenizer(model.getvalue()).vocabulary
    if vocabulary is not None and learned < vocabulary:
        # A char model falls short without a word.
        raise DataError(_too_large(vocabulary, learned))
    return model.getvalue()


def _refused(said: str, kind: str, vocabulary: int | None) -> str:
    """SentencePiece's complaint as a sentence."""
    if most := re.search(r"to a value <= (\d+)", said):
        return _too_large(vocabulary, int(most[1]))
    if least := re.search(r"smaller than required_chars\. \d+ vs (\d+)", said):
        return (
            f"codec.vocabulary={vocabulary} is too small: the characters of the training text "
            f"alone take {least[1]} tokens, choose at least that"
        )
    if "(vocab_size) >= (0)" in said:
        return (
            f"codec.vocabulary={vocabulary} is too small: the unknown and the end token and "
            f"the {BYTES} bytes take {BYTES + 2}, choose more than that"
        )
    return (
        f"SentencePiece cannot learn a {kind} tokenizer with codec.vocabulary={vocabulary} "
        f"({' '.join(said.split())}): choose another size or kind"
    )


def _too_large(vocabulary: int | None, most: int) -> str:
    return (
        f"codec.vocabulary={vocabulary} is more than the training text allows: "
        f"choose at most {most}"
    )
