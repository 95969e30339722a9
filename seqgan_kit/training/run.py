"""A run: the folder with everything from one training, and all that sampling needs.

.. code-block:: text

    runs/mnist_rows/
      run.json            format version, environment, labels, codec settings and data
      recipe.yaml         the resolved recipe
      codec/              what the codec learned from the training part, such as a tokenizer
      metrics.jsonl       one line for each time the losses were logged
      checkpoints/        step-00001000/ with networks.safetensors, optimizers.safetensors,
                          random.safetensors and state.json
      samples/            samples drawn during training
      evaluation.json     written by `seqgen evaluate`
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ..errors import UsageError
from ..files import FileProblem, read_json, write_bytes, write_json, write_text

FORMAT = 1


class RunError(UsageError):
    """The error for a run that cannot be created, opened or used; it says what to do."""


class Run:
    """An existing run folder.

    Args:
        path: the folder.

    Raises:
        RunError: the folder is not a run, or a newer seqgan_kit wrote it.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        try:
            self.info: dict[str, Any] = read_json(self.path / "run.json")
        except (FileNotFoundError, NotADirectoryError):
            raise RunError(
                f"there is no run folder at {self.path} (run.json is missing); "
                "`seqgen train RECIPE` creates one under runs/"
            ) from None
        except FileProblem as error:
            raise RunError(str(error)) from error
        found = self.info.get("format") if isinstance(self.info, dict) else None
        if not isinstance(found, int):
            raise RunError(f"{self.path / 'run.json'} is damaged: the format version is missing")
        missing = [key for key in ("labels", "codec", "data") if key not in self.info]
        if found <= FORMAT and missing:
            raise RunError(f"{self.path / 'run.json'} is damaged: missing {', '.join(missing)}")
        if found > FORMAT:
            raise RunError(
                f"{self.path} has run format {found}, but this seqgan_kit reads up to {FORMAT}: "
                "upgrade seqgan_kit (pip install --upgrade seqgan_kit)"
            )

    @property
    def recipe_path(self) -> Path:
        return self.path / "recipe.yaml"

    @property
    def metrics_path(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def samples(self) -> Path:
        return self.path / "samples"

    @property
    def evaluation_path(self) -> Path:
        return self.path / "evaluation.json"

    def codec_files(self) -> dict[str, bytes]:
        """Return the files of the codec, by name."""
        folder = self.path / "codec"
        found = sorted(folder.iterdir()) if folder.is_dir() else []
        return {path.name: path.read_bytes() for path in found if not path.name.startswith(".")}

    def checkpoints(self) -> list[Path]:
        """Return the complete checkpoints, oldest first."""
        folder = self.path / "checkpoints"
        return sorted(folder.glob("step-*")) if folder.is_dir() else []

    def best(self) -> tuple[Path, float] | None:
        """Return the checkpoint with the lowest score, and that score.

        ``None`` if the run does not keep its best checkpoint, or no longer does: its newest
        checkpoint then has no score.
        """
        scored = [(path, _score(path)) for path in self.checkpoints()]
        if not scored or scored[-1][1] is None:
            return None
        known = [(path, score) for path, score in scored if score is not None]
        return min(known, key=lambda pair: pair[1])

    def checkpoint(self, wanted: str | None = None) -> Path:
        """Return a checkpoint by step number, name or path; by default the best, or the latest.

        Raises:
            RunError: the run has no checkpoint, or not this one.
        """
        found = self.checkpoints()
        if not found:
            raise RunError(
                f"{self.path} has no checkpoint yet; train it with `seqgen train --resume "
                f"{self.path}`"
            )
        if wanted is None:
            best = self.best()
            return best[0] if best is not None else found[-1]
        for path in found:
            same_step = wanted.isdecimal() and int(path.name.removeprefix("step-")) == int(wanted)
            if same_step or wanted in (path.name, str(path)):
                return path
        have = ", ".join(str(int(path.name.removeprefix("step-"))) for path in found)
        raise RunError(f"{self.path} has no checkpoint {wanted!r}; its checkpoints: {have}")

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Lock the run, so that no other process can train it.

        Raises:
            RunError: another process is training it.
        """
        try:
            with FileLock(self.path / ".training.lock", timeout=0):
                yield
        except Timeout:
            raise RunError(
                f"{self.path} is being trained by another process: wait until it ends, or stop it"
            ) from None

    def save_checkpoint(self, step: int) -> Path:
        """Return the folder for the checkpoint of a step."""
        return self.path / "checkpoints" / f"step-{step:08d}"

    def prune(self, keep: int) -> None:
        """Remove old checkpoints and the leftovers of killed processes.

        The newest ``keep`` checkpoints and the best one stay.
        """
        best = self.best()
        for path in self.checkpoints()[:-keep]:
            if best is not None and path == best[0]:
                continue
            # Renamed first, so that a half-removed folder does not look like a checkpoint.
            doomed = path.with_name(f".{path.name}.old")
            path.replace(doomed)
        for leftover in (self.path / "checkpoints").glob(".step-*"):
            shutil.rmtree(leftover, ignore_errors=True)


def _score(checkpoint: Path) -> float | None:
    """Return the score of a checkpoint; one that is not finite counts as the worst."""
    try:
        score = read_json(checkpoint / "state.json")["score"]
        return None if score is None else (float(score) if math.isfinite(score) else math.inf)
    except (FileNotFoundError, FileProblem, KeyError, TypeError, ValueError):
        return None


def create_run(
    path: Path,
    recipe_text: str,
    info: Mapping[str, Any],
    codec_files: Mapping[str, bytes] | None = None,
) -> Run:
    """Create a run folder.

    Args:
        path: the folder; its parents are created.
        recipe_text: the resolved recipe.
        info: the content of ``run.json``, without the format version.
        codec_files: the files of the folder ``codec``, by name.
    """
    path.mkdir(parents=True, exist_ok=True)
    for name, content in (codec_files or {}).items():
        write_bytes(path / "codec" / name, content)
    write_text(path / "recipe.yaml", recipe_text)
    write_json(path / "run.json", {"format": FORMAT, **info})
    return Run(path)


def free_path(parent: Path, name: str) -> Path:
    """Create and return ``parent/name``, or ``name-2``, ``name-3``... if that exists."""
    parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        path = parent / (name if number == 1 else f"{name}-{number}")
        try:
            path.mkdir()
        except FileExistsError:
            number += 1
        else:
            return path


def remove_run(path: Path) -> None:
    """Remove the run that ``--force`` replaces.

    Raises:
        RunError: the folder is not a run, or the run is being trained.
    """
    if not path.exists():
        return
    if path.is_dir() and not any(path.iterdir()):
        path.rmdir()
        return
    with Run(path).hold():
        shutil.rmtree(path)
