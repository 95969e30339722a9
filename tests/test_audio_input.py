"""Recordings as people have them: nothing of them is lost, changed or left out without a word."""

import os
import re
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch

from seqgan_kit.data.dataset import DataError
from seqgan_kit.kinds.audio import files as audio_files
from seqgan_kit.kinds.audio.clips import ClipSettings
from seqgan_kit.kinds.audio.codec import AudioCodec
from seqgan_kit.kinds.audio.datasets import recordings
from seqgan_kit.kinds.audio.files import open_recording
from seqgan_kit.kinds.audio.foreign import read_samples
from seqgan_kit.kinds.audio.kind import AUDIO
from seqgan_kit.kinds.audio.preparing import take
from seqgan_kit.kinds.audio.schema import RecordingsData
from seqgan_kit.kinds.audio.survey import at_rate
from seqgan_kit.kinds.audio.writing import write as write_samples
from seqgan_kit.measuring.bench import Bench
from seqgan_kit.measuring.foreign_samples import SamplesError
from seqgan_kit.measuring.sample_files import sample_files
from seqgan_kit.models.sequence import RecurrentGenerator
from seqgan_kit.nn.heads import ContinuousHead
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.recipe.files import RecipeError
from seqgan_kit.runs.asked import Asked
from seqgan_kit.runs.beginning import look_at
from seqgan_kit.runs.data import load_dataset
from seqgan_kit.runs.sampler import Sampler

RATE = 8000
PLAIN = {"trim_db": None, "peak": None}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SEQGAN_CACHE", str(tmp_path / "cache"))


def tone(seconds, rate=RATE, pitch=440.0, level=0.5):
    return level * np.sin(2 * np.pi * pitch * np.arange(round(seconds * rate)) / rate)


def write(path, samples, rate=RATE, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, **options)
    return path


def fill(root, seconds, labels=("no", "yes"), count=4):
    """Recordings of one length by label, each of another pitch."""
    for place, label in enumerate(labels):
        for number in range(count):
            write(root / label / f"{number}.wav", tone(seconds, pitch=200 + 50 * number + place))
    return root


def load(root, unreadable="error", **settings):
    shares = {"validation": 0.2, "test": 0.2, "unreadable": unreadable}
    return recordings(
        root=root, settings=ClipSettings(**{"sample_rate": RATE, **settings}), **shares
    )


def show(seqgen, root, *changes):
    shown = seqgen(
        "data", "show", "spoken_digits_mel",
        f"data={{source: recordings, root: {root}, validation: 0.2, test: 0.2}}", *changes,
    )  # fmt: skip
    assert shown.code == 0, shown.err
    return shown.out.splitlines()


# -- long recordings ------------------------------------------------------------------------------


def test_what_is_cut_off_is_counted_in_every_part(tmp_path, seqgen):
    """Eight recordings of 60 s are 8 s of clips, and 472 s are lost."""
    root = fill(tmp_path / "long", 60.0)
    lines = show(seqgen, root, "data.max_seconds=1.0")
    assert (
        "recordings cut for being longer than data.max_seconds=1: training 4 of 4 (236.0 s lost), "
        "validation 2 of 2 (118.0 s lost), test 2 of 2 (118.0 s lost)"
    ) in lines
    again = load(root, max_seconds=1.0).notes
    assert load(root, max_seconds=1.0).notes == again, "also from the cache"
    assert again[0] in lines


def test_nothing_is_said_where_nothing_is_wrong(tmp_path):
    assert not load(fill(tmp_path / "short", 0.5)).notes


def test_windows_of_a_recording_are_in_the_same_part(tmp_path, seqgen):
    root = fill(tmp_path / "long", 5.25)
    dataset = load(root, window=1.0, stride=0.5, max_seconds=1.0, **PLAIN)
    assert {name: len(part) for name, part in dataset.parts.items()} == {
        "training": 4 * 9, "validation": 2 * 9, "test": 2 * 9,
    }  # fmt: skip
    pitches = {}
    for name, part in dataset.parts.items():
        for clip, label in zip(part.items[:], part.label_NA[:, 0], strict=True):
            assert len(clip) == RATE
            pitch = int(np.abs(np.fft.rfft(clip)).argmax())
            assert (pitch % 50 == 1) == (label == 1), "windows have the label of their recording"
            pitches.setdefault(pitch, set()).add(name)
    assert len(pitches) == 8
    assert all(len(parts) == 1 for parts in pitches.values())
    changes = ("data.window=1.0", "data.stride=0.5", "data.max_seconds=1.0")
    lines = show(seqgen, root, *changes)
    assert (
        "windows of 1 s, one every 0.5 s: training 36 clips of 4 recordings, validation 18 clips "
        "of 2 recordings, test 18 clips of 2 recordings"
    ) in lines
    assert (
        "recordings with sound outside of windows: training 4 of 4 (1.0 s lost), validation 2 of "
        "2 (0.5 s lost), test 2 of 2 (0.5 s lost)"
    ) in lines


def clips(path, **settings):
    taken = take(open_recording(path), ClipSettings(**{"sample_rate": RATE, **PLAIN, **settings}))
    return list(taken.clips), taken.facts


def test_windows_are_the_samples_where_they_lie(tmp_path):
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, 10_000).astype(np.float32)
    path = write(tmp_path / "a.wav", sound, subtype="FLOAT")
    found, facts = clips(path, window=0.5, stride=0.25)
    assert len(found) == facts.clips == 4
    for place, clip in enumerate(found):
        np.testing.assert_array_equal(clip, sound[2000 * place : 2000 * place + 4000])
    assert facts.lost == 0
    gaps, facts = clips(path, window=0.25, stride=0.5)
    np.testing.assert_array_equal(gaps[1], sound[4000:6000])
    assert facts.lost == pytest.approx(0.5), "a second of 1.25 s is in no window, half of it twice"
    short, facts = clips(path, window=2.0, max_seconds=2.0)
    np.testing.assert_array_equal(short[0], sound)
    assert (facts.clips, facts.lost) == (1, 0)


def test_silent_windows_are_left_out_and_counted(tmp_path):
    sound = np.concatenate([tone(1.0), np.zeros(RATE), tone(1.0)])
    path = write(tmp_path / "a.wav", sound)
    for trim_db in (None, 40.0):
        found, facts = clips(path, window=0.5, trim_db=trim_db)
        assert (len(found), facts.silent, facts.lost) == (4, 2, 0)
    root = fill(tmp_path / "mine", 1.0, labels=["a"])
    write(root / "a" / "0.wav", sound)
    notes = load(root, window=0.5, max_seconds=0.5).notes
    assert notes[1] in {
        f"silent windows left out: {part} 2" for part in ("training", "validation", "test")
    }


def test_words_are_cut_at_the_silence_between_them(tmp_path):
    words = [tone(0.3), tone(0.4, pitch=700), tone(0.9)]
    pause, breath = np.zeros(2400), np.zeros(400)
    sound = np.concatenate([pause, words[0], breath, words[1], pause, words[2], pause])
    path = write(tmp_path / "a.wav", sound, subtype="FLOAT")
    found, facts = clips(path, pause=0.2, trim_db=40.0)
    np.testing.assert_array_equal(
        found[0], np.float32(np.concatenate([words[0], breath, words[1]]))
    )
    np.testing.assert_array_equal(found[1], np.float32(words[2]))
    assert len(found) == facts.clips == 2
    assert len(clips(path, pause=0.04, trim_db=40.0)[0]) == 3
    cut, facts = clips(path, pause=0.2, trim_db=40.0, max_seconds=0.5)
    assert ([len(one) for one in cut], facts.lost) == ([4000, 4000], pytest.approx(0.25 + 0.4))
    none, facts = clips(path, pause=0.2, trim_db=40.0, max_seconds=0.8, too_long="drop")
    assert (len(none), facts.dropped, facts.lost) == (1, 1, 0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (("data.window=2.0", "data.max_seconds=1.0"), "set max_seconds=2"),
        (("data.stride=0.5",), "set window, too"),
        (("data.window=0.5", "data.pause=0.1"), "remove one of them"),
        (("data.pause=0.1", "data.trim_db=null"), "not supported without trim_db"),
    ],
)
def test_keys_that_do_not_go_together(changes, words):
    data = "data={source: recordings, root: nowhere}"
    with pytest.raises(RecipeError, match=words):
        recipe_files.load("spoken_digits_mel", (data, *changes))


def test_a_long_recording_takes_the_memory_of_a_block(tmp_path, monkeypatch):
    monkeypatch.setattr(audio_files, "BLOCK", 1 << 14)
    path = write(tmp_path / "a.wav", np.stack([tone(100.0), tone(100.0)], 1))
    for settings in ({}, {"window": 1.0}):
        tracemalloc.start()
        taken = take(open_recording(path), ClipSettings(RATE, **settings))
        lengths = [len(clip) for clip in taken.clips]
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert lengths == [RATE] * (100 if settings else 1)
        assert peak < 2e6, "all of it takes 6.4 MB"


@pytest.mark.parametrize("rate", [11_025, 11_127, 44_100])
def test_blocks_are_resampled_like_the_whole(tmp_path, monkeypatch, rate):
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, (3 * rate, 2))
    recording = open_recording(write(tmp_path / "a.wav", sound, rate, subtype="FLOAT"))
    [whole] = at_rate(recording, RATE)
    monkeypatch.setattr(audio_files, "BLOCK", 1 << 14)
    blocks = list(at_rate(recording, RATE))
    assert len(blocks) > 3
    np.testing.assert_allclose(np.concatenate(blocks), whole, atol=1e-5)


# -- files that differ from what the recipe says --------------------------------------------------


def test_rates_channels_and_clipping_are_told_by_part(tmp_path):
    root = fill(tmp_path / "mine", 0.5, labels=["a"], count=10)
    for number, rate in enumerate((16_000, 44_100, 16_000)):
        stereo = np.stack([tone(0.5, rate), tone(0.5, rate)], 1)
        write(root / "a" / f"{number}.wav", stereo, rate)
    write(root / "a" / "9.wav", tone(0.5, level=1.5).clip(-1, 1))
    write(root / "a" / "8.wav", tone(0.5, level=1.0))
    resampled, averaged, clipped = load(root).notes
    assert resampled.startswith("recordings resampled to 8000 Hz: ")
    assert averaged.startswith("recordings whose channels were averaged: ")
    assert clipped.startswith("recordings clipped at full scale (a/9.wav): ")
    assert sum(map(int, re.findall(r"(\d+) of", averaged))) == 3
    assert "16000 Hz" in resampled
    assert "44100 Hz" in resampled
    assert clipped.count(" of ") == 1


def test_nothing_is_left_of_what_is_too_long(tmp_path):
    root = fill(tmp_path / "mine", 0.5)
    with pytest.raises(DataError, match=r"has no usable clips \(too long\)"):
        load(root, max_seconds=0.2, too_long="drop")


# -- formats --------------------------------------------------------------------------------------

FORMATS = {
    "aif": ("AIFF", "PCM_16", 1e-4),
    "aifc": ("AIFF", "FLOAT", 1e-6),
    "aiff": ("AIFF", "PCM_24", 1e-6),
    "au": ("AU", "PCM_16", 1e-4),
    "flac": ("FLAC", "PCM_16", 1e-4),
    "mp3": ("MP3", "MPEG_LAYER_III", 0.05),
    "oga": ("OGG", "VORBIS", 0.05),
    "ogg": ("OGG", "VORBIS", 0.05),
    "opus": ("OGG", "OPUS", 0.12),
    "snd": ("AU", "ULAW", 0.02),
    "wav": ("WAV", "PCM_16", 1e-4),
}


def test_every_ending_has_a_test():
    assert {f".{form}" for form in FORMATS} == set(audio_files.EXTENSIONS)


@pytest.mark.parametrize("form", FORMATS)
def test_a_format_in_folders_and_in_manifests(tmp_path, form):
    container, subtype, tolerance = FORMATS[form]
    root, rows = tmp_path / "mine", ["path,word"]
    for place, label in enumerate(("no", "yes")):
        for number in range(4):
            name = f"{label}/{number}.{form.upper() if number else form}"
            sound = tone(0.5, pitch=300 + 100 * number + place)
            write(root / name, sound, format=container, subtype=subtype)
            rows.append(f"{name},{label}")
    (root / "list.csv").write_text("\n".join(rows) + "\n")
    folder, listed = (load(path, **PLAIN) for path in (root, root / "list.csv"))
    for name, part in folder.parts.items():
        for one, other in zip(part.items[:], listed.parts[name].items[:], strict=True):
            np.testing.assert_array_equal(one, other)
    [first], _ = clips(root / "no" / f"0.{form}")
    middle = slice(500, 3500)
    np.testing.assert_allclose(first[middle], tone(0.5, pitch=300)[middle], atol=tolerance)
    assert len(first) == 4000


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "snd"])
def test_half_a_file_is_damaged(tmp_path, form):
    path = tmp_path / f"a.{form}"
    write(path, tone(2.0), format=FORMATS[form][0], subtype=FORMATS[form][1])
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=rf"a\.{form} is damaged"):
        clips(path)


def test_an_mp3_that_does_not_state_its_length(tmp_path):
    """Its first frame is gone, so the length is an estimate, here a longer one."""
    sound = np.concatenate([np.zeros(40_000), np.random.default_rng(0).uniform(-0.5, 0.5, 40_000)])
    path = tmp_path / "a.mp3"
    with soundfile.SoundFile(
        path, "w", 44_100, 1, format="MP3", bitrate_mode="VARIABLE", compression_level=0.5
    ) as file:
        file.write(sound)
    assert clips(path, max_seconds=9.0)[1].lost == 0
    content = path.read_bytes()
    tagged = b"ID3\4\0\0\0\0\1\0" + bytes(128) + content
    path.write_bytes(tagged)
    [whole], _ = clips(path, max_seconds=9.0)
    path.write_bytes(content[content.index(b"\xff\xfb", 4) :])
    assert soundfile.info(path).frames > 90_000
    [rest], _ = clips(path, max_seconds=9.0)
    assert abs(len(rest) - len(whole)) < 700
    path.write_bytes(tagged[: len(tagged) * 3 // 4])
    with pytest.raises(DataError, match="is damaged"):
        clips(path)


def test_what_is_skipped_is_named_with_the_reason(tmp_path, seqgen):
    root = fill(tmp_path / "mine", 0.5, count=8)
    write(root / "no" / "low.wav", tone(0.5, 4000), 4000)
    write(root / "no" / "silent.wav", np.zeros(4000))
    (root / "yes" / "text.opus").write_text("no sound")
    with pytest.raises(DataError, match=r"low\.wav has 4000 .* set data\.sample_rate=4000 or"):
        load(root)
    lines = show(seqgen, root, "data.unreadable=skip", "data.max_seconds=0.5")
    (note,) = [line for line in lines if line.startswith("recordings that cannot be used left")]
    assert "3 (no/low.wav has 4000 samples per second, fewer than data.sample_rate=8000" in note
    assert "no/silent.wav contains only silence" in note
    assert "yes/text.opus is damaged or not a readable audio file (" in note
    with pytest.raises(DataError, match=r"no usable clips \(no/.*fewer than data\.sample_rate"):
        load(fill(tmp_path / "low", 0.5), sample_rate=16_000, unreadable="skip")


# -- labels and names -----------------------------------------------------------------------------

ALIKE = ("a b", "a_b", "A B", "a,b", "a;b", "=a", "'=a", "na\u00efve", "\u540d")
"""Labels that a file system may take for the same, or a table for something else."""


def made_of(labels):
    """A sampler of short clips that was never trained."""
    codec = AudioCodec(
        sample_rate=RATE, samples=400, peak=0.95, representation={"kind": "waveform"}
    )
    torch.manual_seed(0)
    network = RecurrentGenerator(
        head=ContinuousHead(8, codec.features), classes=tuple(map(len, labels.values())),
        steps=codec.steps, hidden_size=8, input_size=8, noise_size=4, step_noise_size=2,
        label_size=4,
    )  # fmt: skip
    return Sampler(network.eval(), codec, labels, torch.device("cpu"))


class OfLabels(Bench):
    """What reads samples: it knows labels, and nothing can be measured with it."""

    labelled = True

    def __init__(self, labels):
        data = RecordingsData(source="recordings", root="nowhere", labels=tuple(labels))
        self.recipe = SimpleNamespace(data=data)
        self.dataset = SimpleNamespace(labels=labels, name="mine")


def test_labels_that_file_names_cannot_tell_apart(tmp_path):
    """Every sample has a file of its own, and the manifest gives its exact label back."""
    sampler = made_of({"word": ALIKE})
    out = tmp_path / "out"
    write_samples(sampler, Asked(tmp_path, (), 2, 0, "wav", out))
    names = sorted(path.name for path in out.glob("*.wav"))
    assert len({name.casefold() for name in names}) == 2 * len(ALIKE)
    bench = OfLabels({"word": ALIKE})
    files, label_NA = sample_files(out, audio_files.EXTENSIONS, "recordings", bench)
    assert label_NA[:, 0].tolist() == [*range(len(ALIKE))] * 2
    stems = {}
    for file, [number] in zip(files, label_NA, strict=True):
        stems.setdefault(file.stem.rpartition("_")[0].casefold(), set()).add(number)
    assert all(len(numbers) == 1 for numbers in stems.values()), "a stem is of one label"


@pytest.mark.parametrize(
    ("labels", "header"),
    [
        ({"label": ("any",)}, "path,seconds,seed"),
        ({"label": ("any", "other")}, "path,label,seconds,seed"),
        ({"seed": ("oak", "ash")}, "path,seed,seconds"),
    ],
)
def test_columns_of_a_manifest(tmp_path, labels, header):
    out = tmp_path / "out"
    write_samples(made_of(labels), Asked(tmp_path, (), 1, 7, "wav", out))
    first, second, *_ = (out / "manifest.csv").read_text().splitlines()
    assert first == header
    assert second.count(",") == header.count(",")
    assert ("oak" in second) == ("seed" in labels)
    files, label_NA = sample_files(out, audio_files.EXTENSIONS, "recordings", OfLabels(labels))
    if header == "path,seconds,seed":
        assert (len(files), label_NA) == (1, None)
    else:
        assert label_NA.tolist() == [[0], [1]]


def test_a_name_that_is_not_utf8_is_a_sentence(tmp_path, seqgen):
    root = fill(tmp_path / "mine", 0.1)
    (root / "yes").rename(os.fsdecode(os.fsencode(root) + b"/y\xe9s"))
    with pytest.raises(DataError, match=r"y\\xe9s: this name is not UTF-8: rename it"):
        load(root)
    shown = seqgen("init", root)
    assert shown.code == 1
    assert "this name is not UTF-8" in shown.err
    assert "Traceback" not in shown.err


def test_samples_that_lack_a_column_say_so_before_anything_is_decoded(tmp_path):
    root = fill(tmp_path / "samples", 0.1)
    rows = "".join(f"no/{n}.wav,x\n" for n in range(4))
    (root / "list.csv").write_text(f"path,word\n{rows}")
    bench = OfLabels({"word": ["x"], "speaker": ["ann"]})
    with pytest.raises(SamplesError, match=r"line 2: 'speaker' is missing .* 'path', 'word'"):
        read_samples(root / "list.csv", None, bench)


# -- a first recipe -------------------------------------------------------------------------------


def first_recipe(path, tmp_path):
    starter = look_at(path)
    target = tmp_path / f"{starter.name}.yaml"
    target.write_text(starter.recipe(target))
    return starter.found, target.read_text(), recipe_files.load(str(target))


def test_long_recordings_begin_with_windows(tmp_path):
    root = fill(tmp_path / "long", 21.0, count=5)
    found, text, recipe = first_recipe(root, tmp_path)
    assert "; recordings are cut into windows, and all windows of one are in the same" in found
    data = recipe.data
    assert data.window == data.stride == data.max_seconds == 2.016
    assert "# About 60 windows to train on" in text
    assert recipe.train.batch_size == 32, "there are more clips than recordings"
    dataset = load_dataset(recipe)
    assert len(dataset.parts["training"]) == 6 * 10


def test_short_recordings_begin_without(tmp_path):
    _, text, recipe = first_recipe(fill(tmp_path / "short", 1.5), tmp_path)
    assert "window" not in text
    assert (recipe.data.window, recipe.data.stride) == (None, None)


@pytest.mark.parametrize(("ending", "is_sound"), [("mp3", True), ("png", False)])
def test_a_manifest_is_of_the_kind_of_its_files(tmp_path, ending, is_sound):
    rows = "".join(f"{n}.{ending},{'ab'[n % 2]}\n" for n in range(12))
    path = tmp_path / "list.csv"
    path.write_text(f"path,word\n{rows}")
    for number in range(12):
        sound = tone(0.2, pitch=300 + number)
        write(tmp_path / f"{number}.{ending}", sound, format="MP3" if is_sound else "WAV")
    found = AUDIO.starter(path)
    assert (found is not None) == is_sound
