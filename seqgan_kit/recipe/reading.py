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
"""Keys whose value decides which other keys there are."""


class RecipeError(UsageError):
    """A recipe that cannot be used; the message lists every error."""


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The most similar of some names, if one is similar at all."""
    close = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return close[0] if close else None


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
            f"override {text!r}: index {key} is out of range: the list has {len(items)} "
            f"{'item' if len(items) == 1 else 'items'} (indices start at 0)"
        )
    changed = list(items)
    changed[int(key)] = change(items[int(key)])
    return changed
