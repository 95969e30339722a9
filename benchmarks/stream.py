"""A training step and its memory, with 1, 10 and 100 times the data in shards.

    python benchmarks/stream.py            1,000, 10,000 and 100,000 series; five minutes on a core
    python benchmarks/stream.py --small    to see that it runs

Every size is a folder of shards of the same size, and every measurement a process of its own that
trains a recurrent GAN; the sizes take turns. The first round encodes the shards into an empty
cache, the others find them there. A step is the median of a process, by the clock and in seconds
of the processor, each in the round that was least disturbed by what else ran. Memory is RssAnon at
the last step: what belongs to the process, without the pages of mapped files, which the system
takes back when it needs them. The exit code is 1 if a step or the memory of the largest size is
more than 5 % above that of the smallest.
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
from pathlib import Path
from typing import Any

import numpy as np

STEPS = 48
"""Of a series."""
WARM_UP = 20
"""Training steps that are not timed."""
MOST = 1.05
WATCHED = ("step", "processor", "memory", "encoding memory")

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


def train(root: Path, steps: int) -> None:
    """Train in this process, and print what was measured as JSON."""
    import torch

    from seqgan_kit.recipe import files
    from seqgan_kit.runs import workflow
    from seqgan_kit.runs.watch import Watch
    from seqgan_kit.training.log import Report

    torch.set_num_threads(1)
    overrides = [text.replace("ROOT", str(root)) for text in RECIPE]
    recipe = files.load("vowels_series", (*overrides, f"train.steps={steps}"))
    moments: list[float] = []
    worked: list[float] = []
    anonymous: list[int] = []

    def report(step: Report) -> None:
        moments.append(time.perf_counter())
        worked.append(time.process_time())
        if step.step == steps - 1:  # Before the checkpoint and the picture of the last step.
            anonymous.append(status("RssAnon"))

    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        workflow.train(recipe, out=Path(folder, "run"), watch=Watch(report=report))
    found = {
        "step": float(np.median(np.diff(moments)[WARM_UP:-1])),
        "processor": float(np.median(np.diff(worked)[WARM_UP:-1])),
        "memory": anonymous[0],
        "before": moments[0] - began,
    }
    print(json.dumps(found))


def status(key: str) -> int:
    """Return a number of KiB from the status of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{key}:"))


def measured(root: Path, cache: Path, steps: int) -> dict[str, Any]:
    words = [sys.executable, __file__, "--train", str(root), "--steps", str(steps)]
    environment = {**os.environ, "SEQGAN_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr[-4000:])
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=1000, help="training series of the smallest")
    parser.add_argument("--steps", type=int, default=150, help="training steps")
    parser.add_argument("--rounds", type=int, default=3, help="processes for each size")
    parser.add_argument("--small", action="store_true", help="the smallest sizes")
    parser.add_argument("--train", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.train is not None:
        train(asked.train, asked.steps)
        return
    if asked.small:
        asked.items, asked.steps, asked.rounds = 100, 30, 2
    factors = (1, 10, 100)
    with tempfile.TemporaryDirectory(prefix="seqgan-stream-") as temporary:
        folder = Path(temporary)
        for factor in factors:
            write_shards(folder / str(factor), asked.items * factor, max(asked.items // 4, 1))
        rounds: list[dict[int, dict[str, Any]]] = [
            {
                factor: measured(folder / str(factor), folder / "cache", asked.steps)
                for factor in factors
            }
            for _ in range(asked.rounds)
        ]
    print_table(asked.items, rounds)
    first, last = (summary(rounds, factor) for factor in (factors[0], factors[-1]))
    flat = all(last[name] <= MOST * first[name] for name in WATCHED)
    if not asked.small and not flat:
        sys.exit(1)


def summary(rounds: list[dict[int, dict[str, Any]]], factor: int) -> dict[str, float]:
    found = [one[factor] for one in rounds]
    later = found[1:]
    return {
        "step": min(one["step"] for one in found) * 1000,
        "processor": min(one["processor"] for one in found) * 1000,
        "memory": statistics.median(one["memory"] for one in later) / 1024,
        "encoding memory": found[0]["memory"] / 1024,
        "encoding": found[0]["before"] - statistics.median(one["before"] for one in later),
        "start": statistics.median(one["before"] for one in later),
    }


def print_table(items: int, rounds: list[dict[int, dict[str, Any]]]) -> None:
    print("| series | step | processor | memory | memory after encoding | encoding | start |")
    print("|---|---|---|---|---|---|---|")
    base = summary(rounds, 1)
    units = {"step": "ms", "processor": "ms", "memory": "MB", "encoding memory": "MB"}
    for factor in rounds[0]:
        one = summary(rounds, factor)
        cells = [f"{items * factor:,}"]
        for name, unit in units.items():
            cells.append(f"{one[name]:.1f} {unit} ({one[name] / base[name]:.3f})")
        cells += [f"{one['encoding']:.1f} s", f"{one['start']:.1f} s"]
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
