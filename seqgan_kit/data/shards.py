"""Shards: many samples in files of one form, with a manifest.

Values and text are Parquet. Pictures and sound are tar files in the form of WebDataset (Aizman et
al. 2019): each sample is the neighbouring members of one name, here the file and a ``.json`` with
its labels. The same content gives the same bytes.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..files import FileProblem, file_digest, parsing, read_json, write_json
from .dataset import DataError
from .reading import LARGEST_MB

MANIFEST = "manifest.json"
FORMAT = 1
PARQUET = "parquet"
"""The form of values and text; other forms are endings of files in a tar."""

LABELS = ".json"
"""Ending of the members of a tar that have labels."""

Columns = Mapping[str, Sequence[Any]]
"""Some rows of a table, by column."""

Tables = Any
"""The module ``pyarrow``."""


@dataclass(frozen=True)
class Shard:
    """A finished shard.

    Attributes:
        file: its name.
        first: number of its first sample.
        count: of its samples.
        seed: of its noise and labels.
        columns: names of its columns, or of its labels in a tar.
        sha256: of its content.
    """

    file: str
    first: int
    count: int
    seed: int
    columns: tuple[str, ...]
    sha256: str


@dataclass
class Shards:
    """The manifest of a folder of shards.

    Attributes:
        form: ``"parquet"``, or the ending of the files in a tar: ``".png"``.
        count: of all samples.
        request: what they are, as JSON values: the run, its weights, labels, seed and settings.
        shards: the finished ones by name, in their order.
    """

    form: str
    count: int
    request: Mapping[str, Any]
    shards: dict[str, Shard] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether all shards are finished."""
        return sum(one.count for one in self.shards.values()) == self.count

    def write(self, folder: Path) -> None:
        """Write the manifest."""
        shards = [asdict(self.shards[name]) for name in sorted(self.shards)]
        write_json(
            folder / MANIFEST,
            {
                "shards_format": FORMAT,
                "form": self.form,
                "count": self.count,
                "request": self.request,
                "shards": shards,
            },
        )


def has_shards(folder: Path) -> bool:
    """Whether a folder has the manifest of shards."""
    if not (folder / MANIFEST).is_file():
        return False
    try:
        return "shards_format" in read_json(folder / MANIFEST)
    except (FileProblem, TypeError):
        return True  # It says what is wrong with it when it is read.


def read_shards(folder: Path) -> Shards:
    """Read the manifest of a folder.

    Raises:
        DataError: it is damaged, or of a newer version.
    """
    path = folder / MANIFEST
    with parsing(path, "the manifest of shards", DataError):
        read = json.loads(path.read_text(encoding="utf-8"))
        if read["shards_format"] != FORMAT:
            raise DataError(f"{path} has another format version: upgrade seqgan_kit")
        found = Shards(str(read["form"]), int(read["count"]), dict(read["request"]))
        if not re.fullmatch(r"parquet|\.[a-z0-9]{1,8}", found.form):
            raise ValueError("form")
        for one in read["shards"]:
            shard = Shard(**{**one, "columns": tuple(map(str, one["columns"]))})
            if not re.fullmatch(r"[0-9a-f]{64}", shard.sha256):
                raise ValueError(f"sha256 of {shard.file}")
            if Path(shard.file).name != shard.file or not shard.count >= 0 <= shard.first:
                raise ValueError(shard.file)
            found.shards[shard.file] = shard
    return found


def intact_shards(folder: Path) -> tuple[Shards, list[Path]]:
    """Return the manifest of a folder and its shards, after comparing them with their checksums.

    Raises:
        DataError: the folder is unfinished, or a shard is missing, damaged or of other columns.
    """
    found = read_shards(folder)
    if not found.whole:
        done = sum(one.count for one in found.shards.values())
        raise DataError(
            f"{folder} is unfinished: {done:,} of {found.count:,} samples are there; give the "
            "command that began it again"
        )
    shards = [found.shards[name] for name in sorted(found.shards)]
    for shard in shards:
        path = folder / shard.file
        if not path.is_file():
            raise DataError(f"{path} is missing: remove {MANIFEST} to draw all shards again")
        if file_digest(path) != shard.sha256:
            raise DataError(
                f"{path} is damaged: it does not match its checksum in {MANIFEST}; remove it and "
                "give the command that wrote it again"
            )
        if shard.columns != shards[0].columns:
            raise DataError(
                f"{path} has the columns {', '.join(shard.columns)}, and {shards[0].file} has "
                f"{', '.join(shards[0].columns)}: keep shards of one form in a folder"
            )
    return found, [folder / shard.file for shard in shards]


def columns_of(path: Path, form: str) -> tuple[str, ...]:
    """Return the names of the columns of a shard, or of its labels in a tar.

    Raises:
        DataError: it is damaged.
    """
    if form == PARQUET:
        return tuple(_schema(arrow(), path).names)
    _, _, labels = next(read_tar(path, ending=form, max_mb=LARGEST_MB))
    return tuple(labels)


# -- Parquet --------------------------------------------------------------------------------------


def arrow() -> Tables:
    """Return the package pyarrow.

    Raises:
        DataError: it is not installed.
    """
    try:
        # Imported late, because it is an extra.
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise DataError(
            "shards of text and series require the package pyarrow: pip install "
            '"seqgan_kit[tables]"'
        ) from error
    return pyarrow


def write_parquet(path: Path, chunks: Iterable[Columns]) -> tuple[str, ...]:
    """Write chunks of rows, one after the other; return the names of the columns."""
    pa = arrow()
    writer = None
    names: tuple[str, ...] = ()
    try:
        for chunk in chunks:
            table = pa.table(dict(chunk))
            if writer is None:
                names = tuple(table.column_names)
                writer = pa.parquet.ParquetWriter(path, table.schema)
            writer.write_table(table.cast(writer.schema))
    finally:
        if writer is not None:
            writer.close()
    return names


def joined_parquet(paths: Sequence[Path], target: Path) -> None:
    """Write the rows of several files into one, batch by batch.

    Raises:
        DataError: one is damaged, or has other columns.
    """
    pa = arrow()
    schema = _schema(pa, paths[0])
    with pa.parquet.ParquetWriter(target, schema) as writer:
        for path in paths:
            if (own := _schema(pa, path)) != schema:
                raise DataError(
                    f"{path} has the columns {_said(own)}; {paths[0].name} has {_said(schema)}"
                )
            with parsing(path, "a .parquet file", DataError):
                for batch in pa.parquet.ParquetFile(path).iter_batches():
                    writer.write_batch(batch)


def _schema(pa: Tables, path: Path) -> Any:
    with parsing(path, "a .parquet file", DataError):
        return pa.parquet.read_schema(path).remove_metadata()


def _said(schema: Any) -> str:
    return ", ".join(f"{column.name} ({column.type})" for column in schema)


def rows_of(path: Path) -> int:
    """Return the number of rows of a table.

    Raises:
        DataError: it is damaged.
    """
    pa = arrow()
    with parsing(path, "a .parquet file", DataError):
        return int(pa.parquet.read_metadata(path).num_rows)


# -- tar ------------------------------------------------------------------------------------------


def write_tar(
    path: Path, chunks: Iterable[tuple[Sequence[bytes], Columns]], *, ending: str, first: int
) -> tuple[str, ...]:
    """Write files with their labels; return the names of the labels.

    Args:
        path: the tar file.
        chunks: contents of files, and the labels of each by attribute.
        ending: of the names of these files.
        first: number of the first.
    """
    number = first
    names: tuple[str, ...] = ()
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for contents, labels in chunks:
            names = tuple(labels)
            for place, content in enumerate(contents):
                named = {name: values[place] for name, values in labels.items()}
                about = json.dumps(named, ensure_ascii=False).encode()
                for suffix, data in ((ending, content), (LABELS, about)):
                    # Without times and owners, so that the bytes are always the same.
                    member = tarfile.TarInfo(f"{number:012d}{suffix}")
                    member.size = len(data)
                    tar.addfile(member, io.BytesIO(data))
                number += 1
    return names


def read_tar(
    path: Path, *, ending: str, max_mb: int
) -> Iterator[tuple[str, bytes, Mapping[str, str]]]:
    """Yield the name of each file of a tar, its content and its labels.

    Raises:
        DataError: it is damaged, or has other members.
    """
    with parsing(path, "a .tar file", DataError), tarfile.open(path, "r:") as tar:
        waiting: dict[str, bytes] = {}
        for member in tar:
            stem, suffix = Path(member.name).stem, Path(member.name).suffix
            fits = re.fullmatch(r"\d{12}", stem) and suffix in (ending, LABELS)
            if not member.isreg() or member.issparse() or not fits or member.name != stem + suffix:
                raise DataError(
                    f"{path} has {member.name!r}; expected files NUMBER{ending} with their labels "
                    f"in NUMBER{LABELS}"
                )
            if member.size > max_mb * 2**20:
                raise DataError(f"{path}: {member.name} is larger than {max_mb} MB")
            file = tar.extractfile(member)
            content = b"" if file is None else file.read()
            if suffix == ending:
                waiting[stem] = content
                continue
            labels = json.loads(content)
            yield f"{stem}{ending}", waiting.pop(stem), {k: str(v) for k, v in labels.items()}
        if waiting:
            raise DataError(f"{path}: {next(iter(waiting))}{ending} has no labels beside it")
