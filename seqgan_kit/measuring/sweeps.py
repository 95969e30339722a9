"""Temperature sweeps of a run: quality against diversity at several sampling temperatures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from ..evaluation.likelihood import token_figures
from ..files import FileProblem, file_digest, read_json, write_json
from ..nn.relaxation import Decoding
from ..report.curves import SweepPoint
from ..runs.loading import run_recipe
from ..runs.sampler import set_seed
from ..training.run import Run, RunError
from .bench import Bench

FORMAT = 1
"""Format version of `temperatures.json`."""

MOST = 100
"""Maximum number of temperatures in a sweep."""


def parse_temperatures(text: str) -> list[float]:
    """Parse temperatures in the form from:to:step, or separated by commas.

    >>> parse_temperatures("0.8:1.2:0.2")
    [0.8, 1.0, 1.2]
    >>> parse_temperatures("1,0.5")
    [0.5, 1.0]

    Raises:
        ValueError: the text has another form, or a temperature is not above 0.
    """
    try:
        if ":" in text:
            first, last, step = (float(part) for part in text.split(":"))
            if not step > 0 or not last >= first:
                raise ValueError
            count = int((last - first) / step + 1.000001)
            found = [round(first + place * step, 6) for place in range(min(count, MOST + 1))]
        else:
            found = sorted({float(part) for part in text.split(",")})
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text!r}: expected FROM:TO:STEP, as in 0.5:1.5:0.1, or numbers separated by commas"
        ) from None
    if not all(0 < value < float("inf") for value in found) or len(found) > MOST:
        raise ValueError(f"{text!r}: expected up to {MOST} temperatures above 0")
    return found


def sweep(
    bench: Bench, run: Run, temperatures: Sequence[float], *, seed: int = 0
) -> list[SweepPoint]:
    """Measure a run at each temperature; results stored in the run are reused.

    Samples are drawn with logits divided by the temperature, and the likelihood of the test part
    is computed with the same logits (Caccia et al. 2020, section 4).

    Args:
        bench: the bench to measure with.
        run: a run whose steps are tokens.
        temperatures: sampling temperatures above 0.
        seed: seed of the samples.

    Raises:
        RunError: the run has no temperature.
    """
    recipe = run_recipe(run)
    if recipe.codec.steps != "tokens":
        raise RunError(f"{run.path} has no sampling temperature: its steps are not tokens")
    checkpoint = run.checkpoint()
    settings = {
        **bench.key,
        "gan_train_samples": 0,
        "seed": seed,
        "weights": file_digest(checkpoint / "networks.safetensors"),
    }
    path = run.path / "temperatures.json"
    points = _kept(path, settings)
    sampler = bench.sampler(run, recipe, checkpoint=checkpoint.name)
    exact = sampler.generator.likelihood == "exact"
    batch = bench.test_batch(run, recipe) if exact else None
    for temperature in temperatures:
        if temperature in points:
            continue
        bench.watch.say(f"{run.path} at temperature {temperature:g}")
        label_NA = bench.asked(bench.samples, recipe.conditional)
        chunks = sampler.stream(label_NA, seed=set_seed(seed, 0), decoding=Decoding(temperature))
        items = bench.measure.made(torch.cat(list(chunks)), sampler.codec)
        values = bench.figures_of(items, label_NA if recipe.conditional else None)
        if batch is not None:
            values |= token_figures(sampler.generator, batch, temperature)
        points[temperature] = {
            "temperature": temperature,
            "count": bench.samples,
            "values": values,
        }
        # Written after every temperature, so that a stopped sweep can continue.
        ordered = [points[key] for key in sorted(points)]
        write_json(path, {"format": FORMAT, "settings": settings, "points": ordered})
    return [points[temperature] for temperature in temperatures]


def _kept(path: Path, settings: dict[str, Any]) -> dict[float, SweepPoint]:
    """Return the stored points with the same settings, by temperature."""
    try:
        read = read_json(path)
        if read.get("format") != FORMAT or read["settings"] != settings:
            return {}
        return {
            float(point["temperature"]): {
                "temperature": float(point["temperature"]),
                "count": int(point["count"]),
                "values": {name: float(value) for name, value in point["values"].items()},
            }
            for point in read["points"]
        }
    except FileNotFoundError:
        return {}
    except (FileProblem, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return {}  # They are measured again.
