"""Everything that needs CUDA, in one script; says why it skips where there is no GPU.

    python benchmarks/gpu_check.py [--steps 60]

Every bundled recipe trains some steps in float32 and in bfloat16, stops half-way, resumes, samples
and is evaluated; then the CUDA tests and the speed benchmark run. Data come from the
sources of the recipes, or from the folder SEQGAN_TEST_DATA where it has them; a recipe whose data
cannot be had is skipped, saying so. Exit code 1 if anything fails.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from seqgan_kit import load
from seqgan_kit.data.dataset import DataError
from seqgan_kit.measuring.opening import bench_of
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.runs import workflow
from seqgan_kit.training.run import Run

HERE = Path(__file__).parent
FOLDERS = {
    "mnist": "mnist",
    "snippets": "text/sentence_snippets",
    "coco_captions": "text/coco_captions",
    "spoken_digits": "spoken_digits",
}
"""Where the folder SEQGAN_TEST_DATA has the files of a source."""


def check(name: str, precision: str, steps: int, folder: Path) -> str:
    """Train, stop, resume and sample one recipe; returns what was seen."""
    overrides = [
        f"train.steps={steps}",
        f"train.precision={precision}",
        "train.device=cuda",
        f"train.log_every={steps // 4}",
    ]
    plain = recipe_files.load(name)
    data, folder_of = os.environ.get("SEQGAN_TEST_DATA"), FOLDERS.get(plain.data.source)
    if data and folder_of:
        overrides.append(f"data.root={data}/{folder_of}")
    # Every phase has its share of the steps.
    share = steps // max(len(plain.phases), 1)
    overrides += [f"phases.{place}.steps={share}" for place in range(len(plain.phases) - 1)]
    recipe = recipe_files.load(name, overrides)
    seen = [0]

    def count(_: object) -> None:
        seen[0] += 1

    half = workflow.Watch(report=count, should_stop=lambda: seen[0] >= steps // 2)
    out = folder / f"{name}-{precision}"
    began = time.perf_counter()
    if workflow.train(recipe, out=out, watch=half).finished:
        raise RuntimeError("it did not stop half-way")
    if not workflow.resume(out).finished:
        raise RuntimeError("it did not finish")
    spent = time.perf_counter() - began
    samples = load(out, device="cuda").sample(count=2)
    if recipe.codec.kind == "text":
        if not all(isinstance(line, str) for line in samples):
            raise RuntimeError("samples are no text")
    elif samples.dtype == object:
        # Clips or series, each with a length of its own.
        if not all(np.isfinite(one).all() for one in samples):
            raise RuntimeError("samples are not finite")
    elif not (0 <= samples.min() <= samples.max() <= 1):
        raise RuntimeError("samples are out of bounds")
    bench = bench_of(recipe, device="cuda", samples=200, sets=1, gan_train=False)
    figures = bench.run(Run(out)).figures
    if not all(math.isfinite(value.mean) for value in figures.values()):
        raise RuntimeError("a figure of the evaluation is not finite")
    return f"{steps} steps in {spent:.1f} s, data and start included; {len(figures)} figures"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=60)
    steps = parser.parse_args().steps
    if not torch.cuda.is_available():
        print("gpu-check skipped: PyTorch finds no CUDA GPU on this machine")
        return 0
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}")
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for name in recipe_files.bundled():
            for precision in ("float32", "bfloat16"):
                try:
                    result = "good: " + check(name, precision, steps, Path(folder))
                except DataError as error:
                    result = f"skipped: {str(error).splitlines()[0]}"
                except Exception as error:  # Reported, and the others are still checked.
                    result, failed = f"FAILED: {error!r}", True
                print(f"{name:20} {precision:9} {result}", flush=True)
    for command in (
        [sys.executable, "-m", "pytest", "-k", "cuda", str(HERE.parent / "tests")],
        [sys.executable, str(HERE / "speed.py"), "--device", "cuda"],
    ):
        failed |= subprocess.run(command, check=False).returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
