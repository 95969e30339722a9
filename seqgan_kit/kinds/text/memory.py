"""Text in memory: to train on, and samples to save and show."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...data.dataset import DataError
from ...data.tables import is_frame
from ...errors import UsageError
from ...report.lines import TextPanel, line
from ...runs.asked import Asked
from ...runs.loading import folder_of, run_recipe
from ...runs.samples import Made
from ...training.run import Run
from .codec import text_codec
from .kind import Text
from .loading import text_column
from .sampling import TextSample
from .writing import write_lines

SHOWN = 40
"""Lines of a gallery."""

TEXT = "text"


def keep(data: Any, labels: Mapping[str, Sequence[Any]], folder: Path) -> Mapping[str, Any]:
    """Write lines as JSON; see :meth:`~seqgan_kit.kind.Kind.keep`.

    Args:
        data: a list of strings, or a data frame with a column ``text``.
        labels: the class of each, by attribute.
        folder: where they go.

    Raises:
        DataError: they are no strings, or an attribute has the name of the text.
    """
    if is_frame(data):
        if TEXT not in data:
            raise DataError(f"the data frame has no column {TEXT!r}: give its text that name")
        data = data[TEXT].tolist()
    lines = list(data)
    if not all(isinstance(one, str) for one in lines):
        raise DataError("text in memory is a list of strings")
    if TEXT in labels:
        raise DataError(f"no attribute can be called {TEXT!r}: give it another name")
    rows = [
        {TEXT: text, **{name: str(values[number]) for name, values in labels.items()}}
        for number, text in enumerate(lines)
    ]
    path = folder / "lines.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return {"source": "lines", "root": str(path), "text": TEXT, "labels": list(labels)}


def save(samples: Made, asked: Asked) -> None:
    """Write samples; see :meth:`~seqgan_kit.kind.Kind.write_made`."""
    if asked.target.suffix not in Text.saved_as:
        raise UsageError(
            f"{asked.target}: lines are saved to names that end in {', '.join(Text.saved_as)}"
        )
    codec = text_codec(samples.sampler.codec)
    lines = zip(
        codec.strings(samples.decoded),
        codec.pieces(samples.decoded),
        samples.label_NA,
        strict=True,
    )
    made = (TextSample(text, pieces, row_A, None) for text, pieces, row_A in lines)
    write_lines(made, samples.sampler, asked)


def columns(samples: Made) -> Mapping[str, Sequence[Any]]:
    """Return lines with their labels as columns; see :meth:`~seqgan_kit.kind.Kind.shard`."""
    sampler = samples.sampler
    text = text_column(run_recipe(Run(folder_of(sampler))).data)
    return {text: text_codec(sampler.codec).strings(samples.decoded), **samples.named()}


def gallery(samples: Made) -> TextPanel:
    """Return lines with their labels; see :meth:`~seqgan_kit.kind.Kind.gallery`."""
    some = samples.part(slice(SHOWN))
    strings = text_codec(some.sampler.codec).strings(some.decoded)
    lines = [line(text, name) for text, name in zip(strings, some.names, strict=True)]
    return {"kind": "text", "lines": lines}
