"""Daily weather by a stated process: a table of mixed channels to learn from.

    python examples/weather/make_weather.py weather.csv [--places 2000] [--seed 0]

Each place has four weeks of one season. Its sky is a Markov chain of three states, whose
probabilities depend on the season; rain falls on 80 % of wet days and 5 % of cloudy ones, in
amounts of a gamma distribution; the temperature is an autoregression about the mean of its season,
lower where it is wet; visitors are Poisson, more where it is warm and dry; the station is open or
closed for days on end. The columns are what practitioners have: text, zeros, counts, a switch.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

SKIES = ("dry", "cloudy", "wet")

SEASONS = {
    "winter": (1.0, 0.35),
    "spring": (11.0, 0.25),
    "summer": (21.0, 0.12),
    "autumn": (9.0, 0.4),
}
"""Mean temperature in degrees, and how likely a day turns wet."""

DAYS = 28


def weather(season: str, rng: np.random.Generator) -> Iterator[tuple[float, float, str, int, int]]:
    """Yield temperature, rain, sky, visitors and whether the station is open, day by day."""
    mean, wet = SEASONS[season]
    turn = np.array([
        [0.75 - wet / 2, 0.25, wet / 2],
        [0.35 - wet / 4, 0.65 - wet * 3 / 4, wet],
        [0.15, 0.55 - wet / 2, 0.30 + wet / 2],
    ])  # fmt: skip
    sky, warmth, is_open = rng.integers(3), rng.normal() * 2, 1
    for _ in range(DAYS):
        sky = rng.choice(3, p=turn[sky])
        warmth = 0.8 * warmth + rng.normal() * 1.8
        temperature = mean + warmth - 2.0 * (SKIES[sky] == "wet")
        rain = rng.gamma(1.5, 4.0) if rng.random() < (0.0, 0.05, 0.8)[sky] else 0.0
        if rng.random() < 0.08:
            is_open = 1 - is_open
        busy = 4.0 * np.exp(0.05 * temperature) * (1.0 if rain == 0 else 0.4) * is_open
        yield temperature, rain, SKIES[sky], int(rng.poisson(busy)), is_open


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--places", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    with given.out.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(
            ("place", "day", "season", "temperature", "rain", "sky", "visitors", "open")
        )
        for place in range(given.places):
            season = tuple(SEASONS)[place % len(SEASONS)]
            for day, (temperature, rain, sky, visitors, is_open) in enumerate(
                weather(season, rng)
            ):
                table.writerow(
                    (
                        place,
                        day,
                        season,
                        f"{temperature:.1f}",
                        f"{rain:.1f}",
                        sky,
                        visitors,
                        is_open,
                    )
                )


if __name__ == "__main__":
    main()
