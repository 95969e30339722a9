"""The kind of data: a melody is an array of notes, each a pitch and a length in ticks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import mido
import numpy as np

from seqgan_kit.data.dataset import DataError
from seqgan_kit.evaluation.figures import Figure
from seqgan_kit.sections import CodecSection, PositiveInt
from seqgan_kit.token_files.kind import FilesData, TokenFiles

REST, BAR = 0, 48
"""The pitch of a rest, and the ticks of a bar, whatever its metre."""
C_MAJOR = np.array([1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1])
DANCES = ("reel", "jig", "hornpipe", "strathspey")


class MelodyData(FilesData):
    """Melodies, moved to C major or A minor."""

    source: Literal["midi", "corpus"]
    """MIDI files, or the dances of Ryan's Mammoth Collection (1883) that music21 carries."""
    bars: PositiveInt = 8
    """How many bars are kept of each melody, a pick-up before them aside."""


class NotesSection(CodecSection):
    """A melody is a sequence of notes."""

    ways: ClassVar[Any] = {"tokens": {"kind": "notes"}}
    group: ClassVar[int] = 2
    kind: Literal["notes"] = "notes"
    """A token for the pitch of each note and one for its length."""


class Melodies(TokenFiles):
    """Melodies of one note at a time."""

    name, singular, place, endings = "melodies", "melody", "melodies.mid", (".mid",)
    sources = {"midi": MelodyData, "corpus": MelodyData}
    codecs = {"notes": NotesSection}
    template = Path(__file__).with_name("starter.yaml")
    about = "Melodies go one after the other into a .mid, or one each into a folder by label."
    examples = ("seqgen sample runs/tunes --label reel -n 4 --out reels.mid",)
    figures = (
        Figure(
            "pitch_class_distance", "distance of pitch classes", "lower",
            "Half the sum of differences in the shares of pitch classes, to the test part.",
        ),
        Figure("in_key", "notes in key", "none", "Share of a melody's notes in its best key."),
        Figure("repeated_bars", "repeated bars", "none", "Share of its bars that came before."),
    )  # fmt: skip

    def read_file(self, path: Path, data: Any) -> np.ndarray:
        midi = mido.MidiFile(path)
        bar, now, last, pitch, notes = 4 * midi.ticks_per_beat, 0, 0, REST, []
        for message in mido.merge_tracks(midi.tracks, skip_checks=True):
            now += message.time
            if message.type == "time_signature" and not now:
                bar = 4 * midi.ticks_per_beat * message.numerator / message.denominator
            elif message.type in ("note_on", "note_off"):
                begins = message.type == "note_on" and message.velocity > 0
                tick = round(now * BAR / bar)
                if begins or message.note == pitch:
                    notes += [(pitch, tick - last)] * (tick > last)
                    last, pitch = tick, message.note if begins else REST
        item = np.array(notes, np.int64).reshape(-1, 2)
        # A bar that begins with a rest is a pick-up, and does not count.
        item = item[item[:, 1].cumsum() <= BAR * (data.bars + (item[:1, 0] == REST).sum())]
        count_P, shifts = pitch_classes(item), sorted(range(-6, 6), key=abs)
        by = max(shifts, key=lambda by: np.roll(count_P, by) @ C_MAJOR)
        return item + np.outer(item[:, 0] != REST, (by, 0))

    def write_file(self, path: Path, items: Sequence[np.ndarray]) -> None:
        track, wait = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=400_000)]), 0
        for pitch, ticks in [note for item in items for note in [*item.tolist(), (REST, BAR)]]:
            if pitch != REST:
                track.append(mido.Message("note_on", note=pitch, time=wait))
                track.append(mido.Message("note_off", note=pitch, time=ticks))
            wait = wait + ticks if pitch == REST else 0
        mido.MidiFile(ticks_per_beat=BAR // 4, tracks=[track]).save(path)

    def make(self, source: str, folder: Path) -> None:
        if source == "midi":
            super().make(source, folder)
        try:
            from music21 import converter, corpus
        except ImportError as error:
            raise DataError("data.source corpus needs music21: notes_kit[corpus]") from error
        for path in corpus.getComposer("ryansMammoth"):
            dance = next((name for name in DANCES if name in path.stem.lower()), None)
            part = converter.parse(path, forceSource=True).parts[0]
            first = part.getElementsByClass("Measure")[0]
            bar = first.barDuration.quarterLength
            if not dance or (bar == 3) != (dance == "jig") or bar > 4:
                continue  # Slip jigs, and jigs in 2/4, are other dances.
            found = part.flatten().notesAndRests
            notes = [(n.pitches[-1].midi if n.pitches else REST, n.quarterLength) for n in found]
            item = [(p, round(t * BAR / bar)) for p, t in [(REST, first.paddingLeft), *notes]]
            self.save(folder / dance / f"{path.stem}.mid", [np.array(item)])

    def picture(self, item: np.ndarray) -> np.ndarray:
        roll = np.ones((48, max(8 * BAR, item[:, 1].sum())), np.float32)
        roll[:, ::BAR] = 0.8
        for (pitch, ticks), end in zip(item, item[:, 1].cumsum(), strict=True):
            if pitch != REST:
                roll[(95 - pitch) % 48, end - ticks : end - 1] = 0
        return roll.repeat(2, 0)

    def figures_of(self, items: Any, test: Any) -> dict[str, float]:
        count_NP, test_NP = (np.array(list(map(pitch_classes, part))) for part in (items, test))
        fits_N = np.max([np.roll(count_NP, by, 1) @ C_MAJOR for by in range(12)], 0)
        share_P, test_P = (count.sum(0) / max(count.sum(), 1) for count in (count_NP, test_NP))
        return {
            "pitch_class_distance": float(abs(share_P - test_P).sum() / 2),
            "in_key": float((fits_N / count_NP.sum(1).clip(min=1)).mean()),
            "repeated_bars": float(np.mean(list(map(repeated_bars, items)))),
        }

    def tiny(self, folder: Path) -> Path:
        for number, by in enumerate([1, -1] * 30):
            path = folder / "scales" / ("rising" if by > 0 else "falling") / f"{number}.mid"
            self.save(path, [np.array([(72 + by * step, 6) for step in range(8 + number // 6)])])
        return folder / "scales"


def pitch_classes(item: np.ndarray) -> np.ndarray:
    """Count the notes of each pitch class."""
    return np.bincount(item[item[:, 0] != REST, 0] % 12, minlength=12)


def repeated_bars(item: np.ndarray) -> float:
    """Return the share of the bars that equal an earlier one."""
    bars: dict[int, list[tuple[int, ...]]] = {}
    for (pitch, ticks), end in zip(item.tolist(), item[:, 1].cumsum().tolist(), strict=True):
        bars.setdefault((end - ticks) // BAR, []).append(((end - ticks) % BAR, pitch, ticks))
    return 1 - len(set(map(tuple, bars.values()))) / max(len(bars), 1)


MELODIES = Melodies()
