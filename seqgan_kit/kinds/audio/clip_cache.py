"""Prepared clips in the cache: read, resampled and trimmed once."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
from filelock import FileLock

from ...data.dataset import DataError
from ...data.sources import cache_folder
from ...files import FileProblem, read_json, write_folder, write_json
from .clips import Clips

LeftOut = dict[int, str]
"""Why clips are left out, by their place among all."""

TOO_LONG = "too long"
"""The reason of those that are longer than the settings allow."""


def cached_clips(
    key: Mapping[str, object], make: Callable[[], Iterable[np.ndarray | str]], *, name: str
) -> tuple[Clips, LeftOut]:
    """Clips of this key, made if the cache does not have them, in a memory-mapped file.

    Args:
        key: all that the clips depend on, as JSON values.
        make: gives one after the other each clip, or the reason why it is left out; called where
            they are not there, or damaged.
        name: what the data set is called, the first part of the folder's name.

    Raises:
        DataError: the cache cannot be written, or there are no clips.
    """
    key = json.loads(json.dumps(key))
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
    folder = cache_folder() / "clips" / f"{name}-{digest}"
    # A complete cache may be read-only: it is used before anything is written.
    if (ready := _load(folder, key)) is not None:
        return ready
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / f"{folder.name}.lock"):
            found = _load(folder, key)
            if found is None:
                with write_folder(folder, replace=True) as draft:
                    _write(draft, key, make(), name)
                found = _load(folder, key)
    except OSError as error:
        raise DataError(
            f"the cache folder {folder.parent} cannot be written ({error.strerror or error}): "
            "set the environment variable SEQGAN_CACHE to a folder that can"
        ) from error
    assert found is not None, "what was just written can be read"
    return found


def _write(
    draft: Path, key: Mapping[str, object], made: Iterable[np.ndarray | str], name: str
) -> None:
    lengths, left, digest = array("q"), {}, hashlib.sha256()
    with (draft / "samples.f32").open("wb") as file:
        # Written as they come: a data set need not fit in memory.
        for number, clip in enumerate(made):
            if isinstance(clip, str):
                left[str(number)] = clip
                continue
            content = np.ascontiguousarray(clip, np.float32).tobytes()
            file.write(content)
            digest.update(content)
            lengths.append(len(clip))
    if not lengths:
        why = f" ({next(iter(left.values()))})" if left else ""
        raise DataError(f"{name} has no clips that can be used{why}")
    index = {"lengths": list(lengths), "left_out": left, "sha256": digest.hexdigest()}
    write_json(draft / "index.json", {"key": key, **index})


def _load(folder: Path, key: Mapping[str, object]) -> tuple[Clips, LeftOut] | None:
    """What a folder of the cache holds; ``None`` where it is absent, damaged or another."""
    try:
        index = read_json(folder / "index.json")
        if index["key"] != key:
            return None
        start_N = np.concatenate([[0], np.cumsum(np.array(index["lengths"], np.int64))])
        with (folder / "samples.f32").open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != index["sha256"]:
                return None
        samples = np.memmap(folder / "samples.f32", dtype=np.float32, mode="r")
        left = {int(number): str(reason) for number, reason in index["left_out"].items()}
        return Clips(samples, start_N), left
    except (OSError, FileProblem, AttributeError, KeyError, TypeError, ValueError):
        return None
