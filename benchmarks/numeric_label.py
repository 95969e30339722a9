"""How well samples follow a numeric label, on series made for it.

    python benchmarks/numeric_label.py [--steps 2500] [--seed 0]

2,000 waves of 24 to 30 steps, of any frequency and phase; their amplitude, from .2 to 2, is the
label. The GAN of the recipe `vowels_series` is trained on them, asked for 300 amplitudes that are
drawn at random, and what it then writes is measured: the root of twice the mean square, which is
the amplitude of a wave. Printed are the correlation of what was asked and what was measured, the
mean error, and the same of real series; and the share of samples that are shorter than any of the
data, since series end by themselves.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from pathlib import Path

import numpy as np

from seqgan_kit import load
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.runs import workflow

ASKED = 300
LOW, HIGH = 0.2, 2.0
SHORTEST, LONGEST = 24, 30


def wave(amplitude: float, rng: np.random.Generator) -> np.ndarray:
    """Return a wave of this amplitude, ``[t, 1]``."""
    time_S = np.arange(rng.integers(SHORTEST, LONGEST + 1))
    angle_S = rng.uniform(0.5, 1.5) * time_S + rng.uniform(0, 2 * np.pi)
    return amplitude * np.sin(angle_S)[:, None]


def measured(series_SC: np.ndarray) -> float:
    """Return the amplitude of a wave."""
    return float(np.sqrt(2 * np.mean(np.square(series_SC))))


def shown(title: str, asked_N: np.ndarray, found_N: np.ndarray) -> None:
    """Print how well two amplitudes agree."""
    correlation = np.corrcoef(asked_N, found_N)[0, 1]
    error = np.abs(asked_N - found_N).mean()
    print(f"{title:10} correlation {correlation:.3f}, mean error {error:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    amplitude_N = rng.uniform(LOW, HIGH, 2000)
    waves = [wave(amplitude, rng) for amplitude in amplitude_N]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / "waves.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(("id", "time", "loud", "x"))
            for number, (one, amplitude) in enumerate(zip(waves, amplitude_N, strict=True)):
                table.writerows(
                    (number, step, f"{amplitude:.4f}", f"{value:.5f}")
                    for step, (value,) in enumerate(one)
                )
        recipe = recipe_files.load(
            "vowels_series",
            [
                "data.source=series", f"data.root={folder / 'waves.csv'}", "data.labels=[loud]",
                "data.numeric=[loud]", "data.test=0.1", "codec.normalize=min-max",
                "codec.max_length=null", f"train.steps={given.steps}", f"seed={given.seed}",
            ],
        )  # fmt: skip
        began = time.perf_counter()
        workflow.train(recipe, out=folder / "run")
        print(f"{given.steps} steps in {time.perf_counter() - began:.0f} s, seed {given.seed}")
        sampler = load(folder / "run")
        asked_N = rng.uniform(LOW, HIGH, ASKED)
        made = [sampler.sample(float(one), seed=n)[0] for n, one in enumerate(asked_N)]
    shown("samples", asked_N, np.array([measured(one) for one in made]))
    shown("real", amplitude_N, np.array([measured(one) for one in waves]))
    short = sum(len(one) < SHORTEST for one in made)
    print(f"{short / len(made):.1%} of the samples have fewer than {SHORTEST} steps")


if __name__ == "__main__":
    main()
