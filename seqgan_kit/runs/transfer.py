"""Weights of another run, whose classes may have other names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from ..labels import normal
from ..nn.condition import LabelEmbedding
from ..objectives.objective import Objective
from ..training.checkpoint import load_network, network_names
from ..training.run import Run, RunError
from .watch import Watch

NAMED = 8
"""Most classes that a note lists."""


def begin_with(
    other: Run, objective: Objective, labels: Mapping[str, Sequence[str]], watch: Watch
) -> None:
    """Load the weights of another run; networks missing there stay as they are.

    Classes keep their weights by name; those with other names take what is left, in order.

    Args:
        other: the other run.
        objective: has the networks.
        labels: attributes and classes of these networks.
        watch: is told what was done.

    Raises:
        RunError: the other run has other numbers of classes.
        FileProblem: its networks have other sizes, or are damaged.
    """
    weights, theirs = other.checkpoint(), other.info["labels"]
    sizes = [[len(classes) for classes in one.values()] for one in (theirs, labels)]
    if sizes[0] != sizes[1]:
        raise RunError(
            f"{other.path} has {_counted(theirs)}, and these data have {_counted(labels)}: "
            "weights can only be taken over where there are as many classes"
        )
    source_of = [
        mapping(old, new) for old, new in zip(theirs.values(), labels.values(), strict=True)
    ]
    starts = [sum(sizes[0][:place]) for place in range(len(source_of))]
    rows = [start + row for start, one in zip(starts, source_of, strict=True) for row in one]
    found = network_names(weights)
    for name, network in objective.networks.items():
        # For the averaged network the average, from which that run draws its samples.
        average = name == objective.averaged and "average" in found
        if name not in found and not average:
            watch.say(f"the {name} begins anew: the other run has none")
            continue
        load_network(weights, "average" if average else name, network)
        for module in network.modules():
            if isinstance(module, LabelEmbedding):
                with torch.no_grad():
                    module.table.copy_(module.table[rows].clone())
    watch.say(f"starting from the weights of {weights}")
    for (attribute, new), old, source in zip(
        labels.items(), theirs.values(), source_of, strict=True
    ):
        pairs = [(a, old[b]) for a, b in zip(new, source, strict=True) if a != old[b]]
        if pairs:
            shown = ", ".join(f"{a} takes the weights of {b}" for a, b in pairs[:NAMED])
            more = f", and {len(pairs) - NAMED} more" if len(pairs) > NAMED else ""
            watch.say(f"{attribute}: {shown}{more}; equal names keep theirs")


def mapping(old: Sequence[str], new: Sequence[str]) -> list[int]:
    """Return for each new class the old one whose weights it takes.

    >>> mapping(["cat", "dog", "cow"], ["dog", "hen", "cat"])
    [1, 2, 0]
    """
    place = {normal(name): number for number, name in enumerate(old)}
    known = {normal(name) for name in new}
    left = [number for name, number in place.items() if name not in known]
    return [place[normal(name)] if normal(name) in place else left.pop(0) for name in new]


def _counted(labels: Mapping[str, Sequence[str]]) -> str:
    return ", ".join(f"{len(classes)} classes of {name}" for name, classes in labels.items())
