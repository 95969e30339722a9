"""The interfaces of networks that objectives, sampling and evaluation use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ..batch import Batch
from .noise import Latent, Noise
from .relaxation import PLAIN, Decoding, Written, as_tensor


class Generator(nn.Module):
    """A network that generates labelled sequences; all its randomness is in the latent.

    Attributes:
        likelihood: what :meth:`log_prob` returns if it is called without noise. ``"exact"``: the
            log-probability of a sequence. ``"bound"``: the network is an :class:`Autoencoder`,
            which only has a lower bound. ``"none"``: the probability is not defined, because
            there is no distribution, or because the noise would have to be integrated out.
        feedback: whether steps read what was written before them, so that a sequence can go on
            from a given beginning.
    """

    likelihood: Literal["none", "exact", "bound"] = "none"
    feedback: bool = False

    @property
    def writer(self) -> Generator:
        """The part of the network that sampling needs."""
        return self

    def covers(self, x_BTF: Tensor) -> bool:
        """Return whether :meth:`log_prob` is a likelihood here, not just a cross-entropy."""
        return False

    def draw(self, count: int, noise: Noise, steps: int | None = None) -> Latent:
        """Draw the latent of ``count`` sequences of ``steps`` steps (default: the maximum)."""
        raise NotImplementedError

    def anneal(self, progress: float) -> None:
        """Update schedules for a fraction of the run (0 to 1), before generating for training."""

    def forward(
        self, latent: Latent, label_BA: Int[Tensor, "B A"]
    ) -> tuple[Written, Bool[Tensor, "B T"]]:
        """Return the steps ``[B, T, F]`` and their mask."""
        raise NotImplementedError

    def write(
        self,
        latent: Latent,
        label_BA: Int[Tensor, "B A"],
        *,
        prefix: Tensor | None = None,
        decoding: Decoding = PLAIN,
        guidance: float = 1.0,
    ) -> tuple[Written, Bool[Tensor, "B T"]]:
        """Generate sequences, optionally from a given prefix or with other settings.

        Raises:
            ValueError: the network does not support the prefix or the settings.
        """
        if prefix is not None or decoding != PLAIN or guidance != 1.0:
            raise ValueError(
                "a prefix, a temperature, top-k, top-p and guidance require a recurrent generator"
            )
        return self(latent, label_BA)

    def log_prob(
        self,
        batch: Batch,
        z_BZ: Float[Tensor, "B Z"] | None = None,
        *,
        regularize: Noise | None = None,
    ) -> Float[Tensor, "B T"]:
        """Return the log-probability of each step given the true earlier ones, in nats.

        This is teacher forcing. The result is zero at padded steps.

        Args:
            batch: sequences and their labels.
            z_BZ: noise of the whole sequence (default: zero). All other noise is zero.
            regularize: random numbers for dropout in training; None for the plain likelihood.
        """
        raise NotImplementedError


class Autoencoder(Generator):
    """A generator with an encoder, which infers a distribution over the noise of a sequence."""

    likelihood = "bound"

    def encode(self, batch: Batch) -> tuple[Float[Tensor, "B Z"], Float[Tensor, "B Z"]]:
        """Return mean and log-variance of the diagonal normal distribution of z, in float32."""
        raise NotImplementedError


class Discriminator(nn.Module):
    """A network that scores labelled sequences: high logits for real, low for generated ones.

    Attributes:
        classes: number of classes of each attribute.
        logits: one logit per sequence, one per step, or the sum of both.
    """

    classes: tuple[int, ...]
    logits: Literal["sequence", "step", "both"] = "sequence"

    def embed(self, x: Written) -> Tensor:
        """Return the input that penalties perturb, ``[B, T, F]``; real values stay unchanged."""
        return as_tensor(x)

    def score_labels(
        self,
        x_BTF: Tensor,
        labels: Sequence[Int[Tensor, "B A"]],
        mask_BT: Bool[Tensor, "B T"],
    ) -> list[Tensor]:
        """Return the logits of the same embedded sequences under each of several labels.

        Each is ``[B]``, or ``[B, T]`` with one logit per step. The values in the padding do not
        affect the logits; the logits of padded steps are undefined.
        """
        raise NotImplementedError

    def score(
        self, x_BTF: Tensor, label_BA: Int[Tensor, "B A"], mask_BT: Bool[Tensor, "B T"]
    ) -> Tensor:
        """Return the logits of embedded sequences under one label each."""
        return self.score_labels(x_BTF, [label_BA], mask_BT)[0]

    def forward(
        self, x: Written, label_BA: Int[Tensor, "B A"], mask_BT: Bool[Tensor, "B T"]
    ) -> Tensor:
        """Return the logits of sequences as they come from a codec or a generator."""
        return self.score(self.embed(x), label_BA, mask_BT)
