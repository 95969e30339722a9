"""What a private step costs, beside the same step without privacy, in one process.

    python benchmarks/privacy.py [--device cuda] [--rounds 9] [--batch 64]

The networks are those of `mnist_rows` (LSTM and GRU, convolutions before the discriminator or
none), `mnist_dcgan` and `mnist_rows_likelihood`, on random images, with as many turns of each
network in both steps. Both take turns, so that a machine that slows down slows both. Printed are
medians; on a CPU of the time of this process, which other processes leave alone.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from seqgan_kit.data.dataset import Dataset, Part
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.runs.data import kind_of, make_codec, store_codec
from seqgan_kit.runs.preparing import Making
from seqgan_kit.runs.watch import Watch
from seqgan_kit.training.run import create_run
from seqgan_kit.training.runtime import Runtime
from seqgan_kit.training.trainer import adam

APART = (
    "model.discriminator.minibatch_group=0", "objective.loss=non-saturating",
    "objective.penalties=[]", "train.class_group=1",
)  # fmt: skip
PLAIN = "model.discriminator.convolutions=null"
CASES = {
    "LSTM rows": ("mnist_rows", (*APART, PLAIN)),
    "GRU rows": ("mnist_rows_gru", (*APART, PLAIN)),
    "convolutions and LSTM": ("mnist_rows", APART),
    "DCGAN": ("mnist_dcgan", (*APART, "train.precision=float32")),
    "likelihood rows": ("mnist_rows_likelihood", ()),
}
PRIVATE = "train.privacy={epsilon: 10, noise_multiplier: 4, accountant: rdp}"


def random_images(count: int) -> Dataset:
    """Return random images: the time of a step does not depend on what they show."""
    pixels = np.random.default_rng(0).integers(0, 256, (count, 28, 28, 1), dtype=np.uint8)
    part = Part(pixels, (np.arange(count) % 10)[:, None])
    names = {"digit": [str(n) for n in range(10)]}
    return Dataset("random", {"training": part, "validation": part}, names, "random")


def stepper(
    name: str, overrides: tuple[str, ...], device: str, folder: Path
) -> Callable[[], None]:
    """Return a training step of a recipe."""
    recipe = recipe_files.load(name, overrides)
    dataset = random_images(8192)
    codec = make_codec(kind_of(recipe), store_codec(recipe, dataset))
    making = Making(Runtime(device=device), Watch(), adam, ())
    info = {
        "labels": dict(dataset.labels),
        "codec": {},
        "data": {"name": "random", "fingerprint": "random"},
    }
    return making.trainer(recipe, dataset, codec)(create_run(folder, "", info)).train_step


def clock(device: str) -> float:
    if device != "cpu":
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--batch", type=int, default=64)
    given = parser.parse_args()
    if given.device == "cpu":
        torch.set_num_threads(1)
    common = (f"train.batch_size={given.batch}", "train.steps=1000000")
    print(f"batches of {given.batch}, {given.device}: milliseconds of a step")
    for title, (name, overrides) in CASES.items():
        with tempfile.TemporaryDirectory() as scratch:
            steps = {
                sort: stepper(
                    name, (*overrides, *common, *more), given.device, Path(scratch) / sort
                )
                for sort, more in {"plain": (), "private": (PRIVATE,)}.items()
            }
            times: dict[str, list[float]] = {sort: [] for sort in steps}
            for _ in range(given.rounds + 2):
                for sort, step in steps.items():
                    began = clock(given.device)
                    step()
                    times[sort].append(1000 * (clock(given.device) - began))
        plain, private = (statistics.median(times[sort][2:]) for sort in ("plain", "private"))
        print(f"{title:22} plain {plain:7.1f}  private {private:7.1f}  x{private / plain:.2f}")


if __name__ == "__main__":
    main()
