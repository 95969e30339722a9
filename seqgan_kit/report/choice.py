"""Recommendations of models for several purposes, each with the rule that it follows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict

from .tables import Better, Figure, Row, Table, cell, number, usable

TIE = 2.0
"""Differences up to this many combined standard deviations are ties."""

RESOLVED = {"gan_train_accuracy": 0.005}
"""Differences up to this are ties if a metric is measured once, so that its deviation is unknown:
judges trained on the same samples with different seeds differ by about this much."""


class Choice(TypedDict):
    """A recommendation or a warning, with the rule behind it.

    `models` are the names in the answer, shown with their markers; empty if no model qualifies.
    """

    kind: Literal["choice", "warning"]
    question: str
    answer: str
    models: list[str]
    because: str
    rule: str


@dataclass(frozen=True)
class Limit:
    """Bounds on a metric; with ``of_real`` they are multiples of the value of real data.

    ``margin`` is added to the upper bound.
    """

    figure: str
    at_least: float = -math.inf
    at_most: float = math.inf
    of_real: bool = False
    margin: float = 0.0
    harmless: float = -math.inf
    """Smallest upper bound."""

    def bounds(self, real: Row | None) -> tuple[float, float] | None:
        """Return the lowest and the highest value allowed; ``None`` if real data are missing."""
        scale = 1.0
        if self.of_real:
            value = usable(real, self.figure) if real else None
            if value is None:
                return None
            scale = value["mean"]
        # inf * 0 is not a number, so an absent bound is not scaled.
        low = self.at_least * scale if math.isfinite(self.at_least) else self.at_least
        high = self.at_most * scale if math.isfinite(self.at_most) else self.at_most
        return low, max(high + self.margin, self.harmless)


@dataclass(frozen=True)
class Question:
    """A purpose, the metric that decides, and the limits that a model must meet first."""

    question: str
    figure: str
    better: Literal["higher", "lower"]
    rule: str
    limits: tuple[Limit, ...] = ()


@dataclass(frozen=True)
class Suspicion:
    """A warning about models that violate any of the limits."""

    question: str
    rule: str
    limits: tuple[Limit, ...]


QUESTIONS = (
    Question(
        "Samples with labels, to train a classifier on",
        "gan_train_accuracy", "higher",
        "The highest accuracy on real data of a classifier trained on samples; differences up to "
        "0.005 are a tie if only one classifier was trained.",
    ),
    Question(
        "Samples closest to the real distribution",
        "frechet_judge_distance", "lower",
        "The lowest Fréchet distance in the features of the judge.",
    ),
    Question(
        "Labels right and samples varied",
        "label_accuracy", "higher",
        "The highest label accuracy among models with a spread from 0.9 to 1.1 and a coverage of "
        "at least 0.8 times that of real data.",
        (Limit("spread", 0.9, 1.1), Limit("coverage", at_least=0.8, of_real=True)),
    ),
    Question(
        "Realistic sentences with the diversity of real ones",
        "bleu_3", "higher",
        "The highest BLEU-3 among models whose Self-BLEU-3 is at most 0.05 above that of real "
        "text.",
        (Limit("self_bleu_3", at_most=1.0, of_real=True, margin=0.05),),
    ),
    Question(
        "Fast sampling",
        "samples_per_second", "higher",
        "The most samples per second among models with a label accuracy of at least 0.95 times "
        "that of real data.",
        (Limit("label_accuracy", at_least=0.95, of_real=True),),
    ),
    Question(
        "Likelihood of given data",
        "negative_log_likelihood", "lower",
        "The lowest negative log-likelihood among models that have one; the cross-entropy of grey "
        "values is not a likelihood and is not compared. Models that see labels have an advantage "
        "of up to the logarithm of the number of classes.",
    ),
    Question(
        "Encoding and reconstruction",
        "bound", "lower",
        "The lowest bound among models with an encoder.",
    ),
    Question(
        "Encoding and reconstruction of grey values",
        "grey_bound", "lower",
        "The lowest bound among models with an encoder that treat grey values as probabilities.",
    ),
)  # fmt: skip

SUSPICIONS = (
    Suspicion(
        "Looks collapsed: samples resemble each other",
        "A spread below 0.8, or a recall or coverage below half that of real data.",
        (
            Limit("spread", at_least=0.8),
            Limit("recall", at_least=0.5, of_real=True),
            Limit("coverage", at_least=0.5, of_real=True),
        ),
    ),
    Suspicion(
        "May be memorising training items",
        "A share of memorised or copied samples above 0.05 and above 5 times that of real data.",
        tuple(
            Limit(name, at_most=5.0, of_real=True, harmless=0.05)
            for name in ("memorised", "copied")
        ),
    ),
    Suspicion(
        "Ignores its label",
        "A label accuracy below half that of real data.",
        (Limit("label_accuracy", at_least=0.5, of_real=True),),
    ),
)


def goodness(better: Better, mean: float) -> float:
    """Return the value, transformed so that higher is better."""
    return {"higher": mean, "lower": -mean, "one": -abs(mean - 1), "none": 0.0}[better]


def leaders(rows: Sequence[Row], figure: str, better: Better) -> list[Row]:
    """Return the best row and those that tie with it, best first.

    A missing deviation (a single sample set) counts as zero, except for the metrics in
    :data:`RESOLVED`.
    """
    known = [(row, value) for row in rows if (value := usable(row, figure))]
    if not known or better == "none":
        return []
    known.sort(key=lambda pair: goodness(better, pair[1]["mean"]), reverse=True)
    best = known[0][1]

    def ties(value: float, deviation: float | None) -> bool:
        behind = goodness(better, best["mean"]) - goodness(better, value)
        resolved = 0.0
        if best["deviation"] is None or deviation is None:
            resolved = RESOLVED.get(figure, 0.0)
        return behind <= max(
            TIE * math.hypot(best["deviation"] or 0.0, deviation or 0.0), resolved
        )

    return [row for row, value in known if ties(value["mean"], value["deviation"])]


def choose(content: Table) -> list[Choice]:
    """Return recommendations and warnings, in a fixed order.

    A question is left out if its metrics are absent; with a single model, only warnings remain.
    """
    models = [row for row in content["rows"] if row["role"] == "model"]
    real = next((row for row in content["rows"] if row["role"] == "real"), None)
    figures = {figure["name"]: figure for figure in content["figures"]}
    warned = [_warn(suspicion, models, real, figures) for suspicion in SUSPICIONS]
    found = [warning for warning in warned if warning]
    if len(models) < 2:
        return found
    suspect = {name for warning in found for name in warning["models"]}
    answers = [_answer(question, models, real, figures, suspect) for question in QUESTIONS]
    return [answer for answer in answers if answer] + found


def _warn(
    suspicion: Suspicion, models: Sequence[Row], real: Row | None, figures: dict[str, Figure]
) -> Choice | None:
    named: list[str] = []
    reasons: list[str] = []
    for row in models:
        if broken := _broken(suspicion.limits, row, real, figures):
            named.append(row["name"])
            reasons.append(f"{row['name']}: {', '.join(broken)}")
    if not named:
        return None
    return {
        "kind": "warning",
        "question": suspicion.question,
        "answer": "; ".join(named),
        "models": named,
        "because": "; ".join(reasons) + ".",
        "rule": suspicion.rule,
    }


def _broken(
    limits: Sequence[Limit], row: Row, real: Row | None, figures: dict[str, Figure]
) -> list[str]:
    """Describe the limits that a row violates; a missing metric violates none."""
    words: list[str] = []
    for limit in limits:
        value, bounds = usable(row, limit.figure), limit.bounds(real)
        if value is None or bounds is None or limit.figure not in figures:
            continue
        if not bounds[0] <= value["mean"] <= bounds[1]:
            figure = figures[limit.figure]
            low, high, digits = *bounds, figure["digits"]
            rule = f"at least {number(low, digits)}"
            if value["mean"] > high:
                rule = f"at most {number(high, digits)}"
            words.append(f"{figure['title']} {number(value['mean'], digits)} ({rule})")
    return words


def _answer(
    question: Question,
    models: Sequence[Row],
    real: Row | None,
    figures: dict[str, Figure],
    suspect: set[str],
) -> Choice | None:
    needed = {question.figure, *(limit.figure for limit in question.limits)}
    complete = [row for row in models if all(usable(row, name) for name in needed)]
    bounded = all(limit.bounds(real) for limit in question.limits)
    if not complete or not bounded or not needed <= figures.keys():
        return None
    barred = {
        row["name"]: broken
        for row in complete
        if (broken := _broken(question.limits, row, real, figures))
    }
    able = [row for row in complete if row["name"] not in barred]
    best = leaders(able, question.figure, question.better)
    names = [row["name"] for row in best]
    outside = "; ".join(f"{name}: {', '.join(broken)}" for name, broken in barred.items())
    if not best:
        because, answer = f"No model is within the limits. {outside}.", "None of them"
    else:
        because = _because(figures[question.figure], question.better, able, best)
        because += f" Outside the limits: {outside}." if outside else ""
        answer = names[0] if len(names) == 1 else "Tie: " + "; ".join(names)
    if doubtful := [name for name in names if name in suspect]:
        because += f" There is a warning about {'; '.join(doubtful)}."
    return {
        "kind": "choice",
        "question": question.question,
        "answer": answer,
        "models": names,
        "because": because,
        "rule": question.rule,
    }


def _because(
    figure: Figure, better: Literal["higher", "lower"], able: Sequence[Row], best: Sequence[Row]
) -> str:
    """Describe the deciding values: of the winner and the next, or of all that tie."""
    rest = [row for row in able if row not in best]
    after = leaders(rest, figure["name"], better)[:1]
    title = figure["title"][:1].upper() + figure["title"][1:]
    text = f"{title}: " + "; ".join(f"{row['name']} {cell(row, figure)}" for row in best)
    if len(best) > 1:
        text += "; the differences are too small to rank them"
    if after:
        text += f"; next is {after[0]['name']} with {cell(after[0], figure)}"
    elif len(able) == 1:
        text += "; no other model qualifies"
    return text + "."
