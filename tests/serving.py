"""`seqgen serve` as an application and as a process, and asking it."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import httpx
import torch

from seqgan_kit.serving import served

NAMES = ("digits_rows", "names_text", "vowels_series", "spoken_digits", "sines_series")
HERE = "http://127.0.0.1"
CPU = torch.device("cpu")

LABELS = {
    "digits_rows": ["7"],
    "names_text": ["language=dutch", "gender=female"],
    "vowels_series": ["speaker=3"],
    "spoken_digits": ["digit=7,speaker=theo"],
    "sines_series": [],
}


@cache
def packaged_runs():
    """Runs of every kind of data that come with the package."""
    return served.gathered([Path(name) for name in NAMES], device=CPU)


def asked(app, *queries, path="/sample", headers=None, base=HERE):
    async def all_of_them():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=base) as client:
            calls = (client.get(path, params=query, headers=headers) for query in queries)
            return await asyncio.gather(*calls)

    return outcome(all_of_them)


def outcome(coroutine):
    """Run a coroutine in a thread: the browser of other tests has the loop of this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(coroutine())).result()


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
