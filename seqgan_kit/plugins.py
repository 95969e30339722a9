"""What is installed: kinds of data and models, each found by a Python entry point.

A package brings a kind of data with

.. code-block:: toml

    [project.entry-points."seqgan_kit.kinds"]
    melodies = "notes_kit.kind:MELODIES"

and a model with the group ``seqgan_kit.models``. The kinds and models of seqgan_kit itself come
by the same entry points.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from .errors import PluginError
from .kind import Kind, Model

# Entry points are of no fixed class: the package importlib_metadata, where it is installed, brings
# one of its own. So they are Any below.
KINDS, MODELS = "seqgan_kit.kinds", "seqgan_kit.models"
"""Groups of entry points."""

REINSTALL = (
    "seqgan_kit is installed without its entry points {group}, by which it finds its own {what}: "
    "install it again (`pip install --editable .` in a checkout, or `make install`)"
)


@dataclass(frozen=True)
class Installed:
    """An entry point of a group.

    Attributes:
        name: of the entry point.
        group: ``seqgan_kit.kinds`` or ``seqgan_kit.models``.
        target: the object that it names.
        problem: why it cannot be used, ``""`` where it can.
        distribution: that brings it, as :mod:`importlib.metadata` has it.
    """

    name: str
    group: str
    target: str
    problem: str
    distribution: Any

    @property
    def source(self) -> str:
        """The distribution that brings it, with its version."""
        # Read when it is asked for: the files of metadata take long to read.
        found = self.distribution
        return f"{found.name} {found.version}" if found else "an unknown package"


@dataclass(frozen=True)
class _Loaded:
    found: Mapping[str, Kind | Model]
    installed: tuple[Installed, ...]


def kinds() -> Mapping[str, Kind]:
    """Return the kinds of data by name.

    Raises:
        PluginError: seqgan_kit's own entry points are missing, or two kinds claim one name.
    """
    return _kinds()


@cache
def _kinds() -> Mapping[str, Kind]:
    found = {name: one for name, one in _loaded(KINDS).found.items() if isinstance(one, Kind)}
    if not found:
        raise PluginError(REINSTALL.format(group=KINDS, what="kinds of data"))
    _refuse_twice("data.source", {name: kind.sources for name, kind in found.items()})
    _refuse_twice("codec.kind", {name: kind.codecs for name, kind in found.items()})
    return found


@cache
def models() -> Mapping[str, Model]:
    """Return the models by name.

    Raises:
        PluginError: seqgan_kit's own entry points are missing.
    """
    found = {name: one for name, one in _loaded(MODELS).found.items() if isinstance(one, Model)}
    if not found:
        raise PluginError(REINSTALL.format(group=MODELS, what="models"))
    return found


def kind_of_source(source: str) -> Kind:
    """Return the kind that has a data source.

    Raises:
        PluginError: no installed kind has it.
    """
    return _having(source, "data.source", lambda kind: kind.sources)


def kind_of_codec(codec: str) -> Kind:
    """Return the kind that has a codec.

    Raises:
        PluginError: no installed kind has it.
    """
    return _having(codec, "codec.kind", lambda kind: kind.codecs)


def installed() -> tuple[Installed, ...]:
    """List every entry point of both groups, those that cannot be used included."""
    return (*_loaded(KINDS).installed, *_loaded(MODELS).installed)


def problems() -> list[str]:
    """Say in a sentence each which plug-ins cannot be used."""
    return [f"{one.name} of {one.source}: {one.problem}" for one in installed() if one.problem]


def forget() -> None:
    """Look again at what is installed when it is next asked for."""
    for cached in (_points, _loaded, _kinds, models):
        cached.cache_clear()


def _having(wanted: str, key: str, names_of: Callable[[Kind], Mapping[str, object]]) -> Kind:
    known: list[str] = []
    for kind in kinds().values():
        names = names_of(kind)
        if wanted in names:
            return kind
        known += names
    near = difflib.get_close_matches(str(wanted), known, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    broken = "".join(f" It may belong to a plug-in that cannot be used: {p}." for p in problems())
    raise PluginError(
        f"no installed kind of data has {key} {wanted!r}; known are {', '.join(known)}.{hint}"
        f"{broken} `seqgen kinds` shows what is installed"
    )


@cache
def _points() -> Any:
    """Return all entry points; looking for them takes a while."""
    return entry_points()


@cache
def _loaded(group: str) -> _Loaded:
    found: dict[str, Kind | Model] = {}
    listed: list[Installed] = []
    expected: type[Kind] | type[Model] = Kind if group == KINDS else Model
    # The toolkit's own first, so that its order of kinds is the usual one.
    for point in sorted(_unique(_points().select(group=group)), key=_order):
        loaded, problem = _load(point, expected)
        if loaded is not None and point.name in found:
            problem = f"another package brings the name {point.name!r}, too"
        elif loaded is not None:
            found[point.name] = loaded
        listed.append(Installed(point.name, group, point.value, problem, point.dist))
    return _Loaded(found, tuple(listed))


def _unique(points: Iterable[Any]) -> list[Any]:
    """Entry points once each: a checkout beside its own metadata lists them twice."""
    return list({(point.name, point.value): point for point in points}.values())


def _order(point: Any) -> tuple[bool, str]:
    return not point.value.startswith("seqgan_kit."), point.name


def _load(point: Any, expected: type[Kind] | type[Model]) -> tuple[Kind | Model | None, str]:
    """Load an entry point; the second value says why it cannot be used."""
    try:
        loaded = point.load()
    except Exception as error:  # Whatever a plug-in does at import, the others go on working.
        return None, f"{point.value} cannot be imported: {type(error).__name__}: {error}"
    if not isinstance(loaded, expected):
        return None, (
            f"{point.value} is a {type(loaded).__name__}, not an instance of "
            f"seqgan_kit.kind.{expected.__name__}"
        )
    if loaded.name != point.name:
        return None, f"its entry point is called {point.name!r} and its name is {loaded.name!r}"
    return loaded, ""


def _refuse_twice(key: str, names: Mapping[str, Iterable[str]]) -> None:
    """Refuse two kinds that claim the same source or codec."""
    owner: dict[str, str] = {}
    for kind, own in names.items():
        for name in own:
            if name in owner:
                raise PluginError(
                    f"the kinds {owner[name]!r} and {kind!r} both bring {key} {name!r}: uninstall "
                    "one of the packages (`seqgen kinds` shows them)"
                )
            owner[name] = kind
