"""Cache of what is computed from each clip, by the content of the clip."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ...data.sources import cache_folder

TABLE = "create table if not exists frames (clip blob primary key, rows blob, sum blob)"

PATIENCE = 60
"""Seconds to wait for another process that writes."""


def cached_rows(
    settings: object,
    clips: Sequence[Float[np.ndarray, " _"]],
    compute: Callable[[Sequence[np.ndarray]], Sequence[Float[np.ndarray, "_ N"]]],
    numbers: int,
) -> list[Float[np.ndarray, "_ N"]]:
    """Return the rows of each clip, computed only if they are not in the cache.

    A cache that cannot be read or written costs time, and nothing else: the rows are computed.

    Args:
        settings: all that the rows depend on beside the clip; its ``repr`` names the cache.
        clips: 32-bit samples.
        compute: from clips to the rows of each, in 32 bits.
        numbers: N, numbers of a row.
    """
    keys = [hashlib.sha256(clip.tobytes()).digest() for clip in clips]
    name = hashlib.sha256(repr(settings).encode()).hexdigest()[:16]
    path = cache_folder() / "frames" / f"{name}.sqlite"
    known = _read(path, keys, numbers)
    missing = {key: clip for key, clip in zip(keys, clips, strict=True) if key not in known}
    if missing:
        fresh = dict(zip(missing, compute(list(missing.values())), strict=True))
        known |= fresh
        _write(path, fresh)
    return [known[key] for key in keys]


def _read(path: Path, keys: Sequence[bytes], numbers: int) -> dict[bytes, np.ndarray]:
    found: dict[bytes, np.ndarray] = {}
    if not path.exists():
        return found
    try:
        with closing(sqlite3.connect(path, timeout=PATIENCE)) as base:
            for key in keys:
                row = base.execute("select rows, sum from frames where clip = ?", [key]).fetchone()
                # Damage may be anywhere in the file.
                if row and _sum(key, row[0]) == row[1]:
                    found[key] = np.frombuffer(row[0], np.float32).reshape(-1, numbers).copy()
    except (sqlite3.Error, TypeError, ValueError):
        pass
    return found


def _sum(key: bytes, content: bytes) -> bytes:
    """Return the checksum of the rows of a clip."""
    return hashlib.sha256(key + content).digest()


def _write(path: Path, fresh: dict[bytes, np.ndarray]) -> None:
    contents = {key: row_TN.tobytes() for key, row_TN in fresh.items()}
    rows = [(key, content, _sum(key, content)) for key, content in contents.items()]
    for _ in range(2):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(path, timeout=PATIENCE)) as base, base:
                base.execute(TABLE)
                base.executemany("insert or replace into frames values (?, ?, ?)", rows)
            return
        except sqlite3.DatabaseError as error:
            # Not a database, or a damaged one: it is made again.
            if isinstance(error, sqlite3.OperationalError):
                return
            path.unlink(missing_ok=True)
        except OSError:
            return
