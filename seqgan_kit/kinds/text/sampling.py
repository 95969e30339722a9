"""Lines of text from a trained generator: streamed, in constant memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int

from ...errors import SeqganError, UsageError
from ...nn.relaxation import PLAIN, Decoding
from ...runs.sampler import CHUNK, Sampler
from .codec import text_codec

PATIENCE = 20
"""Chunks in a row without a new line after which there seem to be no more."""


class TextSample(NamedTuple):
    """A line.

    Attributes:
        text: the line.
        tokens: how its tokens are written.
        label_A: the classes that were asked for.
        log_likelihood: in nats, of the whole line under the model as it was learned, whatever it
            was drawn with; ``None`` where the model has none that is exact.
    """

    text: str
    tokens: list[str]
    label_A: Int[np.ndarray, " A"]
    log_likelihood: float | None


class PromptTooLong(UsageError):
    """A beginning that leaves no room to go on."""


class NoMoreLines(SeqganError):
    """Fewer different lines than were asked for can be found."""


def sample_lines(
    sampler: Sampler,
    label: str | list[str] | tuple[str, ...] | None = None,
    *,
    count: int,
    seed: int = 0,
    decoding: Decoding = PLAIN,
    prompt: str = "",
    max_length: int | None = None,
    unique: bool = False,
    details: bool = False,
) -> Iterator[TextSample]:
    """Lines, the first ones at once.

    Args:
        sampler: of a run whose codec is one of text.
        label: what the labels must agree with; attributes that it does not name, and all of them
            where it is absent, are drawn in the proportions of the training lines.
        count: how many lines in all.
        seed: of noise and labels.
        decoding: how tokens are drawn.
        prompt: the beginning of every line.
        max_length: tokens at most.
        unique: leave out lines that came before. What is remembered is a number for each line.
        details: whether tokens and log-likelihoods are wanted, too.

    Raises:
        TypeError: the run writes something else.
        LabelError: it has no such label.
        DataError: the prompt cannot be written in its tokens.
        PromptTooLong: it leaves no room under ``max_length``.
        NoMoreLines: ``unique``, and nothing new comes any more.
    """
    codec = text_codec(sampler.codec)
    prefix = torch.tensor(codec.prompt(prompt), dtype=torch.int64) if prompt else None
    steps = codec.steps if max_length is None else min(max_length, codec.steps)
    if prefix is not None and len(prefix) >= steps:
        raise PromptTooLong(
            f"the prompt has {len(prefix)} tokens, and lines of {steps} are wanted: shorten it, "
            "or allow more"
        )
    labels = sampler.label_stream(label, None if unique else count, seed=seed)
    seen: set[int] = set()
    found = stale = 0
    for batch in sampler.written(labels, seed=seed, decoding=decoding, prefix=prefix, steps=steps):
        ids_BT = codec.decode(batch.x_BTF, batch.mask_BT).cpu()
        texts = codec.strings(ids_BT)
        exact = details and sampler.generator.likelihood == "exact"
        with torch.no_grad():
            log_p = sampler.generator.log_prob(batch).sum(1).tolist() if exact else None
        pieces = codec.pieces(ids_BT) if details else None
        before = found
        for place, text in enumerate(texts):
            if unique:
                if hash(text) in seen:
                    continue
                seen.add(hash(text))
            yield TextSample(
                text,
                [] if pieces is None else pieces[place],
                batch.label_BA[place].cpu().numpy(),
                None if log_p is None else log_p[place],
            )
            found += 1
            if found == count:
                return
        stale = stale + 1 if found == before else 0
        if stale == PATIENCE:
            raise NoMoreLines(
                f"{found} different lines were found, and no new one among the last "
                f"{PATIENCE * CHUNK}: ask for fewer, or raise the temperature"
            )
