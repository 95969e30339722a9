"""GAN-train: what a classifier learns from samples alone, asked of real data."""

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
    """What a fresh judge that was trained on samples only makes of real test items.

    Its accuracy is GAN-train accuracy. It falls with samples that do not look like their label,
    and also with those that lack variety, which label accuracy never shows. A class without
    samples is never recognised.

    Args:
        samples: decoded samples.
        label_NA: what they were asked to be.
        test_items: decoded real items that the generator has not seen.
        test_label_MA: their labels.
        make_judge: makes a judge with fresh weights.
        seed: of the judge's training.
        epochs: passes over the samples.
        device: where to train.
        progress: told of the training.

    Returns:
        The verdict on the test items.

    Raises:
        TooFewSamples: fewer samples than classes in the test part.

    References:
        Shmelkov et al. 2018 ("How good is my GAN?"); Esteban et al. 2017 (TSTR).
    """
    needed = max(len(np.unique(column)) for column in test_label_MA.T)
    if len(samples) < needed:
        raise TooFewSamples(
            f"GAN-train accuracy needs at least as many samples as there are classes, {needed}; "
            f"here are {len(samples)}"
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
