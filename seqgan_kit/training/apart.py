"""Work that each of several processes does by itself, for as long as it takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import torch
from torch.distributed import PrefixStore, Store  # type: ignore[attr-defined]

from .joining import ProcessLost

BEAT = 5.0
"""Seconds between two signs of life."""

SILENCE = 120.0
"""Seconds without a sign of life after which a process counts as lost."""

LOOK = 0.05
"""Seconds until the first look at those that still work; later looks are rarer."""


class Fellows:
    """The other processes of a training, as one sees them by the store that all share.

    A transfer between processes ends after a fixed time, which loading or encoding of data may
    exceed in one process, and not in another whose cache has them.

    Args:
        store: the store of this start.
        rank: the number of this process.
        world: how many there are.
        beat: seconds between two signs of life.
        silence: seconds without one after which a process counts as lost.
    """

    def __init__(
        self,
        store: Store,
        rank: int,
        world: int,
        *,
        beat: float = BEAT,
        silence: float = SILENCE,
    ) -> None:
        self._store, self._rank, self._world = store, rank, world
        self._beat, self._silence = beat, silence
        self._works = 0

    def failed(self, error: BaseException) -> None:
        """Tell the others why this process ends."""
        # Of errors, the one that began it is worth knowing.
        with suppress(RuntimeError):
            self._store.set(f"failed/{self._rank}", str(error) or type(error).__name__)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Work apart; then wait until all have done this work.

        Raises:
            ProcessLost: another process has failed.
            torch.distributed.DistError: another gives no sign of life.
        """
        self._works += 1
        place = PrefixStore(f"work/{self._works}", self._store)
        with self._beating(place):
            yield
        place.set(f"done/{self._rank}", "")
        self._wait(place)

    @contextmanager
    def _beating(self, place: Store) -> Iterator[None]:
        """Give signs of life in a thread."""
        over = threading.Event()

        def beat() -> None:
            # If the store is lost, the work itself will find that.
            with suppress(RuntimeError):
                while not over.wait(self._beat):
                    place.add(f"alive/{self._rank}", 1)

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _wait(self, place: Store) -> None:
        pause = LOOK
        # By one's own clock: those of machines differ.
        signs = dict.fromkeys(set(range(self._world)) - {self._rank}, (0, time.monotonic()))
        while True:
            for other, (count, since) in tuple(signs.items()):
                if place.check([f"done/{other}"]):
                    del signs[other]
                    continue
                if self._store.check([f"failed/{other}"]):
                    why = self._store.get(f"failed/{other}").decode()
                    raise ProcessLost(f"process {other} of {self._world} has failed: {why}")
                # Adding nothing reads a number, and does not wait for it.
                if (now := place.add(f"alive/{other}", 0)) != count:
                    signs[other] = now, time.monotonic()
                elif time.monotonic() - since > self._silence:
                    raise torch.distributed.DistStoreError(f"no sign of life of {other}")
            if not signs:
                return
            time.sleep(pause)
            pause = min(pause * 1.2, 1.0)
