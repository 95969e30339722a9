"""`seqgen runs`."""

from __future__ import annotations

import json

import click

from .console import say, show

SHOWN = ("label_accuracy", "frechet_judge_distance", "recall", "spread")
"""Figures of the list, where a run has them."""


@click.group(short_help="List the trained runs that come with seqgan_kit.")
def command() -> None:
    """Trained runs that come with seqgan_kit."""


@command.command("list", short_help="List them.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def listed(as_json: bool) -> None:
    """List the trained runs that come with seqgan_kit: `seqgen sample NAME` works at once.

    \b
    Examples:
      seqgen runs list
      seqgen sample mnist_rows --label 7 -n 20 --out sevens.png
      seqgen train mnist_rows --init-from mnist_rows
    """
    from seqgan_kit.runs.packing import described
    from seqgan_kit.runs.places import packaged

    found = [described(path) for path in packaged().values()]
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    if not found:
        say("this installation of seqgan_kit has no trained runs: `make pretrained` makes them")
    width = max((len(one["name"]) for one in found), default=0)
    for one in found:
        figures = ", ".join(
            f"{name.replace('_', ' ')} {one['figures'][name]:.3g}"
            for name in SHOWN
            if name in one["figures"]
        )
        size = f"{one['bytes'] / 1e6:.2f} MB"
        licence = f" ({one['licence']})" if one["licence"] else ""
        show(f"{one['name']:{width}}  {one['kind']}, {one['data']}{licence}, {size}")
        trained = f"{one['steps']:,} steps of `seqgen train {one['recipe']}`, seed {one['seed']}"
        show(f"{'':{width}}  {trained}, {one['trained'][:10]}")
        if figures:
            show(f"{'':{width}}  {figures}")
