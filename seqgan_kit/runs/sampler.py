"""Sampling from a trained generator, reproducible from a seed and in constant memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..batch import Batch
from ..data.numeric import counts_of_ranges, drawn_within
from ..errors import NotSupported
from ..kind import Codec, Kind
from ..labels import Bins, LabelCounts, Wanted, labels_between, parse_labels
from ..nn.networks import Generator
from ..nn.noise import Latent, seeded_noise
from ..nn.relaxation import PLAIN, Decoding, Written, as_tensor
from .samples import Made, Samples
from .steering import Chooser, Controls, Steering
from .targets import refuse_many

CHUNK = 500
"""Number of samples generated at once. Noise is always drawn for a whole chunk, so that the first
samples of a seed do not depend on the number of samples."""


class Sampler:
    """A trained generator that returns decoded samples.

    Args:
        generator: the averaged network.
        codec: decodes its sequences.
        labels: attributes and their classes.
        device: device of the network.

    Attributes:
        label_counts: number of training items with each combination of labels, if known.
        controls: what samples can be steered by.
        kind: the kind of data, if known.
        run: the folder of the run, if there is one.
        checkpoint: its step or name, if one was chosen.
        exact: the sampler that is asked for values of numeric attributes: this one, or the one
            that :meth:`in_ranges` was asked of.
    """

    def __init__(
        self,
        generator: Generator,
        codec: Codec,
        labels: Mapping[str, Sequence[str]],
        device: torch.device,
    ) -> None:
        self.generator = generator
        self.codec = codec
        self.labels = labels
        self.device = device
        self.label_counts: LabelCounts | None = None
        self.controls = Controls()
        self.kind: Kind | None = None
        self.run: Path | None = None
        self.checkpoint: str | None = None
        self.exact = self
        self._chooser: Chooser | None = None

    def __repr__(self) -> str:
        labels = ", ".join(f"{len(classes)} of {name}" for name, classes in self.labels.items())
        weights = sum(weight.numel() for weight in self.generator.parameters())
        where = "a network" if self.run is None else self.run.name
        return f"<sampler of {where}: labels {labels}; {weights:,} weights on {self.device}>"

    def in_ranges(self, labels: Mapping[str, Sequence[str]]) -> Sampler:
        """Return the same network asked for ranges of numeric attributes, as figures know them.

        Each sample gets a value of its range, drawn at random.

        Args:
            labels: the attributes, numeric ones as :class:`~seqgan_kit.labels.Bins`.
        """
        if not any(isinstance(classes, Bins) for classes in labels.values()):
            return self
        made = copy(self)
        made.labels, made.exact = labels, self
        if self.label_counts is not None:
            made.label_counts = counts_of_ranges(self.label_counts, labels)
        return made

    @property
    def steering(self) -> Steering:
        """How samples are steered."""
        return Steering() if self._chooser is None else self._chooser.steering

    def steered(self, steering: Steering) -> Sampler:
        """Return a sampler whose samples are steered.

        Raises:
            NotSupported: the run has not what it takes.
        """
        exact = self.exact
        chooser = Chooser(
            steering, self.controls, self.generator, exact.labels, exact.label_counts
        )
        made = copy(self)
        made.exact = made if exact is self else exact
        made._chooser = chooser
        return made

    def _asked(self, label_NA: Int[np.ndarray, "N A"], seed: int) -> Int[np.ndarray, "N A"]:
        """Return labels as the network knows them."""
        if self.exact is self:
            return label_NA
        return drawn_within(label_NA, self.labels, np.random.default_rng(seed))

    def label_rows(self, label: Wanted, count: int) -> Int[np.ndarray, "N A"]:
        """Return the labels of ``count`` samples for each requested label, label by label.

        Raises:
            LabelError: the run has no such label.
            UsageError: there are more samples than :data:`~seqgan_kit.runs.targets.MOST`.
        """
        if count < 1:
            raise ValueError(f"count is {count}: request at least one sample")
        rows_NA = parse_labels(label, self.labels)
        refuse_many(len(rows_NA), count)
        return np.repeat(rows_NA, count, axis=0)

    def mixed_labels(self, label: Wanted, count: int, *, seed: int = 0) -> Int[np.ndarray, "N A"]:
        """Return labels of ``count`` samples in total, in the proportions of the training part.

        Args:
            label: restriction of the labels, see :func:`parse_labels`.
            count: number of samples.
            seed: seed of the labels; the first labels of a seed do not depend on the count.
        """
        return np.concatenate(list(self.label_stream(label, count, seed=seed)))

    def label_stream(
        self, label: Wanted, count: int | None, *, seed: int = 0
    ) -> Iterator[Int[np.ndarray, "B A"]]:
        """Yield :meth:`mixed_labels` in chunks, endlessly if ``count`` is ``None``."""
        if count is not None and count < 1:
            raise ValueError(f"count is {count}: request at least one sample")
        rows_NA = parse_labels(label, self.labels, every=True)
        weight_N = np.ones(len(rows_NA))
        if self.label_counts is not None:
            known = {tuple(row): number for row, number in self.label_counts}
            weight_N = np.array([float(known.get(tuple(row), 0)) for row in rows_NA.tolist()])
        if not weight_N.any():
            weight_N[:] = 1
        chance_N = weight_N.cumsum() / weight_N.sum()
        generator = np.random.default_rng(seed)
        drawn = 0
        while count is None or drawn < count:
            place_B = np.searchsorted(chance_N, generator.random(CHUNK), side="right")
            wanted = CHUNK if count is None else min(count - drawn, CHUNK)
            yield rows_NA[place_B.clip(max=len(rows_NA) - 1)[:wanted]]
            drawn += wanted

    def stream(
        self,
        label_NA: Int[np.ndarray, "N A"] | Iterable[Int[np.ndarray, "B A"]],
        *,
        seed: int = 0,
        noise_scale: float = 1.0,
        decoding: Decoding = PLAIN,
        prefix: Tensor | None = None,
    ) -> Iterator[Float[Tensor, "B ..."] | Int[Tensor, "B ..."]]:
        """Yield decoded samples with these labels in chunks, on the host.

        Args:
            label_NA: one row per sample, all at once or in chunks.
            seed: seed of the noise.
            noise_scale: factor of the noise; below 1, samples are more typical and less varied.
            decoding: sampling settings of a categorical head.
            prefix: the first steps of every sequence, as :meth:`beginning` returns them.
        """
        for batch in self.written(
            label_NA, seed=seed, noise_scale=noise_scale, decoding=decoding, prefix=prefix
        ):
            yield self._decoded(batch.x_BTF, batch.mask_BT)

    def beginning(self, raw: Any) -> Tensor:
        """Return the first steps of an item that samples are to go on from.

        Args:
            raw: the beginning in the form of a sample: rows of an image, samples of a clip, steps
                of a series ``[t, C]``, or text.

        Raises:
            NotSupported: the network does not read what it has written.
            UsageError: it is empty, too long, or of another form.
        """
        if not self.generator.writer.feedback:
            raise NotSupported(
                "this run cannot go on from a beginning, because its generator does not read what "
                "it has written: train one with model.generator.feedback=true, or by likelihood"
            )
        return self.codec.beginning(raw)

    def written(
        self,
        labels: Int[np.ndarray, "N A"] | Iterable[Int[np.ndarray, "B A"]],
        *,
        seed: int = 0,
        noise_scale: float = 1.0,
        decoding: Decoding = PLAIN,
        prefix: Tensor | None = None,
        steps: int | None = None,
    ) -> Iterator[Batch]:
        """Yield sequences in chunks before decoding, on the device.

        Args:
            labels: one row per sample, all at once or in chunks.
            seed: seed of the noise.
            noise_scale: factor of the noise.
            decoding: sampling settings of a categorical head.
            prefix: the first steps of every sequence, ``[P, F]`` or ids ``[P]``.
            steps: maximum sequence length (default: that of the network).

        Raises:
            ValueError: the network does not support the prefix or the decoding settings.
        """
        noise = seeded_noise(seed, self.device)
        steering = self.steering
        chunks = _chunks(labels) if isinstance(labels, np.ndarray) else labels
        for number, asked in enumerate(chunks):
            rows = self._asked(asked, set_seed(seed, number))
            label_BA = torch.from_numpy(rows).to(self.device)
            given = None
            if prefix is not None:
                given = prefix.to(self.device).expand(len(rows), *prefix.shape)
            candidates = []
            for _ in range(steering.candidates):
                latent = self.generator.draw(CHUNK, noise, steps).scaled(noise_scale)
                latent = latent.first(len(rows))
                with torch.no_grad():
                    x, mask_BT = self.generator.writer.write(
                        latent, label_BA, prefix=given, decoding=decoding,
                        guidance=steering.guidance,
                    )  # fmt: skip
                candidates.append(Batch(as_tensor(x), mask_BT, label_BA))
            chosen = self._chooser
            yield candidates[0] if chosen is None else chosen.choose(candidates, noise, CHUNK)

    def sample(
        self,
        label: Wanted = None,
        *,
        count: int = 1,
        seed: int = 0,
        noise_scale: float = 1.0,
        prefix: Any = None,
    ) -> Samples:
        """Return samples in one array: ``count`` for each label, label by label.

        Args:
            label: a class (``7`` or ``"7"``), several, or None for all.
            count: samples per label.
            seed: seed of the noise.
            noise_scale: factor of the noise; below 1, samples are more typical and less varied.
            prefix: the beginning of every sample, see :meth:`beginning`.

        Returns:
            An array that knows its labels: for images ``[N, height, width]`` (grey) or
            ``[N, height, width, 3]``, 0 to 1; for text strings ``[N]``; for sound, and series of
            unequal lengths, arrays ``[S]`` or ``[t, C]``; for others ``[N, T, C]``.

        Raises:
            LabelError: the run has no such label.
            NotSupported: the run cannot go on from a beginning.
            UsageError: the beginning is empty, too long, or of another form.
        """
        rows = self.label_rows(label, count)
        given = None if prefix is None else self.beginning(prefix)
        chunks = list(self.stream(rows, seed=seed, noise_scale=noise_scale, prefix=given))
        return Samples(Made(self, torch.cat(chunks), rows, seed))

    def push_to_hub(
        self, repository: str, *, private: bool = False, token: str | None = None
    ) -> str:
        """Share the run on the Hugging Face hub; see :func:`~seqgan_kit.runs.packing.push`."""
        from .packing import push

        return push(self, repository, private=private, token=token)

    def interpolate(
        self,
        start_A: Int[np.ndarray, " A"],
        end_A: Int[np.ndarray, " A"],
        *,
        steps: int = 10,
        walks: int = 1,
        seed: int = 0,
        noise_scale: float = 1.0,
    ) -> Float[Tensor, "N ..."]:
        """Interpolate in the noise, and from one label to another.

        Noise moves along the great circle between two draws, which keeps its length typical
        (White 2016, *Sampling Generative Networks*); the label changes half-way, and a numeric
        one step by step.

        Args:
            start_A: the label at the start.
            end_A: the label at the end.
            steps: samples per walk.
            walks: number of walks.
            seed: seed of the noise.
            noise_scale: factor of the noise.

        Returns:
            ``walks * steps`` decoded samples, walk by walk.

        Raises:
            NotSupported: the sampler chooses among candidates.
        """
        if steps < 2:
            raise ValueError(f"a walk of {steps} samples is too short; use 2 or more")
        self._refuse_candidates("a walk")
        noise = seeded_noise(seed, self.device)
        begin, end = (self.generator.draw(walks, noise).scaled(noise_scale) for _ in range(2))
        start_A, end_A = (self._asked(one[None], seed)[0] for one in (start_A, end_A))
        label_SA = labels_between(start_A, end_A, self.exact.labels, steps)
        rows = torch.from_numpy(np.tile(label_SA, (walks, 1))).to(self.device)
        return self.decoded(begin.towards(end, steps), rows)

    def swap(
        self,
        label_NA: Int[np.ndarray, "N A"],
        *,
        count: int = 12,
        seed: int = 0,
        noise_scale: float = 1.0,
    ) -> Float[Tensor, "S ..."]:
        """Generate samples from the same noise under every label, to show what labels change.

        Args:
            label_NA: the labels.
            count: number of draws of noise.
            seed: seed of the noise.
            noise_scale: factor of the noise.

        Returns:
            One sample per label and draw, label by label, with the draws in the same order.

        Raises:
            NotSupported: the sampler chooses among candidates.
        """
        self._refuse_candidates("the same noise under every label")
        drawn = self.generator.draw(count, seeded_noise(seed, self.device))
        latent = drawn.scaled(noise_scale)
        rows_NA = torch.from_numpy(self._asked(label_NA, seed)).to(self.device)
        return torch.cat([self.decoded(latent, row_A.expand(count, -1)) for row_A in rows_NA])

    def _refuse_candidates(self, what: str) -> None:
        if self.steering.candidates > 1:
            raise NotSupported(
                f"candidates are not supported for {what}: nothing is left to choose"
            )

    @torch.no_grad()
    def decoded(
        self, latent: Latent, label_BA: Int[Tensor, "B A"], decoding: Decoding = PLAIN
    ) -> Float[Tensor, "B ..."] | Int[Tensor, "B ..."]:
        """Return the decoded samples of a latent, on the host."""
        guidance = self.steering.guidance
        written = self.generator.writer.write(
            latent, label_BA, decoding=decoding, guidance=guidance
        )
        return self._decoded(*written)

    def _decoded(self, written: Written, mask_BT: Tensor) -> Tensor:
        x = as_tensor(written)
        return self.codec.decode(x.float() if x.is_floating_point() else x, mask_BT).cpu()


def _chunks(label_NA: Int[np.ndarray, "N A"]) -> Iterator[Int[np.ndarray, "B A"]]:
    for start in range(0, len(label_NA), CHUNK):
        yield label_NA[start : start + CHUNK]


def set_seed(seed: int, number: int) -> int:
    """Return the seed of an independent sample set of an evaluation; -1 is for GAN-train.

    >>> len({set_seed(seed, number) for seed in range(3) for number in (-1, 0, 1, 2)})
    12
    """
    word = np.random.SeedSequence([seed, number + 1]).generate_state(1, np.uint64)[0]
    return int(word >> np.uint64(1))
