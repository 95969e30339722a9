"""The toolkit from Python: data in memory, samples that know what they are, measuring."""

import json

import numpy as np
import pandas as pd
import pytest

import seqgan_kit
from seqgan_kit.data.dataset import DataError
from seqgan_kit.errors import UsageError
from seqgan_kit.recipe.files import RecipeError
from seqgan_kit.training.checkpoint import read_progress
from seqgan_kit.training.run import Run

from .conftest import small_lines, tiny

RNG = np.random.default_rng(0)
SIDES = ["low" if number % 2 else "high" for number in range(40)]
IMAGES = RNG.integers(0, 255, (40, 8, 8)).astype(np.uint8)
WAVES = [RNG.normal(size=(6 + number % 4, 2)).cumsum(0) for number in range(40)]
LINES = small_lines(60)
CLIPS = [
    0.5 * np.sin(2 * np.pi * (300 + 20 * number) * np.arange(1200) / 8000) for number in range(40)
]
CASES = {
    "digits_rows": (IMAGES, SIDES, "some.png"),
    "names_text": ([one["text"] for one in LINES], {"kind": [one["kind"] for one in LINES]},
                   "some.jsonl"),
    "vowels_series": (WAVES, SIDES, "some.csv"),
    "spoken_digits_mel": (CLIPS, SIDES, "some"),
}  # fmt: skip


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A model of each kind, trained for a few steps on data in memory."""
    folder = tmp_path_factory.mktemp("front")
    made = {}

    def model(recipe):
        if recipe not in made:
            data, labels, _ = CASES[recipe]
            made[recipe] = seqgan_kit.train(
                recipe, *tiny(recipe), "data.test=0.4", data=data, labels=labels,
                out=folder / recipe, progress=False,
            )  # fmt: skip
        return made[recipe]

    return model


@pytest.mark.parametrize("recipe", CASES)
def test_from_memory_to_samples(models, tmp_path, recipe):
    model = models(recipe)
    attribute = next(iter(model.labels))
    classes = model.labels[attribute]
    samples = model.sample(count=2, seed=3)
    assert isinstance(samples, np.ndarray)
    assert list(samples.labels[attribute]) == [name for name in classes for _ in range(2)]
    assert f"{len(samples)} samples of" in repr(samples)
    assert "weights on cpu" in repr(model)
    # Some of them know their labels; what is computed does not.
    assert samples[:1].labels[attribute] == [classes[0]]
    with pytest.raises(UsageError, match="was computed from samples"):
        _ = samples.reshape(-1).labels
    shown = samples._repr_html_()
    assert any(word in shown for word in ("data:image/png;base64,", "<table>"))
    target = tmp_path / CASES[recipe][2]
    assert samples.save(target) == target
    assert target.exists()
    with pytest.raises(UsageError):
        samples.save(target)
    frame = samples.frame()
    assert attribute in frame
    assert len(frame) >= len(samples)
    # The run is a run like others.
    again = seqgan_kit.load(model.run).sample(count=2, seed=3)
    for one, other in zip(samples, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_run_from_memory_goes_on(models):
    model = models("digits_rows")
    steps = read_progress(Run(model.run).checkpoint()).step
    longer = seqgan_kit.resume(model, f"train.steps={steps + 1}", progress=False)
    assert longer.run == model.run
    assert read_progress(Run(longer.run).checkpoint()).step == steps + 1


def test_a_column_of_pandas_is_a_list(tmp_path):
    lines, kinds = (pd.Series([one[key] for one in LINES]) for key in ("text", "kind"))
    model = seqgan_kit.train(
        "names_text", *tiny("names_text"), data=lines, labels=kinds, out=tmp_path / "column",
        progress=False,
    )  # fmt: skip
    assert list(model.labels) == ["label"]


def test_saved_samples_are_what_was_drawn(models, tmp_path):
    lines = models("names_text").sample(count=3)
    saved = lines.save(tmp_path / "lines.jsonl").read_text().splitlines()
    assert [json.loads(line)["text"] for line in saved] == lines.tolist()
    digits = models("digits_rows").sample("low", count=3)
    digits.save(tmp_path / "digits.npy")
    assert np.load(tmp_path / "digits.npy").shape == (3, 8, 8)
    series = models("vowels_series").sample("low", count=3)
    table = pd.read_csv(series.save(tmp_path / "series.csv"))
    assert len(table) == len(series.frame()) == sum(map(len, series))
    series.save(tmp_path / "series.png")


def test_the_same_data_are_kept_once_and_measured(models, own_cache, tmp_path):
    models("digits_rows")
    before = sorted((own_cache / "given").iterdir())
    model = seqgan_kit.train(
        {"extends": "digits_rows", "name": "twice"}, *tiny("digits_rows"), "data.test=0.4",
        data=IMAGES / 255, labels=np.array(SIDES), out=tmp_path / "twice", progress=False,
    )  # fmt: skip
    assert sorted((own_cache / "given").iterdir()) == before
    quick = {"samples": 20, "sets": 1, "gan_train": False, "progress": False}
    assert seqgan_kit.evaluate(model, **quick).figures["label_accuracy"].count == 20
    content = seqgan_kit.compare(model, models("digits_rows").run, out=tmp_path / "both", **quick)
    assert (tmp_path / "both" / "compare.html").exists()
    assert len([row for row in content["rows"] if row["role"] == "model"]) == 2


def test_tables_of_pandas(tmp_path, capsys):
    rows = [
        {"id": number, "time": step, "heat": RNG.normal(), "ward": SIDES[number]}
        for number in range(40)
        for step in range(6)
    ]
    model = seqgan_kit.train(
        "vowels_series", *tiny("vowels_series"), data=pd.DataFrame(rows), labels=["ward"],
        out=tmp_path / "table",
    )  # fmt: skip
    assert {name: list(classes) for name, classes in model.labels.items()} == {
        "ward": ["high", "low"]
    }
    assert "steps/s" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("recipe", "data", "labels", "error", "words"),
    [
        ("digits_rows", np.zeros((4, 4)), None, DataError, r"images of the shape \[4, 4\]"),
        ("digits_rows", np.full((4, 8, 8), 2.0), None, DataError, "values from 0 to 1"),
        ("digits_rows", IMAGES, SIDES[:3], DataError, "40 items have 3 labels"),
        ("digits_rows", IMAGES, {"path": SIDES}, DataError, "no attribute can be called 'path'"),
        ("names_text", [1, 2], None, DataError, "a list of strings"),
        ("vowels_series", [np.zeros((0, 2))], None, DataError, "each of one step or more"),
        ("vowels_series", pd.DataFrame({"a": [1]}), ["b"], DataError, "b is none"),
        ("spoken_digits_mel", [np.array([2.0])], None, DataError, "from -1 to 1"),
        ("digits_rows", None, SIDES, UsageError, "labels belong to data"),
        ("digits_rows", "photos", None, UsageError, "data is the path photos"),
        ("digits_rows", 5, None, DataError, "arrays or lists, not int"),
        ("digits_rows", IMAGES, 3, DataError, "no list of labels"),
        ("digits_rows", IMAGES, [*SIDES[1:], None], DataError, "label of item 39 is missing"),
        ("digits_rows", IMAGES, np.eye(40), DataError, "expected a single value"),
        ("digits_rows", [[1, 2], [3]], None, DataError, "not of the kind images"),
        ("vowels_series", ["a"], None, DataError, "not of the kind series"),
        ("vowels_series", WAVES, {"file": SIDES}, DataError, "no attribute of series"),
        ("vowels_series", pd.DataFrame({"a": [1]}), {"a": ["x"]}, DataError, "names of its"),
        ("spoken_digits_mel", CLIPS, None, DataError, "not of the kind audio"),
        ({"train": {"steps": 3}}, IMAGES, None, RecipeError, "data.source is missing"),
        ("mnist_row", None, None, RecipeError, "mnist_rows"),
    ],
)
def test_what_cannot_be_trained_on(tmp_path, recipe, data, labels, error, words):
    more = ["data.sample_rate=fast"] if words.endswith("audio") else []
    with pytest.raises(error, match=words):
        seqgan_kit.train(recipe, *more, data=data, labels=labels, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_samples_keep_their_labels(models):
    samples = models("digits_rows").sample(count=2)
    with pytest.raises(ValueError, match="read-only"):
        samples[0] = 0
    series = models("vowels_series").sample(count=2)
    with pytest.raises(ValueError, match="read-only"):
        series[0][:] = 0
    assert type(samples.mean()) is np.float32
    assert type(samples + 1) is np.ndarray
    assert samples[::-1].labels["label"] == samples.labels["label"][::-1]
    assert samples[np.array([True, False, False, True])].labels["label"] == ["high", "low"]
    assert samples[:0]._repr_html_() is None
    with pytest.raises(UsageError, match="no samples"):
        samples[:0].save("none.png")
    with pytest.raises(UsageError, match="names that end in"):
        models("names_text").sample(count=1).save("lines.doc")


def test_keys_of_the_recipe_hold_for_data_in_memory(tmp_path):
    days = [f"2024-01-{day:02d}" for day in range(1, 7)]
    rows = [
        {"who": number, "day": day, "sky": ["wet", "dry"][number % 2], "age": 20 + number % 7}
        for number in range(40)
        for day in days
    ]
    table = pd.DataFrame(rows).assign(heat=RNG.normal(size=len(rows)))
    base = "vowels_series_likelihood"
    model = seqgan_kit.train(
        {"extends": base, "name": "days", "data": {"source": "series"}}, *tiny(base),
        "data.id=who", "data.time=day", "data.numeric=[age]", "data.test=0.3", data=table,
        labels="age", out=tmp_path / "days", progress=False,
    )  # fmt: skip
    frame = model.sample(21.5, count=2).frame()
    assert set(frame["sky"]) <= {"wet", "dry"}
    assert set(frame["time"]) <= set(days)


def test_what_is_no_run(tmp_path):
    with pytest.raises(UsageError, match="compare what"):
        seqgan_kit.compare(out=tmp_path)
    with pytest.raises(UsageError):
        seqgan_kit.evaluate(tmp_path / "nothing")


def test_the_front_door_names_what_there_is():
    assert {"train", "load", "Samples"} <= set(dir(seqgan_kit))
    for name in dir(seqgan_kit):
        assert getattr(seqgan_kit, name)
    with pytest.raises(AttributeError, match="has no attribute 'trane'"):
        _ = seqgan_kit.trane
