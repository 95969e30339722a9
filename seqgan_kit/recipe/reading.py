"""Recipes as plain data: YAML, `extends`, dotted overrides."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar

import yaml

from ..errors import UsageError

TAGS = ("kind", "source")
"""Keys whose values determine which other keys are valid."""


class RecipeError(UsageError):
    """The error for a recipe that cannot be used; its message lists every problem."""


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the most similar name, or None if none is similar."""
    close = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return close[0] if close else None


# -- YAML ---------------------------------------------------------------------------------------


class _Loader(yaml.SafeLoader):
    """A YAML 1.2 loader without duplicate keys (PyYAML reads 5e-4 as text, `no` as false)."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[Any]]] = {}  # type: ignore[misc]

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is not a string", key_node.start_mark
                )
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"duplicate key {key!r}", key_node.start_mark
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
        raise RecipeError(f"{where}: not valid YAML: {error}") from error


# -- finding ------------------------------------------------------------------------------------


def bundled() -> dict[str, Path]:
    """Return the recipes that come with seqgan_kit, by name."""
    folder = Path(str(resources.files("seqgen_recipes")))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def bundled_comparisons() -> dict[str, Path]:
    """Return the comparisons that come with seqgan_kit, by name."""
    folder = Path(str(resources.files("seqgen_recipes"))) / "compare"
    return {f"compare/{path.stem}": path for path in sorted(folder.glob("*.yaml"))}


def find(name: str, beside: Path | None = None) -> Path:
    """Find the file of a recipe by its path, or by the name of a bundled recipe.

    Args:
        name: path or name, as the user gave it.
        beside: folder in which a relative path is looked up first.

    Raises:
        RecipeError: there is none; the message suggests the nearest bundled one.
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
        f"there is no recipe {name!r}: no such file, and no bundled recipe with that name. {hint}"
        f"`seqgen recipes list` shows the bundled ones: {', '.join(known)}"
    )


def read(path: Path, _above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Read a recipe file as plain data, with `extends:` resolved.

    Raises:
        RecipeError: the file is not readable, not a mapping, or extends itself.
    """
    resolved = path.resolve()
    if resolved in _above:
        chain = " -> ".join(p.name for p in (*_above, resolved))
        raise RecipeError(f"{path}: extends itself ({chain})")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise RecipeError(f"{path}: not a UTF-8 text file") from error
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read: {error.strerror}") from error
    data = _parse(text, str(path))
    if not isinstance(data, dict):
        raise RecipeError(f"{path}: not a recipe: expected a mapping of keys to values")
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
    """Merge ``change`` into ``base``, section by section.

    A section of another kind replaces the old one completely, because its schema differs.
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
        RecipeError: one is not of the form key=value, or its path leads through a plain value.
    """
    for text in overrides:
        key, equals, value_text = text.partition("=")
        if not equals or not key:
            raise RecipeError(f"override {text!r}: expected key=value, as in train.steps=500")
        value = _parse(value_text, f"override {text!r}")
        *path, last = key.split(".")
        if key.split(".")[0] == "extends":
            raise RecipeError(f"override {text!r}: `extends` is only allowed in a recipe file")
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
            f"override {text!r}: index {key} is out of range: the list has {len(items)} "
            f"{'item' if len(items) == 1 else 'items'} (indices start at 0)"
        )
    changed = list(items)
    changed[int(key)] = change(items[int(key)])
    return changed
