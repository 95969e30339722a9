"""The networks, as objectives, sampling and evaluation know them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from ..batch import Batch
from .noise import Latent, Noise
from .relaxation import PLAIN, Decoding, Written, as_tensor


class Generator(nn.Module):
    """Writes labelled sequences: all its randomness is in a latent.

    Attributes:
        likelihood: what :meth:`log_prob` without noise of its own means. ``"exact"``: the
            probability of a sequence. ``"bound"``: the network is an :class:`Autoencoder`, whose
            probability has a lower bound. ``"none"``: the probability is not defined, for lack of
            a distribution, or because noise that is not given would have to be averaged over.
    """

    likelihood: Literal["none", "exact", "bound"] = "none"

    @property
    def writer(self) -> Generator:
        """The part that sampling needs."""
        return self

    def covers(self, x_BTF: Tensor) -> bool:
        """Whether :meth:`log_prob` of such values is a probability, and no mere cross-entropy."""
        return False

    def draw(self, count: int, noise: Noise, steps: int | None = None) -> Latent:
        """The randomness of ``count`` sequences of ``steps`` steps (the longest if absent)."""
        raise NotImplementedError

    def anneal(self, progress: float) -> None:
        """Told, before it writes for training, which share of the run is over (0 to 1)."""

    def forward(
        self, latent: Latent, label_BA: Int[Tensor, "B A"]
    ) -> tuple[Written, Bool[Tensor, "B T"]]:
        """The steps ``[B, T, F]`` and the mask of those that exist."""
        raise NotImplementedError

    def write(
        self,
        latent: Latent,
        label_BA: Int[Tensor, "B A"],
        *,
        prefix: Tensor | None = None,
        decoding: Decoding = PLAIN,
    ) -> tuple[Written, Bool[Tensor, "B T"]]:
        """Sequences, with a given beginning or drawn in another way than they were learned.

        Raises:
            ValueError: the network cannot; the message says what would be needed.
        """
        if prefix is not None or decoding != PLAIN:
            raise ValueError(
                "a beginning, a temperature, top-k and top-p belong to a recurrent generator that "
                "draws one of a vocabulary at every step"
            )
        return self(latent, label_BA)

    def log_prob(
        self,
        batch: Batch,
        z_BZ: Float[Tensor, "B Z"] | None = None,
        *,
        regularize: Noise | None = None,
    ) -> Float[Tensor, "B T"]:
        """Log-probability of each step after the true ones before it (teacher forcing), in nats.

        Zero at steps that do not exist.

        Args:
            batch: sequences and their labels.
            z_BZ: the noise of the whole sequence; zero if absent. Other noise is zero.
            regularize: where random numbers come from with which the network makes it harder
                for itself while it is trained; absent: the likelihood as it is.
        """
        raise NotImplementedError


class Autoencoder(Generator):
    """A generator with an encoder: a distribution over the noise behind a given sequence."""

    likelihood = "bound"

    def encode(self, batch: Batch) -> tuple[Float[Tensor, "B Z"], Float[Tensor, "B Z"]]:
        """Mean and log-variance of the diagonal normal distribution of z, in float32."""
        raise NotImplementedError


class Discriminator(nn.Module):
    """Reads labelled sequences: a high logit for real, a low one for generated.

    Attributes:
        classes: classes of each attribute of the label.
        logits: whether there is one logit a sequence, one at every step, or both in one sum.
    """

    classes: tuple[int, ...]
    logits: Literal["sequence", "step", "both"] = "sequence"

    def embed(self, x: Written) -> Tensor:
        """What a penalty perturbs, ``[B, T, F]``: real values are seen as they are."""
        return as_tensor(x)

    def score_labels(
        self,
        x_BTF: Tensor,
        labels: Sequence[Int[Tensor, "B A"]],
        mask_BT: Bool[Tensor, "B T"],
    ) -> list[Tensor]:
        """Logits of the same embedded sequences under each of some labels.

        Each is ``[B]``, or ``[B, T]`` with a logit at every step. What stands in the padding
        changes nothing; the logits of padded steps mean nothing.
        """
        raise NotImplementedError

    def score(
        self, x_BTF: Tensor, label_BA: Int[Tensor, "B A"], mask_BT: Bool[Tensor, "B T"]
    ) -> Tensor:
        """Logits of embedded sequences under one label each."""
        return self.score_labels(x_BTF, [label_BA], mask_BT)[0]

    def forward(
        self, x: Written, label_BA: Int[Tensor, "B A"], mask_BT: Bool[Tensor, "B T"]
    ) -> Tensor:
        """Logits of sequences as a codec or a generator hands them over."""
        return self.score(self.embed(x), label_BA, mask_BT)
