"""Attacks that guess who was in the training part: by samples, and by the networks of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ..batch import Batch
from ..evaluation.distribution import NotMeasurable
from ..evaluation.judge import look, train_judge
from ..evaluation.likelihood import sequence_nats
from ..evaluation.membership import Scores, log_ratio, neighbour_distances
from ..kind import Codec, Measure
from ..nn.networks import Discriminator, Generator
from ..nn.noise import seeded_noise
from ..recipe import Recipe
from ..runs.judging import SCORED, sequence_logits
from .candidates import Candidates, Side

Access = Literal["samples", "reference", "run"]
"""What an attacker has: samples; samples and other data like the training data; or the run."""


@dataclass(frozen=True)
class Attack:
    """An attack, for people.

    Attributes:
        title: its name.
        needs: what an attacker has to have.
        how: what the score of an item is.
    """

    title: str
    needs: Access
    how: str


ATTACKS: Mapping[str, Attack] = {
    "nearest_features": Attack(
        "nearest sample, by features",
        "samples",
        "how near the nearest sample is, by the features of a judge of the reference",
    ),
    "nearest_values": Attack(
        "nearest sample, by values", "samples", "how near the nearest sample is, value by value"
    ),
    "ratio_features": Attack(
        "density ratio, by features",
        "reference",
        "how dense samples are around it, beside the reference (DOMIAS), by features",
    ),
    "ratio_values": Attack(
        "density ratio, by values", "reference", "the same by the distances of values"
    ),
    "copied_parts": Attack(
        "copies of parts",
        "reference",
        "how much more of a part of it samples repeat than the reference does",
    ),
    "discriminator": Attack(
        "discriminator", "run", "the logit of the discriminator (not averaged) under its label"
    ),
    "likelihood": Attack(
        "likelihood", "run", "its likelihood under the generator, or the bound that there is"
    ),
}

NEIGHBOURS = 3
"""Nearest items by whose distances a density is estimated: few, since a copy is one item."""

DRAWS = 20
"""Codes by which an autoencoder's bound is estimated; ranks need no more."""

Eye = Callable[[Tensor], np.ndarray]
"""From items to vectors ``[N, F]``."""


class Attacker:
    """What is known before any sample is seen: candidates and reference, as vectors.

    The judge learns from the reference alone. One that has learned from the training part, as
    that of an evaluation, sees its own items otherwise than new ones, which would tell members
    from others without any model.

    Args:
        candidates: whose membership is guessed.
        measure: how items are judged.
        epochs: of the judge.
        seed: of the judge.
        device: of the judge.
    """

    def __init__(
        self,
        candidates: Candidates,
        measure: Measure,
        *,
        epochs: int,
        seed: int,
        device: torch.device,
    ) -> None:
        self._candidates = candidates
        self._measure = measure
        reference = candidates.reference
        classes = tuple(len(names) for names in candidates.labels.values())
        judge = train_judge(
            reference.items,
            torch.from_numpy(reference.class_NA),
            make=lambda: measure.judge(reference.items[:1], classes),
            seed=seed,
            epochs=epochs,
            device=device,
        )
        self._eyes: dict[str, Eye] = {"features": lambda items: look(judge, items).features_NF}
        if (vectors := measure.vectors) is not None:
            self._eyes["values"] = lambda items: vectors(items).numpy()
        self._sides = [side.items for side in (candidates.members, candidates.others)]
        self._seen = {
            name: np.concatenate([eye(items) for items in self._sides])
            for name, eye in self._eyes.items()
        }

        self._far = {name: self._from(name, reference.items) for name in self._eyes}

    def _from(self, name: str, reference: Tensor) -> np.ndarray:
        """Return the distances of candidates to the nearest reference items."""
        return neighbour_distances(self._seen[name], self._eyes[name](reference), NEIGHBOURS)

    def by_samples(self, samples: Tensor, reference: Tensor | None = None) -> dict[str, Scores]:
        """Return the scores of the attacks that need samples and no network.

        Args:
            samples: as judges read them.
            reference: other real data (default: the whole reference).

        Raises:
            NotMeasurable: samples have values that are infinite or not a number.
        """
        found = {}
        for name, eye in self._eyes.items():
            made_MF = eye(samples)
            if not np.isfinite(made_MF).all():
                raise NotMeasurable(
                    "the samples have values that are infinite or not a number: the training has "
                    "diverged; use an earlier checkpoint"
                )
            near_NK = neighbour_distances(self._seen[name], made_MF, NEIGHBOURS)
            far_NK = self._far[name] if reference is None else self._from(name, reference)
            found[f"nearest_{name}"] = self._scores(-near_NK[:, 0])
            found[f"ratio_{name}"] = self._scores(log_ratio(near_NK, far_NK))
        if (copied := self._measure.copied) is not None:
            rest = self._candidates.reference.items if reference is None else reference
            sides = [copied(items, samples, rest) for items in self._sides]
            found["copied_parts"] = Scores(*sides)
        return {name: found[name] for name in ATTACKS if name in found}

    def _scores(self, score_N: np.ndarray) -> Scores:
        return Scores(*np.split(score_N, [len(self._candidates.members)]))


def by_networks(
    candidates: Candidates,
    recipe: Recipe,
    codec: Codec,
    generator: Generator,
    discriminator: Discriminator | None,
    *,
    device: torch.device,
) -> dict[str, Scores]:
    """Return the scores of the attacks that need the networks of a run.

    Args:
        candidates: whose membership is guessed.
        recipe: of the run.
        codec: of the run.
        generator: on the device; without a likelihood that attack is left out.
        discriminator: likewise on the device; ``None``: the run has none.
        device: of both.
    """
    sides = [
        _batch(side, recipe, codec, device) for side in (candidates.members, candidates.others)
    ]
    found = {}
    if discriminator is not None:
        reference = _batch(candidates.reference, recipe, codec, torch.device("cpu"))
        group = max(recipe.minibatch_group, 1)
        found["discriminator"] = Scores(
            *(_logits(discriminator, side, reference, group, device) for side in sides)
        )
    if generator.likelihood != "none":
        noise = seeded_noise(0, device)
        found["likelihood"] = Scores(
            *(
                -sequence_nats(generator, side, noise=noise, draws=DRAWS).double().cpu().numpy()
                for side in sides
            )
        )
    return found


def _batch(side: Side, recipe: Recipe, codec: Codec, device: torch.device) -> Batch:
    x, mask_BT = codec.encode(side.raw)
    label_NA = side.label_NA if recipe.conditional else np.zeros((len(side), 1), np.int64)
    return Batch(x.to(device), mask_BT.to(device), torch.from_numpy(label_NA).to(device))


def _logits(
    discriminator: Discriminator, side: Batch, reference: Batch, group: int, device: torch.device
) -> np.ndarray:
    """Return a logit for each item, beside reference items of its label in its group."""
    places = _companions(side.label_BA.cpu().numpy(), reference.label_BA.numpy(), group)
    batches = _grouped(side, reference, places, group)
    logit_P = sequence_logits(discriminator, batches, device).double()
    return logit_P.view(-1, group)[:, 0].numpy()


def _companions(label_NA: np.ndarray, label_RA: np.ndarray, group: int) -> np.ndarray:
    """Return for each item the places of ``group - 1`` reference items of its label, ``[N, P]``.

    Where there is none of its label, any stand beside it.

    >>> _companions(np.array([[1], [2]]), np.array([[0], [1], [1]]), 4).tolist()
    [[1, 2, 1], [0, 1, 2]]
    """
    known: dict[tuple[int, ...], Sequence[int]] = {}
    for place, row in enumerate(label_RA.tolist()):
        known[tuple(row)] = [*known.get(tuple(row), ()), place]
    anyone = range(len(label_RA))
    rows = [np.resize(known.get(tuple(row), anyone), group - 1) for row in label_NA.tolist()]
    return np.array(rows, np.int64).reshape(len(label_NA), group - 1)


def _grouped(side: Batch, reference: Batch, place_NP: np.ndarray, group: int) -> Iterator[Batch]:
    """Yield whole groups, of each the first an item of the side."""
    size = max(SCORED // group, 1)
    for start in range(0, len(side), size):
        part = side.part(slice(start, start + size))
        beside = reference.part(torch.from_numpy(place_NP[start : start + size].ravel()))
        columns = []
        for own, others in (
            (part.x_BTF, beside.x_BTF),
            (part.mask_BT, beside.mask_BT),
            (part.label_BA, beside.label_BA),
        ):
            others = others.to(own.device).view(len(part), group - 1, *own.shape[1:])
            columns.append(torch.cat([own[:, None], others], 1).flatten(0, 1))
        yield Batch(*columns)
