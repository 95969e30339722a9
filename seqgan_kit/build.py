"""From a recipe to objects: the only file that knows every class.

Plain tables say which name of a recipe stands for which function. A new model is one file, one
entry here, one class in :mod:`seqgan_kit.recipe` and one row in the property tests.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from . import recipe as schema
from .batch import Batch
from .data.dataset import DataError, Dataset, PartName
from .data.loader import Codec
from .data.rows import ImageCodec
from .data.series import series_codec
from .data.sound import AudioCodec, audio_codec
from .data.sources import cache_folder
from .data.unequal import unpadded
from .evaluation.distribution import frechet_distance
from .evaluation.judge import Progress as JudgeProgress
from .evaluation.judge import TrainedJudge, cached_judge, look
from .files import write_text
from .materials import View, part_items, run_codec, text_codec
from .materials import seen as seen_by_networks
from .materials import view as view_of
from .models.image_gan import (
    ConvolutionalDiscriminator,
    ConvolutionalGenerator,
    DenseGenerator,
)
from .models.sequence import RecurrentDiscriminator, RecurrentEncoder, RecurrentGenerator
from .models.vae import ConvolutionalEncoder, VariationalAutoencoder
from .nn.categorical import CategoricalHead, TokenEmbedding
from .nn.grouped import GroupedCategoricalHead, GroupedEmbedding
from .nn.heads import BernoulliHead, ContinuousHead, Head, LogisticHead
from .nn.networks import Autoencoder, Discriminator, Generator
from .nn.normalization import normalize_spectrally
from .nn.relaxation import TemperatureSchedule
from .objectives.elbo import ELBO
from .objectives.gan import GAN
from .objectives.likelihood import Likelihood
from .objectives.objective import Objective
from .objectives.penalties import ExactGradient, FiniteDifference, GradientPenalty, Penalty
from .objectives.phases import Phases
from .objectives.policy import MovingAverage, PolicyGradient
from .recipe_files import RecipeError
from .report.images import GRID_ROWS, grid, label_names, save_picture
from .report.series import Frame, small_multiples
from .report.sounds import spectrogram_grid
from .run import Run, RunError
from .sampling import Sampler
from .training.checkpoint import load_network
from .training.runtime import keep_freed_memory
from .training.trainer import Optimization, Schedule

Picture = ImageCodec | AudioCodec
"""Codecs that can make a picture of what they read."""

# -- networks and objectives --------------------------------------------------------------------


def _categorical(hidden_size: int, codec: Codec, **settings: Any) -> Head:
    schedule = TemperatureSchedule(**settings.pop("relaxation"))
    if (group := getattr(codec, "group", 1)) > 1:
        # Whose recipe the schema has checked: such vectors are not tied.
        settings.pop("tied")
        return GroupedCategoricalHead(
            hidden_size, codec.features, group=group, schedule=schedule, **settings
        )
    # A codec without an end token tells the end in another way, or has only full lengths.
    end = getattr(codec, "end", None)
    return CategoricalHead(hidden_size, codec.features, end=end, schedule=schedule, **settings)


def _real_valued(
    head: Callable[..., Head], hidden_size: int, codec: Codec, **settings: Any
) -> Head:
    return head(hidden_size, codec.features, **settings)


HEADS: Mapping[str, Callable[..., Head]] = {
    "continuous": partial(_real_valued, ContinuousHead),
    "bernoulli": partial(_real_valued, BernoulliHead),
    "logistic": partial(_real_valued, LogisticHead),
    "categorical": _categorical,
}


def _head(settings: Mapping[str, Any], hidden_size: int, codec: Codec) -> Head:
    arguments = dict(settings)
    return HEADS[arguments.pop("kind")](hidden_size, codec, **arguments)


def _recurrent_generator(
    model: schema.RecurrentGanRecipe, codec: Codec, classes: tuple[int, ...]
) -> Generator:
    settings = model.generator.model_dump()
    head = _head(settings.pop("head"), settings["hidden_size"], codec)
    return RecurrentGenerator(head=head, classes=classes, steps=codec.steps, **settings)


def _critic(
    make: Callable[..., Discriminator], settings: schema.Section, **arguments: Any
) -> Discriminator:
    arguments |= settings.model_dump(exclude={"embedding_size"})
    spectral = arguments.pop("spectral_norm")
    network = make(group=arguments.pop("minibatch_group"), **arguments)
    if spectral:
        normalize_spectrally(network)
    return network


def _recurrent_discriminator(
    model: schema.RecurrentGanRecipe, codec: Codec, classes: tuple[int, ...]
) -> Discriminator:
    settings = model.discriminator
    # A codec may know how its steps are better looked at.
    view = getattr(codec, "view", lambda: None)()
    features = codec.features if view is None else view.features
    if model.generator.head.kind == "categorical":
        group = getattr(codec, "group", 1)
        features = settings.embedding_size * group
        make = TokenEmbedding if group == 1 else partial(GroupedEmbedding, group=group)
        # Rows of unit length: a penalty perturbs what is embedded, and scaling would evade it.
        view = make(vocabulary=codec.features, size=settings.embedding_size, unit_norm=True)
    return _critic(RecurrentDiscriminator, settings, features=features, classes=classes, view=view)


def _image_generator(
    model: schema.ImageGanRecipe, codec: Picture, classes: tuple[int, ...]
) -> Generator:
    settings = model.generator.model_dump()
    if settings.pop("kind") == "convolutional":
        return ConvolutionalGenerator(shape=codec.shape, classes=classes, **settings)
    head = ContinuousHead(settings["widths"][-1], codec.features)
    return DenseGenerator(head=head, classes=classes, **settings)


def _convolutional_discriminator(
    model: schema.ImageGanRecipe, codec: Picture, classes: tuple[int, ...]
) -> Discriminator:
    return _critic(
        ConvolutionalDiscriminator, model.discriminator, shape=codec.shape, classes=classes
    )


def _vae(model: schema.VaeRecipe, codec: Picture, classes: tuple[int, ...]) -> Autoencoder:
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
        self._steps = codec.steps
        self._baseline: MovingAverage | None = None
        self._arguments = (recipe.model, codec, classes)
        self._kind = recipe.model.kind
        self.classes = classes

    @cached_property
    def generator(self) -> Generator:
        return GENERATORS[self._kind](*self._arguments)

    @cached_property
    def discriminator(self) -> Discriminator:
        return DISCRIMINATORS[self._kind](*self._arguments)

    def baseline(self, decay: float) -> MovingAverage:
        """The moving average of returns; the decay is that of the first phase that asks."""
        if self._baseline is None:
            self._baseline = MovingAverage(self._steps, decay)
        return self._baseline


def _gan(settings: schema.GanObjectiveRecipe, networks: _Networks) -> Objective:
    return GAN(
        networks.generator,
        networks.discriminator,
        loss=settings.loss,
        penalties=tuple(_penalty(penalty) for penalty in settings.penalties),
        # With one class there is no other label.
        mismatch=settings.mismatch if math.prod(networks.classes) > 1 else 0.0,
        discriminator_steps=settings.discriminator_steps,
        likelihood=settings.likelihood,
    )


def _policy(settings: schema.PolicyObjectiveRecipe, networks: _Networks) -> Objective:
    return PolicyGradient(
        networks.generator,
        networks.discriminator,
        baseline=networks.baseline(settings.baseline_decay),
        discount=settings.discount,
        rollouts=settings.rollouts,
        penalties=tuple(_penalty(penalty) for penalty in settings.penalties),
        mismatch=settings.mismatch if math.prod(networks.classes) > 1 else 0.0,
        discriminator_steps=settings.discriminator_steps,
        likelihood=settings.likelihood,
    )


def _likelihood(settings: schema.LikelihoodObjectiveRecipe, networks: _Networks) -> Objective:
    return Likelihood(networks.generator)


def _elbo(settings: schema.ElboObjectiveRecipe, networks: _Networks) -> Objective:
    autoencoder = cast(Autoencoder, networks.generator)
    return ELBO(autoencoder, beta=settings.beta, warmup=settings.warmup)


OBJECTIVES: Mapping[str, Callable[..., Objective]] = {
    "gan": _gan,
    "policy": _policy,
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
        trained=[phase.networks for phase in recipe.phases],
        courses=[
            None if phase.schedule is None else Schedule(**phase.schedule.model_dump()).factor
            for phase in recipe.phases
        ],
        total=recipe.train.steps,
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
    codec = run_codec(run)
    generator = GENERATORS[recipe.model.kind](recipe.model, codec, classes)
    load_network(run.checkpoint(checkpoint), "average", generator)
    if device.type == "cpu":
        keep_freed_memory()
    sampler = Sampler(generator.to(device).eval(), codec, labels, device)
    if "label_counts" in run.info:
        sampler.label_counts = run.info["label_counts"]
    return sampler


def draw_grid(sampler: Sampler, path: Path, *, columns: int = 12, seed: int = 0) -> None:
    """A picture of samples, one row a label."""
    rows_NA = sampler.label_rows(None, 1)[:GRID_ROWS]
    images = torch.cat(list(sampler.stream(np.repeat(rows_NA, columns, 0), seed=seed))).numpy()
    names = [" ".join(label_names(row, sampler.labels)) for row in rows_NA]
    save_picture(grid(list(images.reshape(len(names), columns, *images.shape[1:])), names), path)


def write_lines(sampler: Sampler, path: Path, *, count: int = 40, seed: int = 0) -> None:
    """A text file of samples with their labels, in the proportions of the training lines."""
    label_NA = sampler.mixed_labels(None, count, seed=seed)
    decoded = torch.cat(list(sampler.stream(label_NA, seed=seed)))
    lines = text_codec(sampler.codec).strings(decoded)
    names = [" ".join(label_names(row, sampler.labels)) for row in label_NA]
    shown = [f"{name}\t{line}\n" for name, line in zip(names, lines, strict=True)]
    write_text(path, "".join(shown))


def draw_spectrograms(sampler: Sampler, path: Path, *, columns: int = 6, seed: int = 0) -> None:
    """A picture of spectrograms of samples, one row a class of the first attribute."""
    rows_NA = sampler.label_rows(None, 1)
    names = next(iter(sampler.labels.values()))[:GRID_ROWS]
    chosen = [
        np.resize(rows_NA[rows_NA[:, 0] == number], (columns, rows_NA.shape[1]))
        for number in range(len(names))
    ]
    decoded = torch.cat(list(sampler.stream(np.concatenate(chosen), seed=seed)))
    clips = list(sampler.codec.present(decoded))
    rows = [clips[start : start + columns] for start in range(0, len(clips), columns)]
    rate = audio_codec(sampler.codec).sample_rate
    save_picture(spectrogram_grid(rows, names, rate), path)


def draw_series(sampler: Sampler, path: Path, *, count: int = 12, seed: int = 0) -> None:
    """A picture of samples, one row a label and one column a channel."""
    rows_NA = sampler.label_rows(None, 1)[:GRID_ROWS]
    made = torch.cat(list(sampler.stream(np.repeat(rows_NA, count, 0), seed=seed)))
    series = unpadded(made)
    frame = Frame.of(series, series_codec(sampler.codec).channels)
    cells = [frame.cells(series[start : start + count]) for start in range(0, len(series), count)]
    names = [" ".join(label_names(row, sampler.labels)) for row in rows_NA]
    save_picture(small_multiples(cells, names), path)


EXHIBITS: Mapping[str, tuple[str, Callable[[Sampler, Path], None]]] = {
    "rows": (".png", draw_grid),
    "image": (".png", draw_grid),
    "text": (".txt", write_lines),
    "audio": (".png", draw_spectrograms),
    "series": (".png", draw_series),
}
"""For each codec the ending and the writer of what a run shows of its samples meanwhile."""


def load_critic(run: Run, recipe: schema.Recipe, *, checkpoint: str | None) -> Discriminator:
    """The discriminator of a run.

    Raises:
        RunError: no such checkpoint, or a run without a discriminator.
        FileProblem: it is damaged or of another shape.
    """
    if not recipe.adversarial:
        raise RunError(f"{run.path} has no discriminator: it was not trained as a GAN")
    classes = tuple(len(names) for names in run.info["labels"].values())
    codec = run_codec(run)
    critic = DISCRIMINATORS[recipe.model.kind](recipe.model, codec, classes)
    load_network(run.checkpoint(checkpoint), "discriminator", critic)
    return critic.eval()


# -- how things are judged ----------------------------------------------------------------------


def trained_judge(
    recipe: schema.Recipe,
    dataset: Dataset,
    view: View,
    *,
    seed: int,
    device: torch.device,
    say: Callable[[str], None],
    progress: JudgeProgress | None = None,
) -> TrainedJudge:
    """The judge of a data set, trained if the cache does not have it."""
    first = view.real(dataset.parts["test"].items[:1])

    def part(name: PartName) -> tuple[Tensor, Tensor]:
        items, label_NA = part_items(dataset, view, name)
        return items, torch.from_numpy(label_NA)

    return cached_judge(
        cache_folder() / "judges",
        make=lambda: view.make(first, dataset.classes),
        architecture=view.judge,
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
"""Sequences whose likelihood is computed at a time."""

NO_VALIDATION = (
    "train.keep: best chooses on the validation part, and there is none: set data.validation, or "
    "keep a number of checkpoints"
)

CHOOSING_SEED = 1_000_003
"""Added to the seed of the judge that reports: the one that chooses a checkpoint is another."""


def likelihood_score(
    recipe: schema.Recipe, dataset: Dataset, codec: Codec, *, device: torch.device
) -> Callable[[Sampler], float]:
    """What `train.keep: best` chooses by where `train.best_by` is likelihood.

    The mean negative log-likelihood of the validation part, in nats a sequence.

    Raises:
        DataError: the data have no validation part.
    """
    part = seen_by_networks(recipe, dataset).parts["validation"]
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
        raise DataError(NO_VALIDATION)
    seed = recipe.evaluation.judge_seed + CHOOSING_SEED
    view = view_of(recipe, dataset)
    judge = trained_judge(
        recipe, dataset, view, seed=seed, device=device, say=say, progress=progress
    ).judge
    items, label_NA = part_items(dataset, view, "validation")
    real_NF = look(judge, items).features_NF
    count = min(len(items), 2000)
    asked_NA = np.resize(label_NA, (count, label_NA.shape[1]))
    if not recipe.conditional:
        asked_NA = np.zeros((count, 1), np.int64)

    def score(sampler: Sampler) -> float:
        # Not the noise of the samples that are reported.
        decoded = torch.cat(list(sampler.stream(asked_NA, seed=CHOOSING_SEED)))
        samples = view.made(decoded, codec)
        return frechet_distance(look(judge, samples).features_NF, real_NF)

    return score
