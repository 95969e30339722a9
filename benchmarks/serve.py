"""Digits a second of `seqgen serve`, at one client and at many.

    python benchmarks/serve.py [--clients 50] [--seconds 10] [--window 0.004]

The server is a process of its own with the run `mnist_rows`. Each client has one connection and
asks for one digit at a time, as JSON (28 x 28 numbers, about 9 kB), with a label and a seed of its
own each time; it asks again when it has its answer. The clients share a process and a thread, and
read no more of an answer than its status and length. With both processes on one core
(`taskset -c 1`), the clients' time is the server's loss.

A single client waits for the window of every request (4 ms), in which nobody joins it;
`--window 0` shows what the window gains and costs.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import statistics
import subprocess
import sys
import time
from pathlib import Path

RUN = "mnist_rows"


class Client(asyncio.Protocol):
    """One connection: asks, waits for the answer, asks again."""

    def __init__(self, seeds: itertools.count[int], until: float) -> None:
        self.seeds, self.until = seeds, until
        self.seconds: list[float] = []
        self.errors = 0
        self.done = asyncio.get_running_loop().create_future()
        self._head, self._left = b"", 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._ask()

    def _ask(self) -> None:
        self._began = time.perf_counter()
        if self._began >= self.until:
            self.transport.close()
            return
        seed = next(self.seeds)
        place = f"/sample?run={RUN}&label={seed % 10}&seed={seed}"
        self.transport.write(f"GET {place} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())

    def data_received(self, data: bytes) -> None:
        if not self._left:
            self._head += data
            head, end, body = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            lower = head.lower()
            length = int(lower.partition(b"content-length:")[2].split(b"\r\n")[0])
            self.errors += not lower.startswith(b"http/1.1 200")
            self._head, self._left = b"", length - len(body)
        else:
            self._left -= len(data)
        if not self._left:
            self.seconds.append(time.perf_counter() - self._began)
            self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        self.errors += error is not None or time.perf_counter() < self.until
        self.done.set_result(None)


async def load(
    port: int, clients: int, seconds: float, seeds: itertools.count[int]
) -> list[Client]:
    """Let so many clients ask for so long."""
    loop = asyncio.get_running_loop()
    until = time.perf_counter() + seconds
    found = [
        (await loop.create_connection(lambda: Client(seeds, until), "127.0.0.1", port))[1]
        for _ in range(clients)
    ]
    await asyncio.gather(*(client.done for client in found))
    return found


def memory(process: int) -> float:
    """Return the resident memory of a process, in megabytes."""
    text = Path(f"/proc/{process}/status").read_text("utf-8")
    return int(text.partition("VmRSS:")[2].split()[0]) / 1000


def measured(server: subprocess.Popen[str], port: int, clients: int, seconds: float,
             seeds: itertools.count[int]) -> float:  # fmt: skip
    """Measure, print a line, and return digits a second."""
    before = memory(server.pid)
    found = asyncio.run(load(port, clients, seconds, seeds))
    waited = sorted(one for client in found for one in client.seconds)
    rate = len(waited) / seconds
    errors = sum(client.errors for client in found)
    print(
        f"{clients:3} clients  {rate:7.1f} digits (requests) a second  "
        f"median {1000 * statistics.median(waited):6.1f} ms  "
        f"95 % {1000 * waited[int(0.95 * len(waited))]:6.1f} ms  {errors} errors  "
        f"memory {before:.1f} to {memory(server.pid):.1f} MB"
    )
    return rate


def serve(window: float) -> None:
    """Serve, and print the port."""
    from seqgan_kit.serving.app import make_app
    from seqgan_kit.serving.served import gathered
    from seqgan_kit.serving.server import listening, serve
    from seqgan_kit.training.runtime import choose_device

    with listening("127.0.0.1", 0) as on:
        runs = gathered([Path(RUN)], device=choose_device("auto"), window=window)
        print(on.getsockname()[1], flush=True)
        serve(make_app(runs), on, until=sys.stdin.read)


def main() -> None:
    """Start the server and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--window", type=float, default=0.004, help="seconds")
    parser.add_argument("--server", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.server:
        serve(asked.window)
        return
    command = [sys.executable, __file__, "--server", "--window", str(asked.window)]
    seeds = itertools.count()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        for clients in (1, asked.clients):
            asyncio.run(load(port, clients, 2.0, seeds))  # Everything has been loaded once.
        print(f"window {1000 * asked.window:g} ms, {asked.seconds:g} s each")
        one = measured(server, port, 1, asked.seconds, seeds)
        many = [measured(server, port, asked.clients, asked.seconds, seeds) for _ in range(2)]
        print(f"{asked.clients} clients against 1: {statistics.mean(many) / one:.1f} times")


if __name__ == "__main__":
    main()
