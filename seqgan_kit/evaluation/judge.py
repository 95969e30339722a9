"""The judge: a small classifier, trained once on real data, that evaluates samples."""

from __future__ import annotations

import hashlib
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from filelock import FileLock
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..files import (
    FileProblem,
    intact,
    misfit,
    read_json,
    read_tensors,
    write_folder,
    write_json,
    write_sums,
    write_tensors,
)

Progress = Callable[[int, int], None]
"""Called with the number of steps done and the total."""

LEAST_STEPS = 600
"""Steps of training, however few items there are."""

WEIGHTS = "judge.safetensors"
FEATURES = 128
CHUNK = 512


class Judge(nn.Module, ABC):
    """A classifier of decoded items, whose last hidden layer provides features.

    Args:
        classes: number of classes of each attribute.
    """

    def __init__(self, *, classes: Sequence[int]) -> None:
        super().__init__()
        self.classes = tuple(classes)

    @abstractmethod
    def features(
        self, items: Float[Tensor, "B ..."] | Int[Tensor, "B ..."]
    ) -> Float[Tensor, "B F"]:
        """Compute features of decoded items."""

    @abstractmethod
    def logits(self, features_BF: Float[Tensor, "B F"]) -> list[Tensor]:
        """Compute for each attribute the logits of its classes, ``[B, K]``."""


@dataclass(frozen=True)
class Verdict:
    """The output of a judge: the predicted class of each attribute, and the features."""

    label_NA: Int[np.ndarray, "N A"]
    features_NF: Float[np.ndarray, "N F"]

    def accuracy(self, label_NA: np.ndarray) -> float:
        """Return the share of items with every attribute recognised."""
        return float((self.label_NA == label_NA).all(1).mean())

    def part(self, index_N: Int[np.ndarray, " M"]) -> Verdict:
        """Return the verdict on some of the items."""
        return Verdict(self.label_NA[index_N], self.features_NF[index_N])


def train_judge(
    items: Float[Tensor, "N ..."] | Int[Tensor, "N ..."],
    label_NA: Int[Tensor, "N A"],
    *,
    make: Callable[[], Judge],
    seed: int,
    epochs: int = 4,
    device: torch.device | None = None,
    progress: Progress | None = None,
) -> Judge:
    """Train a judge on decoded items.

    If every attribute has a single class, the judge is returned untrained: the features of a
    random network also work for precision, recall, density and coverage (Naeem et al. 2020,
    *Reliable Fidelity and Diversity Metrics*).

    Args:
        items: decoded items, for an image judge ``[N, height, width, channels]`` from 0 to 1.
        label_NA: their labels.
        make: makes the judge with fresh weights.
        seed: seed of the initial weights, the order and the dropout.
        epochs: passes over the data; small sets are repeated for :data:`LEAST_STEPS`.
        device: device of the training.
        progress: called every 20 steps.
    """
    device = torch.device("cpu") if device is None else device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        judge = make().to(device)
        if all(count == 1 for count in judge.classes):
            return judge.eval()
        batch = min(128, len(items))
        per_epoch = len(items) // batch
        steps = max(epochs * per_epoch, LEAST_STEPS)
        optimizer = torch.optim.Adam(judge.parameters(), lr=1e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=2e-3, total_steps=steps)
        order = torch.empty(0, dtype=torch.long)
        for step in range(steps):
            place = step % per_epoch
            if place == 0:
                order = torch.randperm(len(items))
            index = order[place * batch : (place + 1) * batch]
            logits = judge.logits(judge.features(items[index].to(device)))
            truth_BA = label_NA[index].to(device)
            losses = [
                nn.functional.cross_entropy(logit, truth_BA[:, attribute])
                for attribute, logit in enumerate(logits)
            ]
            loss = torch.stack(losses).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            if progress is not None and (step % 20 == 0 or step + 1 == steps):
                progress(step + 1, steps)
    return judge.eval()


@torch.no_grad()
def look(judge: Judge, items: Float[Tensor, "N ..."] | Int[Tensor, "N ..."]) -> Verdict:
    """Judge decoded items."""
    device = next(judge.parameters()).device
    labels, features = [], []
    for chunk in items.split(CHUNK):
        seen_BF = judge.features(chunk.to(device))
        labels.append(torch.stack([logit.argmax(1) for logit in judge.logits(seen_BF)], 1).cpu())
        features.append(seen_BF.cpu())
    return Verdict(torch.cat(labels).numpy(), torch.cat(features).numpy())


def cache_name(key: Mapping[str, object]) -> str:
    """Return the name of the cache entry for ``key``."""
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]


class TrainedJudge(NamedTuple):
    """A judge, and the share of real test items in which it recognises every attribute."""

    judge: Judge
    accuracy: float


def cached_judge(
    folder: Path,
    *,
    make: Callable[[], Judge],
    architecture: str,
    key: Mapping[str, object],
    training: Callable[[], tuple[Tensor, Tensor]],
    test: Callable[[], tuple[Tensor, Tensor]],
    seed: int,
    epochs: int,
    device: torch.device,
    say: Callable[[str], None],
    progress: Progress | None = None,
) -> TrainedJudge:
    """Return the judge of this key and its accuracy, from the cache or newly trained.

    Args:
        folder: the cache.
        make: makes the judge with fresh weights.
        architecture: name of the architecture that ``make`` makes (``"image-1"``).
        key: everything else that the judge depends on: the fingerprint of the data and how they
            were processed.
        training: returns items and labels of the training part; called only to train.
        test: the same for the test part; called only to measure the accuracy.
        seed: seed of the training.
        epochs: passes over the data.
        device: device of the judge.
        say: called with a message if the cached judge is damaged (it is trained again).
        progress: called during training.
    """
    with torch.random.fork_rng(devices=[]):
        judge = make()
    full_key = {
        **key,
        "classes": list(judge.classes),
        "seed": seed,
        "epochs": epochs,
        "judge": architecture,
    }
    name = cache_name(full_key)
    place = folder / name
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f"{name}.lock"):
        damage = _load(place, full_key, judge)
        if damage is not None:
            if place.exists():
                say(f"The cached judge {place} is damaged and will be trained again: {damage}.")
            judge = train_judge(
                *training(), make=make, seed=seed, epochs=epochs, device=device, progress=progress
            )
            with write_folder(place, replace=True) as draft:
                write_tensors(draft / WEIGHTS, judge.state_dict())
                write_json(draft / "key.json", full_key)
                write_sums(draft)
        judge = judge.to(device).eval()
        accuracy = _kept_accuracy(place)
        if accuracy is None:
            # Newly trained, or cached by a version that did not store it: measuring takes seconds.
            items, label_NA = test()
            if not len(items):
                return TrainedJudge(judge, math.nan)  # Without a test part nothing is claimed.
            accuracy = look(judge, items).accuracy(label_NA.numpy())
            write_json(place / "accuracy.json", accuracy)
    return TrainedJudge(judge, accuracy)


def _kept_accuracy(place: Path) -> float | None:
    """Return the stored accuracy of a judge; ``None`` where there is none that makes sense."""
    try:
        found = read_json(place / "accuracy.json")
    except (OSError, FileProblem):
        return None
    return float(found) if type(found) in (int, float) and 0 <= found <= 1 else None


def _load(place: Path, key: Mapping[str, object], judge: Judge) -> str | None:
    """Load cached weights into ``judge``; return why they do not fit, or ``None``."""
    try:
        if read_json(place / "key.json") != key:
            return "key.json belongs to another judge"
        weights = read_tensors(intact(place / WEIGHTS))
    except (OSError, FileProblem) as error:
        return str(error)
    problem = misfit(weights, judge)
    if problem is None:
        judge.load_state_dict(weights)
    return problem
