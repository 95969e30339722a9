"""Where a run is: a folder, a packed file, a name that comes with the package, or the hub."""

from __future__ import annotations

import re
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from ..data.sources import cache_folder
from ..errors import SeqganError
from ..files import file_digest, move_new
from .hub import Place, download, place_of

ENDING = ".seqgen"
"""Of the names of packed runs."""

DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
    ValueError,
)
"""What reading a damaged archive raises."""

MOST_FILES, MOST_BYTES = 100, 1 << 28

MEMBER = re.compile(
    r"run\.json|recipe\.yaml|figures\.json|README\.md|codec/[A-Za-z0-9_-][A-Za-z0-9._-]*"
    r"|checkpoints/step-[0-9]{1,18}/(networks\.safetensors|state\.json|SHA256SUMS)"
)
"""What a packed run may contain."""

NEEDED = ("run.json", "recipe.yaml")


class PackProblem(SeqganError):
    """The error for a file that is no packed run, or a damaged one; it says why."""


def unpack(path: Path) -> Path:
    """Return a folder of the cache with a packed run; it is written once for the same file.

    Raises:
        PackProblem: it is no packed run, or holds what such a file may not hold.
    """
    if not path.is_file():
        raise PackProblem(f"{path}: there is no such file")
    digest = file_digest(path)
    target = cache_folder() / "packed" / f"{path.stem[:60]}-{digest[:12]}"
    if (target / "run.json").is_file():
        return target
    # What is left of one that somebody has begun to remove.
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=target.parent))
    try:
        _extract(path, draft)
        move_new(draft, target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target


def _extract(path: Path, folder: Path) -> None:
    left = MOST_BYTES
    try:
        with zipfile.ZipFile(path) as archive:
            items = archive.infolist()
            _check(path, items)
            contents = {}
            for item in items:
                # What a header announces need not be true.
                with archive.open(item) as packed:
                    contents[item.filename] = packed.read(left + 1)
                left -= len(contents[item.filename])
                if left < 0:
                    raise PackProblem(f"{path} unpacks to more than {MOST_BYTES:,} bytes")
    except DAMAGED as error:
        raise PackProblem(f"{path} is damaged or no packed run ({error})") from error
    for name, content in contents.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)


def _check(path: Path, items: list[zipfile.ZipInfo]) -> None:
    """Refuse members that a packed run does not have, before any is written."""
    names = [item.filename for item in items]
    if len(names) > MOST_FILES or len(set(names)) < len(names):
        raise PackProblem(f"{path} is no packed run: it has too many files, or one of them twice")
    for item in items:
        if item.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise PackProblem(f"{path} is no packed run: it is compressed in another way")
        link = stat.S_ISLNK(item.external_attr >> 16)
        if link or MEMBER.fullmatch(item.filename) is None:
            what = "a symbolic link" if link else "a file that packed runs do not have"
            raise PackProblem(f"{path} is no packed run: it holds {what}: {item.filename[:80]!r}")
    weights = [name for name in names if name.endswith("networks.safetensors")]
    if absent := [name for name in NEEDED if name not in names]:
        raise PackProblem(f"{path} is no packed run: it has no {absent[0]}")
    if len(weights) != 1:
        raise PackProblem(f"{path} is no packed run: it has {len(weights)} files of weights")


# -- runs by name -------------------------------------------------------------------------------


def packaged() -> dict[str, Path]:
    """Return the packed runs that come with the package, by name."""
    folder = Path(__file__).parents[1] / "pretrained"
    return {path.stem: path for path in sorted(folder.glob(f"*{ENDING}"))}


def find(given: str | Path) -> tuple[Path, str]:
    """Return the folder of a run, and in words which one was taken if that was a choice.

    Args:
        given: a folder; a packed run; a place on the Hugging Face hub (``hf://user/name``); or a
            name, of a run in ``runs`` or else one that comes with the package.

    Raises:
        PackProblem: a packed run cannot be read.
        HubProblem: the hub does not have it, or cannot be reached.
    """
    if (place := place_of(given)) is not None:
        fetched, which = download(place, partial(_shared, place))
        return unpack(fetched), which
    path = Path(given)
    if path.suffix == ENDING and not path.is_dir():
        return unpack(path), ""
    if len(path.parts) != 1 or (path / "run.json").exists():
        return path, ""
    own, known = Path("runs") / path, packaged()
    if (own / "run.json").is_file():
        return own, f"{given}: the run in {own}"
    if path.name in known:
        return unpack(known[path.name]), f"{given}: the trained run that comes with seqgan_kit"
    return path, ""


def _shared(place: Place, sizes: Mapping[str, int]) -> str:
    """Return the name of the packed run among the files of a repository.

    Raises:
        PackProblem: there is none, or several, or one that is too large.
    """
    found = sorted(name for name in sizes if name.endswith(ENDING))
    names = ", ".join(found[:8])
    if not found:
        raise PackProblem(f"{place}: the repository has no packed run (a file NAME{ENDING})")
    if place.file is None and len(found) > 1:
        raise PackProblem(f"{place}: name one of its packed runs behind it: /{names}")
    chosen = place.file or found[0]
    if chosen not in found:
        raise PackProblem(f"{place}: there is no such packed run, the repository has {names}")
    if sizes[chosen] > MOST_BYTES:
        raise PackProblem(
            f"{place}: {chosen} has {sizes[chosen]:,} bytes, packed runs at most {MOST_BYTES:,}"
        )
    return chosen


def is_packed(path: Path) -> bool:
    """Whether a folder is that of a packed run, in the cache."""
    return path.parent == cache_folder() / "packed"


def is_run(given: str | Path) -> bool:
    """Whether a word of a command line names a run of the user's, or a file that may be one.

    A name that comes with the package is that of a recipe, too.
    """
    path = Path(given)
    if path.is_dir() or path.suffix == ENDING or place_of(given) is not None:
        return True
    return (Path("runs") / path / "run.json").is_file()
