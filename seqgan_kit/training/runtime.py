"""Devices, precision and processes, in one place, on Lightning Fabric."""

from __future__ import annotations

import ctypes
import logging
import os
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Literal

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from ..errors import UsageError

Precision = Literal["auto", "float32", "bfloat16"]


M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Names of settings in glibc's malloc.h."""


class DeviceError(UsageError):
    """A device or precision that this machine does not have."""


def choose_device(name: str) -> torch.device:
    """The device of a name: ``auto`` (a CUDA GPU if there is one), ``cpu``, ``cuda``, ``cuda:1``.

    Raises:
        DeviceError: it is not there.
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
            f"the device {name!r} is not there: PyTorch finds no CUDA GPU; use --device cpu"
        )
    if (device.index or 0) >= cards:
        raise DeviceError(f"the device {name!r} is not there: there are {cards} CUDA GPUs")
    return torch.device("cuda", device.index or 0)


def keep_freed_memory() -> None:
    """Let the C library keep what is freed instead of handing it back to the system.

    A step frees and asks for the same large tensors again (the logits of a vocabulary are tens of
    megabytes). Handed back, every page of them is faulted in again, which costs a CPU with two
    threads as much time as the step itself. Nothing happens where there is no such setting.
    """
    try:
        library = ctypes.CDLL(None)
        library.mallopt(M_MMAP_THRESHOLD, 1 << 30)
        library.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
    except (AttributeError, OSError):
        return


class Runtime:
    """Where training runs: one process, or one of several under ``torchrun`` / ``fabric run``.

    Networks stay plain modules: gradients are averaged by one explicit all-reduce a turn instead
    of a wrapper whose hooks a game of two networks upsets.

    Args:
        device: a name for :func:`choose_device`. Under ``torchrun`` every process takes the GPU
            of its local rank.
        precision: ``"float32"`` (``"auto"`` is the same; on CUDA matrix products take TF32), or
            ``"bfloat16"`` for autocast; penalties stay in float32.
    """

    def __init__(self, *, device: str = "auto", precision: Precision = "auto") -> None:
        chosen = choose_device(device)
        if chosen.type == "cpu":
            keep_freed_memory()
        # It announces mixed precision, which the recipe has said already.
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
        self.fabric.launch()
        self.device = self.fabric.device
        self.rank = self.fabric.global_rank
        self.world = self.fabric.world_size
        self.leader = self.rank == 0

    def autocast(self) -> AbstractContextManager[None]:
        """The precision of forward passes."""
        return self.fabric.autocast()

    def share_weights(self, module: nn.Module) -> None:
        """Give every process the weights of the first."""
        if self.world > 1:
            for tensor in (*module.parameters(), *module.buffers()):
                torch.distributed.broadcast(tensor.data, src=0)

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace gradients by their mean over the processes, in one transfer."""
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
        """Mean of a tensor over the processes."""
        if self.world > 1:
            torch.distributed.all_reduce(values)
            values = values / self.world
        return values

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any process."""
        if self.world == 1:
            return flag
        return bool(self.mean(torch.tensor(float(flag), device=self.device)) > 0)

    def barrier(self) -> None:
        """Wait for all processes."""
        self.fabric.barrier()
