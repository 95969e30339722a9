"""Comparisons: one budget, one page, going on where they stopped."""

import csv
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from seqgan_kit.evaluation.figures import Value
from seqgan_kit.measuring.evaluation import Evaluation
from seqgan_kit.pages import measuring_runs, training_runs
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.recipe.files import RecipeError
from seqgan_kit.runs import workflow
from seqgan_kit.tasks.task import Local
from seqgan_kit.training.run import Run

from .conftest import SMALL_DATA, SMALLER, TINY_EVALUATION, tiny

QUICK = ("--samples", "60", "--sets", "1", "--no-gan-train")


@pytest.fixture
def three(tmp_path):
    """A comparison of three tiny models, and the arguments that run it."""
    rows = [*SMALLER["recurrent_gan"], "train.batch_size=16"]
    images = [*SMALLER["dense"], *SMALL_DATA]
    models = [
        {"name": "rows GAN", "recipe": "digits_rows", "overrides": rows},
        {"name": "dense GAN", "recipe": "mnist_gan", "overrides": images},
        {"name": "VAE", "recipe": "mnist_vae", "overrides": [*SMALLER["vae"], *SMALL_DATA]},
    ]
    path = tmp_path / "three.yaml"
    path.write_text(json.dumps({"samples_seen": 1280, "models": models}))
    return path, ("compare", path, *TINY_EVALUATION, *QUICK, "--out", tmp_path / "out")


def test_the_bundled_comparison_names_what_there_is():
    compared, recipes = recipe_files.load_comparison("compare/mnist", ["minutes=1", "seed=4"])
    assert list(recipes) == [
        "rows GAN (LSTM)", "rows GAN (GRU)", "rows likelihood", "rows VAE", "dense GAN", "DCGAN",
        "VAE", "CVAE",
    ]  # fmt: skip
    assert compared.minutes == 1
    assert {recipe.seed for recipe in recipes.values()} == {4}
    assert {recipe.data.source for recipe in recipes.values()} == {"mnist"}
    assert [name for name, recipe in recipes.items() if not recipe.conditional] == ["VAE"]
    budgeted = training_runs.budgeted(recipes["DCGAN"], compared, seed=9)
    assert (budgeted.train.minutes, budgeted.seed) == (1, 9)
    assert budgeted.train.steps == training_runs.ENDLESS


def test_a_comparison_from_recipes_to_page(seqgen, three, tmp_path):
    shown = seqgen(*three[1])
    assert shown.code == 0, shown.err
    for word in ("rows GAN", "dense GAN", "VAE", "held-out real data", "noise"):
        assert word in shown.out
    folder = tmp_path / "out"
    content = json.loads((folder / "compare.json").read_text())
    assert [row["name"] for row in content["rows"]][:3] == ["rows GAN", "dense GAN", "VAE"]
    assert content["budget"] == "1,280 training items seen by each model"
    # A GAN draws two batches in a step, and its batches are of 16 and 32; the VAE's are of 64.
    assert [model["steps"] for model in content["models"]] == [40, 20, 20]
    assert content["models"][0]["curves"]["loss/generator"]
    with (folder / "compare.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert {line["model"] for line in lines} >= {"rows GAN", "noise", "held-out real data"}
    assert "| rows GAN" in (folder / "compare.md").read_text()
    page = (folder / "compare.html").read_text()
    for title in ("Interpolation", "Label swap", "What the discriminator sees", "Nearest"):
        assert title in page
    assert "<script src" not in page
    # Again: nothing is trained, and nothing is measured.
    again = seqgen(*three[1])
    assert again.code == 0
    assert again.err.count("trained before") == 3
    assert ": training" not in again.err


def test_an_interrupted_comparison_goes_on(three, tmp_path):
    compared, recipes = recipe_files.load_comparison(str(three[0]))
    done = []

    class Stop(Exception):
        pass

    def watched(after):
        from contextlib import nullcontext

        count = [0]

        def report(_):
            count[0] += 1

        def say(line):
            done.extend([line] if " of 3): " in line else [])

        return Local(
            lambda task: nullcontext(
                workflow.Watch(say=say, report=report, should_stop=lambda: count[0] >= after)
            )
        )

    planned = training_runs.plan(compared, recipes, tmp_path / "c", seeds=1)
    first = training_runs.train_all(planned, watched(50))
    assert first is None  # 40 steps of the first model, stopped in the second.
    assert done == ["rows GAN (1 of 3): training", "dense GAN (2 of 3): training"]
    done.clear()
    planned = training_runs.plan(compared, recipes, tmp_path / "c", seeds=1)
    second = training_runs.train_all(planned, watched(1000))
    assert done == [
        "rows GAN (1 of 3): trained before", "dense GAN (2 of 3): resuming",
        "VAE (3 of 3): training",
    ]  # fmt: skip
    assert [entry.runs[0].checkpoint().name for entry in second] == [
        "step-00000040", "step-00000020", "step-00000020",
    ]  # fmt: skip


def test_several_seeds(seqgen, three, tmp_path):
    shown = seqgen(*three[1], "--seeds", "2")
    assert shown.code == 0, shown.err
    names = sorted(path.name for path in (tmp_path / "out" / "runs").iterdir())
    assert names[:2] == ["dense-gan-seed0", "dense-gan-seed1"]
    content = json.loads((tmp_path / "out" / "compare.json").read_text())
    accuracy = content["rows"][0]["values"]["label_accuracy"]
    assert len(accuracy["values"]) == 2
    assert content["models"][0]["seeds"] == 2


def test_seeds_are_joined_by_their_means():
    def one(mean):
        return Evaluation("x", {"spread": Value(mean, 0.5, (mean,), 60)}, {})

    joined = measuring_runs.joined("y", [one(1.0), one(2.0)])
    assert joined.name == "y"
    assert joined.figures["spread"] == Value.of([1.0, 2.0], 60)
    assert measuring_runs.joined("y", [one(1.0)]).figures["spread"].deviation == 0.5


def test_runs_side_by_side(seqgen, tiny_runs, tmp_path):
    paths = []
    for name in ("digits_rows", "mnist_dcgan"):
        shutil.copytree(tiny_runs(name), tmp_path / name)
        paths.append(tmp_path / name)
    out = ("--out", tmp_path / "both")
    shown = seqgen("compare", *paths, *QUICK, *out)
    assert shown.code == 0, shown.err
    assert "mnist_dcgan" in shown.out
    refused = seqgen("compare", *paths, *QUICK, *out)
    assert refused.code == 2
    assert "--force" in refused.err
    assert seqgen("compare", *paths, *QUICK, *out, "--force").code == 0
    twice = seqgen("compare", paths[0], paths[0], *QUICK, "--out", tmp_path / "twice")
    assert twice.code == 2
    assert "named twice" in twice.err


def test_what_is_no_run_and_no_comparison(seqgen, tmp_path):
    assert "no run folder" in seqgen("compare", tmp_path).err
    assert "no run folder" in seqgen("compare", tmp_path, tmp_path / "x").err
    assert "there is no recipe" in seqgen("compare", "compare/mnst").err
    assert "name runs" in seqgen("compare", "minutes=1").err
    assert seqgen("compare").code == 2


def test_the_page_of_one_run(seqgen, tiny_runs, tmp_path):
    shutil.copytree(tiny_runs("digits_rows"), tmp_path / "run")
    shown = seqgen("report", tmp_path / "run", *QUICK)
    assert shown.code == 0, shown.err
    assert shown.out.strip() == str(tmp_path / "run" / "report.html")
    assert "Interpolation" in (tmp_path / "run" / "report.html").read_text()


def test_a_real_page_in_a_browser(seqgen, three, tmp_path, browser):
    assert seqgen(*three[1]).code == 0
    problems = []
    tab = browser.new_page()
    tab.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.goto((tmp_path / "out" / "compare.html").as_uri())
    assert tab.locator("img").count() > 10
    broken = tab.evaluate(
        "[...document.images].filter(i => !i.complete || !i.naturalWidth).length"
    )
    assert broken == 0
    assert not problems
    tab.close()


# -- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("models: []\nminutes: 1", "models"),
        ("models: [{name: a, recipe: digits_rows}]", "give one budget"),
        ("models: [{name: a, recipe: digits_rows}]\nminutes: 1\nsamples_seen: 9", "one budget"),
        ("models: [{name: a, recipe: digits_row}]\nminutes: 1", "did you mean 'digits_rows'"),
        ("models: [{name: a, recip: digits_rows}]\nminutes: 1", "did you mean 'recipe'"),
        (
            "minutes: 1\nmodels: [{name: a, recipe: digits_rows}, {name: a, recipe: mnist_gan}]",
            "two models have the same name or folder: 'a'",
        ),
        ("minutes: 1\nmodels: [{name: '*', recipe: digits_rows}]", "no letter"),
        (
            "minutes: 1\nmodels: [{name: a, recipe: digits_rows, overrides: [train.stps=1]}]",
            "did you mean 'steps'",
        ),
    ],
)
def test_bad_comparisons(tmp_path, text, words):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError) as caught:
        recipe_files.load_comparison(str(path))
    assert words in str(caught.value)
    assert "bad.yaml" in str(caught.value)


def test_the_budget_is_not_overridden():
    with pytest.raises(RecipeError, match="the budget of a comparison"):
        recipe_files.load_comparison("compare/mnist", ["train.steps=100"])


def test_a_budget_that_trains_nothing(seqgen, three, tmp_path):
    samples = seqgen(*three[1], "samples_seen=100")
    assert samples.code == 2
    assert "too few to train anything" in samples.err
    assert not (tmp_path / "out" / "compare.html").exists()
    clock = seqgen(*three[1], "samples_seen=null", "minutes=1e-6")
    assert clock.code == 2
    assert "too few to train anything" in clock.err


def test_another_budget_in_the_same_folder(seqgen, three, tmp_path):
    compared, recipes = recipe_files.load_comparison(str(three[0]))
    recipe = training_runs.budgeted(recipes["rows GAN"], compared, seed=0)
    path = tmp_path / "out" / "runs" / "rows-gan-seed0"
    workflow.train(recipe, out=path)
    shown = seqgen(*three[1], "samples_seen=2560")
    assert shown.code == 2
    assert "another recipe or budget" in shown.err
    assert Run(path).checkpoint().name == "step-00000040"
    # What its weights do not depend on may be another.
    other = {**recipes["rows GAN"].model_dump(mode="json"), "train": {
        **recipes["rows GAN"].train.model_dump(mode="json"), "device": "cpu",
    }}  # fmt: skip
    recipes["rows GAN"] = recipe_files.check(other, "other")
    planned = training_runs.plan(compared, recipes, tmp_path / "out", seeds=1)
    assert planned[0].path == path


def test_all_is_checked_before_anything_is_trained(seqgen, tmp_path):
    path = tmp_path / "c.yaml"
    rows = {"name": "rows", "recipe": "digits_rows", "overrides": [*SMALLER["recurrent_gan"]]}
    other = {"name": "other", "recipe": "mnist_gan"}
    path.write_text(json.dumps({"samples_seen": 1280, "models": [rows, other]}))
    shown = seqgen("compare", path, "--out", tmp_path / "out")
    assert shown.code == 2
    assert "learn from different data" in shown.err
    late = {**rows, "name": "late", "overrides": [*rows["overrides"], "train.batch_size=512"]}
    path.write_text(json.dumps({"samples_seen": 1280, "models": [rows, late]}))
    shown = seqgen("compare", path, "--out", tmp_path / "out")
    assert shown.code == 2
    assert "too few to train anything" in shown.err
    assert not (tmp_path / "out").exists()


def test_too_short_a_training_is_refused_again(seqgen, three, tmp_path):
    arguments = (*three[1], "samples_seen=null", "minutes=1e-6")
    for _ in range(2):
        shown = seqgen(*arguments)
        assert shown.code == 2
        assert "too few to train anything" in shown.err


def test_the_page_of_another_comparison_stays(seqgen, three, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "compare.json").write_text('{"title": "mine"}')
    shown = seqgen(*three[1])
    assert shown.code == 2
    assert "compare.json exists and is not overwritten" in shown.err
    assert not (tmp_path / "out" / "runs").exists()


def test_runs_of_one_folder_name_stay_inside(seqgen, tiny_runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for parent in ("a", "b"):
        shutil.copytree(tiny_runs("digits_rows"), tmp_path / parent / "run")
    shown = seqgen("compare", tmp_path / "a" / "run", tmp_path / "b" / "run", *QUICK)
    assert shown.code == 0, shown.err
    assert len(list((tmp_path / "comparisons").glob("*/compare.html"))) == 1


@pytest.mark.parametrize("name", ["mnist_dcgan", "mnist_cvae", "mnist_rows_vae"])
def test_own_colour_images_from_training_to_page(seqgen, tmp_path, name):
    generator = np.random.default_rng(0)
    for label in ("cats", "dogs"):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(50):
            pixels = generator.integers(0, 256, (9, 7, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / label / f"{number}.png")
    data = (
        "data.source=folder", f"data.root={tmp_path / 'photos'}", "data.size=[9, 7]",
        "data.colour=rgb", "data.test=0.3",
    )  # fmt: skip
    path = tmp_path / "run"
    trained = seqgen("train", name, *tiny(name), *data, "--out", path)
    assert trained.code == 0, trained.err
    shown = seqgen("report", path, *QUICK)
    assert shown.code == 0, shown.err
    page = (path / "report.html").read_text()
    assert "dogs" in page
    array = tmp_path / "a.npy"
    assert seqgen("sample", path, "--label", "dogs", "-n", "5", "--out", array).code == 0
    assert np.load(array).shape == (5, 9, 7, 3)
