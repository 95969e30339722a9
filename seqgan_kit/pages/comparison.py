"""Comparisons: several models trained under one budget, measured and shown side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from ..errors import NotSupported, UsageError
from ..files import FileProblem, read_json, refuse_existing, write_json, write_text
from ..measuring.bench import Bench
from ..measuring.opening import same_data_for_all
from ..measuring.sweeps import Swept, sweep
from ..recipe import Recipe
from ..report import page, tables
from ..report.curves import Sweep
from ..runs.watch import Watch
from ..tasks.task import Executor, Local
from ..training.run import Run, RunError
from . import content as evidence
from .measuring_runs import PLAIN, Measuring, measure_all
from .training_runs import Entry


def runs_as_entries(runs: Sequence[Run]) -> list[Entry]:
    """Return runs as models, named after their folders.

    Raises:
        RunError: a run is given twice.
    """
    names = [run.path.resolve().name for run in runs]
    for name in names:
        if names.count(name) > 1:
            names = [str(run.path) for run in runs]
            break
    if len(set(names)) < len(names):
        raise RunError("a run is named twice; name different runs")
    return [Entry(name, (run,)) for name, run in zip(names, runs, strict=True)]


def compare(
    entries: Sequence[Entry],
    folder: Path,
    *,
    recipe: Recipe | None = None,
    title: str,
    kind: Literal["comparison", "run"] = "comparison",
    budget: str | None = None,
    how: Measuring = PLAIN,
    settings: Sequence[Swept] = (),
    executor: Executor | None = None,
    command: str = "",
    watch: Watch | None = None,
    notes: Sequence[str] = (),
    stem: str = "compare",
) -> page.Content:
    """Measure runs and write the table, the page and their data.

    Args:
        entries: the models.
        folder: output folder of ``compare.html``, ``.json``, ``.csv`` and ``.md``.
        recipe: names the data, and says how to measure (default: the recipe of the first run).
        title: title of the page.
        kind: ``"comparison"`` or ``"run"``.
        budget: budget, in words.
        how: how they are measured.
        settings: settings of sampling along which models are measured, too.
        executor: where they are measured (default: here).
        command: the command line, which the page shows.
        watch: callbacks for progress.
        notes: what else a reader has to know.
        stem: name of the files, without suffix.

    Returns:
        The content of the page.

    Raises:
        RunError: the runs were trained on different data, or one has no checkpoint.
    """
    bench, measured = measure_all(
        entries,
        folder,
        recipe or same_data_for_all([run for entry in entries for run in entry.runs]),
        how=how,
        executor=executor or Local(),
        watch=watch or Watch(),
    )
    content = evidence.content(
        bench,
        [
            (entry.name, entry.runs, result)
            for entry, result in zip(entries, measured, strict=True)
        ],
        title=title,
        kind=kind,
        budget=budget,
        seed=how.seed,
        command=command,
        sweeps=swept(bench, entries, settings, seed=how.seed),
        notes=notes,
    )
    write(content, folder, stem)
    return content


def swept(
    bench: Bench, entries: Sequence[Entry], settings: Sequence[Swept], *, seed: int
) -> list[Sweep]:
    """Measure the first run of each model along each setting that it can be drawn with."""
    found: list[Sweep] = []
    for one in settings:
        for place, entry in enumerate(entries):
            try:
                points = sweep(bench, entry.runs[0], one, seed=seed)
            except NotSupported as error:
                bench.watch.say(f"{entry.name} has no curve of {one.title}: {error}")
                continue
            found.append(
                {
                    "name": entry.name,
                    "colour": place,
                    "knob": one.knob,
                    "title": one.title,
                    "points": points,
                }
            )
    return found


def write(content: page.Content, folder: Path, stem: str) -> None:
    """Write the files of a comparison."""
    folder.mkdir(parents=True, exist_ok=True)
    data, table, text, page_path = page_files(folder, stem)
    write_json(data, evidence.without_pictures(content))
    write_text(table, tables.csv(content))
    write_text(text, tables.markdown(content))
    write_text(page_path, page.render(content))


def page_files(folder: Path, stem: str) -> list[Path]:
    """Return the files of a page: its data, the table twice, and the page itself."""
    return [folder / f"{stem}{ending}" for ending in (".json", ".csv", ".md", ".html")]


def refuse_others(folder: Path, stem: str, title: str | None, force: bool) -> None:
    """Refuse to replace files that :func:`write` did not write for the same comparison.

    Args:
        folder: where the files are to go.
        stem: their name.
        title: title of a page that may be replaced; ``None``: none may.
        force: replace them, whatever they are.

    Raises:
        UsageError: there are such files, or ``folder`` is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--out {folder} is a file: name a folder")
    data, *others = page_files(folder, stem)
    try:
        there = read_json(data).get("title") if title is not None else None
    except (FileNotFoundError, FileProblem, AttributeError):
        there = None
    if there is None or there != title:
        for path in (data, *others):
            refuse_existing(path, force)
