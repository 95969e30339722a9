"""The runs that are served: by name, with what can be asked of each."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from ..errors import NotSupported, SeqganError, UsageError
from ..labels import Levels, Words, are_named, parse_labels, with_levels
from ..nn.relaxation import Decoding
from ..runs.asked import INTERPOLATE, Asked
from ..runs.data import kind_of_run
from ..runs.loading import load_sampler, run_recipe
from ..runs.places import ENDING, find, is_packed, packaged
from ..runs.sampler import Sampler
from ..runs.samples import Made
from ..training.run import Run
from .batching import WINDOW, Batcher, Settings, Walks, Work
from .media import media_of
from .models import MOST, OPTIONS, Ask, Attribute, Card

FRESH = 2.0
"""Seconds for which nobody looks whether a run has a newer checkpoint."""


class UnknownRun(UsageError):
    """The error for a run that is not served."""


class Served:
    """A run that is served.

    Args:
        name: how requests call it.
        run: the run.
        device: where it is sampled.
        window: see :class:`Batcher`.
    """

    def __init__(
        self, name: str, run: Run, *, device: torch.device, window: float = WINDOW
    ) -> None:
        self.name, self.run, self._device = name, run, device
        self.recipe, self.kind = run_recipe(run), kind_of_run(run)
        self.labels = with_levels(run.info["labels"], self.recipe.data.numeric)
        self.batcher = Batcher(self._opened, window=window)
        self._sampler: Sampler | None = None
        self._looked = 0.0

    @property
    def watched(self) -> bool:
        """Whether the folder has the training, too."""
        return not is_packed(self.run.path)

    def card(self) -> Card:
        """Describe the run."""
        options = {option.key for option in self.kind.options}
        walk = ["walk", "steps"] if INTERPOLATE.key in options else []
        return Card(
            name=self.name,
            kind=self.kind.name,
            data=str(self.run.info["data"]["name"]),
            labels=[
                Attribute(name=name, classes=list(classes), numeric=isinstance(classes, Levels))
                for name, classes in self.labels.items()
                if are_named(self.labels)
            ],
            shown=self.kind.shown,
            options=[*walk, *(name for name in OPTIONS if name in options)],
            media=list(media_of(self.kind)),
            training=self.watched,
        )

    def work(self, ask: Ask) -> Work:
        """Return what a request asks of the network.

        Raises:
            LabelError: the run has no such label.
            NotSupported: this kind of data has no such parameter.
            UsageError: too many samples are asked for.
        """
        settings = self._settings(ask)
        scale = 1.0 if ask.noise_scale is None else ask.noise_scale
        rows_LA = np.zeros((0, len(self.labels)), np.int64)
        walks = self._walks(ask) if ask.walk is not None else None
        if walks is None:
            rows_LA = parse_labels(Words(ask.label), self.labels)
        work = Work(rows_LA, ask.count, ask.seed, scale, ask.same_noise, walks, settings)
        if work.rows > MOST:
            of = "walks" if walks is not None else f"of each of {len(rows_LA):,} labels"
            raise UsageError(
                f"count: {ask.count:,} {of} are {work.rows:,} samples, and a request has at most "
                f"{MOST:,}: ask for fewer"
            )
        return work

    @staticmethod
    def made(
        ask: Ask, sampler: Sampler, decoded: Tensor, label_NA: Int[np.ndarray, "N A"]
    ) -> Made:
        """Return samples with their labels; those of a walk have the walk as their label."""
        made = Made(sampler, decoded, label_NA, ask.seed)
        if ask.walk is None:
            return made
        title = " to ".join(part.strip() for part in ask.walk.split("..", 1))
        names = [title if ask.count == 1 else f"{title} ({k + 1})" for k in range(ask.count)]
        number_N1 = np.repeat(np.arange(ask.count), ask.steps)[:, None]
        return replace(made.relabelled("walk", names, number_N1), walk=ask.steps)

    def _settings(self, ask: Ask) -> Settings:
        options = {option.key for option in self.kind.options}
        for name in OPTIONS:
            if getattr(ask, name) is not None and name not in options:
                raise NotSupported(f"{name} is not supported for {self.kind.singular} runs")
        one = 1.0 if ask.temperature is None else ask.temperature
        decoding = Decoding(one, ask.top_k or 0, 1.0 if ask.top_p is None else ask.top_p)
        return Settings(decoding, ask.guidance, ask.max_length)

    def _walks(self, ask: Ask) -> Walks:
        if INTERPOLATE.key not in {option.key for option in self.kind.options}:
            raise NotSupported(f"walk is not supported for {self.kind.singular} runs")
        asked = Asked(
            self.run.path, Words(ask.label), ask.count, ask.seed, "", Path(),
            options={INTERPOLATE.key: ask.walk},
        )  # fmt: skip
        return Walks(*asked.walk_ends(self.labels), ask.steps)

    def _opened(self) -> Sampler:
        """Return the sampler of the best or newest checkpoint; of a training it may be a new one.

        Raises:
            RunError: there is no checkpoint yet.
            FileProblem: it is damaged.
        """
        now = time.monotonic()
        if self._sampler is not None and (not self.watched or now - self._looked < FRESH):
            return self._sampler
        self._looked = now
        name = self.run.checkpoint().name
        if self._sampler is None or name != self._sampler.checkpoint:
            self._sampler = load_sampler(
                self.run, self.recipe, checkpoint=name, device=self._device
            )
        return self._sampler


class Runs(dict[str, Served]):
    """The runs that are served, by name."""

    def __missing__(self, name: str) -> Served:
        raise UnknownRun(
            f"no run called {name[:80]!r} is served here; there are {', '.join(self)}"
        )

    def close(self) -> None:
        """End the threads of all runs."""
        for one in self.values():
            one.batcher.close()


def gathered(
    paths: Sequence[Path],
    *,
    device: torch.device,
    window: float = WINDOW,
    say: Callable[[str], None] = lambda line: None,
) -> Runs:
    """Open the runs that are to be served.

    Args:
        paths: as a command line names them; none: all in ``runs``, and those of the package.
        device: where they are sampled.
        window: see :class:`~seqgan_kit.serving.batching.Batcher`.
        say: told which runs were left out, and why.

    Raises:
        RunError: one that was named is no run.
        UsageError: two have the same name, or there are none.
    """
    found = Runs()
    own = [path.parent for path in sorted(Path("runs").glob("*/run.json"))]
    for path in paths or (*own, *map(Path, packaged())):
        name = path.stem if path.suffix == ENDING else path.name or path.resolve().name
        if name in found and paths:
            raise UsageError(f"two runs are called {name!r}: serve one of them, or rename it")
        if name in found:
            continue
        try:
            found[name] = Served(name, Run(find(path)[0]), device=device, window=window)
        except SeqganError as error:
            if paths:
                raise
            say(f"not served: {error}")
    if not found:
        raise UsageError("there is no run to serve: name one, or train one (`seqgen train`)")
    return found
