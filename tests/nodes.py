"""Two nodes on one machine: network namespaces that a virtual link joins."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from .test_training import command, environment

LINK = "link0"
ADDRESS = "10.231.7."
PORT = 29400
"""Of the rendezvous: a namespace has all ports for itself."""

NODES = {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
"""Without this, a torchrun that has lost a node never tells the next one where to connect."""


def ip(*arguments: str) -> str:
    done = subprocess.run(("ip", *arguments), capture_output=True, text=True, check=True)
    return done.stdout


class Node:
    """A namespace with one end of the link."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.name = f"seqgen-{os.getpid()}-{number}"
        self.address = f"{ADDRESS}{number + 1}"

    def torchrun(
        self, *arguments: object, restarts: int = 0, hidden: Path | None = None
    ) -> subprocess.Popen[str]:
        """Start the process of this node, as a scheduler would; node 0 is the meeting place.

        What is in the folder ``hidden`` is not on this node.
        """
        launcher = (
            "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1",
            "--rdzv-backend=c10d", f"--rdzv-endpoint={ADDRESS}1:{PORT}", "--rdzv-id=test",
            # A node counts as dead after three missing signs of life, of one in five seconds.
            "--rdzv-conf=keep_alive_interval=2",
            f"--local-addr={self.address}", f"--max-restarts={restarts}", "-m", "seqgen_cli",
        )  # fmt: skip
        words = command(*arguments, launcher=launcher)
        if hidden is not None:
            # Inside `ip netns exec`, mounts are its own.
            words = ["sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"', str(hidden), *words]
        return subprocess.Popen(
            ("ip", "netns", "exec", self.name, *words), stderr=subprocess.PIPE, text=True,
            env={**environment(), **NODES, "GLOO_SOCKET_IFNAME": LINK},
        )  # fmt: skip

    def kill(self) -> None:
        """End all processes of the node at once, as a power cut does."""
        while found := ip("netns", "pids", self.name).split():
            for number in found:
                with suppress(ProcessLookupError):
                    os.kill(int(number), signal.SIGKILL)
            time.sleep(0.05)

    @property
    def etc(self) -> Path:
        """What ``ip netns exec`` lays over /etc."""
        return Path("/etc/netns") / self.name

    def write_names(self) -> None:
        """Give the node the name of its machine, by which torchrun knows that it is node 0."""
        self.etc.mkdir(parents=True)
        names = [f"{ADDRESS}{number + 1} node{number}" for number in (0, 1)]
        own = f"{self.address} {socket.gethostname()}"
        (self.etc / "hosts").write_text("\n".join(["127.0.0.1 localhost", own, *names, ""]))

    def link(self, state: str) -> None:
        """Cut the link (``down``) or mend it (``up``)."""
        ip("-n", self.name, "link", "set", LINK, state)


@contextmanager
def two_nodes() -> Iterator[tuple[Node, Node]]:
    """Make two nodes; skip the test where the system does not allow it."""
    if shutil.which("ip") is None:
        pytest.skip("there is no program `ip` (iproute2), which makes network namespaces")
    nodes = (Node(0), Node(1))
    made: list[Node] = []
    try:
        try:
            for node in nodes:
                ip("netns", "add", node.name)
                made.append(node)
            ip("link", "add", LINK, "netns", nodes[0].name, "type", "veth",
               "peer", "name", LINK, "netns", nodes[1].name)  # fmt: skip
            for node in nodes:
                ip("-n", node.name, "addr", "add", f"{node.address}/24", "dev", LINK)
                for device in ("lo", LINK):
                    ip("-n", node.name, "link", "set", device, "up")
                node.write_names()
                ip("netns", "exec", node.name, "true")
        except subprocess.CalledProcessError as error:
            why = " ".join(error.stderr.split())
            pytest.skip(f"no network namespaces without the rights for them ({why})")
        yield nodes
    finally:
        for node in made:
            node.kill()
            ip("netns", "del", node.name)
            shutil.rmtree(node.etc, ignore_errors=True)
            with suppress(OSError):  # Others may have theirs there.
                node.etc.parent.rmdir()
