"""Well-known small labelled images: MNIST, Fashion-MNIST and scikit-learn's digits."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from ...data.dataset import PARTS, DataError, Dataset, Part, PartName, fingerprint, held_out
from ...data.reading import read_bytes
from ...data.sources import Progress, locate
from .sources import SOURCES, TEST_IMAGES, TEST_LABELS, TRAINING_IMAGES, TRAINING_LABELS

DIGITS = tuple("0123456789")
GARMENTS = (
    *("T-shirt", "trouser", "pullover", "dress", "coat"),
    *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
)
LABELS: dict[str, tuple[str, tuple[str, ...]]] = {
    "mnist": ("digit", DIGITS),
    "fashion_mnist": ("garment", GARMENTS),
}
DIGITS_TEST_SHARE = 0.2

IDX_BYTES = b"\x00\x00\x08"


def read_idx(path: Path) -> np.ndarray:
    """Read an unpacked IDX file of bytes with 1 dimension (labels) or 3 (images).

    The file is 00 00 08, the number of dimensions, the size of each as a big-endian 32-bit
    number, and the values.

    Raises:
        DataError: it is missing, not an IDX file, too short or too long.
    """
    content = read_bytes(path)
    if len(content) >= 4 and content[:3] != IDX_BYTES:
        raise DataError(
            f"{path} is not an IDX file of bytes: it starts with {content[:4].hex(' ')}; "
            "expected 00 00 08 and the number of dimensions"
        )
    dimensions = content[3] if len(content) >= 4 else 0
    start = 4 + 4 * dimensions
    if len(content) < max(start, 8):
        raise DataError(
            f"{path} is truncated: {len(content)} bytes are too few for the IDX header"
        )
    if dimensions not in (1, 3):
        raise DataError(f"{path} has {dimensions} dimensions, expected 1 or 3")
    shape = np.frombuffer(content, ">u4", dimensions, offset=4).tolist()
    expected, found = math.prod(shape), len(content) - start
    if found < expected:
        raise DataError(f"{path} is truncated: it holds {found} of {expected} values")
    if found > expected:
        raise DataError(f"{path} has {found - expected} bytes after its {expected} values")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape).copy()


def mnist_like(
    name: Literal["mnist", "fashion_mnist"],
    root: Path | None,
    validation: float,
    seed: int,
    progress: Progress | None,
    cache: Path | None = None,
) -> Dataset:
    """Load MNIST or Fashion-MNIST, images ``[N, 28, 28, 1]`` of bytes.

    Args:
        name: which of the two.
        root: a local folder with the files, or ``None`` for the cache or a download.
        validation: share of the training images that is held out of training.
        seed: seed of that split.
        progress: called during downloads.
        cache: folder for downloaded files.

    Raises:
        DataError: the files are not available, or images and labels do not match.
    """
    folder = locate(SOURCES[name], root=root, cache=cache, progress=progress)
    image_NHWC, label_NA = _read_pair(folder / TRAINING_IMAGES, folder / TRAINING_LABELS)
    training, cut = held_out(label_NA, [validation], seed)
    attribute, names = LABELS[name]
    return Dataset(
        name=name,
        parts={
            "training": Part(image_NHWC[training], label_NA[training]),
            "validation": Part(image_NHWC[cut], label_NA[cut]),
            "test": Part(*_read_pair(folder / TEST_IMAGES, folder / TEST_LABELS)),
        },
        labels={attribute: names},
        fingerprint=fingerprint(name, *SOURCES[name].files.values(), validation, seed),
    )


def _read_pair(images: Path, labels: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read images ``[N, H, W, 1]`` and their labels ``[N, 1]``."""
    image_NHW, label_N = read_idx(images), read_idx(labels)
    if image_NHW.ndim != 3 or label_N.ndim != 1 or len(image_NHW) != len(label_N):
        raise DataError(
            f"{images} and {labels} do not match: "
            f"their shapes are {image_NHW.shape} and {label_N.shape}"
        )
    return image_NHW[..., None], label_N[:, None].astype(np.int64)


def sklearn_digits(validation: float, seed: int) -> Dataset:
    """Load the 1,797 digits of scikit-learn, images ``[N, 8, 8, 1]`` of bytes.

    Args:
        validation: share of all images for validation; a fifth is the test part.
        seed: seed of the split into parts.
    """
    from sklearn.datasets import load_digits

    loaded = load_digits()
    image_NHWC = np.rint(loaded.images[..., None] * (255 / 16)).astype(np.uint8)
    label_NA = loaded.target[:, None].astype(np.int64)
    training, cut, test = held_out(label_NA, [validation, DIGITS_TEST_SHARE], seed)
    parts: dict[PartName, np.ndarray] = {"training": training, "validation": cut, "test": test}
    content = hashlib.sha256(image_NHWC.tobytes() + label_NA.tobytes()).hexdigest()
    return Dataset(
        name="digits",
        parts={part: Part(image_NHWC[index], label_NA[index]) for part, index in parts.items()},
        labels={"digit": DIGITS},
        fingerprint=fingerprint("digits", content, validation, seed),
    )


def binarized(dataset: Dataset, seed: int) -> Dataset:
    """Return the images with each byte drawn once as 0 or 255, the latter with chance byte/255.

    Args:
        dataset: images of bytes.
        seed: seed of the draw; the same seed gives the same images.

    References:
        Salakhutdinov & Murray 2008, *On the Quantitative Analysis of Deep Belief Networks*.
    """
    generator = np.random.default_rng(seed)
    parts = {}
    for name in PARTS:
        part = dataset.parts[name]
        chance = part.items[: len(part)].astype(np.float32) / 255
        drawn = generator.random(chance.shape, np.float32) < chance
        parts[name] = Part(drawn.astype(np.uint8) * np.uint8(255), part.label_NA)
    return replace(
        dataset, parts=parts, fingerprint=fingerprint(dataset.fingerprint, "binarized", seed)
    )
