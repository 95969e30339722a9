"""`seqgen sample`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .console import SEED, UseError

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Int


@dataclass(frozen=True)
class Kind:
    """A kind of sample.

    Attributes:
        does: what a run does that makes such samples, in words.
        options: the options that have a meaning for it and not for every kind, by the names of
            their variables.
        formats: what --format can be, the usual one first.
        place: where under RUN/samples they go unless --out says where.
    """

    does: str
    options: tuple[str, ...]
    formats: tuple[str, ...] = ()
    place: str = ""


PICTURES = Kind("makes pictures", ("interpolate", "swap", "noise_scale"), place="grid.png")
LINES = Kind(
    "writes text",
    ("temperature", "top_k", "top_p", "prompt", "max_length", "form", "unique"),
    ("text", "jsonl", "csv"),
)
SOUNDS = Kind(
    "makes sounds", ("interpolate", "noise_scale", "form"), ("wav", "flac", "npy"), "clips"
)

SERIES = Kind("makes series", ("interpolate", "noise_scale"), place="series.png")

KINDS = {
    "rows": PICTURES,
    "image": PICTURES,
    "text": LINES,
    "audio": SOUNDS,
    "series": SERIES,
}
"""For each codec the kind of its samples."""

STANDARD_OUTPUT = Path("-")


@dataclass(frozen=True)
class Asked:
    """What a command line asks of a sampler of pictures, sounds or series.

    Attributes:
        run: the folder of the run.
        labels: the labels, every one if empty.
        count: of each label, or of walks; ``None``: the usual number.
        seed: of the noise.
        noise_scale: factor of the noise.
        walk: the two ends of a walk, ``A..B``, if one is asked for.
        swap: whether the same noise is wanted under every label.
        form: the format, ``""`` where the target's name tells it.
        target: where the samples go.
    """

    run: Path
    labels: tuple[str, ...]
    count: int | None
    seed: int
    noise_scale: float
    walk: str | None
    swap: bool
    form: str
    target: Path

    def walk_ends(
        self, labels: Mapping[str, Sequence[str]]
    ) -> tuple[Int[np.ndarray, " A"], Int[np.ndarray, " A"]]:
        """The labels between which to walk.

        Raises:
            UseError: there are not two, or each is not one label.
            LabelError: the run has no such label.
        """
        from seqgan_kit.sampling import parse_labels

        start, dots, end = (self.walk or "").partition("..")
        if not dots or self.labels:
            raise UseError(
                f"--interpolate takes two labels, as in --interpolate "
                f"{_example_of_a_walk(labels)}, and no --label"
            )
        start_NA, end_NA = (parse_labels(name, labels) for name in (start, end))
        for name, rows in ((start, start_NA), (end, end_NA)):
            if len(rows) != 1:
                advice = f"; give each of {', '.join(labels)}" if len(labels) > 1 else ""
                raise UseError(
                    f"--interpolate: {name!r} names {len(rows)} labels instead of one{advice}"
                )
        return start_NA[0], end_NA[0]


def _example_of_a_walk(labels: Mapping[str, Sequence[str]]) -> str:
    if len(labels) == 1:
        return "3..7"
    ends = [
        ",".join(f"{name}={classes[at]}" for name, classes in labels.items()) for at in (0, -1)
    ]
    return "..".join(ends)


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
    help="Pictures or series [12] or clips [4] of each label, or lines of text in all [12].",
)
@click.option("--seed", type=SEED, default=0, show_default=True)
@click.option("--checkpoint", help="Step of the checkpoint [the best, or the newest].")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Pictures: a .png (grid), a .npy (array), or a folder of PNGs [RUN/samples/grid.png]. "
    "Text: a file [standard output]. Sound: a folder [RUN/samples/clips], or - for one file on "
    "standard output. Series: a .csv, a .npz, a .png, or - for a table on standard output "
    "[RUN/samples/series.png].",
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
    type=click.Choice([form for kind in (LINES, SOUNDS) for form in kind.formats]),
    help="Text: lines alone [text], or with labels, tokens and log-likelihood in nats (jsonl, "
    "csv). Sound: a file a clip [wav], or one array of all (npy).",
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
    form: str | None,
    unique: bool,
    force: bool,
    device: str,
) -> None:
    """Sample RUN, the folder of a training.

    Pictures go into a file, by default a grid with one row a label. Text goes to standard output,
    one line a sentence and nothing else, so that it can be piped; attributes that --label does
    not name are drawn in the proportions of the training lines. Sound goes into a folder, one
    file a clip and a manifest.csv with their labels. Series go into a table with a row for each
    step, into arrays, or into a picture of small multiples, over real ones where the data are at
    hand.

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
      seqgen sample runs/spoken_digits_mel --label digit=7 -n 4 --out sevens/
      seqgen sample runs/spoken_digits_mel --label digit=7,speaker=theo --out - > seven.wav
      seqgen sample runs/spoken_digits_mel --out walks/ \
        --interpolate digit=3,speaker=theo..digit=7,speaker=lucas
      seqgen sample runs/vowels_series --label 3 -n 100 --out series.csv
      seqgen sample runs/vowels_series --out series.png

    The arrays of a .npy are float32: pictures in 0..1, [count, height, width] where grey and
    [count, height, width, 3] in colour; clips in -1..1, [count, samples], zero behind their ends.
    NAME.labels.npy beside it has the class numbers. A .npz of series has `x` [count, time,
    channels], zero behind the ends, `length`, the names in `channel`, and an array for each
    attribute.
    """
    from seqgan_kit import load
    from seqgan_kit.run import Run

    opened = Run(run)
    kind = KINDS[opened.info["codec"].get("kind", "rows")]
    _refuse_foreign_options(context, kind)
    if form is not None and form not in kind.formats:
        raise UseError(
            f"--format {form} has no meaning here: this run {kind.does}; use "
            f"{', '.join(kind.formats[:-1])} or {kind.formats[-1]}"
        )
    form = form or next(iter(kind.formats), "")
    if kind is LINES:
        from seqgan_kit.nn.relaxation import Decoding

        from .sample_text import write_lines

        write_lines(
            load(run, checkpoint=checkpoint, device=device),
            labels,
            count=count,
            seed=seed,
            decoding=Decoding(temperature, top_k or 0, 1.0 if top_p is None else top_p),
            prompt=prompt,
            max_length=max_length,
            unique=unique,
            form=form,
            out=None if out == STANDARD_OUTPUT else out,
            force=force,
        )
        return
    if kind is SOUNDS:
        from .sample_audio import refuse_to_overwrite, write_samples
    elif kind is SERIES:
        from .sample_series import refuse_to_overwrite, write_samples
    else:
        from .sample_images import refuse_to_overwrite, write_samples
    target = out or opened.samples / kind.place
    # What a run itself holds of its samples is made again unasked.
    refuse_to_overwrite(target, force or out is None)
    asked = Asked(run, labels, count, seed, noise_scale, interpolate, swap, form, target)
    write_samples(load(run, checkpoint=checkpoint, device=device), asked)
    if target != STANDARD_OUTPUT:
        click.echo(str(target))


def _refuse_foreign_options(context: click.Context, kind: Kind) -> None:
    """Say that an option belongs to another kind of sample, instead of leaving it out."""
    from click.core import ParameterSource

    for parameter in context.command.params:
        name = parameter.name or ""
        foreign = name not in kind.options and any(name in k.options for k in KINDS.values())
        if foreign and context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            raise UseError(f"{parameter.opts[0]} has no meaning here: this run {kind.does}")
