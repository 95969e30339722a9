"""One command in a process of its own, and what was wrong with how it ended."""

from __future__ import annotations

import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from seqgen_cli.main import main

from seqgan_kit.errors import SeqganError
from seqgan_kit.files import SUMS, write_sums

Command = tuple[str, ...] | Callable[[Path], object]
"""Arguments of `seqgen`, or a function that reads a file."""

MOST_MEMORY = 4_000_000
"""Kilobytes."""

MOST_SECONDS = 60
LONGEST = 20_000
"""Characters that a command may say."""


@dataclass(frozen=True)
class Outcome:
    """How a command ended; a code below zero is a signal."""

    code: int
    said: str
    seconds: float
    memory: int

    def fault(self) -> str | None:
        """What a user should never meet, in a few words."""
        if self.seconds > MOST_SECONDS:
            return f"hang ({self.seconds:.0f} s)"
        if self.code < 0:
            return f"crash (signal {-self.code})"
        if "Traceback" in self.said:
            return "traceback"
        if self.code not in (0, 1, 2):
            return f"exit code {self.code}"
        if self.code and "rror: " not in self.said:
            return "no sentence"
        if len(self.said) > LONGEST:
            return f"{len(self.said):,} characters"
        return f"{self.memory / 1e6:.1f} GB" if self.memory > MOST_MEMORY else None


def seqgen(command: Command, file: Path = Path()) -> Outcome:
    """Run a command in a forked process, which shares what is imported here."""
    torch.set_num_threads(1)  # Forked processes cannot use the threads of their parent.
    with tempfile.TemporaryFile() as log:
        began = time.monotonic()
        child = os.fork()
        if not child:
            _end(command, file, log.fileno())
        while True:
            ended, status, usage = os.wait4(child, os.WNOHANG)
            seconds = time.monotonic() - began
            if ended:
                break
            if seconds > MOST_SECONDS:
                os.kill(child, signal.SIGKILL)
            time.sleep(0.005)
        log.seek(0)
        said = log.read().decode(errors="replace")
    return Outcome(os.waitstatus_to_exitcode(status), said, seconds, usage.ru_maxrss)


def _end(command: Command, file: Path, log: int) -> None:
    """Run a command, and end the process with its exit code."""
    code = 70
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        null = os.open(os.devnull, os.O_RDWR)
        for number, target in enumerate((null, log, log)):
            os.dup2(target, number)
        sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        if callable(command):
            command(file)
        else:
            sys.argv = ["seqgen", *command]
            main()
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 0
    except SeqganError as error:
        print(f"error: {error}", file=sys.stderr)
        code = error.exit_code
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def forgive(file: Path) -> None:
    """Make the checksums beside a file fit it, as if its writer had been wrong."""
    if file.name != SUMS and file.with_name(SUMS).exists():
        file.with_name(SUMS).unlink()
        write_sums(file.parent)
