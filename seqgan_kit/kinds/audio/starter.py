"""A first recipe for a user's own recordings."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...data.dataset import DataError, PartName, cut_into_parts, some
from ...data.label_folders import find_files, found_below, natural
from ...data.manifests import LabelledFile, mostly_lists, read_manifest, rows_like
from ...runs import beginning as shared
from ...runs.asked import Starter, file_name
from ...runs.first_game import real_valued_game
from .datasets import refuse_rare
from .files import EXTENSIONS, open_recording, write_clip
from .survey import survey

SAMPLED = 500
"""Recordings that are opened; of more, this many all over the list."""
HIGHEST_RATE = 16_000
"""Samples a second beyond which clips take longer to learn than they sound better."""
FRAME_SECONDS = 0.032
FRAMES, MOST_STEPS = 2, 128
WINDOW_SECONDS = 2.0
"""Of the windows that long recordings are cut into, about."""
MOST_LOST = 0.1
"""Share of the sound that may be lost where recordings are cut at the end."""
TRIM_DB = 40.0


@dataclass(frozen=True)
class Found:
    """Recordings by part, the names of their labels, and what is not used."""

    parts: Mapping[PartName, Sequence[LabelledFile]]
    attributes: tuple[str, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Sound:
    """What recordings have in common.

    Attributes:
        rate: samples a second of the clips: all recordings have as many.
        rates: those of the recordings, in words.
        length_N: seconds, without the silence at the ends.
        damaged: why files cannot be used, by their paths.
    """

    rate: int
    rates: str
    length_N: np.ndarray
    damaged: Mapping[Path, str]

    @property
    def n_fft(self) -> int:
        """Samples that a frame looks at: a power of two."""
        return int(2 ** max(round(math.log2(FRAME_SECONDS * self.rate)), 4))

    @property
    def bins(self) -> int:
        """Bands: fewer of low rates, so that each holds a frequency."""
        return max(min(self.rate // 200, 40), 4)

    @property
    def max_seconds(self) -> float:
        """Seconds of a window, or what nearly all recordings fit into, in whole steps."""
        usual = min(self.length_N.max(), 1.25 * np.quantile(self.length_N, 0.95))
        return self._in_steps(WINDOW_SECONDS if self.in_windows else usual)

    def _in_steps(self, seconds: float) -> float:
        step = FRAMES * (self.n_fft // 2) / self.rate
        # Rounded up, so that no clip of this length is cut for its last digit.
        return math.ceil(min(math.ceil(seconds / step), MOST_STEPS) * step * 1000) / 1000

    @property
    def in_windows(self) -> bool:
        """Whether recordings are so long that too much of them would be lost if they were cut."""
        within = np.minimum(self.length_N, self._in_steps(self.length_N.max())).sum()
        return bool(within < (1 - MOST_LOST) * self.length_N.sum())

    @property
    def clips(self) -> int:
        """How many clips a usual recording becomes."""
        return max(int(np.median(self.length_N) / self.max_seconds), 1) if self.in_windows else 1

    @property
    def longer(self) -> int:
        """How many recordings are cut at the end."""
        return 0 if self.in_windows else int((self.length_N > self.max_seconds).sum())


def starter(path: Path) -> Starter | None:
    """Propose a recipe for a folder of recordings by label, or for a manifest of recordings.

    Returns ``None`` where the path holds no recordings.

    Raises:
        DataError: the recordings cannot be used.
    """
    found = _folder(path) if path.is_dir() else _manifest(path)
    if found is None:
        return None
    sound = listen([one.path for part in found.parts.values() for one in part])
    labels, label_NA = _labels(path, found, sound)
    training_NA = label_NA["training"]
    share = shared.share_for(len(training_NA))
    shares: dict[PartName, float] = {"validation": share, "test": share}
    cut = cut_into_parts(
        training_NA,
        {part: share for part, share in shares.items() if part not in label_NA},
        seed=0,
        of=f"{path}: {shared.plural(len(training_NA), 'recording')}",
        advice="add some, or a folder for that part",
    )
    name = f"{file_name(path, 'own')}_mel"
    counts = shared.class_counts(np.concatenate([*label_NA.values()]), labels)
    return Starter(
        name,
        _description(path, found, sound, counts if found.attributes else ["no labels"]),
        lambda target: audio_recipe(
            name,
            path,
            found.attributes,
            sound,
            training_NA[cut["training"]].repeat(sound.clips, 0),
            share,
            target,
        ),
    )


def write_tiny(folder: Path) -> Path:
    """Write a folder of short recordings by label: low and high tones."""
    generator = np.random.default_rng(0)
    root = folder / "tones"
    for label, hertz in (("low", 300.0), ("high", 1500.0)):
        (root / label).mkdir(parents=True)
        for number in range(15):
            time_S = np.arange(800 + 40 * number) / 8000
            clip_S = 0.5 * np.sin(2 * np.pi * hertz * generator.uniform(0.9, 1.1) * time_S)
            write_clip(root / label / f"{number:02d}.wav", clip_S.astype(np.float32), 8000)
    return root


def _folder(root: Path) -> Found | None:
    """The recordings of a folder; ``None`` if there are none."""
    if not any(found_below(root, EXTENSIONS)):
        return None
    tree = find_files(root, EXTENSIONS, "recordings")
    parts = {
        part: [
            LabelledFile(p, str(p), (label,)) for label, paths in by_label.items() for p in paths
        ]
        for part, by_label in tree.parts.items()
    }
    return Found(parts, ("label",), notes=tree.notes)


def _manifest(path: Path) -> Found | None:
    """The recordings that a file names; ``None`` if it is no such file."""
    rows = rows_like(path)
    if not mostly_lists(rows, EXTENSIONS):
        return None
    labels, left_out = shared.manifest_labels(path, rows)
    return Found({"training": read_manifest(path, labels, "recordings")[1]}, labels, left_out)


def listen(paths: Sequence[Path]) -> Sound:
    """Open recordings, at most 500, and look how long they are.

    Raises:
        DataError: none can be used.
    """
    rates, seconds, damaged = [], [], {}
    for path in paths[:: -(-len(paths) // SAMPLED)]:
        try:
            recording = open_recording(path)
            begin, end = survey(recording, recording.rate).trimmed(TRIM_DB)
        except DataError as error:
            damaged[path] = str(error)
            continue
        rates.append(recording.rate)
        seconds.append((end - begin) / recording.rate)
    if not rates:
        raise DataError(f"none of the recordings can be used: {next(iter(damaged.values()))}")
    shown = shared.listing([f"{rate:,}" for rate in sorted(set(rates))])
    return Sound(min(*rates, HIGHEST_RATE), shown, np.array(seconds), damaged)


def _labels(
    path: Path, found: Found, sound: Sound
) -> tuple[dict[str, list[str]], dict[PartName, np.ndarray]]:
    """The classes of each attribute, and their numbers ``[N, A]`` by part.

    Raises:
        DataError: a class has no recording to train on and one to hold out.
    """
    usable = {
        part: [one.labels or ("any",) for one in members if one.path not in sound.damaged]
        for part, members in found.parts.items()
    }
    classes: dict[str, list[str]] = {}
    for place, attribute in enumerate(found.attributes or ("label",)):
        every = {labels[place] for members in usable.values() for labels in members}
        classes[attribute] = sorted(every, key=natural)
    label_NA: dict[PartName, np.ndarray] = {}
    for part, members in usable.items():
        numbers = [
            [names.index(name) for name, names in zip(labels, classes.values(), strict=True)]
            for labels in members
        ]
        label_NA[part] = np.array(numbers, np.int64).reshape(len(members), len(classes))
    refuse_rare(label_NA["training"], classes, path)
    return classes, label_NA


def _description(path: Path, found: Found, sound: Sound, labels: Sequence[str]) -> str:
    count = sum(map(len, found.parts.values()))
    opened = len(sound.length_N) + len(sound.damaged)
    of_some = f" ({opened} were opened)" if opened < count else ""
    lengths = shared.spread(sound.length_N, "second", ".2f")
    cut = f"; {shared.plural(sound.longer, 'longer clip')} cut" if sound.longer else ""
    if sound.in_windows:
        cut = "; recordings are cut into windows, and all windows of one are in the same part"
    damaged = [*sound.damaged.values()]
    skipped = f"not usable, and skipped: {shared.plural(len(damaged), 'file')} ({some(damaged)})"
    return "\n".join([
        f"{path}: {shared.plural(count, 'recording')}",
        *labels,
        *shared.left_out_lines(found.left_out),
        f"{sound.rates} samples a second, without silence at the ends {lengths}{of_some}",
        f"the recipe takes clips of at most {sound.max_seconds:g} s with {sound.rate:,} samples "
        f"a second{cut}",
        *([skipped] if damaged else []),
        *found.notes,
    ])  # fmt: skip


def audio_recipe(
    name: str,
    path: Path,
    attributes: Sequence[str],
    sound: Sound,
    training_NA: np.ndarray,
    share: float,
    target: Path,
) -> str:
    """A commented recipe for recordings, spectrogram frame by spectrogram frame."""
    labels = f"""
  # Columns of labels; none: all but path.
  labels: {shared.quoted_list(attributes)}"""
    window = f"""
  # Recordings are cut into windows of so many seconds, and one begins every stride. Instead of
  # both, pause: 0.3 cuts them where they are silent for so long, as between words.
  window: {sound.max_seconds:g}
  stride: {sound.max_seconds:g}"""
    count = shared.plural(len(training_NA), "window" if sound.in_windows else "recording")
    game = real_valued_game(
        name, training_NA, thing="clip", width=128, channels=(16, 32, 64), steps=6000,
        rate="1.5e-3",
    )  # fmt: skip
    return f"""\
# seqgen train {target}
# {"About " if sound.in_windows else ""}{count} to train on, as spectrograms.

name: {name}

data:
  source: recordings
  root: {shared.quoted(os.path.abspath(path))}{labels if path.is_file() else ""}
  # Samples a second: recordings with more are resampled, and none may have fewer.
  sample_rate: {sound.rate}
  # What is this many decibels below the loudest part is cut off at both ends; null: nothing.
  trim_db: {TRIM_DB:g}
  # Longer clips are cut (or drop, or error).
  max_seconds: {sound.max_seconds:g}
  too_long: cut{window if sound.in_windows else ""}
  # Files that cannot be used: error names them and stops, skip leaves them out.
  unreadable: {"skip" if sound.damaged else "error"}
  # Shares of the recordings held out of training, unless there are folders of these names.
  validation: {share}
  test: {share}

codec:
  kind: audio
  representation:
    # Log-magnitudes in bands, and a channel that tells where the clip ends.
    kind: log-mel
    bins: {sound.bins}
    # Samples that a frame looks at, and from a frame to the next.
    n_fft: {sound.n_fft}
    hop: {sound.n_fft // 2}
    # Frames of a step: more of them make fewer steps to learn.
    frames: {FRAMES}
    # Iterations in which phases are looked for when a clip is made.
    griffin_lim: 32

{game}"""
