"""Labels that are numbers: from a column to an embedding by value, samples, and ranges."""

import csv
import json

import numpy as np
import pytest
import torch

from seqgan_kit import load
from seqgan_kit.data.dataset import DataError, Dataset, Part, as_classes, held_out
from seqgan_kit.data.numeric import MOST_LEVELS, drawn_within, in_ranges, numbered
from seqgan_kit.kinds.series.datasets import own_series
from seqgan_kit.kinds.series.items import Columns
from seqgan_kit.labels import Bins, LabelError, Levels, Ordered, Words, beyond, parse_labels, sizes
from seqgan_kit.nn.condition import LabelEmbedding
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.runs.data import load_dataset

from .conftest import tiny

LABELS = {"site": ("a", "b"), "age": Levels(["20", "30", "40.5", "60"])}


def dataset(texts=("30", "9.5", "100", "20"), count=40):
    label_NA = np.stack([np.arange(count) % 2, np.arange(count) % len(texts)], 1)
    part = Part(np.arange(count), label_NA)
    return Dataset(
        "made", {"training": part, "validation": part, "test": part},
        {"site": ("a", "b"), "age": tuple(texts)}, "key",
    )  # fmt: skip


def test_labels_become_numbers_in_their_order():
    found = numbered(dataset(), ["age"])
    assert found.labels["age"] == ("9.5", "20", "30", "100")
    assert found.parts["test"].label_NA[:4].tolist() == [[0, 2], [1, 0], [0, 3], [1, 1]]
    assert found.fingerprint != "key"
    assert numbered(dataset(), []).fingerprint == "key"
    site, age = found.classes
    assert (site, age) == (2, 4)
    assert age.positions[0] == -1
    assert age.positions[-1] == 1
    many = numbered(dataset([f"{n / 7:.4f}" for n in range(2000)], 2000), ["age"])
    assert len(many.labels["age"]) == MOST_LEVELS
    values = np.array(many.labels["age"].values)[many.parts["training"].label_NA[:, 1]]
    assert np.abs(values - np.arange(2000) / 7).max() < 2000 / 7 / MOST_LEVELS
    with pytest.raises(DataError, match=r"the label 'old' of age is not a number"):
        numbered(dataset(["1", "old"]), ["age"])
    with pytest.raises(DataError, match=r"names 'dose', but the labels of made are site, age"):
        numbered(dataset(), ["dose"])


@pytest.mark.parametrize(
    ("wanted", "rows"),
    [
        ("site=a,age=41", [[0, 2]]),
        ("site=b,age=1000", [[1, 3]]),
        ("site=a,age=20,age=60", [[0, 0], [0, 3]]),
        ("site=a", [[0, 0], [0, 1], [0, 2], [0, 3]]),
    ],
)
def test_a_number_asks_for_the_nearest(wanted, rows):
    assert parse_labels(wanted, LABELS).tolist() == rows


def test_numbers_that_are_none_and_numbers_beyond():
    with pytest.raises(LabelError, match=r"this run has no age 'old'; it has numbers from 20 to"):
        parse_labels("site=a,age=old", LABELS)
    (note,) = beyond(Words(["site=a,age=90"]), LABELS)
    assert note == "age=90 is beyond the training data, 20 to 60: the samples are of 60"
    assert not beyond(Words(["site=a,age=41"]), LABELS)
    assert beyond(Words(["1,30"]), {"age": LABELS["age"]})
    many = {"age": Levels([str(n) for n in range(100)])}
    assert parse_labels(None, many).ravel().tolist() == [0, 25, 50, 74, 99]
    assert len(parse_labels(None, many, every=True)) == 100


def test_near_values_have_near_vectors():
    torch.manual_seed(0)
    embedding = LabelEmbedding((2, Ordered([float(n) for n in range(50)])), 8)
    vector_LE = embedding(torch.stack([torch.zeros(50), torch.arange(50)], 1).long())
    step_L = (vector_LE[1:] - vector_LE[:-1]).norm(dim=1)
    assert step_L.max() < 0.25 * (vector_LE[0] - vector_LE[-1]).norm()
    vector_LE.sum().backward()
    assert embedding.curve_1.grad.abs().sum() > 0
    assert (embedding.table.grad[2:] == 0).all()
    # Without numeric attributes nothing is different.
    plain = LabelEmbedding((2, 3), 8)
    assert [name for name, _ in plain.named_parameters()] == ["table"]


def test_ranges_hold_as_many_and_draw_from_inside():
    texts = [f"{n}" for n in range(1, 101)]
    fine = numbered(dataset(texts, 400), ["age"])
    coarse = in_ranges(fine)
    bins = coarse.labels["age"]
    assert isinstance(bins, Bins)
    assert np.bincount(coarse.parts["training"].label_NA[:, 1]).tolist() == [80] * 5
    assert list(bins) == ["11", "31", "51", "71", "91"]
    assert [bins.holding(value) for value in (-3.0, 20.9, 21.0, 1e3)] == [0, 0, 1, 4]
    rows = np.tile([[1, 3]], (500, 1))
    drawn = drawn_within(rows, coarse.labels, np.random.default_rng(0))
    assert (drawn[:, 0] == 1).all()
    assert set(drawn[:, 1]) == set(range(60, 80))
    # As often as the training items have them.
    often = np.repeat([0, 1, 2, 3], [18, 1, 41, 40])[:, None]
    part = Part(np.arange(100), often)
    skew = Dataset("skew", {"training": part}, {"age": Levels(["1", "2", "3", "4"])}, "key")
    many = drawn_within(np.zeros((300, 1), int), in_ranges(skew).labels, np.random.default_rng(0))
    assert 0.9 < (many == 0).mean() < 1
    assert in_ranges(dataset()).labels == dataset().labels
    assert sizes(coarse.labels) == (2, 5)


def test_items_of_unlike_labels_are_held_out_all_the_same():
    label_NA = np.stack([np.arange(100), np.arange(100) % 2], 1)
    classes_NA = as_classes(label_NA, ["age", "site"], ["age"])
    assert [len(part) for part in held_out(classes_NA, [0.1, 0.2], seed=0)] == [70, 10, 20]
    assert (as_classes(label_NA, ["age", "site"], []) == label_NA).all()


def waves(path, count=80):
    """Series whose amplitude is their label."""
    rng = np.random.default_rng(0)
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "time", "loud", "x"])
        for number in range(count):
            loud, phase = rng.uniform(0.2, 2), rng.uniform(0, 6)
            for step in range(8):
                value = f"{loud * np.sin(step + phase):.3f}"
                table.writerow([number, step, f"{loud:.3f}", value])
    return path


@pytest.mark.parametrize("recipe", ["vowels_series", "vowels_series_vae"])
def test_from_a_table_to_samples_and_figures(seqgen, tmp_path, recipe):
    path, run = waves(tmp_path / "waves.csv"), tmp_path / "run"
    data = (
        "data.source=series", f"data.root={path}", "data.labels=[loud]", "data.numeric=[loud]",
        "data.test=0.25", "codec.max_length=null",
    )  # fmt: skip
    trained = seqgen("train", recipe, *tiny(recipe), *data, "--out", run)
    assert trained.code == 0, trained.err
    target = tmp_path / "made.csv"
    made = seqgen("sample", run, "--label", "loud=1.234", "-n", "2", "--out", target)
    assert made.code == 0, made.err
    (asked,) = {row["loud"] for row in csv.DictReader(target.read_text().splitlines())}
    assert abs(float(asked) - 1.234) < 0.1
    far = seqgen("sample", run, "--label", "loud=9", "-n", "1", "--out", tmp_path / "far.csv")
    assert "loud=9 is beyond the training data" in far.err
    assert seqgen("sample", run, "--out", tmp_path / "grid.png").code == 0
    walk = ("--interpolate", "0.3..1.8", "--out", tmp_path / "walk.png")
    assert seqgen("sample", run, *walk).code == 0
    sampler = load(run)
    assert len(sampler.sample(1.234, count=3)) == 3
    shown = seqgen("data", "show", recipe, *data)
    assert shown.code == 0, shown.err
    assert shown.out.count("loud") == 5
    figures = seqgen("evaluate", run, "--sets", "1")
    assert figures.code == 0, figures.err
    found = json.loads((run / "evaluation.json").read_text())["figures"]
    # Of a range without test items there is no recall.
    assert 3 <= sum(name.startswith("recall/loud=") for name in found) <= 5
    assert seqgen("report", run).code == 0
    theirs = seqgen("evaluate", "--samples", target, "--recipe", run / "recipe.yaml")
    # Two samples are too few, but their label is known.
    assert "has no loud" not in theirs.err
    resumed = seqgen("train", "--resume", run, "train.steps=4")
    assert resumed.code == 0, resumed.err


def test_fractional_labels_of_arrays(tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "own.npz", x=rng.normal(size=(60, 6, 1)), dose=rng.uniform(0, 1, 60))
    with pytest.raises(DataError, match=r"list it in data\.numeric"):
        own_series(root=tmp_path / "own.npz", columns=Columns())
    recipe = recipe_files.load("vowels_series", [
        "data.source=series", f"data.root={tmp_path / 'own.npz'}", "data.numeric=[dose]",
    ])  # fmt: skip
    found = load_dataset(recipe)
    assert isinstance(found.labels["dose"], Levels)
    assert len(found.parts["test"]) == 6


def test_a_step_of_training_learns_the_curve():
    torch.manual_seed(0)
    embedding = LabelEmbedding((Ordered([0.0, 1.0, 5.0]),), 4)
    assert embedding(torch.tensor([[0], [2]])).shape == (2, 4)
    assert torch.equal(embedding.start_A, torch.tensor([0]))
