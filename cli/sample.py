"""`seqgen sample`: the same command for every kind of data, each with options of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqgan_kit import plugins
from seqgan_kit.errors import NotSupported, UsageError
from seqgan_kit.kind import Kind
from seqgan_kit.runs.asked import STANDARD_OUTPUT, Asked, Option
from seqgan_kit.sections import LARGEST

from . import completing
from .console import COUNT, SEED, FiniteRange, checkpoint_option, say, show_path
from .placing import executing, on_options

if TYPE_CHECKING:
    from seqgan_kit.runs.steering import Choose

FORMAT = "form"
"""Variable of --format, which kinds with several formats have."""


class SampleCommand(click.Command):
    """The command with the options and examples of all installed kinds.

    They are added when the command is built or its help is shown, not when this is imported.
    """

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        return [*super().get_params(ctx), *kind_options()]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        own = {parameter.name for parameter in kind_options()}
        general = [
            p for p in self.get_params(ctx) if p.name not in own and isinstance(p, click.Option)
        ]
        with formatter.section("Options"):
            formatter.write_dl([row for p in general if (row := p.get_help_record(ctx))])
        for kind in plugins.kinds().values():
            with formatter.section(f"Runs of {kind.name}"):
                formatter.write_text(kind.about)
                rows = [_click(o).get_help_record(ctx) for o in kind.options]
                if kind.formats:
                    rows.append(("--format", f"{', '.join(kind.formats)} [{kind.formats[0]}]."))
                if shown := [row for row in rows if row]:
                    formatter.write_dl(shown)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Examples"):
            for kind in plugins.kinds().values():
                for example in kind.examples:
                    for line in example.splitlines():
                        formatter.write(f"  {line}\n")


def kind_options() -> list[click.Option]:
    """Return the options of all installed kinds, each once."""
    found: dict[str, click.Option] = {}
    formats: dict[str, None] = {}
    for kind in plugins.kinds().values():
        found |= {o.key: _click(o) for o in kind.options if o.key not in found}
        formats |= dict.fromkeys(kind.formats)
    choice = click.Choice(list(formats))
    return [*found.values(), click.Option(["--format", FORMAT], type=choice)]


def _click(option: Option) -> click.Option:
    """Translate an option of a kind."""
    flag = f"--{option.name}"
    if option.type == "flag":
        return click.Option([flag], is_flag=True, help=option.help)
    low, high = option.minimum, option.maximum
    kinds: Mapping[str, Any] = {
        "int": click.IntRange(
            None if low is None else int(low), LARGEST if high is None else int(high)
        ),
        "float": FiniteRange(low, high, min_open=option.above),
        "text": click.STRING,
    }
    return click.Option(
        [flag],
        type=kinds[option.type],
        default=option.default,
        show_default=option.default not in (None, ""),
        metavar=option.metavar,
        help=option.help,
    )


@click.command(cls=SampleCommand, short_help="Make samples with a trained run.")
@click.argument("run", type=click.Path(path_type=Path), shell_complete=completing.runs)
@click.option(
    "--label",
    "labels",
    multiple=True,
    help="7, or 3,7, or kind=movie where there are several attributes; every label if absent.",
)
@click.option("-n", "--count", type=COUNT, help="How many [see below].")
@click.option("--seed", type=SEED, default=0, show_default=True, help="Seed of the samples.")
@click.option(
    "--guidance",
    type=FiniteRange(0, 100),
    default=1.0,
    show_default=True,
    help="Above 1: more of what the label makes probable. For runs by likelihood whose training "
    "hid some labels (train.label_dropout).",
)
@click.option(
    "--candidates",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    help="Draw so many for each sample and keep one, by --choose.",
)
@click.option(
    "--choose",
    type=click.Choice(["label", "discriminator", "both"]),
    default="label",
    show_default=True,
    help="Keep a candidate in proportion to how well its label is recognised by the generator's "
    "own likelihood, or to how real the discriminator finds it.",
)
@click.option(
    "--power",
    type=FiniteRange(0, 100),
    default=1.0,
    show_default=True,
    help="Exponent of the label's probability in --choose label.",
)
@checkpoint_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="A file or folder, as below [a place in RUN/samples, or standard output].",
)
@click.option("--force", is_flag=True, help="Replace what --out names.")
@click.option(
    "--safe-cells/--raw-cells",
    default=True,
    show_default=True,
    help="In CSV, put a ' before text that a spreadsheet would run: what starts with =, +, -, @, "
    "a tab or a return. `seqgen evaluate --samples` takes it away again.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option(
    "--shards",
    type=click.IntRange(min=1),
    help="Write a total of --count samples into so many shards in the folder --out: Parquet, or "
    "tar files in the form of WebDataset. Give the command again to go on with it.",
)
@on_options
@click.pass_context
def command(
    context: click.Context,
    /,
    run: Path,
    labels: tuple[str, ...],
    count: int | None,
    seed: int,
    guidance: float,
    candidates: int,
    choose: Choose,
    power: float,
    checkpoint: str | None,
    out: Path | None,
    force: bool,
    safe_cells: bool,
    device: str,
    shards: int | None,
    on: str | None,
    threads: int | None,
    form: str | None,
    **options: Any,
) -> None:
    """Sample RUN: the folder of a training, a packed run (.seqgen), a run on the Hugging Face hub
    (hf://user/name), or the name of a trained run that comes with seqgan_kit (`seqgen runs list`).

    What is written, and how, depends on the kind of data: see below. `seqgen sample RUN` alone
    writes the usual number of samples of every label to the usual place, and prints the place.

    Guidance and candidates make samples say more clearly what their label is, and less varied:
    `seqgen evaluate RUN --candidates 1,2,4` measures both.
    """
    from dataclasses import asdict

    from seqgan_kit import load
    from seqgan_kit.files import file_digest
    from seqgan_kit.labels import Words, beyond
    from seqgan_kit.runs.data import kind_of_run
    from seqgan_kit.runs.loading import run_recipe
    from seqgan_kit.runs.places import find, is_packed
    from seqgan_kit.runs.steering import Steering
    from seqgan_kit.tasks.sampling import Wanted, write_shards
    from seqgan_kit.training.run import Run

    named = run
    run, which = find(named)
    if which:
        say(which)
    opened = Run(run)
    kind = kind_of_run(opened)
    _refuse_foreign_options(context, kind)
    steering = Steering(guidance, candidates, choose, power)
    if candidates == 1 and any(_given(context, name) for name in ("choose", "power")):
        raise UsageError("--choose and --power say which of several --candidates is kept")
    if shards is not None:
        if out is None or count is None:
            raise UsageError("--shards requires --out FOLDER and -n, the total number of samples")
        _refuse_single(context, kind)
        source = named if is_packed(run) else run
        wanted = Wanted(
            # A packed run is unpacked on each machine.
            run=str(named if is_packed(run) and not named.exists() else source.absolute()),
            checkpoint=checkpoint,
            weights=file_digest(opened.checkpoint(checkpoint) / "networks.safetensors"),
            count=count,
            shards=shards,
            labels=labels,
            seed=seed,
            steering=asdict(steering),
            options={o.key: options[o.key] for o in kind.options if o.shards},
        )
        # Errors are found before anything is written.
        sampler = wanted.sampler(device)
        next(sampler.label_stream(list(labels) or None, 1))
        with executing(on, threads, bar=False) as (executor, _):
            write_shards(wanted, kind, out, executor, device=device, force=force, say=say)
        show_path(out)
        return
    if on is not None or threads is not None:
        raise UsageError("--on and --threads are for samples in --shards")
    if form is not None and form not in kind.formats:
        formats = ", ".join(kind.formats)
        advice = f"choose one of {formats}" if formats else "the name of --out says the format"
        raise NotSupported(f"--format {form} is not supported for {kind.singular} runs; {advice}")
    place = Path(kind.place)
    # A packed run is unpacked where nobody would look for samples.
    samples = Path("samples") / run_recipe(opened).name if is_packed(run) else opened.samples
    target = out or (place if place == STANDARD_OUTPUT else samples / place)
    if form is None:
        ending = target.suffix.removeprefix(".").lower()
        form = ending if ending in kind.formats else next(iter(kind.formats), "")
    asked = Asked(
        run=run,
        labels=Words(labels),
        count=count,
        seed=seed,
        form=form,
        target=target,
        named=out is not None,
        force=force,
        safe_cells=safe_cells,
        options={option.key: options[option.key] for option in kind.options},
        say=say,
    )
    if not asked.piped:
        kind.check(asked)
    elif not kind.pipes:
        raise NotSupported(
            f"--out - is not supported for {kind.singular} runs; name a file or a folder"
        )
    sampler = load(run, checkpoint=checkpoint, device=device)
    if not steering.plain:
        sampler = sampler.steered(steering)
    for note in beyond(asked.labels, sampler.labels):
        say(note)
    kind.write(sampler, asked)
    if not asked.piped:
        show_path(target)


def _given(context: click.Context, name: str) -> bool:
    """Whether the user named an option."""
    from click.core import ParameterSource

    return context.get_parameter_source(name) is not ParameterSource.DEFAULT


def _refuse_single(context: click.Context, kind: Kind) -> None:
    """Refuse options that say nothing for shards."""
    for option in kind.options:
        if _given(context, option.key) and not option.shards:
            raise NotSupported(f"--{option.name} is not supported with --shards")
    if _given(context, FORMAT):
        raise NotSupported("--format is not supported with --shards: the kind of data decides it")


def _refuse_foreign_options(context: click.Context, kind: Kind) -> None:
    """Refuse an option of another kind, instead of leaving it out."""
    own = {option.key for option in kind.options}
    for parameter in kind_options():
        name = parameter.name or ""
        if _given(context, name) and name != FORMAT and name not in own:
            raise NotSupported(f"{parameter.opts[0]} is not supported for {kind.singular} runs")
