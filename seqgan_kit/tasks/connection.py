"""Connecting to a Ray cluster, within a time limit and with errors in a sentence."""

from __future__ import annotations

import os
import re
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..errors import UsageError

PATIENCE = 10.0
"""Seconds that an address has to answer."""

CLIENT_PORT = 10001
"""Port of ``ray://`` addresses, unless another is given."""

STORE = 100 << 20
"""Bytes of the object store of a cluster of our own: tasks send no arrays."""


ATTEMPTS = 3
"""A cluster that is started here has 30 seconds for it, too few if the machine is busy."""


@dataclass(frozen=True)
class Place:
    """Where tasks run, as ``--on`` says it.

    Attributes:
        given: what the user wrote.
        host: of a cluster; ``None``: this machine, or the cluster that it belongs to.
        port: of a cluster.
        cores: of a cluster that is started here; ``None``: all, or the cluster that there is.
    """

    given: str
    host: str | None = None
    port: int = CLIENT_PORT
    cores: int | None = None


def place_of(given: str) -> Place:
    """Parse ``ray``, ``ray:CORES`` or ``ray://HOST[:PORT]``.

    >>> place_of("ray://head:10002").port
    10002

    Raises:
        UsageError: it has another form.
    """
    if given == "ray":
        return Place(given)
    if found := re.fullmatch(r"ray:([1-9]\d{0,3})", given):
        return Place(given, cores=int(found[1]))
    if found := re.fullmatch(r"ray://(\[[0-9a-fA-F:.]+\]|[^\s:/?#@\[\]]+)(?::(\d{1,5}))?", given):
        port = int(found[2] or CLIENT_PORT)
        if 0 < port < 65536:
            return Place(given, host=found[1].strip("[]"), port=port)
    raise UsageError(
        f"--on {given}: expected ray, ray:CORES or ray://HOST:PORT, as in --on ray://head:10001"
    )


def ray_or_refuse() -> Any:
    """Return the package Ray.

    Raises:
        UsageError: it is not installed.
    """
    # Ray would otherwise report to its makers how it is used.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        # Imported late, because it is an extra.
        import ray
    except ImportError as error:
        raise UsageError(
            '--on ray requires the package ray: pip install "seqgan_kit[ray]"'
        ) from error
    return ray


@contextmanager
def connected(place: Place) -> Iterator[Any]:
    """Connect to a cluster, or start one on this machine; give the package Ray.

    A process that is connected already stays so.

    Raises:
        UsageError: Ray is not installed, or no cluster answers.
    """
    ray = ray_or_refuse()
    if ray.is_initialized():
        yield ray
        return
    with _signals_kept():
        _connect(ray, place)
    try:
        yield ray
    finally:
        ray.shutdown()


def _connect(ray: Any, place: Place) -> None:
    quiet = {"logging_level": "ERROR", "log_to_driver": False}
    given = os.environ.get("RAY_ADDRESS", "")
    if place.host is not None:
        _answers(place.given, place.host, place.port)
        _speaks(place.given, f"{place.host}:{place.port}")
        settings: dict[str, Any] = {"address": f"ray://{place.host}:{place.port}"}
    elif place.cores is not None or (not given and not _belongs_to_one()):
        settings = {
            "address": "local",
            "num_cpus": place.cores,
            "include_dashboard": False,
            "object_store_memory": STORE,
        }
    else:
        host, _, port = given.removeprefix("ray://").rpartition(":")
        if host and port.isdecimal():
            _answers(f"{place.given} (RAY_ADDRESS={given})", host, int(port))
        settings = {"address": given or "auto"}
    try:
        for attempt in range(ATTEMPTS):
            try:
                ray.init(**settings, **quiet)
                return
            except Exception as error:
                if "timed out during startup" not in str(error) or attempt + 1 == ATTEMPTS:
                    raise
                ray.shutdown()
    except Exception as error:  # Of many classes, from sockets to mismatching versions.
        why = " ".join(str(error).split())[:300]
        raise UsageError(
            f"--on {place.given}: no Ray cluster can be used there ({why})"
        ) from error


def _belongs_to_one() -> bool:
    """Whether ``ray start`` made this machine part of a cluster that is still there."""
    from ray._private.services import find_gcs_addresses

    return bool(find_gcs_addresses())


def _answers(given: str, host: str, port: int) -> None:
    """Check that somebody listens.

    Raises:
        UsageError: nobody does.
    """
    try:
        socket.create_connection((host, port), timeout=PATIENCE).close()
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"--on {given}: nothing answers at {host}:{port} ({why}); start a cluster with `ray "
            f"start --head --ray-client-server-port {CLIENT_PORT}`, or use --on ray for this "
            "machine"
        ) from error


def _speaks(given: str, target: str) -> None:
    """Check that it is a server of Ray's kind that listens: Ray itself would wait for minutes.

    Raises:
        UsageError: it is not.
    """
    import grpc

    with grpc.insecure_channel(target) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=PATIENCE)
        except grpc.FutureTimeoutError as error:
            raise UsageError(
                f"--on {given}: what listens at {target} is no Ray cluster, or does not answer "
                f"within {PATIENCE:.0f} s; the port is that of --ray-client-server-port"
            ) from error


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Keep the handlers of signals, which Ray replaces."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
