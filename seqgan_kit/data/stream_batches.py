"""Batches of a stream: shards shuffled in every pass, items shuffled within a window of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int

from ..batch import Batch
from .dataset import DataError
from .encoded_shards import EncodedShards
from .loader import in_groups, share_of
from .shard_arrays import Arrays


@dataclass(frozen=True)
class _Window:
    """Items that lie next to each other in the order of a pass.

    Attributes:
        key: the pass, and the number of the window in it.
        pieces: shards, and the range of items of each.
        end_P: where each piece ends in the window.
        order_N: the items of the window in the order of batches.
    """

    key: tuple[int, int]
    pieces: list[tuple[int, int, int]]
    end_P: Int[np.ndarray, " P"]
    order_N: Int[np.ndarray, " N"]


class StreamBatches:
    """An endless stream of batches from encoded shards; memory does not depend on their number.

    A pass permutes the shards, and takes their items one after the other in windows of about
    ``buffer`` items. A window is shuffled as a whole, with groups of a class next to each other,
    and cut into batches. A pass without groups has every item once, but for the last ones that do
    not fill a batch. With groups, a window has as many batches; members that fill no group are
    left out of it, and some others come twice for them.

    All of it follows from the seed and the number of batches drawn, so that a resumed run goes on
    with the same items. Every process takes its share of the same batch.

    Args:
        shards: the encoded shards, looked at.
        batch_size: sequences per batch, over all processes.
        buffer: items of a window, rounded down to batches.
        device: device of the batches.
        conditional: whether networks see the labels.
        group: members of a group that share a class.
        seed: seed of the order.
        rank: index of this process.
        world: number of processes.

    Raises:
        DataError: the batch size is not divisible by groups and processes, or exceeds the data.
    """

    def __init__(
        self,
        shards: EncodedShards,
        *,
        batch_size: int,
        buffer: int,
        device: torch.device,
        conditional: bool = True,
        group: int = 1,
        seed: int = 0,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self.local = share_of(batch_size, group, rank, world)
        self.shards, self.device, self.conditional = shards, device, conditional
        self.batch_size, self.group, self.seed = batch_size, group, seed
        self._count_S = shards.count_S
        self.passes = int(self._count_S.sum()) // batch_size
        if not self.passes:
            raise DataError(
                f"a batch of {batch_size} is too large for {int(self._count_S.sum())} training "
                "items: choose a smaller train.batch_size"
            )
        self.window = max(buffer // batch_size, 1)
        self.drawn = 0
        self._current: _Window | None = None
        self._open: dict[int, Arrays] = {}

    def next(self) -> Batch:
        """Return this process's share of the next batch."""
        number, place = divmod(self.drawn, self.passes)
        window = self._windowed(number, place // self.window)
        start = place % self.window * self.batch_size
        index_B = window.order_N[start : start + self.batch_size][self.local]
        self.drawn += 1
        return self._read(window, index_B)

    def _windowed(self, number: int, place: int) -> _Window:
        if self._current is None or self._current.key != (number, place):
            self._current = self._made(number, place)
        return self._current

    def _made(self, number: int, place: int) -> _Window:
        order_S = np.random.default_rng((self.seed, number)).permutation(len(self._count_S))
        end_S = self._count_S[order_S].cumsum()
        first = place * self.window * self.batch_size
        last = min((place + 1) * self.window, self.passes) * self.batch_size
        pieces = []
        for at in range(int(np.searchsorted(end_S, first, side="right")), len(order_S)):
            shard = int(order_S[at])
            start = int(end_S[at]) - int(self._count_S[shard])
            if start >= last:
                break
            if self._count_S[shard]:
                pieces.append((shard, max(first - start, 0), min(last, int(end_S[at])) - start))
        held = {shard for shard, _, _ in pieces}
        self._open = {shard: one for shard, one in self._open.items() if shard in held}
        for shard in held - self._open.keys():
            self._open[shard] = self.shards.open(shard)
        generator = np.random.default_rng((self.seed, number, place))
        count = last - first
        return _Window(
            (number, place),
            pieces,
            np.cumsum([stop - start for _, start, stop in pieces]),
            generator.permutation(count)
            if self.group == 1
            else self._grouped(pieces, count, generator),
        )

    def _grouped(
        self, pieces: list[tuple[int, int, int]], count: int, generator: np.random.Generator
    ) -> Int[np.ndarray, " N"]:
        labels = [self._open[shard].label[start:stop] for shard, start, stop in pieces]
        label_NA = np.concatenate(labels)
        if not self.conditional:
            label_NA = np.zeros_like(label_NA)
        joint_N = np.unique(label_NA, axis=0, return_inverse=True)[1].ravel()
        groups = in_groups(joint_N, self.group, generator)
        while groups.size < count:
            groups = np.concatenate([groups, in_groups(joint_N, self.group, generator)])
        return groups.ravel()[:count]

    def _read(self, window: _Window, index_B: Int[np.ndarray, " B"]) -> Batch:
        """Copy the items of a batch out of the maps."""
        piece_B = np.searchsorted(window.end_P, index_B, side="right")
        some = next(iter(self._open.values()))
        x_B = np.empty((len(index_B), *some.x.shape[1:]), some.x.dtype)
        length_B = np.empty(len(index_B), np.int64)
        label_BA = np.zeros((len(index_B), some.label.shape[1] if self.conditional else 1), int)
        for piece in np.unique(piece_B).tolist():
            shard, start, stop = window.pieces[piece]
            here_B = piece_B == piece
            row_P = index_B[here_B] - (int(window.end_P[piece]) - (stop - start)) + start
            arrays = self._open[shard]
            x_B[here_B] = arrays.x[row_P]
            length_B[here_B] = arrays.length[row_P]
            if self.conditional:
                label_BA[here_B] = arrays.label[row_P]
        steps = torch.arange(x_B.shape[1])
        x = torch.from_numpy(x_B)
        return Batch(
            (x.long() if x.dtype == torch.int32 else x).to(self.device),
            (steps < torch.from_numpy(length_B)[:, None]).to(self.device),
            torch.from_numpy(label_BA).to(self.device),
        )
