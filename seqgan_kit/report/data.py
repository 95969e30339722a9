"""What a data set looks like: counts for reading, a sheet for looking."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image
from torch import Tensor

from ..data.dataset import PARTS, Dataset, Items
from ..data.loader import Codec
from ..data.rows import ImageCodec, RowsCodec
from ..data.series import SeriesCodec
from ..data.sound import AudioCodec
from ..data.tokens import TextCodec
from ..data.unequal import unpadded
from .images import GRID_ROWS, grid
from .series import Frame, small_multiples
from .sounds import spectrogram_grid


def summary(dataset: Dataset, codec: Codec) -> str:
    """Counts of every part and label, and the shape of the sequences."""
    lines = [
        f"{dataset.name}: sequences of {codec.steps} steps of {_step(dataset, codec)}",
        *dataset.notes,
        "",
        _row("", PARTS),
        _row("items", [str(len(dataset.parts[name])) for name in PARTS]),
    ]
    for column, (attribute, classes) in enumerate(dataset.labels.items()):
        counts = [
            np.bincount(dataset.parts[name].label_NA[:, column], minlength=len(classes))
            for name in PARTS
        ]
        for number, label in enumerate(classes):
            title = f"{attribute} {label}"[:20]
            lines.append(_row(title, [str(count[number]) for count in counts]))
    return "\n".join(lines)


def _step(dataset: Dataset, codec: Codec) -> str:
    """What a step consists of, in words."""
    x, _ = codec.encode(dataset.parts["training"].items[:1])
    return (
        f"{codec.features} numbers" if x.is_floating_point() else f"one of {codec.features} tokens"
    )


QUANTILES = (0, 25, 50, 75, 95, 100)
EXAMPLES = 3
FEW = 4
"""Clips or series of a class on a sheet."""


def _quantile_rows(lengths: Sequence[np.ndarray], form: str) -> list[str]:
    """The quantiles of the lengths of every part, a line each."""
    lines = []
    for share in QUANTILES:
        title = {0: "shortest", 50: "median", 100: "longest"}.get(share, f"{share} % up to")
        values = [f"{np.percentile(n, share):{form}}" if len(n) else "" for n in lengths]
        lines.append(_row(title, values))
    return lines


def _row(title: str, values: Iterable[str]) -> str:
    return f"{title:20}" + "".join(f"{value:>12}" for value in values)


def text_summary(dataset: Dataset, codec: TextCodec) -> str:
    """Lengths in tokens, what the vocabulary covers of each part, and some training lines."""
    raw = {name: dataset.parts[name].items[: len(dataset.parts[name])] for name in PARTS}
    lengths = [codec.lengths(items) for items in raw.values()]
    limit = codec.max_length
    lines = [
        _row("tokens of a line", PARTS),
        *_quantile_rows(lengths, ".0f"),
        _row(f"more than {limit}", [str(int((n > limit).sum())) for n in lengths]),
    ]
    # Of everything: cut lines would hide what lies beyond the cut.
    known = [_known(codec, items) for items in raw.values()]
    shares = [f"{100 * share:.2f} %" if share is not None else "" for share in known]
    lines += [_row("known", shares), "", "Some training lines, and their tokens:"]
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


READ = 1000
"""Clips that are read at a time while their lengths are counted."""


def sound_summary(dataset: Dataset, codec: AudioCodec) -> str:
    """How much sound there is in each part, and how long its clips are, in seconds."""
    seconds = [_samples(dataset.parts[name].items) / codec.sample_rate for name in PARTS]
    return "\n".join(
        [
            _row(f"{codec.sample_rate} Hz", PARTS),
            _row("in all", [_duration(float(n.sum())) for n in seconds]),
            *_quantile_rows(seconds, ".2f"),
        ]
    )


def series_summary(dataset: Dataset, codec: SeriesCodec) -> str:
    """Lengths in steps, and of each channel what the training part holds and the codec cuts."""
    raw = [dataset.parts[name].items[: len(dataset.parts[name])] for name in PARTS]
    lengths = [np.array([len(one) for one in items]) for items in raw]
    lines = [_row("steps", PARTS), *_quantile_rows(lengths, ".0f")]
    columns = ("smallest", "mean", "deviation", "largest", "cut")
    lines += ["", _row("channel (training)", columns)]
    kept = [one[: codec.steps] for one in raw[0]]
    value_SC = np.concatenate(kept).astype(np.float64)
    back = codec.decode(*codec.encode(raw[0]))
    # What comes back changed, beyond rounding, lay outside of the range.
    gap_SC = np.abs(np.concatenate(unpadded(back)) - value_SC)
    cut_C = (gap_SC > 1e-4 * (1 + np.abs(value_SC))).mean(0)
    for number, name in enumerate(codec.channels):
        value_S = value_SC[:, number]
        found = (value_S.min(), value_S.mean(), value_S.std(), value_S.max())
        shown = [f"{value:.4g}" for value in found]
        lines.append(_row(name[:20], [*shown, f"{100 * cut_C[number]:.2f} %"]))
    return "\n".join(lines)


def _samples(clips: Items) -> np.ndarray:
    """How many samples each clip has."""
    starts = range(0, len(clips), READ)
    return np.array([len(clip) for at in starts for clip in clips[at : at + READ]], np.int64)


def _duration(seconds: float) -> str:
    """A duration in the unit that suits it.

    >>> _duration(42.0), _duration(1290.0), _duration(5400.0)
    ('42.0 s', '21.5 min', '1.5 h')
    """
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def contact_sheet(dataset: Dataset, codec: Codec, columns: int = 12) -> Image.Image:
    """Training items after a round trip through the codec, one row a class of each attribute.

    Of sound the spectrograms of fewer clips, which are wider; of series small multiples.
    """
    training = dataset.parts["training"]
    few = not isinstance(codec, ImageCodec | RowsCodec)
    decoded: list[Tensor] = []
    names: list[str] = []
    for column, (attribute, classes) in enumerate(dataset.labels.items()):
        for number, label in enumerate(classes):
            members = np.flatnonzero(training.label_NA[:, column] == number)
            members = members[: FEW if few else columns]
            if not len(members) or len(decoded) == GRID_ROWS:
                continue
            decoded.append(codec.decode(*codec.encode(training.pick(members))))
            names.append(label if len(dataset.labels) == 1 else f"{attribute} {label}")
    if isinstance(codec, AudioCodec):
        return spectrogram_grid([unpadded(row) for row in decoded], names, codec.sample_rate)
    if isinstance(codec, SeriesCodec):
        series = [unpadded(row) for row in decoded]
        frame = Frame.of([one for row in series for one in row], codec.channels)
        return small_multiples([frame.cells(row) for row in series], names)
    return grid([row.numpy() for row in decoded], names)
