"""The judge of a data set, and the scores by which training chooses its best checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..batch import Batch
from ..data.dataset import DataError, Dataset, PartName
from ..data.numeric import in_ranges
from ..data.sources import cache_folder
from ..evaluation.distribution import frechet_distance
from ..evaluation.judge import Progress as JudgeProgress
from ..evaluation.judge import TrainedJudge, cached_judge, look
from ..kind import Codec, Measure
from ..nn.networks import Discriminator
from ..objectives.adversarial import sequence_logit
from ..objectives.objective import Objective
from ..objectives.ratio import Calibration
from ..recipe import Recipe
from .data import measure_of, part_items, seen
from .sampler import Sampler


def trained_judge(
    recipe: Recipe,
    dataset: Dataset,
    measure: Measure,
    *,
    seed: int,
    device: torch.device,
    say: Callable[[str], None],
    progress: JudgeProgress | None = None,
) -> TrainedJudge:
    """Return the judge of a data set; train it if it is not in the cache."""
    first = measure.real(dataset.parts["test"].items[:1])

    def part(name: PartName) -> tuple[Tensor, Tensor]:
        items, label_NA = part_items(dataset, measure, name)
        return items, torch.from_numpy(label_NA)

    return cached_judge(
        cache_folder() / "judges",
        make=lambda: measure.judge(first, dataset.classes),
        architecture=measure.key,
        key={"data": dataset.fingerprint},
        training=lambda: part("training"),
        test=lambda: part("test"),
        seed=seed,
        epochs=recipe.evaluation.judge_epochs,
        device=device,
        say=say,
        progress=progress,
    )


SCORED = 500
"""Number of sequences whose likelihood is computed at once."""


@torch.no_grad()
def sequence_logits(
    discriminator: Discriminator, batches: Iterable[Batch], device: torch.device
) -> Float[Tensor, " N"]:
    """Return a logit for each sequence, on the host."""
    found = []
    for batch in batches:
        for start in range(0, len(batch), SCORED):
            part = batch.part(slice(start, start + SCORED))
            x, label_BA, mask_BT = (
                one.to(device) for one in (part.x_BTF, part.label_BA, part.mask_BT)
            )
            found.append(
                sequence_logit(discriminator(x, label_BA, mask_BT), mask_BT).float().cpu()
            )
    return torch.cat(found)


NO_VALIDATION = (
    "train.keep 'best' requires a validation part: set data.validation, or set train.keep to a "
    "number of checkpoints"
)

NO_VALIDATION_OF_A_RATIO = (
    "objective.kind 'ratio' requires a validation part, by which the discriminator is calibrated: "
    "set data.validation"
)

LEAST_MADE = 1000
"""Samples that the validation part is told from, if it is smaller."""

CHOOSING_SEED = 1_000_003
"""Added to the seed of the main judge, because checkpoints are chosen by a different judge."""


def likelihood_score(
    recipe: Recipe, dataset: Dataset, codec: Codec, *, device: torch.device
) -> Callable[[Sampler], float]:
    """Return the score for `train.best_by: likelihood`, by which a checkpoint is chosen.

    It is the mean negative log-likelihood of the validation part, in nats per sequence.

    Raises:
        DataError: the data have no validation part.
    """
    part = seen(recipe, dataset).parts["validation"]
    if not len(part):
        raise DataError(NO_VALIDATION)
    x, mask_BT = codec.encode(part.items[: len(part)])
    whole = Batch(x.to(device), mask_BT.to(device), torch.from_numpy(part.label_NA).to(device))

    @torch.no_grad()
    def score(sampler: Sampler) -> float:
        nats = torch.zeros((), device=device)
        for start in range(0, len(whole), SCORED):
            nats -= sampler.generator.log_prob(whole.part(slice(start, start + SCORED))).sum()
        return nats.item() / len(whole)

    return score


def ratio_score(
    recipe: Recipe, dataset: Dataset, codec: Codec, objective: Objective, *, device: torch.device
) -> Callable[[int, Sampler], float | None]:
    """Return the score of `objective.kind: ratio`, by which a checkpoint is chosen.

    It is the cross-entropy in nats with which the discriminator tells the validation part from
    samples of the same labels, after its calibration, which is fitted to them.

    Raises:
        DataError: the data have no validation part.
    """
    part = seen(recipe, dataset).parts["validation"]
    if len(part) < 2:
        raise DataError(NO_VALIDATION_OF_A_RATIO)
    x, mask_BT = codec.encode(part.items[: len(part)])
    real = Batch(x, mask_BT, torch.from_numpy(part.label_NA))
    discriminator = cast(Discriminator, objective.networks["discriminator"])
    calibration = cast(Calibration, objective.networks["calibration"])
    start = recipe.ratio_from

    def score(step: int, sampler: Sampler) -> float | None:
        if start is None or step <= start:
            return None
        count = max(len(part), LEAST_MADE)
        asked_NA = np.resize(part.label_NA, (count, part.label_NA.shape[1]))
        made = list(sampler.written(asked_NA, seed=CHOOSING_SEED))
        training = discriminator.training
        discriminator.eval()
        logits = [sequence_logits(discriminator, batches, device) for batches in ([real], made)]
        discriminator.train(training)
        return calibration.fit(*logits)

    return score


def checkpoint_score(
    recipe: Recipe,
    dataset: Dataset,
    codec: Codec,
    *,
    device: torch.device,
    say: Callable[[str], None],
    progress: JudgeProgress | None = None,
) -> Callable[[Sampler], float]:
    """Return the score for `train.keep: best`: the Frechet judge distance to the validation part.

    Its judge has another seed than the main judge, which would otherwise favour this checkpoint.

    Raises:
        DataError: the data have no validation part.
    """
    if len(dataset.parts["validation"]) < 2:
        raise DataError(NO_VALIDATION)
    seed = recipe.evaluation.judge_seed + CHOOSING_SEED
    dataset = in_ranges(dataset)
    measure = measure_of(recipe, dataset)
    judge = trained_judge(
        recipe, dataset, measure, seed=seed, device=device, say=say, progress=progress
    ).judge
    items, label_NA = part_items(dataset, measure, "validation")
    real_NF = look(judge, items).features_NF
    count = min(len(items), 2000)
    asked_NA = np.resize(label_NA, (count, label_NA.shape[1]))
    if not recipe.conditional:
        asked_NA = np.zeros((count, 1), np.int64)

    def score(sampler: Sampler) -> float:
        # Not the noise of the samples in the evaluation.
        asked = sampler.in_ranges(dataset.labels) if recipe.conditional else sampler
        decoded = torch.cat(list(asked.stream(asked_NA, seed=CHOOSING_SEED)))
        samples = measure.made(decoded, codec)
        return frechet_distance(look(judge, samples).features_NF, real_NF)

    return score
