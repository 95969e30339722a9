"""Runs of series: sampled, measured and shown from their folder alone."""

import csv
import io
import json
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from seqgan_kit import load
from seqgan_kit.kinds.series.datasets import own_series
from seqgan_kit.kinds.series.items import Columns
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.runs import workflow


@pytest.fixture(scope="session")
def vowels_run(tiny_runs):
    return tiny_runs("vowels_series")


def test_a_table_can_be_learned_from_again(seqgen, vowels_run, tmp_path):
    target = tmp_path / "made.csv"
    done = seqgen("sample", vowels_run, "-n", 15, "--out", target)
    assert (done.code, done.out) == (0, f"{target}\n")
    rows = list(csv.DictReader(target.read_text().splitlines()))
    assert list(rows[0]) == ["id", "time", "heat", "flow", "site"]
    assert len({row["id"] for row in rows}) == 30
    assert {row["site"] for row in rows} == {"3", "5"}
    again = own_series(root=target, columns=Columns(labels=("site",)))
    assert again.channels == ("heat", "flow")
    assert sum(map(len, again.parts.values())) == 30
    # The same seed, the same bytes; another, others; and what is there stays.
    for name, seed, same in (("again.csv", 0, True), ("other.csv", 1, False)):
        seqgen("sample", vowels_run, "-n", 15, "--out", tmp_path / name, "--seed", seed)
        assert ((tmp_path / name).read_bytes() == target.read_bytes()) is same
    refused = seqgen("sample", vowels_run, "--out", target)
    assert refused.code == 2
    assert "exists and is not overwritten" in refused.err


def test_a_table_on_standard_output(seqgen, vowels_run):
    done = seqgen("sample", vowels_run, "--label", "3", "-n", 2, "--out", "-")
    rows = list(csv.reader(done.out.splitlines()))
    assert rows[0] == ["id", "time", "heat", "flow", "site"]
    assert {row[4] for row in rows[1:]} == {"3"}
    assert "2 series" in done.err


def test_arrays_can_be_learned_from_again(seqgen, vowels_run, tmp_path):
    target = tmp_path / "made.npz"
    assert seqgen("sample", vowels_run, "-n", 15, "--out", target).code == 0
    with np.load(target) as made:
        assert made["x"].shape[0] == 30
        assert np.isfinite(made["x"]).all()
        assert made["channel"].tolist() == ["heat", "flow"]
        assert made["site"].tolist() == ["3"] * 15 + ["5"] * 15
        for row, length in zip(made["x"], made["length"], strict=True):
            assert not row[length:].any()
    again = own_series(root=target, columns=Columns())
    assert list(again.labels) == ["site"]


def test_pictures(seqgen, vowels_run, tmp_path):
    done = seqgen("sample", vowels_run)
    assert done.out == f"{vowels_run}/samples/series.png\n"
    with Image.open(vowels_run / "samples/series.png") as shown:
        # Two labels, two channels; grey real lines behind blue ones.
        colours = {colour for _, colour in shown.getcolors(100_000)}
    assert (0, 82, 148) in colours
    assert (190, 186, 178) in colours
    walk = tmp_path / "walk.png"
    assert seqgen("sample", vowels_run, "--interpolate", "3..5", "--out", walk).code == 0
    with Image.open(walk) as shown:
        assert shown.width > shown.height


def test_a_picture_without_the_data_says_so(seqgen, tmp_path, small_series):
    root = tmp_path / "moved.npz"
    root.write_bytes(small_series.read_bytes())
    data = f"data={{source: series, root: {root}, test: 0.3, validation: 0.1}}"
    from .conftest import tiny

    recipe = recipe_files.load("vowels_series", (*tiny("vowels_series"), data))
    run = workflow.train(recipe, out=tmp_path / "run").run.path
    root.unlink()
    done = seqgen("sample", run)
    assert done.code == 0
    assert "no real series behind the samples" in done.err
    assert seqgen("sample", run, "--out", tmp_path / "still.csv").code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--out", "folder"], "ends in .csv, .npz or .png"),
        (["--label", "north"], "no site 'north'; it has 3, 5"),
        (["--temperature", "0.5"], "--temperature is not supported for series runs"),
        (["--interpolate", "3..5", "--out", "a.csv"], "--interpolate writes a picture"),
        (["--interpolate", "3"], "--interpolate takes two labels"),
        (["--format", "wav"], "--format"),
    ],
)
def test_what_cannot_be_sampled(seqgen, vowels_run, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    done = seqgen("sample", vowels_run.resolve(), *arguments)
    assert done.code == 2
    assert words in done.err
    assert "Traceback" not in done.err


def test_a_sampler_gives_arrays(vowels_run):
    made = load(vowels_run).sample("5", count=3)
    assert made.dtype == object
    assert {one.shape[1] for one in made} == {2}


def test_figures_and_a_page(seqgen, vowels_run):
    done = seqgen("evaluate", vowels_run, "--json", "--no-gan-train")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    names = {
        "discriminative_score", "discriminative_score_large", "predictive_score", "mmd", "mmd_p",
        "autocorrelation_distance", "marginal_distance", "length_distance", "spread", "memorised",
        "label_accuracy",
    }  # fmt: skip
    for row in (found["models"][0]["figures"], found["real"], found["noise"]):
        assert names <= set(row)
    near, far = (found[row]["autocorrelation_distance"]["mean"] for row in ("real", "noise"))
    assert near < far
    assert seqgen("report", vowels_run, "--no-gan-train").code == 0
    page = (vowels_run / "report.html").read_text()
    assert "over real test series (grey)" in page
    assert "Nearest to the training part" in page


def test_samples_from_elsewhere(seqgen, vowels_run, tmp_path):
    made = tmp_path / "made.npz"
    seqgen("sample", vowels_run, "-n", 20, "--out", made)
    recipe = vowels_run / "recipe.yaml"
    asked = ("evaluate", "--recipe", recipe, "--json", "--no-gan-train", "--samples")
    done = seqgen(*asked, made)
    assert done.code == 0, done.err
    figures = json.loads(done.out)["models"][0]["figures"]
    assert {"label_accuracy", "mmd", "spread"} <= set(figures)
    seqgen("sample", vowels_run, "-n", 20, "--out", tmp_path / "made.csv")
    again = json.loads(seqgen(*asked, tmp_path / "made.csv").out)["models"][0]["figures"]
    # A table keeps seven digits.
    assert again["spread"]["mean"] == pytest.approx(figures["spread"]["mean"], abs=1e-4)
    np.savez(tmp_path / "other.npz", x=np.zeros((9, 4, 2)), site=np.array(["north"] * 9),
             channel=np.array(["heat", "flow"]))  # fmt: skip
    wrong = seqgen(*asked, tmp_path / "other.npz")
    assert wrong.code == 2
    assert "has no site 'north'; it has 3, 5" in wrong.err
    np.save(tmp_path / "one.npy", np.zeros((9, 4, 1)))
    assert "site" in seqgen(*asked, tmp_path / "one.npy").err


def test_what_the_data_hold(seqgen, small_series, tmp_path):
    sheet = tmp_path / "sheet.png"
    data = f"data={{source: series, root: {small_series}}}"
    done = seqgen("data", "show", "vowels_series", data, "codec.max_length=null", "--sheet", sheet)
    assert done.code == 0, done.err
    assert "site 3" in done.out
    assert "heat" in done.out
    with Image.open(sheet) as shown:
        assert shown.width > 100
    wrong = seqgen("data", "show", "vowels_series", "data={source: series, root: nowhere.csv}")
    assert wrong.code == 1
    assert "no such file or folder" in wrong.err


def test_the_recipes_of_series_share_their_data(tiny_runs):
    runs = [tiny_runs(f"{name}_series{kind}") for name in ("vowels", "sines")
            for kind in ("", "_likelihood", "_vae")]  # fmt: skip
    prints = [workflow.Run(run).info["data"]["fingerprint"] for run in runs]
    assert len(set(prints[:3])) == 1
    assert len(set(prints[3:])) == 1


def test_tokens_do_not_come_from_series():
    with pytest.raises(recipe_files.RecipeError, match=r"requires codec\.kind 'series'"):
        recipe_files.load("vowels_series", ("codec={kind: rows}",))


# -- samples of a wanted length -----------------------------------------------------------------


def lengths_of(table):
    rows = list(csv.DictReader(io.StringIO(table)))
    return Counter(row["id"] for row in rows)


def test_samples_of_a_wanted_length(vowels_run, seqgen):
    run = vowels_run
    free = lengths_of(seqgen("sample", run, "-n", "40", "--out", "-").out)
    least, most = min(free.values()), max(free.values())
    asked = seqgen("sample", run, "-n", "5", "--length", f"{least}..{most}", "--out", "-")
    assert asked.code == 0, asked.err
    assert all(least <= n <= most for n in lengths_of(asked.out).values())
    common = Counter(free.values()).most_common(1)[0][0]
    exact = seqgen("sample", run, "-n", "5", "--length", common, "--out", "-")
    assert set(lengths_of(exact.out).values()) == {common}
    assert len(lengths_of(exact.out)) == len(free) / 8


@pytest.mark.parametrize(
    ("length", "words"),
    [("x", "expected a number of steps, or A..B"), ("9..3", "expected a number of steps"),
     ("0", "writes series of 1 to"), ("4000", "writes series of 1 to")],
)  # fmt: skip
def test_lengths_that_cannot_be(vowels_run, seqgen, tmp_path, length, words):
    shown = seqgen("sample", vowels_run, "--length", length, "--out",
                   tmp_path / "a.csv")  # fmt: skip
    assert shown.code == 2
    assert words in shown.err
    assert not (tmp_path / "a.csv").exists()


def test_a_length_that_the_network_hardly_writes(vowels_run, seqgen, tmp_path, monkeypatch):
    from seqgan_kit.kinds.series import lengths

    monkeypatch.setattr(lengths, "ROUNDS", 2)
    run = vowels_run
    free = Counter(lengths_of(seqgen("sample", run, "-n", "300", "--out", "-").out).values())
    rare = min(range(1, load(run).codec.steps + 1), key=lambda steps: free[steps])
    shown = seqgen("sample", run, "-n", "800", "--length", rare, "--out", tmp_path / "a.csv")
    assert shown.code == 2
    assert "were drawn" in shown.err
    assert not (tmp_path / "a.csv").exists()


def test_series_of_one_length_have_no_other(tiny_runs, seqgen):
    run = tiny_runs("sines_series")
    assert seqgen("sample", run, "--length", "7", "--out", "-").code == 2
    same = seqgen("sample", run, "-n", "2", "--length", "24", "--out", "-")
    assert same.out == seqgen("sample", run, "-n", "2", "--out", "-").out
