"""Devices, precision and processes, on top of Lightning Fabric."""

from __future__ import annotations

import ctypes
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Literal

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.distributed import PrefixStore, Store  # type: ignore[attr-defined]

from ..errors import SeqganError, UsageError

Precision = Literal["auto", "float32", "bfloat16"]


M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Settings from glibc's malloc.h."""


NOTE = "seqgan_kit/run"
"""Key of the note for restarted processes, in the store of ``torchrun``."""


class ProcessLost(SeqganError, RuntimeError):
    """The error for a process of several that lost the connection to another."""


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


def _launched() -> bool:
    """Whether ``torchrun`` started this process as one of several."""
    return "TORCHELASTIC_RUN_ID" in os.environ and int(os.environ.get("WORLD_SIZE", "1")) > 1


def _join(device: torch.device) -> Store:
    """Join the other processes, and return the store of keys that belongs to ``torchrun``.

    Fabric would do this, too, but with the keys of the processes before a restart: they are still
    in the store (torch 2.11), so that the processes would wait at addresses where nobody is.
    """
    if device.type == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    rendezvous = torch.distributed.rendezvous("env://")  # type: ignore[attr-defined]
    store, rank, world = next(rendezvous)
    own = PrefixStore(f"restart-{os.environ['TORCHELASTIC_RESTART_COUNT']}", store)
    backend = "nccl" if device.type == "cuda" else "gloo"
    torch.distributed.init_process_group(backend, store=own, rank=rank, world_size=world)
    return store


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

    Args:
        device: a name for :func:`choose_device`. Under ``torchrun`` every process takes the GPU
            of its local rank.
        precision: ``"float32"`` (``"auto"`` is the same; on CUDA matrix products use TF32), or
            ``"bfloat16"`` for autocast; penalties stay in float32.
    """

    def __init__(self, *, device: str = "auto", precision: Precision = "auto") -> None:
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
        self._store = _join(chosen) if _launched() else None
        self.fabric.launch()
        self.device = self.fabric.device
        self.rank = self.fabric.global_rank
        self.world = self.fabric.world_size
        self.leader = self.rank == 0

    # -- restarts -------------------------------------------------------------------------------

    @property
    def restarted(self) -> bool:
        """Whether ``torchrun --max-restarts`` started these processes again after a loss."""
        return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0

    def remember(self, note: str) -> None:
        """Leave a note for processes that ``torchrun`` starts later in place of these."""
        if self._store is not None and self.leader:
            self._store.set(NOTE, note)

    def recall(self) -> str | None:
        """Return the note that the processes before these left, if they left one."""
        if self._store is None or not self.restarted or not self._store.check([NOTE]):
            return None
        return self._store.get(NOTE).decode()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Say in a sentence that another process was lost, whatever the transfer raises.

        Raises:
            ProcessLost: a transfer between processes failed.
        """
        try:
            yield
        except RuntimeError as error:
            if self.world == 1 or not _of_transfer(error):
                raise
            raise ProcessLost(
                f"process {self.rank} of {self.world}: the connection to another process was "
                "lost, which has failed or was killed; torchrun --max-restarts N would go on "
                "from the last checkpoint"
            ) from error

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

    def barrier(self) -> None:
        """Wait for all processes."""
        self.fabric.barrier()
