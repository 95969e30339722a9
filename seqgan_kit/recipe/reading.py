"""Recipes as plain data: YAML, `extends`, dotted overrides."""

from __future__ import annotations

import difflib
import io
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from ..errors import UsageError
from ..sections import shown
from .yaml_loader import DEEPEST, Loader

TAGS = ("kind", "source")
"""Keys whose values determine which other keys are valid."""

LARGEST_FILE = 256 << 10
"""Bytes of a recipe file."""

LONGEST_CHAIN = 20
"""Most recipes that extend one another."""


class RecipeError(UsageError):
    """The error for a recipe that cannot be used; its message lists every problem."""


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the most similar name, or None if none is similar."""
    close = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return close[0] if close else None


# -- YAML ---------------------------------------------------------------------------------------


def _parse(text: str, where: str) -> Any:
    try:
        return yaml.load(text, Loader=Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f", line {mark.line + 1}" if mark else ""
        said = " ".join(filter(None, (error.context, error.problem)))
        raise RecipeError(f"{where}{line}: {said}") from error
    except yaml.reader.ReaderError as error:
        number = text[: error.position].count("\n") + 1
        raise RecipeError(f"{where}, line {number}: {error.reason}") from error
    except RecursionError as error:
        # The scanner recurses before the loader can count, in keys of keys of keys.
        raise RecipeError(f"{where}: nested too deeply") from error


def read_text(path: Path) -> str:
    """Return the content of a recipe file.

    Raises:
        RecipeError: it cannot be read, is too large, or is not UTF-8.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read: {error.strerror}") from error
    if len(content) > LARGEST_FILE:
        raise RecipeError(f"{path}: larger than {LARGEST_FILE >> 10} kB, so this is no recipe")
    try:
        # Line breaks as text files have them on other systems, too.
        return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8").read()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise RecipeError(f"{path}, line {line}: not UTF-8 text") from error


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
        try:
            if path.is_file():
                return path
        except OSError as error:
            raise RecipeError(f"recipe {shown(name)}: {error.strerror}") from error
    known = {**bundled(), **bundled_comparisons()}
    if name in known:
        return known[name]
    near = nearest(Path(name).stem, known)
    hint = f"did you mean {near!r}? " if near else ""
    raise RecipeError(
        f"there is no recipe {shown(name)}: no such file, and no bundled recipe with that name. "
        f"{hint}`seqgen recipes list` shows the bundled ones: {', '.join(known)}"
    )


def read(path: Path, _above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """Read a recipe file as plain data, with `extends:` resolved.

    Raises:
        RecipeError: the file is not readable, not a mapping, extends itself, or too many others.
    """
    resolved = path.resolve()
    if resolved in _above:
        chain = " -> ".join(p.name for p in (*_above, resolved))
        raise RecipeError(f"{path}: extends itself ({chain})")
    if len(_above) >= LONGEST_CHAIN:
        raise RecipeError(f"{path}: the last of {LONGEST_CHAIN} recipes that extend one another")
    data = _parse(read_text(path), str(path))
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
        where = f"override {shown(text)}"
        if not equals or not key:
            raise RecipeError(f"{where}: expected key=value, as in train.steps=500")
        if len(text) > LARGEST_FILE:
            raise RecipeError(f"{where}: longer than {LARGEST_FILE >> 10} kB")
        value = _parse(value_text, where)
        *path, last = key.split(".")
        if len(path) >= DEEPEST:
            raise RecipeError(f"{where}: more than {DEEPEST} sections inside one another")
        if key.split(".")[0] == "extends":
            raise RecipeError(f"{where}: `extends` is only allowed in a recipe file")
        change: Any = {last: value}
        data = _override_at(data, path, last, value, where) if path else merge(data, change)
    return data


def _override_at(data: Any, path: Sequence[str], last: str, value: Any, where: str) -> Any:
    if not isinstance(data, dict | list):
        raise RecipeError(f"{where}: {shown(data)} is a value, not a section with keys")
    if not path:
        if isinstance(data, list):
            return _with_item(data, last, lambda _: value, where)
        return merge(data, {last: value})
    key, *rest = path
    if isinstance(data, list):

        def changed(old: Any) -> Any:
            return _override_at(old, rest, last, value, where)

        return _with_item(data, key, changed, where)
    inner = data.get(key)
    if inner is None:
        inner = {}
    if not isinstance(inner, dict | list):
        raise RecipeError(f"{where}: {key:.40} is a value, not a section with keys")
    return {**data, key: _override_at(inner, rest, last, value, where)}


def _with_item(items: list[Any], key: str, change: Any, where: str) -> list[Any]:
    if not key.isdecimal() or len(key) > 9 or int(key) >= len(items):
        raise RecipeError(
            f"{where}: index {key:.40} is out of range: the list has {len(items)} "
            f"{'item' if len(items) == 1 else 'items'} (indices start at 0)"
        )
    changed = list(items)
    changed[int(key)] = change(items[int(key)])
    return changed
