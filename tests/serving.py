"""`seqgen serve` as a process, and asking it."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx


@contextmanager
def serving(*arguments, **environment):
    """Start the command on a free port; yield the process and the address that it prints."""
    process = subprocess.Popen(
        [sys.executable, "-m", "seqgen_cli", "serve", *map(str, arguments), "--port", "0"],
        stderr=subprocess.PIPE, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
    )  # fmt: skip
    with process.stderr:
        try:
            yield process, process.stderr.readline().strip()
        finally:
            process.kill()
            process.wait()


def stopped(process):
    """Press Ctrl-C; return the exit code."""
    process.send_signal(signal.SIGINT)
    return process.wait(20)


def status_of(address, headers=None):
    """Return the status of an answer; none if nobody answers."""
    try:
        return httpx.get(address, headers=headers, trust_env=False).status_code
    except httpx.TransportError:
        return None


def until(answers, seconds=60):
    """Wait until a function returns something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := answers():
            return found
        time.sleep(0.1)
    raise AssertionError("nothing came")
