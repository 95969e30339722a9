"""What a data set looks like: counts for reading, a sheet for looking."""

from __future__ import annotations

import numpy as np
from PIL import Image

from ..data.dataset import PARTS, Dataset
from ..data.loader import Codec
from ..data.tokens import TextCodec
from .images import GRID_ROWS, grid


def summary(dataset: Dataset, codec: Codec) -> str:
    """Counts of every part and label, and the shape of the sequences."""
    text = isinstance(codec, TextCodec)
    lines = [
        f"{dataset.name}: sequences of {codec.steps} steps of "
        + (f"one of {codec.features} tokens" if text else f"{codec.features} numbers"),
        *dataset.notes,
        "",
        f"{'':20}" + "".join(f"{name:>12}" for name in PARTS),
        f"{'items':20}" + "".join(f"{len(dataset.parts[name]):12d}" for name in PARTS),
    ]
    for column, (attribute, classes) in enumerate(dataset.labels.items()):
        counts = [
            np.bincount(dataset.parts[name].label_NA[:, column], minlength=len(classes))
            for name in PARTS
        ]
        for number, label in enumerate(classes):
            title = f"{attribute} {label}"[:20]
            lines.append(f"{title:20}" + "".join(f"{count[number]:12d}" for count in counts))
    return "\n".join(lines)


QUANTILES = (0, 25, 50, 75, 95, 100)
EXAMPLES = 3


def text_summary(dataset: Dataset, codec: TextCodec) -> str:
    """Lengths in tokens, what the vocabulary covers of each part, and some training lines."""
    lines = [
        f"{'tokens of a line':20}" + "".join(f"{name:>12}" for name in PARTS),
    ]
    raw = {name: dataset.parts[name].items[: len(dataset.parts[name])] for name in PARTS}
    lengths = {name: codec.lengths(items) for name, items in raw.items()}

    def row(title: str, values: list[str]) -> None:
        lines.append(f"{title:20}" + "".join(f"{value:>12}" for value in values))

    for share in QUANTILES:
        title = {0: "shortest", 50: "median", 100: "longest"}.get(share, f"{share} % up to")
        row(
            title,
            [f"{np.percentile(n, share):.0f}" if len(n) else "" for n in lengths.values()],
        )
    limit = codec.max_length
    row(f"more than {limit}", [str(int((n > limit).sum())) for n in lengths.values()])
    # Of everything: cut lines would hide what lies beyond the cut.
    known = [_known(codec, items) for items in raw.values()]
    row("known", [f"{100 * share:.2f} %" if share is not None else "" for share in known])
    lines += ["", "Some training lines, and their tokens:"]
    training = raw["training"]
    chosen = np.random.default_rng(0).permutation(len(training))[:EXAMPLES]
    x_BT, mask_BT = codec.encode(training[chosen])
    for text, pieces in zip(
        training[chosen], codec.pieces(codec.decode(x_BT, mask_BT)), strict=True
    ):
        lines += [f"  {text}", f"    {' '.join(pieces)}"]
    return "\n".join(lines)


def _known(codec: TextCodec, raw: np.ndarray) -> float | None:
    """The share of tokens that the vocabulary has."""
    unknown = codec.tokenizer.unknown
    ids = [token for line in codec.tokenizer.batch_ids(raw.tolist()) for token in line]
    if not ids:
        return None
    return 1.0 if unknown is None else 1 - ids.count(unknown) / len(ids)


def contact_sheet(dataset: Dataset, codec: Codec, columns: int = 12) -> Image.Image:
    """Training items after a round trip through the codec, one row a class of each attribute."""
    training = dataset.parts["training"]
    rows: list[np.ndarray] = []
    names: list[str] = []
    for column, (attribute, classes) in enumerate(dataset.labels.items()):
        for number, label in enumerate(classes):
            members = np.flatnonzero(training.label_NA[:, column] == number)[:columns]
            if not len(members) or len(rows) == GRID_ROWS:
                continue
            rows.append(codec.decode(*codec.encode(training.pick(members))).numpy())
            names.append(label if len(dataset.labels) == 1 else f"{attribute} {label}")
    return grid(rows, names)
