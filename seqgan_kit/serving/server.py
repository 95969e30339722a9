"""Listening: a socket, and the server that answers on it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from ..errors import SeqganError

BACKLOG = 256
LARGEST_HEAD = 16 * 1024
"""Bytes of an address and its headers."""

MOST_OPEN = 1000
"""Connections at a time; further ones are told to come again."""


class NotListening(SeqganError):
    """The error for an address on which nothing can listen."""


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Args:
        host: an address or a name of this machine.
        port: its port; 0 for any that is free.

    Raises:
        NotListening: the port is taken, or the address is not one of this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        made = socket.socket(family, kind, protocol)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(address)
            made.listen(BACKLOG)
        except OSError:
            made.close()
            raise
    except OSError as error:
        raise NotListening(
            f"nothing can listen on port {port} of {host} ({error.strerror or error}): choose "
            "another --port (0 for any that is free), or another --host"
        ) from error
    return made


def serve(app: ASGIApp, on: socket.socket, *, until: Callable[[], object] | None = None) -> None:
    """Answer requests until a signal stops the process.

    Args:
        app: the application.
        on: the socket.
        until: returns when the server is to end of itself; called in a thread.
    """
    config = uvicorn.Config(
        app,
        http="h11",  # The other parser has no limit for headers.
        ws="none",
        loop="asyncio",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        date_header=False,
        h11_max_incomplete_event_size=LARGEST_HEAD,
        limit_concurrency=MOST_OPEN,
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    if until is not None:

        def wait() -> None:
            until()
            server.should_exit = True

        threading.Thread(target=wait, daemon=True).start()
    server.run(sockets=[on])
