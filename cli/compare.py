"""`seqgen compare`."""

from __future__ import annotations

import shlex
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seqgan_kit.errors import UsageError

from . import completing
from .console import (
    MEASURED,
    SEED,
    SETS,
    gan_train_option,
    say,
    show,
    watching,
)
from .placing import executing, on_options, trained
from .sweeping import sweep_options, sweeps_of

if TYPE_CHECKING:
    from seqgan_kit.runs.steering import Choose


@click.command(short_help="Compare models, on one page.")
@click.argument(
    "what",
    nargs=-1,
    metavar="RUN... | COMPARISON [OVERRIDES]...",
    required=True,
    shell_complete=completing.runs_and_comparisons,
)
@click.option("--out", type=click.Path(path_type=Path), help="Output folder [comparisons/NAME].")
@click.option("--force", is_flag=True, help="Replace compare.* of something else in --out.")
@click.option("--seeds", type=SETS, default=1, help="Runs per model [1].")
@click.option("--seed", type=SEED, default=0, show_default=True, help="Seed of the samples.")
@click.option("--samples", type=MEASURED, help="Samples per set [from the recipe].")
@click.option("--sets", type=SETS, help="Sets of samples [from the recipe].")
@gan_train_option
@sweep_options
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@on_options
def command(
    what: tuple[str, ...],
    out: Path | None,
    force: bool,
    seeds: int,
    seed: int,
    samples: int | None,
    sets: int | None,
    gan_train: bool,
    temperatures: str | None,
    guidances: str | None,
    candidates: str | None,
    choose: tuple[Choose, ...],
    power: float | None,
    device: str,
    on: str | None,
    threads: int | None,
) -> None:
    """Compare RUNS, or train and compare the recipes of a COMPARISON under one budget.

    \b
    Examples:
      seqgen compare runs/mnist_rows runs/mnist_dcgan
      seqgen compare compare/mnist
      seqgen compare recipes/compare/mnist.yaml minutes=1 data.root=path/to/mnist
      seqgen compare my_comparison.yaml --seeds 3 --out comparisons/three
      seqgen compare compare/text --temperatures 0.6:1.2:0.1 --candidates 1,2,4
      seqgen compare compare/mnist --seeds 3 --on ray --threads 1

    A comparison lists recipes and one budget: minutes of training, or samples seen. To resume a
    stopped comparison, give the same command again. The command prints a table, and writes
    compare.html (one self-contained page), .md, .csv and .json into --out. The same COMPARISON, or
    the same RUNS without --out, replace their own page; nothing else is replaced without --force.
    """
    from seqgan_kit.files import sole
    from seqgan_kit.measuring.sweeps import check_settings
    from seqgan_kit.pages import comparison, training_runs
    from seqgan_kit.pages.measuring_runs import Measuring
    from seqgan_kit.recipe import files as recipe_files
    from seqgan_kit.recipe import slug
    from seqgan_kit.report.curves import sweep_table
    from seqgan_kit.report.tables import terminal
    from seqgan_kit.runs.loading import opened_runs
    from seqgan_kit.runs.places import is_run

    targets = [word for word in what if "=" not in word or Path(word).exists()]
    overrides = [word for word in what if word not in targets]
    said = shlex.join(["seqgen", *sys.argv[1:]])
    budget, recipe = None, None
    wanted = sweeps_of(temperatures, guidances, candidates, choose, power)
    if not targets:
        raise UsageError("name runs, or a comparison (`seqgen recipes list` shows compare/...)")
    if len(targets) == 1 and not is_run(targets[0]):
        compared, recipes = recipe_files.load_comparison(targets[0], overrides)
        folder = out or Path("comparisons") / compared.name
        comparison.refuse_others(folder, "compare", compared.name, force)
        recipe = next(iter(recipes.values()))
        recipes = training_runs.on_device(recipes, device)
        planned = training_runs.plan(compared, recipes, folder, seeds=seeds)
        entries, title, budget = [], compared.name, compared.budget
    else:
        if overrides or seeds > 1:
            raise UsageError("overrides and --seeds are only supported for comparisons of recipes")
        entries, planned = comparison.runs_as_entries(opened_runs(targets)), []
        title = ", ".join(entry.name for entry in entries)
        folder = out or Path("comparisons") / "_".join(slug(e.name) for e in entries)[:80]
        comparison.refuse_others(folder, "compare", None if out else title, force)
        check_settings([entry.runs[0] for entry in entries], wanted)
    with ExitStack() as stack:
        stack.enter_context(sole(folder))
        executor, signals = stack.enter_context(executing(on, threads))
        if planned:
            entries = trained(planned, executor, signals)
            check_settings([entry.runs[0] for entry in entries], wanted)
        if not executor.elsewhere:
            signals.release()
        content = comparison.compare(
            entries,
            folder,
            recipe=recipe,
            title=title,
            budget=budget,
            how=Measuring(device, samples, sets, gan_train, seed),
            settings=wanted,
            executor=executor,
            command=said,
            watch=watching(),
        )
    show(terminal(content))
    if content["sweeps"]:
        show("\n" + sweep_table(content["sweeps"], content["figures"]))
    for choice in content["choice"]:
        say(f"{choice['question']}: {choice['answer']}")
    say(f"the page: {folder / 'compare.html'}")
