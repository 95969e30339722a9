"""Recipes as Python has them, and data that are in memory.

What is given is written to the cache once, as files of its kind, so that a run finds its data
again.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from .. import plugins
from ..data.dataset import DataError
from ..data.sources import cache_folder
from ..data.tables import is_frame
from ..errors import SeqganError, UsageError
from ..files import move_new
from ..recipe import Recipe
from ..recipe import files as recipe_files
from ..recipe.files import RecipeError

OF_THE_DATA = ("source", "root", "labels", "text", "colour")
"""Keys of the section ``data`` that what is in memory decides."""


def recipe_of(
    recipe: str | Path | Mapping[str, Any] | Recipe,
    overrides: Sequence[str],
    data: Any,
    labels: Any,
) -> Recipe:
    """Return the checked recipe, with the section ``data`` of what is in memory.

    Args:
        recipe: a name, a path, a dictionary (which may extend another recipe) or a recipe.
        overrides: changes of it, as in ``"train.steps=100"``.
        data: items in memory; ``None``: those that the recipe names.
        labels: of these items.

    Raises:
        RecipeError: the recipe is wrong, or does not say of what kind the data are.
        DataError: the data are of another kind, or their labels do not fit them.
        UsageError: labels without data, or a path for data.
    """
    if isinstance(recipe, Recipe):
        content, where = recipe.model_dump(mode="json"), recipe.name
    elif isinstance(recipe, Mapping):
        content, where = _extended(recipe), "the recipe"
    else:
        path = recipe_files.find(str(recipe))
        content, where = recipe_files.read(path), str(path)
    content = recipe_files.override(content, overrides)
    if data is not None:
        content = {**content, "data": _kept(content, data, labels, where)}
    elif labels is not None:
        raise UsageError("labels belong to data: give both")
    return recipe_files.check(content, where)


def _extended(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return a dictionary with the keys of what it extends."""
    content = {"name": "mine", **recipe}
    base = content.pop("extends", None)
    if base is None:
        return content
    return recipe_files.merge(recipe_files.read(recipe_files.find(str(base))), content)


def _kept(content: Mapping[str, Any], data: Any, labels: Any, where: str) -> dict[str, Any]:
    """Write data to the cache, once for the same content; return the section for them."""
    given = content.get("data")
    section: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    source = section.get("source")
    if not isinstance(source, str):
        raise RecipeError(f"{where}: data.source is missing, which says of what kind the data are")
    if isinstance(data, str | Path):
        raise UsageError(f"data is the path {data}: files are named by the override data.root")
    kind = plugins.kind_of_source(source)
    items = data if is_frame(data) or hasattr(data, "__len__") else _listed(data)
    named = _named(items, labels)
    folder = cache_folder() / "given"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=folder))
    except OSError as error:
        raise DataError(
            f"{folder} cannot be written ({error.strerror}); see SEQGAN_CACHE"
        ) from error
    try:
        own = kind.keep(items, named, scratch, content)
        final = folder / _digest(scratch)
        root = final / Path(own["root"]).relative_to(scratch)
        move_new(scratch, final)
    except (TypeError, ValueError) as error:
        if isinstance(error, SeqganError):
            raise
        raise DataError(f"the data are not of the kind {kind.name}: {error}") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    fields = kind.sources[own["source"]].model_fields
    kept = {k: v for k, v in section.items() if k in fields and k not in OF_THE_DATA}
    return {**own, **kept, "root": str(root)}


def _listed(data: Any) -> list[Any]:
    try:
        return list(data)
    except TypeError as error:
        raise DataError(
            f"data in memory are arrays or lists, not {type(data).__name__}"
        ) from error


def _named(data: Any, labels: Any) -> dict[str, Sequence[Any]]:
    """Return labels by attribute, each with a value for every item.

    Raises:
        DataError: they are not as many as the items, missing, or no single values.
    """
    if labels is None:
        return {}
    if is_frame(data):
        names = [labels] if isinstance(labels, str) else _listed(labels)
        absent = [name for name in names if not isinstance(name, str) or name not in data.columns]
        if isinstance(labels, Mapping) or absent:
            raise DataError(
                "the labels of a data frame are names of its columns, as in labels=['ward']: "
                f"{absent[0] if absent else names[0]!s:.40} is none"
            )
        found: dict[str, Any] = {name: data[name] for name in names}
    elif isinstance(labels, Mapping):
        found = {str(name): values for name, values in labels.items()}
    else:
        found = {"label": labels}
    plain = {name: _values(name, values) for name, values in found.items()}
    for name, values in plain.items():
        if len(values) != len(data):
            raise DataError(f"{len(data):,} items have {len(values):,} labels ({name})")
    return plain


def _values(name: str, values: Any) -> Sequence[Any]:
    """Return the labels of one attribute as plain values."""
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        raise DataError(f"{name}: {values!r:.40} is no list of labels, one for each item")
    plain = values.tolist() if hasattr(values, "tolist") else list(values)
    for place, value in enumerate(plain):
        if value is None or value != value:
            raise DataError(f"{name}: the label of item {place} is missing")
        if isinstance(value, list | tuple | dict | np.ndarray):
            raise DataError(
                f"{name}: the label of item {place} is {value!r:.40}; expected a single value"
            )
    return cast(Sequence[Any], plain)


def _digest(folder: Path) -> str:
    """Return a name for the content of a folder."""
    found = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        found.update(f"{path.name}\n{path.stat().st_size}\n".encode())
        found.update(path.read_bytes())
    return found.hexdigest()[:24]
