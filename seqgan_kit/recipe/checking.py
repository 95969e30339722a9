"""Recipe validation: from plain data to a recipe, with an error for every wrong key."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from .. import plugins
from ..kind import Kind
from ..sections import SHOWN, Section, shortened, shown
from .reading import TAGS, RecipeError, nearest
from .whole import Recipe, recipe_class

Checked = TypeVar("Checked", bound=Section)

DEFAULT_MODEL, DEFAULT_OBJECTIVE = "recurrent_gan", "gan"
"""The kinds of sections that name none."""


MOST_ERRORS = 20
"""Errors that are shown; of a file that is no recipe there may be thousands."""


def check(data: Mapping[str, Any], where: str) -> Recipe:
    """Check plain data and return a recipe.

    Raises:
        RecipeError: has a line for every error: file, key, what was expected, the nearest name.
    """
    kind = _kind_of(data)
    usual = {"model": DEFAULT_MODEL, "objective": DEFAULT_OBJECTIVE}
    filled = dict(data)
    if kind is None:
        # The error lists the sources; which other keys are valid depends on the kind.
        kind = next(iter(plugins.kinds().values()))
        filled = {key: value for key, value in data.items() if key not in ("codec", "evaluation")}
    usual["codec"] = next(iter(kind.codecs))
    for key, name in usual.items():
        section = filled.get(key, {})
        if isinstance(section, Mapping):
            filled[key] = {"kind": name, **section}
    notes: list[str] = []
    if isinstance(filled.get("evaluation"), Mapping):
        filled["evaluation"], notes = _without_foreign(filled["evaluation"], kind)
    recipe = checked(recipe_class(kind.name), filled, where)
    recipe.note(notes)
    return recipe


def _kind_of(data: Mapping[str, Any]) -> Kind | None:
    """Find the kind of the data; ``None`` where the source is missing or unknown."""
    section = data.get("data")
    source = section.get("source") if isinstance(section, Mapping) else None
    if not isinstance(source, str):
        return None
    known = [one for one in plugins.kinds().values() if source in one.sources]
    return known[0] if known else None


def _without_foreign(section: Mapping[str, Any], kind: Kind) -> tuple[dict[str, Any], list[str]]:
    """Drop evaluation settings of other kinds; return the others, and notes on the dropped ones.

    Version 0.1 had the settings of all kinds in one section, and wrote all of them into runs.
    """
    kept, notes = dict(section), []
    for other in plugins.kinds().values():
        for key, known in other.evaluation.model_fields.items():
            if key not in kept or key in kind.evaluation.model_fields:
                continue
            if kept.pop(key) != known.default:
                notes.append(
                    f"evaluation.{key} is ignored: it is for {other.name}, not {kind.name}"
                )
    return kept, notes


def checked(root: type[Checked], data: Mapping[str, Any], where: str) -> Checked:
    """Check plain data against a schema.

    Raises:
        RecipeError: has a line for every error.
    """
    try:
        # Through JSON, in which tuples are lists as in YAML; types stay strict.
        return root.model_validate_json(json.dumps(data))
    except ValidationError as error:
        found = error.errors(include_url=False)
        lines = [f"{where}: {_explain(problem, data, root)}" for problem in found[:MOST_ERRORS]]
        if len(found) > MOST_ERRORS:
            lines.append(f"{where}: and {len(found) - MOST_ERRORS} more")
        raise RecipeError("\n".join(lines)) from None


def _explain(problem: Any, data: Any, root: type[BaseModel]) -> str:
    path = _keys(problem["loc"], data)
    # A long key is cut, as a long value is.
    key = ".".join(f"{part!s:.40}" for part in path) or "recipe"
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "extra_forbidden":
        names = _valid_names(path[:-1], data, root)
        near = nearest(str(path[-1])[:SHOWN], names)
        hint = f"did you mean {near!r}? " if near else ""
        return f"{key}: unknown key; {hint}The valid keys are {', '.join(names)}"
    if kind == "missing":
        return f"{key}: this key is required but missing"
    if kind == "union_tag_not_found":
        tag = context["discriminator"].strip("'")
        return f"{key}.{tag}: this key is required but missing"
    if kind == "union_tag_invalid":
        tag = context["discriminator"].strip("'")
        return _choice(f"{key}.{tag}", context["tag"], context["expected_tags"])
    if kind == "literal_error":
        return _choice(key, problem["input"], context["expected"])
    if kind == "value_error":
        return str(context["error"])
    message = problem["msg"][0].lower() + problem["msg"][1:]
    return f"{key}: {message}, not {shortened(json.dumps(problem['input']))}"


def _choice(key: str, value: Any, expected: str) -> str:
    """Say which choices there are, which pydantic lists as ``'a', 'b' or 3``."""
    choices = [choice.strip("'") for choice in re.split(", | or ", expected)]
    wrong = isinstance(value, str) and value not in choices
    near = nearest(value[:SHOWN], choices) if wrong else None
    hint = f"; did you mean {near!r}?" if near else ""
    return f"{key}: expected one of {', '.join(choices)}, not {shown(value)}{hint}"


def _keys(location: Sequence[Any], data: Any) -> list[Any]:
    """Return the keys of a location, without the tags of unions that pydantic inserts.

    A tag comes once, behind the key of its section, and a key of the section may have its name.
    """
    keys: list[Any] = []
    tags: list[Any] = []
    for place, key in enumerate(location):
        last = place == len(location) - 1
        if isinstance(data, Mapping):
            if not last and (key in tags or key not in data):
                tags = []
                continue
            data = data.get(key)
        elif isinstance(data, list | tuple):
            if not isinstance(key, int):
                continue
            data = data[key] if key < len(data) else None
        else:
            break  # Nothing lies below a single value but the names of the types it may have.
        keys.append(key)
        tags = [data.get(tag) for tag in TAGS] if isinstance(data, Mapping) else []
    return keys


def _valid_names(path: Sequence[Any], data: Any, root: type[BaseModel]) -> list[str]:
    """Return the valid keys of the section at a path."""
    section: Any = root
    for key in path:
        data = data[key]
        if isinstance(section, type) and issubclass(section, BaseModel):
            annotation: Any = section.model_fields[key].annotation
        else:
            annotation = get_args(section)[0]
        section = _branch(annotation, data)
    is_section = isinstance(section, type) and issubclass(section, BaseModel)
    return list(section.model_fields) if is_section else []


def _branch(annotation: Any, data: Any) -> Any:
    """Return the member of a tagged union that the data select."""
    annotation = _bare(annotation)
    if get_origin(annotation) not in (Union, UnionType):
        return annotation
    members = [_bare(member) for member in get_args(annotation)]
    for member in members:
        for tag in TAGS:
            field = getattr(member, "model_fields", {}).get(tag)
            if field is not None and data.get(tag) in get_args(field.annotation):
                return member
    sections = [one for one in members if hasattr(one, "model_fields")]
    return (sections or members)[0]


def _bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
