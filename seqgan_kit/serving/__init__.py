"""Samples over HTTP, and a page to play with: ``seqgen serve``; it needs the extra ``serve``."""

from __future__ import annotations

from importlib import import_module

NEEDED = ("fastapi", "orjson", "uvicorn")


def require_serving() -> None:
    """Check that the packages of the extra are installed.

    Raises:
        ModuleNotFoundError: one is not; the message says how to install them.
    """
    for name in NEEDED:
        try:
            import_module(name)
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f'serving needs the package {name}: pip install "seqgan_kit[serve]"'
            ) from error
