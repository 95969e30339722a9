"""The training loop, which is the same for every objective."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Literal

import torch
from torch import nn
from torch.optim import Optimizer

from ..batch import Batch
from ..data.loader import Batches
from ..errors import SeqganError
from ..files import FileProblem
from ..nn.noise import Noise
from ..objectives.objective import Moment, Objective, Turn
from . import checkpoint
from .budget import Budget, Unlimited
from .ema import Average
from .log import Means, MetricsFile, Report
from .run import Run
from .runtime import Runtime


class TrainingDiverged(SeqganError, RuntimeError):
    """The error for a loss that became infinite or NaN; the last good checkpoint is kept."""


@dataclass(frozen=True)
class Schedule:
    """A learning-rate schedule: a factor for each point of a run.

    Attributes:
        kind: ``"constant"``, or ``"linear"`` / ``"cosine"`` down to ``final``.
        hold: fraction of the run before the factor starts to fall.
        final: the factor at the end.
    """

    kind: Literal["constant", "linear", "cosine"] = "constant"
    hold: float = 0.0
    final: float = 0.0

    def factor(self, progress: float) -> float:
        """Return the factor for a fraction ``progress`` (0 to 1) of the run.

        >>> Schedule("linear", hold=0.5).factor(0.75)
        0.5
        """
        if self.kind == "constant" or progress <= self.hold:
            return 1.0
        fallen = min((progress - self.hold) / (1 - self.hold), 1.0)
        share = 1 - fallen if self.kind == "linear" else (1 + math.cos(math.pi * fallen)) / 2
        return self.final + (1 - self.final) * share


OptimizerMaker = Callable[[Iterable[nn.Parameter], float, tuple[float, float]], Optimizer]
"""A function that makes an optimiser from parameters, learning rate and betas."""


def adam(
    parameters: Iterable[nn.Parameter], learning_rate: float, betas: tuple[float, float]
) -> Optimizer:
    """Make an Adam optimiser (Kingma & Ba 2015), with one fused kernel for all parameters."""
    return torch.optim.Adam(parameters, lr=learning_rate, betas=betas, fused=True)


@dataclass(frozen=True)
class Optimization:
    """The optimiser settings of one network.

    Attributes:
        learning_rate: learning rate, before the schedule.
        betas: betas of Adam; another optimiser may ignore them.
        make: makes the optimiser.
    """

    learning_rate: float
    betas: tuple[float, float]
    make: OptimizerMaker = adam


@dataclass(frozen=True)
class Hook:
    """A callback for the averaged network, called every ``every`` steps and at the end.

    Attributes:
        every: number of steps between two calls.
        call: the callback, with the step and the network.
        missing: whether what it should have made at a step is not there. It is asked when a run
            is resumed: the process may have been killed between the checkpoint and the callback.
    """

    every: int
    call: Callable[[int, nn.Module], None]
    missing: Callable[[int], bool] = lambda step: False


class Trainer:
    """The training loop for the networks of an objective; it also writes the run folder.

    Args:
        objective: networks and the turns that train them.
        batches: the training data.
        runtime: device, precision and processes.
        run: the run folder; only the first process writes to it.
        optimization: optimiser settings of every trained network.
        schedule: learning-rate schedule.
        steps: number of training steps.
        minutes: time limit; training ends at whichever limit comes first.
        budget: another limit.
        average_decay: decay of the averaged network.
        seed: seed of the noise.
        log_every: steps between two lines of ``metrics.jsonl``.
        checkpoint_every: steps between two checkpoints.
        keep: number of checkpoints to keep.
        score: scores the averaged network at a step, lower is better; the best checkpoint is kept,
            too. None: it has nothing to say yet.
        hooks: callbacks for the averaged network.
        report: called after every step.
        should_stop: called after every step; true ends training.
    """

    def __init__(
        self,
        objective: Objective,
        batches: Batches,
        *,
        runtime: Runtime,
        run: Run,
        optimization: Mapping[str, Optimization],
        schedule: Schedule,
        steps: int,
        minutes: float | None = None,
        budget: Budget | None = None,
        average_decay: float = 0.999,
        seed: int = 0,
        log_every: int = 50,
        checkpoint_every: int = 1000,
        keep: int = 2,
        score: Callable[[int, nn.Module], float | None] | None = None,
        hooks: Sequence[Hook] = (),
        report: Callable[[Report], None] = lambda report: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.objective = objective
        self.batches = batches
        self.runtime = runtime
        self.run = run
        self.optimization = optimization
        self.schedule = schedule
        self.steps = steps
        self.minutes = minutes
        self.budget = budget or Unlimited()
        self.log_every = log_every
        self.checkpoint_every = checkpoint_every
        self.keep = keep
        self.score = score
        self.hooks = hooks
        self.report = report
        self.should_stop = should_stop
        self.progress = checkpoint.Progress()

        for module in objective.networks.values():
            module.to(runtime.device).train()
            runtime.share_weights(module)
        self.average = Average(objective.networks[objective.averaged], average_decay)
        self.optimizers = {
            turn.name: optimization[turn.name].make(
                objective.networks[turn.name].parameters(),
                optimization[turn.name].learning_rate,
                optimization[turn.name].betas,
            )
            for turn in objective.turns
        }
        checkpoint.seed_process(seed, runtime.rank)
        generator = torch.Generator(device=runtime.device).manual_seed(seed)
        self.noise = Noise(generator, runtime.rank, runtime.world)
        self.means = Means()
        self.bad = torch.zeros((), dtype=torch.bool, device=runtime.device)
        self._saved_at: int | None = None

    # -- checkpoints ----------------------------------------------------------------------------

    @property
    def _kept_networks(self) -> dict[str, nn.Module]:
        return {**self.objective.networks, "average": self.average.module}

    def resume(self, path: Path) -> None:
        """Load the checkpoint in the folder ``path``.

        Raises:
            FileProblem: it is damaged, or does not belong to this run.
        """
        progress = checkpoint.load(
            path,
            networks=self._kept_networks,
            optimizers=self.optimizers,
            generator=self.noise.generator,
            rank=self.runtime.rank,
        )
        if progress.drawn > progress.step * sum(turn.repeats for turn in self.objective.turns):
            raise FileProblem(
                f"{path / 'state.json'} is damaged: {progress.drawn} batches are more than "
                f"{progress.step} steps draw"
            )
        self.budget.restore(progress.privacy)
        self.progress = progress
        self.batches.drawn = self.progress.drawn
        self.means.restore(self.progress.means, self.runtime.device)
        self._saved_at = self.progress.step

    def save(self) -> None:
        """Write a checkpoint of this step, unless it exists, and remove old ones."""
        if self._saved_at == self.progress.step:
            return
        # A gradient can be infinite although its loss is finite, so the weights are checked, too.
        for module in self._kept_networks.values():
            for tensor in (*module.parameters(), *module.buffers()):
                self.bad |= ~tensor.detach().isfinite().all()
        self._refuse_bad(self.runtime.mean(self.bad.float()).item())
        self.progress.means = self.means.state(self.runtime.mean)
        states = {
            name: self.runtime.gather(state)
            for name, state in checkpoint.random_state(self.noise.generator).items()
        }
        if self.runtime.leader:
            # Scored before the checkpoint exists: if the process were killed in between, the
            # checkpoint would have no score and could never be the best one.
            self.progress.score = self.score and self.score(
                self.progress.step, self.average.module
            )
            self.progress.drawn = self.batches.drawn
            self.progress.privacy = self.budget.state()
            checkpoint.save(
                self.run.save_checkpoint(self.progress.step),
                networks=self._kept_networks,
                optimizers=self.optimizers,
                random=[
                    {name: parts[rank] for name, parts in states.items()}
                    for rank in range(self.runtime.world)
                ],
                progress=self.progress,
            )
            self.run.prune(self.keep)
        self._saved_at = self.progress.step
        self.runtime.barrier()

    # -- the loop -------------------------------------------------------------------------------

    def fit(self) -> bool:
        """Train to the end.

        Returns:
            Whether training reached its end; ``False`` if ``should_stop`` stopped it. The run has
            a checkpoint of the last step either way.

        Raises:
            TrainingDiverged: a loss is not finite.
        """
        metrics = None
        if self.runtime.leader:
            metrics = MetricsFile(self.run.metrics_path, self.progress.step)
        self._began = time.monotonic() - self.progress.seconds
        self._first_step = self.progress.step
        self._first_second = self.progress.seconds
        self._catch_up()
        try:
            stopped = False
            while not self.over and not stopped:
                self.train_step()
                stopped = self._after_step(metrics)
            self.save()
        finally:
            if metrics is not None:
                metrics.close()
        return not stopped

    def _catch_up(self) -> None:
        """Call hooks whose call at the step of the checkpoint was lost with the process."""
        step = self.progress.step
        for hook in self.hooks if self.runtime.leader and step else ():
            if (step % hook.every == 0 or self.over) and hook.missing(step):
                hook.call(step, self.average.module)

    @property
    def _share_done(self) -> float:
        by_steps = self.progress.step / self.steps
        by_clock = self.progress.seconds / 60 / self.minutes if self.minutes else 0.0
        return min(max(by_steps, by_clock), 1.0)

    @property
    def over(self) -> bool:
        return self._share_done >= 1 or self.budget.used_up(self.progress.step)

    def train_step(self) -> None:
        """Run one step: every turn of the objective, then the update of the average."""
        moment = Moment(self.progress.step, self._share_done)
        batch = None
        turns = [turn for turn in self.objective.turns if turn.active(moment)]
        for turn, following in zip_longest(turns, turns[1:]):
            self._set_learning_rate(turn, moment)
            for name, module in self.objective.networks.items():
                module.requires_grad_(name == turn.name)
            for left in reversed(range(turn.repeats)):
                if batch is None or not turn.shares:
                    batch = self.batches.next()
                shared = not left and following is not None and following.shares
                self._take(turn, batch, moment._replace(shared=shared))
        self.average.update(self.progress.step)
        self.progress.step += 1

    def _take(self, turn: Turn, batch: Batch, moment: Moment) -> None:
        optimizer = self.optimizers[turn.name]
        optimizer.zero_grad()
        with self.runtime.autocast():
            outcome = turn.compute(batch, self.noise, moment)
        loss = torch.stack(list(outcome.losses.values())).sum()
        loss.backward()
        self.runtime.average_gradients(self.objective.networks[turn.name].parameters())
        optimizer.step()
        self.bad |= ~loss.detach().isfinite()
        losses = {f"loss/{name}": value.detach() for name, value in outcome.losses.items()}
        self.means.add({**losses, **outcome.figures})

    def _set_learning_rate(self, turn: Turn, moment: Moment) -> None:
        share = (
            self.schedule.factor(moment.progress) if turn.course is None else turn.course(moment)
        )
        factor = share * turn.factor
        for group in self.optimizers[turn.name].param_groups:
            group["lr"] = self.optimization[turn.name].learning_rate * factor

    def _after_step(self, metrics: MetricsFile | None) -> bool:
        """Log, save, call hooks and report when due; return whether to stop."""
        self.progress.seconds = time.monotonic() - self._began
        if self.runtime.world > 1 and self.minutes:
            # All processes use one clock, so that they end at the same step.
            seconds = torch.tensor(self.progress.seconds, device=self.runtime.device)
            self.progress.seconds = float(self.runtime.mean(seconds))
        step = self.progress.step
        figures: dict[str, float] = {}
        if step % self.log_every == 0 or self.over:
            figures = self._log(metrics)
        if step % self.checkpoint_every == 0 or self.over:
            self.save()
        for hook in self.hooks:
            if self.runtime.leader and (step % hook.every == 0 or self.over):
                hook.call(step, self.average.module)
        self.report(self._report(figures))
        if self.runtime.world > 1 and step % 10:
            return False  # Asking all processes costs a message, so only every tenth step.
        return self.runtime.any(self.should_stop())

    def _log(self, metrics: MetricsFile | None) -> dict[str, float]:
        """Copy the metrics to the host (the only such copy of a step) and write them."""
        names, means = self.means.take()
        if not names:
            return {}
        values = self.runtime.mean(torch.cat([means, self.bad.float()[None]])).tolist()
        self._refuse_bad(values.pop())
        figures = dict(zip(names, values, strict=True)) | self.budget.figures()
        if metrics is not None:
            line = {"step": self.progress.step, "seconds": round(self.progress.seconds, 3)}
            metrics.write({**line, **figures})
        return figures

    def _refuse_bad(self, bad: float) -> None:
        if bad:
            kept = [path.name for path in self.run.checkpoints()]
            raise TrainingDiverged(
                f"a loss became infinite or NaN by step {self.progress.step}; "
                + (f"the last good checkpoint, {kept[-1]}, is kept. " if kept else "")
                + "Try a smaller train.learning_rate or a stronger penalty"
            )

    def _report(self, figures: Mapping[str, float]) -> Report:
        done, seconds = self._share_done, self.progress.seconds
        trained = max(seconds - self._first_second, 1e-9)
        speed = (self.progress.step - self._first_step) / trained
        left_by_steps = (self.steps - self.progress.step) / max(speed, 1e-9)
        left_by_clock = self.minutes * 60 - seconds if self.minutes else math.inf
        return Report(
            step=self.progress.step,
            progress=done,
            seconds=seconds,
            seconds_left=max(min(left_by_steps, left_by_clock), 0.0),
            steps_per_second=speed,
            figures=figures,
        )
