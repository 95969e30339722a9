"""`seqgen data`."""

from __future__ import annotations

from pathlib import Path

import click

from .console import Counter, UseError, say


@click.group(name="data", short_help="Fetch and look at data sets.")
def command() -> None:
    """Data sets: fetch them ahead of a training, look at what a recipe learns from.

    \b
    Examples:
      seqgen data fetch mnist
      seqgen data show mnist_rows
      seqgen data show my_recipe.yaml --sheet sheet.png
      seqgen data show spoken_digits_mel --sheet spectrograms.png
    """


@command.command()
@click.argument("name")
def fetch(name: str) -> None:
    """Bring the data set NAME into the cache and print the folder."""
    from seqgan_kit.data.sources import SOURCES, locate

    if name not in SOURCES:
        raise UseError(f"unknown data set {name!r}; those with files are {', '.join(SOURCES)}")
    source = SOURCES[name]
    say(f"{name}: {source.home} ({source.licence})")
    click.echo(str(locate(name, progress=Counter().download)))


@command.command()
@click.argument("recipe")
@click.argument("overrides", nargs=-1)
@click.option("--sheet", type=click.Path(path_type=Path), help="Write a contact sheet (PNG).")
def show(recipe: str, overrides: tuple[str, ...], sheet: Path | None) -> None:
    """Counts, shapes and labels of RECIPE's data, and a contact sheet of what there is to see.

    Of text also lengths in tokens, how much of it the vocabulary covers, and some lines; of sound
    also how much there is, and lengths in seconds; of series also lengths in steps, and what each
    channel holds.
    """
    from seqgan_kit import materials, recipe_files
    from seqgan_kit.data.series import SeriesCodec
    from seqgan_kit.data.sound import AudioCodec
    from seqgan_kit.data.tokens import TextCodec
    from seqgan_kit.report.data import (
        contact_sheet,
        series_summary,
        sound_summary,
        summary,
        text_summary,
    )
    from seqgan_kit.report.images import save_picture

    if sheet is not None and sheet.suffix != ".png":
        raise UseError(f"--sheet {sheet}: choose a name that ends in .png")
    settings = recipe_files.load(recipe, overrides)
    if sheet is not None and settings.codec.kind == "text":
        raise UseError("--sheet shows pictures, and these data are text")
    dataset = materials.load_dataset(settings, Counter().download)
    codec = materials.make_codec(materials.store_codec(settings, dataset))
    click.echo(summary(dataset, codec))
    if isinstance(codec, TextCodec):
        click.echo("\n" + text_summary(dataset, codec))
    if isinstance(codec, AudioCodec):
        click.echo("\n" + sound_summary(dataset, codec))
    if isinstance(codec, SeriesCodec):
        click.echo("\n" + series_summary(dataset, codec))
    if sheet is not None:
        save_picture(contact_sheet(dataset, codec), sheet)
        say(f"contact sheet: {sheet}")
