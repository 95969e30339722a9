"""Time and memory of a training step and of sampling for clips of 1, 2, 4 and 8 seconds.

    python benchmarks/long_sound.py [--rounds 5]

The networks of the recipe `spoken_digits`, on 32 clips that are random numbers in the codec's
shape; every length has a process of its own, so that its peak of memory is its own. What grows
linearly has about the same time and memory a second of sound in every line.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import statistics
import sys
import time

BATCH = 32
SECONDS = (1.0, 2.0, 4.0, 8.0)


def _peak() -> float:
    """The most memory that this process has had, in MB."""
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size / (2**20 if sys.platform == "darwin" else 2**10)


def measure(seconds: float, rounds: int) -> tuple[int, float, float, float]:
    """Return steps of a clip, seconds of a training step, MB that it took, clips sampled a second.

    Sampling includes the synthesis of the sound.
    """
    import torch
    from text_speed import step_of

    from seqgan_kit.batch import Batch, full_mask
    from seqgan_kit.kinds.audio.codec import AudioCodec
    from seqgan_kit.nn.noise import seeded_noise
    from seqgan_kit.recipe import files as recipe_files
    from seqgan_kit.runs.objectives import make_objective
    from seqgan_kit.training.runtime import keep_freed_memory

    keep_freed_memory()
    recipe = recipe_files.load("spoken_digits")
    rate = recipe.data.sample_rate
    codec = AudioCodec(
        sample_rate=rate,
        samples=round(seconds * rate),
        peak=None,
        representation=recipe.codec.representation.model_dump(),
    )
    objective = make_objective(recipe, codec, (10, 6))
    label_BA = torch.zeros(BATCH, 2, dtype=torch.int64)
    x_BTF = torch.rand(BATCH, codec.steps, codec.features) * 2 - 1
    step = step_of(objective, Batch(x_BTF, full_mask(BATCH, codec.steps), label_BA))
    before, times = _peak(), []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        step()
        times.append(time.perf_counter() - began)
    after = _peak()
    generator, noise = objective.networks["generator"].eval(), seeded_noise(0)
    began = time.perf_counter()
    with torch.no_grad():
        codec.decode(*generator(generator.draw(BATCH, noise), label_BA))
    return (
        codec.steps,
        statistics.median(times[1:]),
        after - before,
        BATCH / (time.perf_counter() - began),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    print(f"{BATCH} clips; a step is one turn of each network")
    print(f"{'clip':>6} {'steps':>6} {'step':>9} {'a second':>10} {'memory':>9} {'a second':>10}"
          f" {'clips/s':>8}")  # fmt: skip
    processes = multiprocessing.get_context("spawn")
    for seconds in SECONDS:
        with processes.Pool(1) as pool:
            steps, step, memory, sampled = pool.apply(measure, (seconds, rounds))
        print(
            f"{seconds:4.0f} s {steps:6} {step:7.3f} s {step / seconds:8.3f} s {memory:6.0f} MB"
            f" {memory / seconds:7.0f} MB {sampled:8.1f}"
        )


if __name__ == "__main__":
    main()
