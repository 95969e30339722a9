"""Data that move, and samples that come back under the names of their recipe."""

import json
import os
import shutil

import pytest

from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.runs import workflow
from seqgan_kit.runs.loading import run_recipe
from seqgan_kit.training.run import Run

from .conftest import small_lines, text_data, tiny


@pytest.fixture(scope="module")
def moved(tmp_path_factory):
    """A run that was trained on a relative `data.root`, and the place where its data are now."""
    folder = tmp_path_factory.mktemp("moved")
    rows = [{"said": row["text"], "by": row["kind"]} for row in small_lines(60)]
    (folder / "lines.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    text_data("vowels_series", folder / "small.jsonl")
    before = os.getcwd()
    os.chdir(folder)
    try:
        data = "data={source: lines, root: lines.jsonl, text: said, labels: [by], test: 0.3}"
        recipe = recipe_files.load("snippets_text", (*tiny("snippets_text"), data))
        workflow.train(recipe, out=folder / "text")
        data = "data={source: series, root: series.npz, test: 0.3, validation: 0.1}"
        recipe = recipe_files.load("vowels_series", (*tiny("vowels_series"), data))
        workflow.train(recipe, out=folder / "series")
    finally:
        os.chdir(before)
    return folder


def test_a_relative_root_is_stored_whole(moved):
    assert run_recipe(Run(moved / "text")).data.root == str(moved / "lines.jsonl")


def test_so_is_one_that_is_given_for_a_resumption(moved, tmp_path, monkeypatch):
    shutil.copytree(moved / "series", tmp_path / "run")
    shutil.copy(moved / "series.npz", tmp_path / "series.npz")
    monkeypatch.chdir(tmp_path)
    workflow.resume(tmp_path / "run", overrides=["data.root=series.npz"])
    assert run_recipe(Run(tmp_path / "run")).data.root == str(tmp_path / "series.npz")


@pytest.mark.parametrize(
    "command",
    [
        ("inspect", "--out", "OUT.png"),
        ("report", "--samples", "20", "--sets", "1", "--no-gan-train", "--out", "OUT"),
        ("evaluate", "--samples", "20", "--sets", "1", "--no-gan-train"),
    ],
    ids=lambda command: command[0],
)
def test_every_command_on_a_run_takes_the_new_place(moved, tmp_path, seqgen, command):
    run = tmp_path / "run"
    shutil.copytree(moved / "series", run)
    recipe = run / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("series.npz", "gone.npz"))
    name, *options = command
    options = [text.replace("OUT", str(tmp_path / "out")) for text in options]
    shown = seqgen(name, run, *options)
    assert shown.code in (1, 2)
    assert "gone.npz: there is no such file" in shown.err
    assert "add data.root=PLACE to the command" in shown.err
    shown = seqgen(name, run, *options, f"data.root={moved / 'series.npz'}")
    assert shown.code == 0, shown.err
    shown = seqgen(name, run, *options, "data.test=0.1")
    assert shown.code == 2
    assert "only data.root can change here" in shown.err


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_samples_of_text_have_the_names_of_the_recipe(moved, tmp_path, seqgen, form):
    out = tmp_path / f"samples.{form}"
    assert seqgen("sample", moved / "text", "-n", 30, "--out", out).code == 0
    first = out.read_text().splitlines()[0]
    assert first.startswith("said,by," if form == "csv" else '{"said": ')
    recipe = moved / "text" / "recipe.yaml"
    shown = seqgen(
        "evaluate", "--samples", out, "--samples", moved / "lines.jsonl", "--recipe", recipe,
        "--sets", 1, "--no-gan-train", "--json",
    )  # fmt: skip
    assert shown.code == 0, shown.err
    models = json.loads(shown.out)["models"]
    assert [model["name"] for model in models] == [out.name, "lines.jsonl"]
    assert models[1]["figures"]["copied"]["mean"] > 0.5


def test_what_is_missing_is_said_before_a_judge_is_trained(moved, tmp_path, seqgen):
    (tmp_path / "theirs.csv").write_text("text,label\nthe cat,a\n")
    recipe = moved / "text" / "recipe.yaml"
    shown = seqgen("evaluate", "--samples", tmp_path / "theirs.csv", "--recipe", recipe)
    assert shown.code == 2
    assert "no column 'said' (data.text)" in shown.err
    assert "judge" not in shown.err


def test_unlabelled_text_has_no_column_of_labels(tiny_runs, tmp_path, seqgen):
    out = tmp_path / "samples.csv"
    assert seqgen("sample", tiny_runs("coco_captions"), "-n", 3, "--out", out).code == 0
    assert out.read_text().splitlines()[0] == "text,tokens,log_likelihood"
