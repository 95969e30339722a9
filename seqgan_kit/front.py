"""The toolkit from Python: train, sample, evaluate and compare in a few lines.

>>> model = train("vowels_series", data=series, labels=wards, out="runs/mine")  # doctest: +SKIP
>>> model.sample(label="surgery", count=8).save("eight.csv")  # doctest: +SKIP

Everything here is what the command ``seqgen`` does; a run that one of them has made is a run for
the other.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from . import plugins
from .data.dataset import DataError
from .data.sources import cache_folder
from .data.tables import is_frame
from .errors import SeqganError, UsageError
from .files import move_new
from .measuring.evaluation import Evaluation
from .measuring.opening import bench_of, same_data_for_all
from .pages import comparison
from .pages.measuring_runs import Measuring
from .recipe import Recipe
from .recipe import files as recipe_files
from .recipe.files import RecipeError
from .report.page import Content
from .runs import workflow
from .runs.loading import folder_of, load
from .runs.places import find
from .runs.sampler import Sampler
from .runs.watch import Watch
from .training.log import Report
from .training.run import Run
from .training.trainer import Hook, OptimizerMaker, adam

Model = str | Path | Sampler
"""A run: its folder, or what :func:`train` and :func:`load` return."""

QUIET = 10.0
"""Seconds between two lines of progress."""

OF_THE_DATA = ("source", "root", "labels", "text", "colour")
"""Keys of the section ``data`` that what is in memory decides."""


def train(
    recipe: str | Path | Mapping[str, Any] | Recipe,
    *overrides: str,
    data: Any = None,
    labels: Any = None,
    out: str | Path | None = None,
    force: bool = False,
    init_from: Model | None = None,
    hooks: Sequence[Hook] = (),
    optimizer: OptimizerMaker = adam,
    progress: bool = True,
) -> Sampler:
    """Train a recipe into a new run folder, and return the trained model.

    Args:
        recipe: the name of a bundled recipe, a file, a dictionary with the keys of one (with
            ``extends``, only what it changes), or a :class:`Recipe`.
        overrides: dotted overrides, such as ``"train.steps=500"``.
        data: data in memory in place of the recipe's; see ``keep`` of each kind. Images: an array
            ``[N, height, width]`` or ``[N, height, width, 3]``, bytes or 0 to 1. Text: a list of
            strings. Sound: a list of clips ``[samples]``, -1 to 1. Series: an array
            ``[N, time, channels]``, a list of arrays ``[time, channels]``, or a data frame. They
            are written to the cache, so that the run can be resumed and measured later.
        labels: labels of these data: one for each item, a dictionary of such by attribute, or the
            names of columns of a data frame.
        out: the run folder (default: ``runs/NAME``).
        force: replace the run in ``out``.
        init_from: another run, whose weights to start from.
        hooks: called with the averaged network every so many steps.
        optimizer: makes the optimiser of each network.
        progress: print progress to standard error.

    Returns:
        The sampler of the trained run.

    Raises:
        RecipeError: the recipe has an error.
        DataError: the data cannot be used.
        RunError: ``out`` exists.
        TrainingDiverged: a loss became infinite or NaN.
    """
    checked = _recipe(recipe, overrides, data, labels)
    trained = workflow.train(
        checked,
        out=None if out is None else Path(out),
        force=force,
        init_from=None if init_from is None else _path(init_from),
        watch=_watch(progress),
        optimizer=optimizer,
        hooks=hooks,
    )
    return load(trained.run.path, device=checked.train.device)


def resume(
    run: Model,
    *overrides: str,
    hooks: Sequence[Hook] = (),
    optimizer: OptimizerMaker = adam,
    progress: bool = True,
) -> Sampler:
    """Resume a run from its newest checkpoint, and return the trained model.

    Args:
        run: the run.
        overrides: of its ``train`` section (``"train.steps=20000"``), or of ``data.root``.
        hooks: see :func:`train`.
        optimizer: see :func:`train`.
        progress: print progress to standard error.

    Raises:
        RunError: it is no run, or an override is not allowed.
        FileProblem: its checkpoints are damaged.
    """
    trained = workflow.resume(
        _path(run), overrides=overrides, watch=_watch(progress), hooks=hooks, optimizer=optimizer
    )
    return load(trained.run.path)


def evaluate(
    run: Model,
    *,
    samples: int | None = None,
    sets: int | None = None,
    gan_train: bool = True,
    seed: int = 0,
    device: str = "auto",
    progress: bool = True,
) -> Evaluation:
    """Measure the samples of a run; see ``seqgen evaluate``.

    Args:
        run: the run.
        samples: samples per set (default: from the recipe).
        sets: independent sets of samples (default: from the recipe).
        gan_train: whether to train a judge on samples, too.
        seed: seed of the samples.
        device: where to measure.
        progress: print progress to standard error.

    Returns:
        Its ``figures`` by name, each with ``mean`` and ``deviation``.

    Raises:
        RunError: it is no run, or its data have changed.
        DataError: the data cannot be loaded.
    """
    opened = Run(_path(run))
    bench = bench_of(
        same_data_for_all([opened]),
        device=device,
        watch=_watch(progress),
        samples=samples,
        sets=sets,
        gan_train=gan_train,
    )
    return bench.run(opened, seed=seed)


def compare(
    *runs: Model,
    out: str | Path,
    samples: int | None = None,
    sets: int | None = None,
    gan_train: bool = True,
    seed: int = 0,
    device: str = "auto",
    force: bool = False,
    progress: bool = True,
) -> Content:
    """Measure runs side by side and write ``compare.html``, ``.md``, ``.csv`` and ``.json``.

    Args:
        runs: the runs, all of the same data.
        out: the folder of these files.
        samples: samples per set (default: from the first recipe).
        sets: independent sets of samples (default: from the first recipe).
        gan_train: whether to train a judge on samples, too.
        seed: seed of the samples.
        device: where to measure.
        force: replace a comparison of other runs.
        progress: print progress to standard error.

    Returns:
        What the page shows.

    Raises:
        UsageError: no run is given, or ``out`` has a comparison already.
        RunError: the runs were trained on different data.
    """
    if not runs:
        raise UsageError("compare what? Name one or more runs")
    entries = comparison.runs_as_entries([Run(_path(run)) for run in runs])
    comparison.refuse_others(Path(out), "compare", None, force)
    return comparison.compare(
        entries,
        Path(out),
        title=", ".join(entry.name for entry in entries),
        how=Measuring(device, samples, sets, gan_train, seed),
        watch=_watch(progress),
    )


# -- what is given ------------------------------------------------------------------------------


def _path(run: Model) -> Path:
    """Return the folder of a run.

    Raises:
        UsageError: the sampler was not loaded from one.
    """
    return folder_of(run) if isinstance(run, Sampler) else find(run)[0]


def _recipe(
    recipe: str | Path | Mapping[str, Any] | Recipe,
    overrides: Sequence[str],
    data: Any,
    labels: Any,
) -> Recipe:
    """Return the checked recipe, with the section ``data`` of what is in memory."""
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


# -- progress -----------------------------------------------------------------------------------


def _watch(progress: bool) -> Watch:
    return Watch(say=_say, report=_reporter()) if progress else Watch()


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _reporter() -> Callable[[Report], None]:
    """Return what prints a line now and then while a run trains."""
    last = [0.0]

    def report(state: Report) -> None:
        now = time.monotonic()
        if state.figures and (now - last[0] >= QUIET or state.progress >= 1):
            last[0] = now
            minutes, seconds = divmod(round(state.seconds_left), 60)
            _say(
                f"step {state.step:,}, {state.steps_per_second:.1f} steps/s, "
                f"{minutes}:{seconds:02d} left"
            )

    return report
