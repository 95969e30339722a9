"""A run: the folder with everything from one training, and all that sampling needs.

.. code-block:: text

    runs/mnist_rows/
      run.json            format version, environment, labels, codec settings and data
      recipe.yaml         the resolved recipe
      codec/              what the codec learned from the training part, such as a tokenizer
      metrics.jsonl       one line for each time the losses were logged
      checkpoints/        step-00001000/ with networks.safetensors, optimizers.safetensors,
                          random.safetensors, state.json and SHA256SUMS
      samples/            samples drawn during training
      evaluation.json     written by `seqgen evaluate`
      audit.json          written by `seqgen audit`
"""

from __future__ import annotations

import math
import os
import re
import shlex
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ..errors import UsageError
from ..files import (
    DRAFT,
    FileProblem,
    clear_drafts,
    draft_folder,
    drafts_of,
    intact,
    publish_folder,
    put_back,
    read_json,
    write_bytes,
    write_json,
    write_text,
)
from .run_info import check_info

FORMAT = 1

OWN_FOLDERS = ("checkpoints", "samples", "codec")
"""Folders of a run, into which it writes."""

CHECKPOINT = re.compile("step-[0-9]{1,18}")
"""Names of whole checkpoints."""

HALF = {"recipe.yaml", "codec", ".training.lock", "tensorboard"}
"""What a run has before its ``run.json``."""


class RunError(UsageError):
    """The error for a run that cannot be created, opened or used; it says what to do."""


class RunHeld(RunError):
    """The error for a run that another process is training."""


class Run:
    """An existing run folder.

    Args:
        path: the folder.
        data_root: where its data are now, if they have moved.

    Raises:
        RunError: the folder is not a run, or a newer seqgan_kit wrote it.
    """

    def __init__(self, path: Path, *, data_root: str | None = None) -> None:
        self.path = Path(path)
        self.data_root = data_root
        put_back(self.path)
        if begun := half_run(self.path):
            raise RunError(f"{begun}; train it again with --force")
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
        if found > FORMAT:
            raise RunError(
                f"{self.path} has run format {found}, but this seqgan_kit reads up to {FORMAT}: "
                "upgrade seqgan_kit (pip install --upgrade seqgan_kit)"
            )
        try:
            check_info(self.info, self.path / "run.json")
        except FileProblem as error:
            raise RunError(str(error)) from error
        for name in OWN_FOLDERS:
            # What is written or removed there would be outside the run.
            if (self.path / name).is_symlink():
                raise RunError(
                    f"{self.path / name} is a symbolic link, which a run may not contain: move "
                    "the run as a whole, and link to it instead"
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

    @property
    def audit_path(self) -> Path:
        return self.path / "audit.json"

    def codec_files(self) -> dict[str, bytes]:
        """Return the files of the codec, by name."""
        folder = self.path / "codec"
        found = sorted(folder.iterdir()) if folder.is_dir() else []
        return {path.name: path.read_bytes() for path in found if not path.name.startswith(".")}

    def checkpoints(self) -> list[Path]:
        """Return the complete checkpoints, oldest first."""
        folder = self.path / "checkpoints"
        if not folder.is_dir():
            return []
        return sorted(path for path in folder.iterdir() if CHECKPOINT.fullmatch(path.name))

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
            self._check_scores(found)
            best = self.best()
            return best[0] if best is not None else found[-1]
        for path in found:
            step = path.name.removeprefix("step-")
            # As text, because a number of thousands of digits is not worth its conversion.
            same_step = wanted.isdecimal() and wanted.lstrip("0") == step.lstrip("0")
            if same_step or wanted in (path.name, str(path)):
                return path
        have = ", ".join(str(int(path.name.removeprefix("step-"))) for path in found)
        raise RunError(f"{self.path} has no checkpoint {wanted[:40]!r}; its checkpoints: {have}")

    def _check_scores(self, checkpoints: Sequence[Path]) -> None:
        """Refuse a damaged score, which would choose another checkpoint without a word.

        Raises:
            RunError: the message names the file, and what to do.
        """
        for path in checkpoints:
            try:
                if (path / "state.json").exists():
                    intact(path / "state.json")
            except FileProblem as error:
                raise RunError(
                    f"{error}: name another checkpoint (--checkpoint), or remove that folder"
                ) from error

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Lock the run, so that no other process can train it.

        Raises:
            RunHeld: another process is training it.
            RunError: another process has just replaced it.
        """
        # Of the folder, not of its name: a new run keeps its lock when it gets its name.
        before = self.path.stat()
        lock = FileLock(self.path / ".training.lock", timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise RunHeld(
                f"{self.path} is being trained by another process: wait until it ends, or stop it"
            ) from None
        try:
            if not os.path.samestat(before, self.path.stat()):
                raise RunError(f"{self.path} was replaced by another process just now")
            yield
        finally:
            lock.release()

    def publish(self, path: Path, *, replace: bool = False) -> None:
        """Give a new run its name, by one rename.

        Args:
            path: the name.
            replace: replace the run that has it, or what is left of one.

        Raises:
            RunError: the name is taken, or the run that has it is being trained.
        """
        put_back(path)
        replaced = replace and path.is_dir() and any(path.iterdir())
        try:
            with _held_old(path) if replaced else nullcontext():
                publish_folder(self.path, path, replace=replaced)
        except FileExistsError:
            raise RunError(taken(path)) from None
        self.path = path

    def clear_drafts(self) -> None:
        """Remove what killed processes left in a run that is held."""
        for folder in (self.path, *(self.path / name for name in OWN_FOLDERS)):
            clear_drafts(folder)

    def save_checkpoint(self, step: int) -> Path:
        """Return the folder for the checkpoint of a step."""
        return self.path / "checkpoints" / f"step-{step:08d}"

    def prune(self, keep: int) -> None:
        """Remove old checkpoints and the leftovers of killed processes.

        The newest ``keep`` checkpoints and the best one stay.
        """
        old = self.checkpoints()[:-keep]
        best = self.best() if old else None
        for path in old:
            if best is not None and path == best[0]:
                continue
            # Renamed first, so that a half-removed folder does not look like a checkpoint.
            doomed = path.with_name(f".{path.name}.old")
            path.replace(doomed)
        clear_drafts(self.path / "checkpoints")


def _score(checkpoint: Path) -> float | None:
    """Return the score of a checkpoint; one that is not finite counts as the worst.

    A checkpoint that is damaged has none.
    """
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
    """Create a run that is whole but hidden: a folder beside ``path`` with a name for drafts.

    :meth:`Run.publish` gives it its name. Whoever fails before that removes the folder.

    Args:
        path: the name that it will have; parent folders are created.
        recipe_text: the resolved recipe.
        info: the content of ``run.json``, without the format version.
        codec_files: the files of the folder ``codec``, by name.
    """
    _clear_dead_drafts(path)
    draft = draft_folder(path)
    try:
        for name, content in (codec_files or {}).items():
            write_bytes(draft / "codec" / name, content)
        write_text(draft / "recipe.yaml", recipe_text)
        write_json(draft / "run.json", {"format": FORMAT, **info})
        return Run(draft)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def remove_draft(run: Run) -> None:
    """Remove a run that never got its name."""
    if DRAFT.fullmatch(run.path.name):
        shutil.rmtree(run.path, ignore_errors=True)


def _clear_dead_drafts(path: Path) -> None:
    """Remove hidden runs that killed processes left beside ``path``."""
    for left in drafts_of(path):
        try:
            # One that is being made just now may not be locked yet.
            if time.time() - left.stat().st_mtime < 60:
                continue
            with Run(left).hold():
                shutil.rmtree(left, ignore_errors=True)
        except RunError:
            if half_run(left):
                shutil.rmtree(left, ignore_errors=True)
        except OSError:
            continue


def publish_free(run: Run, parent: Path, name: str) -> None:
    """Give a new run the first name that is free: ``name``, ``name-2``, ``name-3``..."""
    number = 1
    while True:
        path = parent / (name if number == 1 else f"{name}-{number}")
        try:
            if not path.exists():
                return run.publish(path)
        except RunError:
            pass  # Another process was faster.
        number += 1


def taken(path: Path) -> str:
    """Say that a path is not overwritten, and what to do; also of what is left of a run."""
    if begun := half_run(path):
        return f"{begun}; replace it with --force, or choose another --out"
    return (
        f"{path} exists and is not overwritten; choose another --out, continue it with "
        f"`seqgen train --resume {shlex.quote(str(path))}`, or replace it with --force"
    )


def half_run(path: Path) -> str | None:
    """Say that a folder has only the beginning of a run; ``None`` if that is not so.

    Version 0.1 wrote runs under their name file by file, so that a killed process could leave one
    without ``run.json``.
    """
    if not path.is_dir() or (path / "run.json").exists():
        return None
    names = {entry.name for entry in path.iterdir()}
    if not names or any(name not in HALF and not DRAFT.fullmatch(name) for name in names):
        return None
    return (
        f"{path} has only the beginning of a run ({', '.join(sorted(names))}), left by a training "
        "that was stopped before run.json was written"
    )


@contextmanager
def _held_old(path: Path) -> Iterator[None]:
    """Lock the run that is to be replaced; what is left of a run needs no lock."""
    if half_run(path):
        yield
        return
    with Run(path).hold():
        yield


def check_replaceable(path: Path) -> None:
    """Check that a path is a run, what is left of one, or an empty folder, and nothing else.

    Raises:
        RunError: it is something else, which ``--force`` never replaces.
    """
    if half_run(path) or (path.is_dir() and not any(path.iterdir())):
        return
    Run(path)
