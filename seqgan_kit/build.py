"""From a recipe to objects: the only file that knows every class.

Plain tables say which name of a recipe stands for which function. A new model is one file, one
entry here, one class in :mod:`seqgan_kit.recipe` and one row in the property tests.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from . import recipe as schema
from .data.dataset import Dataset, PartName
from .data.image_folder import image_folder
from .data.images import mnist_like, sklearn_digits
from .data.loader import Codec
from .data.rows import RowsCodec
from .data.sources import Progress as DownloadProgress
from .data.sources import cache_folder
from .evaluation.evaluate import Reference
from .evaluation.judge import Progress as JudgeProgress
from .evaluation.judge import cached_judge
from .models.sequence import RecurrentDiscriminator, RecurrentGenerator
from .nn.heads import ContinuousHead
from .nn.networks import Discriminator, Generator
from .nn.normalization import normalize_spectrally
from .objectives.gan import GAN
from .objectives.objective import Objective
from .objectives.penalties import ExactGradient, FiniteDifference, GradientPenalty, Penalty
from .recipe_files import RecipeError
from .report.images import GRID_ROWS, grid, label_names, save_picture
from .run import Run
from .sampling import Sampler
from .training.checkpoint import load_network
from .training.trainer import Optimization, Schedule

# -- data ---------------------------------------------------------------------------------------


def _mnist_like(data: Any, progress: DownloadProgress | None) -> Dataset:
    root = Path(data.root).expanduser() if data.root else None
    return mnist_like(data.source, root, data.validation, data.seed, progress)


def _digits(data: Any, progress: DownloadProgress | None) -> Dataset:
    return sklearn_digits(data.validation, data.seed)


def _folder(data: Any, progress: DownloadProgress | None) -> Dataset:
    return image_folder(
        Path(data.root).expanduser(),
        size=data.size,
        colour=data.colour,
        unreadable=data.unreadable,
        validation=data.validation,
        test=data.test,
        seed=data.seed,
    )


DATASETS: Mapping[str, Callable[[Any, DownloadProgress | None], Dataset]] = {
    "mnist": _mnist_like,
    "fashion_mnist": _mnist_like,
    "digits": _digits,
    "folder": _folder,
}


def load_dataset(recipe: schema.Recipe, progress: DownloadProgress | None = None) -> Dataset:
    """The data set of a recipe, fetched if need be.

    Raises:
        DataError: it cannot be had or used.
    """
    return DATASETS[recipe.data.source](recipe.data, progress)


def codec_settings(recipe: schema.Recipe, dataset: Dataset) -> dict[str, Any]:
    """All that makes the codec again without the data: it is stored in the run."""
    height, width, channels = dataset.parts["training"].items[:1].shape[1:]
    return {
        **recipe.codec.model_dump(),
        "height": int(height),
        "width": int(width),
        "channels": int(channels),
    }


CODECS: Mapping[str, Callable[..., Codec]] = {"rows": RowsCodec}


def make_codec(settings: Mapping[str, Any]) -> Codec:
    """The codec of stored settings."""
    arguments = dict(settings)
    return CODECS[arguments.pop("kind")](**arguments)


# -- networks and objectives --------------------------------------------------------------------


def _recurrent_generator(
    model: schema.RecurrentGanRecipe, codec: Codec, classes: tuple[int, ...]
) -> Generator:
    settings = model.generator.model_dump()
    head = ContinuousHead(settings["hidden_size"], codec.features)
    return RecurrentGenerator(head=head, classes=classes, steps=codec.steps, **settings)


def _recurrent_discriminator(
    model: schema.RecurrentGanRecipe, codec: Codec, classes: tuple[int, ...]
) -> Discriminator:
    settings = model.discriminator.model_dump()
    spectral = settings.pop("spectral_norm")
    settings["group"] = settings.pop("minibatch_group")
    network = RecurrentDiscriminator(features=codec.features, classes=classes, **settings)
    if spectral:
        normalize_spectrally(network)
    return network


GENERATORS: Mapping[str, Callable[..., Generator]] = {"recurrent_gan": _recurrent_generator}
DISCRIMINATORS: Mapping[str, Callable[..., Discriminator]] = {
    "recurrent_gan": _recurrent_discriminator
}
PENALTIES: Mapping[str, Callable[..., Penalty]] = {
    "finite-difference": FiniteDifference,
    "exact-gradient": ExactGradient,
    "gradient-penalty": GradientPenalty,
}


def _penalty(settings: schema.PenaltyRecipe) -> Penalty:
    arguments = settings.model_dump()
    return PENALTIES[arguments.pop("kind")](**arguments)


def _gan(recipe: schema.Recipe, codec: Codec, classes: tuple[int, ...]) -> Objective:
    objective = recipe.objective
    return GAN(
        GENERATORS[recipe.model.kind](recipe.model, codec, classes),
        DISCRIMINATORS[recipe.model.kind](recipe.model, codec, classes),
        loss=objective.loss,
        penalties=tuple(_penalty(penalty) for penalty in objective.penalties),
        # With one class there is no other label.
        mismatch=objective.mismatch if math.prod(classes) > 1 else 0.0,
        discriminator_steps=objective.discriminator_steps,
    )


OBJECTIVES: Mapping[str, Callable[..., Objective]] = {"gan": _gan}


def make_objective(recipe: schema.Recipe, codec: Codec, classes: tuple[int, ...]) -> Objective:
    """The networks of a recipe, their first weights drawn by its seed, and what trains them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        return OBJECTIVES[recipe.objective.kind](recipe, codec, classes)


def check_processes(recipe: schema.Recipe, world: int) -> None:
    """Whether a batch can be cut for so many processes.

    Raises:
        RecipeError: it cannot.
    """
    size = recipe.train.batch_size
    for key, group in (
        ("train.class_group", recipe.train.class_group),
        ("model.discriminator.minibatch_group", recipe.model.discriminator.minibatch_group),
    ):
        if group and size % (group * world):
            raise RecipeError(
                f"train.batch_size: {size} cannot be cut for {world} processes into groups of "
                f"{key} = {group}; choose a multiple of {group * world}"
            )


def optimization(recipe: schema.Recipe, objective: Objective) -> dict[str, Optimization]:
    """Adam's settings for each network."""
    train = recipe.train
    return {
        turn.name: Optimization(
            train.learning_rates.get(turn.name, train.learning_rate), train.betas
        )
        for turn in objective.turns
    }


def schedule(recipe: schema.Recipe) -> Schedule:
    """The learning rates' schedule."""
    return Schedule(**recipe.train.schedule.model_dump())


# -- what is done with a trained network --------------------------------------------------------


def load_sampler(
    run: Run, recipe: schema.Recipe, *, checkpoint: str | None, device: torch.device
) -> Sampler:
    """The averaged generator of a run, ready to sample.

    Raises:
        RunError: no such checkpoint.
        FileProblem: it is damaged or of another shape.
    """
    labels = run.info["labels"]
    classes = tuple(len(names) for names in labels.values())
    codec = make_codec(run.info["codec"])
    generator = GENERATORS[recipe.model.kind](recipe.model, codec, classes)
    load_network(run.checkpoint(checkpoint), "average", generator)
    return Sampler(generator.to(device).eval(), codec, labels, device)


def draw_grid(sampler: Sampler, path: Path, *, columns: int = 12, seed: int = 0) -> None:
    """A picture of samples, one row a label."""
    rows_NA = sampler.label_rows(None, 1)[:GRID_ROWS]
    images = torch.cat(list(sampler.stream(np.repeat(rows_NA, columns, 0), seed=seed))).numpy()
    names = [" ".join(label_names(row, sampler.labels)) for row in rows_NA]
    save_picture(grid(list(images.reshape(len(names), columns, *images.shape[1:])), names), path)


def decoded(dataset: Dataset, codec: Codec, part: PartName) -> tuple[Tensor, np.ndarray]:
    """A part of a data set as the codec shows it: decoded things and their labels."""
    items = dataset.parts[part]
    return codec.decode(*codec.encode(items.items[: len(items)])), items.label_NA


def reference(
    recipe: schema.Recipe,
    dataset: Dataset,
    codec: Codec,
    *,
    device: torch.device,
    progress: JudgeProgress | None = None,
) -> Reference:
    """Real test data and the judge, trained if the cache does not have it."""

    def training() -> tuple[Tensor, Tensor]:
        items, label_NA = decoded(dataset, codec, "training")
        return items, torch.from_numpy(label_NA)

    test, label_NA = decoded(dataset, codec, "test")
    judge = cached_judge(
        cache_folder() / "judges",
        key={"data": dataset.fingerprint},
        data=training,
        channels=test.shape[-1],
        classes=dataset.classes,
        seed=recipe.evaluation.judge_seed,
        epochs=recipe.evaluation.judge_epochs,
        device=device,
        progress=progress,
    )
    return Reference(judge, test, label_NA)
