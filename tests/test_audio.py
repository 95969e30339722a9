"""Audio codecs, and a run from a recipe to WAV files."""

import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from seqgan_kit import load
from seqgan_kit.batch import full_mask
from seqgan_kit.data.dataset import DataError
from seqgan_kit.data.unequal import lengths, unpadded
from seqgan_kit.kinds.audio.clips import Clips
from seqgan_kit.kinds.audio.codec import AudioCodec, learn_representation
from seqgan_kit.kinds.audio.waveform import told_length
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.recipe.files import RecipeError
from seqgan_kit.runs import workflow
from seqgan_kit.runs.data import load_dataset

from .conftest import small_sounds

RATE = 8000
MEL = {"kind": "log-mel", "bins": 20}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SEQGAN_CACHE", str(tmp_path / "cache"))


def tone(hertz, samples=1600, rate=RATE, level=0.5):
    return (level * np.sin(2 * np.pi * hertz * np.arange(samples) / rate)).astype(np.float32)


def joined(clips):
    return Clips(np.concatenate(clips), np.cumsum([0, *map(len, clips)]))


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
        # An end within an eighth of a step of the border counts as a whole step.
        assert abs(len(back) - len(clip)) <= 16
        both = min(len(clip), len(back))
        assert np.abs(back[:both] - clip[:both]).max() < 1e-5


def test_frames_that_disagree_are_faded_into_each_other():
    codec = made({"kind": "waveform", "hop": 128, "overlap": 64}, CLIPS)
    x = torch.zeros(1, codec.steps, codec.features)
    x[0, ::2, :-1], x[..., -1] = 0.5, 1.0
    decoded = codec.decode(x, torch.ones(1, codec.steps, dtype=torch.bool))
    assert decoded.diff().abs().max() < 0.5 * np.pi / 2 / 64 * 1.1


COSINES = {"kind": "waveform", "transform": "cosines", "hop": 64}


@pytest.mark.parametrize("frames", [1, 2, 4])
def test_cosines_are_the_clip_again_where_none_lies_too_far_out(frames):
    generator = np.random.default_rng(0)
    clips = [generator.normal(0, 0.1, n).astype(np.float32) for n in (700, 1000, 2048)]
    codec = made({**COSINES, "frames": frames}, clips)
    x, mask_BT = codec.encode(np.array(clips, object))
    # 2,048 samples are 32 frames and half of a frame at each end.
    assert x.shape == (3, -(-33 // frames), 64 * frames + 1)
    # The root of a normal number has no far tails: at most some steps are cut at 3 deviations.
    assert x[..., :-1].abs().max() < 1
    for clip, back in zip(clips, unpadded(codec.decode(x, mask_BT)), strict=True):
        assert abs(len(back) - len(clip)) <= 8 * frames
        both = min(len(clip), len(back))
        assert np.abs(back[:both] - clip[:both]).max() < 1e-5


def test_a_step_that_is_nearly_whole_does_not_end_a_clip():
    share = torch.tensor([
        [1.0, 0.9, 0.8, 1.0, 0.3, 0.0, 0.9],
        [1.0, 1.0, 0.6, 0.0, 0.0, 0.0, 0.0],
        [0.2, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
        [0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
    ])  # fmt: skip
    assert told_length(share * 2 - 1, 10).tolist() == [43, 26, 2, 70, 0]


def test_cosines_keep_the_power_and_each_has_its_own_scale():
    generator = np.random.default_rng(0)
    loud = generator.normal(0, 0.1, 2048).astype(np.float32)
    learned = learn_representation(joined([loud] * 2), COSINES, sample_rate=RATE, samples=2048)
    # Orthonormal: amplitudes of white noise are normal as its samples are, and the square of a
    # root's deviation is the mean magnitude.
    mean = 0.1 * np.sqrt(2 / np.pi)
    assert np.square(learned["deviation"]).mean() == pytest.approx(mean, rel=0.05)
    low = made(COSINES, [tone(200, 2048)] * 2)._representation.scale_K
    assert low[:6].max() > 20 * low[20:].max()


@pytest.mark.parametrize("frames", [1, 2])
def test_a_discriminator_of_cosines_reads_the_spectrum_of_their_sound_too(frames):
    generator = np.random.default_rng(0)
    clips = [generator.normal(0, 0.1, n).astype(np.float32) for n in (700, 1000, 2048)]
    settings = {"hop": 64, "frames": frames}
    codec = made({**COSINES, **settings, "bands": 12}, clips)
    x, _ = codec.encode(np.array(clips, object))
    view = codec.view()
    seen = view(x)
    assert seen.shape == (*x.shape[:2], view.features)
    assert torch.equal(seen[..., : x.shape[-1]], x)
    # The bands are those of the other codec, which cuts at a floor and at both ends.
    bands = {"kind": "log-mel", "bins": 12, "n_fft": 128, "hop": 64}
    other, _ = made(bands, clips).encode(np.array(clips, object))
    found = seen[..., x.shape[-1] :].reshape(3, -1, 12)[:, : other.shape[1]]
    exists = other[..., -1] > 0
    assert (found[exists].clamp(-1, 1) - other[exists][:, :-1]).abs().max() < 0.05
    # A generator gets a gradient from it, in silence as well.
    silent = torch.full_like(x, 1e-3).requires_grad_()
    (slope,) = torch.autograd.grad(view(silent)[..., x.shape[-1] :].sum(), silent)
    assert slope.isfinite().all()
    assert slope[..., :-1].abs().max() > 0
    assert not view.state_dict()
    assert made({"kind": "waveform"}, clips).view() is None


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
        assert abs(pitch[0] - pitch[1]) < 8192 * 120 / RATE  # Half a band.


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


def test_mu_law_tokens_of_many_samples_are_those_of_one_in_groups():
    alone = made({"kind": "mu-law", "levels": 64}, CLIPS)
    codec = made({"kind": "mu-law", "levels": 64, "hop": 30}, CLIPS)
    (one, _), (x, mask_BT) = (c.encode(np.array(CLIPS, object)) for c in (alone, codec))
    # 2,048 samples are 68 whole groups and a part of one, which ends with the clip.
    assert x.shape == (10, 69, 30)
    assert (codec.steps, codec.group, codec.features) == (69, 30, 65)
    assert torch.equal(x.flatten(1)[:, :2048], one)
    assert (x.flatten(1)[:, 2048:] == 64).all()
    torch.testing.assert_close(
        codec.decode(x, mask_BT), alone.decode(one, full_mask(10, 2048)), equal_nan=True
    )


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
        ({"kind": "log-mel", "bins": 120}, "too large for n_fft"),
        ({"kind": "waveform", "overlap": 200}, "belong to three steps"),
        ({**COSINES, "hop": 8}, r"bands \(40\) is too large for hop \(8\)"),
    ],
)
@pytest.mark.filterwarnings("ignore:At least one mel filterbank")
def test_settings_that_do_not_fit_together(settings, said):
    with pytest.raises(DataError, match=said):
        made(settings, CLIPS)


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
    root = small_sounds(tmp_path / "data")
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


def test_own_recordings_are_measured_and_shown(run, seqgen):
    shown = json.loads(seqgen("evaluate", run.path, "--json").out)
    figures = shown["models"][0]["figures"]
    assert {"label_accuracy", "gan_train_accuracy", "inception_score", "loudness"} <= set(figures)
    assert {"codec", "real", "noise"} <= set(shown)
    assert shown["codec"]["label_accuracy"]["mean"] > shown["noise"]["label_accuracy"]["mean"]
    page = Path(seqgen("report", run.path).out.strip().splitlines()[-1]).read_text("utf-8")
    assert page.count("<audio") >= 2
    assert "data:audio/wav;base64," in page


def test_samples_on_the_command_line(run, tmp_path, seqgen):
    out = tmp_path / "clips"
    seqgen("sample", run.path, "--label", "low", "-n", 3, "--out", out)
    with (out / "manifest.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows] == ["low"] * 3
    for row in rows:
        written, rate = soundfile.read(out / row["path"])
        assert rate == RATE
        assert len(written) / rate == pytest.approx(float(row["seconds"]), abs=1e-5)


def test_sound_made_elsewhere_is_measured(run, tmp_path, seqgen):
    out = tmp_path / "clips"
    seqgen("sample", run.path, "-n", 12, "--out", out)
    asked = ("evaluate", "--recipe", run.path / "recipe.yaml", "--json", "--no-gan-train")
    loose, by_label = tmp_path / "loose", tmp_path / "by_label"
    for file in out.glob("*.wav"):
        for target in (loose, by_label / file.name.partition("_")[0]):
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
    named, folder, unnamed, sorted_, none = (
        seqgen(*asked, "--samples", path)
        for path in (out / "manifest.csv", out, loose, by_label, run.path)
    )
    figures, same, unnamed, sorted_ = (
        json.loads(shown.out)["models"][0]["figures"]
        for shown in (named, folder, unnamed, sorted_)
    )
    assert {"label_accuracy", "spread", "loudness"} <= set(figures)
    assert same == figures, "a folder of samples has its manifest"
    assert "label_accuracy" not in unnamed
    assert sorted_["label_accuracy"]["mean"] == figures["label_accuracy"]["mean"]
    # In another order.
    assert unnamed["loudness"]["mean"] == pytest.approx(figures["loudness"]["mean"], abs=1e-4)
    assert (none.code, "contains no recordings (.aif, " in none.err) == (2, True)
    (out / "manifest.csv").write_text("path,label\nlow_0000.wav,middle\n")
    wrong = seqgen(*asked, "--samples", out / "manifest.csv")
    assert "has no label 'middle'; it has high, low" in wrong.err
    (out / "manifest.csv").unlink()
    (out / "low_0000.wav").write_bytes(b"no sound")
    damaged = seqgen(*asked, "--samples", out)
    assert damaged.err.count("error:") == 1
    assert "low_0000.wav is damaged or not a readable audio file" in damaged.err
    assert seqgen(*asked, "--samples", out, "--labels", out / "l.npy").code == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (("codec={kind: rows}",), r"codec\.kind 'audio'"),
        (("model={kind: image_gan}",), r"layout 'picture'"),
        (("codec.representation={kind: mu-law}",), "categorical"),
        (("codec.representation.layout=picture",), "layout 'steps'"),
        (("codec.representation={kind: waveform, frames: 2}",), "frames is not supported with"),
        (
            ("codec.representation={kind: waveform, transform: cosines, overlap: 8}",),
            "overlap is not supported with",
        ),
    ],
)
def test_settings_of_a_recipe_that_do_not_fit_together(changes, said):
    with pytest.raises(RecipeError, match=re.compile(said)):
        recipe_files.load("spoken_digits_mel", changes)


def test_a_rate_that_the_data_cannot_serve_is_one_sentence(seqgen, tmp_path):
    root = small_sounds(tmp_path / "data")
    data = f"data={{source: recordings, root: {root}, sample_rate: 16000}}"
    shown = seqgen("train", "spoken_digits_mel", data, "--out", tmp_path / "run")
    assert shown.code == 1
    assert len(shown.err.splitlines()) == 1
    assert "set data.sample_rate=8000 or lower" in shown.err
    assert not (tmp_path / "run").exists()


def test_a_recogniser_of_digits_for_other_words_is_refused(tmp_path):
    from seqgan_kit.evaluation.distribution import NotMeasurable
    from seqgan_kit.measuring.bench import Bench
    from seqgan_kit.runs.watch import Watch

    root = small_sounds(tmp_path / "data")
    recipe = recipe_files.load(
        "spoken_digits_mel",
        (
            f"data={{source: recordings, root: {root}, test: 0.3, max_seconds: 0.256}}",
            "evaluation={listen: true, neighbours: 1, judge_epochs: 1}",
        ),
    )
    with pytest.raises(NotMeasurable, match="only knows the digits 0 to 9"):
        _ = Bench(recipe, load_dataset(recipe), device=torch.device("cpu"), watch=Watch()).own
