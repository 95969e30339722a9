"""Encoded training sequences, and batches that group sequences of a class."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from ..batch import Batch
from ..kind import Codec
from .dataset import DataError, Part

CHUNK = 4096


@runtime_checkable
class Batches(Protocol):
    """An endless stream of batches that can resume at any position."""

    drawn: int

    def next(self) -> Batch: ...


class SequenceStore:
    """An encoded part of a data set: on the device if it fits, else memory-mapped.

    Args:
        part: raw items and labels.
        codec: encodes the items, once.
        device: device of the batches.
        budget: bytes that the sequences may take on the device.
        scratch: folder for the memory-mapped file of a larger part; the open file has no name,
            so nothing is left behind even if the process is killed.
    """

    def __init__(
        self, part: Part, codec: Codec, device: torch.device, budget: int, scratch: Path
    ) -> None:
        if not len(part):
            raise DataError("cannot encode an empty part of a data set")
        self.device = device
        self.label_NA = torch.from_numpy(part.label_NA)
        first, mask_BT = codec.encode(part.items[:1])
        size = len(part) * first[0].numel() * first.element_size()
        self.on_device = size <= budget
        if self.on_device:
            self.x = first.new_empty(len(part), *first.shape[1:])
        else:
            self.x = self._mapped(scratch, first, len(part), size)
        self.mask_NT = mask_BT.new_empty(len(part), mask_BT.shape[1])
        for start in range(0, len(part), CHUNK):
            chunk = slice(start, start + CHUNK)
            self.x[chunk], self.mask_NT[chunk] = codec.encode(part.items[chunk])
        if self.on_device:
            self.x = self.x.to(device)
            self.mask_NT = self.mask_NT.to(device)
            self.label_NA = self.label_NA.to(device)

    @staticmethod
    def _mapped(scratch: Path, like: Tensor, count: int, size: int) -> Tensor:
        scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=scratch) as file:
            # Reserve the space now: a full disk raises an error here, but would kill the process
            # when a mapped page is written.
            os.posix_fallocate(file.fileno(), 0, size)
            dtype = like.numpy().dtype
            shape = (count, *like.shape[1:])
            return torch.from_numpy(np.memmap(file, dtype=dtype, mode="r+", shape=shape))

    def __len__(self) -> int:
        return len(self.label_NA)

    def batch(self, index_B: Int[Tensor, " B"]) -> Batch:
        """Return the sequences at these indices, given on the device of the stored sequences."""
        return Batch(
            self.x[index_B].to(self.device),
            self.mask_NT[index_B].to(self.device),
            self.label_NA[index_B].to(self.device),
        )


def share_of(batch_size: int, group: int, rank: int, world: int) -> slice:
    """Return the part of a batch that a process takes.

    Raises:
        DataError: groups and processes do not divide the batch.
    """
    if batch_size % (group * world):
        raise DataError(
            f"a batch of {batch_size} cannot be divided into groups of {group} for {world} "
            f"processes: choose a multiple of {group * world}"
        )
    return slice(rank * batch_size // world, (rank + 1) * batch_size // world)


def in_groups(
    joint_N: Int[np.ndarray, " N"], group: int, generator: np.random.Generator
) -> Int[np.ndarray, "M G"]:
    """Return the indices of items in groups that share a class, shuffled.

    Members that do not fill a group are left out. A class smaller than a group repeats its
    members.

    Args:
        joint_N: the class of each item.
        group: members of a group.
        generator: shuffles.
    """
    order_N = generator.permutation(len(joint_N))
    order_N = order_N[np.argsort(joint_N[order_N], kind="stable")]
    joint_N = joint_N[order_N]
    start_of_class_N = np.searchsorted(joint_N, joint_N)
    place_N = np.arange(len(order_N)) - start_of_class_N
    size_N = np.searchsorted(joint_N, joint_N, side="right") - start_of_class_N
    groups = order_N[place_N < size_N // group * group].reshape(-1, group)
    if small := np.unique(joint_N[size_N < group]).tolist():
        repeated = [np.resize(order_N[joint_N == number], group)[None] for number in small]
        groups = np.concatenate([groups, *repeated])
    return generator.permutation(groups)


class GroupedBatches:
    """An endless stream of batches in which each group of consecutive sequences shares a class.

    A pass shuffles the members of each class, cuts them into groups and shuffles the groups.
    Members that do not fill a group are left out of the pass; the next shuffle leaves out
    others. A class smaller than a group repeats its members. The stream depends only on the seed
    and the number of batches drawn, so that a resumed run continues with the same batches, and
    each process of a distributed run takes its share of the same batch.

    Args:
        store: the encoded part.
        batch_size: sequences per batch, over all processes.
        class_NA: labels that members of a group share; by default those of the store.
        group: members of a group; 1 is plain shuffling.
        seed: seed of the order.
        rank: index of this process.
        world: number of processes.

    Raises:
        DataError: the batch size is not divisible by groups and processes, or exceeds the data.
    """

    def __init__(
        self,
        store: SequenceStore,
        *,
        batch_size: int,
        class_NA: Int[np.ndarray, "N A"] | None = None,
        group: int = 1,
        seed: int = 0,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.local = share_of(batch_size, group, rank, world)
        self.store = store
        self.group = group
        self.groups = batch_size // group
        self.seed = seed
        class_NA = store.label_NA.cpu().numpy() if class_NA is None else class_NA
        self._joint_N = np.unique(class_NA, axis=0, return_inverse=True)[1].ravel()
        self.passes = self._groups_of(np.random.default_rng(seed)).shape[0] // self.groups
        if not self.passes:
            raise DataError(
                f"a batch of {batch_size} is too large for {len(store)} training items: "
                "choose a smaller train.batch_size"
            )
        self.drawn = 0
        self._order: tuple[int, Tensor] | None = None

    def _groups_of(self, generator: np.random.Generator) -> np.ndarray:
        return in_groups(self._joint_N, self.group, generator)

    def _pass(self, number: int) -> Tensor:
        if self._order is None or self._order[0] != number:
            groups = self._groups_of(np.random.default_rng((self.seed, number)))
            order = torch.from_numpy(groups.reshape(-1)).to(self.store.x.device)
            self._order = (number, order)
        return self._order[1]

    def next(self) -> Batch:
        """Return this process's share of the next batch."""
        number, place = divmod(self.drawn, self.passes)
        size = self.groups * self.group
        index_B = self._pass(number)[place * size : (place + 1) * size]
        self.drawn += 1
        return self.store.batch(index_B[self.local])
