"""Devices, precision and processes, on top of Lightning Fabric."""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Literal

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from ..errors import UsageError
from .apart import Fellows
from .joining import ProcessLost, excused, join, launched

Precision = Literal["auto", "float32", "bfloat16"]


M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Settings from glibc's malloc.h."""


class DeviceError(UsageError):
    """The error for a device or precision that this machine does not have."""


def choose_device(name: str) -> torch.device:
    """Return a device by name: ``auto`` (a CUDA GPU if there is one), ``cpu``, ``cuda``...

    Raises:
        DeviceError: the name is unknown, or the device is not available.
    """
    cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return torch.device("cuda", 0) if cards else torch.device("cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = torch.device("meta")
    if device.type == "cpu":
        return torch.device("cpu")
    if device.type != "cuda":
        raise DeviceError(f"unknown device {name!r}; choose auto, cpu, cuda or cuda:N")
    if not cards:
        raise DeviceError(
            f"device {name!r} is not available: PyTorch finds no CUDA GPU; use --device cpu"
        )
    if (device.index or 0) >= cards:
        raise DeviceError(f"device {name!r} is not available: PyTorch finds {cards} CUDA GPU(s)")
    return torch.device("cuda", device.index or 0)


def keep_freed_memory() -> None:
    """Let the C library keep freed memory instead of returning it to the system.

    Every step allocates the same large tensors again (the logits of a vocabulary take tens of
    megabytes). If their memory were returned, every page would have to be faulted in again, which
    on a CPU with two threads takes as long as the step itself. Without glibc this does nothing.
    """
    try:
        library = ctypes.CDLL(None)
        library.mallopt(M_MMAP_THRESHOLD, 1 << 30)
        library.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
    except (AttributeError, OSError):
        return


def _of_transfer(error: RuntimeError) -> bool:
    """Whether an error comes from a transfer between processes."""
    if isinstance(error, torch.distributed.DistError):
        return True
    # Gloo raises plain errors; each begins with the place in its source.
    return "gloo" in str(error).lower() or "ProcessGroup" in str(error)


class Runtime:
    """The process that trains: a single one, or one of several under ``torchrun``/``fabric run``.

    Networks stay plain modules: gradients are averaged by one explicit all-reduce per turn. The
    hooks of a wrapper module would not work with two networks that are trained in turns.

    Attributes:
        agents: names of the ``torchrun`` of all nodes, the same when these start processes again
            after a loss (see :class:`~seqgan_kit.training.joining.Word`); empty for a single
            process.

    Args:
        device: a name for :func:`choose_device`. Under ``torchrun`` every process takes the GPU
            of its local rank.
        precision: ``"float32"`` (``"auto"`` is the same; on CUDA matrix products use TF32), or
            ``"bfloat16"`` for autocast; penalties stay in float32.

    Raises:
        DeviceError: this machine does not have the device.
        UsageError: the processes cannot train together.
        ProcessLost: another process has not come.
    """

    def __init__(self, *, device: str = "auto", precision: Precision = "auto") -> None:
        with excused():
            chosen = choose_device(device)
        if chosen.type == "cpu":
            keep_freed_memory()
        # Fabric would announce mixed precision, which the recipe states already.
        logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
        local = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        world = int(os.environ.get("WORLD_SIZE", "1"))
        devices: int | list[int] = local
        if chosen.type == "cuda":
            torch.set_float32_matmul_precision("high")
            if local == 1 and world == 1:
                devices = [chosen.index]
        self.fabric = Fabric(
            accelerator="gpu" if chosen.type == "cuda" else "cpu",
            devices=devices,
            num_nodes=max(world // local, 1),
            strategy="ddp" if world > 1 else "auto",
            precision="bf16-mixed" if precision == "bfloat16" else "32-true",
        )
        joined = join(chosen) if launched() else None
        self.agents = joined.agents if joined is not None else frozenset[str]()
        self.fabric.launch()
        self.device = self.fabric.device
        self.rank = self.fabric.global_rank
        self.world = self.fabric.world_size
        self.leader = self.rank == 0
        self._fellows = None if joined is None else Fellows(joined.store, self.rank, self.world)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Train with the other processes, and part from them at the end.

        Raises:
            ProcessLost: a transfer between processes failed.
        """
        try:
            yield
            self._part()
        except BaseException as error:
            if self._fellows is not None:
                self._fellows.failed(error)
            if self.world == 1 or not isinstance(error, RuntimeError) or not _of_transfer(error):
                raise
            raise ProcessLost(
                f"process {self.rank} of {self.world}: the connection to another process was "
                "lost, which has failed or was killed; torchrun --max-restarts N would go on "
                "from the last checkpoint"
            ) from error

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Let each process work by itself, and wait at the end until all have done so.

        This is for work that may take one process longer than a transfer waits. There may be no
        transfers within.

        Raises:
            ProcessLost: another process has failed.
        """
        with nullcontext() if self._fellows is None else self._fellows.working():
            yield

    def _part(self) -> None:
        """Close the connections when all are done: a process that ends first would break them."""
        if self.agents:
            self.barrier()
            torch.distributed.destroy_process_group()

    # -- what processes do together -------------------------------------------------------------

    def autocast(self) -> AbstractContextManager[None]:
        """Return the context manager that sets the precision of forward passes."""
        return self.fabric.autocast()

    def share_weights(self, module: nn.Module) -> None:
        """Copy the weights of the first process to all others."""
        if self.world > 1:
            for tensor in (*module.parameters(), *module.buffers()):
                torch.distributed.broadcast(tensor.data, src=0)

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace gradients by their mean over all processes, in one transfer."""
        if self.world == 1:
            return
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        torch.distributed.all_reduce(flat)
        flat /= self.world
        parts = flat.split([gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean of a tensor over all processes."""
        if self.world > 1:
            torch.distributed.all_reduce(values)
            values = values / self.world
        return values

    def any(self, flag: bool) -> bool:
        """Return whether the flag is set in any process."""
        if self.world == 1:
            return flag
        return bool(self.mean(torch.tensor(float(flag), device=self.device)) > 0)

    def gather(self, tensor: Tensor) -> list[Tensor]:
        """Return a tensor of every process, by rank, on the host; shapes must be equal."""
        if self.world == 1:
            return [tensor]
        mine = tensor.to(self.device)
        parts = [torch.empty_like(mine) for _ in range(self.world)]
        torch.distributed.all_gather(parts, mine)
        return [part.cpu() for part in parts]

    def unlike(self, value: str) -> list[int]:
        """Return the processes that have another value than the first, by rank."""
        digest = torch.tensor(list(hashlib.sha256(value.encode()).digest()))
        first, *others = self.gather(digest)
        return [rank for rank, one in enumerate(others, 1) if not torch.equal(one, first)]

    def barrier(self) -> None:
        """Wait for all processes."""
        self.fabric.barrier()
