"""Cache of prepared clips: read, resampled and trimmed once."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
from filelock import FileLock

from ...data.dataset import DataError, NoItems
from ...data.sources import cache_folder
from ...files import read_json, write_folder, write_json
from .clips import Clips
from .preparing import Facts, Taken

TOO_LONG = "too long"
"""The reason for recordings that are longer than the settings allow; caches contain this text."""

FORMAT = 2
"""Of the index; the first had no facts."""


class CachedClips(NamedTuple):
    """All clips in the order of their recordings, and what was done to those.

    Attributes:
        clips: the clips of all recordings that are used.
        facts: what was done to each of them, by index.
        left_out: why the others are left out, by index.
    """

    clips: Clips
    facts: dict[int, Facts]
    left_out: dict[int, str]


def cached_clips(
    key: Mapping[str, object],
    make: Callable[[], Iterable[Taken | str]],
    *,
    count: int,
    name: str,
) -> CachedClips:
    """Return the memory-mapped clips of a key, made first if the cache does not have them.

    Args:
        key: everything the clips depend on, as JSON values.
        make: yields the clips of each recording, or the reason why it is left out; called only if
            the cached clips are missing or damaged.
        count: how many recordings there are, those that are left out included.
        name: name of the data set, the first part of the folder name.

    Raises:
        DataError: the cache cannot be written, or no clip can be used.
    """
    key = json.loads(json.dumps({**key, "format": FORMAT}))
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
    folder = cache_folder() / "clips" / f"{name}-{digest}"
    # Tried before anything is written, because a complete cache may be read-only.
    if (ready := _load(folder, key, count)) is not None:
        return ready
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / f"{folder.name}.lock"):
            found = _load(folder, key, count)
            if found is None:
                with write_folder(folder, replace=True) as draft:
                    _write(draft, key, make(), name)
                found = _load(folder, key, count)
    except OSError as error:
        raise DataError(
            f"the cache folder {folder.parent} cannot be written ({error.strerror or error}): "
            "set the environment variable SEQGAN_CACHE to a writable folder"
        ) from error
    assert found is not None, "what was just written can be read"
    return found


def _write(draft: Path, key: Mapping[str, object], made: Iterable[Taken | str], name: str) -> None:
    lengths, facts, left, digest = array("q"), {}, {}, hashlib.sha256()
    with (draft / "samples.f32").open("wb") as file:
        for number, taken in enumerate(made):
            if isinstance(taken, str):
                left[str(number)] = taken
                continue
            facts[str(number)] = asdict(taken.facts)
            # Written one by one, because a data set may not fit in memory.
            for clip in taken.clips:
                content = np.ascontiguousarray(clip, np.float32).tobytes()
                file.write(content)
                digest.update(content)
                lengths.append(len(clip))
    if not lengths:
        why = f" ({next(iter(left.values()))})" if left else ""
        raise NoItems(f"{name} has no usable clips{why}")
    index = {
        "lengths": list(lengths), "facts": facts, "left_out": left, "sha256": digest.hexdigest()
    }  # fmt: skip
    write_json(draft / "index.json", {"key": key, **index, "index_sha256": _sum(index)})


def _sum(index: Mapping[str, object]) -> str:
    """Return the checksum of what an index says, apart from its key."""
    said = [index["lengths"], index["facts"], index["left_out"], index["sha256"]]
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _load(folder: Path, key: Mapping[str, object], count: int) -> CachedClips | None:
    """Load the clips of a cache folder; ``None`` if it is absent, damaged or of another key."""
    try:
        index = read_json(folder / "index.json")
        if index["key"] != key or index["index_sha256"] != _sum(index):
            return None
        start_N = np.concatenate([[0], np.cumsum(np.array(index["lengths"], np.int64))])
        with (folder / "samples.f32").open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != index["sha256"]:
                return None
        samples = np.memmap(folder / "samples.f32", dtype=np.float32, mode="r")
        left = {int(number): str(reason) for number, reason in index["left_out"].items()}
        facts = {int(number): Facts(**one) for number, one in index["facts"].items()}
        whole = sorted([*facts, *left]) == [*range(count)]
        clips = sum(one.clips for one in facts.values())
        if not whole or clips != len(start_N) - 1 or start_N[-1] != len(samples):
            return None
        return CachedClips(Clips(samples, start_N), facts, left)
    except Exception:  # Whatever a damaged index leads to: the clips are made again.
        return None
