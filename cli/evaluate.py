"""`seqgen evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .console import SEED, Counter, say

if TYPE_CHECKING:
    from seqgan_kit.evaluation.evaluate import Evaluation


@click.command(short_help="Measure a run beside real data.")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--checkpoint", help="Step of the checkpoint [the newest].")
@click.option("--samples", type=click.IntRange(min=20), help="How many to make [the recipe's].")
@click.option("--seed", type=SEED, default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
def command(
    run: Path,
    checkpoint: str | None,
    samples: int | None,
    seed: int,
    as_json: bool,
    device: str,
) -> None:
    """Measure the samples of RUN beside held-out real data; kept as RUN/evaluation.json.

    \b
    Examples:
      seqgen evaluate runs/mnist_rows
      seqgen evaluate runs/mnist_rows --samples 10000 --seed 1
      seqgen evaluate runs/mnist_rows --json | jq .generated.label_accuracy

    A judge, a small classifier, is trained once on the real training part and cached. Label
    accuracy never shows collapse, so the spread inside a class stands beside it.
    """
    from seqgan_kit import workflow
    from seqgan_kit.run import Run

    counter = Counter()
    watch = workflow.Watch(say=say, download=counter.download, judge=counter.judge)
    result = workflow.evaluate(
        Run(run), checkpoint=checkpoint, samples=samples, seed=seed, device=device, watch=watch
    )
    if as_json:
        click.echo(json.dumps(result.as_json(), indent=2))
    else:
        click.echo(_table(result))


def _table(result: Evaluation) -> str:
    from seqgan_kit.evaluation.evaluate import ROWS

    lines = [f"{'':36}{'generated':>12}{'real':>12}"]
    for name, title in ROWS.items():
        values = (getattr(result.generated, name), getattr(result.real, name))
        lines.append(f"{title:36}" + "".join(f"{value:12.3f}" for value in values))
    counts = (result.generated.samples, result.real.samples)
    lines.append(f"{'samples':36}" + "".join(f"{count:12d}" for count in counts))
    lines.append(
        f"Distances are to {result.reference} real test items; the column 'real' is the other "
        f"half of the test part.\nThe judge recognises {result.judge_accuracy:.3f} of the test "
        "part."
    )
    return "\n".join(lines)
