"""Networks that do not fit into memory are refused in words, before memory is taken.

Without this, a zero too many in a recipe ends in a process that the system kills, or that swaps
for hours.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from ..errors import SeqganError, UsageError
from ..files import FileProblem
from ..kind import Codec
from ..recipe import Recipe
from ..sections import ModelSection
from .sampler import CHUNK

FACTORIES = frozenset((torch.empty, torch.zeros, torch.ones, torch.randn, torch.rand))
"""What makes the weights of networks."""

BYTES = 4
"""Bytes of a number."""

TRAINED = 4
"""Copies of every weight while a network is trained: its gradient, and two moments of Adam."""

BATCHES = 2
"""Batches in memory at once, at least: real and generated sequences."""

SLACK = 16 << 20
"""Bytes that networks may take beyond their file: tensors that are not stored."""

KEYS_NAMED = 3


class TooLarge(UsageError):
    """Networks or batches that do not fit into memory."""


class _Counted(TorchFunctionMode):
    """Counts the bytes of new tensors before they are made."""

    def __init__(self, limit: int, refusal: Callable[[int], SeqganError]) -> None:
        super().__init__()
        self._limit, self._refusal, self._used = limit, refusal, 0

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func in FACTORIES:
            self._used += BYTES * _numbers(kwargs.get("size", args))
            if self._used > self._limit:
                raise self._refusal(self._used)
        return func(*args, **kwargs)


def _numbers(size: Any) -> int:
    """Return the product of a size, given as numbers or as one sequence of them."""
    sizes = size[0] if len(size) == 1 and not isinstance(size[0], int) else size
    return math.prod(int(one) for one in sizes)


@contextmanager
def room_to_train(recipe: Recipe, codec: Codec) -> Iterator[None]:
    """Refuse networks, made inside, that could not be trained in the memory of this machine.

    Raises:
        TooLarge: they, or a batch of sequences, need more; the message names the largest keys.
    """
    on_gpu = recipe.train.device != "cpu" and torch.cuda.is_available()
    free = available_memory()
    batch = BATCHES * recipe.train.batch_size * _sequence(codec)
    if batch > free and not on_gpu:
        raise TooLarge(
            f"a batch of {recipe.train.batch_size} sequences of {codec.steps:,} steps takes more "
            f"than {amount(batch)} of memory, and {amount(free)} are free: lower "
            "train.batch_size, or shorten the sequences"
        )
    copies = 1 if on_gpu else TRAINED

    def refusal(used: int) -> SeqganError:
        return TooLarge(
            f"training these networks takes more than {amount(used * copies)} of memory, and "
            f"{amount(free)} are free: lower {_largest(recipe.model)}"
        )

    with _Counted(free // copies, refusal):
        yield


@contextmanager
def room_to_load(checkpoint: Path, codec: Codec) -> Iterator[None]:
    """Refuse networks, made inside, that are larger than the checkpoint that has their weights.

    A damaged ``recipe.yaml`` or ``run.json`` can ask for anything.

    Raises:
        FileProblem: they are not those of the checkpoint.
        TooLarge: a batch of samples does not fit into memory.
    """
    file = checkpoint / "networks.safetensors"
    stored = file.stat().st_size if file.is_file() else 0

    def refusal(used: int) -> SeqganError:
        return FileProblem(
            f"{file} does not fit this recipe: it has {amount(stored)}, and the networks of the "
            f"recipe take more than {amount(used)}; recipe.yaml or run.json is not that of the "
            "training"
        )

    free = available_memory()
    if CHUNK * _sequence(codec) > free:
        raise TooLarge(
            f"{CHUNK} samples of {codec.steps:,} steps take more than "
            f"{amount(CHUNK * _sequence(codec))} of memory, and {amount(free)} are free"
        )
    with _Counted(stored + SLACK, refusal):
        yield


def _sequence(codec: Codec) -> int:
    """Return the bytes of a sequence as a network writes it; of tokens every probability."""
    return codec.steps * codec.group * codec.features * BYTES


def _largest(model: ModelSection) -> str:
    """Return the keys of a model with the largest numbers, in words."""
    found = sorted(_integers(model.model_dump(), "model"), key=lambda pair: -pair[1])
    named = [f"{key} ({number:,})" for key, number in found[:KEYS_NAMED]]
    return " or ".join(filter(None, (", ".join(named[:-1]), named[-1] if named else "model")))


def _integers(value: Any, key: str) -> Iterator[tuple[str, int]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _integers(inner, f"{key}.{name}")
    elif isinstance(value, list | tuple):
        for place, inner in enumerate(value):
            yield from _integers(inner, f"{key}.{place}")
    elif isinstance(value, int) and not isinstance(value, bool):
        yield key, value


def amount(size: int) -> str:
    """Return bytes in words.

    >>> amount(3_200_000_000), amount(5_000_000)
    ('3.2 GB', '5.0 MB')
    """
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def available_memory() -> int:
    """Return the bytes that this process can still take, as far as the system says."""
    found = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    found += [kilobytes << 10 for kilobytes in _table("/proc/meminfo", "MemAvailable")]
    limit, used = (_number(f"/sys/fs/cgroup/memory.{name}") for name in ("max", "current"))
    if limit is not None and used is not None:
        found.append(limit - used)
    try:
        import resource
    except ImportError:  # not on every system
        return min(found)
    space = resource.getrlimit(resource.RLIMIT_AS)[0]
    if space != resource.RLIM_INFINITY:
        found += [space - (taken << 10) for taken in _table("/proc/self/status", "VmSize")]
    return max(min(found), 0)


def _table(path: str, key: str) -> list[int]:
    """Return the number of a line ``key: number kB``, if there is one."""
    try:
        lines = Path(path).read_text("ascii", errors="replace").splitlines()
    except OSError:
        return []
    return [int(line.split()[1]) for line in lines if line.startswith(f"{key}:")][:1]


def _number(path: str) -> int | None:
    try:
        return int(Path(path).read_text("ascii"))
    except (OSError, ValueError):
        return None  # "max": no limit
