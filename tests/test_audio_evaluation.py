"""Audio metrics match hand-computed values, and bad samplers are exposed."""

import importlib.util
import math
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from seqgan_kit.evaluation.distribution import NotMeasurable, TooFewSamples
from seqgan_kit.evaluation.evaluate import Reference
from seqgan_kit.evaluation.judge import FEATURES, Judge, look, train_judge
from seqgan_kit.evaluation.lengths import length_distance
from seqgan_kit.kinds.audio.figure_table import FIGURES
from seqgan_kit.kinds.audio.figures import (
    HEARD,
    RATED,
    AudioFigures,
    clipped_share,
    inception_score,
    loudness,
    silence_share,
)
from seqgan_kit.kinds.audio.judge import SoundJudge, log_mel, mel_vectors, of_width
from seqgan_kit.kinds.audio.listening import hear_digits, rate_quality

RATE = 8000
NAN = math.nan


def sine(frequency=440.0, *, samples=RATE, level=1.0, rate=RATE):
    return level * torch.sin(2 * math.pi * frequency * torch.arange(samples) / rate)


def ended(clip, at):
    clip = clip.clone()
    clip[at:] = NAN
    return clip


def tones(count, *, classes, seed, width=2000):
    """Make clips of tones, one pitch per class, with different lengths, phases and levels."""
    rng = torch.Generator().manual_seed(seed)
    label_N = torch.arange(count) % classes
    time_S = torch.arange(width) / RATE
    phase_N1 = torch.rand(count, 1, generator=rng) * 2 * math.pi
    level_N1 = 0.3 + 0.6 * torch.rand(count, 1, generator=rng)
    pitch_N1 = 300.0 * (1 + label_N[:, None])
    sound_NS = level_N1 * torch.sin(2 * math.pi * pitch_N1 * time_S + phase_N1)
    length_N = torch.randint(width // 2, width + 1, (count,), generator=rng)
    return torch.where(torch.arange(width) < length_N[:, None], sound_NS, NAN), label_N[:, None]


class Known(Judge):
    """A judge that reads the class off the first sample, and is sure of it, or says nothing."""

    def __init__(self, classes, *, sure=True):
        super().__init__(classes=(classes,))
        self.scale = torch.nn.Parameter(torch.tensor(1e4 if sure else 0.0))

    def features(self, items):
        return items[:, :1]

    def logits(self, features_BF):
        place_B = (features_BF[:, 0] * 10).round().long()
        return [torch.nn.functional.one_hot(place_B, self.classes[0]) * self.scale]


# -- figures ------------------------------------------------------------------------------------


def test_loudness_by_hand():
    clips = torch.stack(
        [
            sine(),
            sine(level=0.1),
            ended(sine(level=0.1), 4000),
            torch.zeros(RATE),
            torch.ones(RATE),
        ]
    )
    found = loudness(clips)
    half = 10 * math.log10(0.5)  # of a sine's power
    torch.testing.assert_close(found[:3], torch.tensor([half, half - 20, half - 20]), atol=1e-3,
                               rtol=0)  # fmt: skip
    assert found[3] < -100
    assert found[4] == 0


def test_silence_by_hand():
    # Frames of 80 samples: one loud, one at -60 dB, one at -40 dB, one of which half exists.
    loud, quiet, audible = torch.ones(80), torch.full((80,), 1e-3), torch.full((80,), 1e-2)
    clip = torch.cat([loud, quiet, audible, ended(quiet, 40)])
    assert silence_share(clip[None], sample_rate=RATE) == pytest.approx(1 / 3)
    # A long clip weighs more than a short one: all frames count alike.
    both = torch.stack([torch.zeros(320), ended(torch.ones(320), 80)])
    assert silence_share(both, sample_rate=RATE) == pytest.approx(4 / 5)
    assert silence_share(torch.ones(3, 20), sample_rate=RATE) == 0


def test_clipped_by_hand():
    below = torch.full((10,), 0.99)
    clips = torch.stack([below, -below, torch.tensor([*[0.0] * 9, 1.0]), ended(below, 3)])
    assert clipped_share(clips) == 0.25
    assert clipped_share(clips * 1.02) == 1


@pytest.mark.parametrize("classes", [2, 10])
def test_inception_score_by_hand(classes):
    even = (torch.arange(5 * classes) % classes)[:, None] / 10.0
    assert inception_score(Known(classes), even) == pytest.approx(classes, rel=1e-6)
    assert inception_score(Known(classes, sure=False), even) == pytest.approx(1)
    assert inception_score(Known(classes), even[:1].repeat(50, 1)) == pytest.approx(1)


def test_inception_score_of_uneven_classes():
    # Three of four fall on one class: the exponential of the entropy of (3/4, 1/4).
    items = torch.tensor([0.0, 0.0, 0.0, 0.1])[:, None]
    wanted = math.exp(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))
    assert inception_score(Known(2), items) == pytest.approx(wanted, rel=1e-6)


def figures_of(training, reference, label_NA, **more):
    settings = {"sample_rate": RATE, "judge": Known(1)}
    return AudioFigures(
        training=training, reference=reference, label_NA=label_NA, **(settings | more)
    )


def test_measures_by_hand():
    flat = torch.full((2, 800), 0.5)
    reference = torch.stack([ended(flat[0], 200), ended(flat[1], 400)])
    figures = figures_of(flat, reference, np.zeros((2, 1), np.int64))
    # The width does not matter: NaN after the ends changes no metric.
    for width in (400, 1000):
        samples = torch.full((4, width), NAN)
        for row, (length, level) in zip(
            samples, [(100, 1.0), (200, 0.1), (300, 0.1), (400, 0.1)], strict=True
        ):
            row[:length] = level
        found = figures.measure(samples)
        assert found == pytest.approx(
            {
                # Up to 100 samples: a quarter against none; up to 200: a half against a half.
                "length_distance": 0.25,
                "loudness": -15.0,
                "loudness_deviation": math.sqrt(75.0),
                "silence_share": 0.0,
                "clipped_share": 0.25,
            },
            abs=1e-5,
        )
    assert set(found) <= {figure.name for figure in FIGURES}


def test_what_is_heard_is_held_to_what_was_asked():
    asked = np.array([[0, 0], [1, 0], [1, 0], [0, 0]])
    clips = torch.tensor([[0.1], [0.2], [0.3], [0.4]])
    words = {0.1: "no", 0.2: "yes", 0.3: None, 0.4: "yes"}

    def listen(heard, rate):
        assert rate == RATE
        return [words[round(float(clip[0]), 1)] for clip in heard]

    figures = figures_of(
        clips, clips, asked, words=["no", "yes"], listen=listen,
        rate=lambda heard, _: np.array([clip[0] for clip in heard]),
    )  # fmt: skip
    found = figures.measure(clips, asked)
    assert (found["recognised"], found["quality"]) == (0.5, pytest.approx(0.25))
    assert "recognised" not in figures.measure(clips)
    real, count = figures.real(4)
    assert (real["recognised"], count) == (0.5, 4)
    with pytest.raises(ValueError, match="a word for each class"):
        figures_of(clips, clips, asked, judge=Known(2), words=["no"], listen=listen)


def test_only_some_are_listened_to_whatever_their_order():
    asked = np.repeat([[0], [1]], 2 * HEARD, 0)
    heard, rated = [], []

    def listen(clips, _):
        heard.extend(clips)
        return ["no"] * len(clips)

    def rate(clips, _):
        rated.extend(clips)
        return np.ones(len(clips))

    clips = torch.zeros(4 * HEARD, 3)
    figures = figures_of(clips, clips, asked, words=["no", "yes"], listen=listen, rate=rate)
    # Sorted by class: the first ones alone would all be right.
    assert figures.measure(clips, asked)["recognised"] == pytest.approx(0.5, abs=0.1)
    assert (len(heard), len(rated)) == (HEARD, RATED)


def test_bad_clips_are_said():
    good, label_NA = tones(8, classes=2, seed=0)
    label_NA = label_NA.numpy()
    figures = figures_of(good, good, label_NA)
    hole = good.clone()
    hole[3, 5] = NAN
    endless = good.clone()
    endless[2, 5] = math.inf
    empty = good.clone()
    empty[1] = NAN
    for bad in (hole, endless, empty):
        with pytest.raises(
            NotMeasurable, match="empty, or contain values that are infinite or not a number"
        ):
            figures.measure(bad)
    with pytest.raises(TooFewSamples, match="at least one"):
        figures.measure(good[:0])
    for parts in ((good[:0], good), (good, good[:0])):
        with pytest.raises(TooFewSamples, match="one training and one test clip"):
            figures_of(*parts, label_NA)


def test_real_and_noise():
    training, _ = tones(400, classes=4, seed=0)
    reference, label_NA = tones(200, classes=4, seed=1)
    figures = figures_of(training, reference, label_NA.numpy())
    real, count = figures.real(300, seed=0)
    assert count == 200
    assert 0 < real["length_distance"] < 0.15  # training clips against the test part
    assert real["loudness"] == pytest.approx(float(loudness(reference).mean()), abs=1e-4)
    noise = figures.noise(300, seed=0)
    for seed, same in ((0, True), (1, False)):
        assert torch.allclose(noise, figures.noise(300, seed), equal_nan=True) is same
    found = figures.measure(noise)
    assert found["length_distance"] < 0.15
    assert found["clipped_share"] == 0
    # The power of what is even between -.95 and .95.
    assert found["loudness"] == pytest.approx(10 * math.log10(0.95**2 / 3), abs=0.1)
    assert set(real) == set(found)


# -- the judge ----------------------------------------------------------------------------------


def test_levels_of_a_sine():
    levels_TM = log_mel(sine(1000.0)[None], sample_rate=RATE)[0]
    middle_M = levels_TM[20]
    assert 0.8 < float(middle_M.max()) < 1.3
    # Ten times as quiet is 20 dB less, of a range of 50.
    quiet_M = log_mel(sine(1000.0, level=0.1)[None], sample_rate=RATE)[0, 20]
    assert float(middle_M.max() - quiet_M.max()) == pytest.approx(0.4, abs=1e-4)
    higher_M = log_mel(sine(3000.0)[None], sample_rate=RATE)[0, 20]
    assert int(higher_M.argmax()) > int(middle_M.argmax()) + 10
    assert not log_mel(torch.zeros(1, RATE), sample_rate=RATE).any()


@pytest.mark.parametrize("rate", [4000, 8000, 16000, 22050, 44100])
def test_every_band_holds_a_frequency(rate):
    # torchaudio warns of bands that do not, and a warning is an error here.
    found = log_mel(sine(samples=rate // 4, rate=rate)[None], sample_rate=rate)
    assert found.shape == (1, math.ceil(rate // 4 / round(0.016 * rate)), 40)


def test_what_does_not_exist_changes_nothing():
    items, _ = tones(6, classes=3, seed=0)
    shorter = torch.stack([ended(clip, 700) for clip in items])
    judge = SoundJudge(classes=(3, 2), sample_rate=RATE, samples=2000).eval()
    with torch.no_grad():
        torch.testing.assert_close(judge.features(shorter), judge.features(shorter[:, :700]))
        torch.testing.assert_close(judge.features(items), judge.features(of_width(items, 4000)))
        assert not torch.allclose(judge.features(items), judge.features(shorter))
    vectors = [mel_vectors(x, sample_rate=RATE, samples=2000) for x in (shorter, shorter[:, :700])]
    assert torch.equal(*vectors)
    assert torch.isfinite(vectors[0]).all()


def test_shapes_of_the_judge():
    judge = SoundJudge(classes=(10, 6), sample_rate=RATE, samples=4000)
    for width in (1, 100, 4000, 9000):
        features_BF = judge.features(torch.zeros(2, width))
        assert features_BF.shape == (2, FEATURES)
        assert [tuple(logit.shape) for logit in judge.logits(features_BF)] == [(2, 10), (2, 6)]
    sum(logit.sum() for logit in judge.logits(judge.features(sine()[None]))).backward()
    assert all(weight.grad is not None for weight in judge.parameters())
    assert "bands_QM" not in judge.state_dict()


def test_vectors_in_chunks_are_those_of_one_clip_at_a_time():
    items, _ = tones(600, classes=3, seed=0, width=800)
    vectors_NF = mel_vectors(items, sample_rate=RATE, samples=1000)
    assert vectors_NF.shape == (600, math.ceil(1000 / 128) * 40)
    for number in (0, 511, 512, 599):
        one_1F = mel_vectors(items[number : number + 1], sample_rate=RATE, samples=1000)
        torch.testing.assert_close(vectors_NF[number], one_1F[0], atol=1e-5, rtol=0)


def test_a_judge_tells_tones_apart_and_copies_are_found():
    # Few and short ones: a judge takes 600 steps at least.
    training, label_NA = tones(24, classes=4, seed=0, width=800)
    test, test_NA = tones(80, classes=4, seed=1, width=800)
    judge = train_judge(
        training,
        label_NA,
        make=lambda: SoundJudge(classes=(4,), sample_rate=RATE, samples=800),
        seed=0,
        epochs=1,
    )
    assert look(judge, test).accuracy(test_NA.numpy()) > 0.95

    def vectors(items):
        return mel_vectors(items, sample_rate=RATE, samples=800)

    reference = Reference(
        judge=judge, items=test, label_NA=test_NA.numpy(), training=vectors(training),
        flatten=vectors,
    )  # fmt: skip
    figures = figures_of(training, test, test_NA.numpy(), judge=judge)
    fresh, fresh_NA = tones(80, classes=4, seed=2, width=800)
    assert reference.measure(fresh, fresh_NA.numpy())["memorised"] < 0.1
    assert reference.measure(training, label_NA.numpy())["memorised"] == 1
    assert figures.measure(fresh)["inception_score"] > 3.5
    # One class alone, and one clip alone, are exposed.
    only = fresh[fresh_NA[:, 0] == 1]
    assert figures.measure(only)["inception_score"] < 1.2
    same = only[:1].repeat(80, 1)
    assert reference.measure(same, None)["spread"] < 0.01


# -- listeners trained elsewhere ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("package", "listen", "name"),
    [("pocketsphinx", hear_digits, "listen"), ("speechmos", rate_quality, "quality")],
)
def test_a_missing_package_is_said(monkeypatch, package, listen, name):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(NotMeasurable, match=rf'evaluation.{name}: .*"seqgan_kit\[listening\]"'):
        listen([np.zeros(800, np.float32)], RATE)


@pytest.fixture(scope="module")
def digits():
    """The spoken digits: items and labels of the training and of the test part."""
    folder = os.environ.get("SEQGAN_TEST_DATA")
    if folder is None:
        pytest.skip("SEQGAN_TEST_DATA does not name a folder with spoken_digits")
    from seqgan_kit.data.unequal import padded
    from seqgan_kit.kinds.audio.clips import ClipSettings
    from seqgan_kit.kinds.audio.datasets import spoken_digits

    settings = ClipSettings(sample_rate=RATE, max_seconds=1.024)
    dataset = spoken_digits(
        root=Path(folder) / "spoken_digits", settings=settings, validation=0.1, seed=0
    )

    def items(name):
        part = dataset.parts[name]
        return padded(list(part.items[: len(part)]), settings.max_samples), part.label_NA

    return {name: items(name) for name in ("training", "test")}


def clips_of(items):
    return [row[~np.isnan(row)] for row in items.numpy()]


def test_a_recogniser_hears_real_digits(digits):
    pytest.importorskip("pocketsphinx", reason="the extra `listening` is not installed")
    items, label_NA = digits["test"]
    clips = clips_of(items)
    wanted = [str(number) for number in label_NA[:, 0]]
    heard = hear_digits(clips, RATE)
    assert np.mean([one == other for one, other in zip(heard, wanted, strict=True)]) > 0.7
    # What is heard in a clip does not depend on the clips before it.
    assert hear_digits(clips[:60][::-1], RATE) == heard[:60][::-1]
    rng = np.random.default_rng(0)
    noise = [rng.uniform(-0.95, 0.95, 4000).astype(np.float32) for _ in range(20)]
    right = [one == other for one, other in zip(hear_digits(noise, RATE), wanted, strict=False)]
    assert np.mean(right) < 0.4


# librosa and ONNX Runtime give warnings about their own code.
@pytest.mark.filterwarnings("ignore")
def test_speech_is_rated_above_noise(digits):
    if not all(map(importlib.util.find_spec, ("speechmos", "onnxruntime", "librosa"))):
        pytest.skip("the extra `listening` is not installed")
    rng = np.random.default_rng(0)
    clips = clips_of(digits["test"][0][::75])
    noise = [rng.uniform(-0.95, 0.95, len(clip)).astype(np.float32) for clip in clips[:2]]
    speech, rated = rate_quality(clips, RATE), rate_quality(noise, RATE)
    assert speech.shape == (4,)
    assert speech.mean() > rated.mean() + 0.4
    assert ((speech >= 1) & (speech <= 5)).all()


def test_a_judge_of_real_digits(digits):
    # A few clips of one speaker: training on all of them takes minutes.
    (items, label_NA), (test, test_NA) = digits["training"], digits["test"]
    some = np.concatenate(
        [np.flatnonzero((label_NA == (digit, 0)).all(1))[:8] for digit in range(10)]
    )
    held = np.flatnonzero(test_NA[:, 1] == 0)
    judge = train_judge(
        items[some],
        torch.from_numpy(label_NA[some, :1]),
        make=lambda: SoundJudge(classes=(10,), sample_rate=RATE, samples=4096),
        seed=0,
        epochs=1,
    )
    assert look(judge, test[held]).accuracy(test_NA[held, :1]) > 0.85


def test_lengths_of_real_digits(digits):
    training, test = (digits[name][0] for name in ("training", "test"))
    found = length_distance((~training.isnan()).sum(1), (~test.isnan()).sum(1))
    assert found < 0.08
