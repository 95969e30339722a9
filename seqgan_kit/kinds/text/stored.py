"""What a run stores of the codec of text."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ...sections import Section


class StoredText(Section):
    """A tokenizer, which is a file known by its SHA-256, or a range of whole numbers."""

    kind: Literal["text"]
    tokenizer: Literal["unigram", "bpe", "char", "word", "numbers"]
    max_length: Annotated[int, Field(ge=1, le=10**6)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    vocabulary: Annotated[int, Field(ge=1, le=10**7)] | None = None

    @model_validator(mode="after")
    def _complete(self) -> StoredText:
        needed = "vocabulary" if self.tokenizer == "numbers" else "sha256"
        if getattr(self, needed) is None:
            raise ValueError(f"{needed} is missing, which the tokenizer {self.tokenizer!r} needs")
        return self
