"""What a shell offers for the arguments of commands; none of this imports torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import click
from click.shell_completion import CompletionItem

Completion = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def _offering(names: Callable[[], Iterable[str]], otherwise: str) -> Completion:
    """Make a completion from names, and from files or folders where no name begins like this."""

    def complete(
        context: click.Context, parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        found = [CompletionItem(name) for name in names() if name.startswith(incomplete)]
        return found or [CompletionItem(incomplete, type=otherwise)]

    return complete


def _recipes() -> Iterable[str]:
    from seqgan_kit.recipe.files import bundled

    return bundled()


def _comparisons() -> Iterable[str]:
    from seqgan_kit.recipe.files import bundled_comparisons

    return bundled_comparisons()


def _runs() -> list[str]:
    """Return the runs in the usual place."""
    return [str(path.parent) for path in sorted(Path("runs").glob("*/run.json"))]


recipes = _offering(_recipes, "file")
recipes_and_comparisons = _offering(lambda: [*_recipes(), *_comparisons()], "file")
runs = _offering(_runs, "dir")
runs_and_comparisons = _offering(lambda: [*_runs(), *_comparisons()], "file")
