"""`seqgen recipes`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from seqgan_kit.errors import UsageError

from . import completing
from .console import say, show, show_path


@click.group(name="recipes", short_help="List, show, copy and check recipes.")
def command() -> None:
    """Recipes: a recipe is one YAML file that describes a run completely.

    \b
    Examples:
      seqgen recipes list
      seqgen recipes show mnist_rows
      seqgen recipes copy mnist_rows my_recipe.yaml
      seqgen recipes check my_recipe.yaml train.steps=500
      seqgen recipes schema > recipe.schema.json
    """


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def list_recipes(as_json: bool) -> None:
    """List the bundled recipes and comparisons, with a line on each."""
    from seqgan_kit.recipe.files import bundled, bundled_comparisons

    rows = []
    for name, path in {**bundled(), **bundled_comparisons()}.items():
        comments = (line for line in path.read_text("utf-8").splitlines() if line.startswith("#"))
        # The first line is the command, the second says what it trains.
        next(comments, "")
        about = next(comments, "").removeprefix("#").strip()
        rows.append({"name": name, "about": about, "path": str(path)})
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    width = max((len(row["name"]) for row in rows), default=0)
    for row in rows:
        show(f"{row['name']:{width}}  {row['about']}")


@command.command(name="show")
@click.argument("recipe", shell_complete=completing.recipes_and_comparisons)
@click.argument("overrides", nargs=-1)
@click.option("--resolved", is_flag=True, help="With `extends`, defaults and overrides filled in.")
def show_recipe(recipe: str, overrides: tuple[str, ...], resolved: bool) -> None:
    """Print RECIPE."""
    from seqgan_kit.recipe import files as recipe_files

    if (resolved or overrides) and recipe_files.is_comparison(recipe):
        raise UsageError(f"{recipe}: --resolved and overrides are not supported for comparisons")
    if resolved or overrides:
        show(recipe_files.dump(recipe_files.load(recipe, overrides)), nl=False)
    else:
        show(recipe_files.read_text(recipe_files.find(recipe)), nl=False)


@command.command()
@click.argument("recipe", shell_complete=completing.recipes_and_comparisons)
@click.argument("target", type=click.Path(path_type=Path), required=False)
@click.option("--force", is_flag=True, help="Replace TARGET.")
def copy(recipe: str, target: Path | None, force: bool) -> None:
    """Copy RECIPE to TARGET (default: the current folder), so that you can change it."""
    from seqgan_kit.files import write_text
    from seqgan_kit.recipe.files import find, read_text

    source = find(recipe)
    target = target or Path(source.name)
    if target.is_dir():
        target = target / source.name
    if target.exists() and not force:
        raise UsageError(f"{target} exists and is not overwritten; use --force or another name")
    write_text(target, read_text(source))
    show_path(target)


@command.command()
@click.argument("recipe", shell_complete=completing.recipes_and_comparisons)
@click.argument("overrides", nargs=-1)
def check(recipe: str, overrides: tuple[str, ...]) -> None:
    """Check RECIPE, or a comparison, and show all errors at once (exit code 2)."""
    from seqgan_kit.recipe import files as recipe_files

    if recipe_files.is_comparison(recipe):
        recipe_files.load_comparison(recipe, overrides)
    else:
        for note in recipe_files.load(recipe, overrides).notes:
            say(note)
    say(f"{recipe}: no errors")


@command.command()
def schema() -> None:
    """Print a JSON Schema of recipes, for editors."""
    from seqgan_kit.recipe.describing import schema as described

    click.echo(json.dumps(described(), indent=2))
