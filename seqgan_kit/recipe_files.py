"""Recipes on disk: finding, extending, overriding and checking them."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, ClassVar, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from .recipe import KINDS, CompareRecipe, Recipe, Section

Checked = TypeVar("Checked", bound=Section)

TAGS = ("kind", "source")
"""Keys whose value decides which other keys there are."""


class RecipeError(ValueError):
    """A recipe that cannot be used; the message lists every error."""


# -- YAML ---------------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """YAML 1.2's core types (PyYAML reads 5e-4 as text and `no` as false), no duplicate keys."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[Any]]] = {}  # type: ignore[misc]

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is not text", key_node.start_mark
                )
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands here a second time", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def _integer(loader: _Loader, node: yaml.ScalarNode) -> int:
    return int(node.value)


def _number(loader: _Loader, node: yaml.ScalarNode) -> float:
    text = node.value.lower()
    return float(text.replace(".inf", "inf").replace(".nan", "nan"))


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first
    )
_Loader.add_constructor("tag:yaml.org,2002:int", _integer)
_Loader.add_constructor("tag:yaml.org,2002:float", _number)


def _parse(text: str, where: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)  # a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise RecipeError(f"{where}{line}: {error.problem}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise RecipeError(f"{where}: not readable as YAML: {error}") from error


# -- finding ------------------------------------------------------------------------------------


def bundled() -> dict[str, Path]:
    """The recipes that come with seqgan_kit, by name."""
    folder = Path(str(resources.files("seqgen_recipes")))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def bundled_comparisons() -> dict[str, Path]:
    """The comparisons that come with seqgan_kit, by name."""
    folder = Path(str(resources.files("seqgen_recipes"))) / "compare"
    return {f"compare/{path.stem}": path for path in sorted(folder.glob("*.yaml"))}


def find(name: str, beside: Path | None = None) -> Path:
    """The file of a recipe: a path, or the name of a bundled one.

    Args:
        name: as the user gave it.
        beside: folder that a relative path is looked for in first.

    Raises:
        RecipeError: there is none; the message names the nearest bundled ones.
    """
    for path in ([beside / name] if beside else []) + [Path(name)]:
        if path.is_file():
            return path
    known = {**bundled(), **bundled_comparisons()}
    if name in known:
        return known[name]
    near = nearest(Path(name).stem, known)
    hint = f"did you mean {near!r}? " if near else ""
    raise RecipeError(
        f"there is no recipe {name!r}: no such file, and no bundled recipe of that name. {hint}"
        f"`seqgen recipes list` shows the bundled ones: {', '.join(known)}"
    )


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The most similar of some names, if one is similar at all."""
    close = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return close[0] if close else None


def read(path: Path, _above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """A recipe file as plain data, `extends:` resolved.

    Raises:
        RecipeError: it is not readable, no mapping, or extends itself.
    """
    resolved = path.resolve()
    if resolved in _above:
        chain = " -> ".join(p.name for p in (*_above, resolved))
        raise RecipeError(f"{path}: extends itself ({chain})")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise RecipeError(f"{path}: not a text file in UTF-8") from error
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read: {error.strerror}") from error
    data = _parse(text, str(path))
    if not isinstance(data, dict):
        raise RecipeError(f"{path}: a recipe is a mapping of keys to values, this is not")
    base_name = data.pop("extends", None)
    if base_name is not None:
        if not isinstance(base_name, str):
            raise RecipeError(f"{path}: extends: expected the name or path of one recipe")
        try:
            base_path = find(base_name, beside=path.parent)
        except RecipeError as error:
            raise RecipeError(f"{path}: extends: {error}") from None
        base = read(base_path, (*_above, resolved))
        base.pop("name", None)
        data = merge(base, data)
    data.setdefault("name", path.stem)
    return data


def merge(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with the keys of ``change``, section by section.

    A section of another kind replaces the old one whole: its other keys are of another schema.
    """
    merged = dict(base)
    for key, value in change.items():
        old = merged.get(key)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            other = any(tag in value and value[tag] != old.get(tag, value[tag]) for tag in TAGS)
            merged[key] = dict(value) if other else merge(old, value)
        else:
            merged[key] = value
    return merged


# -- overriding ---------------------------------------------------------------------------------


def override(data: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """Apply dotted overrides such as ``train.steps=500`` or ``objective.penalties.0.gamma=2``.

    Raises:
        RecipeError: one is not of the form key=value, or leads through something that has no keys.
    """
    for text in overrides:
        key, equals, value_text = text.partition("=")
        if not equals or not key:
            raise RecipeError(f"override {text!r}: expected key=value, as in train.steps=500")
        value = _parse(value_text, f"override {text!r}")
        *path, last = key.split(".")
        if key.split(".")[0] == "extends":
            raise RecipeError(f"override {text!r}: `extends` belongs in a recipe file")
        change: Any = {last: value}
        data = _override_at(data, path, last, value, text) if path else merge(data, change)
    return data


def _override_at(data: Any, path: Sequence[str], last: str, value: Any, text: str) -> Any:
    if not path:
        if isinstance(data, list):
            return _with_item(data, last, lambda _: value, text)
        return merge(data, {last: value})
    key, *rest = path
    if isinstance(data, list):
        return _with_item(data, key, lambda old: _override_at(old, rest, last, value, text), text)
    inner = data.get(key)
    if inner is None:
        inner = {}
    if not isinstance(inner, dict | list):
        raise RecipeError(f"override {text!r}: {key} is a value, not a section with keys")
    return {**data, key: _override_at(inner, rest, last, value, text)}


def _with_item(items: list[Any], key: str, change: Any, text: str) -> list[Any]:
    if not key.isdecimal() or int(key) >= len(items):
        raise RecipeError(
            f"override {text!r}: {key!r} is no item of a list of {len(items)}, counted from 0"
        )
    changed = list(items)
    changed[int(key)] = change(items[int(key)])
    return changed


# -- checking -----------------------------------------------------------------------------------


def load(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """Find, extend, override and check a recipe.

    Args:
        name: a path or the name of a bundled recipe.
        overrides: dotted ones.

    Raises:
        RecipeError: with all that is wrong.
    """
    path = find(name)
    return check(override(read(path), overrides), str(path))


def load_comparison(
    name: str, overrides: Sequence[str] = ()
) -> tuple[CompareRecipe, dict[str, Recipe]]:
    """A comparison and the recipes it names, by the names of its models.

    Args:
        name: a path, or the name of a bundled comparison (`compare/mnist`).
        overrides: dotted ones, of the comparison (`minutes=1`) or of each of its recipes.

    Raises:
        RecipeError: with all that is wrong with it, or with one of its recipes.
    """
    path = find(name)
    keys = set(CompareRecipe.model_fields)
    own = [text for text in overrides if re.split("[.=]", text)[0] in keys]
    rest = [text for text in overrides if text not in own]
    for text in rest:
        if re.split("=", text)[0] in ("train.steps", "train.minutes"):
            raise RecipeError(
                f"override {text!r}: the budget of a comparison says how long its models train; "
                "change that (minutes=1, or samples_seen=500000 minutes=null)"
            )
    comparison = _checked(CompareRecipe, override(read(path), own), str(path))
    recipes = {}
    for model in comparison.models:
        try:
            found = find(model.recipe, beside=path.parent)
        except RecipeError as error:
            raise RecipeError(f"{path}: models: {model.name}: {error}") from None
        where = f"{path}: models: {model.name}: {found.name}"
        recipes[model.name] = check(override(read(found), (*model.overrides, *rest)), where)
    return comparison, recipes


def is_comparison(name: str) -> bool:
    """Whether a name is that of a recipe file that lists models."""
    try:
        return "models" in read(find(name))
    except RecipeError:
        return False


def check(data: Mapping[str, Any], where: str) -> Recipe:
    """A recipe from plain data.

    Raises:
        RecipeError: one line for every error: file, key, what was expected, the nearest name.
    """
    sections = {k: data[k] for k in KINDS if isinstance(data.get(k), Mapping)}
    data = {**data, **{k: {"kind": KINDS[k], **section} for k, section in sections.items()}}
    return _checked(Recipe, data, where)


def _checked(root: type[Checked], data: Mapping[str, Any], where: str) -> Checked:
    try:
        # By way of JSON because there, as in YAML, a tuple is a list; types stay strict.
        return root.model_validate_json(json.dumps(data))
    except ValidationError as error:
        problems = [_explain(problem, data, root) for problem in error.errors()]
        raise RecipeError("\n".join(f"{where}: {problem}" for problem in problems)) from None


def _explain(problem: Any, data: Any, root: type[BaseModel]) -> str:
    path = _keys(problem["loc"], data)
    key = ".".join(map(str, path)) or "recipe"
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "extra_forbidden":
        names = _valid_names(path[:-1], data, root)
        near = nearest(str(path[-1]), names)
        hint = f"did you mean {near!r}? " if near else ""
        return f"{key}: unknown key; {hint}The keys here are {', '.join(names)}"
    if kind == "missing":
        return f"{key}: this key is required and missing"
    if kind == "union_tag_not_found":
        tag = context["discriminator"].strip("'")
        return f"{key}.{tag}: this key is required and missing"
    if kind == "union_tag_invalid":
        choices = re.findall(r"'([^']*)'", context["expected_tags"])
        return _choice(f"{key}.{context['discriminator'].strip(chr(39))}", context["tag"], choices)
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", context["expected"])
        return _choice(key, problem["input"], choices)
    if kind == "value_error":
        return str(context["error"])
    message = problem["msg"][0].lower() + problem["msg"][1:]
    return f"{key}: {message}, not {json.dumps(problem['input'])}"


def _choice(key: str, value: Any, choices: Sequence[str]) -> str:
    near = nearest(str(value), choices)
    hint = f"; did you mean {near!r}?" if near else ""
    return f"{key}: expected one of {', '.join(choices)}, not {value!r}{hint}"


def _keys(location: Sequence[Any], data: Any) -> list[Any]:
    """The keys of a location; pydantic puts the tag of a tagged union between them."""
    keys: list[Any] = []
    for place, key in enumerate(location):
        last = place == len(location) - 1
        if isinstance(data, Mapping):
            if key not in data and not last:
                continue
            data = data.get(key)
        elif isinstance(data, list | tuple) and isinstance(key, int) and key < len(data):
            data = data[key]
        elif not last:
            continue
        keys.append(key)
    return keys


def _valid_names(path: Sequence[Any], data: Any, root: type[BaseModel]) -> list[str]:
    """The keys of the section at a path."""
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
    """The member of a tagged union that the data name."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) not in (Union, UnionType):
        return annotation
    members = get_args(annotation)
    for member in members:
        for tag in TAGS:
            field = getattr(member, "model_fields", {}).get(tag)
            if field is not None and data.get(tag) in get_args(field.annotation):
                return member
    return members[0]


# -- writing ------------------------------------------------------------------------------------


def dump(recipe: Recipe) -> str:
    """A resolved recipe as YAML."""
    return yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def schema() -> dict[str, Any]:
    """JSON Schema of a recipe file, for editors; `extends` and its defaults included."""
    described = Recipe.model_json_schema()
    described["properties"]["extends"] = {
        "type": "string",
        "description": "A bundled name or a path: the recipe that this one changes.",
    }
    # What is required may stand in the recipe that is extended, and the name is the file's.
    for section in (described, *described["$defs"].values()):
        section.pop("required", None)
    return described
