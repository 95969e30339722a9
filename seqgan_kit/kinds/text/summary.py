"""Summary of text data: lengths, vocabulary coverage and some lines."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...data.dataset import PARTS, Dataset, PartName
from ...report.data import quantile_rows, row
from .codec import TextCodec

EXAMPLES = 3


def summary(dataset: Dataset, codec: TextCodec) -> str:
    """Describe lengths in tokens, the coverage of the vocabulary and some training lines."""
    raw = {name: dataset.parts[name].items[: len(dataset.parts[name])] for name in PARTS}
    lengths = [codec.lengths(items) for items in raw.values()]
    limit = codec.max_length
    lines = [
        row("tokens per line", PARTS),
        *quantile_rows(lengths, ".0f"),
        row(f"more than {limit}", [str(int((n > limit).sum())) for n in lengths]),
    ]
    # Over whole lines: cut lines would hide unknown tokens beyond the cut.
    known = [_known(codec, items) for items in raw.values()]
    shares = [f"{100 * share:.2f} %" if share is not None else "" for share in known]
    lines += [
        row("known", shares),
        *_changed(codec, raw),
        "",
        "Some training lines and their tokens:",
    ]
    training = raw["training"]
    chosen = np.random.default_rng(0).permutation(len(training))[:EXAMPLES]
    x_BT, mask_BT = codec.encode(training[chosen])
    for text, pieces in zip(
        training[chosen], codec.pieces(codec.decode(x_BT, mask_BT)), strict=True
    ):
        lines += [f"  {text}", f"    {' '.join(pieces)}"]
    return "\n".join(lines)


def _changed(codec: TextCodec, raw: Mapping[PartName, np.ndarray]) -> list[str]:
    """Count the lines that come back changed, as by the normalisation, and show one."""
    pairs = {
        name: [
            (str(line), back)
            for line, back in zip(items, codec.written(items), strict=True)
            if str(line) != back
        ]
        for name, items in raw.items()
    }
    if not any(pairs.values()):
        return []
    before, after = next(pair for found in pairs.values() for pair in found)
    return [
        row("written otherwise", [str(len(found)) for found in pairs.values()]),
        f"  such as {before!r}",
        f"       as {after!r}",
    ]


def _known(codec: TextCodec, raw: np.ndarray) -> float | None:
    """Return the share of tokens that are in the vocabulary; ``None`` without any tokens."""
    unknown = codec.tokenizer.unknown
    ids = [token for line in codec.tokenizer.batch_ids(raw.tolist()) for token in line]
    if not ids:
        return None
    return 1.0 if unknown is None else 1 - ids.count(unknown) / len(ids)
