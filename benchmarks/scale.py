"""Comparisons and sampling on a local Ray cluster, beside one after the other.

    python benchmarks/scale.py                        everything; an hour or two on two cores
    python benchmarks/scale.py compare kills --samples-seen 20000
    python benchmarks/scale.py shards --count 200000 --shards 8

- compare: the eight models of `compare/mnist` on scikit-learn's digits, with one thread each, one
  after the other and on two workers. Weights and figures, but those that are times, are to be
  equal to the bit; the time is that of the whole command.
- kills: the same on two workers, while one of them is killed every 20 seconds.
- shards: samples of a run in shards by 1, 2 and 4 workers, and once more by 2 with the command
  itself killed half-way and given again. The bytes are to be the same.

Starting a cluster and importing PyTorch in its processes is part of the times. The exit code is 1
if anything differs. `--small` takes the smallest sizes, to see that it runs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

IMAGES = ("data.source=digits", "data.root=null")
MODELS: dict[str, tuple[str, ...]] = {
    "mnist_rows": (),
    "mnist_rows_gru": (),
    "mnist_rows_likelihood": (),
    "mnist_rows_vae": (),
    "mnist_gan": ("model.generator.widths=[64]", "model.discriminator.channels=[8,16]"),
    "mnist_dcgan": ("model.generator.channels=[16]", "model.discriminator.channels=[8,16]"),
    "mnist_vae": ("model.encoder.channels=[8,16]", "model.decoder.widths=[64]"),
    "mnist_cvae": ("model.encoder.channels=[8,16]", "model.decoder.widths=[64]"),
}
"""The models of `compare/mnist`, and what makes them fit images of 8 x 8."""

TIMES = ("training_seconds", "samples_per_second")


def seqgen(*arguments: object, wait: bool = True) -> subprocess.Popen[str]:
    """Start the command in a session of its own; wait until it ends, and fail if it failed."""
    words = [sys.executable, "-m", "seqgen_cli", *map(str, arguments)]
    process = subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    if wait:
        _, told = process.communicate()
        if process.returncode:
            sys.exit(f"{' '.join(words)}\n{told[-4000:]}")
    return process


# -- comparisons ----------------------------------------------------------------------------------


def comparison(folder: Path, samples_seen: int, every: int) -> tuple[object, ...]:
    """Write the comparison, and return the command without its place."""
    common = (*IMAGES, "train.keep=2", f"train.checkpoint_every={every}")
    models = [
        {"name": name, "recipe": name, "overrides": [*common, *own]}
        for name, own in MODELS.items()
    ]
    path = folder / "models.yaml"
    path.write_text(json.dumps({"samples_seen": samples_seen, "models": models}))
    measured = ("--samples", 200, "--sets", 1, "--no-gan-train", "--threads", 1)
    return ("compare", path, *measured)


def result(folder: Path) -> dict[str, Any]:
    """Return what may not differ: the weights of all runs, and all figures but times."""
    content = json.loads((folder / "compare.json").read_text())
    found: dict[str, Any] = {
        row["name"]: {name: one for name, one in row["values"].items() if name not in TIMES}
        for row in content["rows"]
    }
    for run in sorted((folder / "runs").iterdir()):
        newest = sorted((run / "checkpoints").glob("step-*"))[-1]
        found[run.name] = (newest.name, digest(newest / "networks.safetensors"))
    return found


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def timed(command: tuple[object, ...], out: Path, *more: object) -> float:
    began = time.monotonic()
    seqgen(*command, "--out", out, *more)
    return time.monotonic() - began


def compare(folder: Path, command: tuple[object, ...]) -> bool:
    alone = timed(command, folder / "alone")
    two = timed(command, folder / "two", "--on", "ray:2")
    same = result(folder / "alone") == result(folder / "two")
    print(
        f"compare: {len(MODELS)} models, one after the other {alone:.0f} s, two workers "
        f"{two:.0f} s, ratio {two / alone:.2f}; {'the same' if same else 'OTHER'} weights and "
        "figures"
    )
    return same


def kills(folder: Path, command: tuple[object, ...], every: float, rng: random.Random) -> bool:
    if not (folder / "alone").exists():
        timed(command, folder / "alone")
    over, killed = threading.Event(), [0]

    def kill() -> None:
        while not over.wait(every):
            found = workers()
            if found:
                with suppress(ProcessLookupError):
                    os.kill(rng.choice(found), signal.SIGKILL)
                    killed[0] += 1

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        seconds = timed(command, folder / "killed", "--on", "ray:2")
    finally:
        over.set()
        thread.join()
    same = result(folder / "alone") == result(folder / "killed")
    print(
        f"kills: {killed[0]} workers killed, one every {every:g} s; {seconds:.0f} s; "
        f"{'the same' if same else 'OTHER'} weights and figures"
    )
    return same


def workers() -> list[int]:
    """Return the processes of this benchmark that work on a task, as Ray titles them."""
    own = f"SEQGAN_CACHE={os.environ['SEQGAN_CACHE']}".encode()
    found = []
    for place in Path("/proc").iterdir():
        with suppress(OSError):
            if place.name.isdecimal() and (place / "cmdline").read_bytes().startswith(b"ray::"):
                busy = not (place / "cmdline").read_bytes().startswith(b"ray::IDLE")
                if busy and own in (place / "environ").read_bytes().split(b"\0"):
                    found.append(int(place.name))
    return found


# -- samples --------------------------------------------------------------------------------------


def shards(folder: Path, run: Path, count: int, number: int) -> bool:
    command = ("sample", run, "-n", count, "--shards", number, "--threads", 1)
    seconds = {}
    for many in (1, 2, 4):
        seconds[many] = timed(command, folder / f"by{many}", "--on", f"ray:{many}")
    _killed_halfway(command, folder / "stopped", number)
    seqgen(*command, "--out", folder / "stopped", "--on", "ray:2")
    places = [folder / f"by{many}" for many in seconds] + [folder / "stopped"]
    found = [{path.name: digest(path) for path in place.glob("shard-*")} for place in places]
    same = len(found[0]) == number and all(one == found[0] for one in found)
    times = ", ".join(f"{many}: {one:.0f} s" for many, one in seconds.items())
    print(
        f"shards: {count:,} samples in {number} shards by workers, {times}; killed half-way and "
        f"given again; {'the same' if same else 'OTHER'} bytes"
    )
    return same


def _killed_halfway(command: tuple[object, ...], out: Path, number: int) -> None:
    process = seqgen(*command, "--out", out, "--on", "ray:2", wait=False)
    while process.poll() is None and len(list(out.glob("shard-*"))) < number // 2:
        time.sleep(0.2)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    # Ray ends the workers of a lost command by itself.
    while workers():
        time.sleep(0.5)


# -- all of it ------------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=[[], "compare", "kills", "shards"])
    parser.add_argument("--samples-seen", type=int, default=100_000)
    parser.add_argument("--kill-every", type=float, default=20.0)
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--shards", type=int, default=8)
    parser.add_argument("--run", type=Path, help="the run to sample [digits_rows, a few steps]")
    parser.add_argument("--seed", type=int, default=0, help="of what is killed")
    parser.add_argument("--small", action="store_true", help="the smallest sizes")
    asked = parser.parse_args()
    if asked.small:
        asked.samples_seen, asked.count = 1280, 1200
    parts = asked.parts or ["compare", "kills", "shards"]
    good = True
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        os.environ["SEQGAN_CACHE"] = str(folder / "cache")
        os.environ["OMP_NUM_THREADS"] = "1"
        command = comparison(folder, asked.samples_seen, 5 if asked.small else 50)
        if "compare" in parts:
            good &= compare(folder, command)
        if "kills" in parts:
            good &= kills(folder, command, asked.kill_every, random.Random(asked.seed))
        if "shards" in parts:
            run = asked.run or folder / "run"
            if asked.run is None:
                seqgen("train", "digits_rows", "train.steps=50", "--out", run)
            good &= shards(folder, run, asked.count, asked.shards)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
