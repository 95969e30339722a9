"""`seqgen evaluate`."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seqgan_kit.errors import UsageError

from . import completing
from .console import (
    FEWEST,
    MEASURED,
    SEED,
    SETS,
    checkpoint_option,
    gan_train_option,
    say,
    show,
    watching,
)
from .sweeping import KNOBS, sweep_options, sweeps_of

if TYPE_CHECKING:
    from seqgan_kit.measuring.bench import Bench
    from seqgan_kit.measuring.evaluation import Evaluation
    from seqgan_kit.measuring.sweeps import Swept
    from seqgan_kit.report.curves import Sweep
    from seqgan_kit.report.tables import Table
    from seqgan_kit.runs.steering import Choose


@click.command(short_help="Measure runs or external samples, next to real data.")
@click.argument(
    "runs", metavar="[RUNS]... [data.root=PLACE]", nargs=-1, shell_complete=completing.runs
)
@checkpoint_option
@click.option(
    "--samples",
    metavar="N|PATH",
    multiple=True,
    help="Samples per set [from the recipe], or external samples: a file or folder (see above), "
    "once for each.",
)
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    help="With --samples PATH: a .npy file of class numbers.",
)
@click.option("--recipe", help="With --samples PATH: the recipe of the data to compare them with.")
@click.option("--sets", type=SETS, help="Sets of samples [from the recipe].")
@gan_train_option
@sweep_options
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    help="With --temperatures and the like: .svg file for the curves [RUN/curves.svg for one "
    "run].",
)
@click.option("--force", is_flag=True, help="Replace the file of --plot.")
@click.option("--seed", type=SEED, default=0, show_default=True, help="Seed of the samples.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
def command(
    runs: tuple[str, ...],
    checkpoint: str | None,
    samples: tuple[str, ...],
    labels: Path | None,
    recipe: str | None,
    sets: int | None,
    gan_train: bool,
    temperatures: str | None,
    guidances: str | None,
    candidates: str | None,
    choose: tuple[Choose, ...],
    power: float | None,
    plot: Path | None,
    force: bool,
    seed: int,
    as_json: bool,
    device: str,
) -> None:
    """Measure the samples of RUNS, next to held-out real data and noise.

    \b
    Examples:
      seqgen evaluate runs/mnist_rows
      seqgen evaluate runs/mnist_rows runs/mnist_dcgan --no-gan-train
      seqgen evaluate runs/mnist_rows --samples 10000 --seed 1
      seqgen evaluate --samples theirs.npy --labels theirs.labels.npy --recipe mnist_rows
      seqgen evaluate runs/mnist_rows --json | jq .models[0].figures.label_accuracy.mean
      seqgen evaluate --samples theirs.txt --samples others.txt --recipe coco_captions
      seqgen evaluate runs/mine data.root=where/the/data/are/now
      seqgen evaluate runs/coco_captions --temperatures 0.5:1.5:0.1
      seqgen evaluate runs/snippets_text --candidates 1,2,4,8 --choose label --choose both

    Every metric is shown with its standard deviation over independent sets of samples, next to
    the same metric of held-out real data (the ceiling) and of noise (the floor). A judge, a small
    classifier, is trained once on the training part of the data and cached. The metrics of a run
    are stored in RUN/evaluation.json.

    External samples have the formats that `seqgen sample` writes. Images are a .npy array of
    bytes, or of values from 0 to 1, [count, height, width] or with colours last; or pictures: a
    folder with a manifest.csv or one sub-folder for each label. Text is a .txt file with one
    sample per line, or a .jsonl file or table with the columns of text and labels that the recipe
    names. Sound is a folder of files, or a manifest with paths and labels. Series are tables or
    arrays as the recipe reads them.

    A lower sampling temperature makes text better but less diverse, as guidance by the label and
    the choice among candidates do. --temperatures, --guidances and --candidates measure both at
    each value, and at temperatures the likelihood of the test part.
    """
    from dataclasses import replace

    from seqgan_kit.measuring import foreign_samples as from_elsewhere
    from seqgan_kit.measuring import opening
    from seqgan_kit.measuring.sweeps import check_settings
    from seqgan_kit.pages import content as evidence
    from seqgan_kit.pages.comparison import runs_as_entries, swept
    from seqgan_kit.recipe import files as recipe_files
    from seqgan_kit.report.tables import terminal
    from seqgan_kit.runs.loading import DATA_ROOT, opened_runs

    count = _count(samples)
    elsewhere = [Path(path) for path in samples if count is None]
    if bool(elsewhere) != (recipe is not None) or (labels is not None and len(elsewhere) != 1):
        raise UsageError(
            "external samples require both --samples PATH and --recipe RECIPE, and --labels PATH "
            "if they are one file without labels"
        )
    opened = opened_runs(runs)
    if not opened and not elsewhere:
        raise UsageError("name one or more runs, or external samples (--samples PATH)")
    if checkpoint is not None and len(opened) != 1:
        raise UsageError("--checkpoint requires exactly one run")
    wanted = sweeps_of(temperatures, guidances, candidates, choose, power)
    _check_sweeps(wanted, plot, force, bool(opened), checkpoint)
    for path in elsewhere:
        from_elsewhere.check_paths(path, labels)
    entries = runs_as_entries(opened)
    found = [run for entry in entries for run in entry.runs]
    if recipe is None:
        settings = opening.same_data_for_all(found)
    else:
        settings = recipe_files.load(recipe, [one for one in runs if one.startswith(DATA_ROOT)])
    bench = opening.bench_of(
        settings,
        device=device,
        watch=watching(),
        samples=count,
        sets=sets,
        gan_train=gan_train,
    )
    # Before anything is measured, which takes minutes.
    check_settings(found, wanted)
    theirs = [(path, from_elsewhere.read_samples(path, labels, bench)) for path in elsewhere]
    measured = [
        replace(bench.run(run, checkpoint=checkpoint, seed=seed), name=entry.name)
        for entry in entries
        for run in entry.runs
    ]
    for path, (items, label_NA) in theirs:
        measured.append(bench.samples_of(path.name, items, label_NA))
    sweeps = swept(bench, entries, wanted, seed=seed)
    if as_json:
        click.echo(json.dumps({**_as_json(bench, measured), "sweeps": sweeps}, indent=2))
        return
    content = evidence.table(
        bench,
        [(result.name, result) for result in measured],
        title=", ".join(result.name for result in measured),
        command=shlex.join(["seqgen", *sys.argv[1:]]),
    )
    show(terminal(content))
    if sweeps:
        target = plot or (opened[0].path / "curves.svg" if len(opened) == 1 else None)
        _show_sweeps(content, sweeps, target)
    for note in content["notes"]:
        say(note)


def _count(given: tuple[str, ...]) -> int | None:
    """Return how many samples to measure; ``None`` where paths or nothing were given.

    Raises:
        UsageError: too few or too many.
    """
    if len(given) != 1 or not given[0].isdecimal():
        return None
    (samples,) = given
    if len(samples) > len(str(MEASURED.max)):
        raise UsageError(f"--samples {samples[:18]}...: at most {MEASURED.max:,} can be measured")
    if int(samples) < FEWEST:
        raise UsageError(f"--samples {samples}: metrics require at least {FEWEST} samples")
    return int(samples)


def _check_sweeps(
    wanted: list[Swept],
    plot: Path | None,
    force: bool,
    runs: bool,
    checkpoint: str | None,
) -> None:
    """Check the options that belong to curves."""
    from seqgan_kit.files import refuse_existing

    options = ", ".join(KNOBS.values())
    if not wanted:
        if plot is not None:
            raise UsageError(f"--plot requires one of {options}, whose curves it draws")
        return
    if not runs or checkpoint is not None:
        raise UsageError(f"{options} require runs, and do not support --checkpoint")
    if plot is not None and plot.suffix != ".svg":
        raise UsageError(f"--plot {plot}: choose a name that ends in .svg")
    for path in _plots(plot) if plot is not None else ():
        refuse_existing(path, force, "--plot")


def _plots(target: Path) -> list[Path]:
    """Return the files of all curves that there may be: the first has the name that is given."""
    from seqgan_kit.report.curves import AXES

    others = [target.with_stem(f"{target.stem}-{number}") for number in range(2, len(AXES) + 1)]
    return [target, *others]


def _show_sweeps(content: Table, sweeps: list[Sweep], target: Path | None) -> None:
    """Show the table of a sweep, compare models at the diversity of real data, draw curves."""
    from seqgan_kit.files import write_text
    from seqgan_kit.report.curves import compared, drawn, marks_of, svg, sweep_table

    figures = content["figures"]
    show("\n" + sweep_table(sweeps, figures))
    for number, (x, y) in enumerate(drawn(sweeps, figures)):
        marks = marks_of(content["rows"], sweeps, x["name"], y["name"])
        for role, mark in marks:
            line = compared(sweeps, x, mark.x, y) if role == "real" else ""
            if line:
                show(f"\n{line}")
        if target is not None:
            path = _plots(target)[number]
            write_text(path, svg(sweeps, x, y, [m for _, m in marks], standalone=True))
            say(f"{y['title']} against {x['title']}: {path}")


def _as_json(bench: Bench, measured: list[Evaluation]) -> dict[str, object]:
    bounds: dict[str, object] = {
        role: {name: value.as_json() for name, value in figures.items()}
        for role, figures in bench.bounds(measured).items()
    }
    return {
        "models": [result.as_json() for result in measured],
        "judge_accuracy": bench.judge_accuracy,
        "reference": bench.reference.count,
        **bounds,
    }
