"""Files that are whole or absent, and nothing that is executed when it is read."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from .errors import SeqganError, UsageError, printable


class FileProblem(SeqganError, ValueError):
    """A file that cannot be read or written; the message says which, why and what to do."""


def refuse_existing(path: Path, replace: bool, option: str = "--out") -> None:
    """Refuse to overwrite a file.

    Raises:
        UsageError: it exists, and may not be replaced.
    """
    if path.exists() and not replace:
        raise UsageError(f"{path} exists and is not overwritten; use --force or another {option}")


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
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(handle)
    draft = Path(name)
    try:
        yield draft
        # mkstemp makes private files; a result is as readable as any other new file.
        umask = os.umask(0)
        os.umask(umask)
        draft.chmod(0o666 & ~umask)
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
    if path.exists() and not replace:
        raise FileExistsError(f"{path} exists")
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    old: Path | None = None
    try:
        yield draft
        umask = os.umask(0)
        os.umask(umask)
        draft.chmod(0o777 & ~umask)
        for written in draft.rglob("*"):
            _flush(written)
        if path.exists():
            old = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.")) / "old"
            path.replace(old)
        draft.replace(path)
        _flush(path.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        if old is not None:
            shutil.rmtree(old.parent, ignore_errors=True)


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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


def same_shapes(tensors: Mapping[str, Tensor], module: torch.nn.Module) -> str | None:
    """What keeps these tensors from being the module's weights, in words; ``None`` if nothing."""
    expected = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            return (
                f"{name} has the shape {found.get(name, 'missing')}, "
                f"the recipe makes {expected.get(name, 'no such tensor')}"
            )
    return None
