"""Damage files at random, thousands of times, and run the commands that read them.

    python -m tests.fuzz --seed 0 --count 5000

A case fails if its command ends with a traceback, a signal, an exit code other than 0, 1 and 2 or
without a sentence, or takes more than 60 seconds or 4 GB. The exit code is 1 if any case failed;
its files are kept under --keep.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from .cases import Case, checked, draw
from .examples import examples


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--seed", type=int, default=0, help="of the damage [0]")
    parser.add_argument("--count", type=int, default=5000, help="of the cases [5000]")
    parser.add_argument("--only", default="", help="examples with this in their names [all]")
    parser.add_argument("--keep", type=Path, help="folder for the files of cases that fail")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SEQGAN_CACHE"] = f"{folder}/cache"
        (Path(folder) / "made").mkdir()
        made = (one for one in examples(Path(folder) / "made") if asked.only in one.name)
        found = [checked(example, Path(folder) / "case") for example in made]
        failed = _tried(found, asked, Path(folder))
    sys.exit(failed > 0)


def _tried(found, asked, folder: Path) -> int:
    chance, faults, codes, began = (
        random.Random(asked.seed),
        Counter(),
        Counter(),
        time.monotonic(),
    )
    slowest = largest = 0.0
    for number in range(1, asked.count + 1):
        case: Case = draw(chance.choice(found), chance)
        outcome = case.run(folder / "case")
        codes[outcome.code] += 1
        slowest, largest = max(slowest, outcome.seconds), max(largest, outcome.memory / 1e6)
        if fault := outcome.fault():
            faults[fault.split(" (")[0]] += 1
            print(f"{number}: {fault}: {case}\n{outcome.said[-1500:]}", flush=True)
            if asked.keep:
                case.write(asked.keep / f"{number}")
        if number % 250 == 0 or number == asked.count:
            left = (time.monotonic() - began) / number * (asked.count - number)
            print(
                f"{number} of {asked.count} cases, {faults.total()} failed, "
                f"exit codes {dict(sorted(codes.items()))}, slowest {slowest:.1f} s, "
                f"largest {largest:.1f} GB, {left / 60:.0f} min left",
                file=sys.stderr,
                flush=True,
            )
    for fault, count in faults.items():
        print(f"{fault}: {count}")
    return faults.total()


if __name__ == "__main__":
    main()
