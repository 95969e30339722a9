"""Page panels for text runs: samples, temperatures, copies and token scores."""

from __future__ import annotations

import numpy as np
import torch

from ...measuring.bench import Bench
from ...nn.relaxation import Decoding
from ...pages.choosing_samples import class_rows, step_scores
from ...recipe import Recipe
from ...report.lines import TextLine, TextPanel, line, text_panel
from ...report.page import TitledPanel
from ...runs.sampler import Sampler
from ...runs.scoring import Scores
from ...training.run import Run
from .codec import TextCodec, text_codec
from .figures import longest_copied
from .units import as_lists

SHEET = 12
"""Lines per class on the page."""

TEMPERATURES = (0.5, 0.8, 1.0, 1.3)
COPIES = 10
"""Samples shown with the training line that their longest copied passage comes from."""


def _lines(sampler: Sampler, label_NA: np.ndarray, seed: int, temperature: float) -> list[str]:
    chunks = sampler.stream(label_NA, seed=seed, decoding=Decoding(temperature))
    return text_codec(sampler.codec).strings(torch.cat(list(chunks)))


def samples(bench: Bench, recipe: Recipe, sampler: Sampler, seed: int) -> dict[str, TextPanel]:
    """Return sampled lines by class, or all together for a model without labels."""
    if not recipe.conditional:
        label_NA = np.zeros((SHEET, 1), np.int64)
        return {"any": text_panel(_lines(sampler, label_NA, seed, 1.0))}
    rows_NA, names = class_rows(bench)
    found = _lines(sampler, np.repeat(rows_NA, SHEET, 0), seed, 1.0)
    return {
        name: text_panel(found[place * SHEET : (place + 1) * SHEET])
        for place, name in enumerate(names)
    }


def real_samples(bench: Bench) -> dict[str, TextPanel]:
    """Return test lines by class."""
    part = bench.dataset.parts["test"]
    panels = {}
    for row, name in zip(*class_rows(bench), strict=True):
        members = np.flatnonzero((part.label_NA == row).all(1))
        if len(members):
            chosen = np.random.default_rng(0).permutation(members)[:SHEET]
            panels[name] = text_panel([str(text) for text in part.pick(chosen)])
    return panels


def panels(
    bench: Bench, run: Run, recipe: Recipe, sampler: Sampler, seed: int
) -> list[TitledPanel]:
    """Return panels on temperatures, copies and, if possible, the discriminator's scores."""
    found = [_temperatures(sampler, seed), _copies(bench, recipe, sampler, seed)]
    scores = step_scores(bench, run, recipe, sampler, seed)
    if scores is not None:
        found.append(_scored(scores, text_codec(sampler.codec)))
    return found


def _temperatures(sampler: Sampler, seed: int) -> TitledPanel:
    label_NA = sampler.mixed_labels(None, 3, seed=seed)
    shown = [
        line(text, under=f"temperature {temperature:g}")
        for temperature in TEMPERATURES
        for text in _lines(sampler, label_NA, seed, temperature)
    ]
    return {
        "title": "Temperatures",
        "explanation": "The same labels and noise at several sampling temperatures: lower ones "
        "favour likely tokens, higher ones rare tokens.",
        "panel": {"kind": "text", "lines": shown},
    }


def _copies(bench: Bench, recipe: Recipe, sampler: Sampler, seed: int) -> TitledPanel:
    count = min(bench.samples, 1000)
    texts = _lines(sampler, bench.asked(count, recipe.conditional), seed, 1.0)
    training = bench.dataset.parts["training"]
    known = [str(text) for text in training.items[: len(training)]]
    lines, seen = as_lists(bench.measure.real(texts)), as_lists(bench.measure.real(known))
    longest_N = longest_copied(lines, seen)
    nearest = np.argsort(-longest_N, kind="stable")[:COPIES]
    shown = [
        line(texts[n], under=_holding(lines[n], int(longest_N[n]), seen, known)) for n in nearest
    ]
    return {
        "title": "Longest copies",
        "explanation": f"Of {count} samples, those with the longest passage copied from a "
        "training line; below each, a training line that contains the passage.",
        "panel": {"kind": "text", "lines": shown},
    }


def _holding(sample: list[int], longest: int, seen: list[list[int]], known: list[str]) -> str:
    """Return a training line that contains a passage of this length from a sample."""
    if not longest:
        return ""
    wanted = {tuple(sample[at : at + longest]) for at in range(len(sample) - longest + 1)}
    for place, units in enumerate(seen):
        if any(
            tuple(units[at : at + longest]) in wanted for at in range(len(units) - longest + 1)
        ):
            return known[place]
    raise AssertionError("the longest copied passage is not in any training line")


def _scored(scores: Scores, codec: TextCodec) -> TitledPanel:
    shown: list[TextLine] = []
    for what, (ids_BT, exists_BT, score_BT) in (("real", scores.real), ("sample", scores.made)):
        pieces = codec.pieces(codec.decode(ids_BT, exists_BT))
        for row, words in enumerate(pieces):
            values = score_BT[row, : len(words)].tolist()
            readable = [word.replace("▁", " ") for word in words]
            shown.append(
                line(
                    "".join(readable),
                    under=what,
                    scores=list(zip(readable, values, strict=True)),
                )
            )
    return {
        "title": "What the discriminator sees",
        "explanation": scores.explanation,
        "panel": {"kind": "text", "lines": shown},
    }
