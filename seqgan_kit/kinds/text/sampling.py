"""Sampling of lines of text from a trained generator, streamed in constant memory."""

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
"""Consecutive chunks without a new line after which sampling gives up."""


class TextSample(NamedTuple):
    """A sampled line.

    Attributes:
        text: the line.
        tokens: the text of each token.
        label_A: the requested classes.
        log_likelihood: log-likelihood of the whole line in nats, under the model without decoding
            options; ``None`` if the model has no exact likelihood.
    """

    text: str
    tokens: list[str]
    label_A: Int[np.ndarray, " A"]
    log_likelihood: float | None


class PromptTooLong(UsageError):
    """A prompt that leaves no room for more tokens."""


class NoMoreLines(SeqganError):
    """Fewer distinct lines than requested could be found."""


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
    """Yield sampled lines, the first ones at once.

    Args:
        sampler: sampler of a text run.
        label: the requested labels; attributes that it does not name, or all if it is absent, are
            drawn with their frequencies in the training lines.
        count: total number of lines.
        seed: random seed of noise and labels.
        decoding: how tokens are drawn.
        prompt: text that every line starts with.
        max_length: maximum number of tokens.
        unique: leave out duplicate lines. One hash per line is kept in memory.
        details: whether to return tokens and log-likelihoods, too.

    Raises:
        TypeError: the run does not write text.
        LabelError: the run has no such label.
        UsageError: the prompt contains text outside the vocabulary.
        PromptTooLong: the prompt leaves no room under ``max_length``.
        NoMoreLines: ``unique`` is set, and no new lines turn up.
    """
    codec = text_codec(sampler.codec)
    prefix = sampler.beginning(prompt) if prompt else None
    steps = codec.steps if max_length is None else min(max_length, codec.steps)
    if prefix is not None and len(prefix) >= steps:
        raise PromptTooLong(
            f"the prompt has {len(prefix)} tokens, but lines have at most {steps}: shorten it, or "
            "raise the maximum length"
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
                f"no new lines among the last {PATIENCE * CHUNK} samples (distinct lines so far: "
                f"{found}): request fewer, or raise the temperature"
            )
