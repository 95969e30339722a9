"""`seqgen completion`."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, FishComplete, ZshComplete

SHELLS = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


@click.command(short_help="Print a script that lets a shell complete commands.")
@click.argument("shell", type=click.Choice(list(SHELLS)))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print a script that lets SHELL complete commands, options, bundled recipes and runs.

    \b
    Where to put it, once:
      bash  seqgen completion bash > ~/.local/share/bash-completion/completions/seqgen
      zsh   seqgen completion zsh > ~/.zfunc/_seqgen
      fish  seqgen completion fish > ~/.config/fish/completions/seqgen.fish

    The folder has to exist (mkdir -p). bash needs version 4.4 and the package bash-completion; zsh
    needs the line `fpath+=(~/.zfunc)` in ~/.zshrc, before `autoload -Uz compinit && compinit`. A
    new shell then knows it.

    \b
    Examples:
      eval "$(seqgen completion bash)"      in this shell only, or in ~/.bashrc
      seqgen completion fish | source       the same for fish
    """
    # The variable is the one by which click asks this program for completions.
    script = SHELLS[shell](context.find_root().command, {}, "seqgen", "_SEQGEN_COMPLETE").source()
    click.echo(script, nl=False)
