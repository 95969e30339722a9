"""The vocoder: speech as pitch, voicing, envelope and noisiness, and back."""

import sqlite3
import sys

import numpy as np
import pytest
import soundfile
import torch

from seqgan_kit.batch import full_mask
from seqgan_kit.data.dataset import DataError
from seqgan_kit.data.unequal import lengths, unpadded
from seqgan_kit.kinds.audio import analysis_cache, round_trip
from seqgan_kit.kinds.audio.clips import Clips
from seqgan_kit.kinds.audio.codec import AudioCodec, learn_representation
from seqgan_kit.kinds.audio.stored import StoredAudio
from seqgan_kit.kinds.audio.world import World
from seqgan_kit.recipe.files import RecipeError, load

pyworld = pytest.importorskip("pyworld", reason="the extra 'vocoder' is not installed")

RATE = 8000


def voice(seconds, pitch, rate=RATE, level=0.5):
    """A buzz of a pitch with one formant, which decays over the frequencies."""
    time_S = np.arange(round(seconds * rate)) / rate
    tones = np.arange(1, int(min(rate / 2, 4000) / pitch))
    strength = 1 / (1 + ((tones * pitch - 700) / 300) ** 2)
    sound_S = (strength[:, None] * np.sin(2 * np.pi * pitch * tones[:, None] * time_S)).sum(0)
    return (sound_S / np.abs(sound_S).max() * level).astype(np.float32)


def made(clips, rate=RATE, seconds=1.0, **settings):
    """A codec of clips, with what it learns from them."""
    samples = round(seconds * rate)
    start_N = np.concatenate([[0], np.cumsum([len(clip) for clip in clips])])
    learned = learn_representation(
        Clips(np.concatenate(clips), start_N), {"kind": "vocoder", **settings},
        sample_rate=rate, samples=samples,
    )  # fmt: skip
    return AudioCodec(sample_rate=rate, samples=samples, peak=0.9, representation=learned)


def pitch_of(sound_S, rate):
    """The highest frequency between 60 and 400 Hz whose period repeats the sound well."""
    alike_S = np.correlate(sound_S, sound_S, "full")[len(sound_S) - 1 :]
    first, last = int(rate / 400), int(rate / 60)
    alike_L = alike_S[first:last]
    start = int((alike_L > 0.8 * alike_L.max()).argmax())
    return rate / (first + start + alike_L[start : start + first].argmax())


CLIPS = [voice(0.6, 120), voice(0.8, 180), voice(0.35, 240)]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SEQGAN_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 96000])
def test_a_voice_comes_back_with_its_pitch_and_length(rate):
    clips = [voice(0.6, 120, rate), voice(0.8, 180, rate)]
    codec = made(clips, rate)
    x_BTF, mask_BT = codec.encode(np.array(clips, object))
    assert x_BTF.abs().max() <= 1
    back = unpadded(codec.decode(x_BTF, mask_BT))
    for clip, other, pitch in zip(clips, back, (120, 180), strict=True):
        assert abs(len(other) - len(clip)) <= 0.009 * rate  # Half a frame, and rounding.
        assert pitch_of(other, rate) == pytest.approx(pitch, rel=0.03)
        assert np.abs(other).max() == pytest.approx(0.9, abs=0.01)


def test_frames_are_numbers_of_a_known_meaning():
    world = World(RATE, coefficients=24, period=16.0, lowest=60.0, highest=500.0)
    assert (world.rate, world.bands, world.numbers) == (16000, 1, 27)
    assert [World(r, 24, 16.0, 60.0, 500.0).bands for r in (22050, 44100)] == [
        pyworld.get_num_aperiodicities(r) for r in (22050, 44100)
    ]
    frame_TN = world.analyse(voice(0.5, 150))
    assert frame_TN.shape == (world.frames(4000), 27)
    assert np.exp(np.median(frame_TN[:, 0])) == pytest.approx(150, rel=0.02)
    assert (frame_TN[3:-3, 1] == 1).all()
    noise_S = np.random.default_rng(0).normal(size=4000).astype(np.float32) * 0.1
    whisper_TN = world.analyse(noise_S)
    assert (whisper_TN[:, 1] == -1).mean() > 0.8
    assert whisper_TN[:, -1].mean() > frame_TN[:, -1].mean() + 5, "noisier"


@pytest.mark.parametrize(
    "clip",
    [
        np.zeros(4000, np.float32),
        np.full(1, 0.3, np.float32),
        np.full(30, 0.3, np.float32),
        voice(0.3, 900),
        voice(0.3, 45),
        np.random.default_rng(0).normal(size=3000).astype(np.float32) * 0.05,
    ],
    ids=["silence", "one sample", "shorter than a frame", "too high", "too low", "whisper"],
)
def test_what_is_no_voice_is_taken_as_well(clip):
    codec = made([clip, *CLIPS])
    x_BTF, mask_BT = codec.encode(np.array([clip, CLIPS[0]], object)[:1])
    assert x_BTF.isfinite().all()
    (back,) = unpadded(codec.decode(x_BTF, mask_BT))
    assert np.isfinite(back).all()
    assert abs(len(back) - len(clip)) <= 0.016 * RATE
    alone = made([clip])
    assert alone.encode(np.array([clip, CLIPS[0]], object)[:1])[0].isfinite().all()


def test_generated_frames_are_ended_within_a_step_and_never_clip():
    codec = made(CLIPS)
    assert codec.features == 2 * 27 + 1
    x_BTF, _ = codec.encode(np.array(CLIPS, object))
    assert (codec.exact(x_BTF) - x_BTF).abs().max() < 1e-6
    wild_BTF = torch.rand(4, codec.steps, codec.features, generator=torch.manual_seed(0)) * 2 - 1
    wild_BTF[..., -1] = 1
    wild_BTF[0, :3, -1] = torch.tensor([0.9, 0.2, 0.9])
    ended_BTF = codec.exact(wild_BTF)
    assert ended_BTF[0, :3, -1].tolist() == [1, 0, -1]
    assert ended_BTF[0, 1, 27:-1].abs().max() == 0 < ended_BTF[0, 1, :27].abs().min()
    mask_BT = full_mask(4, codec.steps)
    sound_BS = codec.decode(wild_BTF, mask_BT)
    assert torch.equal(sound_BS.nan_to_num(9), codec.decode(ended_BTF, mask_BT).nan_to_num(9))
    assert lengths(sound_BS)[0] == round(2.5 * 0.016 * RATE)
    assert sound_BS.nan_to_num(0).abs().max() <= 0.9 + 1e-6
    extreme_BTF = torch.ones(1, codec.steps, codec.features)
    assert codec.decode(extreme_BTF, full_mask(1, codec.steps)).nan_to_num(0).isfinite().all()
    assert codec.decode(-extreme_BTF, full_mask(1, codec.steps)).nan_to_num(0).isfinite().all()


def test_frames_of_a_step_are_neighbours_for_convolutions():
    codec = made(CLIPS)
    x_BTF, _ = codec.encode(np.array(CLIPS, object))
    maps = codec.maps(x_BTF)
    assert maps.shape == (3, 28, 64, 1)
    assert torch.equal(maps[:, :27, 1::2, 0].transpose(1, 2), x_BTF[..., 27:54])
    assert torch.equal(maps[:, 27, ::2, 0], x_BTF[..., -1])


def test_frames_are_computed_once(tmp_path, monkeypatch):
    computed = []

    def rows(clips):
        computed.extend(len(clip) for clip in clips)
        return [np.full((2, 3), clip[0], np.float32) for clip in clips]

    def asked(clips=CLIPS):
        return analysis_cache.cached_rows("settings", clips, rows, 3)

    first = asked()
    assert computed == [len(clip) for clip in CLIPS]
    for one, other in zip(first, asked([*CLIPS, CLIPS[0]]), strict=False):
        np.testing.assert_array_equal(one, other)
    assert len(computed) == 3
    (path,) = (tmp_path / "cache" / "frames").iterdir()
    # A row that was changed behind its back, a file that is no database, a folder in its place.
    with sqlite3.connect(path) as base:
        base.execute("update frames set rows = ?", [b"\1" * 24])
    base.close()
    asked()
    assert len(computed) == 6
    path.write_bytes(b"no database" * 1000)
    np.testing.assert_array_equal(asked()[0], first[0])
    assert len(computed) == 9
    asked()
    assert len(computed) == 9
    path.unlink()
    path.mkdir()
    np.testing.assert_array_equal(asked()[0], first[0])
    monkeypatch.setenv("SEQGAN_CACHE", "/proc/none")
    np.testing.assert_array_equal(asked()[0], first[0])


def test_threads_change_nothing(monkeypatch):
    sounds = []
    for threads in (1, 3):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        monkeypatch.setenv("SEQGAN_CACHE", f"/proc/none/{threads}")
        codec = made(CLIPS * 3)
        sounds.append(codec.decode(*codec.encode(np.array(CLIPS * 3, object))).nan_to_num(9))
    assert torch.equal(*sounds)


def test_a_package_that_is_missing_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyworld", None)
    with pytest.raises(DataError, match=r"pip install \"seqgan_kit\[vocoder\]\""):
        made(CLIPS)


def test_settings_that_do_not_fit_together():
    recipe = "codec.representation={kind: vocoder, lowest: 300, highest: 200}"
    with pytest.raises(RecipeError, match=r"highest \(200 Hz\) must be above lowest \(300 Hz\)"):
        load("spoken_digits_mel", [recipe])
    codec = made(CLIPS)
    stored = {
        "kind": "audio", "sample_rate": RATE, "samples": RATE, "peak": 0.9,
        "representation": {"kind": "vocoder", "mean": (0.0,) * 27, "deviation": (1.0,) * 27},
    }  # fmt: skip
    assert StoredAudio(**stored)
    stored["representation"]["mean"] = (0.0,) * 26
    with pytest.raises(ValueError, match="mean has 26 numbers, and there are 27"):
        StoredAudio(**stored)
    assert codec.steps == 32


@pytest.mark.parametrize("kind", ["vocoder", "log-mel"])
def test_data_show_says_what_a_codec_costs(kind, seqgen, tmp_path, monkeypatch):
    monkeypatch.setattr(round_trip, "HEARD", 4)
    monkeypatch.setattr(round_trip, "RATED", 2)
    for number in range(2):
        (tmp_path / str(number)).mkdir()
        for take in range(10):
            clip = voice(0.4 + 0.02 * take, 100 + 20 * take)
            soundfile.write(tmp_path / str(number) / f"{take}.wav", clip, RATE)
    recipe = tmp_path / "own.yaml"
    recipe.write_text(
        f"extends: spoken_digits_mel\ndata: {{source: recordings, root: {tmp_path}, "
        "validation: 0.1, test: 0.5}\n"
        f"codec: {{kind: audio, representation: {{kind: {kind}}}}}\n"
    )
    shown = seqgen("data", "show", recipe, "--codec")
    assert shown.code == 0, shown.err
    for words in ("4 test clips", "levels differ by", "lengths differ by", "heard", "DNSMOS"):
        assert words in shown.out
    refused = seqgen("data", "show", "digits_rows", "--codec")
    assert (refused.code, refused.out) == (2, "")
    assert "--codec is not supported for images" in refused.err


def test_clips_of_four_seconds_train_and_sample(seqgen, tmp_path):
    for number in range(2):
        (tmp_path / "voices" / str(number)).mkdir(parents=True)
        for take in range(8):
            clip = np.concatenate([voice(1.2, 100 + 20 * take), voice(2.6, 150)])
            soundfile.write(tmp_path / "voices" / str(number) / f"{take}.wav", clip, RATE)
    out = tmp_path / "run"
    trained = seqgen(
        "train", "spoken_digits", "data.source=recordings", f"data.root={tmp_path / 'voices'}",
        "data.max_seconds=4.0", "data.test=0.25", "train.steps=2", "train.batch_size=8",
        "model.generator.hidden_size=8", "model.discriminator.hidden_size=8", "--out", out,
    )  # fmt: skip
    assert trained.code == 0, trained.err
    made_ = seqgen("sample", out, "-n", "2", "--out", tmp_path / "clips")
    assert made_.code == 0, made_.err
    files = sorted((tmp_path / "clips").glob("*.wav"))
    assert len(files) == 4
    for path in files:
        assert 0 < soundfile.info(path).frames <= 4 * RATE
    asked = ("inspect", out, "--out", tmp_path / "inspected.png")
    assert seqgen(*asked).code == 0
