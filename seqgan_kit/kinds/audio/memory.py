"""Sound in memory: to train on, and samples to save and show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...data.dataset import DataError
from ...data.manifests import MANIFEST, write_manifest
from ...report.players import SoundPanel
from ...runs.asked import Asked
from ...runs.samples import Made as Drawn
from .codec import audio_codec
from .drawing import sound_panel
from .files import encoded, write_clip
from .schema import SoundData
from .writing import Made, write_made

SHOWN = 12
"""Clips of a gallery."""


def keep(
    data: Any, labels: Mapping[str, Sequence[Any]], folder: Path, recipe: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Write clips as 16-bit WAV with a manifest; see :meth:`~seqgan_kit.kind.Kind.keep`.

    Args:
        data: clips from -1 to 1, each an array ``[samples]``, at the recipe's sample rate.
        labels: the class of each, by attribute.
        folder: where they go.
        recipe: whose ``data.sample_rate`` is that of the clips.

    Raises:
        DataError: they are no such arrays.
    """
    clips = [np.asarray(clip, np.float32) for clip in data]
    if not clips or any(clip.ndim != 1 or not clip.size for clip in clips):
        raise DataError("sound in memory is a list of clips, each an array [samples]")
    if any(not np.isfinite(clip).all() or np.abs(clip).max() > 1 for clip in clips):
        raise DataError("clips have values from -1 to 1")
    given = recipe["data"].get("sample_rate")
    rate = int(SoundData.model_fields["sample_rate"].default if given is None else given)
    names = [f"{number:07d}.wav" for number in range(len(clips))]
    for name, clip in zip(names, clips, strict=True):
        write_clip(folder / name, clip, rate)
    write_manifest(folder / MANIFEST, names, labels)
    return {"source": "recordings", "root": str(folder / MANIFEST), "sample_rate": rate}


def save(samples: Drawn, asked: Asked) -> None:
    """Write samples; see :meth:`~seqgan_kit.kind.Kind.write_made`."""
    names = samples.named().values()
    clips = samples.array
    classes = zip(*names, strict=True) if names else ([] for _ in clips)
    made = (Made(list(one), clip) for one, clip in zip(classes, clips, strict=True))
    write_made(made, len(clips), samples.label_NA, samples.sampler, asked)


def contents(samples: Drawn) -> list[bytes]:
    """Return clips as the contents of WAV files; see :meth:`~seqgan_kit.kind.Kind.shard`."""
    rate = audio_codec(samples.sampler.codec).sample_rate
    return [encoded(clip, rate, "wav") for clip in samples.array]


def gallery(samples: Drawn) -> SoundPanel:
    """Return players with spectrograms; see :meth:`~seqgan_kit.kind.Kind.gallery`."""
    some = samples.part(slice(SHOWN))
    return sound_panel(list(some.array), audio_codec(some.sampler.codec).sample_rate, some.names)
