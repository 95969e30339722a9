"""The bench, which measures runs and external samples, next to real data and noise."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..batch import Batch
from ..data.dataset import Dataset, PartName
from ..data.numeric import in_ranges
from ..data.sources import cache_folder
from ..evaluation.distribution import TooFewSamples
from ..evaluation.evaluate import MEASURE, Reference, accuracies, cached_rows, combine
from ..evaluation.figures import Value
from ..evaluation.gan_train import gan_train
from ..evaluation.judge import Judge, TrainedJudge
from ..evaluation.likelihood import chosen_items, likelihood_figures, token_figures
from ..files import file_digest, write_json
from ..kind import OwnFigures
from ..nn.noise import seeded_noise
from ..recipe import Recipe
from ..report.tables import Role
from ..runs import data as data_of
from ..runs.judging import CHOOSING_SEED, trained_judge
from ..runs.loading import load_sampler, run_recipe
from ..runs.sampler import Sampler, set_seed
from ..runs.watch import Watch, environment
from ..sections import EvaluationSection
from ..training.run import Run, RunError
from .critic import critic_figures
from .evaluation import Evaluation, kept, trained

GAN_TRAIN_SEED = 7
"""Seed of the judges that are trained on samples, different from that of the main judge."""


class Bench:
    """The judge, real data and noise with which all models of one data set are compared.

    Numeric labels are measured by range: they are classes of :attr:`dataset`.

    Args:
        recipe: names the data; its ``evaluation`` section says how to measure.
        dataset: the data, with their labels, which :attr:`exact` keeps.
        device: device of judge and generator.
        watch: callbacks for progress.
        samples: samples per set (default: from the recipe).
        sets: independent sets of samples per run (default: from the recipe).
        gan_train: train judges on samples, the only metric that takes minutes.
        part: the part that samples are compared with. To choose by the validation part, there is
            another judge, so that the figures of the test part do not favour what is chosen.
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
        part: PartName = "test",
    ) -> None:
        self.settings: EvaluationSection = recipe.evaluation
        self.part = part
        self.judge_seed = self.settings.judge_seed + CHOOSING_SEED * (part != "test")
        self._whole = in_ranges(dataset)
        self.exact = dataset.tested_on(part)
        self.dataset = dataset = self._whole.tested_on(part)
        self.device = device
        self.watch = watch
        self.samples = samples or self.settings.samples
        self.sets = sets or self.settings.sets
        self.gan_train = gan_train
        self.recipe = recipe
        self.kind = data_of.kind_of(recipe)
        self.measure = self.kind.measure(recipe, dataset)
        self.test, self.label_NA = data_of.part_items(dataset, self.measure, "test")
        # Checked before the judge is trained, which takes a while.
        needed = 2 * (self.settings.neighbours + 1)
        if len(self.test) < needed:
            raise TooFewSamples(
                f"the {part} part of {dataset.name} has {len(self.test)} items, but precision, "
                f"recall, density and coverage need {needed}: enlarge it (data.{part}), or lower "
                "evaluation.neighbours"
            )

    @cached_property
    def _trained(self) -> TrainedJudge:
        """The judge, trained when it is first used: samples from elsewhere are read before."""
        return trained_judge(
            self.recipe,
            self._whole,
            self.measure,
            seed=self.judge_seed,
            device=self.device,
            say=self.watch.say,
            progress=self.watch.judge,
        )

    @property
    def _judge(self) -> Judge:
        return self._trained.judge

    @property
    def judge_accuracy(self) -> float:
        """Accuracy of the judge on the test part."""
        return self._trained.accuracy

    @cached_property
    def _judge_digest(self) -> str:
        return _digest(self._judge.state_dict())

    @cached_property
    def reference(self) -> Reference:
        """The real test items, with which samples are compared."""
        return Reference(
            judge=self._judge,
            items=self.test,
            label_NA=self.label_NA,
            training=lambda: self._vectors(self.training_items()),
            neighbours=self.settings.neighbours,
            flatten=self.measure.vectors,
            noise=None if self.own is None else self._own_noise,
            labels=self.dataset.labels,
        )

    @cached_property
    def own(self) -> OwnFigures | None:
        """The metrics that only this kind of data has; ``None`` if there are none."""
        if self.measure.own is None:
            return None
        return self.measure.own(self.training_items(), self.test, self._judge)

    def _own_noise(self, count: int, generator: torch.Generator) -> Tensor:
        assert self.own is not None
        return self.own.noise(count, generator.initial_seed())

    def _vectors(self, items: Tensor) -> Tensor:
        assert self.measure.vectors is not None, "only metrics of vectors use this"
        return self.measure.vectors(items)

    @property
    def judged(self) -> bool:
        """Whether the metrics of the judge apply: without vectors (text), they require labels."""
        return self.measure.vectors is not None or self.labelled

    @property
    def labelled(self) -> bool:
        """Whether the data have more than one class."""
        return max(self.dataset.classes) > 1

    def training_items(self, chosen: Sequence[int] | None = None) -> Tensor:
        """Return the decoded training part, or some of its items."""
        if chosen is None:
            return data_of.part_items(self.dataset, self.measure, "training")[0]
        return self.measure.real(self.dataset.parts["training"].pick(chosen))

    def figures_of(self, items: Tensor, label_NA: np.ndarray | None) -> dict[str, float]:
        """Compute all metrics of one set of samples, except GAN-train and likelihoods.

        Args:
            items: samples, as :attr:`measure` returns them.
            label_NA: their requested labels, or ``None``.
        """
        own = {} if self.own is None else self.own.measure(items, label_NA)
        return self._claimed(
            (self.reference.measure(items, label_NA) if self.judged else {}) | own
        )

    def _claimed(self, figures: Mapping[str, float]) -> dict[str, float]:
        """Leave out the figures that would mislead on these data."""
        return {n: value for n, value in figures.items() if n not in self.measure.unclaimed}

    @property
    def key(self) -> dict[str, Any]:
        """Everything that metrics depend on, apart from the model, as JSON values."""
        return {
            "measure": MEASURE,
            "data": self.dataset.fingerprint,
            "judge": self._judge_digest,
            "judge_epochs": self.settings.judge_epochs,
            "neighbours": self.settings.neighbours,
            "items": self.measure.key,
            **self.measure.settings,
            **({"unclaimed": [*self.measure.unclaimed]} if self.measure.unclaimed else {}),
            **({"part": self.part} if self.part != "test" else {}),
            "samples": self.samples,
            "gan_train_samples": self.settings.gan_train_samples if self.gan_train else 0,
        }

    # -- the bounds -----------------------------------------------------------------------------

    def bounds(self, measured: Sequence[Evaluation]) -> dict[Role, dict[str, Value]]:
        """Measure held-out real data (``"real"``, the ceiling) and ``"noise"`` (the floor).

        If the recipe's codec is lossy, ``"codec"`` is the ceiling for all models that use it:
        held-out real data after encoding and decoding.

        Args:
            measured: the evaluations shown with the bounds; GAN-train is omitted if none has it.
        """
        folder = cache_folder() / "figures"
        key = {**self.key, "gan_train_samples": 0}
        rows = cached_rows(folder, key=key, compute=self._bounds, say=self.watch.say)
        counts: dict[Role, int] = {
            "real": len(self.test) - self.reference.count,
            "noise": self.samples,
        }
        bounds = {role: combine([rows[role]], counts[role]) for role in counts}
        if "real_own" in rows:
            bounds["real"] |= combine([rows["real_own"]], rows["real_own_count"])
        if any("gan_train_accuracy" in evaluation.figures for evaluation in measured):
            learned = cached_rows(
                folder, key=self.key, compute=self._gan_train_bounds, say=self.watch.say
            )
            for role in counts:
                bounds[role] |= combine([learned[role][0]], learned[role][1])
        if self.measure.lossy:
            # What a codec learns depends only on its settings and the data.
            key["codec"] = self.recipe.codec.model_dump()
            through = cached_rows(folder, key=key, compute=self._through, say=self.watch.say)
            bounds = {"codec": combine([through], counts["real"]), **bounds}
        return bounds

    def _through(self) -> dict[str, float]:
        """Measure held-out real data after encoding and decoding."""
        codec = data_of.make_codec(self.kind, data_of.store_codec(self.recipe, self.dataset))
        second = self.reference.second
        decoded = codec.decode(*codec.encode(self.dataset.parts["test"].pick(second)))
        return self.figures_of(self.measure.made(decoded, codec), self.label_NA[second])

    def _bounds(self) -> dict[str, Any]:
        noise = self.reference.noise_items(self.samples, seed=0)
        rows: dict[str, Any] = {
            "real": self._claimed(self.reference.real() if self.judged else {}),
            "noise": self.figures_of(noise, self.reference.labels_for(self.samples)),
        }
        if self.own is not None:
            rows["real_own"], rows["real_own_count"] = self.own.real(self.samples)
        return rows

    def _gan_train_bounds(self) -> dict[str, Any]:
        items, label_NA = data_of.part_items(self.dataset, self.measure, "training")
        count = self.settings.gan_train_samples
        chosen = chosen_items(len(items), count)
        noise = self.reference.noise_items(count, seed=1)
        asked_NA = self.reference.labels_for(count)
        return {
            "real": [self._learned(items[chosen], label_NA[chosen]), len(chosen)],
            "noise": [self._learned(noise, asked_NA), count],
        }

    def _learned(self, samples: Tensor, label_NA: np.ndarray) -> dict[str, float]:
        self.watch.say(f"GAN-train: training a judge on {len(samples)} samples")

        def fresh() -> Judge:
            return self.measure.judge(self.test[:1], self.dataset.classes)

        verdict = gan_train(
            samples,
            label_NA,
            self.test,
            self.label_NA,
            make_judge=fresh,
            seed=GAN_TRAIN_SEED,
            epochs=self.settings.judge_epochs,
            device=self.device,
        )
        return accuracies("gan_train_accuracy", verdict, self.label_NA, tuple(self.dataset.labels))

    # -- runs and samples -----------------------------------------------------------------------

    def run(self, run: Run, *, checkpoint: str | None = None, seed: int = 0) -> Evaluation:
        """Measure a run and store the metrics in it.

        Stored metrics with the same settings are reused.

        Raises:
            RunError: the run was trained on other data than the bench has, or has no checkpoint.
        """
        recipe = run_recipe(run)
        if run.info["data"]["fingerprint"] != self.dataset.fingerprint:
            raise RunError(
                f"{run.path} was trained on a different version of {run.info['data']['name']}: "
                "the data have changed, or the recipe names other data"
            )
        chosen = run.checkpoint(checkpoint)
        settings = {
            **self.key,
            "sets": self.sets,
            "seed": seed,
            "likelihood": [self.settings.likelihood_items, self.settings.importance_samples],
            "checkpoint": chosen.name,
            "weights": file_digest(chosen / "networks.safetensors"),
            # The number of samples per second depends on it.
            "device": environment(self.device)["device"],
        }
        path = run.evaluation_path if self.part == "test" else run.path / f"{self.part}.json"
        before = kept(run, settings, path)
        if before is not None:
            return before
        sampler = self.sampler(run, recipe, checkpoint=chosen.name)
        conditional = recipe.conditional
        measured, seconds = [], 0.0
        next(sampler.stream(self.asked(1, conditional)))  # Warm-up: the first kernels are slow.
        for number in range(self.sets):
            label_NA = self.asked(self.samples, conditional)
            began = time.perf_counter()
            decoded = torch.cat(list(sampler.stream(label_NA, seed=set_seed(seed, number))))
            seconds += time.perf_counter() - began
            items = self.measure.made(decoded, sampler.codec)
            measured.append(self.figures_of(items, label_NA if conditional else None))
        figures = combine(measured, self.samples)
        if self.gan_train and conditional and self.labelled:
            count = self.settings.gan_train_samples
            label_NA = self.asked(count, conditional)
            decoded = torch.cat(list(sampler.stream(label_NA, seed=set_seed(seed, -1))))
            samples = self.measure.made(decoded, sampler.codec)
            figures |= combine([self._learned(samples, label_NA)], count)
        figures |= self._likelihood(run, recipe, sampler)
        figures |= critic_figures(self, run, recipe, sampler, seed)
        own, count = self.kind.run_figures(self, run, recipe, sampler)
        figures |= {name: Value.of([value], count) for name, value in own.items()}
        # The time of the whole training, even if the checkpoint is not the last one.
        _, trained_seconds = trained(run)
        weights = sum(weight.numel() for weight in sampler.generator.writer.parameters())
        figures["parameters"] = Value.of([float(weights)], 1)
        figures["training_seconds"] = Value.of([trained_seconds], 1)
        made = self.samples * self.sets
        figures["samples_per_second"] = Value.of([made / seconds], made)
        result = Evaluation(run.path.name, figures, settings)
        write_json(path, result.as_json())
        return result

    def sampler(self, run: Run, recipe: Recipe, *, checkpoint: str | None) -> Sampler:
        """Return the sampler of a run, asked for the classes that the bench has.

        Raises:
            RunError: no such checkpoint.
            FileProblem: it is damaged or of another shape.
        """
        found = load_sampler(run, recipe, checkpoint=checkpoint, device=self.device)
        return found.in_ranges(self.dataset.labels) if recipe.conditional else found

    def asked(self, count: int, conditional: bool) -> np.ndarray:
        """Return labels for samples: in the proportions of the test part, or the only class."""
        return self.reference.labels_for(count) if conditional else np.zeros((count, 1), np.int64)

    def _likelihood(self, run: Run, recipe: Recipe, sampler: Sampler) -> dict[str, Value]:
        if sampler.generator.likelihood == "none":
            return {}
        batch = self.test_batch(run, recipe)
        figures = likelihood_figures(
            sampler.generator,
            batch,
            noise=seeded_noise(0, self.device),
            draws=self.settings.importance_samples,
        )
        if not batch.x_BTF.is_floating_point():
            figures |= token_figures(sampler.generator, batch)
        return {name: Value.of([value], len(batch)) for name, value in figures.items()}

    def test_batch(self, run: Run, recipe: Recipe) -> Batch:
        """Return the test part, or a selection of it, encoded with the codec of a run."""
        part = data_of.seen(recipe, self.exact).parts["test"]
        chosen = chosen_items(len(part), self.settings.likelihood_items)
        encoded = data_of.run_codec(run).encode(part.items[: len(part)])
        x_BTF, mask_BT = (tensor[chosen].to(self.device) for tensor in encoded)
        return Batch(x_BTF, mask_BT, torch.from_numpy(part.label_NA[chosen]).to(self.device))

    def samples_of(self, name: str, samples: Tensor, label_NA: np.ndarray | None) -> Evaluation:
        """Measure external samples, as one set.

        Args:
            name: name in the table.
            samples: samples, as :attr:`measure` returns them.
            label_NA: their requested labels, or ``None``.
        """
        figures = combine([self.figures_of(samples, label_NA)], len(samples))
        if self.gan_train and label_NA is not None and self.labelled:
            figures |= combine([self._learned(samples, label_NA)], len(samples))
        return Evaluation(name, figures, {**self.key, "samples": len(samples), "sets": 1})


def _digest(tensors: Mapping[str, Tensor]) -> str:
    found = hashlib.sha256()
    for name, tensor in tensors.items():
        found.update(name.encode() + tensor.cpu().numpy().tobytes())
    return found.hexdigest()[:16]
