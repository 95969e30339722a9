"""Files that are whole or absent, and nothing that is executed when it is read."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from .errors import SeqganError, UsageError, printable

SUMS = "SHA256SUMS"
"""File with the checksums of the others in its folder, as `sha256sum --check` reads it."""


class FileProblem(SeqganError, ValueError):
    """A file that cannot be read or written; the message says which, why and what to do."""


def refuse_existing(path: Path, replace: bool, option: str = "--out") -> None:
    """Refuse to overwrite a file.

    Raises:
        UsageError: it exists, and may not be replaced.
    """
    if path.exists() and not replace:
        raise UsageError(f"{path} exists and is not overwritten; use --force or another {option}")


LOCK = ".lock"
"""Name of the file that :func:`sole` locks."""


@contextmanager
def sole(folder: Path) -> Iterator[None]:
    """Keep other processes from writing into a folder meanwhile; it is created.

    The system holds the lock for this process, and lifts it when the process ends in any way.

    Raises:
        UsageError: another process writes into it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise UsageError(
            f"another process is writing into {folder}: wait until it ends, stop it, or choose "
            "another --out"
        ) from None
    try:
        yield
    finally:
        lock.release()


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def write_file(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; what is written there takes its place at the end.

    The file is flushed to the disk before it is renamed, so that a crash at any moment leaves the
    old file or the new one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=_prefix(path), suffix=path.suffix)
    os.close(handle)
    draft = Path(name)
    try:
        yield draft
        # mkstemp makes private files; a result is as readable as any other new file.
        draft.chmod(0o666 & ~_umask())
        _flush(draft)
        draft.replace(path)
        _flush(path.parent)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def write_folder(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """Give a temporary folder that becomes ``path`` as one at the end.

    Raises:
        FileExistsError: ``path`` exists and ``replace`` is false.
    """
    put_back(path)
    if path.exists() and not replace:
        raise FileExistsError(f"{path} exists")
    draft = draft_folder(path)
    try:
        yield draft
        publish_folder(draft, path, replace=replace)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def draft_folder(path: Path) -> Path:
    """Create a hidden folder beside ``path``, to become ``path`` by :func:`publish_folder`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=path.parent, prefix=_prefix(path)))


def publish_folder(draft: Path, path: Path, *, replace: bool = False) -> None:
    """Flush a folder to the disk and give it its name, by one rename.

    If ``replace`` is true and there is a folder already, the two change places at once where the
    system can do that, and the old one is removed. Elsewhere the old one is moved aside first;
    :func:`put_back` restores it if the process is killed in between.

    Raises:
        FileExistsError: a folder that is not empty, or a file, has the name.
    """
    draft.chmod(0o777 & ~_umask())
    for written in (*draft.rglob("*"), draft):
        _flush(written)
    if replace and path.exists():
        if not _exchange(draft, path):
            aside = _aside(path)
            shutil.rmtree(aside, ignore_errors=True)
            path.replace(aside)
            draft.replace(path)
            draft = aside
        _flush(path.parent)
        shutil.rmtree(draft, ignore_errors=True)
        return
    try:
        draft.replace(path)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise FileExistsError(f"{path} exists") from error
        raise
    _flush(path.parent)


def put_back(path: Path) -> None:
    """Restore a folder that was moved aside by a process that was killed before it went on."""
    aside = _aside(path)
    if aside.is_dir() and not path.exists():
        aside.replace(path)


def drafts_of(path: Path) -> list[Path]:
    """Return the drafts of a path, those of processes that are at work included."""
    beside = path.parent.iterdir() if path.parent.is_dir() else ()
    return [one for one in beside if one.name.startswith(_prefix(path))]


def clear_drafts(folder: Path) -> None:
    """Remove what killed processes left: files and folders that never got their name.

    Nothing else may write into the folder meanwhile.
    """
    for left in folder.glob(".*") if folder.is_dir() else ():
        if DRAFT.fullmatch(left.name):
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)


DRAFT = re.compile(
    # Version 0.1 named drafts after the file alone: ".metrics.jsonl.k3x_0q9a".
    r"\..+\.draft-\w{8}(\.\w+)?|\.(step-\d+|metrics|run|recipe|evaluation)\S*\.\w{8}(\.\w+)?"
    r"|\.step-\d+\.old"
)
"""Names of drafts."""


def _prefix(path: Path) -> str:
    # A long name gets a shorter draft: file systems limit names to 255 bytes.
    return f".{path.name.encode()[:150].decode(errors='ignore')}.draft-"


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.replaced")


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask


def _exchange(one: Path, other: Path) -> bool:
    """Let two paths change places in one step; return whether the system can do that.

    Python has no function for it. Linux has renameat2(2) with RENAME_EXCHANGE, macOS
    renamex_np(2) with RENAME_SWAP.
    """
    if os.name != "posix":
        return False
    library = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(one), os.fsencode(other)
    if hasattr(library, "renameat2"):
        at_cwd, exchange = -100, 2
        failed = library.renameat2(at_cwd, names[0], at_cwd, names[1], exchange)
    elif hasattr(library, "renamex_np"):
        swap = 2
        failed = library.renamex_np(*names, swap)
    else:
        return False
    if not failed:
        return True
    number = ctypes.get_errno()
    # Not known to the system, to the file system, or not for folders of a lower layer.
    if number in (errno.ENOSYS, errno.EINVAL, errno.EXDEV, errno.ENOTSUP):
        return False
    raise OSError(number, os.strerror(number), str(other))


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_sums(folder: Path) -> None:
    """Write the checksums of a folder's files beside them, for :func:`intact`."""
    sums = [f"{file_digest(file)}  {file.name}\n" for file in sorted(folder.iterdir())]
    write_text(folder / SUMS, "".join(sums))


def intact(file: Path) -> Path:
    """Return a file after comparing it with its checksum.

    Folders of version 0.1 have no checksums.

    Raises:
        FileProblem: it is missing, or its content has changed since it was written.
    """
    if not file.is_file():
        raise FileProblem(f"{file} is missing")
    sums = file.with_name(SUMS)
    if not sums.is_file():
        return file
    if f"{file_digest(file)}  {file.name}" not in sums.read_bytes().decode(errors="replace"):
        raise FileProblem(f"{file} is damaged: it does not match its checksum in {SUMS}")
    return file


def write_text(path: Path, text: str) -> None:
    """Write text in UTF-8, whole or not at all."""
    with write_file(path) as draft:
        draft.write_text(text, encoding="utf-8")


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes, whole or not at all."""
    with write_file(path) as draft:
        draft.write_bytes(content)


def write_json(path: Path, value: object) -> None:
    """Write JSON, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


@contextmanager
def parsing(path: Path | str, what: str, error: type[SeqganError] = FileProblem) -> Iterator[None]:
    """Turn whatever a parser raises on damaged content into one sentence.

    Parsers of files from elsewhere raise exceptions of every class on damaged input, so all are
    caught here, except our own and those of the operating system (a missing file, a full disk).

    Args:
        path: the file, for the message.
        what: what it should be: ``"a NumPy array"``.
        error: class of the error that is raised.

    Raises:
        SeqganError: of the class ``error``.
    """
    try:
        yield
    except SeqganError:
        raise
    except Exception as problem:
        if isinstance(problem, OSError) and problem.errno is not None:
            raise
        why = printable(str(problem) or type(problem).__name__).strip()
        why = why if len(why) <= 200 else f"{why[:200]}..."
        raise error(f"{path} is damaged or not {what} ({why})") from problem


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises:
        FileNotFoundError: there is no such file.
        FileProblem: it is not JSON.
    """
    with parsing(path, "JSON"):
        return json.loads(path.read_text(encoding="utf-8"))


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors as safetensors, whole or not at all."""
    with write_file(path) as draft:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, draft)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read safetensors on the host.

    Raises:
        FileNotFoundError: there is no such file.
        FileProblem: it is truncated or something else.
    """
    try:
        return load_file(path)
    except SafetensorError as error:
        raise FileProblem(
            f"{path} is damaged or no safetensors file ({error}); use another checkpoint"
        ) from error


def misfit(tensors: Mapping[str, Tensor], module: torch.nn.Module) -> str | None:
    """What keeps these tensors from being the module's weights, in words; ``None`` if nothing.

    Names, shapes and types must be those of the module, and every value finite.
    """
    expected = module.state_dict()
    for name in sorted(expected.keys() | tensors.keys()):
        found, wanted = tensors.get(name), expected.get(name)
        if found is None or wanted is None or found.shape != wanted.shape:
            return (
                f"{name} has the shape {'missing' if found is None else tuple(found.shape)}, the "
                f"recipe makes {'no such tensor' if wanted is None else tuple(wanted.shape)}"
            )
        if found.dtype != wanted.dtype:
            return f"{name} is of the type {found.dtype}, the recipe makes {wanted.dtype}"
        if found.is_floating_point() and not found.isfinite().all():
            return f"{name} has values that are NaN or infinite"
    return None


def move_new(draft: Path, target: Path) -> None:
    """Move a folder to its place, unless another process has put the same there meanwhile."""
    try:
        draft.rename(target)
    except OSError:
        if not target.is_dir():
            raise
