"""`seqgen sweep`."""

from __future__ import annotations

import shlex
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import completing
from .console import MEASURED, SEED, SETS, say, show, watching
from .placing import executing, on_options, trained

if TYPE_CHECKING:
    from seqgan_kit.pages.training_runs import Entry


@click.command(short_help="Search settings of a recipe.")
@click.argument("recipe", shell_complete=completing.recipes)
@click.argument("changes", metavar="KEY=VALUES...", nargs=-1, required=True)
@click.option("--trials", type=click.IntRange(1, 1000), help="Draw so many settings at random.")
@click.option("--by", metavar="METRIC", help="Choose by this metric [see below].")
@click.option("--out", type=click.Path(path_type=Path), help="Output folder [sweeps/RECIPE].")
@click.option("--force", is_flag=True, help="Replace sweep.* of something else in --out.")
@click.option(
    "--seed", type=SEED, default=0, show_default=True, help="Seed of samples and --trials."
)
@click.option("--samples", type=MEASURED, help="Samples per set [from the recipe].")
@click.option("--sets", type=SETS, help="Sets of samples [from the recipe].")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@on_options
def command(
    recipe: str,
    changes: tuple[str, ...],
    trials: int | None,
    by: str | None,
    out: Path | None,
    force: bool,
    seed: int,
    samples: int | None,
    sets: int | None,
    device: str,
    on: str | None,
    threads: int | None,
) -> None:
    """Train RECIPE with several values of some keys, and choose on the validation part.

    \b
    Examples:
      seqgen sweep digits_rows train.learning_rate=5e-4,1e-3 seed=0..2
      seqgen sweep digits_rows model.generator.hidden_size=32..128 --trials 8 --on ray --threads 1
      seqgen sweep digits_rows train.learning_rate=1e-4..1e-2 --trials 20 --by recall

    A key has one value, several (1,2,3), or a range: of whole numbers all from FROM to TO, of real
    numbers as many as --trials says (evenly in the logarithm if positive and over a factor of 10).
    Each setting is trained once for every seed, and the metric is their mean. It is the distance
    of the judge's features, or nats per token, unless --by says so; GAN-train is measured only if
    it is that metric.

    The command prints the ranking, and the metric of the best on the test part, by which nothing
    is chosen. It writes sweep.html (a page of the best), .md, .csv and .json, and settings.csv
    with all, into --out. To resume a stopped sweep, give the same command again.
    """
    from seqgan_kit.files import sole
    from seqgan_kit.pages import comparison, search
    from seqgan_kit.pages.measuring_runs import Measuring
    from seqgan_kit.recipe.search_space import parse_axis
    from seqgan_kit.report.tables import terminal

    axes = [parse_axis(text) for text in changes]
    title = f"{Path(recipe).stem} sweep"
    folder = out or Path("sweeps") / Path(recipe).stem
    comparison.refuse_others(folder, search.STEM, title, force)
    planned, named = search.plan(recipe, axes, folder, trials=trials, seed=seed, device=device)
    with ExitStack() as stack:
        stack.enter_context(sole(folder))
        executor, signals = stack.enter_context(executing(on, threads))

        def train() -> list[Entry]:
            entries = trained(planned, executor, signals)
            if not executor.elsewhere:
                signals.release()
            return entries

        found = search.search(
            planned,
            named,
            train,
            folder,
            executor,
            title=title,
            by=by,
            how=Measuring(device, samples, sets, seed=seed),
            command=shlex.join(["seqgen", *sys.argv[1:]]),
            watch=watching(),
        )
    show(terminal(found.content))
    show(f"\n{found.by.title}, on the validation part:")
    for line in found.lines():
        show(line)
    for note in found.content["notes"][-3:]:
        say(note)
    say(f"the page: {folder / 'sweep.html'}")
