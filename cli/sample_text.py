"""Samples that are lines of text: on standard output, or in a file."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from .console import UseError, say

if TYPE_CHECKING:
    from seqgan_kit.nn.relaxation import Decoding
    from seqgan_kit.sampling import Sampler
    from seqgan_kit.text_sampling import TextSample

DEFAULT_COUNT = 12


def write_lines(
    sampler: Sampler,
    labels: tuple[str, ...],
    *,
    count: int | None,
    seed: int,
    decoding: Decoding,
    prompt: str,
    max_length: int | None,
    unique: bool,
    form: str,
    out: Path | None,
    force: bool,
) -> None:
    """Write lines as they come, nothing else on standard output."""
    from seqgan_kit.text_sampling import sample_lines

    if out is not None and out.exists() and not force:
        raise UseError(f"{out} exists and is not overwritten; use --force or another --out")
    count = count or DEFAULT_COUNT
    samples = sample_lines(
        sampler,
        labels or None,
        count=count,
        seed=seed,
        decoding=decoding,
        prompt=prompt,
        max_length=max_length,
        unique=unique,
        details=form != "text",
    )
    # The first one tells what cannot be, before a file is begun.
    first = next(samples)
    write = {"text": _text, "jsonl": _jsonl, "csv": _csv}[form]

    def all_of_them() -> Iterator[TextSample]:
        yield first
        yield from samples

    with _open(out) as file:
        write(file, all_of_them(), list(sampler.labels), _names(sampler))
    say(f"{count} lines, seed {seed}" + ("" if out is None else f": {out}"))


@contextmanager
def _open(out: Path | None) -> Iterator[IO[str]]:
    if out is None:
        # A reader gets every line when it is there, and lines end in the same way everywhere.
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(encoding="utf-8", errors="replace", newline="\n")
        yield sys.stdout
        sys.stdout.flush()
        return
    from seqgan_kit.files import write_file

    with write_file(out) as draft, draft.open("w", encoding="utf-8", newline="\n") as file:
        yield file


Names = Callable[["TextSample"], dict[str, str]]


def _names(sampler: Sampler) -> Names:
    """The names of a sample's classes by attribute."""
    labels = sampler.labels
    return lambda sample: {
        attribute: classes[number]
        for (attribute, classes), number in zip(labels.items(), sample.label_A, strict=True)
    }


def _text(
    file: IO[str], samples: Iterable[TextSample], attributes: list[str], names: Names
) -> None:
    for sample in samples:
        file.write(sample.text + "\n")


def _jsonl(
    file: IO[str], samples: Iterable[TextSample], attributes: list[str], names: Names
) -> None:
    for sample in samples:
        line = {
            "text": sample.text,
            **names(sample),
            "tokens": sample.tokens,
            "log_likelihood": sample.log_likelihood,
        }
        file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _csv(
    file: IO[str], samples: Iterable[TextSample], attributes: list[str], names: Names
) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["text", *attributes, "tokens", "log_likelihood"])
    for sample in samples:
        tokens = json.dumps(sample.tokens, ensure_ascii=False)
        likelihood = "" if sample.log_likelihood is None else sample.log_likelihood
        writer.writerow([sample.text, *names(sample).values(), tokens, likelihood])
