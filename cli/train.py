"""`seqgen train`."""

from __future__ import annotations

import shlex
import signal
import sys
from contextlib import nullcontext
from pathlib import Path

import click

from seqgan_kit.errors import UsageError

from . import completing
from .console import SEED, Counter, StopSignals, say, show_path, training_progress
from .viewing import Viewer


@click.command(short_help="Train a recipe, or resume a run.")
@click.argument("recipe", required=False, shell_complete=completing.recipes)
@click.argument("overrides", nargs=-1)
@click.option("--out", type=click.Path(path_type=Path), help="Run folder [runs/NAME].")
@click.option("--force", is_flag=True, help="Replace the run in --out.")
@click.option(
    "--resume",
    "resumed",
    type=click.Path(path_type=Path),
    metavar="RUN",
    shell_complete=completing.runs,
    help="Resume a run from its newest checkpoint.",
)
@click.option(
    "--init-from",
    type=click.Path(path_type=Path),
    metavar="RUN",
    shell_complete=completing.runs,
    help="Start from the weights of another run.",
)
@click.option("--seed", type=SEED, help="The same as the override seed=N.")
@click.option("--device", help="auto, cpu, cuda or cuda:N.")
@click.option("--view", is_flag=True, help="Show samples and curves in the browser as they come.")
def command(
    recipe: str | None,
    overrides: tuple[str, ...],
    out: Path | None,
    force: bool,
    resumed: Path | None,
    init_from: Path | None,
    seed: int | None,
    device: str | None,
    view: bool,
) -> None:
    """Train RECIPE (a file, or the name of a bundled recipe) with dotted OVERRIDES.

    \b
    Examples:
      seqgen train mnist_rows
      seqgen train mnist_rows --view
      seqgen train mnist_rows train.minutes=5
      seqgen train recipes/mnist_rows.yaml train.steps=500 data.root=path/to/mnist
      seqgen train my_recipe.yaml --out runs/first --device cuda
      seqgen train --resume runs/mnist_rows
      seqgen train --resume runs/mnist_rows train.steps=20000
      seqgen train mnist_rows_gru --init-from runs/mnist_rows_gru
      torchrun --nproc-per-node 2 -m seqgen_cli train mnist_rows

    Training ends after train.steps, or after train.minutes if that is sooner. Ctrl-C saves a
    checkpoint and prints the command to resume. The run folder is printed on standard output at
    the end.
    """
    if resumed is not None:
        if out or force or init_from or seed is not None or (recipe and "=" not in recipe):
            raise UsageError(
                "--resume uses the recipe stored in the run; the only other arguments it supports "
                "are --device, --view and overrides such as train.steps=20000"
            )
        overrides = ((recipe,) if recipe else ()) + overrides
    if resumed is None and recipe is None:
        raise UsageError("name a recipe (`seqgen recipes list` shows them) or a run to --resume")

    from seqgan_kit.recipe import files as recipe_files
    from seqgan_kit.runs import workflow
    from seqgan_kit.runs.loading import run_recipe
    from seqgan_kit.runs.places import find
    from seqgan_kit.runs.watch import Watch
    from seqgan_kit.training.joining import excused
    from seqgan_kit.training.run import Run

    with excused():
        if resumed is not None:
            settings = run_recipe(Run(find(resumed)[0]), overrides)
        else:
            extra = [f"seed={seed}"] if seed is not None else []
            extra += [f"train.device={device}"] if device else []
            settings = recipe_files.load(str(recipe), (*overrides, *extra))
    with (
        Viewer() if view else nullcontext() as viewer,
        training_progress(settings.train.steps) as show,
        StopSignals() as signals,
    ):
        counter = Counter()
        watch = Watch(
            say=say,
            begun=(lambda path: None) if viewer is None else viewer.begun,
            report=show,
            download=counter.download,
            judge=counter.judge,
            should_stop=signals.should_stop,
        )
        if resumed is not None:
            trained = workflow.resume(resumed, overrides=overrides, device=device, watch=watch)
        else:
            trained = workflow.train(
                settings,
                out=out,
                force=force,
                init_from=init_from,
                command=["seqgen", *sys.argv[1:]],
                watch=watch,
            )
    path = shlex.quote(str(trained.run.path))
    if not trained.leads:
        return
    if not trained.finished:
        say(f"saved; resume with:  seqgen train --resume {path}")
        # Another process may have had the signal.
        sys.exit(128 + (signals.received or signal.SIGTERM))
    say(f"done; next:\n  seqgen sample {path}\n  seqgen evaluate {path}")
    show_path(trained.run.path)
