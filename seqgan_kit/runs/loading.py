"""From a run folder to its recipe, its data and its trained networks."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch

from ..data.dataset import Dataset
from ..errors import UsageError
from ..files import FileProblem
from ..kind import Codec
from ..labels import sizes, with_levels
from ..nn.networks import Discriminator, Generator
from ..objectives.adversarial import RATIOS
from ..objectives.ratio import Calibrated, Calibration
from ..recipe import Recipe
from ..recipe import files as recipe_files
from ..sections import ModelSection
from ..training.checkpoint import load_network
from ..training.run import Run, RunError
from ..training.runtime import choose_device, keep_freed_memory
from . import data as data_of
from .data import UNNAMED, run_codec
from .networks import make_discriminator, make_generator
from .places import find, is_packed
from .sampler import Sampler
from .sizes import room_to_load
from .steering import Controls
from .watch import Watch

AnyNetwork = TypeVar("AnyNetwork", Generator, Discriminator)


def load_sampler(
    run: Run, recipe: Recipe, *, checkpoint: str | None, device: torch.device
) -> Sampler:
    """The averaged generator of a run, ready to sample.

    Raises:
        RunError: no such checkpoint.
        FileProblem: it is damaged or of another shape.
    """
    generator, codec = _network(run, recipe, checkpoint, "average", make_generator)
    if device.type == "cpu":
        keep_freed_memory()
    labels = with_levels(run.info["labels"], recipe.data.numeric)
    sampler = Sampler(generator.to(device).eval(), codec, labels, device)
    # Older runs have none.
    if (counts := run.info.get("label_counts")) is not None:
        sampler.label_counts = [(row, count) for row, count in counts]
    sampler.kind, sampler.run = data_of.kind_of_run(run), run.path.absolute()
    sampler.checkpoint = checkpoint
    sampler.controls = Controls(
        unlabelled=recipe.train.label_dropout > 0,
        critic=partial(_density_ratio, run, recipe, checkpoint=checkpoint)
        if has_critic(run, recipe)
        else None,
        ratio=all(getattr(one, "loss", RATIOS[0]) in RATIOS for one in recipe.objectives),
        group=recipe.minibatch_group,
    )
    return sampler


def folder_of(sampler: Sampler) -> Path:
    """Return the folder of the run of a sampler.

    Raises:
        UsageError: it was not loaded from one.
    """
    if sampler.run is None:
        raise UsageError("this sampler belongs to no run: load one with seqgan_kit.load")
    return sampler.run


def has_critic(run: Run, recipe: Recipe) -> bool:
    """Whether a run has a discriminator; packed ones have left theirs behind."""
    return recipe.adversarial and not is_packed(run.path)


def load_critic(run: Run, recipe: Recipe, *, checkpoint: str | None) -> Discriminator:
    """The discriminator of a run.

    Raises:
        RunError: no such checkpoint, or a run without a discriminator.
        FileProblem: it is damaged or of another shape.
    """
    if not has_critic(run, recipe):
        why = "it is packed" if recipe.adversarial else "it was not trained as a GAN"
        raise RunError(f"{run.path} has no discriminator: {why}")
    return _network(run, recipe, checkpoint, "discriminator", make_discriminator)[0].eval()


def _density_ratio(run: Run, recipe: Recipe, *, checkpoint: str | None) -> Discriminator:
    """The discriminator of a run, calibrated if that was part of its training."""
    found = load_critic(run, recipe, checkpoint=checkpoint)
    if recipe.ratio_from is None:
        return found
    calibration = Calibration()
    load_network(run.checkpoint(checkpoint), "calibration", calibration)
    return Calibrated(found, calibration).eval()


def _network(
    run: Run,
    recipe: Recipe,
    checkpoint: str | None,
    name: str,
    make: Callable[[ModelSection, Codec, tuple[int, ...]], AnyNetwork],
) -> tuple[AnyNetwork, Codec]:
    """Return a network with the weights of a checkpoint, and the codec of its run."""
    classes = sizes(with_levels(run.info["labels"], recipe.data.numeric))
    codec = run_codec(run)
    _belong_together(run, recipe, codec)
    chosen = run.checkpoint(checkpoint)
    with room_to_load(chosen, codec):
        network = make(recipe.model, codec, classes)
    load_network(chosen, name, network)
    return network, codec


def _belong_together(run: Run, recipe: Recipe, codec: Codec) -> None:
    """Refuse a recipe whose networks cannot work with the codec that the run stores.

    Raises:
        FileProblem: one of the two files is not that of the training.
    """
    stored = run.info["codec"].get("kind", UNNAMED)
    whole = recipe.codec.steps == "whole"
    if stored != recipe.codec.kind or (whole and codec.shape is None):
        raise FileProblem(
            f"{run.path / 'run.json'} and {run.recipe_path.name} do not belong together: the "
            f"codec is {stored!r} in one and {recipe.codec.kind!r} in the other, or gives other "
            "steps"
        )


DATA_ROOT = "data.root="
"""Begins the only override that every command on a run takes."""


def opened_runs(arguments: Sequence[str | Path]) -> list[Run]:
    """Open the runs of a command line, in which ``data.root=PLACE`` says where their data are.

    Raises:
        RunError: one is no run.
        UsageError: there is another override.
    """
    texts = [str(one) for one in arguments]
    roots = [text.removeprefix(DATA_ROOT) for text in texts if text.startswith(DATA_ROOT)]
    paths = [Path(text) for text in texts if not text.startswith(DATA_ROOT)]
    for path in paths:
        if re.match(r"[a-z_]+(\.\w+)+=", str(path)) and not path.exists():
            raise UsageError(
                f"{path}: only data.root can change here, where the data have moved; the rest of "
                "a recipe belongs to its run"
            )
    return [Run(find(path)[0], data_root=roots[-1] if roots else None) for path in paths]


def run_recipe(run: Run, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe that a run keeps, with changes of its ``train`` section or of ``data.root``.

    Raises:
        RunError: an override changes something else.
    """
    for text in overrides:
        if not text.startswith(("train.", DATA_ROOT)):
            raise RunError(
                f"{text}: a run goes on with the data and networks it has, and only keys of "
                "`train`, and data.root where the data moved, can change; start another with "
                "--init-from"
            )
    moved = [] if run.data_root is None else [f"{DATA_ROOT}{run.data_root}"]
    data = recipe_files.override(recipe_files.read(run.recipe_path), [*moved, *overrides])
    return recipe_files.check(data, str(run.recipe_path))


def same_data(run: Run, recipe: Recipe, watch: Watch) -> Dataset:
    """The data of a run.

    Raises:
        RunError: they are others than when it was begun.
    """
    dataset = data_of.load_dataset(recipe, watch.download)
    if dataset.fingerprint != run.info["data"]["fingerprint"]:
        raise RunError(
            f"the data of {run.path} have changed since it was begun; start a new run "
            f"(`seqgen train {run.recipe_path} --init-from {run.path}` keeps its weights)"
        )
    return dataset


def load(
    path: str | Path, *, checkpoint: str | int | None = None, device: str = "auto"
) -> Sampler:
    """The trained generator of a run.

    >>> sevens = load("runs/mnist_rows").sample(label=7, count=16, seed=0)  # doctest: +SKIP

    Args:
        path: the run folder; a packed run (``.seqgen``); a run on the Hugging Face hub
            (``"hf://user/name"``); or the name of a run in ``runs``, or of one that comes with the
            package (``"mnist_rows"``).
        checkpoint: a step number; the best or else the newest if absent.
        device: where to sample.

    Raises:
        RunError: no run, or no such checkpoint.
        FileProblem: the checkpoint is damaged.
        PackProblem: a packed run is damaged, or no packed run.
        HubProblem: the hub does not have it, or cannot be reached.
    """
    run = Run(find(path)[0])
    wanted = None if checkpoint is None else str(checkpoint)
    return load_sampler(run, run_recipe(run), checkpoint=wanted, device=choose_device(device))
