"""GAN-train: a classifier trained only on samples and tested on real data."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from .distribution import TooFewSamples
from .judge import Judge, Progress, Verdict, look, train_judge


def gan_train(
    samples: Float[Tensor, "N ..."] | Int[Tensor, "N ..."],
    label_NA: Int[np.ndarray, "N A"],
    test_items: Float[Tensor, "M ..."] | Int[Tensor, "M ..."],
    test_label_MA: Int[np.ndarray, "M A"],
    *,
    make_judge: Callable[[], Judge],
    seed: int,
    epochs: int,
    device: torch.device,
    progress: Progress | None = None,
) -> Verdict:
    """Train a fresh judge on samples only, and let it judge real test items.

    Its accuracy is the GAN-train accuracy. It is lower if samples do not match their labels, and
    also if they lack variety, which label accuracy does not show. A class without samples is
    never recognised.

    Args:
        samples: decoded samples.
        label_NA: their requested labels.
        test_items: decoded real items that the generator has not seen.
        test_label_MA: their labels.
        make_judge: makes a judge with fresh weights.
        seed: seed of the judge's training.
        epochs: passes over the samples.
        device: device of the training.
        progress: called during training.

    Returns:
        The verdict on the test items.

    Raises:
        TooFewSamples: there are fewer samples than classes in the test part.

    References:
        Shmelkov et al. 2018 ("How good is my GAN?"); Esteban et al. 2017 (TSTR).
    """
    needed = max(len(np.unique(column)) for column in test_label_MA.T)
    if len(samples) < needed:
        raise TooFewSamples(
            f"GAN-train accuracy needs at least one sample per class ({needed}), but there are "
            f"{len(samples)}"
        )
    judge = train_judge(
        samples,
        torch.from_numpy(label_NA),
        make=make_judge,
        seed=seed,
        epochs=epochs,
        device=device,
        progress=progress,
    )
    return look(judge, test_items)
