"""`seqgen sample`."""

from __future__ import annotations

from pathlib import Path

import click

from .console import SEED, UseError

PICTURES = ("interpolate", "swap", "noise_scale")
LINES = ("temperature", "top_k", "top_p", "prompt", "max_length", "form", "unique")
"""Options that belong to one kind of sample, by the names of their variables."""


@click.command(short_help="Make samples with a trained run.")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--label",
    "labels",
    multiple=True,
    help="7, or 3,7, or kind=movie where there are several attributes; every label if absent.",
)
@click.option(
    "-n",
    "--count",
    type=click.IntRange(min=1),
    help="Pictures of each label, or lines of text in all [12].",
)
@click.option("--seed", type=SEED, default=0, show_default=True)
@click.option("--checkpoint", help="Step of the checkpoint [the best, or the newest].")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Pictures: a .png (grid), a .npy (array), or a folder of PNGs [RUN/samples/grid.png]. "
    "Text: a file [standard output].",
)
@click.option(
    "--interpolate", metavar="A..B", help="Walk from label A to B (any..any without labels)."
)
@click.option("--swap", is_flag=True, help="A grid of the same noise under every label.")
@click.option(
    "--noise-scale",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="Below 1: more typical samples, less variety.",
)
@click.option(
    "--temperature",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="Text: below 1 more probable tokens, less variety; 0: the most probable.",
)
@click.option("--top-k", type=click.IntRange(min=1), help="Text: only the K most probable tokens.")
@click.option(
    "--top-p",
    type=click.FloatRange(min=0, max=1, min_open=True),
    help="Text: only the most probable tokens up to this share.",
)
@click.option("--prompt", default="", help="Text: how every line begins.")
@click.option("--max-length", type=click.IntRange(min=1), help="Text: tokens at most.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "jsonl", "csv"]),
    default="text",
    show_default=True,
    help="Text: lines alone, or with labels, tokens and log-likelihood in nats.",
)
@click.option("--unique", is_flag=True, help="Text: leave out lines that came before.")
@click.option("--force", is_flag=True, help="Replace what --out names.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.pass_context
def command(
    context: click.Context,
    run: Path,
    labels: tuple[str, ...],
    count: int | None,
    seed: int,
    checkpoint: str | None,
    out: Path | None,
    interpolate: str | None,
    swap: bool,
    noise_scale: float,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    prompt: str,
    max_length: int | None,
    form: str,
    unique: bool,
    force: bool,
    device: str,
) -> None:
    """Sample RUN, the folder of a training.

    Pictures go into a file, by default a grid with one row a label. Text goes to standard output,
    one line a sentence and nothing else, so that it can be piped; attributes that --label does
    not name are drawn in the proportions of the training lines.

    \b
    Examples:
      seqgen sample runs/mnist_rows
      seqgen sample runs/mnist_rows --label 3,7 -n 100 --out digits/
      seqgen sample runs/mnist_rows -n 1000 --seed 1 --out digits.npy
      seqgen sample runs/mnist_rows --interpolate 3..7 --out walk.png
      seqgen sample runs/mnist_rows --swap -n 8 --out swap.png
      seqgen sample runs/snippets_text --label kind=movie -n 5
      seqgen sample runs/snippets_text --label kind=movie,tweet --label sentiment=negative
      seqgen sample runs/snippets_text --prompt "the film" --temperature 0.7 --unique
      seqgen sample runs/snippets_text -n 1000000 --format jsonl | gzip > lines.jsonl.gz

    The arrays of a .npy are float32 in 0..1, [count, height, width] for grey images and
    [count, height, width, 3] for colour; NAME.labels.npy beside it has the class numbers.
    """
    from seqgan_kit import load
    from seqgan_kit.nn.relaxation import Decoding
    from seqgan_kit.run import Run
    from seqgan_kit.text_sampling import writes_text

    from .sample_images import refuse_to_overwrite, write_samples, write_swap, write_walk
    from .sample_text import write_lines

    kind = Run(run).info["codec"].get("kind", "rows")
    _refuse_foreign_options(context, text=kind == "text")
    if kind != "text" and out is not None:
        refuse_to_overwrite(out, force)
    sampler = load(run, checkpoint=checkpoint, device=device)
    if writes_text(sampler) is not None:
        write_lines(
            sampler,
            labels,
            count=count,
            seed=seed,
            decoding=Decoding(temperature, top_k or 0, 1.0 if top_p is None else top_p),
            prompt=prompt,
            max_length=max_length,
            unique=unique,
            form=form,
            out=out,
            force=force,
        )
        return
    target = out or Run(run).samples / "grid.png"
    if swap and interpolate is not None:
        raise UseError("--swap and --interpolate are two pictures; ask for one at a time")
    if swap:
        write_swap(sampler, labels, count, seed, noise_scale, target)
    elif interpolate is not None:
        write_walk(sampler, interpolate, labels, count, seed, noise_scale, target)
    else:
        write_samples(sampler, labels, count, seed, noise_scale, target)
    click.echo(str(target))


def _refuse_foreign_options(context: click.Context, *, text: bool) -> None:
    """Say that an option belongs to the other kind of sample, instead of leaving it out."""
    from click.core import ParameterSource

    for name in PICTURES if text else LINES:
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            option = next(p.opts[0] for p in context.command.params if p.name == name)
            what = "writes text" if text else "makes pictures"
            raise UseError(f"{option} has no meaning here: this run {what}")
