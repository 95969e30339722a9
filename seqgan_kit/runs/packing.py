"""Runs as single files, to be shared.

A packed run is a zip archive with what sampling needs: recipe, labels and codec, the averaged
weights in half precision, figures, and a card in words. Nothing in it is executed, and what is
read of it is checked first.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ..errors import UsageError
from ..files import (
    FileProblem,
    read_json,
    read_tensors,
    write_file,
    write_json,
    write_sums,
    write_tensors,
)
from ..recipe import Recipe
from ..training.run import Run
from . import hub
from .data import kind_of
from .loading import folder_of, run_recipe
from .places import ENDING, unpack
from .privacy import told
from .sampler import Sampler

FIGURES, CARD = "figures.json", "README.md"
OF_A_MACHINE = ("training_seconds", "samples_per_second")
"""Figures that say nothing of the run."""

HUB_LICENCES = ("mit", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0")
"""Licences by their names on the hub, which refuses others."""

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The time of all members, so that the same run gives the same bytes."""


def pack(run: Run, target: Path, *, checkpoint: str | None = None) -> Path:
    """Write a run into one file.

    Args:
        run: the run.
        target: the file, which ends in ``.seqgen``.
        checkpoint: a step number; the best or else the newest if absent.

    Raises:
        UsageError: the file has another ending.
        RunError: no such checkpoint.
        FileProblem: it is damaged.
    """
    if target.suffix != ENDING:
        raise UsageError(f"{target}: the name of a packed run ends in {ENDING}")
    chosen, recipe = run.checkpoint(checkpoint), run_recipe(run)
    tensors = read_tensors(chosen / "networks.safetensors")
    average = {
        name: tensor.half() if tensor.is_floating_point() else tensor
        for name, tensor in tensors.items()
        if name.startswith("average/")
    }
    figures = _figures(run)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        step = folder / "checkpoints" / chosen.name
        step.mkdir(parents=True)
        write_tensors(step / "networks.safetensors", average)
        shutil.copy(chosen / "state.json", step)
        write_sums(step)
        if (run.path / "codec").is_dir():
            shutil.copytree(run.path / "codec", folder / "codec")
        # Commands and places are of the machine on which it was trained.
        write_json(folder / "run.json", {k: v for k, v in run.info.items() if k != "command"})
        content = recipe.model_dump(mode="json")
        content["data"]["root"] = _root(recipe)
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        (folder / "recipe.yaml").write_text(text, encoding="utf-8")
        write_json(folder / FIGURES, figures)
        told = card(run, recipe, chosen.name, figures, f"{recipe.name}{ENDING}")
        (folder / CARD).write_text(told, encoding="utf-8")
        with write_file(target) as draft, zipfile.ZipFile(draft, "w") as archive:
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    item = zipfile.ZipInfo(path.relative_to(folder).as_posix(), EPOCH)
                    item.compress_type = zipfile.ZIP_DEFLATED
                    archive.writestr(item, path.read_bytes())
    return target


def push(
    run: Run | Sampler,
    repository: str,
    *,
    checkpoint: str | None = None,
    private: bool = False,
    token: str | None = None,
    message: str | None = None,
) -> str:
    """Share a run on the Hugging Face hub, packed and with its card; return the page.

    Args:
        run: the run; or a sampler of it, whose checkpoint is taken.
        repository: ``user/name``, which is created if need be.
        checkpoint: a step number; the best or else the newest if absent.
        private: whether a new repository is private.
        token: to log in with (default: the user's login, or HF_TOKEN).
        message: of the commit.

    Raises:
        UsageError: the repository has a wrong name, is public where a private one is asked for,
            or has other files.
        HubProblem: the hub refuses, or cannot be reached.
        RunError: no such checkpoint.
        FileProblem: it is damaged.
    """
    if isinstance(run, Sampler):
        checkpoint = run.checkpoint
        run = Run(folder_of(run))
    recipe = run_recipe(run)
    step = run.checkpoint(checkpoint).name
    with tempfile.TemporaryDirectory() as scratch:
        packed = pack(run, Path(scratch) / f"{recipe.name}{ENDING}", checkpoint=checkpoint)
        place = f"hf://{repository.removeprefix('hf://')}"
        return hub.upload(
            packed,
            _front_matter(recipe) + card(run, recipe, step, _figures(run), place),
            repository,
            private=private,
            token=token,
            message=message or f"{recipe.name}, {step}",
        )


def _front_matter(recipe: Recipe) -> str:
    """Return what the hub reads at the head of a card."""
    source = kind_of(recipe).downloads.get(recipe.data.source)
    licence = "" if source is None else source.licence.lower().replace(" ", "-")
    matter = {
        "library_name": "seqgan_kit",
        "tags": ["seqgan_kit", kind_of(recipe).name, recipe.model.kind, recipe.objective.kind],
        **({"license": licence} if licence in HUB_LICENCES else {}),
    }
    return f"---\n{yaml.safe_dump(matter, sort_keys=False, allow_unicode=True)}---\n\n"


def _root(recipe: Recipe) -> str | None:
    """Return the place of the data without the folders of this machine."""
    root = recipe.data.root
    return Path(root).name if root is not None and recipe.data.own_root else None


def is_measured(run: Run) -> bool:
    """Whether there are figures for the card of a run."""
    return run.evaluation_path.exists() or (run.path / FIGURES).exists()


def _figures(run: Run) -> dict[str, Any]:
    """Return the figures that `seqgen evaluate` has left in the run, if any."""
    if not run.evaluation_path.exists() and (run.path / FIGURES).exists():
        # Of a run that was packed before.
        kept: dict[str, Any] = read_json(run.path / FIGURES)
        return kept
    try:
        read = read_json(run.evaluation_path)["figures"]
        return {
            name: [value["mean"], value["deviation"]]
            for name, value in read.items()
            if name not in OF_A_MACHINE
        }
    except (FileNotFoundError, FileProblem, LookupError, TypeError):
        return {}


def card(run: Run, recipe: Recipe, checkpoint: str, figures: Mapping[str, Any], place: str) -> str:
    """Return the card of a packed run, in Markdown; ``place`` is what commands call the run."""
    source = kind_of(recipe).downloads.get(recipe.data.source)
    licence = "not known to seqgan_kit" if source is None else f"{source.licence} ({source.home})"
    labels = "; ".join(
        f"{name}: {', '.join(classes[:12])}{', ...' if len(classes) > 12 else ''}"
        for name, classes in run.info["labels"].items()
    )
    measured = "\n".join(
        f"| {name} | {mean:.4g} | {'' if deviation is None else f'{deviation:.2g}'} |"
        for name, (mean, deviation) in figures.items()
    )
    table = f"| figure | mean | deviation |\n|---|---|---|\n{measured}\n" if figures else (
        "Not measured: `seqgen evaluate` has not been run before packing.\n"
    )  # fmt: skip
    guarantee = told(recipe, run.checkpoints()[-1])
    privacy = f"- Privacy: {guarantee}\n" if guarantee else ""
    return f"""# {recipe.name}

A generator of {kind_of(recipe).name}, trained with seqgan_kit {run.info.get("seqgan_kit", "")}
({run.info.get("created", "")}), seed {recipe.seed}, {checkpoint}. The weights are averaged, and in
half precision. `recipe.yaml` is the recipe with all of its settings.

- Data: {run.info["data"]["name"]}, {run.info["data"]["items"].get("training", "?")} training items
- Licence of the data: {licence}
- Labels: {labels}
{privacy}
## Figures

{table}
## Use

```bash
seqgen sample {place}
```
"""


def described(path: Path) -> dict[str, Any]:
    """Return what `seqgen runs list` shows of a packed run.

    Raises:
        PackProblem: it cannot be read.
    """
    run = Run(unpack(path))
    recipe = run_recipe(run)
    figures = json.loads((run.path / FIGURES).read_text("utf-8"))
    source = kind_of(recipe).downloads.get(recipe.data.source)
    return {
        "name": path.stem,
        "kind": kind_of(recipe).name,
        "recipe": recipe.name,
        "seed": recipe.seed,
        "trained": run.info.get("created", ""),
        "data": run.info["data"]["name"],
        "licence": "" if source is None else source.licence,
        "steps": int(run.checkpoint().name.removeprefix("step-")),
        "bytes": path.stat().st_size,
        "figures": {name: mean for name, (mean, _) in figures.items()},
    }
