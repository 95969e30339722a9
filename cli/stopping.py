"""What Ctrl-C and SIGTERM do: at most a word, and never a traceback."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

IMPORTING = "<frozen importlib._bootstrap"
"""Where the code of Python lies that imports modules."""

STOPPED = 130
"""Exit code of a command that Ctrl-C has stopped, as shells have it."""


def interrupt(number: int, frame: Any) -> None:
    """Stop the command: by an exception, or at once while a module is imported.

    An exception in the middle of an import is often caught there, and then told as if the module
    were missing or broken.
    """
    while isinstance(frame, FrameType):
        if frame.f_code.co_filename.startswith(IMPORTING):
            stop_at_once()
        frame = frame.f_back
    raise KeyboardInterrupt


def stop_at_once() -> None:
    """End the process without clean-up."""
    # Not through a Python stream: the signal may have interrupted one of its writes.
    os.write(2, b"stopped\n")
    os._exit(STOPPED)


def _unraisable(unraisable: Any, /) -> None:
    """Stop where an exception cannot be raised, as in a destructor."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        stop_at_once()
    sys.__unraisablehook__(unraisable)


@contextmanager
def stoppable() -> Iterator[None]:
    """Let Ctrl-C stop what is done inside, and what the process does after it, in this manner."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Only the main thread may ask for signals.
        return
    handler = signal.signal(signal.SIGINT, interrupt)
    hook, sys.unraisablehook = sys.unraisablehook, _unraisable
    try:
        yield
    finally:
        sys.unraisablehook = hook
        signal.signal(signal.SIGINT, handler)
