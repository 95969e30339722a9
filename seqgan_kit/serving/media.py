"""Media types: which ones samples can be had as, which one a request accepts, and the bytes."""

from __future__ import annotations

import io
import mimetypes
import tempfile
import zipfile
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from jinja2 import Template

from ..errors import NotSupported, UsageError
from ..kind import Kind
from ..labels import Words
from ..report.page import template
from ..runs.asked import Asked
from ..runs.samples import Made

JSON, HTML, ZIP = "application/json", "text/html", "application/zip"

ACROSS = 12
"""Samples of one panel."""

KNOWN = {
    "": ZIP,
    ".csv": "text/csv",
    ".flac": "audio/flac",
    ".jsonl": "application/jsonl",
    ".npy": "application/x-npy",
    ".npz": "application/x-npz",
    ".wav": "audio/wav",
}
"""Media types of endings that have none in Python, or one that differs between systems."""


class NotAcceptable(UsageError):
    """The error for a request that accepts nothing that there is."""


def media_type(ending: str) -> str:
    """Return the media type of files with an ending; that of a folder is an archive.

    >>> media_type(".png"), media_type(""), media_type(".unheard")
    ('image/png', 'application/zip', 'application/octet-stream')
    """
    guessed = mimetypes.MimeTypes().types_map[True].get(ending)
    return KNOWN.get(ending) or guessed or "application/octet-stream"


@cache
def media_of(kind: Kind) -> dict[str, str]:
    """Return the media types of a kind of data, the usual one first, and their endings."""
    return {JSON: "", HTML: "", **{media_type(ending): ending for ending in kind.saved_as}}


def chosen(accept: str, offered: Sequence[str]) -> str | None:
    """Return the media type that a header ``Accept`` prefers, as RFC 9110 weighs them.

    >>> chosen("image/*, application/json;q=0.5", ["application/json", "image/png"])
    'image/png'
    """
    best, most = None, 0.0
    for media in offered:
        group = media.partition("/")[0]
        weights: dict[int, float] = {}
        for part in accept.split(",") if accept.strip() else ["*/*"]:
            wanted, *parameters = (piece.strip().lower() for piece in part.split(";"))
            closeness = {media: 2, f"{group}/*": 1, "*/*": 0}.get(wanted)
            if closeness is not None:
                weights[closeness] = _weight(parameters)
        weight = weights[max(weights)] if weights else 0.0
        if weight > most:
            best, most = media, weight
    return best


def _weight(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0


def refuse(kind: Kind) -> NotAcceptable:
    """Return the error for a request that accepts none of a kind's media types."""
    return NotAcceptable(
        f"samples of {kind.name} can be had as {', '.join(media_of(kind))}: name one of them in "
        "the header Accept"
    )


def as_json(made: Made, run: str) -> bytes:
    """Return samples as JSON; see :class:`~seqgan_kit.serving.models.Drawn`."""
    content = {
        "run": run,
        "checkpoint": made.sampler.checkpoint or "",
        "seed": made.seed,
        "labels": made.named(),
        "samples": _plain(made.array),
    }
    return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)


def _plain(array: np.ndarray) -> Any:
    """Return what orjson writes: arrays of numbers as they are, others as lists."""
    if array.dtype.kind in "biuf":
        return np.ascontiguousarray(array)
    return [_plain(one) if isinstance(one, np.ndarray) else one for one in array.tolist()]


def as_html(made: Made, kind: Kind) -> bytes:
    """Return samples as a piece of a page: panels for each label, or each walk."""
    changes = np.flatnonzero((made.label_NA[1:] != made.label_NA[:-1]).any(1)) + 1
    names, rows = made.names if made.named() else [""] * len(made.label_NA), []
    for start, end in pairwise([0, *changes.tolist(), len(names)]):
        panels = []
        for at in range(start, end, ACROSS):
            part = made.part(slice(at, min(at + ACROSS, end)))
            # Its name stands beside the panel, and not in it.
            bare = part.relabelled("label", [""], np.zeros((len(part.label_NA), 1), np.int64))
            panels.append(kind.gallery(bare))
        rows.append((names[start], panels))
    return _fragment().render(rows=rows, sound_scale=1).encode()


@cache
def _fragment() -> Template:
    return template("samples.html", __package__)


def as_file(made: Made, kind: Kind, media: str) -> bytes:
    """Return samples as the bytes of a file that the kind writes, or of a folder as an archive.

    Raises:
        NotAcceptable: these samples do not fit into such a file.
    """
    ending = media_of(kind)[media]
    form = next((one for one in kind.formats if f".{one}" == ending), next(iter(kind.formats), ""))
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / f"samples{ending}"
        run = made.sampler.run or Path()
        asked = Asked(run, Words(), None, made.seed, form, target)
        try:
            kind.check(asked)
            kind.write_made(made, asked)
        except UsageError as error:
            others = ", ".join(one for one in media_of(kind) if one != media)
            raise NotAcceptable(
                f"these {len(made.label_NA):,} samples do not fit into {media}: ask for one "
                f"sample, or accept one of {others}"
            ) from error
        return target.read_bytes() if target.is_file() else _archive(target)


def _archive(folder: Path) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
    return content.getvalue()


def rendered(made: Made, kind: Kind, media: str, run: str) -> bytes:
    """Return samples as a media type.

    Raises:
        NotAcceptable: this kind of data has no such panel, or the samples do not fit.
    """
    if media == JSON:
        return as_json(made, run)
    if media == HTML:
        try:
            return as_html(made, kind)
        except NotSupported as error:
            raise NotAcceptable(str(error)) from error
    return as_file(made, kind, media)
