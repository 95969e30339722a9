"""Spectrograms, audio players on a page, and summaries of audio data."""

import base64
import io
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from seqgan_kit.data.dataset import Dataset, Part
from seqgan_kit.data.unequal import padded, unpadded
from seqgan_kit.evaluation.evaluate import Pairs
from seqgan_kit.kinds.audio import drawing as sounds
from seqgan_kit.kinds.audio import panels as evidence_sound
from seqgan_kit.kinds.audio import summary
from seqgan_kit.kinds.audio.clips import Clips
from seqgan_kit.kinds.audio.codec import AudioCodec, learn_representation
from seqgan_kit.kinds.audio.judge import SoundJudge
from seqgan_kit.kinds.audio.kind import AUDIO
from seqgan_kit.measuring.bench import Bench
from seqgan_kit.models.sequence import RecurrentGenerator
from seqgan_kit.nn.heads import ContinuousHead
from seqgan_kit.pages import choosing_samples as evidence_parts
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.report import data, page
from seqgan_kit.runs.sampler import Sampler
from seqgan_kit.training.run import Run

from .test_page import HOSTILE, content_of, row
from .test_page import show as show  # the fixture

RATE = 8000


def sine(hertz, seconds=0.5, rate=RATE):
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(
        np.float32
    )


# -- spectrograms -------------------------------------------------------------------------------


@pytest.mark.parametrize("hertz", [200, 1000, 3000])
@pytest.mark.parametrize("rate", [8000, 22050])
def test_a_tone_is_a_line_at_its_place_on_the_mel_scale(hertz, rate):
    level_HW = sounds.decibels(sine(hertz, rate=rate), rate)
    mel = [2595 * np.log10(1 + f / 700) for f in (hertz, rate / 2)]
    expected = mel[0] / mel[1] * (sounds.HEIGHT - 1)
    middle_H = level_HW[:, level_HW.shape[1] // 2]
    assert abs(int(middle_H.argmax()) - expected) <= 1
    # There is nothing else except the side lobes of the window.
    far_H = np.abs(np.arange(sounds.HEIGHT) - expected) > 12
    assert middle_H[far_H].max() < -40
    assert level_HW.max() == 0
    assert level_HW.min() >= -sounds.RANGE_DB


def test_loudness_is_relative_and_silence_is_dark():
    loud, quiet = (sounds.decibels(gain * sine(700), RATE) for gain in (1.0, 0.01))
    np.testing.assert_allclose(loud, quiet, atol=0.05)
    half = np.concatenate([sine(700), 0.1 * sine(700)])
    level_HW = sounds.decibels(half, RATE)
    step = level_HW[:, 30].max() - level_HW[:, -30].max()
    assert step == pytest.approx(20, abs=0.1)
    silence = sounds.decibels(np.zeros(800, np.float32), RATE)
    assert (silence == -sounds.RANGE_DB).all()


def test_low_is_at_the_bottom_and_a_second_is_as_wide_everywhere():
    pixels = np.asarray(sounds.spectrogram_picture(sine(200), RATE).convert("L"), int)
    rows = pixels.mean(1)
    assert rows.argmax() > 0.75 * sounds.HEIGHT
    widths = [
        sounds.spectrogram_picture(sine(500, seconds, rate), rate).width
        for seconds, rate in ((0.4, 8000), (0.8, 8000), (0.8, 16000))
    ]
    assert widths == [51, 101, 101]
    # The shortest clips have a picture, too.
    assert sounds.spectrogram_picture(np.ones(1, np.float32), RATE).size == (1, sounds.HEIGHT)


def test_light_means_loud():
    picture = sounds.spectrogram_picture(sine(1000), RATE)
    brightness = Image.new("P", (sounds.LEVELS, 1))
    brightness.putpalette(picture.getpalette())
    brightness.putdata(range(sounds.LEVELS))
    grey = np.asarray(brightness.convert("L"), int)[0]
    assert (np.diff(grey) > 0).all()


def test_a_grid_has_a_row_a_name():
    rows = [[sine(300), sine(300, 0.25)], [sine(900)], []]
    grid = sounds.spectrogram_grid(rows, ["low", "high", "none"], RATE)
    assert grid.height == 3 * (sounds.HEIGHT + 4)
    pixels = np.asarray(grid)
    white = (pixels == 255).all(-1)
    right = slice(grid.width - 2 * (sounds.spectrogram_picture(sine(300), RATE).width + 4), None)
    painted = [1 - white[y * 68 : (y + 1) * 68, right].mean() for y in range(3)]
    assert painted[0] > painted[1] > painted[2] == 0


# -- panels -------------------------------------------------------------------------------------


def test_a_panel_holds_picture_and_sound():
    clips = [sine(300, 0.5), 1.5 * sine(500, 0.25) / 0.5]
    panel = sounds.sound_panel(clips, RATE, ["7 ann", ""])
    assert panel["kind"] == "sound"
    for clip, one in zip(clips, panel["clips"], strict=True):
        played, rate = soundfile.read(io.BytesIO(base64.b64decode(one["wav"])))
        assert rate == RATE
        # A clip above full scale is scaled down as a whole.
        np.testing.assert_allclose(played, clip / max(np.abs(clip).max(), 1), atol=1e-4)
        with Image.open(io.BytesIO(base64.b64decode(one["png"]))) as picture:
            assert picture.size == (one["width"], one["height"])
        assert one["seconds"] == len(clip) / RATE
    first = panel["clips"][0]
    assert first["alt"] == "spectrogram of 7 ann: 0.50 seconds, 0 to 4000 Hz"
    # A page with 180 clips of half a second should have a few megabytes at most.
    assert len(first["wav"]) + len(first["png"]) < 16_000


def test_joined_clips_have_pauses_between():
    walk = sounds.joined([np.ones(10, np.float32), np.ones(5, np.float32)], RATE)
    assert len(walk) == 10 + 1200 + 5
    assert walk.sum() == 15
    assert not walk[10:1210].any()
    assert len(sounds.joined([np.ones(3, np.float32)], RATE)) == 3


# -- the page -----------------------------------------------------------------------------------


def sound_content(*models, captions=("ann", "bob", "cy")):
    content = content_of(*models, classes=("seven", "eight"))
    clips = [sine(hertz, seconds) for hertz, seconds in ((300, 0.3), (600, 0.5), (900, 0.8))]
    panel = sounds.sound_panel(clips, RATE, captions)
    content["real_samples"] = dict.fromkeys(("seven", "eight"), panel)
    for model in content["models"]:
        model["samples"] = dict.fromkeys(("seven", "eight"), panel)
        model["panels"] = [{"title": "Interpolation", "explanation": "On the way.",
                            "panel": panel}]  # fmt: skip
    return content


def test_a_page_of_sound_is_one_file():
    html = page.render(sound_content(row("a"), row("b"), captions=(HOSTILE, "", "cy")))
    assert not re.search(r"(src|href)=\"(?!data:|#)", html)
    assert "media-src data:;" in html
    assert "<script>alert" not in html
    assert html.count("</script>") == 2
    # Real data and two models, two classes of three clips; and a panel of each model.
    assert html.count("<audio controls") == 3 * 2 * 3 + 2 * 3
    assert html.count('preload="none"') == 24


def test_sound_can_be_played(show):
    tab = show(sound_content(row("a"), row("b", colour=1)))
    players = tab.locator("#shelves audio:visible")
    assert players.count() == 9
    assert players.first.get_attribute("aria-label") == "ann"
    lasted = tab.evaluate(
        """async () => {
          const [one, other] = document.querySelectorAll("audio");
          one.muted = other.muted = true;
          const ready = (it) => new Promise((done, failed) => {
            it.addEventListener("loadedmetadata", () => done(it.duration));
            it.addEventListener("error", () => failed(it.error.message));
            it.preload = "auto"; it.load();
          });
          const lasted = [await ready(one), await ready(other)];
          one.loop = true;
          await one.play();
          await other.play();
          await new Promise((done) => setTimeout(done, 50));
          return [...lasted, one.paused];
        }"""
    )
    assert lasted[:2] == pytest.approx([0.3, 0.5], abs=0.01)
    assert lasted[2]  # One at a time.


def test_pages_of_sound_fit_and_pictures_share_a_scale(show):
    models = [row(f"a_name_without_any_gap_{k}" * 3, colour=k) for k in range(3)]
    for width in (320, 390, 1200):
        tab = show(sound_content(*models), width)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        for shelf in ("#shelves", "#closer"):
            pictures = tab.locator(f"{shelf} .sounds").first.locator("img").all()
            widths = [picture.bounding_box()["width"] for picture in pictures]
            assert widths == [76, 126, 202]
        tab.get_by_role("radio", name="All").check()
        assert tab.locator("#shelves .sounds img").first.bounding_box()["width"] == 76
    tab.get_by_role("checkbox", name=models[0]["name"]).uncheck()
    assert tab.locator("#shelves audio:visible").count() == 3 * 3 * 2
    tab.emulate_media(media="print")
    assert tab.locator("audio:visible").count() == 0
    assert tab.locator("#shelves .sounds img:visible").count() == 3 * 3 * 2


# -- evidence -----------------------------------------------------------------------------------

LABELS = {"digit": ("seven", "eight"), "speaker": ("ann", "bob", "cy")}


def spoken(count, seed):
    """Make clips of unequal lengths with labels; (eight, cy) never occurs."""
    generator = np.random.default_rng(seed)
    label_NA = np.array([[0, 0], [0, 1], [0, 2], [1, 0], [1, 1]])[np.arange(count) % 5]
    clips = [
        sine(300 + 400 * digit + 50 * speaker, generator.uniform(0.2, 0.5))
        for digit, speaker in label_NA
    ]
    start_N = np.cumsum([0, *map(len, clips)])
    return Part(Clips(np.concatenate(clips), start_N), label_NA)


@pytest.fixture(scope="module")
def dataset():
    parts = {"training": spoken(40, 0), "validation": spoken(5, 1),
             "test": spoken(20, 2)}  # fmt: skip
    return Dataset("spoken", parts, LABELS, "x")


@pytest.fixture(scope="module")
def codec(dataset):
    sizes = {"sample_rate": RATE, "samples": RATE // 2}
    settings = {"kind": "log-mel", "griffin_lim": 2}
    learned = learn_representation(dataset.parts["training"].items, settings, **sizes)
    return AudioCodec(peak=0.95, representation=learned, **sizes)


def sampler_of(codec, classes, labels):
    torch.manual_seed(0)
    network = RecurrentGenerator(
        head=ContinuousHead(8, codec.features), classes=classes, steps=codec.steps, hidden_size=8,
        input_size=8, noise_size=4, step_noise_size=2, label_size=4,
    )  # fmt: skip
    return Sampler(network.eval(), codec, labels, torch.device("cpu"))


class FewClips(Bench):
    """The parts of a bench that panels use; sample n is nearest to training clip n + 3."""

    def __init__(self, dataset):
        test = dataset.parts["test"]
        self.dataset = self.exact = dataset
        self.samples, self.label_NA = 50, test.label_NA
        self.kind = AUDIO
        self.recipe = recipe_files.load("spoken_digits_mel", [f"data.sample_rate={RATE}"])
        self.measure = SimpleNamespace(real=lambda raw: padded(list(raw), RATE // 2))
        self.test = self.measure.real(test.items[: len(test)])
        self.reference = SimpleNamespace(
            judge=SoundJudge(classes=(2, 3), sample_rate=RATE, samples=RATE // 2).eval(),
            labels_for=lambda count: np.resize(test.label_NA, (count, 2)),
            nearest_pairs=lambda _, count: Pairs(
                np.arange(count), np.arange(count) + 3, np.zeros(count)
            ),
        )


@pytest.fixture(scope="module")
def bench(dataset):
    return FewClips(dataset)


@pytest.fixture(scope="module")
def recipe():
    return recipe_files.load("mnist_rows")  # The tests only use whether it has labels.


def test_real_clips_are_shown_by_the_first_attribute(bench):
    panels = evidence_sound.real_samples(bench)
    assert list(panels) == ["seven", "eight"]
    test = bench.dataset.parts["test"]
    for number, name in enumerate(panels):
        clips = panels[name]["clips"]
        assert len(clips) == evidence_sound.SHEET
        members = np.flatnonzero(test.label_NA[:, 0] == number)
        known = {
            (LABELS["speaker"][test.label_NA[n, 1]], len(test.items[n : n + 1][0]) / RATE)
            for n in members
        }
        assert {(clip["caption"], clip["seconds"]) for clip in clips} <= known


def test_samples_take_turns_in_the_labels_that_occur(bench, codec, recipe):
    sampler = sampler_of(codec, (2, 3), LABELS)
    panels = evidence_sound.samples(bench, recipe, sampler, 3)
    assert [clip["caption"] for clip in panels["seven"]["clips"]] == ["ann", "bob", "cy"]
    assert [clip["caption"] for clip in panels["eight"]["clips"]] == ["bob", "ann", "bob"]
    assert evidence_sound.samples(bench, recipe, sampler, 3) == panels
    assert evidence_sound.samples(bench, recipe, sampler, 4) != panels


def test_samples_without_labels_are_sorted_by_the_judge(bench, codec):
    sampler = sampler_of(codec, (1,), {"label": ("any",)})
    recipe = recipe_files.load("mnist_rows", ("conditional=false",))
    panels = evidence_sound.samples(bench, recipe, sampler, 0)
    assert panels
    assert set(panels) <= {"seven", "eight"}


def test_walks_and_nearest_clips(bench, codec, monkeypatch):
    sampler = sampler_of(codec, (2, 3), LABELS)
    run = Run.__new__(Run)  # The panels only look for its discriminator, and it has none.
    run.path = Path("run")
    monkeypatch.setattr(Run, "checkpoint", lambda *_: Path("step-1"))
    likelihood = recipe_files.load("mnist_rows_likelihood")
    walks, nearest = evidence_sound.panels(bench, run, likelihood, sampler, 0)
    captions = [clip["caption"] for clip in walks["panel"]["clips"]]
    assert len(set(captions)) == evidence_sound.WALKS
    assert all(" to " in caption for caption in captions)
    # On some walk the digit changes, and on some the speaker.
    ends = [[end.split() for end in caption.split(" to ")] for caption in captions]
    assert any(start[0] != end[0] for start, end in ends)
    assert any(start[1] != end[1] for start, end in ends)
    pause = sounds.PAUSE_SECONDS
    shortest = (evidence_sound.WALK_STEPS - 1) * pause
    assert min(clip["seconds"] for clip in walks["panel"]["clips"]) > shortest
    shown = nearest["panel"]["clips"]
    assert len(shown) == 2 * evidence_parts.PAIRS
    assert shown[0]["caption"] == "sample 1"
    assert shown[1]["caption"] == "nearest to sample 1: eight ann"
    training = bench.dataset.parts["training"]
    assert shown[1]["seconds"] == len(training.items[3:4][0]) / RATE
    assert "Of 50 samples, the 6" in nearest["explanation"]


# -- what data look like ------------------------------------------------------------------------


def test_the_summary_of_sound(dataset, codec):
    text = data.summary(dataset, codec)
    assert f"{codec.steps} steps of {codec.features} numbers" in text
    assert "speaker cy" in text
    lines = {line[:20].strip(): line[20:].split() for line in
             summary.summary(dataset, codec).splitlines()}  # fmt: skip
    assert lines["8000 Hz"] == ["training", "validation", "test"]
    seconds = np.diff(dataset.parts["training"].items.start_N) / RATE
    assert lines["in all"][:2] == [f"{seconds.sum():.1f}", "s"]
    assert lines["shortest"][0] == f"{seconds.min():.2f}"
    assert lines["median"][0] == f"{np.median(seconds):.2f}"
    assert lines["longest"][0] == f"{seconds.max():.2f}"


def test_the_summary_of_tokens_of_sound(dataset):
    settings = {"kind": "mu-law", "levels": 32}
    codec = AudioCodec(sample_rate=RATE, samples=400, peak=None, representation=settings)
    assert "one of 33 tokens" in data.summary(dataset, codec)


def test_an_empty_part_has_no_lengths(dataset, codec):
    none = Part(Clips(np.zeros(0, np.float32), np.zeros(1, int)), np.zeros((0, 2), int))
    lacking = Dataset("x", {**dataset.parts, "validation": none}, LABELS, "x")
    median = next(line for line in summary.summary(lacking, codec).splitlines()
                  if line.startswith("median"))  # fmt: skip
    assert len(median[20:].split()) == 2


def test_a_sheet_has_a_row_for_every_class_of_every_attribute(dataset, codec):
    sheet = summary.contact_sheet(dataset, codec)
    assert sheet.height == 5 * (sounds.HEIGHT + 4)
    width = max(
        sounds.spectrogram_picture(clip, RATE).width
        for clip in unpadded(codec.decode(*codec.encode(dataset.parts["training"].items[:40])))
    )
    assert sheet.width > summary.ACROSS * (width - 8)


def test_the_command_shows_counts_and_spectrograms(seqgen, dataset, monkeypatch, tmp_path):
    monkeypatch.setattr(type(AUDIO), "load", lambda *_: dataset)
    sheet = tmp_path / "sheet.png"
    asked = ("data", "show", "spoken_digits_mel", f"data.sample_rate={RATE}")
    shown = seqgen(*asked, "data.max_seconds=0.5", "--sheet", sheet)
    assert shown.code == 0, shown.err
    for words in ("digit seven", "speaker cy", "8000 Hz", "in all", "median", "longest"):
        assert words in shown.out
    with Image.open(sheet) as picture:
        assert picture.height == 5 * (sounds.HEIGHT + 4)
