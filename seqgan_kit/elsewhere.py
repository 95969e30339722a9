"""Samples that were made elsewhere, read so that they can be measured beside our own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .data.audio import read_manifest
from .data.audio_files import EXTENSIONS, prepared, read_sound
from .data.dataset import DataError
from .data.label_folders import natural
from .data.series_files import read_series
from .data.series_items import Columns, complete
from .data.text_files import read_rows
from .measuring import Bench


class SamplesError(ValueError):
    """Samples from elsewhere that cannot be measured; the message says why."""


def read_samples(
    path: Path, labels: Path | None, bench: Bench
) -> tuple[Tensor, np.ndarray | None]:
    """Samples as the bench looks at them, and what they were asked to be.

    Args:
        path: for pictures a ``.npy`` file, for text a ``.txt`` of lines, or a ``.jsonl``, ``.csv``
            or ``.tsv`` whose other columns are the labels; for series a ``.csv``, ``.npz``,
            ``.npy`` or ``.ts``; for sound a folder of files, or a ``.csv`` or ``.jsonl`` manifest
            with a column ``path`` and columns of labels.
        labels: for pictures a ``.npy`` file of class numbers.
        bench: what they are to be measured with.

    Raises:
        SamplesError: they do not fit the data or each other.
    """
    read = READERS.get(bench.codec_kind)
    if read is None:
        raise SamplesError(
            f"{path}: samples of codec.kind {bench.codec_kind!r} from elsewhere cannot be read; "
            f"those of {', '.join(READERS)} can"
        )
    return read(path, labels, bench)


def _text(path: Path, labels: Path | None, bench: Bench) -> tuple[Tensor, np.ndarray | None]:
    if labels is not None:
        raise SamplesError(
            f"--labels {labels}: labels of text are columns of a .jsonl, .csv or .tsv file"
        )
    known = bench.dataset.labels
    named = bench.labelled and path.suffix.lower() != ".txt"
    try:
        rows = read_rows(path, text="text", labels=tuple(known) if named else (), skip=False).rows
    except DataError as error:
        raise SamplesError(str(error).replace("data.unreadable=skip", "an editor")) from error
    items = bench.view.real([row.text for row in rows])
    if not named:
        return items, None
    label_NA = np.zeros((len(rows), len(known)), np.int64)
    for place, row in enumerate(rows):
        label_NA[place] = _class_numbers(row.labels, bench, f"{path}, line {row.line}")
    return items, label_NA


def _class_numbers(names: Sequence[str], bench: Bench, where: str) -> list[int]:
    """Class numbers of the names of one sample's labels."""
    numbers = []
    for name, (attribute, classes) in zip(names, bench.dataset.labels.items(), strict=True):
        if name not in classes:
            raise SamplesError(
                f"{where}: {bench.dataset.name} has no {attribute} {name!r}; it has "
                f"{', '.join(classes)}"
            )
        numbers.append(list(classes).index(name))
    return numbers


def _series(path: Path, labels: Path | None, bench: Bench) -> tuple[Tensor, np.ndarray | None]:
    """Files as :func:`~seqgan_kit.data.series_files.read_series` reads them."""
    if labels is not None:
        raise SamplesError(
            f"--labels {labels}: labels of series are columns of a .csv, arrays of a .npz, or "
            "NAME.labels.npy beside NAME.npy"
        )
    known = tuple(bench.dataset.labels) if bench.labelled else ()
    channels = tuple(bench.dataset.channels)
    by_name = path.suffix.lower() in (".csv", ".npz")
    try:
        found = read_series(path, Columns(labels=known, channels=channels if by_name else ()),
                            whole=False)  # fmt: skip
        series = [complete(one, found.channels, "error") for one in found.series]
        names = [one.label for one in series]
    except DataError as error:
        raise SamplesError(str(error).partition(": fill them with")[0]) from error
    if len(found.channels) != len(channels):
        raise SamplesError(
            f"{path} has {len(found.channels)} channels, and {bench.dataset.name} {len(channels)}"
        )
    items = bench.view.real([one.value_SC.astype(np.float32) for one in series])
    if not known:
        return items, None
    if len(found.attributes) != len(known):
        raise SamplesError(
            f"{path} has labels {', '.join(found.attributes) or 'of no kind'}, and "
            f"{bench.dataset.name} {', '.join(known)}"
        )
    rows = [_class_numbers(row, bench, one.name) for row, one in zip(names, series, strict=True)]
    return items, np.array(rows, np.int64)


def _sound(path: Path, labels: Path | None, bench: Bench) -> tuple[Tensor, np.ndarray | None]:
    """Files as real recordings are read: at the rate, the level and the length of the recipe."""
    if labels is not None:
        raise SamplesError(
            f"--labels {labels}: labels of sound are columns of a manifest, as the manifest.csv "
            "is that `seqgen sample` writes"
        )
    try:
        if path.is_dir():
            inside = [file for file in path.rglob("*") if file.suffix.lower() in EXTENSIONS]
            files = sorted(inside, key=lambda file: natural(str(file)))
            rows = None
        else:
            columns = tuple(bench.dataset.labels) if bench.labelled else ()
            recordings = read_manifest(path, columns)[1]
            files = [one.path for one in recordings]
            rows = [one.labels for one in recordings] if columns else None
        clips = []
        for file in files:
            clip = prepared(*read_sound(file), bench.clip_settings, str(file))
            if clip is None:
                raise DataError(f"{file} is longer than data.max_seconds")
            clips.append(clip)
    except DataError as error:
        raise SamplesError(str(error)) from error
    if not clips:
        raise SamplesError(f"{path} holds no {', '.join(sorted(EXTENSIONS))}")
    items = bench.view.real(clips)
    if rows is None:
        return items, None
    named = zip(rows, files, strict=True)
    return items, np.array(
        [_class_numbers(row, bench, str(file)) for row, file in named], np.int64
    )


def _pictures(path: Path, labels: Path | None, bench: Bench) -> tuple[Tensor, np.ndarray | None]:
    """Arrays ``[N, height, width]`` or with channels last; bytes, or real values from 0 to 1.

    Labels are class numbers, ``[N]`` or ``[N, attributes]``.
    """
    array = _array(path)
    shape = tuple(bench.test.shape[1:])
    if array.shape[1:] == shape[:-1] and shape[-1] == 1:
        array = array[..., None]
    if array.shape[1:] != shape:
        raise SamplesError(
            f"{path} holds samples of shape {list(array.shape[1:])}, and those of "
            f"{bench.dataset.name} have {list(shape)}"
        )
    if array.dtype == np.uint8:
        samples = torch.from_numpy(array).float() / 255
    else:
        samples = torch.from_numpy(array.astype(np.float32))
        low, high = float(samples.amin()), float(samples.amax())
        if not (low >= 0 and high <= 1):
            raise SamplesError(
                f"{path} holds values from {low:.3g} to {high:.3g}; real values are expected "
                "from 0 to 1 and none missing, or bytes"
            )
    if labels is None:
        return samples, None
    label_NA = _array(labels)
    label_NA = label_NA[:, None] if label_NA.ndim == 1 else label_NA
    if len(label_NA) != len(samples):
        raise SamplesError(
            f"{path} holds {len(samples)} samples and {labels} {len(label_NA)} labels"
        )
    classes = bench.dataset.classes
    fits = label_NA.ndim == 2 and label_NA.shape[1] == len(classes)
    if not fits or not np.issubdtype(label_NA.dtype, np.integer):
        raise SamplesError(
            f"{labels} holds {label_NA.dtype} of shape {list(label_NA.shape)}; expected whole "
            f"numbers, {len(classes)} for each sample"
        )
    if (label_NA < 0).any() or (label_NA >= np.array(classes)).any():
        raise SamplesError(
            f"{labels} holds class numbers from {label_NA.min()} to {label_NA.max()}; "
            f"{bench.dataset.name} has {' x '.join(map(str, classes))} classes, counted from 0"
        )
    return samples, label_NA.astype(np.int64)


READERS: Mapping[str, Callable[[Path, Path | None, Bench], tuple[Tensor, np.ndarray | None]]] = {
    "rows": _pictures,
    "image": _pictures,
    "text": _text,
    "series": _series,
    "audio": _sound,
}


def _array(path: Path) -> np.ndarray:
    try:
        array = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise SamplesError(f"{path} is not there") from None
    except (OSError, ValueError, EOFError) as error:
        raise SamplesError(f"{path} is no .npy file that can be read: {error}") from error
    if not isinstance(array, np.ndarray) or array.ndim < 1 or not len(array):
        raise SamplesError(f"{path} holds no array of samples")
    return array
