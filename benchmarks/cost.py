"""What a training would cost: measured steps of a recipe, and a model on paper of the rest.

    python benchmarks/cost.py sines_series --items 1000000
    python benchmarks/cost.py oracle_text_likelihood --tokens 1000000000 --processes 1,8,64
    python benchmarks/cost.py mnist_rows --items 1e6 --passes 20 --gbit 100 train.batch_size=256

Measured here: the time of a step, the numbers of each network, the bytes of an encoded item,
samples a second. On paper: every process has a whole batch and the device that was measured, and
sends its gradients after each turn, without computing meanwhile, in a ring over a link of its own:

    step(n) = step(1) + sum over turns of [2 (n - 1)/n x bytes/link + 2 (n - 1) x latency]
    steps(n) = passes x items / (n x batch)

A larger joint batch may need more passes for the same result; the model does not know that.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.runs import data as data_of
from seqgan_kit.runs.preparing import Making
from seqgan_kit.runs.sampler import Sampler
from seqgan_kit.runs.watch import Watch
from seqgan_kit.training.run import create_run
from seqgan_kit.training.runtime import Runtime
from seqgan_kit.training.trainer import Trainer, adam


@dataclass(frozen=True)
class Measured:
    """What was measured.

    Attributes:
        seconds: of a step.
        items: training items that a step reads.
        tokens: steps of a sequence that are not padding, in the mean.
        item_bytes: of an encoded item.
        transfers: bytes of gradients of each turn of a step.
        sampled: samples a second.
    """

    seconds: float
    items: float
    tokens: float
    item_bytes: float
    transfers: Sequence[int]
    sampled: float


CYCLE = 4
"""Steps that are timed together: penalties are computed every few steps."""

SAMPLES = 2000


def trainer_of(
    recipe_name: str, overrides: Sequence[str], folder: Path
) -> tuple[Trainer, Callable[[], None]]:
    """Return the trainer of a recipe, in a run that is thrown away, and what samples it."""
    recipe = recipe_files.load(recipe_name, [*overrides, "train.minutes=null"])
    runtime = Runtime(device=recipe.train.device, precision=recipe.train.precision)
    dataset = data_of.load_dataset(recipe, None)
    stored = data_of.store_codec(recipe, dataset)
    codec = data_of.make_codec(data_of.kind_of(recipe), stored)
    prepared = Making(runtime, Watch(), adam, ()).trainer(recipe, dataset, codec)
    names = {name: list(classes) for name, classes in dataset.labels.items()}
    info = {"labels": names, "codec": {}, "data": {"name": dataset.name, "fingerprint": ""}}
    trainer = prepared(create_run(folder / "run", "", info, stored.files))
    sampler = Sampler(trainer.average.module, codec, names, runtime.device)
    label_NA = np.zeros((SAMPLES, len(names)), np.int64)

    def sample() -> None:
        for _ in sampler.stream(label_NA):
            pass

    return trainer, sample


def measure(trainer: Trainer, sample: Callable[[], None], rounds: int) -> Measured:
    """Time steps and sampling, after a few to warm up."""
    transfers = [
        4 * sum(p.numel() for p in trainer.objective.networks[turn.name].parameters())
        for turn in trainer.objective.turns
        for _ in range(turn.repeats)
    ]

    def cycle() -> None:
        for _ in range(CYCLE):
            trainer.train_step()

    timed(cycle)
    drawn = trainer.batches.drawn
    times = [timed(cycle) / CYCLE for _ in range(rounds)]
    batches = (trainer.batches.drawn - drawn) / rounds / CYCLE
    batch = trainer.batches.next()
    return Measured(
        statistics.median(times),
        batches * len(batch),
        float(batch.mask_BT.float().sum(1).mean()),
        batch.x_BTF[0].numel() * batch.x_BTF.element_size(),
        transfers,
        SAMPLES / min(timed(sample) for _ in range(3)),
    )


def timed(call: Callable[[], None]) -> float:
    """Return the seconds that a call takes."""
    began = time.perf_counter()
    call()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began


def step_on(processes: int, one: Measured, gbit: float, latency: float) -> float:
    """Return the seconds of a step by so many processes."""
    hops = 2 * (processes - 1)
    sent = sum(hops / processes * size * 8 / (gbit * 1e9) for size in one.transfers)
    return one.seconds + sent + hops * latency * len(one.transfers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe")
    parser.add_argument("overrides", nargs="*")
    size = parser.add_mutually_exclusive_group(required=True)
    size.add_argument("--items", type=float, help="training items")
    size.add_argument("--tokens", type=float, help="steps of all training items together")
    parser.add_argument("--passes", type=float, default=1.0)
    parser.add_argument("--processes", default="1,2,8,64")
    parser.add_argument("--gbit", type=float, default=10.0, help="of each link, a second")
    parser.add_argument("--latency", type=float, default=50e-6, help="of a message, in seconds")
    parser.add_argument("--rounds", type=int, default=15, help=f"of {CYCLE} steps")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        trainer, sample = trainer_of(asked.recipe, asked.overrides, Path(folder))
        one = measure(trainer, sample, asked.rounds)
        device = trainer.runtime.device
    items = asked.items or asked.tokens / one.tokens
    threads = torch.get_num_threads()
    print(f"{asked.recipe}, torch {torch.__version__}, {device}, {threads} threads")
    print(
        f"  a step {one.seconds * 1e3:.1f} ms (median of {asked.rounds} x {CYCLE}) for "
        f"{one.items:.0f} items of {one.tokens:.1f} steps: "
        f"{one.items * one.tokens / one.seconds:,.0f} a second"
    )
    turns = " + ".join(f"{size / 1e6:.2f}" for size in one.transfers)
    print(
        f"  gradients of a step {turns} MB; an encoded item {one.item_bytes:,.0f} bytes; "
        f"{one.sampled:,.0f} samples a second"
    )
    print(
        f"{items:,.0f} items, {items * one.tokens:,.0f} steps of sequences, encoded "
        f"{items * one.item_bytes / 1e9:.2f} GB; {asked.passes:g} passes, {asked.gbit:g} Gb/s"
    )
    print("  processes  step, ms  sending        steps      hours  efficiency")
    for processes in map(int, asked.processes.split(",")):
        step = step_on(processes, one, asked.gbit, asked.latency)
        steps = asked.passes * items / (processes * one.items)
        print(
            f"  {processes:9}  {step * 1e3:8.1f}  {1 - one.seconds / step:7.0%}  {steps:11,.0f}  "
            f"{steps * step / 3600:9.2f}  {one.seconds / step:10.0%}"
        )


if __name__ == "__main__":
    main()
