"""Requests that arrive together are written together, by one thread for each run."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from ..errors import SeqganError
from ..labels import labels_between
from ..nn.noise import Latent
from ..nn.relaxation import PLAIN, Decoding
from ..runs.sampler import CHUNK, Sampler
from ..runs.steering import Steering
from .latents import Latents, joined

WINDOW = 0.004
"""Seconds for which the first request waits for others."""

MOST_WAITING = 256
"""Requests that may wait for one run."""


class Busy(SeqganError):
    """The error for a request that is turned away because too many wait."""


class Settings(NamedTuple):
    """How samples are written; requests with the same settings are written together."""

    decoding: Decoding = PLAIN
    guidance: float = 1.0
    steps: int | None = None


USUAL = Settings()


class Walks(NamedTuple):
    """Walks between two labels."""

    start_A: Int[np.ndarray, " A"]
    end_A: Int[np.ndarray, " A"]
    steps: int


@dataclass(frozen=True)
class Work:
    """What one request asks of a network.

    Attributes:
        label_LA: the labels; none for walks.
        count: samples of each label, or walks.
        seed: of the noise.
        noise_scale: factor of the noise.
        same_noise: whether all labels get the same noise.
        walks: the ends, if walks are asked for.
        settings: how they are written.
        answer: the sampler, the decoded samples, and their labels.
    """

    label_LA: Int[np.ndarray, "L A"]
    count: int
    seed: int = 0
    noise_scale: float = 1.0
    same_noise: bool = False
    walks: Walks | None = None
    settings: Settings = USUAL
    answer: Future[tuple[Sampler, Tensor, Int[np.ndarray, "N A"]]] = field(default_factory=Future)

    @property
    def rows(self) -> int:
        """How many samples that is."""
        return self.count * (len(self.label_LA) if self.walks is None else self.walks.steps)

    def drawn(self, sampler: Sampler, latents: Latents) -> tuple[Latent, Int[np.ndarray, "N A"]]:
        """Return latents and labels of all samples."""
        if self.walks is not None:
            start, end = latents.ends(self.count, self.seed)
            latent = start.scaled(self.noise_scale).towards(
                end.scaled(self.noise_scale), self.walks.steps
            )
            label_SA = labels_between(
                self.walks.start_A, self.walks.end_A, sampler.labels, self.walks.steps
            )
            return latent, np.tile(label_SA, (self.count, 1))
        label_NA, most = np.repeat(self.label_LA, self.count, axis=0), sampler.codec.steps
        steps = None if self.settings.steps is None else min(self.settings.steps, most)
        if self.same_noise:
            one = latents.draw(self.count, self.seed, steps).scaled(self.noise_scale)
            return joined([one] * len(self.label_LA)), label_NA
        return latents.draw(self.rows, self.seed, steps).scaled(self.noise_scale), label_NA


class Batcher:
    """Writes what is asked of one run: one thread, and one call of the network for many requests.

    Which requests are joined makes no difference to an answer beyond the rounding of products,
    because all randomness is in the latents, and each request has its own.

    Args:
        sampler: returns the sampler of the run; called in the thread.
        window: seconds for which the first request waits for others.
    """

    def __init__(self, sampler: Callable[[], Sampler], *, window: float = WINDOW) -> None:
        self._sampler, self._window = sampler, window
        self._waiting: deque[Work] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._drawing: tuple[Sampler, Latents] | None = None

    def submit(self, work: Work) -> None:
        """Let a request wait for its answer.

        Raises:
            Busy: too many wait already.
        """
        with self._changed:
            if len(self._waiting) >= MOST_WAITING:
                raise Busy("too many requests are waiting for this run: try again in a second")
            self._waiting.append(work)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self, timeout: float = 5.0) -> None:
        """Finish what is being written, and turn the rest away; a later request begins anew."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(timeout)
        with self._changed:
            for work in self._waiting:
                work.answer.cancel()
            self._waiting.clear()
            self._thread, self._closed = None, False

    def _work(self) -> None:
        while batch := self._next():
            try:
                self._write(batch)
            except Exception as error:  # Told to those who wait, whatever it is.
                for work in batch:
                    if not work.answer.done():
                        work.answer.set_exception(error)

    def _next(self) -> list[Work]:
        """Return requests that can be written together; none at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
        time.sleep(self._window)
        with self._changed:
            if self._closed:
                return []
            chosen, left = [self._waiting.popleft()], deque[Work]()
            rows = chosen[0].rows
            for work in self._waiting:
                if work.settings == chosen[0].settings and rows + work.rows <= CHUNK:
                    chosen.append(work)
                    rows += work.rows
                else:
                    left.append(work)
            self._waiting = left
            return chosen

    def _write(self, batch: Iterable[Work]) -> None:
        sampler, latents = self._opened()
        found = [(work, *work.drawn(sampler, latents)) for work in batch]
        settings = found[0][0].settings
        steered = sampler
        if settings.guidance != 1.0:
            steered = sampler.steered(Steering(guidance=settings.guidance))
        labels = torch.from_numpy(np.concatenate([label_NA for _, _, label_NA in found]))
        decoded = steered.decoded(
            joined([latent for _, latent, _ in found]),
            labels.to(sampler.device),
            settings.decoding,
        )
        parts = decoded.split([work.rows for work, _, _ in found])
        for (work, _, label_NA), part in zip(found, parts, strict=True):
            if work.answer.set_running_or_notify_cancel():
                work.answer.set_result((sampler, part, label_NA))

    def _opened(self) -> tuple[Sampler, Latents]:
        """Return the sampler, and what draws its latents."""
        sampler = self._sampler()
        if self._drawing is None or self._drawing[0] is not sampler:
            self._drawing = sampler, Latents(sampler.generator, sampler.device)
        return self._drawing
