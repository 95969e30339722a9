"""Valid files of every kind, and the commands that read them."""

from __future__ import annotations

import gzip
import json
import shutil
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
from PIL import Image
from pyarrow import parquet

from seqgan_kit import plugins
from seqgan_kit.data.checksums import checked
from seqgan_kit.data.packages import extract
from seqgan_kit.kinds.audio.files import write_clip
from seqgan_kit.kinds.images.datasets import read_idx
from seqgan_kit.kinds.text.oracle import ORACLE_FILE, published_oracle
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.runs import beginning, workflow

from ..conftest import (
    SMALL_DATA,
    small_lines,
    text_data,
    tiny,
    write_idx,
    write_small_series,
)
from .running import Command, seqgen

NOT_READ = {".png", ".svg", ".html", ".lock"}
"""Files of a run that no command reads."""


@dataclass(frozen=True)
class Example:
    """Files that are fine, and what reads them.

    Attributes:
        name: what it is called.
        folder: the files.
        commands: arguments of `seqgen`, in which FOLDER stands for a copy of the folder and FILE
            for the damaged file in it; or functions that read that file.
        files: the files that may be damaged, relative to the folder.
    """

    name: str
    folder: Path
    commands: tuple[Command, ...]
    files: tuple[str, ...]


def examples(folder: Path, *, quick: bool = False) -> list[Example]:
    """Make the examples: recipes, runs, data in every format, samples of other programs.

    ``quick`` leaves out what needs a judge, whose training takes most of the time.
    """
    rows = small_lines()
    (folder / "lines.txt").write_text("".join(f"{row['text']}\n" for row in rows))
    text = folder / "labelled.jsonl"
    _objects(text, rows)
    runs = {name: _new(folder / "runs") / name for name in RUNS}
    return [
        _recipes(_new(folder / "recipes")),
        *(_run(run, text, quick) for run in runs.values()),
        *(_data(root) for root in _formats(folder / "data")),
        *_direct(folder / "direct"),
        *([] if quick else _measured(runs.values(), folder / "samples")),
    ]


def _new(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _files(folder: Path, left_out: frozenset[str] = frozenset()) -> tuple[str, ...]:
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return tuple(str(path.relative_to(folder)) for path in found if path.suffix not in left_out)


# -- recipes and runs -----------------------------------------------------------------------------

RUNS = {"digits_rows": ".npy", "names_text": ".csv", "snippets_text": ".jsonl",
        "vowels_series": ".npz", "spoken_digits_mel": "", "mnist_vae": ".npy"}  # fmt: skip
"""Recipes that are trained, and the ending of their samples; a folder has none."""


def _recipes(folder: Path) -> Example:
    for name, path in recipe_files.bundled().items():
        shutil.copy(path, folder / f"{name}.yaml")
    return Example("recipes", folder, (("recipes", "check", "FILE"),), _files(folder))


def _run(folder: Path, text: Path, quick: bool) -> Example:
    """A run of a few steps, which is sampled, resumed, inspected, measured and described."""
    name = folder.name
    changes = (*tiny(name), *(text_data(name, text) or SMALL_DATA))
    workflow.train(recipe_files.load(name, changes), out=folder)
    commands = [
        ("sample", "FOLDER", "--count", "2", "--out", f"FOLDER/out{RUNS[name]}"),
        ("train", "--resume", "FOLDER", "train.steps=6"),
        ("inspect", "FOLDER", "--out", "FOLDER/inspect.png"),
    ]
    if not quick:
        measure = ("--samples", "60", "--sets", "1", "--no-gan-train")
        outcome = seqgen(("evaluate", str(folder), *measure))
        assert outcome.code == 0, outcome.said
        commands.append(("evaluate", "FOLDER", *measure))
        commands.append(("report", "FOLDER", "--out", "FOLDER/pages", "--no-gan-train"))
    return Example(f"run of {name}", folder, tuple(commands), _files(folder, NOT_READ))


def _measured(runs: Iterable[Path], folder: Path) -> list[Example]:
    return [_samples(run, _new(folder / run.name)) for run in runs]


def _samples(run: Path, folder: Path) -> Example:
    """Samples as another program might write them, measured on the data of a run."""
    shutil.copy(run / "recipe.yaml", folder)
    theirs = folder / f"theirs{RUNS[run.name]}"
    outcome = seqgen(("sample", str(run), "--count", "40", "--out", str(theirs)))
    assert outcome.code == 0, outcome.said
    recipe = ("--recipe", str(run / "recipe.yaml"), "--sets", "1", "--no-gan-train")
    commands = (("evaluate", "--samples", f"FOLDER/{theirs.name}", *recipe),)
    return Example(f"samples of {run.name}", folder, commands, _files(folder, NOT_READ))


# -- data -----------------------------------------------------------------------------------------


def _data(root: Path) -> Example:
    """Data, with the recipe that `init` writes for them."""
    folder = root.parent
    (folder / "recipe.yaml").write_text(beginning.look_at(root).recipe(folder / "recipe.yaml"))
    moved = f"FOLDER/{root.name}"
    show = ("data", "show", "FOLDER/recipe.yaml", f"data.root={moved}")
    commands = (
        ("init", moved, "--out", "FOLDER/new.yaml"),
        show,
        (*show, "--sheet", "FOLDER/sheet.png"),
    )
    return Example(f"data {folder.name}", folder, commands, _files(folder))


def _formats(folder: Path) -> list[Path]:
    """Write tiny data of every installed kind, and of the bundled ones in their formats."""
    kinds = plugins.kinds().items()
    found = [kind.tiny(_new(folder / f"of kind {name}")) for name, kind in kinds]
    found += [_pictures(_new(folder / form), form) for form in PICTURES]
    found += [_sounds(_new(folder / form), form) for form in ("wav", "flac")]
    for form, write in TABLES.items():
        found.append(_new(folder / form) / f"rows.{form}")
        write(found[-1], small_lines(60))
        if form in ("csv", "jsonl"):
            found.append(_manifest(_new(folder / f"manifest {form}"), form))
    found.append(write_small_series(_new(folder / "npz") / "series.npz"))
    with np.load(found[-1]) as arrays:
        found.append(_new(folder / "npy") / "series.npy")
        np.save(found[-1], arrays["x"])
    found.append(_new(folder / "ts") / "series.ts")
    lines = [f"{n},{n + 1},2.5:0.1,0.2,{n}:{'ab'[n % 2]}" for n in range(20)]
    found[-1].write_text("\n".join((TS_HEADER, *lines, "")))
    return found


PICTURES = ("png", "jpeg", "gif", "bmp", "tiff", "webp", "ppm")

TS_HEADER = """@problemName small
@timeStamps false
@missing false
@univariate false
@dimensions 2
@equalLength true
@seriesLength 3
@classLabel true a b
@data"""


def _pictures(folder: Path, form: str) -> Path:
    for number in range(16):
        label = _new(folder / "pictures" / "ab"[number % 2])
        pixels = np.random.default_rng(number).integers(0, 255, (8, 8, 3), np.uint8)
        Image.fromarray(pixels).save(label / f"{number}.{form}")
    return folder / "pictures"


def _sounds(folder: Path, form: str) -> Path:
    for number in range(16):
        label = _new(folder / "sounds" / "ab"[number % 2])
        clip = 0.5 * np.sin(np.arange(900 + 40 * number) * 0.3)
        write_clip(label / f"{number}.{form}", clip.astype(np.float32), 8000)
    return folder / "sounds"


def _manifest(folder: Path, form: str) -> Path:
    sounds = _sounds(folder, "wav")
    rows = [
        {"path": f"sounds/{path.parent.name}/{path.name}", "label": path.parent.name}
        for path in sorted(sounds.rglob("*.wav"))
    ]
    TABLES[form](folder / f"manifest.{form}", rows)
    return folder / f"manifest.{form}"


def _table(path: Path, rows: list[dict[str, str]]) -> None:
    comma = "\t" if path.suffix == ".tsv" else ","
    lines = [comma.join(row.values()) for row in (dict(zip(rows[0], rows[0], strict=True)), *rows)]
    path.write_text("\n".join(lines) + "\n")


def _objects(path: Path, rows: list[dict[str, str]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _lines(path: Path, rows: list[dict[str, str]]) -> None:
    path.write_text("".join(f"{row['text']}\n" for row in rows))


def _parquet(path: Path, rows: list[dict[str, str]]) -> None:
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)


TABLES: dict[str, Any] = {"csv": _table, "tsv": _table, "jsonl": _objects, "txt": _lines,
                          "parquet": _parquet}  # fmt: skip


# -- what is read behind a checksum or by a package client ----------------------------------------


def _direct(folder: Path) -> list[Example]:
    _new(folder)
    write_idx(_new(folder / "idx") / "images", np.zeros((5, 4, 4)))
    with gzip.open(_new(folder / "gzip") / "images.gz", "wb") as packed:
        packed.write((folder / "idx/images").read_bytes())
    with tarfile.open(_new(folder / "archive") / "p.tgz", "w:gz") as archive:
        archive.add(folder / "idx" / "images", "d/images")
    weights = {"bo": np.zeros(3), "wo": np.zeros((2, 3))}
    np.savez(_new(folder / "oracle") / ORACLE_FILE, **weights)

    def unpacked(path: Path) -> None:
        for _ in checked(path, "0" * 64):
            pass

    readers: dict[str, Command] = {
        "idx": read_idx,
        "gzip": unpacked,
        "archive": lambda path: extract(path, "d"),
        "oracle": lambda path: published_oracle(path.parent),
    }
    return [
        Example(name, folder / name, (read,), _files(folder / name))
        for name, read in readers.items()
    ]
