"""What tasks on other machines report, and how they are stopped: files in a shared folder.

Runs lie in a folder that all machines see anyway, so that nothing else has to connect them.
"""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..files import FileProblem, read_json, write_json, write_text
from ..runs.watch import Watch
from ..training.log import Report

FOLDER = ".tasks"
STOP = "stop"
OPEN = "open"

INTERVAL = 1.0
"""Seconds between two reports of a task, and between two looks whether it is to stop."""


@dataclass(frozen=True)
class Note:
    """What a task has reported.

    Attributes:
        progress: fraction that is done.
        said: in words.
    """

    progress: float = 0.0
    said: str = ""


class Board:
    """The files of tasks in ``folder``, from both sides.

    Args:
        folder: a folder that all workers see.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / FOLDER

    # The side that has given out the tasks.

    def open(self) -> None:
        """Begin, without what a killed process left."""
        self.close()
        write_text(self.folder / OPEN, "")

    def close(self) -> None:
        """Remove all files."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self) -> None:
        """Ask all tasks to save and stop."""
        write_text(self.folder / STOP, "")

    def note(self, number: int) -> Note | None:
        """Return what a task has reported; ``None`` if it has not begun."""
        try:
            read: Any = read_json(self._path(number))
            return Note(float(read["progress"]), str(read["said"]))
        except (FileNotFoundError, FileProblem, LookupError, TypeError, ValueError):
            return None

    # The side of a task.

    @property
    def seen(self) -> bool:
        """Whether this machine sees the folder."""
        return (self.folder / OPEN).exists()

    def watch(self, number: int) -> Watch:
        """Return the callbacks with which a task reports."""
        reporter = _Reporter(self._path(number), self.folder / STOP)
        return Watch(
            say=reporter.say,
            report=reporter.report,
            judge=reporter.judge,
            should_stop=reporter.should_stop,
        )

    def _path(self, number: int) -> Path:
        return self.folder / f"{number}.json"


class _Reporter:
    def __init__(self, path: Path, stop: Path) -> None:
        self._path, self._stop = path, stop
        self._note = Note()
        self._written = self._looked = 0.0
        self._stopping = False
        self._write(Note(0.0, "started"))

    def say(self, line: str) -> None:
        self._write(replace(self._note, said=line))

    def report(self, state: Report) -> None:
        self._now_and_then(Note(state.progress, f"step {state.step:,}"))

    def judge(self, done: int, total: int) -> None:
        self._now_and_then(replace(self._note, said=f"judge: {100 * done // total} %"))

    def should_stop(self) -> bool:
        now = time.monotonic()
        if not self._stopping and now - self._looked >= INTERVAL:
            self._looked, self._stopping = now, self._stop.exists()
        return self._stopping

    def _now_and_then(self, note: Note) -> None:
        if time.monotonic() - self._written >= INTERVAL:
            self._write(note)

    def _write(self, note: Note) -> None:
        self._note, self._written = note, time.monotonic()
        # Whoever gave out the tasks may have gone and taken the folder along.
        with suppress(FileNotFoundError):
            if self._path.parent.is_dir():
                write_json(self._path, {"progress": note.progress, "said": note.said})
