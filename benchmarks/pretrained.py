"""Train the runs that come with the package: `make pretrained`.

Each is its bundled recipe as it is, seed 0; then measured, and packed into seqgan_kit/pretrained.
What is there already is left alone, so that a stopped call goes on.

    python benchmarks/pretrained.py [NAME ...] [--data mnist=FOLDER ...] [--runs FOLDER]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import seqgan_kit
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.runs.packing import pack
from seqgan_kit.runs.places import ENDING, find
from seqgan_kit.training.run import Run

NAMES = (
    "digits_rows",
    "names_text",
    "vowels_series",
    "vowels_series_feedback",
    "sines_series",
    "mnist_rows",
    "mnist_rows_gru",
    "fashion_rows",
    "spoken_digits",
    "mnist_rows_likelihood",
    "mnist_gan",
    "peptides_text_likelihood",
)
TARGET = Path(__file__).parents[1] / "seqgan_kit" / "pretrained"
LARGEST = 1_000_000


def main() -> None:
    """Train, measure and pack what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=NAMES)
    parser.add_argument("--data", action="append", default=[], metavar="SOURCE=FOLDER")
    parser.add_argument("--runs", type=Path, default=Path("runs") / "pretrained")
    asked = parser.parse_args()
    roots = dict(text.split("=", 1) for text in asked.data)
    TARGET.mkdir(exist_ok=True)
    for name in asked.names:
        target, out = TARGET / f"{name}{ENDING}", asked.runs / name
        if target.exists():
            continue
        source = recipe_files.load(name).data.source
        places = [f"data.root={roots[source]}"] if source in roots else []
        began = time.monotonic()
        if (out / "run.json").exists():
            model = seqgan_kit.resume(out)
        else:
            model = seqgan_kit.train(name, *places, out=out)
        figures = seqgan_kit.evaluate(model, gan_train=False).figures
        pack(Run(find(out)[0]), target)
        size, minutes = target.stat().st_size, (time.monotonic() - began) / 60
        shown = {name: round(value.mean, 4) for name, value in figures.items()}
        print(f"{name}: {size:,} bytes, {minutes:.1f} min, {shown}", flush=True)
        if size > LARGEST:
            target.unlink()
            print(f"{name}: larger than {LARGEST:,} bytes, and left out", file=sys.stderr)


if __name__ == "__main__":
    main()
