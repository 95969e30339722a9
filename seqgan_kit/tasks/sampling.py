"""Many samples in shards, each of which depends on the seed and its number alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import accumulate, tee
from pathlib import Path
from typing import Any

from ..data import shards
from ..data.shards import PARQUET, Shard, Shards
from ..errors import NotSupported, UsageError
from ..files import LOCK, clear_drafts, file_digest, sole, write_file
from ..kind import Kind
from ..runs.loading import load
from ..runs.sampler import Sampler, set_seed
from ..runs.samples import Made
from ..runs.steering import Steering
from ..runs.watch import Watch
from ..training.log import Report
from .task import Executor, Stopped, Task

MOST_SHARDS = 100_000

SAVE_EVERY = 5.0
"""Seconds between two versions of the manifest."""


@dataclass(frozen=True)
class Wanted:
    """Samples that are wanted, as JSON values.

    Attributes:
        run: the run: an absolute path, or what names it elsewhere (``hf://user/name``).
        checkpoint: a step, the best or the newest if ``None``.
        weights: SHA-256 of the generator's weights.
        count: of all samples.
        shards: how many shards they fill.
        labels: what labels are restricted to; the others as often as in the training part.
        seed: of all samples.
        steering: how they are steered.
        options: values of the kind's options.
    """

    run: str
    checkpoint: str | None
    weights: str
    count: int
    shards: int
    labels: Sequence[str] = ()
    seed: int = 0
    steering: Mapping[str, Any] = field(default_factory=lambda: asdict(Steering()))
    options: Mapping[str, Any] = field(default_factory=dict)

    def sizes(self) -> list[tuple[int, int]]:
        """Return for each shard the number of its first sample, and its count.

        >>> Wanted("run", None, "", count=10, shards=4).sizes()
        [(0, 3), (3, 3), (6, 2), (8, 2)]
        """
        each, rest = divmod(self.count, self.shards)
        counts = [each + (number < rest) for number in range(self.shards)]
        return list(zip(accumulate(counts, initial=0), counts, strict=False))

    def request(self) -> dict[str, Any]:
        """Return what the content of the shards depends on, and the name of the run."""
        return {**asdict(self), "labels": list(self.labels), "run": Path(self.run).name}

    def sampler(self, device: str) -> Sampler:
        """Load the run."""
        found = load(self.run, checkpoint=self.checkpoint, device=device)
        steering = Steering(**self.steering)
        return found if steering.plain else found.steered(steering)


def write_shards(
    wanted: Wanted,
    kind: Kind,
    folder: Path,
    executor: Executor,
    *,
    device: str = "auto",
    force: bool = False,
    say: Callable[[str], None] = lambda line: None,
) -> Shards:
    """Write samples into shards; those that are finished already are kept.

    Args:
        wanted: the samples.
        kind: what the run writes.
        folder: where they go; all workers see it.
        executor: where they are drawn.
        device: where each worker samples.
        force: replace shards of other samples.
        say: told notes for the user.

    Returns:
        The manifest.

    Raises:
        UsageError: the folder has something else, or another process is writing into it.
        Stopped: the user stopped it.
        NotSupported: the kind has no shards.
    """
    if not kind.sharded:
        raise NotSupported(f"--shards is not supported for {kind.name}")
    if kind.sharded == PARQUET:
        shards.arrow()
    if not 1 <= wanted.shards <= min(wanted.count, MOST_SHARDS):
        raise UsageError(
            f"--shards {wanted.shards}: expected 1 to {min(wanted.count, MOST_SHARDS):,}, for "
            f"{wanted.count:,} samples"
        )
    found = _begun(wanted, kind, folder, force)
    with sole(folder):
        clear_drafts(folder)
        if force:
            for path in folder.glob("shard-*"):
                path.unlink()
        found.write(folder)
        tasks = []
        for number, (first, count) in enumerate(wanted.sizes()):
            name = _name(kind, number, wanted.shards)
            path = folder / name
            if not path.is_file():
                found.shards.pop(name, None)
            elif name in found.shards:
                continue
            given = {
                **asdict(wanted),
                "path": str(path.absolute()),
                "number": number,
                "first": first,
                "size": count,
                "device": device,
            }
            tasks.append(
                Task(f"shard {number + 1} of {wanted.shards}", draw, given, device, count)
            )
        if kept := wanted.shards - len(tasks):
            say(f"{kept} of {wanted.shards} shards are there already")
        saved = time.monotonic()
        try:
            for _, record in executor.run(tasks, folder):
                if record is None:
                    continue
                shard = Shard(**{**record, "columns": tuple(record["columns"])})
                found.shards[shard.file] = shard
                if time.monotonic() - saved >= SAVE_EVERY:
                    found.write(folder)
                    saved = time.monotonic()
        finally:
            found.write(folder)
    if not found.whole:
        raise Stopped(
            f"stopped with {len(found.shards)} of {wanted.shards} shards; the same command goes on"
        )
    return found


def _name(kind: Kind, number: int, shards: int) -> str:
    ending = PARQUET if kind.sharded == PARQUET else "tar"
    return f"shard-{number:05d}-of-{shards:05d}.{ending}"


def _begun(wanted: Wanted, kind: Kind, folder: Path, force: bool) -> Shards:
    """Return the manifest that a folder has of these samples, or a new one.

    Raises:
        UsageError: the folder is a file, or has something else.
    """
    fresh = Shards(kind.sharded, wanted.count, wanted.request())
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--out {folder} is a file: shards need a folder")
    inside = sorted(folder.iterdir()) if folder.is_dir() else []
    others = [path for path in inside if not _ours(path)]
    if others:
        raise UsageError(
            f"{folder} contains more than shards ({others[0].name}); use another --out"
        )
    if not shards.has_shards(folder):
        if any(path.name.startswith("shard-") for path in inside) and not force:
            raise UsageError(
                f"{folder} has shards without a manifest; use --force or another --out"
            )
        return fresh
    if force:
        return fresh
    found = shards.read_shards(folder)
    if found.form != kind.sharded or found.request != fresh.request:
        differs = sorted(
            key
            for key in fresh.request.keys() | found.request.keys()
            if fresh.request.get(key) != found.request.get(key)
        )
        raise UsageError(
            f"{folder} has shards of other samples ({', '.join(differs) or 'form'} differ); use "
            "--force or another --out"
        )
    return found


def _ours(path: Path) -> bool:
    return path.name in (shards.MANIFEST, LOCK) or path.name.startswith((".", "shard-"))


class _Stop(Exception):
    """Leaves a shard unfinished."""


def draw(given: Mapping[str, Any], watch: Watch) -> dict[str, Any] | None:
    """Draw a shard: the work of a task; return its record, or ``None`` if it was stopped."""
    wanted = Wanted(**{name: given[name] for name in Wanted.__dataclass_fields__})
    path, first, count = Path(given["path"]), given["first"], given["size"]
    seed = set_seed(wanted.seed, given["number"])
    sampler = wanted.sampler(given["device"])
    kind = sampler.kind
    assert kind is not None, "a sampler that was loaded knows its kind"
    columns: Sequence[str] = ()
    # A shard that is there was finished by a worker that was lost right after.
    if not path.is_file():
        chunks = _chunks(sampler, kind, wanted, seed, count, watch)
        with suppress(_Stop), write_file(path) as draft:
            columns = _write(draft, chunks, kind, first)
        if not path.is_file():
            return None
    else:
        columns = shards.columns_of(path, kind.sharded)
    return {
        "file": path.name,
        "first": first,
        "count": count,
        "seed": seed,
        "columns": list(columns),
        "sha256": file_digest(path),
    }


def _chunks(
    sampler: Sampler, kind: Kind, wanted: Wanted, seed: int, count: int, watch: Watch
) -> Iterator[Made]:
    """Yield the samples of a shard in chunks, so that memory does not depend on their number."""
    # Each chunk of labels is needed twice: to draw with, and beside what was drawn.
    labels, again = tee(sampler.label_stream(list(wanted.labels) or None, count, seed=seed))
    options = kind.drawing(wanted.options)
    done, began = 0, time.monotonic()
    for decoded, label_BA in zip(sampler.stream(labels, seed=seed, **options), again, strict=True):
        yield Made(sampler, decoded, label_BA, seed)
        done += len(decoded)
        seconds = time.monotonic() - began
        left = seconds / done * (count - done)
        watch.report(Report(done, done / count, seconds, left, done / max(seconds, 1e-9), {}))
        if watch.should_stop() and done < count:
            raise _Stop


def _write(path: Path, chunks: Iterator[Made], kind: Kind, first: int) -> Sequence[str]:
    if kind.sharded == PARQUET:

        def rows() -> Iterator[Any]:
            at = first
            for samples in chunks:
                yield kind.shard(samples, at)
                at += len(samples.label_NA)

        return shards.write_parquet(path, rows())
    files = ((kind.shard(samples, first), samples.named()) for samples in chunks)
    return shards.write_tar(path, files, ending=kind.sharded, first=first)  # type: ignore[arg-type]
