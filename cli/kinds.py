"""`seqgen kinds`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from .console import say, show

if TYPE_CHECKING:
    from seqgan_kit.plugins import Installed


@click.command(short_help="List the kinds of data and models that are installed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def command(as_json: bool) -> None:
    """List the kinds of data and models that are installed, and the package each comes from.

    A package brings a kind by the entry point `seqgan_kit.kinds`, and a model by
    `seqgan_kit.models`; docs/extending.md shows how. One that cannot be used is listed with the
    reason, and the exit code is then 1.

    \b
    Examples:
      seqgen kinds
      seqgen kinds --json | jq '.[].name'
    """
    from seqgan_kit import plugins

    rows = [
        {
            "name": one.name,
            "group": one.group,
            "from": one.source,
            "object": one.target,
            "problem": one.problem,
            **_offers(one),
        }
        for one in plugins.installed()
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        width = max(len(one.name) for one in plugins.installed())
        for group, title in ((plugins.KINDS, "Kinds of data"), (plugins.MODELS, "Models")):
            show(f"{title} (entry points {group})")
            for row in rows:
                if row["group"] != group:
                    continue
                show(f"  {row['name']:{width}}  {row['from']}  {row['object']}")
                for key in ("sources", "codecs"):
                    if row[key]:
                        show(f"  {'':{width}}  {key}: {', '.join(row[key])}")
    broken = plugins.problems()
    for problem in broken:
        say(f"cannot be used: {problem}")
    if broken:
        raise SystemExit(1)


def _offers(one: Installed) -> dict[str, list[str]]:
    """Return the sources and codecs of a kind; nothing for a model, or for what cannot be used."""
    from seqgan_kit import plugins

    kind = plugins.kinds().get(one.name) if one.group == plugins.KINDS else None
    if kind is None or one.problem:
        return {"sources": [], "codecs": []}
    return {"sources": list(kind.sources), "codecs": list(kind.codecs)}
