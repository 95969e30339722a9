"""From a recipe to objects: the only file that knows every class.

Plain tables say which name of a recipe stands for which function. A new model is one file, one
entry here, one class in :mod:`seqgan_kit.recipe` and one row in the property tests.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from . import recipe as schema
from .data.dataset import DataError, Dataset, PartName, unlabelled
from .data.image_folder import image_folder
from .data.images import binarized, mnist_like, sklearn_digits
from .data.loader import Codec
from .data.rows import ImageCodec, RowsCodec
from .data.sources import Progress as DownloadProgress
from .data.sources import cache_folder
from .evaluation.distribution import frechet_distance
from .evaluation.judge import ImageJudge, Judge, TrainedJudge, cached_judge, look
from .evaluation.judge import Progress as JudgeProgress
from .models.image_gan import (
    ConvolutionalDiscriminator,
    ConvolutionalGenerator,
    DenseGenerator,
)
from .models.sequence import RecurrentDiscriminator, RecurrentEncoder, RecurrentGenerator
from .models.vae import ConvolutionalEncoder, VariationalAutoencoder
from .nn.heads import BernoulliHead, ContinuousHead, Head, LogisticHead
from .nn.networks import Autoencoder, Discriminator, Generator
from .nn.normalization import normalize_spectrally
from .objectives.elbo import ELBO
from .objectives.gan import GAN
from .objectives.likelihood import Likelihood
from .objectives.objective import Objective
from .objectives.penalties import ExactGradient, FiniteDifference, GradientPenalty, Penalty
from .objectives.phases import Phases
from .recipe_files import RecipeError
from .report.images import GRID_ROWS, grid, label_names, save_picture
from .run import Run, RunError
from .sampling import Sampler
from .training.checkpoint import load_network
from .training.trainer import Optimization, Schedule

# -- data ---------------------------------------------------------------------------------------


def _mnist_like(data: Any, progress: DownloadProgress | None) -> Dataset:
    root = Path(data.root).expanduser() if data.root else None
    dataset = mnist_like(data.source, root, data.validation, data.seed, progress)
    return dataset if data.binarize is None else binarized(dataset, data.binarize)


def _digits(data: Any, progress: DownloadProgress | None) -> Dataset:
    dataset = sklearn_digits(data.validation, data.seed)
    return dataset if data.binarize is None else binarized(dataset, data.binarize)


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


def seen(recipe: schema.Recipe, dataset: Dataset) -> Dataset:
    """The data as the networks see them: without labels where the recipe says so."""
    return dataset if recipe.conditional else unlabelled(dataset)


def codec_settings(recipe: schema.Recipe, dataset: Dataset) -> dict[str, Any]:
    """All that makes the codec again without the data: it is stored in the run."""
    height, width, channels = dataset.parts["training"].items[:1].shape[1:]
    return {
        **recipe.codec.model_dump(),
        "height": int(height),
        "width": int(width),
        "channels": int(channels),
    }


CODECS: Mapping[str, Callable[..., Codec]] = {"rows": RowsCodec, "image": ImageCodec}


def make_codec(settings: Mapping[str, Any]) -> Codec:
    """The codec of stored settings."""
    arguments = dict(settings)
    return CODECS[arguments.pop("kind")](**arguments)


# -- networks and objectives --------------------------------------------------------------------


HEADS: Mapping[str, Callable[..., Head]] = {
    "continuous": ContinuousHead,
    "bernoulli": BernoulliHead,
    "logistic": LogisticHead,
}


def _head(settings: Mapping[str, Any], hidden_size: int, codec: Codec) -> Head:
    arguments = dict(settings)
    return HEADS[arguments.pop("kind")](hidden_size, codec.features, **arguments)


def _recurrent_generator(
    model: schema.RecurrentGanRecipe, codec: Codec, classes: tuple[int, ...]
) -> Generator:
    settings = model.generator.model_dump()
    head = _head(settings.pop("head"), settings["hidden_size"], codec)
    return RecurrentGenerator(head=head, classes=classes, steps=codec.steps, **settings)


def _critic(
    make: Callable[..., Discriminator], settings: schema.Section, **arguments: Any
) -> Discriminator:
    arguments |= settings.model_dump()
    spectral = arguments.pop("spectral_norm")
    network = make(group=arguments.pop("minibatch_group"), **arguments)
    if spectral:
        normalize_spectrally(network)
    return network


def _recurrent_discriminator(
    model: schema.RecurrentGanRecipe, codec: Codec, classes: tuple[int, ...]
) -> Discriminator:
    return _critic(
        RecurrentDiscriminator, model.discriminator, features=codec.features, classes=classes
    )


def _image_generator(
    model: schema.ImageGanRecipe, codec: ImageCodec, classes: tuple[int, ...]
) -> Generator:
    settings = model.generator.model_dump()
    if settings.pop("kind") == "convolutional":
        return ConvolutionalGenerator(shape=codec.shape, classes=classes, **settings)
    head = ContinuousHead(settings["widths"][-1], codec.features)
    return DenseGenerator(head=head, classes=classes, **settings)


def _convolutional_discriminator(
    model: schema.ImageGanRecipe, codec: ImageCodec, classes: tuple[int, ...]
) -> Discriminator:
    return _critic(
        ConvolutionalDiscriminator, model.discriminator, shape=codec.shape, classes=classes
    )


def _vae(model: schema.VaeRecipe, codec: ImageCodec, classes: tuple[int, ...]) -> Autoencoder:
    settings = model.decoder.model_dump()
    head = _head(settings.pop("head"), settings["widths"][-1], codec)
    return VariationalAutoencoder(
        encoder=ConvolutionalEncoder(
            shape=codec.shape, classes=classes, **model.encoder.model_dump()
        ),
        decoder=DenseGenerator(
            head=head, classes=classes, noise_size=model.latent_size, **settings
        ),
        latent_size=model.latent_size,
    )


def _recurrent_vae(
    model: schema.RecurrentVaeRecipe, codec: Codec, classes: tuple[int, ...]
) -> Autoencoder:
    settings = model.decoder.model_dump()
    head = _head(settings.pop("head"), settings["hidden_size"], codec)
    return VariationalAutoencoder(
        encoder=RecurrentEncoder(
            features=codec.features, classes=classes, **model.encoder.model_dump()
        ),
        decoder=RecurrentGenerator(
            head=head,
            classes=classes,
            steps=codec.steps,
            noise_size=model.latent_size,
            step_noise_size=0,
            **settings,
        ),
        latent_size=model.latent_size,
    )


GENERATORS: Mapping[str, Callable[..., Generator]] = {
    "recurrent_gan": _recurrent_generator,
    "image_gan": _image_generator,
    "vae": _vae,
    "recurrent_vae": _recurrent_vae,
}
DISCRIMINATORS: Mapping[str, Callable[..., Discriminator]] = {
    "recurrent_gan": _recurrent_discriminator,
    "image_gan": _convolutional_discriminator,
}
PENALTIES: Mapping[str, Callable[..., Penalty]] = {
    "finite-difference": FiniteDifference,
    "exact-gradient": ExactGradient,
    "gradient-penalty": GradientPenalty,
}


def _penalty(settings: schema.PenaltyRecipe) -> Penalty:
    arguments = settings.model_dump()
    return PENALTIES[arguments.pop("kind")](**arguments)


class _Networks:
    """The networks of a recipe, each made when it is first asked for and shared by the phases."""

    def __init__(self, recipe: schema.Recipe, codec: Codec, classes: tuple[int, ...]) -> None:
        self._arguments = (recipe.model, codec, classes)
        self._kind = recipe.model.kind
        self.classes = classes

    @cached_property
    def generator(self) -> Generator:
        return GENERATORS[self._kind](*self._arguments)

    @cached_property
    def discriminator(self) -> Discriminator:
        return DISCRIMINATORS[self._kind](*self._arguments)


def _gan(settings: schema.GanObjectiveRecipe, networks: _Networks) -> Objective:
    return GAN(
        networks.generator,
        networks.discriminator,
        loss=settings.loss,
        penalties=tuple(_penalty(penalty) for penalty in settings.penalties),
        # With one class there is no other label.
        mismatch=settings.mismatch if math.prod(networks.classes) > 1 else 0.0,
        discriminator_steps=settings.discriminator_steps,
    )


def _likelihood(settings: schema.LikelihoodObjectiveRecipe, networks: _Networks) -> Objective:
    return Likelihood(networks.generator)


def _elbo(settings: schema.ElboObjectiveRecipe, networks: _Networks) -> Objective:
    autoencoder = cast(Autoencoder, networks.generator)
    return ELBO(autoencoder, beta=settings.beta, warmup=settings.warmup)


OBJECTIVES: Mapping[str, Callable[..., Objective]] = {
    "gan": _gan,
    "likelihood": _likelihood,
    "elbo": _elbo,
}


def make_objective(recipe: schema.Recipe, codec: Codec, classes: tuple[int, ...]) -> Objective:
    """The networks of a recipe, their first weights drawn by its seed, and what trains them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        networks = _Networks(recipe, codec, classes)
        objectives = [OBJECTIVES[o.kind](o, networks) for o in recipe.objectives]
    if not recipe.phases:
        return objectives[0]
    steps = [phase.steps for phase in recipe.phases]
    return Phases(
        list(zip(objectives, steps, strict=True)),
        factors=[phase.learning_rate_factor for phase in recipe.phases],
    )


def check_processes(recipe: schema.Recipe, world: int) -> None:
    """Whether a batch can be cut for so many processes.

    Raises:
        RecipeError: it cannot.
    """
    size = recipe.train.batch_size
    for key, group in (
        ("train.class_group", recipe.train.class_group),
        ("model.discriminator.minibatch_group", recipe.minibatch_group),
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


def load_critic(run: Run, recipe: schema.Recipe, *, checkpoint: str | None) -> Discriminator:
    """The discriminator of a run.

    Raises:
        RunError: no such checkpoint, or a run without a discriminator.
        FileProblem: it is damaged or of another shape.
    """
    if not any(objective.kind == "gan" for objective in recipe.objectives):
        raise RunError(f"{run.path} has no discriminator: it was not trained as a GAN")
    classes = tuple(len(names) for names in run.info["labels"].values())
    codec = make_codec(run.info["codec"])
    critic = DISCRIMINATORS[recipe.model.kind](recipe.model, codec, classes)
    load_network(run.checkpoint(checkpoint), "discriminator", critic)
    return critic.eval()


# -- how things are judged ----------------------------------------------------------------------


@dataclass(frozen=True)
class JudgeKind:
    """A kind of judge.

    Attributes:
        name: part of the key under which a trained one is cached.
        make: from the decoded training items and the classes to a judge with fresh weights.
    """

    name: str
    make: Callable[[Tensor, tuple[int, ...]], Judge]


IMAGE_JUDGE = JudgeKind(
    "image-1", lambda items, classes: ImageJudge(channels=items.shape[-1], classes=classes)
)
JUDGES: Mapping[str, JudgeKind] = {"rows": IMAGE_JUDGE, "image": IMAGE_JUDGE}
"""For each codec what judges the things that it decodes."""


def trained_judge(
    recipe: schema.Recipe,
    dataset: Dataset,
    codec: Codec,
    *,
    seed: int,
    device: torch.device,
    say: Callable[[str], None],
    progress: JudgeProgress | None = None,
) -> TrainedJudge:
    """The judge of a data set, trained if the cache does not have it."""
    kind = JUDGES[recipe.codec.kind]
    first = codec.decode(*codec.encode(dataset.parts["test"].items[:1]))

    def part(name: PartName) -> tuple[Tensor, Tensor]:
        items, label_NA = decoded(dataset, codec, name)
        return items, torch.from_numpy(label_NA)

    return cached_judge(
        cache_folder() / "judges",
        make=lambda: kind.make(first, dataset.classes),
        architecture=kind.name,
        key={"data": dataset.fingerprint},
        training=lambda: part("training"),
        test=lambda: part("test"),
        seed=seed,
        epochs=recipe.evaluation.judge_epochs,
        device=device,
        say=say,
        progress=progress,
    )


CHOOSING_SEED = 1_000_003
"""Added to the seed of the judge that reports: the one that chooses a checkpoint is another."""


def checkpoint_score(
    recipe: schema.Recipe,
    dataset: Dataset,
    codec: Codec,
    *,
    device: torch.device,
    say: Callable[[str], None],
    progress: JudgeProgress | None = None,
) -> Callable[[Sampler], float]:
    """What `train.keep: best` chooses by: the Frechet judge distance to the validation part.

    By a judge of another seed than the one that reports, or its taste would be reported.

    Raises:
        DataError: the data have no validation part.
    """
    if len(dataset.parts["validation"]) < 2:
        raise DataError(
            "train.keep: best chooses on the validation part, and there is none: set "
            "data.validation, or keep a number of checkpoints"
        )
    seed = recipe.evaluation.judge_seed + CHOOSING_SEED
    judge = trained_judge(
        recipe, dataset, codec, seed=seed, device=device, say=say, progress=progress
    ).judge
    items, label_NA = decoded(dataset, codec, "validation")
    real_NF = look(judge, items).features_NF
    count = min(len(items), 2000)
    asked_NA = np.resize(label_NA, (count, label_NA.shape[1]))
    if not recipe.conditional:
        asked_NA = np.zeros((count, 1), np.int64)

    def score(sampler: Sampler) -> float:
        # Not the noise of the samples that are reported.
        samples = torch.cat(list(sampler.stream(asked_NA, seed=CHOOSING_SEED)))
        return frechet_distance(look(judge, samples).features_NF, real_NF)

    return score
