"""Writing of audio samples: a folder of files, one array, or a single file or pipe."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, cast, get_args

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from ...data.names import Folders, Numbered
from ...data.unequal import padded
from ...errors import UsageError
from ...files import refuse_existing, write_bytes, write_folder
from ...labels import are_named, label_names
from ...report.images import write_array
from ...runs.asked import Asked, TextFile
from ...runs.loading import run_recipe
from ...runs.sampler import Sampler, set_seed
from ...runs.targets import refuse_folder
from ...training.run import Run
from .codec import AudioCodec, audio_codec
from .drawing import joined
from .files import open_recording, write_clip
from .loading import clip_settings
from .preparing import take

SoundFile = Literal["wav", "flac"]
SOUND_FILES: tuple[str, ...] = get_args(SoundFile)
DEFAULT_COUNT = 4
WALK_STEPS = 8
"""Samples per walk."""

SPARE = 8
"""Extra samples that are generated and dropped: products of very few rows round differently from
those of many, and the phase iterations would carry that into the bytes."""

MANIFEST, ARRAY = "manifest.csv", "clips.npy"
OURS = (".wav", ".flac", ".npy")


class Made(NamedTuple):
    """A generated clip, and its class of each attribute: ``3..7`` on a walk."""

    classes: list[str]
    clip_S: Float[np.ndarray, " S"]


def check(asked: Asked) -> None:
    """Refuse an existing target, unless it may be replaced; a folder, if it has only samples.

    Raises:
        UsageError: the target cannot be used.
    """
    out = asked.target
    if _is_single(asked):
        refuse_existing(out, asked.may_replace)
        return
    if out.is_file() or (out.suffix and not out.is_dir()):
        raise UsageError(
            f"--out {out}: clips are written to a folder, and a single one to a file that ends in "
            f"{' or '.join(f'.{form}' for form in SOUND_FILES)}, as --format says"
        )
    refuse_folder(asked, lambda path: path.suffix in OURS or path.name == MANIFEST)


def _is_single(asked: Asked) -> bool:
    """Say whether a single clip is to be written, to a file or to standard output."""
    if asked.piped:
        return True
    ending = asked.target.suffix.lower().removeprefix(".")
    return ending in SOUND_FILES and ending == asked.form and not asked.target.is_dir()


def write(sampler: Sampler, asked: Asked) -> None:
    """Write the requested samples, by label or as walks.

    Raises:
        UsageError: they cannot be written, or not in this format.
        LabelError: the run has no such label.
    """

    codec = audio_codec(sampler.codec)
    alone = _is_single(asked)
    if asked.walk is None:
        count = asked.count or (1 if alone else DEFAULT_COUNT)
        label_NA = _label_rows(sampler, asked.labels, count)
        # Read before a folder is started.
        prefix = _beginning(sampler, asked)
        many, made = len(label_NA), _by_label(sampler, codec, label_NA, asked, prefix)
    else:
        if asked.form == "npy":
            raise UsageError("--format npy is not supported for walks; use wav or flac")
        label_NA, many = None, asked.count or 1
        _ = asked.prompt  # Refused.
        # Checked before a folder is started.
        ends = asked.walk_ends(sampler.labels)
        made = _walks(sampler, codec, *ends, many, asked)
    write_made(made, many, label_NA, sampler, asked)


def write_made(
    made: Iterator[Made],
    many: int,
    label_NA: Int[np.ndarray, "N A"] | None,
    sampler: Sampler,
    asked: Asked,
) -> None:
    """Write clips: a single one to a file, others to a folder.

    Raises:
        UsageError: they are several, and the target is a file.
    """
    codec = audio_codec(sampler.codec)
    if _is_single(asked):
        _write_one(made, many, asked, codec.sample_rate)
    else:
        _write_folder(made, label_NA, sampler, codec, asked)


def _beginning(sampler: Sampler, asked: Asked) -> Tensor | None:
    """Return the steps that all samples begin with, if a beginning is given.

    Raises:
        UsageError: it does not fit.
        DataError: it cannot be read.
    """
    if (path := asked.prompt) is None:
        return None
    data = run_recipe(Run(asked.run)).data
    clips = list(take(open_recording(path, data.max_file_mb), clip_settings(data)).clips)
    if not clips:
        raise UsageError(f"--prompt {path}: longer than data.max_seconds")
    return sampler.beginning(clips[0])


def _label_rows(sampler: Sampler, labels: tuple[str, ...], count: int) -> Int[np.ndarray, "N A"]:
    """Repeat all labels in turn, so that the first samples do not depend on the count."""

    return np.tile(sampler.label_rows(labels or None, 1), (count, 1))


def _by_label(
    sampler: Sampler,
    codec: AudioCodec,
    label_NA: Int[np.ndarray, "N A"],
    asked: Asked,
    prefix: Tensor | None,
) -> Iterator[Made]:

    rows = iter(label_NA)
    made_NA = np.resize(label_NA, (len(label_NA) + SPARE, label_NA.shape[1]))
    for chunk in sampler.stream(
        made_NA, seed=asked.seed, noise_scale=asked.noise_scale, prefix=prefix
    ):
        # Clips come first, because only clips may be left over.
        for clip_S, row_A in zip(codec.present(chunk), rows, strict=False):
            yield Made(label_names(row_A, sampler.labels), clip_S)


def _walks(
    sampler: Sampler,
    codec: AudioCodec,
    start_A: Int[np.ndarray, " A"],
    end_A: Int[np.ndarray, " A"],
    count: int,
    asked: Asked,
) -> Iterator[Made]:
    """Yield each walk as one clip: its samples in sequence, with pauses between them."""

    ends = zip(*(label_names(row, sampler.labels) for row in (start_A, end_A)), strict=True)
    classes = [start if start == end else f"{start}..{end}" for start, end in ends]
    for number in range(count):
        # One seed per walk, so that a walk does not depend on how many there are.
        walk = sampler.interpolate(
            start_A,
            end_A,
            steps=WALK_STEPS,
            seed=set_seed(asked.seed, number),
            noise_scale=asked.noise_scale,
        )
        yield Made(classes, joined(list(codec.present(walk)), codec.sample_rate))


def _write_one(made: Iterator[Made], many: int, asked: Asked, sample_rate: int) -> None:

    if many != 1:
        raise UsageError(
            f"--out {asked.target} writes a single file, but {many} are requested; give one label "
            "of each attribute and use -n 1, or name a folder"
        )
    if asked.piped and sys.stdout.isatty():
        raise UsageError(
            "--out -: audio cannot be written to a terminal; redirect it to a file or a program"
        )
    clip_S = next(made).clip_S
    content = io.BytesIO()
    if asked.form == "npy":
        np.save(content, clip_S[None])
    else:
        write_clip(content, clip_S, sample_rate, form=cast(SoundFile, asked.form))
    if asked.piped:
        sys.stdout.buffer.write(content.getvalue())
    else:
        write_bytes(asked.target, content.getvalue())
    asked.say(f"1 clip, {len(clip_S) / sample_rate:.2f} s")


def _write_folder(
    made: Iterator[Made],
    label_NA: Int[np.ndarray, "N A"] | None,
    sampler: Sampler,
    codec: AudioCodec,
    asked: Asked,
) -> None:
    """Write clips one by one, with a manifest; an existing folder is replaced."""
    rate = codec.sample_rate
    with (
        write_folder(asked.target, replace=True) as draft,
        (draft / MANIFEST).open("w", encoding="utf-8", newline="") as file,
    ):
        manifest = _Manifest(file, sampler.labels, rate, asked)

        def rows() -> Iterator[Float[np.ndarray, "1 S"]]:
            for one in made:
                manifest.add(ARRAY, one)
                yield padded([one.clip_S], codec.samples).nan_to_num(0.0).numpy()

        if label_NA is not None and asked.form == "npy":
            write_array(draft / ARRAY, rows(), label_NA)
        else:
            # Labels that a file name cannot tell apart have names of their own.
            stems, names = Folders("clip", spaces=False), Numbered("clip")
            for one in made:
                stem = stems.of("_".join(one.classes), key=tuple(one.classes))
                path = f"{names.next(stem)}.{asked.form}"
                write_clip(draft / path, one.clip_S, rate, form=cast(SoundFile, asked.form))
                manifest.add(path, one)
    asked.say(f"{manifest.count} clips, {manifest.seconds:.1f} s of audio, seed {asked.seed}")


class _Manifest:
    """A table of the clips: path, labels if there are any, seconds and seed.

    A label of the name of another column takes its place, because no two can have one name.
    """

    def __init__(
        self, file: TextFile, labels: Mapping[str, Sequence[str]], rate: int, asked: Asked
    ) -> None:
        self.count, self.seconds = 0, 0.0
        self._table, self._rate, self._asked = csv.writer(file, lineterminator="\n"), rate, asked
        self._labels = tuple(labels) if are_named(labels) else ()
        header = {name: name for name in ("seconds", "seed")}
        self._write("path", [*map(asked.cell, self._labels)], header)

    def add(self, path: str, one: Made) -> None:
        """Add a row for a clip."""
        length = len(one.clip_S) / self._rate
        classes = [self._asked.cell(name) for name in one.classes[: len(self._labels)]]
        self._write(path, classes, {"seconds": round(length, 6), "seed": self._asked.seed})
        self.count, self.seconds = self.count + 1, self.seconds + length

    def _write(self, path: str, classes: Sequence[str], others: Mapping[str, object]) -> None:
        mine = [value for name, value in others.items() if name not in self._labels]
        self._table.writerow([path, *classes, *mine])
