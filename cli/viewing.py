"""The page of `seqgen train --view`: a server beside the training, which ends with it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from .console import say
from .serve import has_display

PATIENCE = 5.0
"""Seconds for which the server may take to end."""


class Viewer:
    """A context manager with a server for the run that is trained in it.

    It is a process of its own, so that it takes nothing from the training but some time of
    another core; in a session of its own, so that Ctrl-C reaches the training alone; and it ends
    when its standard input does, even if the training is killed.

    Raises:
        ModuleNotFoundError: a package of the extra is not installed.
    """

    def __init__(self) -> None:
        from seqgan_kit.serving import require_serving

        require_serving()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Viewer:
        return self

    def begun(self, run: Path) -> None:
        """Start the server, and say where the page is."""
        port = _free_port()
        command = [
            sys.executable, "-m", "seqgen_cli", "serve", str(run.absolute()), "--watch",
            "--port", str(port), "--open" if has_display() else "--no-open", "--device", "cpu",
        ]  # fmt: skip
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        environment.pop("SEQGAN_TOKEN", None)
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            say(f"there is no page to view: {error}")
            return
        say(f"view it in a moment: http://127.0.0.1:{port}/?view=training")

    def __exit__(self, *stopped_by: object) -> None:
        process, self._process = self._process, None
        if process is None or process.stdin is None:
            return
        process.stdin.close()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        port: int = made.getsockname()[1]
        return port
