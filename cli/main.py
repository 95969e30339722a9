"""The `seqgen` command: a thin layer that imports what a subcommand needs only when it runs."""

from __future__ import annotations

import importlib
import io
import sys

import click
from click.shell_completion import CompletionItem

from seqgan_kit.errors import SeqganError, printable

from .pulse import pulse
from .stopping import STOPPED, stoppable

COMMANDS = {
    "train": ("train", "Train a recipe, or resume a run."),
    "sample": ("sample", "Make samples with a trained run."),
    "evaluate": ("evaluate", "Measure runs, or samples made elsewhere."),
    "compare": ("compare", "Lay models side by side, on a page."),
    "sweep": ("sweep", "Search settings of a recipe, chosen on validation."),
    "report": ("report", "A page about one run."),
    "plot": ("plot", "Plot the training curves of runs."),
    "audit": ("audit", "Attack a run: who was in the training part?"),
    "reconstruct": ("reconstruct", "Show what a VAE makes of real items."),
    "pack": ("pack", "Write a run into one file, to share it."),
    "export": ("export", "Write a generator for other programs (ONNX, .pt2)."),
    "push": ("push", "Share a run on the Hugging Face hub."),
    "runs": ("runs", "List the trained runs that come with seqgan_kit."),
    "serve": ("serve", "A page to play with runs, and samples over HTTP."),
    "inspect": ("inspect", "Show which steps a discriminator finds fake."),
    "recipes": ("recipes", "List, show, copy and check recipes."),
    "data": ("data", "Fetch and look at data sets."),
    "kinds": ("kinds", "List the kinds of data and models that are installed."),
    "init": ("init", "Write a recipe for your own data."),
    "doctor": ("doctor", "Check the installation."),
    "completion": ("completion", "Print a script that lets a shell complete commands."),
}
"""For each subcommand its module and its one line in the help."""


class LazyGroup(click.Group):
    """Knows its commands by name and loads one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f".{COMMANDS[cmd_name][0]}", __package__)
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = ctx.resilient_parsing or args[0] in COMMANDS or args[0].startswith("-")
        if not known:
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        names = [
            CompletionItem(name, help=line)
            for name, (_, line) in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        # Not those of the group, which would load every command.
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # From the table, not from the commands, which would import torch for a line of text.
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="seqgan_kit", prog_name="seqgen")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def seqgen(debug: bool) -> None:
    """Generate sequences with recurrent conditional GANs.

    \b
    Examples:
      seqgen train mnist_rows              train into runs/mnist_rows
      seqgen sample runs/mnist_rows        a labelled grid of samples
      seqgen evaluate runs/mnist_rows      figures beside those of real data
      seqgen compare compare/mnist         GAN, VAE and the rows, on one page
      seqgen init path/to/my/images        a recipe for your own data
    """


NO_MEMORY = (
    "DefaultCPUAllocator",
    "can't allocate memory",
    "Storage size calculation overflowed",
    "Maximum allowed dimension exceeded",
    "array is too big",
)
"""What torch and NumPy say of an array that does not fit, in errors of no class of its own."""

OUT_OF_MEMORY = "try fewer samples, a smaller train.batch_size or data.budget_mb, or shorter items"

LONGEST_LINE = 2000
"""Characters of a line of an error."""


def _tell(message: str, before: str = "") -> None:
    """Print an error, line by line, without what a terminal would obey."""
    for line in message.splitlines():
        shown = line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}..."
        click.echo(printable(f"{before}{shown}"), err=True)


def _failure(error: BaseException) -> tuple[str, int] | None:
    """What to say of an error that is not a bug of ours, and the exit code: 2 use, 1 failure."""
    if isinstance(error, SeqganError):
        return str(error), error.exit_code
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}", 1
    if isinstance(error, ValueError) and "embedded null" in str(error):
        return "the name of a file has a zero character, which no name can have", 2
    # Two classes that belong to torch and safetensors, which are not imported for their names.
    names = {kind.__name__ for kind in type(error).__mro__}
    if "OutOfMemoryError" in names:
        return str(error), 1
    if isinstance(error, MemoryError) or any(said in str(error) for said in NO_MEMORY):
        return f"out of memory: {OUT_OF_MEMORY}", 1
    if isinstance(error, ModuleNotFoundError) and "pip install" in str(error):
        return str(error), 1
    # safetensors reports a full disk as an error of its own.
    if "SafetensorError" in names:
        return str(error), 1
    return None


def main() -> None:
    """Run the command; turn errors into one sentence and an exit code."""
    with stoppable():
        _run()


def _run() -> None:
    try:
        with pulse():
            seqgen(standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        sys.exit(STOPPED)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        told = io.StringIO()
        error.show(told)
        _tell(told.getvalue())
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of a pipe has gone; nobody is left to tell.
        sys.stderr.close()
        sys.exit(0)
    except Exception as error:
        failure = _failure(error)
        if failure is None or "--debug" in sys.argv:
            raise
        _tell(failure[0], "error: ")
        sys.exit(failure[1])
