"""Writing of text samples to standard output or a file."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import torch

from ...files import write_text
from ...labels import are_named, label_names
from ...nn.relaxation import Decoding
from ...runs.asked import Asked, TextFile, text_output
from ...runs.loading import run_recipe
from ...runs.sampler import Sampler
from ...training.run import Run
from .codec import text_codec
from .loading import text_column
from .sampling import TextSample, sample_lines

DEFAULT_COUNT = 12


def write(sampler: Sampler, asked: Asked) -> None:
    """Write lines as they are sampled, and nothing else to standard output."""
    options = asked.options
    count = asked.count or DEFAULT_COUNT
    samples = sample_lines(
        sampler,
        asked.labels or None,
        count=count,
        seed=asked.seed,
        decoding=decoding_of(options),
        prompt=options.get("prompt") or "",
        max_length=options.get("max_length"),
        unique=options.get("unique", False),
        details=asked.form != "text",
    )
    # Drawing the first line raises any error before a file is started.
    first = next(samples)
    asked.say(f"{write_lines(chain([first], samples), sampler, asked)} lines, seed {asked.seed}")


def decoding_of(options: Mapping[str, Any]) -> Decoding:
    """Return how tokens are drawn, from the options of a command."""
    top_p = options.get("top_p")
    return Decoding(
        options.get("temperature", 1.0),
        options.get("top_k") or 0,
        1.0 if top_p is None else top_p,
    )


def write_lines(samples: Iterable[TextSample], sampler: Sampler, asked: Asked) -> int:
    """Write lines in the format that is asked for; return how many there were."""
    # What was chosen does not follow the model's own likelihood any more, and says so.
    steered = {} if sampler.steering.plain else {"steering": asdict(sampler.steering)}
    jsonl = partial(_jsonl, steered=steered)
    writers: Mapping[str, Callable[..., None]] = {"text": _text, "jsonl": jsonl, "csv": _csv}
    column = text_column(run_recipe(Run(asked.run)).data)
    count = 0

    def counted() -> Iterator[TextSample]:
        nonlocal count
        for sample in samples:
            count += 1
            yield sample

    with text_output(asked) as file:
        writers[asked.form](file, counted(), column, _names(sampler), asked.cell)
    return count


def write_preview(sampler: Sampler, path: Path, *, count: int = 40, seed: int = 0) -> None:
    """Write samples with their labels, which have their frequencies in the training lines."""
    label_NA = sampler.mixed_labels(None, count, seed=seed)
    decoded = torch.cat(list(sampler.stream(label_NA, seed=seed)))
    lines = text_codec(sampler.codec).strings(decoded)
    names = [" ".join(label_names(row, sampler.labels)) for row in label_NA]
    shown = [f"{name}\t{line}\n" for name, line in zip(names, lines, strict=True)]
    write_text(path, "".join(shown))


Cell = Callable[[str], str]
Names = Callable[["TextSample"], dict[str, str]]


def _names(sampler: Sampler) -> Names:
    """Return a function from a sample to its class names by attribute."""
    labels = sampler.labels
    if not are_named(labels):
        return lambda sample: {}
    return lambda sample: {
        attribute: classes[number]
        for (attribute, classes), number in zip(labels.items(), sample.label_A, strict=True)
    }


def _text(
    file: TextFile, samples: Iterable[TextSample], column: str, names: Names, cell: Cell
) -> None:
    for sample in samples:
        file.write(sample.text + "\n")


def _jsonl(
    file: TextFile,
    samples: Iterable[TextSample],
    column: str,
    names: Names,
    cell: Cell,
    steered: Mapping[str, object],
) -> None:
    for sample in samples:
        line = {
            column: sample.text,
            **names(sample),
            "tokens": sample.tokens,
            "log_likelihood": sample.log_likelihood,
            **steered,
        }
        file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _csv(
    file: TextFile, samples: Iterable[TextSample], column: str, names: Names, cell: Cell
) -> None:
    writer = csv.writer(file, lineterminator="\n")
    header: list[str] = []
    for sample in samples:
        if not header:
            header = [column, *names(sample), "tokens", "log_likelihood"]
            writer.writerow(map(cell, header))
        tokens = json.dumps(sample.tokens, ensure_ascii=False)
        likelihood = "" if sample.log_likelihood is None else sample.log_likelihood
        text = map(cell, (sample.text, *names(sample).values()))
        # Tokens are JSON and start with a bracket.
        writer.writerow([*text, tokens, likelihood])
