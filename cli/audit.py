"""`seqgen audit`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from . import completing
from .console import MEASURED, SEED, checkpoint_option, moved_argument, say, show, watching


@click.command(short_help="Attack a run: who was in the training part?")
@click.argument("run", type=click.Path(path_type=Path), shell_complete=completing.runs)
@moved_argument
@click.option(
    "--items",
    type=click.IntRange(10, 10**6),
    default=2000,
    show_default=True,
    help="Most training items, and as many held-out ones, whose membership is guessed.",
)
@click.option("--samples", type=MEASURED, help="Samples that an attacker has [from the recipe].")
@checkpoint_option
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of items and samples.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
def command(
    run: Path,
    moved: tuple[str, ...],
    items: int,
    samples: int | None,
    checkpoint: str | None,
    seed: int,
    as_json: bool,
    device: str,
) -> None:
    """Guess which items RUN was trained on, and show how well that goes.

    Attacks by somebody who has samples (distances, density ratios, copies of parts) and by
    somebody who has the run (discriminator, likelihood) get as many training as held-out items.
    Beside the run stand copies of the training items (what attacks can find), the same networks
    before training, and other real data (what there is nothing to find in).

    \b
    Examples:
      seqgen audit runs/mnist_rows
      seqgen audit runs/vowels_series --samples 10000 --seed 1
      seqgen audit mnist_rows data.root=where/the/data/are
      seqgen audit runs/mnist_rows --json | jq .rows.run.best.samples.auc.value

    The result is stored in RUN/audit.json, and shown on the page of `seqgen report`. It can show
    that a run tells who was in the training part, and never that it does not.
    """
    from seqgan_kit.auditing.audit import audit
    from seqgan_kit.auditing.wording import sentences, table
    from seqgan_kit.runs.loading import opened_runs

    (found,) = opened_runs([run, *moved])
    result = audit(
        found,
        items=items,
        samples=samples,
        checkpoint=checkpoint,
        seed=seed,
        device=device,
        watch=watching(),
    )
    if as_json:
        click.echo(json.dumps(result.as_json(), indent=2))
        return
    show(table(result))
    for one in sentences(result):
        say(one)
