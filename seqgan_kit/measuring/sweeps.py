"""Sweeps of a run: quality against diversity along a setting of its sampling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from ..errors import NotSupported
from ..evaluation.evaluate import combine
from ..evaluation.likelihood import token_figures
from ..files import FileProblem, file_digest, read_json, write_json
from ..nn.relaxation import PLAIN, Decoding
from ..recipe import Recipe
from ..report.curves import Knob, SweepPoint
from ..runs.loading import load_sampler, run_recipe
from ..runs.sampler import Sampler, set_seed
from ..runs.steering import MOST_CANDIDATES, Choose, Steering
from ..training.run import Run
from .bench import Bench

FORMAT = 2
"""Format version of the files that keep the points."""

MOST = 100
"""Maximum number of points of a sweep."""


@dataclass(frozen=True)
class Swept:
    """A setting of sampling, and the values at which a run is measured.

    Attributes:
        knob: the setting.
        values: its values, in rising order.
        choose: how candidates are chosen.
        power: exponent of the label's probability in that choice.
    """

    knob: Knob
    values: Sequence[float]
    choose: Choose = "label"
    power: float = 1.0

    def samplings(
        self, run: Run, recipe: Recipe, sampler: Sampler
    ) -> list[tuple[float, Sampler, Decoding]]:
        """Return each value with the sampler that has it, and how it draws.

        Raises:
            NotSupported: the run cannot be steered so.
        """
        if self.knob == "temperature":
            if recipe.codec.steps != "tokens":
                raise NotSupported(
                    f"{run.path} has no sampling temperature: its steps are not tokens"
                )
            return [(value, sampler, Decoding(value)) for value in self.values]
        guided = self.knob == "guidance"
        steered = [Steering(guidance=v) if guided else self._choice(v) for v in self.values]
        return [
            (value, sampler if one.plain else sampler.steered(one), PLAIN)
            for value, one in zip(self.values, steered, strict=True)
        ]

    def _choice(self, value: float) -> Steering:
        return Steering(candidates=int(value), choose=self.choose, power=self.power)

    @property
    def settings(self) -> dict[str, Any]:
        """What else the points depend on."""
        if self.knob != "candidates":
            return {}
        chosen = asdict(self._choice(2.0))
        return {name: chosen[name] for name in ("choose", "power")}

    @property
    def title(self) -> str:
        """What the curve is called, beside others of the same model."""
        if self.knob != "candidates":
            return self.knob
        power = "" if self.power == 1 else f", power {self.power:g}"
        return f"candidates by {self.choose}{power}"


def parse_values(text: str, knob: Knob) -> list[float]:
    """Parse values in the form from:to:step, or separated by commas.

    >>> parse_values("0.8:1.2:0.2", "temperature")
    [0.8, 1.0, 1.2]
    >>> parse_values("4,1", "candidates")
    [1.0, 4.0]

    Raises:
        ValueError: the text has another form, or there is no such value.
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
            f"{text!r}: expected FROM:TO:STEP, as in 1:3:0.5, or numbers separated by commas"
        ) from None
    least = 0.0 if knob == "guidance" else 1e-9
    if not all(least <= value < float("inf") for value in found):
        raise ValueError(f"{text!r}: expected numbers above 0")
    if knob == "candidates" and any(
        value != round(value) or value > MOST_CANDIDATES for value in found
    ):
        raise ValueError(f"{text!r}: candidates are whole numbers up to {MOST_CANDIDATES}")
    if len(found) > MOST:
        raise ValueError(f"{text!r}: expected up to {MOST} values")
    return found


def check_settings(runs: Sequence[Run], settings: Sequence[Swept]) -> None:
    """Check, before anything is measured, that some run can be drawn with each setting.

    Raises:
        NotSupported: none can.
    """
    if not settings:
        return
    loaded = []
    for run in runs:
        recipe = run_recipe(run)
        sampler = load_sampler(run, recipe, checkpoint=None, device=torch.device("cpu"))
        loaded.append((run, recipe, sampler))
    for swept in settings:
        refusals = []
        for run, recipe, sampler in loaded:
            try:
                _ = swept.samplings(run, recipe, sampler)
            except NotSupported as error:
                refusals.append(error)
        if len(refusals) == len(runs):
            raise refusals[0]


def sweep(bench: Bench, run: Run, swept: Swept, *, seed: int = 0) -> list[SweepPoint]:
    """Measure a run at each value of a setting; results stored in the run are reused.

    At a temperature logits are divided by it, in sampling and in the likelihood of the test part
    (Caccia et al. 2020, section 4). With guidance or candidates samples have no likelihood that
    could be computed, so that none is given but at 1.

    Args:
        bench: the bench to measure with.
        run: a run.
        swept: the setting and its values.
        seed: seed of the samples.

    Raises:
        NotSupported: the run cannot be steered so.
    """
    recipe = run_recipe(run)
    checkpoint = run.checkpoint()
    settings = {
        **bench.key,
        **swept.settings,
        "sets": bench.sets,
        "gan_train_samples": 0,
        "seed": seed,
        "weights": file_digest(checkpoint / "networks.safetensors"),
    }
    path = run.path / f"{swept.title.replace(' ', '_').replace(',', '')}.json"
    points = _kept(path, settings)
    plain = bench.sampler(run, recipe, checkpoint=checkpoint.name)
    tokens = recipe.codec.steps == "tokens" and plain.generator.likelihood == "exact"
    batch = bench.test_batch(run, recipe) if tokens else None
    for value, sampler, decoding in swept.samplings(run, recipe, plain):
        if value in points:
            continue
        bench.watch.say(f"{run.path} at {swept.title} {value:g}")
        label_NA = bench.asked(bench.samples, recipe.conditional)
        measured = []
        for number in range(bench.sets):
            chunks = sampler.stream(label_NA, seed=set_seed(seed, number), decoding=decoding)
            items = bench.measure.made(torch.cat(list(chunks)), sampler.codec)
            measured.append(bench.figures_of(items, label_NA if recipe.conditional else None))
        figures = combine(measured, bench.samples)
        values = {name: one.mean for name, one in figures.items()}
        deviations = {
            name: one.deviation for name, one in figures.items() if one.deviation is not None
        }
        if batch is not None and sampler.steering.plain:
            values |= token_figures(plain.generator, batch, decoding.temperature)
        points[value] = {
            "at": value,
            "count": bench.samples,
            "values": values,
            "deviations": deviations,
        }
        # Written after every value, so that a stopped sweep can continue.
        ordered = [points[key] for key in sorted(points)]
        write_json(path, {"format": FORMAT, "settings": settings, "points": ordered})
    return [points[value] for value in swept.values]


def _kept(path: Path, settings: dict[str, Any]) -> dict[float, SweepPoint]:
    """Return the stored points with the same settings, by value."""
    try:
        read = read_json(path)
        if read.get("format") != FORMAT or read["settings"] != settings:
            return {}
        return {
            float(point["at"]): {
                "at": float(point["at"]),
                "count": int(point["count"]),
                "values": _floats(point["values"]),
                "deviations": _floats(point["deviations"]),
            }
            for point in read["points"]
        }
    except FileNotFoundError:
        return {}
    except (FileProblem, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return {}  # They are measured again.


def _floats(values: dict[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items()}
