"""Samples that go on from a beginning: series, sound, images; and how well they do."""

import csv
import json
import shutil

import numpy as np
import pytest
import soundfile
from PIL import Image

from seqgan_kit import load
from seqgan_kit.errors import NotSupported, UsageError
from seqgan_kit.kinds.series.continuing import crps

from .conftest import tiny

ROWS = [("9", step, 19 + 0.5 * step, 0.02 * step, "5") for step in range(4)]


@pytest.fixture(scope="session")
def series_run(tiny_runs):
    return tiny_runs("vowels_series_likelihood")


@pytest.fixture
def begun(tmp_path):
    def write(rows=ROWS, header=("id", "time", "heat", "flow", "site"), name="begun.csv"):
        path = tmp_path / name
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([header, *rows])
        return path

    return write


def rows_of(path):
    found = {}
    for row in csv.DictReader(path.read_text().splitlines()):
        found.setdefault(row["id"], []).append(row)
    return list(found.values())


def test_series_go_on_from_a_beginning(seqgen, series_run, begun, tmp_path):
    target = tmp_path / "made.csv"
    done = seqgen("sample", series_run, "--prompt", begun(), "-n", 5, "--out", target)
    assert done.code == 0, done.err
    series = rows_of(target)
    assert len(series) == 5
    for one in series:
        assert {row["site"] for row in one} == {"5"}
        np.testing.assert_allclose([float(row["heat"]) for row in one[:4]], [19, 19.5, 20, 20.5],
                                   atol=0.1)  # fmt: skip
    assert len({tuple(row["heat"] for row in one) for one in series}) > 1
    # Other labels, if they are asked for; all of them, if the file has none.
    both = tmp_path / "both.csv"
    assert seqgen("sample", series_run, "--prompt", begun(), "-n", 1, "--label", "3,5",
                  "--out", both).code == 0  # fmt: skip
    assert [one[0]["site"] for one in rows_of(both)] == ["3", "5"]
    bare = begun([row[:4] for row in ROWS], ("id", "time", "heat", "flow"), "bare.csv")
    assert seqgen("sample", series_run, "--prompt", bare, "-n", 1, "--out", tmp_path / "c.csv",
                  ).code == 0  # fmt: skip
    assert [one[0]["site"] for one in rows_of(tmp_path / "c.csv")] == ["3", "5"]
    # Values that a run cannot write are cut, and it says so.
    far = begun([(*row[:3], 1e6, row[4]) for row in ROWS], name="far.csv")
    cut = seqgen("sample", series_run, "--prompt", far, "-n", 1, "--out", tmp_path / "d.csv")
    assert (cut.code, "which are cut: 4 of 4" in cut.err) == (0, True)
    fan = tmp_path / "fan.png"
    assert seqgen("sample", series_run, "--prompt", begun(), "--out", fan).code == 0
    with Image.open(fan) as picture:
        assert picture.size[0] > 100
    sampler = load(series_run)
    steps_PC = np.array([[row[2], row[3]] for row in ROWS])
    for one in sampler.sample("3", count=2, prefix=steps_PC):
        np.testing.assert_allclose(one[:4], steps_PC, atol=0.1)


@pytest.mark.parametrize(
    ("rows", "code", "words"),
    [
        ([("9", 0, "", 1, "5")], 1, "no value at step 0"),
        ([("9", step, 0, 0, "5") for step in range(40)], 2, "a beginning of 40 steps: series of"),
        ([("9", 0, 1, 1, "8")], 2, "this run has no site '8'; it has 3, 5"),
        ([], 1, "contains no series"),
        # Labels that are there are read, or what is wrong with them is said.
        ([("9", 0, 1, 1, "")], 1, "site"),
        ([("9", 0, 1, 1, "3"), ("9", 1, 1, 1, "5")], 1, "its label changes"),
    ],
)
def test_beginnings_that_cannot_be_used(seqgen, series_run, begun, tmp_path, rows, code, words):
    refused = seqgen("sample", series_run, "--prompt", begun(rows), "--out", tmp_path / "m.csv")
    assert refused.code == code
    assert words in refused.err
    assert not (tmp_path / "m.csv").exists()


def test_runs_that_do_not_read_what_they_write(seqgen, tiny_runs, begun, tmp_path):
    run = tiny_runs("vowels_series")
    asked = ("sample", run, "--prompt", begun(), "--out", tmp_path / "m.csv")
    refused = seqgen(*asked)
    assert refused.code == 2
    assert "model.generator.feedback=true" in refused.err
    refused = seqgen(*asked, "--interpolate", "3..5")
    assert refused.code == 2
    refused = seqgen("sample", run, "--prompt", tmp_path / "none.csv", "--out", tmp_path / "m.csv")
    assert (refused.code, "there is no such file" in refused.err) == (1, True)
    with pytest.raises(NotSupported, match="does not read"):
        load(run).sample("3", prefix=np.zeros((2, 2)))


def test_the_upper_half_of_a_digit(seqgen, tiny_runs, tmp_path):
    run = tiny_runs("mnist_rows_likelihood")
    sampler = load(run)
    digit = (np.arange(64).reshape(8, 8) * 4).astype(np.uint8)
    Image.fromarray(digit).save(tmp_path / "digit.png")
    made = tmp_path / "made.npy"
    asked = ("--prompt", tmp_path / "digit.png", "--label", "3", "-n", 4, "--out", made)
    assert seqgen("sample", run, *asked).code == 0
    images = np.load(made)
    for image in images:
        np.testing.assert_allclose(image[:4], digit[:4] / 255, atol=0.01)
    assert np.abs(images[0, 4:] - images[1, 4:]).max() > 0
    np.testing.assert_allclose(sampler.sample(3, prefix=digit[:2] / 255)[0, :2], digit[:2] / 255,
                               atol=0.01)  # fmt: skip
    for wrong in (np.zeros((8, 8)), np.zeros((0, 8)), np.zeros((2, 5))):
        with pytest.raises(UsageError, match="it needs 1 to 7 rows of 8 pixels in grey"):
            sampler.sample(3, prefix=wrong)
    refused = seqgen("sample", run, *asked[:2], "--swap", "--out", tmp_path / "swap.png")
    assert (refused.code, "cannot be combined" in refused.err) == (2, True)


def test_sound_goes_on_from_a_recording(seqgen, tmp_path):
    rate, folder, run = 8000, tmp_path / "own", tmp_path / "run"
    time_S = np.arange(5000) / rate
    for number in range(2):
        (folder / str(number)).mkdir(parents=True)
        for take in range(16):
            sound_S = 0.5 * np.sin(2 * np.pi * (200 + 30 * take) * time_S[: 3000 + 100 * take])
            soundfile.write(folder / str(number) / f"{take}.wav", sound_S, rate)
    trained = seqgen(
        "train", "spoken_digits_mel_likelihood", *tiny("spoken_digits_mel_likelihood"),
        "data.source=recordings", f"data.root={folder}", "data.test=0.25", "--out", run,
    )  # fmt: skip
    assert trained.code == 0, trained.err
    soundfile.write(tmp_path / "begun.wav", 0.5 * np.sin(2 * np.pi * 300 * time_S[:1600]), rate)
    done = seqgen("sample", run, "--prompt", tmp_path / "begun.wav", "--out", tmp_path / "clips")
    assert done.code == 0, done.err
    for path in (tmp_path / "clips").glob("*.wav"):
        clip_S, _ = soundfile.read(path)
        spectrum = np.abs(np.fft.rfft(clip_S[200:1000] * np.hanning(800)))
        assert abs(spectrum.argmax() * rate / 800 - 300) < 60
    sampler = load(run)
    with pytest.raises(UsageError, match="a beginning of 5 ms: it needs 2 steps of 32 ms"):
        sampler.sample("0", prefix=np.zeros(40, np.float32))


def test_the_score_of_draws_is_that_of_its_definition():
    rng = np.random.default_rng(0)
    drawn_DSC, real_SC = rng.normal(size=(7, 3, 2)), rng.normal(size=(3, 2))
    pairs_SC = np.abs(drawn_DSC[:, None] - drawn_DSC[None]).sum((0, 1)) / (2 * 7 * 6)
    expected_SC = np.abs(drawn_DSC - real_SC).mean(0) - pairs_SC
    np.testing.assert_allclose(crps(drawn_DSC, real_SC), expected_SC)


def test_evaluate_measures_continuations(seqgen, series_run, tmp_path):
    # Of a copy, because figures are kept in the run.
    run = tmp_path / "run"
    shutil.copytree(series_run, run)
    done = seqgen("evaluate", run, "--sets", 1)
    assert done.code == 0, done.err
    figures = json.loads((run / "evaluation.json").read_text())["figures"]
    assert {"continuation_crps", "continuation_ratio", "continuation_coverage"} <= set(figures)
