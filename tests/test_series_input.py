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
MIN_MAX = ("codec.normalize=min-max", "codec.max_length=null")


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


# -- trends -------------------------------------------------------------------------------------


def prices(path, count=1200):
    """A history that grows by half a per cent a step, of two channels."""
    rng = np.random.default_rng(0)
    price = 20 * np.exp(np.cumsum(rng.normal(0.005, 0.01, count)))
    np.save(path, np.stack([price, price * 3 + 5], 1))
    return path


def shown_data(seqgen, path, *overrides):
    base = f"data={{source: series, root: {path}, window: 24, validation: 0.1, test: 0.1}}"
    done = seqgen("data", "show", LABELLED, base, *MIN_MAX, *overrides)
    assert done.code == 0, done.err
    return done.out


def test_values_beyond_the_range_are_shown_for_each_part(seqgen, tmp_path):
    out = shown_data(seqgen, prices(tmp_path / "prices.npy"))
    for part in ("training", "validation", "test"):
        assert f"channel ({part})" in out
    assert "test: values beyond the codec's range are cut: channel_0 (100 %)" in out
    assert "data.split=random or blocks" in out
    assert "beyond" not in shown_data(seqgen, tmp_path / "prices.npy", "data.split=random")
    # Blocks at the end of the history may be held out, but they are not a whole part.
    assert "100 %" not in shown_data(seqgen, tmp_path / "prices.npy", "data.split=blocks")


def test_parts_by_random_windows_and_by_blocks(tmp_path):
    np.save(tmp_path / "long.npy", np.arange(4000.0))
    common = {"root": tmp_path / "long.npy", "columns": Columns(), "window": 20, "stride": 5}
    by_time = own_series(**common)
    for split in ("random", "blocks"):
        found = own_series(**common, split=split)
        assert found.fingerprint != by_time.fingerprint
        starts = {
            name: {int(one[0, 0]) for one in part.items} for name, part in found.parts.items()
        }
        assert max(starts["training"]) > 3500
        assert min(starts["test"] | starts["validation"]) < 2000
        assert own_series(**common, split=split).fingerprint == found.fingerprint
        steps = {
            n: {v for start in s for v in range(start, start + 20)} for n, s in starts.items()
        }
        apart = not (steps["training"] & steps["test"]) and not (
            steps["validation"] & (steps["training"] | steps["test"])
        )
        assert apart is (split == "blocks")
        shares = [len(part) / sum(map(len, found.parts.values())) for part in found.parts.values()]
        assert shares == pytest.approx([0.8, 0.1, 0.1], abs=0.03)
    assert any("overlap" in note for note in own_series(**common, split="random").notes)


@pytest.mark.parametrize("values", ["level", "difference", "ratio"])
@pytest.mark.parametrize("scale", ["channel", "item"])
@pytest.mark.parametrize("lengths", [(6, 6, 6), (4, 6, 5)])
def test_every_form_of_the_codec_gives_the_series_back(values, scale, lengths):
    rng = np.random.default_rng(0)
    items = as_objects(
        [10.0**n * np.exp(rng.normal(size=(size, 2)).cumsum(0)) for n, size in enumerate(lengths)]
    )
    settings = learn_series(
        items, channels=["a", "b"], normalize="min-max", deviations=3.0, max_length=None,
        values=values, scale=scale,
    )  # fmt: skip
    codec = SeriesCodec(**settings)
    whole = (values != "level") + 2 * (scale == "item")
    assert codec.features == 2 * (1 + whole) + (len(set(lengths)) > 1)
    x_BTF, mask_BT = codec.encode(items)
    assert x_BTF.dtype == torch.float32
    assert x_BTF.abs().max() <= 1
    for one, other in zip(items, codec.present(codec.decode(x_BTF, mask_BT)), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-4)
    assert not np.concatenate(codec.clipped(items)).any()
    # What holds for a whole series is the same at every step, and so it is read.
    first = x_BTF[0, : lengths[0], 2 : 2 * (1 + whole)]
    assert (first == first[0]).all()
    x_BTF[0, : lengths[0], 2 : 2 * (1 + whole)] += torch.linspace(-0.1, 0.1, lengths[0])[:, None]
    again = codec.present(codec.decode(x_BTF, mask_BT))[0]
    np.testing.assert_allclose(again, items[0], rtol=1e-3)


def test_runs_with_every_form_train_and_write(seqgen, tmp_path):
    path = prices(tmp_path / "prices.npy", 400)
    data = f"{{source: series, root: {path}, window: 8, stride: 4}}"
    run = run_of(tmp_path, data, "codec.scale=item", "codec.values=ratio")
    rows = seqgen("sample", run, "-n", 2, "--out", "-").out.splitlines()
    assert rows[0] == "id,time,channel_0,channel_1"
    assert all(float(row.split(",")[2]) > 0 for row in rows[1:])
    np.save(tmp_path / "zero.npy", np.arange(100.0))
    zero = f"data={{source: series, root: {tmp_path}/zero.npy, window: 8}}"
    wrong = seqgen("data", "show", LABELLED, zero, "codec={kind: series, values: ratio}")
    assert wrong.code == 1
    assert "codec.values=ratio needs positive values, and channel_0 is 0" in wrong.err


def test_steps_that_are_lost_in_the_range_of_a_channel_are_told(seqgen, tmp_path):
    value = 1_700_000_000 + 0.5 * np.arange(400.0).reshape(40, 10)
    value[0, 0] = 0
    np.save(tmp_path / "outlier.npy", value)
    data = f"data={{source: series, root: {tmp_path}/outlier.npy}}"
    out = seqgen("data", "show", LABELLED, data, *MIN_MAX).out
    assert "channel_0: its steps (median 0.5) are lost in a range of 1.79e+09" in out


def test_memorisation_is_not_claimed_where_the_parts_differ(tmp_path):
    for split, claimed in (("time", False), ("random", True)):
        data = f"{{source: series, root: {prices(tmp_path / 'prices.npy')}, window: 24}}"
        recipe = recipe_files.load(LABELLED, (f"data={data}", f"data.split={split}"))
        measure = kind_of(recipe).measure(recipe, load_dataset(recipe))
        assert ("memorised" not in measure.unclaimed) is claimed
        assert any("Memorisation is not measured" in note for note in measure.notes) is not claimed
        bench = bench_of(recipe)
        assert bench._claimed({"memorised": 1.0, "spread": 1.0}).keys() == (
            {"memorised", "spread"} if claimed else {"spread"}
        )
