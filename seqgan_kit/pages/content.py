"""The content of a page about runs: metrics, samples, curves, what a model has learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Literal, cast

from .. import __version__
from ..auditing.wording import panels as audit_panels
from ..evaluation.figures import Value, figures_for
from ..measuring.bench import Bench
from ..measuring.evaluation import Evaluation
from ..report.choice import choose
from ..report.curves import Sweep
from ..report.page import Content, Model
from ..report.tables import Role, Row, Table
from ..runs.loading import run_recipe
from ..runs.watch import environment
from ..training.run import Run
from .training_curves import logged

BOUNDS: Mapping[Role, str] = {
    "codec": "real data through the codec",
    "real": "held-out real data",
    "noise": "noise",
}
"""Names of the table rows shown with the models."""

Measured = tuple[str, Sequence[Run], Evaluation]
"""The name of a model, its runs (one per seed), and their joint evaluation."""


def table(
    bench: Bench,
    measured: Sequence[tuple[str, Evaluation]],
    *,
    title: str,
    command: str,
    budget: str | None = None,
    notes: Sequence[str] = (),
) -> Table:
    """Make the table of the metrics of models, real data and noise."""
    rows = [_row(name, "model", place, e.figures) for place, (name, e) in enumerate(measured)]
    bounds = bench.bounds([evaluation for _, evaluation in measured])
    rows += [_row(BOUNDS[role], role, 0, values) for role, values in bounds.items()]
    names = dict.fromkeys(name for row in rows for name in row["values"])
    figures = figures_for(bench.dataset.labels, bench.measure.figures, names)
    return {
        "title": title,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "version": __version__,
        "data": {
            "name": bench.dataset.name,
            "items": {name: len(part) for name, part in bench.dataset.parts.items()},
            "labels": {name: list(names) for name, names in bench.dataset.labels.items()},
        },
        "budget": budget,
        "environment": cast(Any, environment(bench.device)),
        "figures": cast(Any, [asdict(figure) for figure in figures.values()]),
        "rows": rows,
        "notes": [*_how_measured(bench, [e for _, e in measured]), *notes],
    }


def _row(
    name: str,
    role: Role,
    colour: int,
    figures: Mapping[str, Value],
) -> Row:
    values = {figure: value.as_json() for figure, value in figures.items()}
    return {"name": name, "role": role, "colour": colour, "values": cast(Any, values)}


def _how_measured(bench: Bench, measured: Sequence[Evaluation]) -> list[str]:
    settings, real = bench.settings, bench.reference.count
    sizes = {(int(e.settings["sets"]), int(e.settings["samples"])) for e in measured}
    sets = " or ".join(f"{many} x {size}" for many, size in sorted(sizes))
    notes = [f"Independent sets of samples: {sets}. Real data and noise are one set each."]
    if bench.judged:
        notes = [
            f"Samples are compared with {real} real {bench.part} items. The row of held-out real "
            f"data has {len(bench.test) - real} others, compared in the same way. The distance "
            "depends on these counts. Precision, recall, density and coverage compare as many "
            "samples as real items at a time; with few real items for each class (150 of 60, say) "
            "neighbourhoods reach into other classes, and only large differences mean anything.",
            f"The judge (seed {bench.judge_seed}) recognises {bench.judge_accuracy:.3f} of the "
            "test part. Label accuracy above that means that samples are more typical than real "
            "data, not better.",
            *notes,
        ]
    notes += bench.measure.notes
    if any("gan_train_accuracy" in evaluation.figures for evaluation in measured):
        notes.append(
            "GAN-train: one judge for each row, all with the same seed, trained on samples "
            f"({settings.gan_train_samples} for runs; the data files give all counts) and tested "
            "on the whole test part."
        )
    return notes


# -- the page -----------------------------------------------------------------------------------


def content(
    bench: Bench,
    measured: Sequence[Measured],
    *,
    title: str,
    kind: Literal["comparison", "run"],
    budget: str | None,
    seed: int,
    command: str,
    sweeps: Sequence[Sweep] = (),
    notes: Sequence[str] = (),
) -> Content:
    """Collect everything for the page.

    Args:
        bench: the bench that measured the models.
        measured: the models.
        title: title of the page.
        kind: whether the page shows a comparison or one run.
        budget: training budget, in words.
        seed: seed of the samples.
        command: the command line that makes the page.
        sweeps: models at several sampling temperatures.
        notes: what else a reader has to know.
    """
    notes = [*notes]
    if any(len(runs) > 1 for _, runs, _ in measured):
        notes.append(
            "Models with several seeds: mean and standard deviation over the runs; curves and "
            "pictures are from the first run."
        )
    figures = table(
        bench,
        [(name, evaluation) for name, _, evaluation in measured],
        title=title,
        command=command,
        budget=budget,
        notes=notes,
    )
    return {
        **figures,
        "kind": kind,
        "models": [_model(bench, name, runs, seed) for name, runs, _ in measured],
        "real_samples": bench.kind.real_samples(bench),
        "choice": choose(figures),
        "sweeps": list(sweeps),
    }


def without_pictures(content: Content) -> dict[str, Any]:
    """Return the content for the data file, without the pictures, which are only on the page."""
    pictures = ("samples", "panels")
    models = [{k: v for k, v in m.items() if k not in pictures} for m in content["models"]]
    kept = {k: v for k, v in content.items() if k != "real_samples"}
    return {**kept, "models": models}


def _model(bench: Bench, name: str, runs: Sequence[Run], seed: int) -> Model:
    run = runs[0]
    recipe = run_recipe(run)
    checkpoint = run.checkpoint()
    sampler = bench.sampler(run, recipe, checkpoint=checkpoint.name)
    notes = []
    if not recipe.conditional:
        notes.append(
            "This model does not use labels: its samples are sorted by the class that the judge "
            "predicts, and metrics that need requested labels are omitted."
        )
    if run.best() is not None:
        notes.append("The checkpoint was chosen on the validation part, by another judge.")
    return {
        "name": name,
        "recipe": run.recipe_path.read_text("utf-8"),
        "run": str(run.path),
        "steps": int(checkpoint.name.removeprefix("step-")),
        "seeds": len(runs),
        "notes": notes,
        "curves": logged(run),
        "samples": bench.kind.samples(bench, recipe, sampler, seed),
        "panels": [
            *bench.kind.panels(bench, run, recipe, sampler, seed),
            *audit_panels(run),
        ],
    }
