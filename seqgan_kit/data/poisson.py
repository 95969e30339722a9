"""Batches into which every unit of the data is drawn on its own, for training with privacy."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from ..batch import Batch, full_mask
from ..nn.noise import Noise
from .dataset import DataError
from .loader import SequenceStore


class PoissonBatches:
    """An endless stream of batches of units, each drawn with the same chance, whatever the others.

    Sizes vary, and a batch may be empty. The accountants of privacy hold for such batches, if
    nobody can tell who was drawn: the order has no seed, and a resumed run draws others.

    Args:
        store: the encoded part.
        batch_size: expected number of items.
        classes: number of classes of each attribute, for :meth:`blank`.
        unit_N: the unit of each item, such as its speaker; None: every item is one.
        unit_items: most items of a unit in a batch, drawn at random.

    Attributes:
        rate: the chance of each unit.
        expected: the expected number of units in a batch.
        units_of_last: unit of each item of the last batch, counted from 0, and how many there
            are; None where items are units.

    Raises:
        DataError: the batch size is more than all units together can give.
    """

    def __init__(
        self,
        store: SequenceStore,
        *,
        batch_size: int,
        classes: Sequence[int],
        unit_N: Int[np.ndarray, " N"] | None = None,
        unit_items: int = 1,
    ) -> None:
        self.store = store
        self.batch_size = batch_size
        self.classes = tuple(classes)
        self._members: list[Tensor] | None = None
        self._most = unit_items
        sizes = np.ones(len(store), int)
        if unit_N is not None:
            _, place_N = np.unique(unit_N, return_inverse=True)
            place_N = place_N.ravel()
            sizes = np.bincount(place_N)
            order_N = torch.from_numpy(place_N.argsort(kind="stable"))
            self._members = list(order_N.split(sizes.tolist()))
            sizes = sizes.clip(max=unit_items)
        self.units = len(sizes)
        if batch_size > sizes.sum():
            raise DataError(
                f"train.batch_size: {self.units} units give at most {sizes.sum()} items, not "
                f"{batch_size}; choose a smaller one"
            )
        self.rate = batch_size / int(sizes.sum())
        self.expected = self.rate * self.units
        self.units_of_last: tuple[Tensor | None, int] = (None, 0)
        self.drawn = 0
        self._generator = torch.Generator().manual_seed(secrets.randbits(63))

    def next(self) -> Batch:
        """Return the next batch."""
        self.drawn += 1
        chance_U = torch.rand(self.units, generator=self._generator, dtype=torch.float64)
        drawn_P = (chance_U < self.rate).nonzero().flatten()
        index_B, unit_B = drawn_P, None
        if self._members is not None:
            chosen = [self._some(self._members[place]) for place in drawn_P.tolist()]
            index_B = torch.cat([drawn_P[:0], *chosen])
            sizes = torch.tensor([len(some) for some in chosen], dtype=torch.long)
            unit_B = torch.arange(len(chosen)).repeat_interleave(sizes).to(self.store.device)
        self.units_of_last = (unit_B, len(drawn_P))
        return self.store.batch(index_B.to(self.store.x.device))

    def _some(self, members_N: Tensor) -> Tensor:
        order_N = torch.randperm(len(members_N), generator=self._generator)
        return members_N[order_N[: self._most]]

    def blank(self, noise: Noise) -> Batch:
        """Return a batch that says nothing of the data: zeros, with uniform labels.

        Args:
            noise: draws the labels.
        """
        store, count = self.store, self.batch_size
        x = torch.zeros((count, *store.x.shape[1:]), dtype=store.x.dtype, device=store.device)
        sizes_A = torch.tensor(self.classes, device=store.device)
        share_BA = noise.uniform(count, len(self.classes))
        label_BA = (share_BA * sizes_A).long().clamp(max=sizes_A - 1)
        return Batch(x, full_mask(count, store.mask_NT.shape[1], store.device), label_BA)
