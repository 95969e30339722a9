"""Runs with a guarantee: what they spend, keep and tell, and what is refused."""

import json

import pytest
import torch

from seqgan_kit.data.dataset import DataError
from seqgan_kit.training.budget import epsilon_of
from seqgan_kit.training.private import refuse_mixed

from .conftest import TINY, tiny
from .test_per_item import MIXED, made
from .test_privacy import batches_of

PRIVATE = ("train.privacy.accountant=rdp", "train.batch_size=16", "train.log_every=1")


def spent(run):
    newest = max((run / "checkpoints").iterdir())
    return json.loads((newest / "state.json").read_text())["privacy"]


@pytest.fixture(scope="module")
def private_run(tmp_path_factory):
    from seqgan_kit.recipe import files as recipe_files
    from seqgan_kit.runs import workflow

    overrides = (*TINY, *PRIVATE, "train.privacy.noise_multiplier=0.9")
    recipe = recipe_files.load("digits_rows_private", overrides)
    return workflow.train(recipe, out=tmp_path_factory.mktemp("private") / "run").run.path


def copied(run, tmp_path):
    import shutil

    return shutil.copytree(run, tmp_path / "copy")


def test_the_budget_survives_a_resume(private_run, tmp_path, seqgen):
    before = spent(private_run)
    (sigma, rate, count) = before["history"][0]
    assert (sigma, count) == (0.9, 20)  # Four steps of five turns.
    run = copied(private_run, tmp_path)
    assert seqgen("train", "--resume", run, "train.steps=6").code == 0
    after = spent(run)
    assert after["history"] == [[0.9, rate, 30]]
    assert after["epsilon"] == epsilon_of([(0.9, rate, 30)], after["delta"], "rdp")
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    found = [line["privacy/epsilon"] for line in lines]
    assert found == sorted(found)
    assert found[-1] == after["epsilon"]


def test_resuming_cannot_overspend(private_run, tmp_path, seqgen):
    run = copied(private_run, tmp_path)
    before = spent(run)
    limit = before["epsilon"] + 0.05
    done = seqgen("train", "--resume", run, "train.steps=5000", f"train.privacy.epsilon={limit}")
    assert done.code == 0
    assert "the privacy budget is used up" in done.err
    after = spent(run)
    assert before["epsilon"] <= after["epsilon"] <= limit
    again = seqgen("train", "--resume", run)
    assert again.code == 0
    assert spent(run) == after


def test_a_guarantee_cannot_come_or_go(private_run, tiny_run, tmp_path, seqgen):
    run = copied(private_run, tmp_path)
    lost = seqgen("train", "--resume", run, "train.privacy=null", "train.steps=9")
    assert lost.code == 2
    assert "its guarantee would be lost" in lost.err
    late = copied(tiny_run, tmp_path / "plain")
    changed = ("train.privacy={epsilon: 10}", "train.class_group=1", "train.steps=9")
    found = seqgen("train", "--resume", late, *changed)
    assert found.code == 2
    assert "train.privacy" in found.err


def test_what_a_run_tells(private_run, tmp_path, seqgen):
    info = json.loads((private_run / "run.json").read_text())
    assert info["label_counts"] is None
    assert seqgen("pack", private_run, "-o", tmp_path / "run.seqgen").code == 0
    from zipfile import ZipFile

    card = ZipFile(tmp_path / "run.seqgen").read("README.md").decode()
    assert f"epsilon {spent(private_run)['epsilon']:.4g} at delta 0.0001 for each item" in card
    assert seqgen("sample", private_run, "--count", "3", "--out", tmp_path / "s").code == 0


def test_likelihood_trains_by_speaker(tmp_path, small_text, seqgen):
    data = ("data.source=lines", f"data.root={small_text}", "data.labels=[kind,sentiment]")
    settings = (*tiny("names_text_private"), *data, "train.batch_size=10")
    more = ("train.privacy={epsilon: 50, delta: 0.1, unit: kind, unit_items: 6, accountant: rdp}",)
    run = tmp_path / "run"
    done = seqgen("train", "names_text_private", *settings, *more, "--out", run)
    assert done.code == 0, done.err
    assert "for each kind of 3" in done.err
    assert spent(run)["history"][0][1] == 10 / 18
    wrong = more[0].replace("unit: kind", "unit: speaker")
    refused = seqgen("train", "names_text_private", *settings, wrong, "--out", tmp_path / "no")
    assert refused.code == 2
    assert "an attribute of the data (kind, sentiment)" in refused.err


# -- what is refused ----------------------------------------------------------------------------

REFUSED = {
    "model.discriminator.minibatch_group=4": "requires 0",
    "train.class_group=4": "requires 1",
    "train.precision=bfloat16": "requires float32",
    "train.keep=best": "requires best_by: likelihood",
    "train.minutes=1": "not known how many steps",
    "objective.loss=relativistic": "choose non-saturating",
    "objective={kind: ratio}": "supports 'gan', 'likelihood' and 'elbo'",
    "objective.penalties=[{kind: exact-gradient}]": "use finite-difference",
}


@pytest.mark.parametrize("override", REFUSED)
def test_what_shows_items_together_is_refused(override, seqgen):
    found = seqgen("train", "digits_rows_private", override)
    assert found.code == 2
    assert REFUSED[override] in found.err
    assert len(found.err.strip().splitlines()) == 1


def test_a_likelihood_in_a_game_is_refused(seqgen):
    head = "model.generator={feedback: true, head: {kind: bernoulli}}"
    found = seqgen("train", "digits_rows_private", head, "objective.likelihood=0.1")
    assert found.code == 2
    assert "set it to 0" in found.err


@pytest.mark.parametrize("name", MIXED)
def test_networks_that_mix_items_are_refused(name):
    objective, batch = made(MIXED[name])
    with pytest.raises(DataError, match="cannot be told from that of others"):
        refuse_mixed(objective, batch)


def test_data_that_are_too_few_are_refused(seqgen):
    found = seqgen("train", "digits_rows_private", *TINY, "train.privacy.delta=0.01")
    assert found.code == 2
    assert "would allow to publish" in found.err
    with pytest.raises(DataError, match="at most 5 items"):
        batches_of(torch.ones(5, 1, 1), 6)


def test_opacus_is_an_extra(monkeypatch, seqgen):
    import sys

    monkeypatch.setitem(sys.modules, "opacus", None)
    found = seqgen("train", "digits_rows_private", *TINY)
    assert found.code == 2
    assert "pip install 'seqgan_kit[privacy]'" in found.err
