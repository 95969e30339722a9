"""How the processes that ``torchrun`` has started find each other, on one machine or several."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import torch
from torch.distributed import PrefixStore, Store  # type: ignore[attr-defined]

from .. import __version__
from ..errors import SeqganError, UsageError

PATIENCE = 300.0
"""Seconds that processes wait for each other: imports from a busy shared disk take minutes."""

LOOK = 0.05
"""Seconds between two looks at who has come."""


class ProcessLost(SeqganError, RuntimeError):
    """The error for a process of several that lost the connection to another."""


@dataclass(frozen=True)
class Word:
    """What a process says of itself to the others.

    Attributes:
        machine: where it runs.
        device: the type of device that it trains on.
        processes: how many of them its node has.
        version: of seqgan_kit.
        agent: a name of the ``torchrun`` that started it, the same after a restart; what stands
            before the dot, :func:`post_of`, is the same, too, for one that took its place.
        problem: why it cannot train; empty if it can.
    """

    machine: str
    device: str
    processes: int
    version: str
    agent: str
    problem: str = ""


def launched() -> bool:
    """Whether ``torchrun`` started this process as one of several."""
    return "TORCHELASTIC_RUN_ID" in os.environ and int(os.environ.get("WORLD_SIZE", "1")) > 1


class Joined(NamedTuple):
    """What all processes of a start have in common.

    Attributes:
        agents: the names of the ``torchrun`` that started them.
        store: a store with no keys of other starts.
    """

    agents: frozenset[str]
    store: Store


def join(device: torch.device) -> Joined:
    """Join the other processes.

    Fabric would do this, too, but with the keys of the processes before a restart: they may still
    be in the store (torch 2.11), so that the processes would wait at addresses where nobody is.

    Raises:
        UsageError: the processes cannot train together, or one of them cannot train.
        ProcessLost: another process has not come.
    """
    if device.type == "cuda":
        with excused():
            torch.cuda.set_device(_own_card(torch.cuda.device_count()))
    try:
        store, rank, world = _store()
        name, words = _meet(store, rank, world, _word(device.type))
        _refuse(words)
        backend = "nccl" if device.type == "cuda" else "gloo"
        own = PrefixStore(name, store)
        torch.distributed.init_process_group(backend, store=own, rank=rank, world_size=world)
    except torch.distributed.DistError as error:
        raise ProcessLost(
            f"not all of the {os.environ['WORLD_SIZE']} processes have come within "
            f"{PATIENCE:.0f} s, or one was lost: see what those on other machines have printed"
        ) from error
    return Joined(frozenset(word.agent for word in words), PrefixStore("joined", own))


def _own_card(cards: int) -> int:
    """Return the number of this process's GPU, of so many.

    Raises:
        UsageError: there are more processes than GPUs.
    """
    local, here = int(os.environ["LOCAL_RANK"]), os.environ["LOCAL_WORLD_SIZE"]
    if local >= cards:
        raise UsageError(
            f"torchrun has started {here} processes here, and PyTorch finds {cards} CUDA GPU(s): "
            f"give --nproc-per-node {cards}"
        )
    return local


@contextmanager
def excused() -> Iterator[None]:
    """Tell the other processes why this one fails before it has joined them.

    They would wait for it until their patience ends. Nothing inside may join them.
    """
    try:
        yield
    except (SeqganError, OSError) as error:
        if launched():
            # Of errors, the one that began it is worth knowing.
            with suppress(RuntimeError):
                _meet(*_store(), _word("", problem=str(error)))
        raise


def _store() -> tuple[Store, int, int]:
    """Connect to the store of ``torchrun``; return it, the rank and the number of processes."""
    found: tuple[Store, int, int] = next(
        torch.distributed.rendezvous(  # type: ignore[attr-defined]
            "env://", timeout=timedelta(seconds=PATIENCE)
        )
    )
    return found


def post_of(agent: str) -> str:
    """Return the post of a ``torchrun``: its job, machine and process number.

    In a container the process number is always 1: one that a scheduler begins anew under the same
    name has the same post, and so has one that a user begins anew.
    """
    return agent.partition(".")[0]


def _agent(machine: str) -> str:
    """Return the name of the ``torchrun`` that started this process.

    Stored beside the run: as a hash, because the names of machines are nobody's business.
    """
    post = (os.environ["TORCHELASTIC_RUN_ID"], machine, str(os.getppid()))
    parts = ("\n".join(post), "\n".join((*post, _since(os.getppid()))))
    return ".".join(hashlib.sha256(part.encode()).hexdigest()[:16] for part in parts)


def _since(process: int) -> str:
    """Return when a process began, as Linux counts; empty where the system does not say so."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text("utf-8", errors="replace")
    except OSError:
        return ""
    # Field 22 of proc(5). The second, in brackets, may have spaces.
    return stat.rpartition(")")[2].split()[19]


def _word(device: str, problem: str = "") -> Word:
    machine = socket.gethostname()
    here = int(os.environ["LOCAL_WORLD_SIZE"])
    return Word(machine, device, here, __version__, _agent(machine), problem)


def _meet(store: Store, rank: int, world: int, word: Word) -> tuple[str, list[Word]]:
    """Wait until all processes of this start have come.

    The store may still have the keys of earlier starts, and no number tells them apart: the
    ``torchrun`` of a node that was replaced counts its restarts anew. Therefore each process
    leaves a token that nobody had before, and the first answers to it with the name of this start.

    Returns:
        The name of this start, and what each process has said, by rank.

    Raises:
        torch.distributed.DistError: another process has not come.
    """
    own, said = uuid4().hex, json.dumps(asdict(word))
    if rank:
        store.set(f"seqgan_kit/token/{rank}", own)
        name = store.get(f"seqgan_kit/answer/{own}").decode()
        store.set(f"{name}/word/{rank}", said)
        words = store.get(f"{name}/words").decode()
        store.set(f"{name}/heard/{rank}", "")
    else:
        name = own
        words = json.dumps(_gathered(store, name, world, said))
        store.set(f"{name}/words", words)
        # The store may end with this process.
        store.wait([f"{name}/heard/{other}" for other in range(1, world)])
    return name, [Word(**json.loads(one)) for one in json.loads(words)]


def _gathered(store: Store, name: str, world: int, own: str) -> list[str]:
    """Answer to all that come, in the first process, and return what each has said."""
    said, answered = {0: own}, dict.fromkeys(range(world), "")
    deadline = time.monotonic() + PATIENCE
    while len(said) < world:
        for other in set(answered) - set(said):
            key = f"seqgan_kit/token/{other}"
            # The token may be an old one, of a process that is no more: a new one replaces it.
            if store.check([key]) and (token := store.get(key).decode()) != answered[other]:
                answered[other] = token
                store.set(f"seqgan_kit/answer/{token}", name)
            if store.check([f"{name}/word/{other}"]):
                said[other] = store.get(f"{name}/word/{other}").decode()
        if time.monotonic() >= deadline:
            raise torch.distributed.DistStoreError("a process has not come")
        time.sleep(LOOK)
    return [said[one] for one in range(world)]


def _refuse(words: Sequence[Word]) -> None:
    """Refuse processes that cannot train together.

    Raises:
        UsageError: one of them cannot train, or they are not alike.
    """
    first = words[0]
    for rank, one in enumerate(words):
        if one.problem:
            raise UsageError(f"process {rank} (on {one.machine}) has failed: {one.problem}")
    for rank, one in enumerate(words):
        who = f"process {rank} of {len(words)} (on {one.machine})"
        if one.version != first.version:
            raise UsageError(
                f"{who} has seqgan_kit {one.version}, and process 0 (on {first.machine}) "
                f"{first.version}: install the same version everywhere"
            )
        if one.device != first.device:
            raise UsageError(
                f"{who} would train on {one.device}, and process 0 (on {first.machine}) on "
                f"{first.device}: name a device that all machines have (--device)"
            )
        if one.processes != first.processes:
            raise UsageError(
                f"{who} is one of {one.processes} there, and process 0 one of {first.processes} "
                f"on {first.machine}: give the same --nproc-per-node everywhere"
            )
