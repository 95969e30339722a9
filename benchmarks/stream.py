"""A training step and its memory, with 1, 10 and 100 times the data in shards.

    python benchmarks/stream.py            up to 100,000 series; a few minutes on a core
    python benchmarks/stream.py --small    to see that it runs

Every size is a folder of shards of the same size, on which a recurrent GAN is trained. Memory is
that of a process of its own, RssAnon at the last step: what belongs to the process, without the
pages of mapped files, which the system takes back when it needs them. The first round encodes the
shards into an empty cache, the others find them there. Steps are timed in one process, in which
the three trainings take turns step by step, so that what else runs slows all of them alike; in
brackets is the median of the ratios to the smallest size at the same turn. The exit code is 1 if
time, processor time or memory of the largest size is more than 5 % above that of the smallest.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

STEPS = 48
"""Of a series."""
WARM_UP = 20
"""Training steps that are not timed."""
MOST = 1.05
FACTORS = (1, 10, 100)

RECIPE = (
    "data={source: series, layout: wide, root: ROOT, stream: {sample: 500, buffer: 1000}}",
    "model.generator.hidden_size=64",
    "model.discriminator.hidden_size=64",
    "train.batch_size=64",
    "train.class_group=1",
    "train.log_every=1000000",
    "train.grid_every=1000000",
    "train.checkpoint_every=1000000",
)


def write_shards(folder: Path, items: int, each: int) -> None:
    """Write so many training series in shards, and two more shards for the other parts."""
    import pyarrow as pa
    import pyarrow.parquet

    folder.mkdir()
    for number in range(items // each + 2):
        rng = np.random.default_rng(number)
        slope_N1, phase_N1 = rng.uniform(0.1, 0.6, (each, 1)), rng.uniform(0, 6, (each, 1))
        value_NS = np.sin(slope_N1 * np.arange(STEPS) + phase_N1)
        columns = {str(step): value_NS[:, step].round(4) for step in range(STEPS)}
        table = pa.table({"id": [f"{number}-{one}" for one in range(each)], **columns})
        pa.parquet.write_table(table, folder / f"shard-{number:05d}.parquet")


def recipe_of(root: Path, steps: int) -> Any:
    from seqgan_kit.recipe import files

    overrides = [text.replace("ROOT", str(root)) for text in RECIPE]
    return files.load("vowels_series", (*overrides, f"train.steps={steps}"))


def train(root: Path, steps: int) -> dict[str, float]:
    """Train as a command does; return the memory at the end, and the seconds before a step."""
    from seqgan_kit.runs import workflow
    from seqgan_kit.runs.watch import Watch
    from seqgan_kit.training.log import Report

    moments: list[float] = []
    anonymous: list[int] = []

    def report(step: Report) -> None:
        moments.append(time.perf_counter())
        if step.step == steps - 1:  # Before the checkpoint and the picture of the last step.
            anonymous.append(status("RssAnon"))

    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        recipe = recipe_of(root, steps)
        workflow.train(recipe, out=Path(folder, "run"), watch=Watch(report=report))
    return {"memory": anonymous[0] / 1024, "before": moments[0] - began}


def status(key: str) -> int:
    """Return a number of KiB from the status of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{key}:"))


def take_turns(roots: Sequence[Path], steps: int) -> list[dict[str, float]]:
    """Train on all folders, step by step in turns; return milliseconds, and their ratios."""
    from seqgan_kit.recipe.files import dump
    from seqgan_kit.runs.data import kind_of, load_dataset, make_codec, store_codec
    from seqgan_kit.runs.preparing import Making
    from seqgan_kit.runs.streaming import encode
    from seqgan_kit.runs.watch import Watch
    from seqgan_kit.training.run import create_run
    from seqgan_kit.training.runtime import Runtime
    from seqgan_kit.training.trainer import adam

    trainers = []
    making = Making(Runtime(device="cpu"), Watch(), adam, ())
    for root in roots:
        recipe = recipe_of(root, steps)
        dataset = load_dataset(recipe)
        stored = store_codec(recipe, dataset)
        codec = make_codec(kind_of(recipe), stored)
        shards = encode(recipe, dataset, stored, codec, making.watch)
        info = {
            "labels": {name: list(names) for name, names in dataset.labels.items()},
            "codec": dict(stored.settings),
            "data": {"name": dataset.name, "fingerprint": dataset.fingerprint, "items": {}},
        }
        run = create_run(root.with_name(f"run-{root.name}"), dump(recipe), info, stored.files)
        trainers.append(making.trainer(recipe, dataset, codec, shards=shards)(run))
    taken_SR2 = np.empty((steps, len(roots), 2))
    for step in range(steps):
        # Who begins changes, so that nobody always follows the largest.
        for place in np.roll(np.arange(len(roots)), step):
            began = time.perf_counter(), time.process_time()
            trainers[place].train_step()
            taken_SR2[step, place] = time.perf_counter() - began[0], time.process_time() - began[1]
    taken_SR2 = taken_SR2[WARM_UP:]
    ratio_R2 = np.median(taken_SR2 / taken_SR2[:, :1], axis=0)
    return [
        dict(zip(("step", "processor", "step ratio", "processor ratio"), row, strict=True))
        for row in np.concatenate([np.median(taken_SR2, axis=0) * 1000, ratio_R2], 1).tolist()
    ]


def measured(*words: object, cache: Path) -> Any:
    environment = {**os.environ, "SEQGAN_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, *map(str, words)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr[-4000:])
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=1000, help="training series of the smallest")
    parser.add_argument("--steps", type=int, default=400, help="training steps that are timed")
    parser.add_argument("--rounds", type=int, default=3, help="processes for each size")
    parser.add_argument("--small", action="store_true", help="the smallest sizes")
    parser.add_argument("--train", type=Path, nargs="+", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.train is not None:
        import torch

        torch.set_num_threads(1)
        if len(asked.train) == 1:
            print(json.dumps(train(asked.train[0], asked.steps)))
        else:
            print(json.dumps(take_turns(asked.train, asked.steps)))
        return
    if asked.small:
        asked.items, asked.steps, asked.rounds = 100, 10, 2
    with tempfile.TemporaryDirectory(prefix="seqgan-stream-") as temporary:
        cache = Path(temporary, "cache")
        roots = [Path(temporary, str(factor)) for factor in FACTORS]
        for factor, root in zip(FACTORS, roots, strict=True):
            write_shards(root, asked.items * factor, max(asked.items // 4, 1))
        rounds = [
            [measured("--train", root, "--steps", 60, cache=cache) for root in roots]
            for _ in range(asked.rounds)
        ]
        steps = asked.steps + WARM_UP
        turns = measured("--train", *roots, "--steps", steps, cache=cache)
    rows = [one | of_rounds([found[place] for found in rounds]) for place, one in enumerate(turns)]
    print_table(asked.items, rows)
    last, first = rows[-1], rows[0]
    grown = [last["step ratio"], last["processor ratio"]]
    grown += [last[name] / first[name] for name in ("memory", "memory after encoding")]
    if not asked.small and max(grown) > MOST:
        sys.exit(1)


def of_rounds(found: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the figures of the processes of a size, of which the first encoded."""
    start = statistics.median(one["before"] for one in found[1:])
    return {
        "memory": statistics.median(one["memory"] for one in found[1:]),
        "memory after encoding": found[0]["memory"],
        "encoding": found[0]["before"] - start,
        "start": start,
    }


def print_table(items: int, rows: Sequence[dict[str, float]]) -> None:
    print("| series | step | processor | memory | memory after encoding | encoding | start |")
    print("|---|---|---|---|---|---|---|")
    for factor, one in zip(FACTORS, rows, strict=True):
        cells = [f"{items * factor:,}"]
        cells += [
            f"{one[name]:.1f} ms ({one[f'{name} ratio']:.3f})" for name in ("step", "processor")
        ]
        cells += [
            f"{one[name]:.0f} MB ({one[name] / rows[0][name]:.3f})"
            for name in ("memory", "memory after encoding")
        ]
        cells += [f"{one['encoding']:.1f} s", f"{one['start']:.1f} s"]
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
