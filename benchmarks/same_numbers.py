"""Losses and samples of the bundled recipes after a few steps, to hold two versions together.

    python benchmarks/same_numbers.py --out before.json
    python benchmarks/same_numbers.py --against before.json

Each recipe is trained for 20 steps with its own seed and networks of its own size, and sampled;
what is kept is every loss and a SHA-256 of the samples' bytes. The numbers are those of one
machine: floating-point sums differ between processors. It runs on version 0.1, too, whose modules
lay elsewhere: set PYTHONPATH to a checkout of it. Real data come from --data, a folder like
the one that SEQGAN_TEST_DATA names; recipes whose data are not there are listed as left out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

STEPS = 20
ROOTS = {
    "mnist": "mnist",
    "spoken_digits": "spoken_digits",
    "coco_captions": "text/coco_captions",
    "snippets": "text/sentence_snippets",
}
"""Where in the folder of real data the files of a source lie."""


def data_of(recipe: Any, folder: Path | None) -> tuple[str, ...]:
    """Overrides that find the data of a recipe, or make less of them."""
    source = recipe.data.source
    if source == "sines":
        return ("data.count=1000",)
    if source == "oracle":
        return ("data.sequences=500", "data.test=100")
    if source == "spoken_digits_synthetic":
        return ("data.clips=40",)
    if source == "fashion_mnist":
        source = "mnist"  # Files of the same form.
        return ("data.source=mnist", *((f"data.root={folder / 'mnist'}",) if folder else ()))
    return (f"data.root={folder / ROOTS[source]}",) if folder and source in ROOTS else ()


def numbers_of(name: str, data: Path | None, scratch: Path) -> dict[str, Any]:
    """The losses of a recipe's first steps, and a digest of its samples."""
    import seqgan_kit

    train = seqgan_kit_train()
    recipe = load_recipe(name)
    changes = [f"train.steps={STEPS}", "train.log_every=1", "train.minutes=null"]
    changes += ["train.grid_every=1000", "train.checkpoint_every=1000", "train.keep=2"]
    changes += [f"phases.{place}.steps=5" for place in range(len(recipe.phases) - 1)]
    path = scratch / name
    train(load_recipe(name, (*changes, *data_of(recipe, data))), out=path)
    lines = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    losses = [{k: v for k, v in line.items() if k != "seconds"} for line in lines]
    sample = seqgan_kit.load(path).sample(count=2, seed=1)
    digest = hashlib.sha256()
    for one in sample:
        array = np.asarray(one)
        digest.update(array.tobytes() if array.dtype != object else repr(one).encode())
    return {"losses": losses, "samples": digest.hexdigest()}


def load_recipe(name: str, overrides: tuple[str, ...] = ()) -> Any:
    try:
        from seqgan_kit.recipe.files import load
    except ImportError:
        from seqgan_kit.recipe_files import load
    return load(name, overrides)


def seqgan_kit_train() -> Any:
    try:
        from seqgan_kit.runs.workflow import train
    except ImportError:
        from seqgan_kit.workflow import train
    return train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=os.environ.get("SEQGAN_TEST_DATA"))
    parser.add_argument("--out", type=Path, help="a .json for the numbers")
    parser.add_argument("--against", type=Path, help="numbers of another version")
    parser.add_argument("recipes", nargs="*", help="names [all bundled ones]")
    asked = parser.parse_args()
    try:
        from seqgan_kit.recipe.files import bundled
    except ImportError:
        from seqgan_kit.recipe_files import bundled
    before = json.loads(asked.against.read_text()) if asked.against else {}
    found: dict[str, Any] = {}
    differing = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in asked.recipes or bundled():
            try:
                found[name] = numbers_of(name, asked.data and Path(asked.data), Path(scratch))
            except Exception as error:
                if type(error).__name__ not in ("DataError", "ModuleNotFoundError"):
                    raise
                print(f"{name}: left out: {str(error).splitlines()[0]}", flush=True)
                continue
            said = found[name]["samples"][:12]
            if asked.against:
                same = found[name] == before.get(name)
                differing += [] if same else [name]
                said += "  equal" if same else "  DIFFERENT"
            print(f"{name}: {said}", flush=True)
            if asked.out:
                asked.out.write_text(json.dumps(found))
    if differing:
        sys.exit(f"different: {', '.join(differing)}")


if __name__ == "__main__":
    main()
