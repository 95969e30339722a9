"""The wheel in clean environments: with the oldest and the newest PyTorch, and without torchaudio.

    python benchmarks/environments.py --out trials/ [--only "torch 2.11"]

Each environment is made with `python -m venv`, gets the wheel of this folder and the versions of
PyTorch that are named, and trains, samples and exports tiny runs of text, images, series and (with
torchaudio) sound by the command that it has installed, far from this folder. Exit code 1 if one
fails. An environment takes 5 GB and some minutes, and is removed when it has passed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

ENVIRONMENTS = {
    "torch 2.11": (["torch==2.11.*"], []),
    "torch 2.14": (["torch==2.14.*"], []),
    "no torchaudio": (["torch==2.14.*"], ["torchaudio"]),
}
"""Of each, what is required beside the wheel, and what is taken away afterwards."""

EXTRAS = "speech,vocoder,series,export"

SMALL = ("train.steps=4", "train.batch_size=8", "train.checkpoint_every=4")

RUNS = {
    "digits_rows": ("six.png", ()),
    "brackets_text_likelihood": ("six.txt", ("data.sequences=200", "data.test=40")),
    "sines_series": ("six.csv", ("data.count=200", "data.validation=0.1")),
    "spoken_digits_synthetic": ("six", ("data.clips=60",)),
}
"""Recipes whose data come with a package or are made on the spot; what to sample; overrides."""

SOUND = "spoken_digits_synthetic"


def wheel(folder: Path) -> Path:
    """Build the wheel of this folder."""
    subprocess.run(
        [sys.executable, "-m", "build", "--quiet", "--wheel", "--outdir", folder, ROOT], check=True
    )
    (found,) = folder.glob("*.whl")
    return found


def tried(name: str, built: Path, folder: Path) -> None:
    """Make an environment, and let it train, sample and export.

    Raises:
        subprocess.CalledProcessError: something fails; its output has been shown.
    """
    required, absent = ENVIRONMENTS[name]
    home = folder / name.replace(" ", "-")
    shutil.rmtree(home, ignore_errors=True)
    environment = {**os.environ, "SEQGAN_CACHE": str(home / "cache")}
    environment.pop("PYTHONPATH", None)

    def run(*command: str | Path) -> str:
        done = subprocess.run(
            command, cwd=home, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            print(done.stdout[-2000:], done.stderr[-2000:], sep="\n", file=sys.stderr)
            done.check_returncode()
        return done.stdout.strip()

    subprocess.run([sys.executable, "-m", "venv", home], check=True)
    python, seqgen = home / "bin/python", home / "bin/seqgen"
    pip = (python, "-m", "pip", "--quiet", "--disable-pip-version-check")
    run(*pip, "install", f"{built}[{EXTRAS}]", *required)
    for package in absent:
        run(*pip, "uninstall", "--yes", package)
    version = run(python, "-c", "import torch; print(torch.__version__)")
    print(f"{name}: torch {version}", flush=True)
    for recipe, (file, overrides) in RUNS.items():
        if absent and recipe == SOUND:
            continue
        run(seqgen, "train", recipe, *SMALL, *overrides, "--out", recipe)
        run(seqgen, "sample", recipe, "-n", "6", "--out", f"{recipe}-{file}")
        run(seqgen, "export", recipe, f"{recipe}.onnx")
        print(f"  {recipe}: trained, sampled, exported", flush=True)
    shutil.rmtree(home)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", choices=list(ENVIRONMENTS), action="append")
    given = parser.parse_args()
    folder = given.out.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    built = wheel(folder)
    failed = []
    for name in given.only or ENVIRONMENTS:
        try:
            tried(name, built, folder)
        except subprocess.CalledProcessError as error:
            failed.append(f"{name}: {' '.join(map(str, error.cmd))}")
    if failed:
        sys.exit("failed in " + "; ".join(failed))


if __name__ == "__main__":
    main()
