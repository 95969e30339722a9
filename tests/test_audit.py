"""Audits find models that copy, find nothing where there is nothing, and say what they mean."""

import json
import shutil

import numpy as np
import pytest
import torch

import seqgan_kit
from seqgan_kit.auditing import attacks, candidates
from seqgan_kit.auditing.audit import audit
from seqgan_kit.auditing.outcome import kept
from seqgan_kit.auditing.wording import panels, sentences, table
from seqgan_kit.data.dataset import Dataset, Part
from seqgan_kit.evaluation import judge
from seqgan_kit.evaluation.copying import copied_windows, longest_runs
from seqgan_kit.evaluation.distribution import NotMeasurable
from seqgan_kit.evaluation.membership import (
    Scores,
    log_ratio,
    neighbour_distances,
    strengths,
)
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.runs import data as data_of
from seqgan_kit.runs import packing, workflow
from seqgan_kit.training.run import Run

from .conftest import TINY

# -- how strong an attack is ----------------------------------------------------------------------


def test_figures_of_an_attack_are_those_worked_out_by_hand():
    member_M, other_N = np.array([3.0, 2.0, 2.0, 0.0]), np.array([2.0, 1.0, 0.0, -1.0])
    single, best = strengths({"a": Scores(member_M, other_N)}, {"all": ["a"]})
    # Of 16 pairs 4 + 3.5 + 3.5 + 1.5; only the first member is above every other item.
    assert single["a"].auc.value == pytest.approx(12.5 / 16)
    assert single["a"].tpr.value == pytest.approx(1 / 4)
    assert single["a"].auc.low <= 12.5 / 16 <= single["a"].auc.high
    assert best.keys() == {"all"}


def test_one_false_alarm_in_a_hundred_is_allowed():
    other_N = np.arange(200.0)
    member_M = np.array([197.5, 196.5, 0.0, 0.0])
    single, _ = strengths({"a": Scores(member_M, other_N)}, {})
    # Items 199 and 198 are the two alarms of 200; what is above 197 is found.
    assert single["a"].tpr.value == pytest.approx(1 / 4)


def test_the_best_of_many_guesses_is_a_guess():
    rng = np.random.default_rng(0)
    scores = {str(n): Scores(*rng.normal(size=(2, 100))) for n in range(40)}
    single, best = strengths(scores, {"all": [*scores]})
    highest = max(one.auc.value for one in single.values())
    assert highest > 0.57
    assert abs(best["all"].auc.value - 0.5) < 0.06
    assert best["all"].auc.low < 0.5 < best["all"].auc.high


def test_the_best_attack_is_found_among_guesses():
    rng = np.random.default_rng(0)
    scores = {str(n): Scores(*rng.normal(size=(2, 100))) for n in range(5)}
    scores["good"] = Scores(rng.normal(size=100) + 2, rng.normal(size=100))
    single, best = strengths(scores, {"all": [*scores]})
    assert best["all"].auc.value == pytest.approx(single["good"].auc.value, abs=0.02)
    assert best["all"].auc.low > 0.85


def test_a_score_that_is_not_a_number_is_told():
    with pytest.raises(NotMeasurable, match="discriminator: a score is not a number"):
        strengths({"discriminator": Scores(np.array([0.0, np.nan]), np.zeros(2))}, {})


def test_copies_are_at_distance_zero_and_denser_than_the_reference():
    rng = np.random.default_rng(0)
    items, others, reference = (rng.normal(size=(n, 5)).astype(np.float32) for n in (3, 50, 50))
    samples = np.concatenate([others, items[:1]])
    near, far = (neighbour_distances(items, one, 3) for one in (samples, reference))
    assert near[0, 0] == 0 < near[1, 0]
    assert (np.diff(near) >= 0).all()
    assert near[1, 0] == pytest.approx(np.linalg.norm(others - items[1], axis=1).min(), rel=1e-5)
    assert log_ratio(near, far).argmax() == 0
    assert neighbour_distances(items, reference[:2], 3).shape == (3, 2)


# -- copies of parts ------------------------------------------------------------------------------


def test_the_longest_run_is_that_of_a_search_by_hand():
    rng = np.random.default_rng(0)
    items, others = (rng.integers(1, 4, (20, 9)) for _ in range(2))
    items[:5, 4:] = 0
    found = longest_runs(torch.from_numpy(items), torch.from_numpy(others))
    texts = ["".join(map(str, row)) for row in others]
    for row, length in zip(items, found, strict=True):
        word = "".join(map(str, row[row > 0]))
        pieces = {word[a:b] for a in range(len(word)) for b in range(a + 1, len(word) + 1)}
        assert length == max(len(p) for p in pieces if any(p in text for text in texts))


def test_a_copied_window_stands_out_and_short_items_have_none():
    rng = torch.Generator().manual_seed(0)
    items, samples, reference = (torch.randn(n, 12, 2, generator=rng) for n in (4, 30, 30))
    items[3, 3:] = torch.nan
    samples[7, 5:9] = items[1, 2:6]
    found = copied_windows(items, samples, reference, width=4)
    assert found.argmax() == 1
    assert found[1] > 5
    assert found[3] == 0
    assert np.isfinite(found).all()


# -- which items are compared ---------------------------------------------------------------------


def images(count, seed, classes=2):
    rng = np.random.default_rng(seed)
    label_N1 = rng.integers(0, classes, (count, 1))
    return Part(rng.integers(0, 256, (count, 8, 8, 1), dtype=np.uint8), label_N1)


def chosen(training, validation, test, **options):
    recipe = recipe_files.load("digits_rows")
    parts = {"training": training, "validation": validation, "test": test}
    dataset = Dataset("few", parts, {"digit": ("0", "1")}, "")
    codec = data_of.make_codec(data_of.kind_of(recipe), data_of.store_codec(recipe, dataset))
    measure = data_of.measure_of(recipe, dataset)
    return candidates.candidates(recipe, dataset, codec, measure, **options)


def rows_of(side):
    return {row.tobytes() for row in side.raw}


def test_items_that_occur_twice_are_on_no_side():
    training, validation, test = images(100, 0), images(30, 1), images(60, 2)
    test.items[:3] = training.items[:3]
    training.items[10] = training.items[11]
    validation.items[0] = test.items[5]
    twice = {training.items[n].tobytes() for n in (0, 1, 2, 11)} | {test.items[5].tobytes()}
    found = chosen(training, validation, test)
    assert found.repeated == 3 * 2 + 2 + 2
    assert found.held_out == "test"
    sides = [rows_of(side) for side in (found.members, found.others, found.reference)]
    assert not twice & set().union(*sides)
    assert sum(map(len, sides)) == len(set().union(*sides)), "no item is on two sides"
    assert sides[0] <= {row.tobytes() for row in training.items}
    assert sides[1] <= {row.tobytes() for row in test.items}


def test_both_sides_have_the_same_labels_however_the_parts_are_made():
    rng = np.random.default_rng(0)
    training, test = images(200, 0), images(80, 2)
    test.label_NA[:] = rng.random((80, 1)) < 0.8
    training.label_NA[:] = rng.random((200, 1)) < 0.1
    found = chosen(training, images(20, 1), test, items=60)
    assert len(found.members) == len(found.others) <= 60
    assert (found.members.class_NA == found.others.class_NA).all()
    assert len(found.reference) >= candidates.LEAST


def test_some_held_out_items_are_kept_as_the_reference():
    found = chosen(images(200, 0), images(0, 1), images(60, 2))
    assert len(found.others) >= 30
    assert len(found.reference) >= 20


def test_too_few_held_out_items_are_refused_in_a_sentence():
    with pytest.raises(candidates.AuditError, match="at least 10 held-out items"):
        chosen(images(100, 0), images(3, 1), images(9, 2))


# -- whole audits ---------------------------------------------------------------------------------

FEW = ("--items", 120, "--samples", 300)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(judge, "LEAST_STEPS", 60)


@pytest.fixture
def unaudited(tiny_run, tmp_path):
    """A run that has learned nothing, without figures of other tests."""
    left_out = shutil.ignore_patterns("audit.json", "evaluation.json")
    return shutil.copytree(tiny_run, tmp_path / "run", ignore=left_out)


@pytest.fixture(scope="module")
def overfitted(tmp_path_factory):
    """A likelihood model that knows its hundred images by heart."""
    head = "head: {kind: logistic, draw: sample}"
    sizes = "hidden_size: 96, input_size: 32, label_size: 16, noise_size: 0, step_noise_size: 0"
    recipe = recipe_files.load(
        "digits_rows",
        [
            f"model={{kind: recurrent_gan, generator: {{{sizes}, feedback: true, {head}}}}}",
            "objective={kind: likelihood}", "data.validation=0.74", "train.class_group=1",
            "train.learning_rate=5e-3", "train.betas=[0.9,0.999]", "train.batch_size=50",
            "train.steps=400", "train.grid_every=400", "train.checkpoint_every=400",
            "evaluation.judge_epochs=1",
        ],
    )  # fmt: skip
    return workflow.train(recipe, out=tmp_path_factory.mktemp("by_heart") / "run").run


def test_a_model_that_knows_its_images_by_heart_is_found_out(overfitted):
    found = audit(overfitted, samples=500)
    assert found.rows["run"].best["run"].auc.value > 0.9
    assert found.rows["run"].attacks["likelihood"].auc.value > 0.9
    assert found.rows["untrained"].best["run"].auc.low < 0.5
    assert found.rows["copies"].best["samples"].auc.value > 0.95
    said = " ".join(sentences(found))
    assert "Found: somebody with the run" in said
    assert "never that it does not" in said


def test_a_run_that_has_learned_nothing_tells_nothing(unaudited, monkeypatch):
    found = seqgan_kit.audit(unaudited, samples=300)
    row = found.rows["run"]
    assert {"nearest_values", "ratio_features", "discriminator"} <= row.attacks.keys()
    for best in (*row.best.values(), *found.rows["untrained"].best.values()):
        assert best.auc.low < 0.5 < best.auc.high + 0.02
        assert abs(best.auc.value - 0.5) < 0.06
    assert found.rows["copies"].best["samples"].auc.value > 0.95
    assert found.rows["real"].attacks.keys() == found.rows["copies"].attacks.keys()
    assert found.left_out.keys() == {"copied_parts", "likelihood"}
    assert kept(Run(unaudited)) == found
    with monkeypatch.context() as patched:
        patched.setattr(attacks, "train_judge", None)
        assert seqgan_kit.audit(unaudited, samples=300) == found, "it is read again"
        patched.undo()
    (panel,) = panels(Run(unaudited))
    assert len(panel["panel"]["lines"]) == len(row.attacks)
    assert "Nothing found" in panel["explanation"]
    assert all(len(line) <= 110 for line in table(found).splitlines())


def test_the_command_prints_a_table_sentences_and_json(seqgen, unaudited):
    shown = seqgen("audit", unaudited, *FEW)
    assert shown.code == 0, shown.err
    assert "nearest sample, by values" in shown.out
    assert "never that it does not" in shown.err
    again = seqgen("audit", unaudited, *FEW, "--json")
    read = json.loads(again.out)
    assert read == json.loads((unaudited / "audit.json").read_text())
    assert read["counts"]["items"] == 120
    assert read["counts"]["samples"] == 300
    report = seqgen("report", unaudited, "--no-gan-train")
    assert report.code == 0, report.err
    page = (unaudited / "report.html").read_text()
    assert "Who was in the training part?" in page
    assert "nearest sample, by values: AUC" in page


def test_a_damaged_audit_is_made_again(unaudited):
    (unaudited / "audit.json").write_text('{"format": 1, "rows": []}')
    assert kept(Run(unaudited)) is None
    assert panels(Run(unaudited)) == []


def test_a_packed_run_says_which_attack_it_has_not(seqgen, unaudited, tmp_path):
    packed = packing.pack(Run(unaudited), tmp_path / "tiny.seqgen")
    shown = seqgen("audit", packed, *FEW, "--json")
    assert shown.code == 0, shown.err
    assert "packed" in json.loads(shown.out)["left_out"]["discriminator"]


def test_the_group_of_an_item_is_filled_with_held_out_ones_of_its_label():
    label_NA, label_RA = np.array([[1], [0]]), np.array([[1], [0], [1], [1]])
    assert attacks._companions(label_NA, label_RA, 3).tolist() == [[0, 2], [1, 1]]
    assert attacks._companions(label_NA, label_RA, 1).shape == (2, 0)


def refusal(shown):
    """The one sentence with which a command refused."""
    (line,) = [one for one in shown.err.splitlines() if one.startswith("error: ")]
    assert shown.code == 2
    return line


def test_what_cannot_be_audited_is_refused_in_a_sentence(seqgen, unaudited, tmp_path):
    assert "no run folder" in refusal(seqgen("audit", tmp_path / "none"))
    assert "no checkpoint '7'" in refusal(seqgen("audit", unaudited, "--checkpoint", 7))
    shown = seqgen("audit", unaudited, "--items", 3)
    assert shown.code == 2
    assert "--items" in shown.err
    shutil.rmtree(unaudited / "checkpoints")
    assert "no checkpoint yet" in refusal(seqgen("audit", unaudited))


def test_missing_data_and_too_few_held_out_items_are_told(seqgen, tmp_path, small_text):
    lines = tmp_path / "lines.jsonl"
    shutil.copy(small_text, lines)
    data = ("data.source=lines", f"data.root={lines}", "data.labels=[kind]", "data.test=0.02")
    small = [text for text in TINY if "noise" not in text]
    recipe = recipe_files.load(
        "snippets_text_likelihood",
        [*small, *data, "codec.vocabulary=40", "codec.max_length=12", "codec.too_long=cut"],
    )
    run = workflow.train(recipe, out=tmp_path / "run").run
    assert "hold out more before training" in refusal(seqgen("audit", run.path))
    lines.unlink()
    shown = seqgen("audit", run.path)
    assert shown.code in (1, 2)
    assert "there is no such file or folder" in shown.err
    assert "Traceback" not in shown.err
