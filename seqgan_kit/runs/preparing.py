"""From a recipe, its data and its codec to a trainer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from torch import nn

from ..data.dataset import DataError, Dataset
from ..data.encoded_shards import EncodedShards
from ..data.loader import Batches, GroupedBatches, SequenceStore
from ..data.numeric import in_ranges
from ..data.sources import cache_folder
from ..kind import Codec
from ..labels import LabelCounts, label_counts
from ..nn.networks import Generator
from ..objectives.objective import Objective
from ..recipe import Recipe
from ..training.budget import Budget
from ..training.log import require_tensorboard, tensorboard_report
from ..training.run import Run
from ..training.runtime import Runtime
from ..training.trainer import Hook, OptimizerMaker, Trainer
from . import data as data_of
from .data import seen, trainable
from .judging import checkpoint_score, likelihood_score, ratio_score
from .objectives import check_processes, make_objective, optimization, schedule
from .privacy import with_privacy
from .sampler import Sampler
from .streaming import batches_of
from .transfer import begin_with
from .watch import Watch


@dataclass(frozen=True)
class Making:
    """What trainers are made of, apart from recipe and data."""

    runtime: Runtime
    watch: Watch
    optimizer: OptimizerMaker
    hooks: Sequence[Hook]

    def trainer(
        self,
        recipe: Recipe,
        dataset: Dataset,
        codec: Codec,
        other: Run | None = None,
        shards: EncodedShards | None = None,
    ) -> Callable[[Run], Trainer]:
        """Prepare training; return a function that makes the trainer for a run folder.

        Args:
            recipe: the recipe.
            dataset: its data.
            codec: its codec.
            other: a run whose weights are the initial ones.
            shards: what is trained on, if the data are a stream.

        Raises:
            DataError: the data are a stream and there are no shards, or they cannot be used.
        """
        runtime, watch = self.runtime, self.watch
        settings = recipe.train
        kind = data_of.kind_of(recipe)
        check_processes(recipe, runtime.world)
        if settings.tensorboard:
            require_tensorboard()
        visible, notes = trainable(recipe, seen(recipe, dataset), codec)
        for note in notes:
            watch.say(note)
        store = None
        if shards is None:
            if dataset.stream is not None:
                raise DataError(
                    f"{dataset.name} is a stream, of which only the sample would be trained on: "
                    "encode its shards first (seqgan_kit.runs.streaming.encode)"
                )
            store = SequenceStore(
                visible.parts["training"],
                codec,
                runtime.device,
                recipe.data.budget_mb * 2**20,
                cache_folder() / "encoded",
            )
        objective = make_objective(recipe, codec, visible.classes)
        score = self._score(recipe, dataset, codec, objective)
        if other is not None:
            begin_with(other, objective, visible.labels, watch)
            if settings.privacy is not None:
                watch.say(f"privacy: the weights of {other.path} are taken to be public")
        counts: LabelCounts | None = None
        batches: Batches
        budget: Budget | None = None
        if store is None:
            assert shards is not None, "one of them"
            batches, counts = batches_of(shards, recipe, runtime)
        elif settings.privacy is not None:
            objective, batches, budget = with_privacy(
                recipe,
                settings.privacy,
                dataset=dataset,
                codec=codec,
                classes=visible.classes,
                store=store,
                objective=objective,
                runtime=runtime,
                watch=watch,
            )
        else:
            counts = label_counts(visible.parts["training"].label_NA)
            batches = GroupedBatches(
                store,
                batch_size=settings.batch_size,
                class_NA=in_ranges(visible).parts["training"].label_NA,
                group=settings.class_group,
                seed=recipe.seed,
                rank=runtime.rank,
                world=runtime.world,
            )

        def trainer_for(run: Run) -> Trainer:
            def sampler(network: nn.Module) -> Sampler:
                made = Sampler(cast(Generator, network), codec, visible.labels, runtime.device)
                made.label_counts = counts
                return made

            def preview(step: int) -> Path:
                return run.samples / f"step-{step:08d}{kind.preview}"

            def draw(step: int, network: nn.Module) -> None:
                kind.draw(sampler(network), preview(step))

            report = watch.report
            if settings.tensorboard and runtime.leader:
                report = tensorboard_report(lambda: run.path / "tensorboard", report)
            return Trainer(
                objective,
                batches,
                runtime=runtime,
                run=run,
                optimization=optimization(recipe, objective, self.optimizer),
                schedule=schedule(recipe),
                steps=settings.steps,
                minutes=settings.minutes,
                budget=budget,
                average_decay=settings.average_decay,
                seed=recipe.seed,
                log_every=settings.log_every,
                checkpoint_every=settings.checkpoint_every,
                # The best one and two new ones, in case one is damaged.
                keep=2 if settings.keep == "best" else settings.keep,
                score=None if score is None else lambda step, net: score(step, sampler(net)),
                hooks=[
                    Hook(settings.grid_every, draw, lambda step: not preview(step).exists()),
                    *self.hooks,
                ],
                report=report,
                should_stop=watch.should_stop,
            )

        return trainer_for

    def _score(
        self, recipe: Recipe, dataset: Dataset, codec: Codec, objective: Objective
    ) -> Callable[[int, Sampler], float | None] | None:
        """Return what scores a checkpoint, if the best one is to be kept."""
        device, watch = self.runtime.device, self.watch
        if recipe.ratio_from is not None:
            # What it looks at calibrates the discriminator, too.
            return ratio_score(recipe, dataset, codec, objective, device=device)
        if recipe.train.keep != "best":
            return None
        if recipe.train.best_by == "likelihood":
            score = likelihood_score(recipe, dataset, codec, device=device)
        else:
            score = checkpoint_score(
                recipe, dataset, codec, device=device, say=watch.say, progress=watch.judge
            )
        return lambda step, sampler: score(sampler)
