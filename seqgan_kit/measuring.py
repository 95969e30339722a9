"""Runs and samples from elsewhere, measured beside real data and beside noise."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from . import build
from .batch import Batch
from .data.dataset import Dataset
from .data.sources import cache_folder
from .evaluation.distribution import TooFewSamples
from .evaluation.evaluate import MEASURE, Reference, cached_rows, combine, flat
from .evaluation.figures import Value
from .evaluation.gan_train import gan_train_accuracy
from .evaluation.judge import Judge
from .evaluation.likelihood import chosen_items, likelihood_figures
from .files import FileProblem, read_json, write_json
from .nn.noise import seeded_noise
from .recipe import EvaluationRecipe, Recipe
from .run import Run, RunError
from .sampling import Sampler
from .training.runtime import choose_device
from .workflow import Watch, environment, run_recipe

FORMAT = 2
"""Of `evaluation.json`."""

GAN_TRAIN_SEED = 7
"""Of the judges that learn from samples; not that of the judge that reports."""


class SamplesError(ValueError):
    """Samples from elsewhere that cannot be measured; the message says why."""


@dataclass(frozen=True)
class Evaluation:
    """What was measured of one run, or of one set of samples.

    Attributes:
        name: of the run's folder or of the samples' file.
        figures: by name, see :data:`~seqgan_kit.evaluation.figures.FIGURES`.
        settings: what the figures depend on beside the samples' maker.
    """

    name: str
    figures: Mapping[str, Value]
    settings: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        figures = {name: value.as_json() for name, value in self.figures.items()}
        return {"format": FORMAT, "name": self.name, "settings": self.settings, "figures": figures}


class Bench:
    """Judge, real data and noise: what everything that learned from one data set is held to.

    Args:
        recipe: names the data; its ``evaluation`` section says how to measure.
        dataset: the data, with their labels.
        device: where.
        watch: what to tell.
        samples: in a set, the recipe's number if absent.
        sets: independent sets of a run, the recipe's number if absent.
        gan_train: whether to train judges on samples, the one figure that takes minutes.
    """

    def __init__(
        self,
        recipe: Recipe,
        dataset: Dataset,
        *,
        device: torch.device,
        watch: Watch,
        samples: int | None = None,
        sets: int | None = None,
        gan_train: bool = True,
    ) -> None:
        self.settings: EvaluationRecipe = recipe.evaluation
        self.dataset = dataset
        self.device = device
        self.watch = watch
        self.samples = samples or self.settings.samples
        self.sets = sets or self.settings.sets
        self.gan_train = gan_train
        self._recipe = recipe
        self._codec = build.make_codec(build.codec_settings(recipe, dataset))
        self._kind = build.JUDGES[recipe.codec.kind]
        self.test, self.label_NA = build.decoded(dataset, self._codec, "test")
        # Before the judge is trained, which takes a while.
        needed = 2 * (self.settings.neighbours + 1)
        if len(self.test) < needed:
            raise TooFewSamples(
                f"the test part of {dataset.name} has {len(self.test)} items, and precision, "
                f"recall, density and coverage need {needed}: enlarge it (data.test), or lower "
                "evaluation.neighbours"
            )
        trained = build.trained_judge(
            recipe,
            dataset,
            self._codec,
            seed=self.settings.judge_seed,
            device=device,
            say=watch.say,
            progress=watch.judge,
        )
        self.judge_accuracy = trained.accuracy
        self._judge_digest = _digest(trained.judge.state_dict())
        self.reference = Reference(
            judge=trained.judge,
            items=self.test,
            label_NA=self.label_NA,
            training=lambda: flat(self.training_items()),
            neighbours=self.settings.neighbours,
        )

    def training_items(self, chosen: Sequence[int] | None = None) -> Tensor:
        """The decoded training part, or some of its items."""
        if chosen is None:
            return build.decoded(self.dataset, self._codec, "training")[0]
        raw = self.dataset.parts["training"].pick(chosen)
        return self._codec.decode(*self._codec.encode(raw))

    @property
    def key(self) -> dict[str, Any]:
        """All that a figure depends on beside the samples' maker, as JSON values."""
        return {
            "measure": MEASURE,
            "data": self.dataset.fingerprint,
            "judge": self._judge_digest,
            "judge_epochs": self.settings.judge_epochs,
            "neighbours": self.settings.neighbours,
            "samples": self.samples,
            "gan_train_samples": self.settings.gan_train_samples if self.gan_train else 0,
        }

    # -- the bounds -----------------------------------------------------------------------------

    def bounds(self, measured: Sequence[Evaluation]) -> dict[str, dict[str, Value]]:
        """The rows of held-out real data (``"real"``, the ceiling) and ``"noise"`` (the floor).

        Args:
            measured: what they stand beside: GAN-train is left out where none of that has it.
        """
        folder = cache_folder() / "figures"
        key = {**self.key, "gan_train_samples": 0}
        rows = cached_rows(
            folder,
            key=key,
            compute=lambda: {
                "real": self.reference.real(),
                "noise": self.reference.noise(self.samples, seed=0),
            },
            say=self.watch.say,
        )
        counts = {"real": len(self.test) - self.reference.count, "noise": self.samples}
        bounds = {role: combine([rows[role]], counts[role]) for role in counts}
        if any("gan_train_accuracy" in evaluation.figures for evaluation in measured):
            learned = cached_rows(
                folder, key=self.key, compute=self._gan_train_bounds, say=self.watch.say
            )
            for role, (accuracy, count) in learned.items():
                bounds[role]["gan_train_accuracy"] = Value.of([accuracy], count)
        return bounds

    def _gan_train_bounds(self) -> dict[str, Any]:
        items, label_NA = build.decoded(self.dataset, self._codec, "training")
        count = self.settings.gan_train_samples
        chosen = chosen_items(len(items), count)
        noise = self.reference.noise_items(count, seed=1)
        asked_NA = self.reference.labels_for(count)
        return {
            "real": [self._learned(items[chosen], label_NA[chosen]), len(chosen)],
            "noise": [self._learned(noise, asked_NA), count],
        }

    def _learned(self, samples: Tensor, label_NA: np.ndarray) -> float:
        self.watch.say(f"GAN-train: a judge learns from {len(samples)} samples")

        def fresh() -> Judge:
            return self._kind.make(self.test[:1], self.dataset.classes)

        return gan_train_accuracy(
            samples,
            label_NA,
            self.test,
            self.label_NA,
            make_judge=fresh,
            seed=GAN_TRAIN_SEED,
            epochs=self.settings.judge_epochs,
            device=self.device,
        )

    # -- what is measured -----------------------------------------------------------------------

    def run(self, run: Run, *, checkpoint: str | None = None, seed: int = 0) -> Evaluation:
        """Measure a run, and keep the figures in it.

        What was measured before with the same settings is taken from there.

        Raises:
            RunError: it learned from other data than the bench holds, or has no checkpoint.
        """
        recipe = run_recipe(run)
        if run.info["data"]["fingerprint"] != self.dataset.fingerprint:
            raise RunError(
                f"{run.path} learned from {run.info['data']['name']} as it was then, and the data "
                "at hand are others: they have changed, or the recipe names other ones"
            )
        chosen = run.checkpoint(checkpoint)
        settings = {
            **self.key,
            "sets": self.sets,
            "seed": seed,
            "likelihood": [self.settings.likelihood_items, self.settings.importance_samples],
            "checkpoint": chosen.name,
            "weights": hashlib.sha256((chosen / "networks.safetensors").read_bytes()).hexdigest(),
            # How many samples are made in a second depends on it.
            "device": environment(self.device)["device"],
        }
        kept = _kept(run, settings)
        if kept is not None:
            return kept
        sampler = build.load_sampler(run, recipe, checkpoint=chosen.name, device=self.device)
        conditional = recipe.conditional
        measured, seconds = [], 0.0
        next(sampler.stream(self.asked(1, conditional)))  # The first kernels take their time.
        for number in range(self.sets):
            label_NA = self.asked(self.samples, conditional)
            began = time.perf_counter()
            samples = torch.cat(list(sampler.stream(label_NA, seed=set_seed(seed, number))))
            seconds += time.perf_counter() - began
            measured.append(self.reference.measure(samples, label_NA if conditional else None))
        figures = combine(measured, self.samples)
        if self.gan_train and conditional:
            count = self.settings.gan_train_samples
            label_NA = self.asked(count, conditional)
            samples = torch.cat(list(sampler.stream(label_NA, seed=set_seed(seed, -1))))
            figures["gan_train_accuracy"] = Value.of([self._learned(samples, label_NA)], count)
        figures |= self._likelihood(run, recipe, sampler)
        # Of all the training, where the checkpoint is not its last.
        trained = read_json(run.checkpoints()[-1] / "state.json")
        weights = sum(weight.numel() for weight in sampler.generator.writer.parameters())
        figures["parameters"] = Value.of([float(weights)], 1)
        figures["training_seconds"] = Value.of([float(trained["seconds"])], 1)
        made = self.samples * self.sets
        figures["samples_per_second"] = Value.of([made / seconds], made)
        result = Evaluation(run.path.name, figures, settings)
        write_json(run.evaluation_path, result.as_json())
        return result

    def asked(self, count: int, conditional: bool) -> np.ndarray:
        """Labels to ask for: in the proportions of the test part, or the only one there is."""
        return self.reference.labels_for(count) if conditional else np.zeros((count, 1), np.int64)

    def _likelihood(self, run: Run, recipe: Recipe, sampler: Sampler) -> dict[str, Value]:
        if sampler.generator.likelihood == "none":
            return {}
        part = build.seen(recipe, self.dataset).parts["test"]
        chosen = chosen_items(len(part), self.settings.likelihood_items)
        codec = build.make_codec(run.info["codec"])
        encoded = codec.encode(part.items[: len(part)])
        x_BTF, mask_BT = (tensor[chosen].to(self.device) for tensor in encoded)
        label_BA = torch.from_numpy(part.label_NA[chosen]).to(self.device)
        figures = likelihood_figures(
            sampler.generator,
            Batch(x_BTF, mask_BT, label_BA),
            noise=seeded_noise(0, self.device),
            draws=self.settings.importance_samples,
        )
        return {name: Value.of([value], len(chosen)) for name, value in figures.items()}

    def samples_of(self, name: str, samples: Tensor, label_NA: np.ndarray | None) -> Evaluation:
        """Measure samples that were made elsewhere, as one set.

        Args:
            name: for the table.
            samples: as the data set's decoded items are.
            label_NA: what they were asked to be, or ``None``.
        """
        figures = combine([self.reference.measure(samples, label_NA)], len(samples))
        if self.gan_train and label_NA is not None:
            accuracy = self._learned(samples, label_NA)
            figures["gan_train_accuracy"] = Value.of([accuracy], len(samples))
        return Evaluation(name, figures, {**self.key, "samples": len(samples), "sets": 1})


def set_seed(seed: int, number: int) -> int:
    """The seed of one of the independent sample sets of an evaluation; -1 is that of GAN-train.

    >>> len({set_seed(seed, number) for seed in range(3) for number in (-1, 0, 1, 2)})
    12
    """
    word = np.random.SeedSequence([seed, number + 1]).generate_state(1, np.uint64)[0]
    return int(word >> np.uint64(1))


def _digest(tensors: Mapping[str, Tensor]) -> str:
    found = hashlib.sha256()
    for name, tensor in tensors.items():
        found.update(name.encode() + tensor.cpu().numpy().tobytes())
    return found.hexdigest()[:16]


def _kept(run: Run, settings: Mapping[str, Any]) -> Evaluation | None:
    """The figures that a run keeps, if they were measured so."""
    try:
        read = read_json(run.evaluation_path)
        if read.get("format") != FORMAT or read["settings"] != settings:
            return None
        figures = {name: Value.from_json(value) for name, value in read["figures"].items()}
    except (FileNotFoundError, FileProblem, AttributeError, KeyError, TypeError, ValueError):
        return None
    return Evaluation(run.path.name, figures, read["settings"])


def bench_of(
    recipe: Recipe,
    *,
    device: str = "auto",
    watch: Watch | None = None,
    samples: int | None = None,
    sets: int | None = None,
    gan_train: bool = True,
) -> Bench:
    """What anything that learned from a recipe's data can be measured with.

    Args:
        recipe: names the data, and how to measure.
        device: where.
        watch: what to tell.
        samples: in a set, the recipe's number if absent.
        sets: independent sets of a run.
        gan_train: whether to measure GAN-train.
    """
    watch = watch or Watch()
    return Bench(
        recipe,
        build.load_dataset(recipe, watch.download),
        device=choose_device(device),
        watch=watch,
        samples=samples,
        sets=sets,
        gan_train=gan_train,
    )


def same_data_for_all(runs: Sequence[Run]) -> Recipe:
    """The recipe of the first of some runs, which says how all of them are measured.

    Raises:
        RunError: they learned from different data, or one has no checkpoint.
    """
    first = runs[0]
    for run in runs:
        run.checkpoint()
        if run.info["data"]["fingerprint"] != first.info["data"]["fingerprint"]:
            names = [f"{r.path} ({r.info['data']['name']})" for r in (first, run)]
            raise RunError(
                f"{names[0]} and {names[1]} learned from different data, labels or parts of "
                "them, and their figures do not compare; evaluate them one by one"
            )
    return run_recipe(first)


def read_samples(
    path: Path, labels: Path | None, bench: Bench
) -> tuple[Tensor, np.ndarray | None]:
    """Samples made elsewhere, and their labels.

    Args:
        path: a ``.npy`` file, ``[N, height, width]`` or with channels last; bytes, or real values
            from 0 to 1.
        labels: a ``.npy`` file of class numbers, ``[N]`` or ``[N, attributes]``.
        bench: what they are to be measured with.

    Raises:
        SamplesError: they do not fit the data or each other.
    """
    array = _array(path)
    shape = tuple(bench.test.shape[1:])
    if array.shape[1:] == shape[:-1] and shape[-1] == 1:
        array = array[..., None]
    if array.shape[1:] != shape:
        raise SamplesError(
            f"{path} holds samples of shape {list(array.shape[1:])}, and those of "
            f"{bench.dataset.name} have {list(shape)}"
        )
    if array.dtype == np.uint8:
        samples = torch.from_numpy(array).float() / 255
    else:
        samples = torch.from_numpy(array.astype(np.float32))
        low, high = float(samples.amin()), float(samples.amax())
        if not (low >= 0 and high <= 1):
            raise SamplesError(
                f"{path} holds values from {low:.3g} to {high:.3g}; real values are expected "
                "from 0 to 1 and none missing, or bytes"
            )
    if labels is None:
        return samples, None
    label_NA = _array(labels)
    label_NA = label_NA[:, None] if label_NA.ndim == 1 else label_NA
    if len(label_NA) != len(samples):
        raise SamplesError(
            f"{path} holds {len(samples)} samples and {labels} {len(label_NA)} labels"
        )
    classes = bench.dataset.classes
    fits = label_NA.ndim == 2 and label_NA.shape[1] == len(classes)
    if not fits or not np.issubdtype(label_NA.dtype, np.integer):
        raise SamplesError(
            f"{labels} holds {label_NA.dtype} of shape {list(label_NA.shape)}; expected whole "
            f"numbers, {len(classes)} for each sample"
        )
    if (label_NA < 0).any() or (label_NA >= np.array(classes)).any():
        raise SamplesError(
            f"{labels} holds class numbers from {label_NA.min()} to {label_NA.max()}; "
            f"{bench.dataset.name} has {' x '.join(map(str, classes))} classes, counted from 0"
        )
    return samples, label_NA.astype(np.int64)


def _array(path: Path) -> np.ndarray:
    try:
        array = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise SamplesError(f"{path} is not there") from None
    except (OSError, ValueError, EOFError) as error:
        raise SamplesError(f"{path} is no .npy file that can be read: {error}") from error
    if not isinstance(array, np.ndarray) or array.ndim < 1 or not len(array):
        raise SamplesError(f"{path} holds no array of samples")
    return array
