"""Image samples made by other tools."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...data.arrays import read_array
from ...data.dataset import DataError
from ...measuring.bench import Bench
from ...measuring.foreign_samples import SamplesError
from ...measuring.sample_files import sample_files
from .folder import ImageFiles
from .reading import EXTENSIONS, Limits, Look, opened_image, pixels, upright


def read_samples(
    path: Path, labels: Path | None, bench: Bench
) -> tuple[Tensor, np.ndarray | None]:
    """Read arrays, or pictures: a folder of them, a manifest, or one.

    Arrays are ``[N, height, width]`` or with channels last, bytes or values from 0 to 1; their
    labels are class numbers, ``[N]`` or ``[N, attributes]``, in a second file. The labels of
    pictures are in a manifest, or are the names of the folders that they are in.
    """
    if path.is_dir() or path.suffix.lower() in (*EXTENSIONS, ".csv", ".jsonl"):
        return _pictures(path, labels, bench)
    return _arrays(path, labels, bench)


def _pictures(path: Path, labels: Path | None, bench: Bench) -> tuple[Tensor, np.ndarray | None]:
    if labels is not None:
        raise SamplesError(
            f"--labels {labels} is not supported for pictures: put the labels into columns of a "
            "manifest, like the manifest.csv that `seqgen sample` writes, or use one sub-folder "
            "for each label"
        )
    files, label_NA = sample_files(path, EXTENSIONS, "pictures", bench)
    height, width, channels = bench.test.shape[1:]
    look = _look(bench, (height, width), channels)
    samples = np.empty((len(files), height, width, channels), np.uint8)
    for number, file in enumerate(files):
        try:
            samples[number] = _picture(file, look, bench)
        except DataError as error:
            raise SamplesError(str(error)) from error
    return torch.from_numpy(samples).float().div_(255), label_NA


def _look(bench: Bench, size: tuple[int, int], channels: int) -> Look:
    """Return how real images are read, for pictures that have their size already."""
    items = bench.dataset.parts["test"].items
    if isinstance(items, ImageFiles):
        return replace(items.look, fit="stretch")
    limits = Limits(max_mb=bench.recipe.data.max_file_mb)
    return Look(size, "grey" if channels == 1 else "rgb", limits=limits)


def _picture(path: Path, look: Look, bench: Bench) -> np.ndarray:
    with opened_image(path, look.limits) as opened:
        image, size = upright(opened, path, look.edge, look.limits)
    if size != look.size:
        raise SamplesError(
            f"{path} is {size[0]} x {size[1]} (height x width); {bench.dataset.name} needs "
            f"{look.size[0]} x {look.size[1]}"
        )
    return pixels(image, look)


def _arrays(path: Path, labels: Path | None, bench: Bench) -> tuple[Tensor, np.ndarray | None]:
    array = _array(path, bench)
    shape = tuple(bench.test.shape[1:])
    if array.shape[1:] == shape[:-1] and shape[-1] == 1:
        array = array[..., None]
    if array.shape[1:] != shape:
        raise SamplesError(
            f"{path} has samples of shape {list(array.shape[1:])}; {bench.dataset.name} needs "
            f"{list(shape)}"
        )
    if array.dtype == np.uint8:
        samples = torch.from_numpy(array).float().div_(255)
    elif array.dtype.kind not in "biuf":
        raise SamplesError(f"{path} has {array.dtype} values; expected bytes or real values")
    else:
        samples = torch.from_numpy(array.astype(np.float32))
        low, high = float(samples.amin()), float(samples.amax())
        if not (low >= 0 and high <= 1):
            raise SamplesError(
                f"{path} has values from {low:.3g} to {high:.3g}; expected bytes, or real values "
                "from 0 to 1 without NaN"
            )
    if labels is None:
        return samples, None
    label_NA = _array(labels, bench)
    label_NA = label_NA[:, None] if label_NA.ndim == 1 else label_NA
    if len(label_NA) != len(samples):
        raise SamplesError(
            f"{path} has {len(samples)} samples, but {labels} has {len(label_NA)} labels"
        )
    classes = bench.dataset.classes
    fits = label_NA.ndim == 2 and label_NA.shape[1] == len(classes)
    if not fits or not np.issubdtype(label_NA.dtype, np.integer):
        raise SamplesError(
            f"{labels} has {label_NA.dtype} of shape {list(label_NA.shape)}; expected whole "
            f"numbers, {len(classes)} for each sample"
        )
    if (label_NA < 0).any() or (label_NA >= np.array(classes)).any():
        raise SamplesError(
            f"{labels} has class numbers from {label_NA.min()} to {label_NA.max()}; "
            f"{bench.dataset.name} has {' x '.join(map(str, classes))} classes, numbered from 0"
        )
    return samples, label_NA.astype(np.int64)


def _array(path: Path, bench: Bench) -> np.ndarray:
    # Measured as 32-bit numbers.
    array = read_array(path, max_mb=bench.recipe.data.max_file_mb, held=4, error=SamplesError)
    if array.ndim < 1 or not len(array):
        raise SamplesError(f"{path} does not contain an array of samples")
    return array
