"""`seqgen data`."""

from __future__ import annotations

import difflib
from dataclasses import replace
from pathlib import Path

import click

from seqgan_kit.errors import UsageError

from . import completing
from .console import Counter, say, show_path, writable
from .console import show as shown


@click.group(name="data", short_help="Fetch and look at data sets.")
def command() -> None:
    """Data sets: fetch them ahead of a training, look at what a recipe learns from.

    \b
    Examples:
      seqgen data fetch mnist
      seqgen data show mnist_rows
      seqgen data show my_recipe.yaml --sheet sheet.png
      seqgen data show spoken_digits_mel --sheet spectrograms.png
      seqgen data show spoken_digits_mel --codec
    """


@command.command()
@click.argument("name")
def fetch(name: str) -> None:
    """Bring the data set NAME into the cache and print the folder."""
    from seqgan_kit import plugins
    from seqgan_kit.data.sources import locate

    known = {n: s for kind in plugins.kinds().values() for n, s in kind.downloads.items()}
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise UsageError(
            f"unknown data set {name!r}; {hint}data sets with files are {', '.join(known)}"
        )
    source = known[name]
    say(f"{name}: {source.home} ({source.licence})")
    show_path(locate(source, progress=Counter().download))


@command.command()
@click.argument("recipe", shell_complete=completing.recipes)
@click.argument("overrides", nargs=-1)
@click.option("--sheet", type=click.Path(path_type=Path), help="Write a contact sheet (PNG).")
@click.option("--force", is_flag=True, help="Replace what --sheet names.")
@click.option(
    "--codec", "trip", is_flag=True, help="Real items beside what is left of them (sound only)."
)
def show(
    recipe: str, overrides: tuple[str, ...], sheet: Path | None, force: bool, trip: bool
) -> None:
    """Counts, shapes and labels of RECIPE's data, and a contact sheet of what there is to see.

    What else is shown depends on the kind of data: lengths, the coverage of a vocabulary, the
    range of each channel, some examples.
    """
    from seqgan_kit.recipe import files
    from seqgan_kit.report.data import summary
    from seqgan_kit.report.images import save_picture
    from seqgan_kit.runs.data import kind_of, load_dataset, make_codec, store_codec

    target = writable(sheet, force, "--sheet")
    settings = files.load(recipe, overrides)
    kind = kind_of(settings)
    dataset = load_dataset(settings, Counter().download)
    codec = make_codec(kind, store_codec(settings, dataset))
    # Before anything is printed: a kind may have nothing to draw.
    picture = kind.sheet(dataset, codec) if target is not None else None
    cost = kind.round_trip(dataset, codec) if trip else ""
    notes = kind.trainable(settings, dataset, codec)[1]
    shown(summary(replace(dataset, notes=[*dataset.notes, *notes]), codec))
    more = kind.summary(dataset, codec)
    for part in filter(None, (more, cost)):
        shown("\n" + part)
    if target is not None and picture is not None:
        save_picture(picture, target)
        say(f"contact sheet: {target}")
