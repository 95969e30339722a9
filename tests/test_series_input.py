"""Series as people have them: names of columns, large values, times, trends, gaps."""

import csv

import numpy as np
import pytest
import torch

from seqgan_kit.data.unequal import as_objects
from seqgan_kit.kinds.series.codec import SeriesCodec, learn_series
from seqgan_kit.kinds.series.datasets import own_series
from seqgan_kit.kinds.series.foreign import read_samples
from seqgan_kit.kinds.series.items import Columns
from seqgan_kit.kinds.series.writing import header
from seqgan_kit.measuring.bench import Bench
from seqgan_kit.measuring.foreign_samples import SamplesError
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.runs import workflow
from seqgan_kit.runs.data import kind_of, load_dataset

from .conftest import tiny

LABELLED = "vowels_series"


def write_table(path, names, rows):
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in [names, *rows]))
    return path


def run_of(tmp_path, data, *overrides):
    """A run of a few steps on the user's own series."""
    short = ("codec.max_length=null", "train.steps=2", *overrides)
    recipe = recipe_files.load(LABELLED, (*tiny(LABELLED), f"data={data}", *short))
    return workflow.train(recipe, out=tmp_path / "run").run.path


def bench_of(recipe):
    """What the reader of samples asks a bench, without a judge."""
    bench = Bench.__new__(Bench)
    bench.recipe, bench.dataset = recipe, load_dataset(recipe)
    bench.measure = kind_of(recipe).measure(recipe, bench.dataset)
    return bench


def patients(path, labelled=True):
    """Forty series under names of the user's own."""
    rows = [
        (f"p{n}", t, round(20 + np.sin(n + t), 3), n * t, *[("icu", "ward")[n % 2]] * labelled)
        for n in range(40)
        for t in range(4 + n % 3)
    ]  # fmt: skip
    return write_table(path, ["patient", "hour", "heat", "flow", *["unit"] * labelled], rows)


# -- names --------------------------------------------------------------------------------------


def test_samples_come_back_under_the_names_of_the_recipe(seqgen, tmp_path):
    root = patients(tmp_path / "mine.csv")
    data = f"{{source: series, root: {root}, id: patient, time: hour, labels: [unit], test: 0.3}}"
    run = run_of(tmp_path, data)
    made = tmp_path / "made.csv"
    assert seqgen("sample", run, "-n", 15, "--out", made).code == 0
    rows = list(csv.DictReader(made.read_text().splitlines()))
    assert list(rows[0]) == ["patient", "hour", "heat", "flow", "unit"]
    assert {row["unit"] for row in rows} == {"icu", "ward"}
    shown = seqgen("data", "show", run / "recipe.yaml", f"data.root={made}")
    assert shown.code == 0, shown.err
    recipe = recipe_files.load(str(run / "recipe.yaml"))
    items, label_NA = read_samples(made, None, bench_of(recipe))
    assert len(items) == len(label_NA) == 30
    other = tmp_path / "other.csv"
    other.write_text(made.read_text().replace("patient", "id", 1))
    with pytest.raises(SamplesError, match="no column 'patient'"):
        read_samples(other, None, bench_of(recipe))


def test_series_without_labels_get_none(seqgen, tmp_path):
    root = patients(tmp_path / "mine.csv", labelled=False)
    run = run_of(tmp_path, f"{{source: series, root: {root}, id: patient, time: hour}}")
    done = seqgen("sample", run, "-n", 2, "--out", "-")
    assert done.out.splitlines()[0] == "patient,hour,heat,flow"
    assert {line.count(",") for line in done.out.splitlines()} == {3}
    seqgen("sample", run, "-n", 2, "--out", tmp_path / "made.npz")
    with np.load(tmp_path / "made.npz") as arrays:
        assert set(arrays) == {"x", "length", "channel"}


@pytest.mark.parametrize(
    ("channels", "attributes", "names"),
    [
        (["heat"], ["unit"], ["id", "time", "heat", "unit"]),
        (["id", "heat"], [], ["id_2", "time", "id", "heat"]),
        (["heat"], ["id"], ["id_2", "time", "heat", "id"]),
        (["time"], ["time"], ["id", "time_3", "time", "time_2"]),
    ],
)
def test_no_two_columns_have_one_name(channels, attributes, names):
    assert header(("id", "time"), channels, attributes) == names


# -- large values -------------------------------------------------------------------------------


def clock_rows():
    """Times in seconds since 1970, a minute apart, beside values about 0."""
    return [
        (n, t, 1_700_000_000 + 60 * (t + 3 * n), round(np.sin(t + n), 3))
        for n in range(40)
        for t in range(5)
    ]


def test_values_with_a_large_offset_keep_their_steps(tmp_path):
    path = write_table(tmp_path / "clock.csv", ["id", "time", "seconds", "x"], clock_rows())
    dataset = own_series(root=path, columns=Columns())
    training = dataset.parts["training"].items
    assert (np.diff(training[0][:, 0]) == 60).all()
    codec = SeriesCodec(
        **learn_series(
            training, channels=dataset.channels, normalize="min-max", deviations=3.0,
            max_length=None,
        )
    )  # fmt: skip
    x_BTF, mask_BT = codec.encode(training)
    assert x_BTF.dtype == torch.float32
    back = codec.present(codec.decode(x_BTF, mask_BT))
    np.testing.assert_allclose(back[..., 0], np.stack(list(training))[..., 0], atol=1e-3, rtol=0)
    assert codec.digits(back[0])[0] >= 13
    # What judges and figures see is centred before it is rounded.
    recipe = recipe_files.load(LABELLED, (f"data={{source: series, root: {path}}}",))
    measure = kind_of(recipe).measure(recipe, dataset)
    vector_NF = measure.vectors(measure.real(training)).reshape(len(training), 5, 2)
    gap_NT = vector_NF[:, 1:, 0].diff(dim=1)
    assert gap_NT.min() == pytest.approx(float(gap_NT.max()), rel=1e-3)


def test_large_samples_have_all_their_digits(seqgen, tmp_path):
    path = write_table(tmp_path / "clock.csv", ["id", "time", "seconds", "x"], clock_rows())
    run = run_of(tmp_path, f"{{source: series, root: {path}}}")
    rows = list(csv.DictReader(seqgen("sample", run, "-n", 3, "--out", "-").out.splitlines()))
    assert all(1.699e9 < float(row["seconds"]) < 1.701e9 for row in rows)
    assert len({row["seconds"] for row in rows}) > 5
    assert "e+" not in rows[0]["seconds"]
    # An ordinary channel has seven digits, as before.
    assert all(len(row["x"].strip("-0.").replace(".", "")) <= 7 for row in rows)


def test_a_large_constant_comes_back_as_it_was():
    items = as_objects([np.full((4, 1), 1_700_000_001.0)] * 3)
    codec = SeriesCodec(
        **learn_series(items, channels=["a"], normalize="min-max", deviations=3.0, max_length=None)
    )
    assert (codec.decode(*codec.encode(items)) == 1_700_000_001).all()
