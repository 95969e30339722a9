"""Clips from files to sequences and back, their figures, and a run from a recipe to WAVs."""

import csv
import io
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from seqgan_kit import load, recipe_files, workflow
from seqgan_kit.data.audio import recordings, spoken_digits
from seqgan_kit.data.audio_files import prepared, read_sound, write_clip
from seqgan_kit.data.clips import ClipSettings, Clips, lengths, padded, unpadded
from seqgan_kit.data.dataset import DataError
from seqgan_kit.data.sound import AudioCodec, learn_representation
from seqgan_kit.evaluation.audio import (
    AudioFigures,
    clipped_share,
    inception_score,
    loudness,
    silence_share,
)
from seqgan_kit.evaluation.judge import Judge, look, train_judge
from seqgan_kit.evaluation.sound_judge import SoundJudge
from seqgan_kit.materials import load_dataset
from seqgan_kit.recipe_files import RecipeError

RATE = 8000
SETTINGS = ClipSettings(sample_rate=RATE, trim_db=None, peak=0.95, max_seconds=0.256)
MEL = {"kind": "log-mel", "bins": 20}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SEQGAN_CACHE", str(tmp_path / "cache"))


def tone(hertz, samples=1600, rate=RATE, level=0.5):
    return (level * np.sin(2 * np.pi * hertz * np.arange(samples) / rate)).astype(np.float32)


def joined(clips):
    return Clips(np.concatenate(clips), np.cumsum([0, *map(len, clips)]))


def of_two_pitches(folder, count=8):
    """A folder of recordings by label: low and high tones of unequal lengths."""
    for label, hertz in (("low", 300), ("high", 1500)):
        (folder / label).mkdir(parents=True)
        for number in range(count):
            clip = tone(hertz + 20 * number, 900 + 100 * number)
            write_clip(folder / label / f"{number}.wav", clip, RATE)
    return folder


@pytest.fixture(scope="module")
def real_clips():
    root = os.environ.get("SEQGAN_TEST_DATA")
    if root is None:
        pytest.skip("SEQGAN_TEST_DATA names no folder with spoken digits")
    return Path(root) / "spoken_digits"


# -- files ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "subtype", "rate", "channels"),
    [
        ("a.wav", "PCM_U8", 8000, 1), ("a.wav", "PCM_16", 22050, 2), ("a.wav", "PCM_24", 96000, 2),
        ("a.wav", "PCM_32", 16000, 1), ("a.wav", "FLOAT", 44100, 2), ("a.flac", "PCM_24", 48000, 1),
        ("a.ogg", "VORBIS", 44100, 2),
    ],
)  # fmt: skip
def test_files_of_any_form_become_the_same_clip(tmp_path, name, subtype, rate, channels):
    wave = tone(440, rate // 5, rate)
    soundfile.write(tmp_path / name, np.stack([wave] * channels, 1), rate, subtype=subtype)
    clip = prepared(*read_sound(tmp_path / name), SETTINGS, "a")
    assert abs(len(clip) - 1600) <= 1
    assert np.abs(clip).max() == pytest.approx(0.95, abs=1e-6)
    middle = slice(200, 1400)
    assert np.corrcoef(clip[middle], tone(440)[middle])[0, 1] > 0.99


def broken(folder):
    (folder / "words.wav").write_text("no sound at all")
    (folder / "empty.wav").write_bytes(b"")
    soundfile.write(folder / "nothing.wav", np.zeros(0), RATE)
    soundfile.write(folder / "silent.wav", np.zeros(800), RATE)
    nan = tone(440)
    nan[100] = np.nan
    soundfile.write(folder / "nan.wav", nan, RATE, subtype="FLOAT")
    write_clip(folder / "cut.wav", tone(440), RATE)
    whole = (folder / "cut.wav").read_bytes()
    (folder / "cut.wav").write_bytes(whole[: len(whole) // 2])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("words", "no sound that can be read"), ("empty", "is empty"), ("nothing", "zero"),
        ("silent", "nothing but silence"), ("nan", "not finite"), ("cut", "is damaged"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_used_are_named(tmp_path, name, said):
    broken(tmp_path)
    path = tmp_path / f"{name}.wav"
    with pytest.raises(DataError, match=rf"{name}\.wav.*{said}"):
        prepared(*read_sound(path), SETTINGS, str(path))


def test_more_samples_a_second_than_there_are_is_refused(tmp_path):
    root = of_two_pitches(tmp_path / "data")
    settings = ClipSettings(sample_rate=16000)
    with pytest.raises(DataError, match=r"8000 samples a second.*data\.sample_rate=8000 or lower"):
        recordings(root=root, settings=settings, unreadable="skip")


def test_a_clip_is_written_without_clipping_and_read_again(tmp_path):
    loud = tone(440, level=1.7)
    for form in ("wav", "flac"):
        write_clip(tmp_path / f"a.{form}", loud, RATE, form=form)
        written, rate = soundfile.read(tmp_path / f"a.{form}")
        assert rate == RATE
        assert np.abs(written - loud / np.abs(loud).max()).max() < 1e-4
    memory = io.BytesIO()
    write_clip(memory, loud, RATE)
    assert memory.getvalue() == (tmp_path / "a.wav").read_bytes()


def test_silence_at_the_ends_is_trimmed():
    quiet = np.zeros(400, np.float32)
    sound = np.concatenate([quiet, tone(440), quiet])[:, None]
    trimming = ClipSettings(sample_rate=RATE, trim_db=40, max_seconds=1)
    clip = prepared(sound, RATE, trimming, "a")
    assert len(clip) == 1600


# -- own recordings ---------------------------------------------------------------------------


def test_a_folder_by_label_is_cut_into_parts(tmp_path):
    dataset = recordings(root=of_two_pitches(tmp_path / "data"), settings=SETTINGS, seed=1)
    assert dict(dataset.labels) == {"label": ["high", "low"]}
    assert {name: len(part) for name, part in dataset.parts.items()} == {
        "training": 12, "validation": 2, "test": 2,
    }  # fmt: skip
    for part in dataset.parts.values():
        for clip, (label,) in zip(part.items[: len(part)], part.label_NA, strict=True):
            peak = np.abs(np.fft.rfft(clip)).argmax() * RATE / len(clip)
            assert (peak > 900) == (label == 0)


def test_what_was_read_is_kept_and_changes_with_the_files(tmp_path, monkeypatch):
    root = of_two_pitches(tmp_path / "data")
    first = recordings(root=root, settings=SETTINGS)
    with monkeypatch.context() as patch:
        patch.setattr("seqgan_kit.data.audio.read_sound", None)  # Not read again.
        again = recordings(root=root, settings=SETTINGS)
    assert again.fingerprint == first.fingerprint
    assert np.array_equal(again.parts["test"].items[:1][0], first.parts["test"].items[:1][0])
    write_clip(root / "low" / "0.wav", tone(200), RATE)
    assert recordings(root=root, settings=SETTINGS).fingerprint != first.fingerprint
    for index in (tmp_path / "cache" / "clips").glob("*/samples.f32"):
        index.write_bytes(b"damaged")
    mended = recordings(root=root, settings=SETTINGS)
    assert len(mended.parts["training"]) == 12


def test_damaged_files_stop_or_are_left_out(tmp_path):
    root = of_two_pitches(tmp_path / "data")
    broken(root / "low")
    with pytest.raises(DataError, match=r"6 of 22 recordings cannot be used(.|\n)*and 1 more"):
        recordings(root=root, settings=SETTINGS)
    dataset = recordings(root=root, settings=SETTINGS, unreadable="skip")
    assert sum(map(len, dataset.parts.values())) == 16
    assert any("cannot be used left out: 6" in note for note in dataset.notes)


def test_long_clips_are_cut_dropped_or_an_error(tmp_path):
    root = of_two_pitches(tmp_path / "data")
    long = {"sample_rate": RATE, "trim_db": None, "max_seconds": 0.15}
    cut = recordings(root=root, settings=ClipSettings(**long, too_long="cut"))
    assert max(len(clip) for clip in cut.parts["training"].items[:20]) == 1200
    dropped = recordings(root=root, settings=ClipSettings(**long, too_long="drop"))
    assert sum(map(len, dropped.parts.values())) == 8
    assert any("longer than data.max_seconds" in note for note in dropped.notes)
    with pytest.raises(DataError, match=r"data\.too_long"):
        recordings(root=root, settings=ClipSettings(**long, too_long="error"))


def test_a_label_with_one_file_is_refused(tmp_path):
    root = of_two_pitches(tmp_path / "data")
    (root / "odd").mkdir()
    write_clip(root / "odd" / "a.wav", tone(700), RATE)
    with pytest.raises(DataError, match=r"fewer than 2 recordings.*odd"):
        recordings(root=root, settings=SETTINGS)


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_manifest_names_files_and_labels(tmp_path, ending):
    root = of_two_pitches(tmp_path / "data")
    paths = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.wav"))
    rows = [{"path": p, "pitch": Path(p).parent.name, "take": Path(p).stem} for p in paths]
    manifest = root / f"clips.{ending}"
    if ending == "csv":
        lines = ["path,pitch,take", *(",".join(row.values()) for row in rows)]
    else:
        lines = [json.dumps(row) for row in rows]
    manifest.write_text("\n".join(lines) + "\n")
    dataset = recordings(root=manifest, settings=SETTINGS, labels=["pitch"])
    assert dict(dataset.labels) == {"pitch": ["high", "low"]}
    assert sum(map(len, dataset.parts.values())) == 16
    if ending == "csv":
        manifest.write_text("\n".join([*lines, "gone.wav,low,9"]))
        with pytest.raises(DataError, match=r"clips\.csv, line 18: there is no file.*gone\.wav"):
            recordings(root=manifest, settings=SETTINGS)
        manifest.write_text("file,pitch\na.wav,low\n")
        with pytest.raises(DataError, match="no column 'path'"):
            recordings(root=manifest, settings=SETTINGS)
    with pytest.raises(DataError, match="there is no such file"):
        recordings(root=root / f"other.{ending}", settings=SETTINGS)


def test_the_official_split_of_the_spoken_digits(real_clips):
    dataset = spoken_digits(root=real_clips, settings=SETTINGS, validation=0.1, seed=0)
    assert [len(dataset.parts[part]) for part in ("training", "validation", "test")] == [
        2460, 240, 300,
    ]  # fmt: skip
    assert list(dataset.labels) == ["digit", "speaker"]
    counts = np.unique(dataset.parts["test"].label_NA, axis=0, return_counts=True)[1]
    assert (counts == 5).all()
    assert len(counts) == 60


# -- the codec --------------------------------------------------------------------------------


def made(settings, clips, samples=2048):
    learned = learn_representation(joined(clips), settings, sample_rate=RATE, samples=samples)
    return AudioCodec(sample_rate=RATE, samples=samples, peak=None, representation=learned)


CLIPS = [tone(300 + 150 * number, 700 + 120 * number) for number in range(10)]


@pytest.mark.parametrize("overlap", [0, 32, 128])
def test_waveform_frames_come_back_as_they_were(overlap):
    codec = made({"kind": "waveform", "hop": 128, "overlap": overlap}, CLIPS)
    x, mask_BT = codec.encode(np.array(CLIPS, object))
    assert x.shape == (10, 16, 128 + overlap + 1)
    for clip, back in zip(CLIPS, unpadded(codec.decode(x, mask_BT)), strict=True):
        # Within an eighth of a step a learned end counts as whole.
        assert abs(len(back) - len(clip)) <= 16
        both = min(len(clip), len(back))
        assert np.abs(back[:both] - clip[:both]).max() < 1e-5


def test_frames_that_disagree_are_faded_into_each_other():
    codec = made({"kind": "waveform", "hop": 128, "overlap": 64}, CLIPS)
    x = torch.zeros(1, codec.steps, codec.features)
    x[0, ::2, :-1], x[..., -1] = 0.5, 1.0
    decoded = codec.decode(x, torch.ones(1, codec.steps, dtype=torch.bool))
    assert decoded.diff().abs().max() < 0.5 * np.pi / 2 / 64 * 1.1


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_a_spectrogram_comes_back_as_sound_of_the_same_pitch_and_length(frames):
    codec = made({**MEL, "frames": frames}, CLIPS)
    x, mask_BT = codec.encode(np.array(CLIPS, object))
    assert x.abs().max() <= 1
    assert bool(mask_BT.all())
    levels = (x + 1) / 2 * 255
    assert (levels - levels.round()).abs().max() < 1e-3
    for clip, back in zip(CLIPS, unpadded(codec.decode(x, mask_BT)), strict=True):
        assert 0 <= len(back) - len(clip) < 128
        pitch = [np.abs(np.fft.rfft(c, 8192)).argmax() for c in (clip, back)]
        assert abs(pitch[0] - pitch[1]) < 8192 * 60 / RATE


def test_a_spectrogram_is_also_a_picture():
    steps, whole = made(MEL, CLIPS), made({**MEL, "layout": "picture"}, CLIPS)
    raw = np.array(CLIPS, object)
    assert whole.shape == (1, 16, 21)
    x, mask_BT = whole.encode(raw)
    assert x.shape == (10, 1, 16 * 21)
    assert torch.equal(x.reshape(10, 16, 21), steps.encode(raw)[0])
    assert torch.equal(
        whole.decode(x, mask_BT).nan_to_num(9.0),
        steps.decode(*steps.encode(raw)).nan_to_num(9.0),
    )


def test_bands_are_learned_from_frames_that_exist():
    learned = learn_representation(joined(CLIPS), MEL, sample_rate=RATE, samples=2048)
    longer = learn_representation(joined(CLIPS), MEL, sample_rate=RATE, samples=8192)
    assert np.allclose(learned["mean"], longer["mean"], atol=1e-5)
    codec = made(MEL, CLIPS)
    x, _ = codec.encode(np.array(CLIPS, object))
    exists = x[..., -1] > 0
    assert x[exists][:, :-1].mean().abs() < 0.1
    assert (x[~exists] == -1).all()


@pytest.mark.parametrize("levels", [16, 256])
def test_mu_law_tokens_come_back_within_their_levels(levels):
    codec = made({"kind": "mu-law", "levels": levels}, CLIPS)
    x, mask_BT = codec.encode(np.array(CLIPS, object))
    assert x.shape == (10, 2048)
    assert int(x.max()) == levels
    for clip, back in zip(CLIPS, unpadded(codec.decode(x, mask_BT)), strict=True):
        assert len(back) == len(clip)
        assert np.abs(back - clip).max() < 4 / levels


def test_decoded_clips_have_the_wanted_peak_and_an_end():
    codec = AudioCodec(
        sample_rate=RATE, samples=2048, peak=0.9, representation={"kind": "waveform"}
    )
    x, mask_BT = codec.encode(np.array(CLIPS, object))
    x[0, :, -1] = -1  # Ended before it began.
    decoded = codec.decode(x, mask_BT)
    assert lengths(decoded)[0] == 1
    assert decoded[1:].nan_to_num(0.0).abs().amax(1) == pytest.approx(0.9, abs=1e-5)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"kind": "log-mel", "hop": 200}, "more than half of n_fft"),
        ({"kind": "log-mel", "bins": 120}, "too many for n_fft"),
        ({"kind": "waveform", "overlap": 200}, "belong to three steps"),
    ],
)
@pytest.mark.filterwarnings("ignore:At least one mel filterbank")
def test_settings_that_do_not_fit_together(settings, said):
    with pytest.raises(DataError, match=said):
        made(settings, CLIPS)


# -- figures ----------------------------------------------------------------------------------


class Sure(Judge):
    """Says class k of a clip whose first sample is k / 10."""

    def __init__(self):
        super().__init__(classes=(4, 1))
        self.weight = torch.nn.Parameter(torch.ones(1))

    def features(self, items):
        return items[:, :1]

    def logits(self, features_BF):
        number = (features_BF[:, 0] * 10).round().long()
        return [torch.nn.functional.one_hot(number, 4) * 50.0, features_BF[:, :1]]


def items(*clips):
    return padded([np.array(clip, np.float32) for clip in clips])


def test_the_inception_score_by_hand():
    each = items([0.0], [0.1], [0.2], [0.3])
    assert inception_score(Sure(), each) == pytest.approx(4, abs=1e-3)
    assert inception_score(Sure(), items([0.1], [0.1])) == pytest.approx(1, abs=1e-6)


def test_loudness_silence_and_clipping_by_hand():
    sine = padded([tone(100, 8000, level=1.0), tone(100, 4000, level=0.5)])
    assert loudness(sine).tolist() == pytest.approx([-3.01, -9.03], abs=0.01)
    half = np.concatenate([tone(100, 800), np.zeros(800, np.float32)])
    assert silence_share(padded([half, tone(100, 1600)]), sample_rate=RATE) == 0.25
    assert clipped_share(items([0.5, 1.0], [0.2], [-1.0], [0.9])) == 0.5


def test_figures_of_real_clips_and_of_noise():
    real = padded([tone(300, 800 + 40 * number) for number in range(20)], 2048)
    label_NA = np.zeros((10, 2), int)
    heard = []

    def listen(clips, rate):
        heard.extend(len(clip) for clip in clips)
        return ["low" if number % 2 else None for number in range(len(clips))]

    figures = AudioFigures(
        training=real[:10], reference=real[10:], label_NA=label_NA, sample_rate=RATE,
        judge=SoundJudge(classes=(2, 2), sample_rate=RATE, samples=2048), words=["low", "high"],
        listen=listen, rate=lambda clips, rate: np.full(len(clips), 2.5),
    )  # fmt: skip
    found, count = figures.real(10)
    assert count == 10
    assert found["length_distance"] == 1.0  # All training clips are shorter.
    assert found["recognised"] == 0.5
    assert found["quality"] == 2.5
    assert heard == [1200 + 40 * number for number in range(10)]
    noise = figures.noise(50, seed=3)
    assert noise.shape == (50, 2048)
    assert set(lengths(noise).tolist()) <= set(heard)
    assert torch.equal(noise.isnan(), figures.noise(50, seed=3).isnan())
    assert "recognised" not in figures.measure(noise)


def test_the_judge_hears_the_same_however_a_clip_is_padded():
    judge = SoundJudge(classes=(2, 3), sample_rate=RATE, samples=2048).eval()
    narrow, wide = padded(CLIPS), padded(CLIPS, 4000)
    assert torch.allclose(judge.features(narrow), judge.features(wide), atol=1e-6)
    assert [logit.shape for logit in judge.logits(judge.features(narrow))] == [(10, 2), (10, 3)]


def test_a_judge_learns_spoken_digits_quickly(real_clips):
    settings = ClipSettings(sample_rate=RATE, trim_db=None, max_seconds=1.024)
    dataset = spoken_digits(root=real_clips, settings=settings, validation=0.1, seed=0)

    def part(name):
        chosen = dataset.parts[name]
        keep = chosen.label_NA[:, 1] < 2
        clips = [clip for clip, kept in zip(chosen.items[:3000], keep, strict=True) if kept]
        return padded(clips, settings.max_samples), chosen.label_NA[keep]

    training, label_NA = part("training")
    judge = train_judge(
        training, torch.from_numpy(label_NA), seed=0, epochs=1,
        make=lambda: SoundJudge(classes=(10, 6), sample_rate=RATE, samples=8192),
    )  # fmt: skip
    test, truth_NA = part("test")
    assert (look(judge, test).label_NA == truth_NA)[:, 0].mean() > 0.9


def test_the_recogniser_hears_real_digits(real_clips):
    pytest.importorskip("pocketsphinx", reason="the extra `listening` is not installed")
    from seqgan_kit.evaluation.listening import hear_digits

    settings = ClipSettings(sample_rate=RATE, trim_db=None, max_seconds=1.024)
    dataset = spoken_digits(root=real_clips, settings=settings, validation=0.1, seed=0)
    test = dataset.parts["test"]
    wanted = [str(number) for number in test.label_NA[::5, 0]]
    heard = hear_digits(list(test.items[::5]), RATE)
    assert np.mean([a == b for a, b in zip(heard, wanted, strict=True)]) > 0.6


# -- a run ------------------------------------------------------------------------------------

TINY = (
    "train.steps=3", "train.batch_size=8", "train.grid_every=2", "train.checkpoint_every=2",
    "data.max_seconds=0.256", "codec.representation.bins=20",
    "model.generator={hidden_size: 8, noise_size: 4, step_noise_size: 2}",
    "model.discriminator={hidden_size: 8}",
    "evaluation={samples: 16, sets: 1, neighbours: 1, gan_train_samples: 16, judge_epochs: 1}",
)  # fmt: skip


@pytest.fixture
def run(tmp_path):
    root = of_two_pitches(tmp_path / "data", count=20)
    (tmp_path / "own.yaml").write_text("extends: spoken_digits_mel\n")
    recipe = recipe_files.load(
        str(tmp_path / "own.yaml"),
        (f"data={{source: recordings, root: {root}, test: 0.3, max_seconds: 0.256}}", *TINY),
    )
    return workflow.train(recipe, out=tmp_path / "run").run


def test_own_recordings_train_and_sample(run):
    assert sorted(path.name for path in run.samples.iterdir())[0] == "step-00000002.png"
    sampler = load(run.path)
    sevens = sampler.sample(label="low", count=3, seed=1)
    assert [clip.ndim for clip in sevens] == [1, 1, 1]
    assert np.abs(sevens[0]).max() == pytest.approx(0.95, abs=1e-4)
    again = sampler.sample(label="low", count=3, seed=1)
    assert all(np.array_equal(a, b) for a, b in zip(sevens, again, strict=True))


def test_own_recordings_are_measured_and_shown(run, capsys):
    from seqgen_cli.main import main

    assert main(["evaluate", str(run.path), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    figures = shown["models"][0]["figures"]
    assert {"label_accuracy", "gan_train_accuracy", "inception_score", "loudness"} <= set(figures)
    assert {"codec", "real", "noise"} <= set(shown)
    assert shown["codec"]["label_accuracy"]["mean"] > shown["noise"]["label_accuracy"]["mean"]
    assert main(["report", str(run.path)]) == 0
    page = Path(capsys.readouterr().out.strip().splitlines()[-1]).read_text("utf-8")
    assert page.count("<audio") >= 2
    assert "data:audio/wav;base64," in page


def test_samples_on_the_command_line(run, tmp_path, capsysbinary):
    from seqgen_cli.main import main

    out = tmp_path / "clips"
    assert main(["sample", str(run.path), "--label", "low", "-n", "3", "--out", str(out)]) == 0
    with (out / "manifest.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows] == ["low"] * 3
    for row in rows:
        written, rate = soundfile.read(out / row["path"])
        assert rate == RATE
        assert len(written) / rate == pytest.approx(float(row["seconds"]), abs=1e-5)
    assert main(["sample", str(run.path), "--out", str(out)]) == 2
    capsysbinary.readouterr()
    arguments = ["sample", str(run.path), "--label", "high", "-n", "1", "--out", "-"]
    assert main(arguments) == 0
    content = capsysbinary.readouterr().out
    assert soundfile.read(io.BytesIO(content))[1] == RATE


@pytest.mark.parametrize(
    "recipe", [name for name in recipe_files.bundled() if name.startswith("spoken")]
)
def test_bundled_recipes_make_clips(tmp_path, recipe):
    root = of_two_pitches(tmp_path / "data", count=10)
    data = f"data={{source: recordings, root: {root}, test: 0.3, max_seconds: 0.256}}"
    settings = recipe_files.load(
        recipe,
        (data, "train.steps=2", "train.batch_size=8", "train.grid_every=2"),
    )
    done = workflow.train(settings, out=tmp_path / "run")
    clips = load(done.run.path).sample(label="low", count=2)
    assert all(0 < len(clip) <= 2048 and np.isfinite(clip).all() for clip in clips)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (("codec={kind: rows}",), r"codec\.kind 'audio'"),
        (("model={kind: image_gan}",), r"layout 'picture'"),
        (("codec.representation={kind: mu-law}",), "categorical"),
        (("codec.representation.layout=picture",), "layout 'steps'"),
    ],
)
def test_settings_of_a_recipe_that_do_not_fit_together(changes, said):
    with pytest.raises(RecipeError, match=re.compile(said)):
        recipe_files.load("spoken_digits_mel", changes)


def test_a_recogniser_of_digits_for_other_words_is_refused(tmp_path):
    from seqgan_kit.evaluation.distribution import NotMeasurable
    from seqgan_kit.measuring import Bench
    from seqgan_kit.workflow import Watch

    root = of_two_pitches(tmp_path / "data", count=20)
    recipe = recipe_files.load(
        "spoken_digits_mel",
        (
            f"data={{source: recordings, root: {root}, test: 0.3}}",
            "evaluation={listen: true, neighbours: 1, judge_epochs: 1}",
        ),
    )
    with pytest.raises(NotMeasurable, match="knows the digits 0 to 9"):
        Bench(recipe, load_dataset(recipe), device=torch.device("cpu"), watch=Watch())
