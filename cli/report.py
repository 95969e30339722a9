"""`seqgen report`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from . import completing
from .console import MEASURED, SEED, SETS, gan_train_option, moved_argument, show_path, watching


@click.command(short_help="Write a page about one run.")
@click.argument("run", type=click.Path(path_type=Path), shell_complete=completing.runs)
@moved_argument
@click.option("--out", type=click.Path(path_type=Path), help="Output folder [RUN].")
@click.option("--force", is_flag=True, help="Replace report.* in --out.")
@click.option("--seed", type=SEED, default=0, show_default=True, help="Seed of the samples.")
@click.option("--samples", type=MEASURED, help="Samples per set [from the recipe].")
@click.option("--sets", type=SETS, help="Sets of samples [from the recipe].")
@gan_train_option
@click.option("--blind", is_flag=True, help="Instead: RUN/blind.html, real or generated?")
@click.option(
    "--items", type=click.IntRange(2, 200), help="Items of the blind test.  [default: 20]"
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
def command(
    run: Path,
    moved: tuple[str, ...],
    out: Path | None,
    force: bool,
    seed: int,
    samples: int | None,
    sets: int | None,
    gan_train: bool,
    blind: bool,
    items: int | None,
    device: str,
) -> None:
    """Write RUN/report.html: metrics, samples, curves, and what the model has learned.

    The page is one self-contained file; report.md, .csv and .json have its metrics. In RUN they
    replace those of an earlier report; in --out nothing is replaced without --force.

    With --blind it writes RUN/blind.html instead: real items and samples mixed, for you to tell
    apart. It is replaced only with --force.

    \b
    Examples:
      seqgen report runs/mnist_rows
      seqgen report runs/spoken_digits_mel --blind
      seqgen report runs/mnist_rows --no-gan-train --out pages/
    """
    from seqgan_kit.errors import UsageError
    from seqgan_kit.files import refuse_existing
    from seqgan_kit.pages import comparison
    from seqgan_kit.pages.blind import ITEMS
    from seqgan_kit.pages.blind import blind as write_blind
    from seqgan_kit.pages.measuring_runs import Measuring
    from seqgan_kit.runs.loading import opened_runs

    found = opened_runs([run, *moved])
    folder = out or run
    if items is not None and not blind:
        raise UsageError("--items is not supported without --blind")
    if blind:
        target = folder / "blind.html"
        refuse_existing(target, force)
        write_blind(
            found[0], target, items=items or ITEMS, seed=seed, device=device, watch=watching()
        )
        show_path(target)
        return
    if out is not None:
        comparison.refuse_others(folder, "report", None, force)
    comparison.compare(
        comparison.runs_as_entries(found),
        folder,
        title=run.resolve().name,
        kind="run",
        how=Measuring(device, samples, sets, gan_train, seed),
        command=shlex.join(["seqgen", *sys.argv[1:]]),
        watch=watching(),
        stem="report",
    )
    show_path(folder / "report.html")
