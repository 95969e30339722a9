"""The JSON Schema of recipes, which describes every key by the docstring below it in the code."""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import Any, get_args

from ..sections import Section
from .whole import recipe_class


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a recipe file, for editors, including `extends`."""
    recipe = recipe_class()
    # Here and not at import, because reading the docstrings takes a while.
    _describe(recipe, set())
    described = recipe.model_json_schema()
    described["properties"]["extends"] = {
        "type": "string",
        "description": "The recipe that this one changes: the name of a bundled one, or a path.",
    }
    # Required keys may be in the extended recipe, and the name may come from the file.
    for section in (described, *described["$defs"].values()):
        section.pop("required", None)
    return described


def _describe(section: type[Section], done: set[type[Section]]) -> None:
    """Set the descriptions of a section's keys, and of inner sections, from the docstrings."""
    done.add(section)
    texts: dict[str, str] = {}
    for base in reversed(section.__mro__):
        if issubclass(base, Section):
            texts |= _texts(base)
    for name, field in section.model_fields.items():
        field.description = texts.get(name, field.description)
        for inner in _sections(field.annotation):
            if inner not in done:
                _describe(inner, done)
    # After the inner sections, because an outer one copies their schemas.
    section.model_rebuild(force=True)


def _sections(annotation: Any) -> list[type[Section]]:
    """Find the sections in a type."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    return [found for inner in get_args(annotation) for found in _sections(inner)]


def _texts(section: type[Section]) -> dict[str, str]:
    try:
        source = textwrap.dedent(inspect.getsource(section))
    except (OSError, TypeError):
        return {}  # Created at run time, from fields that are described elsewhere.
    body = ast.parse(source).body[0]
    texts: dict[str, str] = {}
    if isinstance(body, ast.ClassDef):
        for line, below in zip(body.body, body.body[1:], strict=False):
            if (
                isinstance(line, ast.AnnAssign)
                and isinstance(line.target, ast.Name)
                and isinstance(below, ast.Expr)
                and isinstance(below.value, ast.Constant)
                and isinstance(below.value.value, str)
            ):
                texts[line.target.id] = inspect.cleandoc(below.value.value)
    return texts
