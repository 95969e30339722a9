"""Faults on purpose: kills, races, lost processes and full disks, and what is left after them.

    python benchmarks/faults.py                      everything; takes hours on two cores
    python benchmarks/faults.py starts operations --seed 7
    python benchmarks/faults.py kills --count 10

Each part prints how often it was tried, how many runs were lost (no whole checkpoint where one had
been written, or a folder that can neither be resumed nor replaced) and how many ended with other
weights than a run that nothing happened to. The exit code is 1 if anything was lost or unequal.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any

DATA = ("data.source=digits", "data.root=null")
SMALL = ("model.generator.hidden_size=16", "model.discriminator.hidden_size=16")
KILLED = {
    "digits_rows": SMALL,
    "sines_series": (*SMALL, "data.count=400"),
    "mnist_gan": (*DATA, "model.generator.widths=[8]", "model.discriminator.channels=[4,4]"),
    "mnist_dcgan": (*DATA, "model.generator.channels=[4]", "model.discriminator.channels=[4,4]"),
    "mnist_vae": (*DATA, "model.encoder.channels=[4,4]", "model.decoder.widths=[8]"),
    "mnist_rows_likelihood": (*DATA, "model.generator.hidden_size=16"),
}
"""Recipes that are killed, and what makes them small."""
FEW = ("train.checkpoint_every=5", "train.log_every=1", "train.grid_every=10",
       "train.minutes=null", "train.keep=2", "train.batch_size=32")  # fmt: skip


@dataclass
class Row:
    """One line of the table."""

    what: str
    tried: int = 0
    lost: int = 0
    unequal: int = 0

    def count(self, outcome: str) -> None:
        self.tried += 1
        self.lost += outcome == "lost"
        self.unequal += outcome == "unequal"


def seqgen(*arguments: object, launcher: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *launcher, "-m", "seqgen_cli", *map(str, arguments)],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def finished(process: subprocess.Popen[str]) -> bool:
    _, said = process.communicate()
    if process.returncode:
        print(said.strip()[-500:], file=sys.stderr)
    return process.returncode == 0


def state(run: Path) -> dict[str, str]:
    """Digests of the newest checkpoint, and the metrics without times, to compare runs."""
    from seqgan_kit.files import file_digest
    from seqgan_kit.training.log import read_metrics
    from seqgan_kit.training.run import Run

    newest = Run(run).checkpoints()[-1]
    found = {file.name: file_digest(file) for file in newest.glob("*.safetensors")}
    lines = [
        {name: value for name, value in line.items() if name != "seconds"}
        for line in read_metrics(run / "metrics.jsonl")
    ]
    return {**found, "step": newest.name, "metrics": json.dumps(lines)}


def judged(run: Path, expected: dict[str, str]) -> str:
    try:
        return "whole" if state(run) == expected else "unequal"
    except Exception as error:
        print(f"lost: {error}", file=sys.stderr)
        return "lost"


# -- parts ----------------------------------------------------------------------------------------


def kills(folder: Path, rng: random.Random, count: int) -> Row:
    """Kill trainings of six recipes at random moments, and resume them until they end."""
    row = Row("kill -9 while training")
    each = -(-count // len(KILLED))
    for name, small in KILLED.items():
        changes = (*small, *FEW, "train.steps=300")
        began = time.monotonic()
        assert finished(seqgen("train", name, *changes, "--out", folder / f"{name}-whole"))
        seconds = time.monotonic() - began
        expected = state(folder / f"{name}-whole")
        wanted = row.tried + min(each, count - row.tried)
        for number in itertools.count():
            if row.tried >= wanted:
                break
            run = folder / f"{name}-{number}"
            train = ("train", name, *changes, "--out", run)
            row.tried += _killed(run, train, rng, seconds, wanted - row.tried)
            # One run has all the kills before its end behind it.
            outcome = judged(run, expected)
            row.lost += outcome == "lost"
            row.unequal += outcome == "unequal"
        print(f"{name}: {row.tried} kills so far", file=sys.stderr, flush=True)
    return row


def _killed(
    run: Path, train: tuple[object, ...], rng: random.Random, seconds: float, most: int
) -> int:
    """Train, killing and resuming until it ends; return the number of kills."""
    done = 0
    while True:
        there = (run / "run.json").exists()
        process = seqgen(*(("train", "--resume", run) if there else train))
        if done == most:
            finished(process)
            return done
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=rng.uniform(0.5, seconds))
            return done
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        done += 1


COMPARED = """\
samples_seen: 3200
models:
  - {name: narrow, recipe: digits_rows}
  - {name: wide, recipe: wide.yaml}
"""
WIDE = "extends: digits_rows\nmodel: {generator: {hidden_size: 24}}\n"
MEASURED = ("--samples", "200", "--sets", "2", "--no-gan-train")


def judging(folder: Path, rng: random.Random, count: int) -> Row:
    """Kill comparisons, which train and evaluate, and evaluations; give the command again."""
    row = Row("kill -9 of compare and evaluate")
    (folder / "both.yaml").write_text(COMPARED)
    (folder / "wide.yaml").write_text(WIDE)
    changes = ("train.batch_size=32", "train.checkpoint_every=10", "train.log_every=5")
    compare = ("compare", folder / "both.yaml", *changes, *MEASURED, "--out")
    began = time.monotonic()
    assert finished(seqgen(*compare, folder / "whole"))
    seconds = time.monotonic() - began
    runs = sorted((folder / "whole" / "runs").iterdir())
    expected = [_figures(run) for run in runs]
    for number in range(count):
        # One page has a row of kills behind it, and then the evaluation of one of its runs.
        out = folder / f"pages-{number // KILLS_OF_A_PAGE}"
        last = number % KILLS_OF_A_PAGE == KILLS_OF_A_PAGE - 1 or number == count - 1
        process = seqgen(*compare, out)
        time.sleep(rng.uniform(0.5, seconds))
        os.killpg(process.pid, signal.SIGKILL)
        row.tried += process.wait() != 0
        if not last:
            continue
        done = finished(seqgen(*compare, out))
        found = [out / "runs" / run.name for run in runs]
        evaluate = ("evaluate", found[0], *MEASURED, "--seed", "1")
        process = seqgen(*evaluate)
        time.sleep(rng.uniform(0.5, 6))
        os.killpg(process.pid, signal.SIGKILL)
        row.tried += process.wait() != 0
        done = done and finished(seqgen(*evaluate))
        done = done and finished(seqgen(*evaluate[:-1], "0"))
        row.lost += not done or not (out / "compare.html").exists()
        row.unequal += done and [_figures(run) for run in found] != expected
    return row


KILLS_OF_A_PAGE = 4


def _figures(run: Path) -> dict[str, Any]:
    """What was measured of a run, without times."""
    figures = json.loads((run / "evaluation.json").read_text("utf-8"))["figures"]
    timed = ("samples_per_second", "training_seconds")
    return {**state(run), **{name: one for name, one in figures.items() if name not in timed}}


def _begun(work: Callable[[], object]) -> ForkProcess:
    """Begin work in a process of its own, which shares what is imported; without its messages."""

    def quiet() -> None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
        work()

    process = multiprocessing.get_context("fork").Process(target=quiet)
    process.start()
    return process


def _forked(work: Callable[[], object]) -> int:
    """Do work in a process of its own; return its exit code."""
    process = _begun(work)
    process.join()
    return process.exitcode or 0


def _train(out: Path, *changes: str, force: bool = False) -> Any:
    from seqgan_kit.recipe import files
    from seqgan_kit.runs import workflow

    few = ("train.steps=4", "train.checkpoint_every=2", "train.log_every=1", "train.grid_every=2")
    recipe = files.load("digits_rows", (*SMALL, *FEW[3:], *few, *changes))
    return workflow.train(recipe, out=out, force=force)


def _resume(run: Path) -> Any:
    from seqgan_kit.runs import workflow

    return workflow.resume(run)


def starts(folder: Path, rng: random.Random, count: int) -> Row:
    """Start two trainings into one folder: the recipe must be that of the weights."""
    import yaml

    from seqgan_kit.runs import loading
    from seqgan_kit.training.run import Run

    row = Row("two trainings into one folder")
    for number in range(count):
        out = folder / f"same-{number}"
        pair = []
        for seed, size in ((1, 12), (2, 20)):
            changes = (f"seed={seed}", f"model.generator.hidden_size={size}")
            pair.append(_begun(lambda out=out, changes=changes: _train(out, *changes)))
            time.sleep(rng.uniform(0, 0.08))
        for process in pair:
            process.join()
        won = [seed for seed, process in zip((1, 2), pair, strict=True) if not process.exitcode]
        try:
            loading.load(out).sample(count=1, seed=0)
            recipe = yaml.safe_load(Run(out).recipe_path.read_text())
            row.count("whole" if won == [recipe["seed"]] else "unequal")
        except Exception as error:
            print(f"lost: {error}", file=sys.stderr)
            row.count("lost")
        shutil.rmtree(out, ignore_errors=True)
    return row


EVENTS = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.chmod", "shutil.rmtree"}
"""Audit events of Python that touch files (sys.addaudithook)."""


def _train_until(out: Path, operation: int) -> None:
    """Train, and be killed before a file operation inside the folder's parent."""
    seen = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if event in EVENTS and str(out.parent) in str(arguments[0]):
            seen += 1
            if seen == operation:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    _train(out)


def operations(folder: Path, rng: random.Random, count: int) -> Row:
    """Kill before each file operation of a training, one after the other."""
    row = Row("kill before each file operation")
    _forked(lambda: _train(folder / "whole"))
    expected = state(folder / "whole")
    for number in itertools.count(1):
        out = folder / f"o{number}" / "run"
        out.parent.mkdir()
        code = _forked(lambda out=out, number=number: _train_until(out, number))
        if code == 0:
            return row  # It had fewer operations.
        again = _resume if (out / "run.json").exists() else _train
        if _forked(lambda out=out, again=again: again(out)):
            row.count("lost")
        else:
            row.count(judged(out, expected))
        shutil.rmtree(out.parent)
        if number % 25 == 0:
            print(f"{number} operations", file=sys.stderr, flush=True)
    return row


def workers(folder: Path, rng: random.Random, count: int) -> Row:
    """Kill workers of a run of two processes, which torchrun starts again."""
    row = Row("lost worker of two")
    changes = (*SMALL, *FEW, f"train.steps={count * 40 + 40}")
    launcher = ("-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone",
                f"--max-restarts={count + 5}")  # fmt: skip
    train = ("train", "digits_rows", *changes, "--out")
    assert finished(seqgen(*train, folder / "w-whole", launcher=launcher))
    run = folder / "w-lossy"
    process = seqgen(*train, run, launcher=launcher)
    for number in range(count):
        wanted = f"step-{(number + 1) * 30:08d}"
        while process.poll() is None:
            if [p for p in run.glob("checkpoints/step-*") if p.name >= wanted]:
                break
            time.sleep(0.05)
        time.sleep(rng.uniform(0, 0.3))
        listed = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        if process.poll() is None and (alive := listed.read_text().split()):
            os.kill(int(rng.choice(alive)), signal.SIGKILL)
            row.tried += 1
    if not finished(process):
        row.lost += 1
    else:
        row.unequal += judged(run, state(folder / "w-whole")) != "whole"
    return row


def disks(folder: Path, rng: random.Random, count: int) -> Row:
    """Train on disks of 64 kB, 128 kB and so on, then give them room and go on."""
    row = Row("disk full")
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True).returncode:
        row.what += " (left out: only root can mount a small disk)"
        return row
    try:
        for size in itertools.count(64, 64):
            subprocess.run(["mount", "-o", f"remount,size={size}k", folder], check=True)
            out = folder / "run"
            code = _forked(lambda out=out: _train(out))
            subprocess.run(["mount", "-o", "remount,size=64m", folder], check=True)
            again = _resume if (out / "run.json").exists() else _train
            if code and _forked(lambda out=out, again=again: again(out)):
                row.count("lost")
            else:
                row.count("whole" if len(state(out)) > 1 else "unequal")
            for left in folder.iterdir():
                shutil.rmtree(left)
            if code == 0:
                return row
    finally:
        subprocess.run(["umount", folder], check=True)
    return row


PARTS = {
    "kills": (kills, 100),
    "judging": (judging, 40),
    "starts": (starts, 100),
    "operations": (operations, 0),
    "workers": (workers, 10),
    "disks": (disks, 0),
}
"""The parts, and how often each is tried if nothing else is asked for."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)} [all]")
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments")
    parser.add_argument(
        "--count", type=int, help="how often [100 kills and starts, 40 of judging, 10 workers]"
    )
    asked = parser.parse_args()
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"unknown part {', '.join(sorted(unknown))}: choose from {', '.join(PARTS)}")
    import torch

    torch.set_num_threads(1)  # Forked processes cannot use the threads of their parent.
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        _train(Path(folder) / "first")  # imports what the forked processes share
    rows = []
    for name in asked.parts or PARTS:
        part, usual = PARTS[name]
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            rows.append(part(Path(folder), random.Random(asked.seed), asked.count or usual))
        print(f"{name}: {rows[-1]}, {time.monotonic() - began:.0f} s", file=sys.stderr)
    print(f"{'':40}{'tried':>8}{'lost':>8}{'unequal':>8}")
    for row in rows:
        print(f"{row.what:40}{row.tried:8}{row.lost:8}{row.unequal:8}")
    sys.exit(any(row.lost or row.unequal for row in rows))


if __name__ == "__main__":
    main()
