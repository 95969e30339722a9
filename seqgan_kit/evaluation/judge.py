"""A small classifier trained once on real data: the eye of the evaluation."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from jaxtyping import Float, Int
from torch import Tensor, nn

from ..files import FileProblem, read_json, read_tensors, write_folder, write_json, write_tensors

Progress = Callable[[int, int], None]
"""Called with the steps done and their number."""

FEATURES = 128
CHUNK = 512


class ImageJudge(nn.Module):
    """Two convolutions and a hidden layer, whose activations are the judge's features.

    Args:
        channels: of the images.
        classes: classes of each attribute.
    """

    def __init__(self, *, channels: int, classes: Sequence[int]) -> None:
        super().__init__()
        self.classes = tuple(classes)
        self.see = nn.Sequential(
            nn.Conv2d(channels, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True),
            nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True),
            nn.AdaptiveAvgPool2d(7), nn.Flatten(), nn.Dropout(0.25),
            nn.Linear(64 * 49, FEATURES), nn.ReLU(),
        )  # fmt: skip
        self.decide = nn.Linear(FEATURES, sum(classes))

    def features(self, images_BHWC: Float[Tensor, "B h w c"]) -> Float[Tensor, "B F"]:
        """Features of images with values from 0 to 1."""
        return self.see(images_BHWC.movedim(-1, 1) * 2 - 1)

    def logits(self, features_BF: Float[Tensor, "B F"]) -> list[Tensor]:
        """For each attribute the logits of its classes, ``[B, K]``."""
        return list(self.decide(features_BF).split(self.classes, 1))


@dataclass(frozen=True)
class Verdict:
    """What a judge saw: the class it gives each attribute, and the features behind it."""

    label_NA: Int[np.ndarray, "N A"]
    features_NF: Float[np.ndarray, "N F"]

    def accuracy(self, label_NA: np.ndarray) -> float:
        """Share of items of which every attribute was recognised."""
        return float((self.label_NA == label_NA).all(1).mean())


def train_judge(
    images: Tensor,
    label_NA: Tensor,
    *,
    classes: Sequence[int],
    seed: int,
    epochs: int = 4,
    device: torch.device | None = None,
    progress: Progress | None = None,
) -> ImageJudge:
    """Train a judge on decoded items.

    Args:
        images: ``[N, height, width, channels]``, values from 0 to 1.
        label_NA: their labels.
        classes: classes of each attribute.
        seed: of the first weights, the order and the dropout.
        epochs: passes over the data; small sets are repeated up to at least 600 steps.
        device: where to train.
        progress: called now and then.
    """
    device = torch.device("cpu") if device is None else device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        judge = ImageJudge(channels=images.shape[-1], classes=classes).to(device)
        batch = min(128, len(images))
        per_epoch = len(images) // batch
        steps = max(epochs * per_epoch, 600)
        optimizer = torch.optim.Adam(judge.parameters(), lr=1e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=2e-3, total_steps=steps)
        order = torch.empty(0, dtype=torch.long)
        for step in range(steps):
            place = step % per_epoch
            if place == 0:
                order = torch.randperm(len(images))
            index = order[place * batch : (place + 1) * batch]
            logits = judge.logits(judge.features(images[index].to(device)))
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
def look(judge: ImageJudge, images: Tensor) -> Verdict:
    """Judge images ``[N, height, width, channels]`` with values from 0 to 1."""
    device = next(judge.parameters()).device
    labels, features = [], []
    for chunk in images.split(CHUNK):
        seen_BF = judge.features(chunk.to(device))
        labels.append(torch.stack([logit.argmax(1) for logit in judge.logits(seen_BF)], 1).cpu())
        features.append(seen_BF.cpu())
    return Verdict(torch.cat(labels).numpy(), torch.cat(features).numpy())


def cached_judge(
    folder: Path,
    *,
    key: Mapping[str, object],
    data: Callable[[], tuple[Tensor, Tensor]],
    channels: int,
    classes: Sequence[int],
    seed: int,
    epochs: int,
    device: torch.device,
    progress: Progress | None = None,
) -> ImageJudge:
    """The judge of this key, trained if the cache does not have it.

    Args:
        folder: the cache.
        key: all that the judge depends on: the data's fingerprint, what was done to them.
        data: gives images and labels of the training part; called only to train.
        channels: of the images.
        classes: classes of each attribute.
        seed: of the training.
        epochs: passes over the data.
        device: where it is to be.
        progress: told of the training.
    """
    full_key = {
        **key,
        "classes": list(classes),
        "seed": seed,
        "epochs": epochs,
        "judge": "image-1",
    }
    name = hashlib.sha256(json.dumps(full_key, sort_keys=True).encode()).hexdigest()[:16]
    place = folder / name
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f"{name}.lock"):
        judge = ImageJudge(channels=channels, classes=classes)
        try:
            if read_json(place / "key.json") == full_key:
                judge.load_state_dict(read_tensors(place / "judge.safetensors"))
                return judge.to(device).eval()
        except (FileNotFoundError, FileProblem, RuntimeError):
            pass  # Absent or damaged: trained again below, and replaced as a whole.
        images, label_NA = data()
        judge = train_judge(
            images,
            label_NA,
            classes=classes,
            seed=seed,
            epochs=epochs,
            device=device,
            progress=progress,
        )
        with write_folder(place, replace=True) as draft:
            write_tensors(draft / "judge.safetensors", judge.state_dict())
            write_json(draft / "key.json", full_key)
    return judge
