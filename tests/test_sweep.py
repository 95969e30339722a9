"""Search of settings: what is tried, and what is chosen on validation."""

import csv
import json

import pytest

from seqgan_kit.recipe.search_space import Axis, SpaceError, parse_axis, settings

from .conftest import SMALLER, TINY_EVALUATION

TINY = (*SMALLER["recurrent_gan"], "train.steps=10", "train.batch_size=16", *TINY_EVALUATION)


def test_grids_and_draws():
    axes = [parse_axis("a.b=1,2"), parse_axis("c=[1,2],'x,y'"), parse_axis("d=3..5")]
    assert [axis.values for axis in axes] == [("1", "2"), ("[1,2]", "'x,y'"), ("3", "4", "5")]
    grid = settings(axes, trials=None, seed=0)
    assert len(grid) == len(set(grid)) == 12
    assert settings(axes, trials=50, seed=0) == grid
    axes.append(parse_axis("rate=1e-4..1e-2"))
    assert axes[-1] == Axis("rate", (), 1e-4, 1e-2)
    drawn = settings(axes, trials=40, seed=1)
    assert len(set(drawn)) == 40
    assert settings(axes, trials=10, seed=1) == drawn[:10]
    rates = [float(dict(one)["rate"]) for one in drawn]
    assert min(rates) < 5e-4 < 2e-3 < max(rates)
    assert all(1e-4 <= rate <= 1e-2 for rate in rates)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a", "expected KEY=VALUE"),
        ("a=", "expected KEY=VALUE"),
        ("a=1,,2", "empty, or there twice"),
        ("a=1,1", "there twice"),
        ("a=3..2", "the range is empty"),
        ("a=0..5000", "at most 1000"),
    ],
)
def test_no_axes(text, words):
    with pytest.raises(SpaceError, match=words):
        parse_axis(text)


def test_spaces_that_are_too_large():
    with pytest.raises(SpaceError, match="--trials"):
        settings([parse_axis("a=0.1..0.2")], trials=None, seed=0)
    axes = [parse_axis("a=0..99"), parse_axis("b=0..99")]
    with pytest.raises(SpaceError, match="a grid of 10,000"):
        settings(axes, trials=None, seed=0)
    assert len(settings(axes, trials=5, seed=0)) == 5


def test_a_search_from_recipe_to_page(seqgen, tmp_path):
    out = tmp_path / "out"
    arguments = ("sweep", "digits_rows", *TINY, "train.learning_rate=1e-4,1e-2", "seed=0..1")
    arguments += ("--samples", "60", "--sets", "1")
    shown = seqgen(*arguments, "--out", out)
    assert shown.code == 0, shown.err
    with (out / "settings.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["train.learning_rate"] for row in rows} == {"1e-4", "1e-2"}
    distances = [float(row["frechet_judge_distance"]) for row in rows]
    assert distances == sorted(distances)
    assert [row["seeds"] for row in rows] == ["2", "2"]
    content = json.loads((out / "sweep.json").read_text())
    assert content["rows"][0]["values"]["frechet_judge_distance"]["mean"] == distances[0]
    notes = " ".join(content["notes"])
    assert f"The best is learning_rate={rows[0]['train.learning_rate']}" in notes
    assert "validation items" in notes
    best = shown.out.splitlines()[-2]
    assert rows[0]["train.learning_rate"] in best
    # Of all settings the validation part was measured, and of the best one the test part.
    runs = sorted((out / "runs").iterdir())
    assert len(runs) == 4
    assert all((run / "validation.json").exists() for run in runs)
    assert sum((run / "evaluation.json").exists() for run in runs) == 2
    key = json.loads((runs[0] / "validation.json").read_text())["settings"]
    assert key["part"] == "validation"
    # Again, by another metric: nothing is trained.
    again = seqgen(*arguments, "--out", out, "--by", "recall")
    assert again.code == 0, again.err
    assert again.err.count("trained before") == 4
    assert "recall, on the validation part" in again.out


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (("train.steps=20",), "nothing to search"),
        (("train.steps=20,30", "train.steps=5"), "train.steps is given twice"),
        (("train.stps=20,30",), "did you mean 'steps'"),
        (("train.steps=20,30", "--by", "recal"), "did you mean 'recall'"),
        (("train.steps=20,30", "--by", "parameters"), "no such metric to choose by"),
        (("data.seed=1,2",), "learn from different data"),
        (("data.validation=0", "train.steps=20,30"), "no validation part"),
    ],
)
def test_what_cannot_be_searched(seqgen, tmp_path, changes, words):
    shown = seqgen(
        "sweep", "digits_rows", *SMALLER["recurrent_gan"], *changes, "--out", tmp_path / "out"
    )
    assert shown.code in (1, 2)
    assert words in shown.err
    assert not (tmp_path / "out" / "runs").exists()
