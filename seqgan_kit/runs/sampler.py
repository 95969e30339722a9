"""From a trained generator to things: the same seed, the same samples, in constant memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ..errors import NotSupported
from ..batch import Batch
from ..kind import Codec
from ..labels import LabelCounts, parse_labels
from ..nn.networks import Autoencoder, Generator
from ..nn.noise import Latent, seeded_noise
from ..nn.relaxation import PLAIN, Decoding, Written, as_tensor

CHUNK = 500
"""Samples that are made at a time. Noise is always drawn for a whole chunk, so that the first
samples of a seed do not depend on how many are asked for."""


class NoEncoder(NotSupported):
    """A reconstruction asked of a run that has no encoder."""


class Sampler:
    """A trained generator that hands out decoded samples.

    Args:
        generator: the averaged network.
        codec: turns its sequences into things.
        labels: attributes and their classes.
        device: where the network is.

    Attributes:
        label_counts: how often each combination of labels stands in the training part, if known.
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

    def label_rows(
        self, label: str | int | Sequence[str | int] | None, count: int
    ) -> Int[np.ndarray, "N A"]:
        """Labels of ``count`` samples for each label asked for, label by label."""
        if count < 1:
            raise ValueError(f"count is {count}: at least one sample has to be asked for")
        return np.repeat(parse_labels(label, self.labels), count, axis=0)

    def mixed_labels(
        self, label: str | int | Sequence[str | int] | None, count: int, *, seed: int = 0
    ) -> Int[np.ndarray, "N A"]:
        """Labels of ``count`` samples in all, in the proportions of the training part.

        Args:
            label: what the labels must agree with, as for :func:`parse_labels`.
            count: how many.
            seed: of the draw; the first labels of a seed do not depend on the count.
        """
        return np.concatenate(list(self.label_stream(label, count, seed=seed)))

    def label_stream(
        self, label: str | int | Sequence[str | int] | None, count: int | None, *, seed: int = 0
    ) -> Iterator[Int[np.ndarray, "B A"]]:
        """:meth:`mixed_labels` a chunk at a time, without an end where ``count`` is ``None``."""
        if count is not None and count < 1:
            raise ValueError(f"count is {count}: at least one sample has to be asked for")
        rows_NA = parse_labels(label, self.labels)
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
        label_NA: Int[np.ndarray, "N A"],
        *,
        seed: int = 0,
        noise_scale: float = 1.0,
        decoding: Decoding = PLAIN,
    ) -> Iterator[Float[Tensor, "B ..."] | Int[Tensor, "B ..."]]:
        """Decoded samples of these labels, a chunk at a time, on the host.

        Args:
            label_NA: a row for each sample.
            seed: of the noise.
            noise_scale: factor of the noise: below 1 more typical and less varied samples.
            decoding: how a categorical head draws.
        """
        for batch in self.written(label_NA, seed=seed, noise_scale=noise_scale, decoding=decoding):
            yield self._decoded(batch.x_BTF, batch.mask_BT)

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
        """The sequences before they are decoded, a chunk at a time, on the device.

        Args:
            labels: a row for each sample, all of them or a chunk at a time.
            seed: of the noise.
            noise_scale: factor of the noise.
            decoding: how a categorical head draws.
            prefix: the first steps of every sequence, ``[P, F]`` or ids ``[P]``.
            steps: of the longest sequence, as many as the network has if absent.

        Raises:
            ValueError: the network cannot go on from a beginning, or decode in that way.
        """
        noise = seeded_noise(seed, self.device)
        for rows in _chunks(labels) if isinstance(labels, np.ndarray) else labels:
            latent = self._scaled(self.generator.draw(CHUNK, noise, steps), noise_scale)
            latent = Latent(*(tensor[: len(rows)] for tensor in latent))
            label_BA = torch.from_numpy(rows).to(self.device)
            given = None
            if prefix is not None:
                given = prefix.to(self.device).expand(len(rows), *prefix.shape)
            with torch.no_grad():
                x, mask_BT = self.generator.write(
                    latent, label_BA, prefix=given, decoding=decoding
                )
            yield Batch(as_tensor(x), mask_BT, label_BA)

    def sample(
        self,
        label: str | int | Sequence[str | int] | None = None,
        *,
        count: int = 1,
        seed: int = 0,
        noise_scale: float = 1.0,
    ) -> np.ndarray:
        """Samples in one array: ``count`` for each label, label by label.

        Args:
            label: a class (``7`` or ``"7"``), several, or none for all.
            count: samples of each label.
            seed: of the noise.
            noise_scale: factor of the noise: below 1 more typical and less varied samples.

        Returns:
            For images ``[N, height, width]`` (grey) or ``[N, height, width, 3]``, 0 to 1; for
            text strings ``[N]``; for sound, and series of unequal lengths, an array of objects,
            each an array ``[S]`` or ``[t, C]``; for series of one length ``[N, T, C]``.

        Raises:
            LabelError: the run has no such label.
        """
        rows = self.label_rows(label, count)
        chunks = list(self.stream(rows, seed=seed, noise_scale=noise_scale))
        return self.codec.present(torch.cat(chunks))

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
        """Walks in the noise and from one label to another.

        Noise moves along the great circle between two draws, which keeps its length typical
        (White 2016, *Sampling Generative Networks*); the label changes half-way.

        Args:
            start_A: the label at the beginning.
            end_A: the label at the end.
            steps: samples of a walk.
            walks: how many walks.
            seed: of the noise.
            noise_scale: factor of the noise.

        Returns:
            ``walks * steps`` decoded samples, walk by walk.
        """
        if steps < 2:
            raise ValueError(f"a walk of {steps} samples has no beginning and end; use 2 or more")
        noise = seeded_noise(seed, self.device)
        begin = self._scaled(self.generator.draw(walks, noise), noise_scale)
        end = self._scaled(self.generator.draw(walks, noise), noise_scale)
        share_S = torch.linspace(0, 1, steps, device=self.device)
        latent = Latent(*(_arc(a, b, share_S) for a, b in zip(begin, end, strict=True)))
        label_SA = np.where(np.arange(steps)[:, None] * 2 < steps, start_A, end_A)
        rows = torch.from_numpy(np.tile(label_SA, (walks, 1))).to(self.device)
        return self._decode(latent, rows)

    def swap(
        self,
        label_NA: Int[np.ndarray, "N A"],
        *,
        count: int = 12,
        seed: int = 0,
        noise_scale: float = 1.0,
    ) -> Float[Tensor, "S ..."]:
        """The same noise under every label: what the label changes, and what it leaves.

        Args:
            label_NA: the labels.
            count: how many draws of noise.
            seed: of the noise.
            noise_scale: factor of the noise.

        Returns:
            One for each label and draw, label by label, the same noise in the same place.
        """
        drawn = self.generator.draw(count, seeded_noise(seed, self.device))
        latent = self._scaled(drawn, noise_scale)
        return torch.cat(
            [
                self._decode(latent, torch.from_numpy(row[None]).to(self.device).expand(count, -1))
                for row in label_NA
            ]
        )

    def check_encoder(self) -> Autoencoder:
        """Return the network if it has an encoder.

        Raises:
            NoEncoder: it has none.
        """
        if not isinstance(self.generator, Autoencoder):
            raise NoEncoder(
                "this run has no encoder: only variational autoencoders (model.kind vae or "
                "recurrent_vae) reconstruct"
            )
        return self.generator

    @torch.no_grad()
    def reconstruct(self, batch: Batch) -> Float[Tensor, "N ..."]:
        """Write given sequences again from the mean of their codes.

        Raises:
            NoEncoder: only autoencoders can.
        """
        mean_BZ, _ = self.check_encoder().encode(batch)
        drawn = self.generator.draw(len(batch), seeded_noise(0, self.device))
        return self._decode(drawn._replace(z_BZ=mean_BZ), batch.label_BA)

    @torch.no_grad()
    def _decode(self, latent: Latent, label_BA: Tensor) -> Tensor:
        return self._decoded(*self.generator(latent, label_BA))

    def _decoded(self, written: Written, mask_BT: Tensor) -> Tensor:
        x = as_tensor(written)
        return self.codec.decode(x.float() if x.is_floating_point() else x, mask_BT).cpu()

    @staticmethod
    def _scaled(latent: Latent, scale: float) -> Latent:
        return latent._replace(z_BZ=latent.z_BZ * scale, step_BTE=latent.step_BTE * scale)


def _chunks(label_NA: Int[np.ndarray, "N A"]) -> Iterator[Int[np.ndarray, "B A"]]:
    for start in range(0, len(label_NA), CHUNK):
        yield label_NA[start : start + CHUNK]


def _arc(a: Tensor, b: Tensor, share_S: Tensor) -> Tensor:
    """Points between ``a`` and ``b`` ``[W, ...]`` along a great circle, ``[W * S, ...]``."""
    flat_a, flat_b = a.flatten(1)[:, None], b.flatten(1)[:, None]
    if not flat_a.numel():
        return a.repeat_interleave(len(share_S), 0)
    cosine = torch.nn.functional.cosine_similarity(flat_a, flat_b, dim=-1)[..., None]
    share = share_S[None, :, None]
    angle = cosine.clamp(-0.9995, 0.9995).acos()
    arc = (((1 - share) * angle).sin() * flat_a + (share * angle).sin() * flat_b) / angle.sin()
    # Ends that point the same way, or opposite ways, have no great circle between them.
    points = torch.where(cosine.abs() < 0.9995, arc, torch.lerp(flat_a, flat_b, share))
    return points.reshape(-1, *a.shape[1:])


def set_seed(seed: int, number: int) -> int:
    """The seed of one of the independent sample sets of an evaluation; -1 is that of GAN-train.

    >>> len({set_seed(seed, number) for seed in range(3) for number in (-1, 0, 1, 2)})
    12
    """
    word = np.random.SeedSequence([seed, number + 1]).generate_state(1, np.uint64)[0]
    return int(word >> np.uint64(1))
