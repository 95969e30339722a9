"""Images in memory: to train on, and samples to save and show."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ...data.dataset import DataError
from ...data.manifests import MANIFEST, write_manifest
from ...report.images import ImagePanel, panel, picture, to_bytes
from ...runs.asked import Asked
from ...runs.samples import Made
from .writing import by_label, write_made

SHOWN = 80
"""Images of a gallery."""


def keep(data: Any, labels: Mapping[str, Sequence[Any]], folder: Path) -> Mapping[str, Any]:
    """Write images as pictures with a manifest; see :meth:`~seqgan_kit.kind.Kind.keep`.

    Args:
        data: bytes, or values from 0 to 1, ``[N, height, width]`` or with colours last.
        labels: the class of each image, by attribute.
        folder: where they go.

    Raises:
        DataError: it is no such array.
    """
    images = np.asarray(data)
    colour = images.ndim == 4 and images.shape[-1] == 3
    if not (images.ndim == 3 or colour) or not images.size:
        raise DataError(
            f"images of the shape {list(images.shape)}: expected [count, height, width], or "
            "[count, height, width, 3]"
        )
    if images.dtype != np.uint8:
        if not np.isfinite(images).all() or images.min() < 0 or images.max() > 1:
            raise DataError("images have bytes, or values from 0 to 1")
        images = to_bytes(images)
    names = [f"{number:07d}.png" for number in range(len(images))]
    for name, pixels in zip(names, images, strict=True):
        Image.fromarray(pixels).save(folder / name)
    write_manifest(folder / MANIFEST, names, labels)
    return {
        "source": "folder",
        "root": str(folder / MANIFEST),
        "size": [int(size) for size in images.shape[1:3]],
        "colour": "rgb" if colour else "grey",
    }


def save(samples: Made, asked: Asked) -> None:
    """Write samples; see :meth:`~seqgan_kit.kind.Kind.write_made`."""
    write_made([samples.decoded], samples.label_NA, samples.sampler, asked)


def contents(samples: Made) -> list[bytes]:
    """Return samples as the contents of PNG files; see :meth:`~seqgan_kit.kind.Kind.shard`."""
    found = []
    for image in samples.decoded.numpy():
        content = io.BytesIO()
        picture(image).save(content, "PNG")
        found.append(content.getvalue())
    return found


def gallery(samples: Made) -> ImagePanel:
    """Draw samples in rows by label; see :meth:`~seqgan_kit.kind.Kind.gallery`."""
    some = samples.part(slice(SHOWN))
    picture = by_label(some.decoded, some.label_NA, some.sampler.labels)
    return panel(picture, f"{len(some.label_NA)} samples in rows by label")
