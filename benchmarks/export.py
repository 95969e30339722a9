"""Every bundled recipe as a file for other programs, held to the network that it was made of.

    python benchmarks/export.py [NAME ...] [--ending .pt2] [--data FOLDER]

A recipe's network is the trained run that comes with the package, or else has fresh weights and
its full size. Real data come from --data, a folder like the one that SEQGAN_TEST_DATA names;
recipes whose data are not there are listed as left out. The table is Markdown.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import torch
from same_numbers import data_of

from seqgan_kit.data.dataset import DataError
from seqgan_kit.labels import sizes, with_levels
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.runs.data import kind_of, load_dataset, make_codec, seen, store_codec
from seqgan_kit.runs.exporting import Check, export, write
from seqgan_kit.runs.networks import make_generator
from seqgan_kit.runs.places import packaged, unpack
from seqgan_kit.training.run import Run

COLUMNS = ("recipe", "network", "weights", "largest difference", "on an edge", "seconds", "MB")


def fresh(name: str, target: Path, data: Path | None) -> Check:
    """Write the network of a recipe with fresh weights.

    Raises:
        DataError: its data, from which its codec is learned, are not there.
    """
    recipe = recipe_files.load(name)
    recipe = recipe_files.load(name, data_of(recipe, data))
    dataset = load_dataset(recipe)
    codec = make_codec(kind_of(recipe), store_codec(recipe, dataset))
    labels = with_levels(seen(recipe, dataset).labels, recipe.data.numeric)
    torch.manual_seed(recipe.seed)
    generator = make_generator(recipe.model, codec, sizes(labels))
    return write(generator.writer, sizes(labels), target, {"recipe": name})


def network_of(name: str) -> str:
    """What the network of a recipe is, in a few words."""
    model = recipe_files.load(name).model
    part = getattr(model, "generator", None) or model.decoder
    settings = part.model_dump()
    words = [settings.get("cell", settings.get("kind", "dense")).replace("lstm", "LSTM")]
    words = [words[0].replace("gru", "GRU"), "feedback" if settings.get("feedback") else ""]
    head = settings.get("head", {})
    words += [head.get("kind", "continuous"), "noise" if head.get("noise") else ""]
    words += [head.get("draw", "").replace("sample", "samples")]
    return " ".join(filter(None, words))


def main() -> None:
    """Print the table, a row as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="recipes [all bundled ones]")
    parser.add_argument("--ending", default=".onnx", choices=[".onnx", ".pt2"])
    parser.add_argument("--data", type=Path, default=os.environ.get("SEQGAN_TEST_DATA"))
    asked = parser.parse_args()
    data = asked.data and Path(asked.data)
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    with tempfile.TemporaryDirectory() as scratch:
        for name in asked.names or recipe_files.bundled():
            target, trained = Path(scratch) / f"{name}{asked.ending}", packaged().get(name)
            began = time.process_time()
            try:
                if trained is None:
                    found = fresh(name, target, data)
                else:
                    found = export(Run(unpack(trained)), target)
            except (DataError, ModuleNotFoundError) as error:
                print(f"| {name} | left out: {str(error).splitlines()[0]} |", flush=True)
                continue
            values = (
                name,
                network_of(name),
                "fresh" if trained is None else "trained",
                f"{found.largest:.1e}" if found.largest else "0",
                f"{found.undecided} of {found.sequences + found.undecided}",
                f"{time.process_time() - began:.1f}",
                f"{target.stat().st_size / 1e6:.2f}",
            )
            print(f"| {' | '.join(values)} |", flush=True)


if __name__ == "__main__":
    main()
