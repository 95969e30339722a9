"""`seqgen export`."""

from __future__ import annotations

from pathlib import Path

import click

from seqgan_kit.errors import UsageError

from . import completing
from .console import checkpoint_option, say, show_path


@click.command(short_help="Write a generator for other programs (ONNX, .pt2).")
@click.argument("run", type=click.Path(path_type=Path), shell_complete=completing.runs)
@click.argument("file", type=click.Path(path_type=Path))
@checkpoint_option
@click.option("--force", is_flag=True, help="Replace the file.")
def command(run: Path, file: Path, checkpoint: str | None, force: bool) -> None:
    """Write the generator of RUN into FILE, which ends in .onnx or .pt2.

    \b
    Examples:
      seqgen export mnist_rows digits.onnx
      seqgen export runs/vowels_series vowels.pt2

    Noise and labels go in, steps and their mask come out, in batches of any size. Labels, codec
    settings and how the noise is drawn are in the file's metadata; docs/export.md samples such a
    file without seqgan_kit. Before the file gets its name, its output is held to that of the run.
    An .onnx needs the extra "export" of seqgan_kit; a .pt2 is opened by torch.export.load.
    """
    from seqgan_kit.files import refuse_existing
    from seqgan_kit.runs.exporting import TOLERANCE, export, format_of
    from seqgan_kit.runs.loading import opened_runs

    if file.is_dir():
        raise UsageError(f"{file} is a folder: name a file in it")
    format_of(file)
    refuse_existing(file, force, "name")
    (opened,) = opened_runs([run])
    found = export(opened, file, checkpoint=checkpoint)
    say(
        f"largest difference to the run: {found.largest:.2g} ({found.sequences} sequences; "
        f"{TOLERANCE:g} is allowed)"
    )
    if found.undecided:
        say(f"{found.undecided} more sequences hang on rounding, and were not compared")
    say(f"{file.stat().st_size / 1e6:.2f} MB")
    show_path(file)
