"""TimeGAN's protocol on sines and stocks: both scores, beside those that papers report.

    python benchmarks/series/timegan.py --out trials/ [--stocks stock_data.csv] [--minutes 10]

Series have 24 steps and are scaled to their range; windows of the stocks are drawn at random, so
that those of two parts overlap, as in the papers. Each model trains for so many minutes.
*Training* is the discriminative score against the windows that the model learned from, by a
classifier of TimeGAN's size, as the papers have it; *held out* is the same against windows that
nobody has seen, and *32 units* that by a larger classifier. The runs stay in --out, and a second
call measures those that are there.

The stocks are the daily prices of one company from 2004 to 2019 that TimeGAN's authors published,
with the columns Open, High, Low, Close, Adj_Close and Volume.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from seqgan_kit.kinds.series.scores import discriminative_score, published_size
from seqgan_kit.measuring.bench import Bench
from seqgan_kit.measuring.opening import bench_of
from seqgan_kit.recipe import Recipe
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.runs import workflow
from seqgan_kit.runs.loading import load_sampler, run_recipe
from seqgan_kit.training.run import Run

SAMPLES, SCORE_STEPS = 2000, 2000
"""Series on each side of a score, and training steps of its networks, as in TimeGAN."""

MODELS = {"GAN": "", "likelihood": "_likelihood", "recurrent VAE": "_vae"}

PUBLISHED: Mapping[str, Mapping[str, tuple[float, float | None]]] = {
    "sines": {
        "TimeGAN, its paper": (0.011, 0.093), "TimeGAN, measured by others": (0.037, None),
        "Diffusion-TS": (0.006, None), "PaD-TS": (0.013, None),
    },
    "stocks": {
        "TimeGAN, its paper": (0.102, 0.038), "TimeGAN, measured by others": (0.143, None),
        "Diffusion-TS": (0.067, None), "PaD-TS": (0.055, None),
    },
}  # fmt: skip
"""Discriminative and predictive scores that papers and their repositories report (Yoon et al.
2019; Yuan & Qiao 2024; Li et al. 2025)."""

COLUMNS = ("training", "held out", "32 units", "predictive", "memorised")


def recipe_of(data: str, model: str, minutes: float, seed: int, stocks: Path | None) -> Recipe:
    """The recipe of the sines, or the same networks on windows of the stocks."""
    changes = [f"train.minutes={minutes}", "train.steps=1000000", f"seed={seed}",
               f"evaluation.score_steps={SCORE_STEPS}"]  # fmt: skip
    if data == "stocks":
        changes += [
            f"data={{source: series, root: {stocks}, window: 24, split: random, test: 0.2}}",
        ]
    return recipe_files.load(f"sines_series{MODELS[model]}", changes)


def scores_of(bench: Bench, run: Run) -> list[float]:
    """The figures of a run, in the order of the table."""
    found = bench.run(run).figures
    sampler = load_sampler(run, run_recipe(run), checkpoint=None, device=torch.device("cpu"))
    made = torch.cat(list(sampler.stream(sampler.label_rows(None, SAMPLES), seed=1)))
    known = bench.training_items()
    low, high = known.amin((0, 1)), known.amax((0, 1))
    # In 32 bits, as networks read them; prices are kept in 64.
    sides = [((side - low) / (high - low)).float() for side in (known, made)]
    size = published_size(known.shape[-1])
    training = discriminative_score(*sides, steps=SCORE_STEPS, hidden_size=size)
    names = ("discriminative_score", "discriminative_score_large", "predictive_score", "memorised")
    return [training, *(found[name].mean if name in found else float("nan") for name in names)]


def line(title: str, values: Sequence[float | None]) -> str:
    """A row of a table."""
    cells = ["" if value is None else f"{value:.4f}" for value in values]
    return f"{title:28}" + "".join(f"{cell:>12}" for cell in cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--stocks", type=Path)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    for data in ("sines", "stocks") if given.stocks else ("sines",):
        rows, real = {}, None
        for model in given.models:
            recipe = recipe_of(data, model, given.minutes, given.seed, given.stocks)
            place = given.out / f"{data}{MODELS[model]}-seed{given.seed}"
            if not place.exists():
                workflow.train(recipe, out=place)
            run = Run(place)
            bench = bench_of(run_recipe(run), samples=SAMPLES, sets=1, gan_train=False)
            rows[model] = scores_of(bench, run)
            real = real or bench.bounds([])["real"]
        print(f"\n{data}, {given.minutes:g} minutes each, seed {given.seed}")
        print(f"{'':28}" + "".join(f"{name:>12}" for name in COLUMNS))
        for model, values in rows.items():
            print(line(model, values))
        if real is not None:
            held = [real.get(name) for name in
                    ("discriminative_score", "discriminative_score_large", "predictive_score",
                     "memorised")]  # fmt: skip
            print(line("real", [None, *(one and one.mean for one in held)]))
        for name, (apart, predicted) in PUBLISHED[data].items():
            print(line(name, [apart, None, None, predicted]))


if __name__ == "__main__":
    main()
