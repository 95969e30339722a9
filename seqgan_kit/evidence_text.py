"""What a page shows of runs that write text: lines, temperatures, copies, scores of tokens."""

from __future__ import annotations

import numpy as np
import torch

from . import build, materials
from .evaluation.attribution import step_scores
from .evaluation.text_figures import longest_copied
from .evaluation.units import as_lists
from .measuring import Bench
from .nn.relaxation import Decoding
from .recipe import Recipe
from .report.images import GRID_ROWS, label_names
from .report.lines import TextLine, TextPanel, line, text_panel
from .report.page import TitledPanel
from .run import Run
from .sampling import Sampler, parse_labels

SHEET = 12
"""Lines of a class on the page."""

TEMPERATURES = (0.5, 0.8, 1.0, 1.3)
COPIES = 10
"""Samples that are shown with the training line from which most of them is copied."""

SCORED = 8
"""Real lines, and samples, whose tokens are shown with the discriminator's scores."""


def _classes(bench: Bench) -> tuple[np.ndarray, list[str]]:
    """Labels that the page shows, and what it calls them."""
    labels = bench.dataset.labels
    rows_NA = parse_labels(None, labels)[:GRID_ROWS]
    return rows_NA, [" ".join(label_names(row, labels)) for row in rows_NA]


def _lines(sampler: Sampler, label_NA: np.ndarray, seed: int, temperature: float) -> list[str]:
    chunks = sampler.stream(label_NA, seed=seed, decoding=Decoding(temperature))
    return materials.text_codec(sampler.codec).strings(torch.cat(list(chunks)))


def samples(bench: Bench, recipe: Recipe, sampler: Sampler, seed: int) -> dict[str, TextPanel]:
    """Lines of each class; all together for a model that sees no labels."""
    if not recipe.conditional:
        label_NA = np.zeros((SHEET, 1), np.int64)
        return {"any": text_panel(_lines(sampler, label_NA, seed, 1.0))}
    rows_NA, names = _classes(bench)
    found = _lines(sampler, np.repeat(rows_NA, SHEET, 0), seed, 1.0)
    return {
        name: text_panel(found[place * SHEET : (place + 1) * SHEET])
        for place, name in enumerate(names)
    }


def real_samples(bench: Bench) -> dict[str, TextPanel]:
    """Test lines of each class."""
    part = bench.dataset.parts["test"]
    panels = {}
    for row, name in zip(*_classes(bench), strict=True):
        members = np.flatnonzero((part.label_NA == row).all(1))
        if len(members):
            chosen = np.random.default_rng(0).permutation(members)[:SHEET]
            panels[name] = text_panel([str(text) for text in part.pick(chosen)])
    return panels


def panels(
    bench: Bench, run: Run, recipe: Recipe, sampler: Sampler, seed: int
) -> list[TitledPanel]:
    """What the temperature does, what is copied, what the discriminator sees."""
    found = [_temperatures(sampler, seed), _copies(bench, recipe, sampler, seed)]
    if recipe.adversarial:
        found.append(_scored(bench, run, recipe, sampler, seed))
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
        "explanation": "The same labels and the same noise at several sampling temperatures: "
        "lower ones write what is probable, higher ones what is rare.",
        "panel": {"kind": "text", "lines": shown},
    }


def _copies(bench: Bench, recipe: Recipe, sampler: Sampler, seed: int) -> TitledPanel:
    count = min(bench.samples, 1000)
    texts = _lines(sampler, bench.asked(count, recipe.conditional), seed, 1.0)
    training = bench.dataset.parts["training"]
    known = [str(text) for text in training.items[: len(training)]]
    lines, seen = as_lists(bench.view.real(texts)), as_lists(bench.view.real(known))
    longest_N = longest_copied(lines, seen)
    nearest = np.argsort(-longest_N, kind="stable")[:COPIES]
    shown = [
        line(texts[n], under=_holding(lines[n], int(longest_N[n]), seen, known)) for n in nearest
    ]
    return {
        "title": "Longest copies",
        "explanation": f"Of {count} samples those with the longest passage that stands in a "
        "training line; below each, such a line.",
        "panel": {"kind": "text", "lines": shown},
    }


def _holding(sample: list[int], longest: int, seen: list[list[int]], known: list[str]) -> str:
    """A training line that holds a passage of this length of a sample."""
    if not longest:
        return ""
    wanted = {tuple(sample[at : at + longest]) for at in range(len(sample) - longest + 1)}
    for place, units in enumerate(seen):
        if any(
            tuple(units[at : at + longest]) in wanted for at in range(len(units) - longest + 1)
        ):
            return known[place]
    raise AssertionError("the longest copied passage stands in no training line")


def _scored(bench: Bench, run: Run, recipe: Recipe, sampler: Sampler, seed: int) -> TitledPanel:
    codec = materials.text_codec(sampler.codec)
    critic = build.load_critic(run, recipe, checkpoint=run.checkpoint().name)
    part = materials.seen(recipe, bench.dataset).parts["test"]
    group = max(recipe.minibatch_group, 1)
    count = min(len(part) // group, -(-SCORED // group)) * group
    # Groups of one class, as the discriminator knows them.
    order = np.lexsort(part.label_NA.T)[: len(part) // group * group].reshape(-1, group)
    chosen = np.random.default_rng(seed).permutation(order)[: count // group].ravel()
    label_NA = part.label_NA[chosen]
    written = next(sampler.written(label_NA, seed=seed))
    x_BT, mask_BT = codec.encode(part.pick(chosen))
    sides = [(x_BT, mask_BT), (written.x_BTF.cpu(), written.mask_BT.cpu())]
    label_BA = torch.from_numpy(label_NA)
    with torch.no_grad():
        neutral_E = critic.embed(x_BT)[mask_BT].mean(0)
        scores = []
        for ids_BT, exists_BT in sides:
            embedded_BTE = critic.embed(ids_BT)
            neutral_BTE = neutral_E.expand_as(embedded_BTE)
            scores.append(
                step_scores(critic, embedded_BTE, label_BA, exists_BT, neutral_BTE, group)
            )
    if getattr(critic, "logits", "sequence") != "sequence":
        middle = torch.stack([s[m].mean() for s, (_, m) in zip(scores, sides, strict=True)]).mean()
        scores = [score - middle for score in scores]
    largest = max(score.abs().max().item() for score in scores) or 1.0
    shown: list[TextLine] = []
    for what, score_BT, (ids_BT, exists_BT) in zip(("real", "sample"), scores, sides, strict=True):
        pieces = codec.pieces(codec.decode(ids_BT, exists_BT))
        for row, words in enumerate(pieces):
            values = (score_BT[row, : len(words)] / largest).tolist()
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
        "explanation": "Real lines and samples of the same labels; behind each token what speaks "
        "for real (blue) and for generated (red).",
        "panel": {"kind": "text", "lines": shown},
    }
