"""`seqgen init`."""

from __future__ import annotations

from pathlib import Path

import click

from seqgan_kit.errors import UsageError

from .console import say, show_path


@click.command(short_help="Write a recipe for your own data.")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--kind", help="What the data are, where that is not clear: `seqgen kinds` lists.")
@click.option("--out", type=click.Path(path_type=Path), help="The recipe [NAME.yaml].")
@click.option("--force", is_flag=True, help="Replace --out.")
def command(path: Path, kind: str | None, out: Path | None, force: bool) -> None:
    """Look at the data in PATH, say what was found, and write a commented recipe for them.

    PATH is whatever an installed kind of data reads: a folder of images or of recordings with one
    sub-folder for each label, a manifest of recordings, a .txt, .csv, .tsv or .jsonl of text, a
    .csv, .npz, .npy or .ts of series; or a folder of shards (.parquet, or .tar with images or
    sound), which are streamed.

    \b
    Examples:
      seqgen init photos/
      seqgen init recordings/ --out recipes/words.yaml
      seqgen init reviews.csv
      seqgen init sensors.csv --kind series
    """
    from seqgan_kit.files import refuse_existing, write_text
    from seqgan_kit.runs.beginning import look_at
    from seqgan_kit.runs.beginning_stream import first_shard, streaming

    if out is not None:
        if out.suffix not in (".yaml", ".yml"):
            raise UsageError(f"--out {out}: choose a name that ends in .yaml")
        # Before the data are read, which may take long.
        refuse_existing(out, force)
    shard = first_shard(path)
    if shard is None:
        found = look_at(path, kind)
    else:
        found = streaming(path, shard, lambda file: look_at(file, kind))
    target = out or Path(f"{found.name}.yaml")
    refuse_existing(target, force)
    say(found.found)
    write_text(target, found.recipe(target))
    show_path(target)
    say(f"next:  seqgen data show {target}\n       seqgen train {target}")
