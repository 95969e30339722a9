"""Items whose membership is guessed: training and held-out ones that differ in nothing else."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Int
from torch import Tensor

from ..data.dataset import PARTS, Dataset, Part, PartName
from ..data.numeric import in_ranges
from ..errors import UsageError
from ..kind import Codec, Measure
from ..recipe import Recipe
from ..runs import data as data_of

LEAST = 10
"""Fewest items on a side; with so few, intervals reach from one end to the other."""

MOST = 2000
"""Items on a side where nothing else is asked for: areas are then good to about 0.02."""

LARGEST_REFERENCE = 5000


class AuditError(UsageError):
    """The error for a run that cannot be audited; the message says why."""


@dataclass(frozen=True)
class Side:
    """Some real items.

    Attributes:
        raw: as the data set has them, for codecs.
        items: as judges read them.
        label_NA: their labels, as the data set has them.
        class_NA: their labels with numeric ones as ranges.
    """

    raw: Any
    items: Tensor
    label_NA: Int[np.ndarray, "N A"]
    class_NA: Int[np.ndarray, "N A"]

    def __len__(self) -> int:
        return len(self.label_NA)


@dataclass(frozen=True)
class Candidates:
    """Training and held-out items in pairs of the same labels, and others nobody trained on.

    Attributes:
        members: training items.
        others: as many items that were held out.
        reference: further items that were held out, which an attacker may have.
        held_out: the part that ``others`` are from.
        repeated: items of all parts that occur more than once, and were left out.
        training: items that the run was trained on.
        labels: attributes with their classes, numeric ones as ranges.
    """

    members: Side
    others: Side
    reference: Side
    held_out: PartName
    repeated: int
    training: int
    labels: Mapping[str, Sequence[str]]


def candidates(
    recipe: Recipe,
    dataset: Dataset,
    codec: Codec,
    measure: Measure,
    *,
    items: int = MOST,
    seed: int = 0,
) -> Candidates:
    """Choose the items of an audit.

    An attack is to find what a model knows of its training items, so nothing else may tell these
    from held-out ones. Whatever the codec refuses in training is left out on all sides. An item
    that occurs more than once is left out wherever it is: a copy of a training item among the
    held-out ones would count as a false alarm, and if only held-out copies were dropped, what is
    common in the data would be in the training part only. Each training item has a held-out one
    of the same labels.

    Args:
        recipe: of the run.
        dataset: its data.
        codec: its codec.
        measure: how these data become items.
        items: most items on each side.
        seed: of the choice.

    Raises:
        AuditError: there are too few.
    """
    rng = np.random.default_rng(seed)
    parts = {name: _usable(recipe, dataset, codec, name) for name in PARTS}
    ranged = in_ranges(replace(dataset, parts=parts))
    filled = [name for name in PARTS if len(parts[name])]
    once = _occur_once({name: data_of.part_items(ranged, measure, name)[0] for name in filled})
    repeated = sum(int((~found_N).sum()) for found_N in once.values())
    single = {name: np.flatnonzero(once.get(name, ())) for name in PARTS}
    held_out: PartName = "test" if len(single["test"]) else "validation"
    rest: PartName = "validation" if held_out == "test" else "test"

    def paired(held_P: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        class_NA = [ranged.parts[n].label_NA for n in ("training", held_out)]
        return _pairs(single["training"], held_P, *class_NA, count=items, rng=rng)

    member_P, other_P = paired(single[held_out])
    spare = len(single[rest]) + len(single[held_out]) - len(other_P)
    if spare < max(LEAST, len(other_P) // 4):
        # Nothing would be left to compare with.
        kept = rng.permutation(single[held_out])[: -(-2 * len(single[held_out]) // 3)]
        member_P, other_P = paired(np.sort(kept))
    left_P = np.setdiff1d(single[held_out], other_P)
    count = len(single[rest]) + len(left_P)
    if len(member_P) < LEAST or count < LEAST:
        raise AuditError(
            f"an audit takes at least {LEAST} held-out items with the labels of training items, "
            f"and {LEAST} further ones; {dataset.name} has {len(member_P)} and {count} (items "
            f"that occur more than once do not count: {repeated:,}): hold out more before "
            "training (data.test, data.validation)"
        )

    def side(*places: tuple[PartName, np.ndarray]) -> Side:
        raw = np.concatenate([parts[n].pick(place_P) for n, place_P in places if len(place_P)])
        label_NA, class_NA = (
            np.concatenate([of[name].label_NA[place_P] for name, place_P in places])
            for of in (parts, ranged.parts)
        )
        return Side(raw, measure.real(raw), label_NA, class_NA)

    few_P = np.sort(rng.permutation(count)[:LARGEST_REFERENCE])
    border = len(single[rest])
    return Candidates(
        members=side(("training", member_P)),
        others=side((held_out, other_P)),
        reference=side(
            (rest, single[rest][few_P[few_P < border]]),
            (held_out, left_P[few_P[few_P >= border] - border]),
        ),
        held_out=held_out,
        repeated=repeated,
        training=len(parts["training"]),
        labels=ranged.labels,
    )


def _usable(recipe: Recipe, dataset: Dataset, codec: Codec, name: PartName) -> Part:
    """Return the items of a part that the codec would take in training."""
    part = dataset.parts[name]
    if not len(part):
        return part
    alone = replace(dataset, parts={**dataset.parts, "training": part})
    return data_of.trainable(recipe, alone, codec)[0].parts["training"]


def _occur_once(items: Mapping[PartName, Tensor]) -> dict[PartName, Bool[np.ndarray, " N"]]:
    """Return which items of each part occur once in all of them."""
    # Rows of some kinds are as long as the longest of their set, with zeros behind their ends.
    digests = {
        name: [
            hashlib.blake2b(row.tobytes().rstrip(b"\0"), digest_size=16).digest()
            for row in rows.contiguous().numpy()
        ]
        for name, rows in items.items()
    }
    counts = Counter(digest for found in digests.values() for digest in found)
    return {
        name: np.array([counts[digest] == 1 for digest in found], bool)
        for name, found in digests.items()
    }


def _pairs(
    member_P: np.ndarray,
    other_P: np.ndarray,
    class_MA: Int[np.ndarray, "M A"],
    class_NA: Int[np.ndarray, "N A"],
    *,
    count: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Return places of members and of others, as many of each class on both sides."""
    both = np.concatenate([class_MA[member_P], class_NA[other_P]])
    joint = np.unique(both, axis=0, return_inverse=True)[1].ravel()
    joint_M, joint_N = np.split(joint, [len(member_P)])
    sides: tuple[list[np.ndarray], list[np.ndarray]] = [], []
    for number in np.unique(joint):
        found = [
            rng.permutation(place_P[joint_P == number])
            for place_P, joint_P in ((member_P, joint_M), (other_P, joint_N))
        ]
        for side, place_P in zip(sides, found, strict=True):
            side.append(place_P[: min(map(len, found))])
    members, others = (np.concatenate(side) if side else np.zeros(0, int) for side in sides)
    chosen = rng.permutation(len(members))[:count]
    return members[chosen], others[chosen]
