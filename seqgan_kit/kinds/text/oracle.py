"""The synthetic oracle of the sequence-GAN literature: a known language model."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ...data.arrays import read_arrays
from ...data.dataset import DataError, Dataset, some
from .drawn import drawn_dataset

VOCABULARY = 5000
HIDDEN = 32
START = 0
ORACLE_FILE = "oracle_lstm.npz"
SHAPES: dict[str, tuple[int, ...]] = {
    "embedding": (VOCABULARY, HIDDEN),
    **{f"{part}{gate}": (HIDDEN, HIDDEN) for part in "wu" for gate in ("i", "f", "og", "c")},
    **{f"b{gate}": (HIDDEN,) for gate in ("i", "f", "og", "c")},
    "wo": (HIDDEN, VOCABULARY),
    "bo": (VOCABULARY,),
}
PUBLISHED = "91d5701cf889d6bb0ffee9fe07cfd112d4edf4b784905eb44ecf779edafc6291"
"""SHA-256 of the published weights, one array after another in the order of ``SHAPES``."""

# The logits of this many sequences fit in a core's cache; ten times as many run six times slower.
CHUNK = 100


@dataclass(frozen=True)
class Oracle:
    """An LSTM language model with known weights, started from a zero state and token 0.

    It has no end token.

    Attributes:
        name: ``oracle-seeded`` or ``oracle-published``; metrics of the two are not comparable.
        weights: as in ``SHAPES``: ``w`` input, ``u`` recurrent, ``b`` bias, of the gates ``i``,
            ``f``, ``og`` (output) and ``c`` (cell); ``wo`` and ``bo`` give the logits.

    References:
        Yu et al. 2017, *SeqGAN: Sequence Generative Adversarial Nets with Policy Gradient*,
        section "Synthetic data experiments".
    """

    name: str
    weights: dict[str, Tensor]

    @property
    def vocabulary(self) -> int:
        return len(self.weights["bo"])

    def sample(self, count: int, length: int, generator: torch.Generator) -> Int[Tensor, "B T"]:
        """Draw sequences from the oracle.

        Args:
            count: number of sequences.
            length: tokens per sequence.
            generator: random generator on the CPU.
        """
        return torch.cat(
            [
                self._sample(min(CHUNK, count - start), length, generator)
                for start in range(0, count, CHUNK)
            ]
        )

    def nats(self, ids: Int[Tensor, "B T"]) -> Float[Tensor, " B"]:
        """Return the negative log-likelihood of each sequence, in nats per token."""
        return torch.cat([self._nats(part) for part in ids.split(CHUNK)])

    def _sample(self, count: int, length: int, generator: torch.Generator) -> Tensor:
        token_B = torch.full((count,), START)
        state = self._start(count)
        tokens = []
        for _ in range(length):
            logit_BV, state = self._step(token_B, state)
            # Inverting the distribution function takes one random number per token, not 5,000.
            chance_BV = logit_BV.softmax(1).cumsum(1, dtype=torch.float64)
            drawn_B1 = torch.rand(count, 1, generator=generator, dtype=torch.float64)
            token_B = torch.searchsorted(chance_BV, drawn_B1).squeeze(1)
            token_B = token_B.clamp(max=self.vocabulary - 1)
            tokens.append(token_B)
        return torch.stack(tokens, 1)

    def _nats(self, ids_BT: Tensor) -> Tensor:
        token_B = torch.full((len(ids_BT),), START)
        state = self._start(len(ids_BT))
        total_B = torch.zeros(len(ids_BT))
        for next_B in ids_BT.unbind(1):
            logit_BV, state = self._step(token_B, state)
            total_B += torch.nn.functional.cross_entropy(logit_BV, next_B, reduction="none")
            token_B = next_B
        return total_B / ids_BT.shape[1]

    def _start(self, count: int) -> tuple[Tensor, Tensor]:
        zero_BH = torch.zeros(count, HIDDEN)
        return zero_BH, zero_BH

    def _step(
        self, token_B: Tensor, state: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        weights = self.weights
        x_BE = weights["embedding"][token_B]
        hidden_BH, cell_BH = state

        def gate(name: str) -> Tensor:
            return (
                x_BE @ weights[f"w{name}"] + hidden_BH @ weights[f"u{name}"] + weights[f"b{name}"]
            )

        kept_BH = gate("f").sigmoid() * cell_BH
        cell_BH = kept_BH + gate("i").sigmoid() * gate("c").tanh()
        hidden_BH = gate("og").sigmoid() * cell_BH.tanh()
        return hidden_BH @ weights["wo"] + weights["bo"], (hidden_BH, cell_BH)


def seeded_oracle(seed: int) -> Oracle:
    """Return ``oracle-seeded``, with all weights drawn from N(0, 1)."""
    generator = torch.Generator().manual_seed(seed)
    weights = {name: torch.randn(shape, generator=generator) for name, shape in SHAPES.items()}
    return Oracle("oracle-seeded", weights)


def published_oracle(folder: Path) -> Oracle:
    """Return ``oracle-published``, with the weights that Yu et al. published.

    Args:
        folder: contains ``oracle_lstm.npz`` with the arrays of ``SHAPES``.

    Raises:
        DataError: the file does not exist, or contains something else.
    """
    path = folder / ORACLE_FILE
    remedy = "set data.root to the folder of the published weights, or to null for seeded ones"
    try:
        arrays = read_arrays(path, names=SHAPES)
    except DataError as error:
        raise DataError(f"{error}: {remedy}") from error
    if missing := [name for name in SHAPES if name not in arrays]:
        raise DataError(f"{path} lacks arrays of an oracle ({some(missing)}): {remedy}")
    alike = all(
        arrays[name].shape == shape and arrays[name].dtype == np.float32
        for name, shape in SHAPES.items()
    )
    weights = {name: torch.from_numpy(array) for name, array in arrays.items()} if alike else {}
    if not weights or _digest(weights) != PUBLISHED:
        raise DataError(f"{path} does not contain the published weights: {remedy}")
    return Oracle("oracle-published", weights)


def _digest(weights: dict[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in SHAPES:
        digest.update(weights[name].numpy().tobytes())
    return digest.hexdigest()


def oracle_dataset(
    *,
    oracle: Oracle,
    sequences: int = 10000,
    test: int = 10000,
    validation: float,
    length: int = 20,
    seed: int,
) -> Dataset:
    """Draw a data set from an oracle: lines of numbers, independent for each part.

    Args:
        oracle: the source of the sequences; the data set takes its name.
        sequences: number of training sequences.
        test: number of test sequences.
        validation: number of additional validation sequences, as a share of ``sequences``.
        length: tokens per sequence.
        seed: random seed, from which each part gets its own stream.
    """

    def draw(number: int, count: int) -> list[str]:
        stream = int(np.random.SeedSequence((seed, number)).generate_state(1)[0])
        ids_NT = oracle.sample(count, length, torch.Generator().manual_seed(stream))
        return [" ".join(map(str, ids)) for ids in ids_NT.tolist()]

    return drawn_dataset(
        oracle.name,
        draw,
        sequences=sequences,
        test=test,
        validation=validation,
        source=(_digest(oracle.weights),),
        settings=(length, seed),
    )
