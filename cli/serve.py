"""`seqgen serve`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from urllib.parse import urlencode

import click

from seqgan_kit.errors import UsageError

from . import completing
from .console import say
from .pulse import hushed


@click.command(short_help="A page to play with runs, and samples over HTTP.")
@click.argument(
    "runs",
    metavar="[RUN...]",
    nargs=-1,
    type=click.Path(path_type=Path),
    shell_complete=completing.runs,
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; 0.0.0.0 for every one of this machine, which takes a token.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Port to listen on; 0 for any that is free.",
)
@click.option(
    "--token",
    envvar="SEQGAN_TOKEN",
    metavar="TEXT",
    help="What requests have to show [none on 127.0.0.1; elsewhere one is made and printed].",
)
@click.option(
    "--open/--no-open",
    "opens",
    default=None,
    help="Open the page in the browser [on a terminal with a display].",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--watch", is_flag=True, hidden=True, help="For `seqgen train --view`.")
def command(
    runs: tuple[Path, ...],
    host: str,
    port: int,
    token: str | None,
    opens: bool | None,
    device: str,
    watch: bool,
) -> None:
    """Serve RUNS to a browser and to programs: run folders, packed runs, or names of runs; by
    default all in `runs`, and those that come with seqgan_kit.

    The page shows samples while you turn label, seed, noise and temperature, and the training of a
    run as it goes. Programs get samples from /sample as JSON, pictures, sound or tables;
    /openapi.json describes it. docs/serve.md shows both. It needs the extra `serve`.

    \b
    Examples:
      seqgen serve
      seqgen serve runs/mnist_rows digits.seqgen --port 0
      seqgen serve mnist_rows --host 0.0.0.0
      curl -H 'Accept: image/png' 'http://127.0.0.1:8000/sample?run=mnist_rows&label=7' -o 7.png

    Ctrl-C ends it.
    """
    from seqgan_kit.serving import require_serving

    require_serving()

    from seqgan_kit.serving.app import make_app
    from seqgan_kit.serving.guard import is_loopback
    from seqgan_kit.serving.served import gathered
    from seqgan_kit.serving.server import listening, serve
    from seqgan_kit.training.runtime import choose_device

    if token is not None and not (token.isascii() and token.isprintable() and token.strip()):
        raise UsageError("--token: choose letters, digits and signs of ASCII")
    if token is None and not is_loopback(host):
        import secrets

        token = secrets.token_urlsafe(16)
    with listening(host, port) as on:
        found = gathered(runs, device=choose_device(device), say=say)
        query = {"run": next(iter(found)), "view": "training"} if watch else {}
        query |= {"token": token} if token is not None else {}
        address = f"{_place(host, on.getsockname()[1])}{'?' if query else ''}{urlencode(query)}"
        if not watch:
            say(address)
        hushed()
        if opens or (opens is None and sys.stderr.isatty() and has_display()):
            import webbrowser

            webbrowser.open(address)
        if watch and hasattr(os, "nice"):
            os.nice(10)  # The training goes first.
        # The other end of this pipe is closed whenever the training ends, and however.
        serve(make_app(found, token=token), on, until=sys.stdin.buffer.read if watch else None)


def has_display() -> bool:
    """Whether a browser with windows could be opened."""
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _place(host: str, port: int) -> str:
    """Return the address of the page, as others on the network would open it."""
    if host in ("0.0.0.0", "::", ""):
        import socket

        host = socket.gethostname()
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"
