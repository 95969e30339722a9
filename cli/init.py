"""`seqgen init`."""

from __future__ import annotations

from pathlib import Path

import click

from .console import UseError, say


@click.command(short_help="Write a recipe for your own data.")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="The recipe [NAME_rows.yaml].")
@click.option("--force", is_flag=True, help="Replace --out.")
def command(path: Path, out: Path | None, force: bool) -> None:
    """Look at the data in PATH, say what was found, and write a commented recipe for them.

    PATH is a folder of images with one sub-folder for each label.

    \b
    Examples:
      seqgen init photos/
      seqgen init photos/ --out recipes/photos.yaml
    """
    from seqgan_kit.files import write_text
    from seqgan_kit.starter import images_recipe, look_at_images

    found = look_at_images(path)
    target = out or Path(f"{found.name}_rows.yaml")
    if target.exists() and not force:
        raise UseError(f"{target} exists and is not overwritten; use --force or another --out")
    say(found.description)
    write_text(target, images_recipe(found, target))
    click.echo(str(target))
    say(f"next:  seqgen data show {target}\n       seqgen train {target}")
