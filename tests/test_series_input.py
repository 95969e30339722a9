"""Series as people have them: names of columns, large values, times, trends, gaps."""

import csv
import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from seqgan_kit.data.dataset import DataError
from seqgan_kit.data.tables import TableForm
from seqgan_kit.data.unequal import as_objects
from seqgan_kit.kinds.series.codec import SeriesCodec
from seqgan_kit.kinds.series.datasets import own_series
from seqgan_kit.kinds.series.foreign import read_samples
from seqgan_kit.kinds.series.items import Columns
from seqgan_kit.kinds.series.learning import learn_series
from seqgan_kit.kinds.series.table_writing import header
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


# -- times --------------------------------------------------------------------------------------


def timed(path, times, header="hour"):
    rows = [(n, t, n + i) for n in range(20) for i, t in enumerate(times)]
    return write_table(path, ["id", header, "x"], rows)


@pytest.mark.parametrize(
    ("times", "form"),
    [
        (["0", "1", "2"], None),
        (["29/01/2020", "30/01/2020", "01/02/2020"], "day/month/year"),
        (["01/29/2020", "01/31/2020", "02/01/2020"], "month/day/year"),
        (["29.1.20", "30.1.20", "1.2.20"], "day/month/year"),
        (["9:00", "9:30", "10:00"], "hours and minutes"),
        (["11:00 AM", "12:00 PM", "1:00 PM"], "hours and minutes"),
        (["1/9/2020 9:00", "1/9/2020 10:00", "1/9/2020 11:00"], "day/month/year"),
        (["2020-01-31", "2020-02-01", "2020-02-02"], "ISO 8601"),
        (["2020-01-31T23:30:00Z", "2020-02-01T00:00:00Z"], "ISO 8601"),
        (["2020-1-9", "2020-1-10", "2020-1-11"], "year/month/day"),
        (["20200131", "20200201", "20200202"], "year, month and day (20200129)"),
        (["12/2019", "1/2020", "2/2020"], "month/year"),
        (["1/30", "1/31", "2/1"], "month/day"),
        (["30 Jan 2020", "31 Jan 2020", "1 Feb 2020"], "dates with names of months"),
        (["step 9", "step 10", "step 11"], "times in no known form"),
    ],
)
def test_times_are_read_in_the_usual_forms(tmp_path, times, form):
    path = timed(tmp_path / "timed.csv", times)
    notes = own_series(root=path, columns=Columns(time="hour")).notes
    assert not any("unequal" in note for note in notes)
    if form is None:
        assert not notes
    else:
        assert form in notes[0]
        assert "hour" in notes[0]


def test_where_two_forms_fit_the_note_says_so(tmp_path):
    path = timed(tmp_path / "timed.csv", ["01/02/2020", "02/02/2020", "03/02/2020"])
    (note, *_) = own_series(root=path, columns=Columns(time="hour")).notes
    assert note == (
        "hour: times read as day/month/year (month/day/year would fit, too: see data.time_format)"
    )


@pytest.mark.parametrize(
    ("times", "words"),
    [
        (["1/1", "1/10", "1/11", "1/2"], r"'1/2' comes after '1/11'.*day/month or month/day"),
        (["2/2/2020", "1/1/2020"], r"'1/1/2020' comes after '2/2/2020'.*sort the rows"),
        (["9:00", "10:00", "soon"], "line 4: the time 'soon' does not fit hours and minutes"),
        (["9:00", "", "10:00"], "line 3: no time in the column 'hour'"),
        (["9:00", "9:00"], "'9:00' comes after '9:00'"),
        (["b", "a"], "'a' comes after 'b'.*data.time_format"),
        (["0", "nan"], "the time 'nan' does not fit numbers"),
    ],
)
def test_times_that_do_not_rise_or_fit(tmp_path, times, words):
    with pytest.raises(DataError, match=words):
        own_series(root=timed(tmp_path / "timed.csv", times), columns=Columns(time="hour"))


def test_a_format_of_times_is_taken_as_it_is(seqgen, tmp_path):
    path = timed(tmp_path / "timed.csv", ["12h 2020-2", "13h 2020-2", "1h 2020-3"])
    form = Columns(time="hour", time_format="%Hh %Y-%m")
    assert "times read as '%Hh %Y-%m'" in own_series(root=path, columns=form).notes[0]
    # Numbers from 0, as samples have them, are read, too.
    numbers = timed(tmp_path / "numbers.csv", ["0", "1", "2"])
    assert not own_series(root=numbers, columns=form).notes
    other = timed(tmp_path / "other.csv", ["12h 2020-2", "13:00"])
    with pytest.raises(DataError, match="line 3: the time '13:00' does not fit data"):
        own_series(root=other, columns=form)
    data = f"data={{source: series, root: {path}, time_format: '%Q'}}"
    wrong = seqgen("data", "show", LABELLED, data)
    assert wrong.code != 0
    assert "is no format of times" in wrong.err


def test_unequal_steps_of_time_are_noted(tmp_path):
    path = timed(tmp_path / "timed.csv", ["0", "1", "2", "500"])
    (note,) = own_series(root=path, columns=Columns(time="hour")).notes
    assert "steps of time are unequal: 1 at the median, 1 to 498 (20 of 60 differ)" in note
    path = timed(tmp_path / "days.csv", ["2020-01-02", "2020-01-03", "2020-01-06", "2020-01-07"])
    notes = own_series(root=path, columns=Columns(time="hour")).notes
    assert "1 day, 0:00:00 at the median, 1 day, 0:00:00 to 3 days, 0:00:00" in notes[1]


# -- gaps and parts -----------------------------------------------------------------------------


def test_a_channel_without_values_is_skipped_or_filled(tmp_path):
    rows = [(n, t, "" if n == 3 else t, n) for n in range(20) for t in range(4)]
    path = write_table(tmp_path / "gap.csv", ["id", "time", "x", "y"], rows)
    with pytest.raises(DataError, match=r"series 3 .*nor at any other step: .*unreadable=skip"):
        own_series(root=path, columns=Columns(), missing="linear")
    found = own_series(root=path, columns=Columns(), missing="linear", unreadable="skip")
    assert sum(map(len, found.parts.values())) == 19
    assert "unreadable series left out: 1" in found.notes[0]
    assert "series 3 has no value at step 0" in found.notes[0]
    found = own_series(root=path, columns=Columns(), missing="mean")
    filled = [one for part in found.parts.values() for one in part.items if one[0, 1] == 3]
    assert filled[0][:, 0].tolist() == [1.5] * 4
    assert "missing values filled (data.missing=mean): 4 of 160" in found.notes[0]
    rows = [(n, t, "") for n in "ab" for t in "01"]
    nothing = write_table(tmp_path / "none.csv", ["id", "time", "x"], rows)
    with pytest.raises(DataError, match="no series of the training part can be used"):
        own_series(root=nothing, columns=Columns(), missing="linear", unreadable="skip")


def test_numeric_targets_are_left_out_on_request(tmp_path):
    path = tmp_path / "targets.npz"
    np.savez(path, x=np.random.default_rng(0).normal(size=(20, 4)), y=np.linspace(0, 1, 20),
             site=np.arange(20) % 2)  # fmt: skip
    with pytest.raises(DataError, match=r"y has fractional values.*data\.targets=skip"):
        own_series(root=path, columns=Columns())
    found = own_series(root=path, columns=Columns(targets="skip"))
    assert list(found.labels) == ["site"]
    assert found.notes == ["targets.npz: numeric targets left out (y)"]


def test_numeric_targets_of_ts_files(tmp_path):
    pytest.importorskip("aeon", reason="the extra `series` is not installed")
    head = "@problemName a\n@timestamps false\n@univariate true\n@equalLength true\n"
    head += "@seriesLength 3\n@targetlabel true\n@data\n"
    (tmp_path / "a.ts").write_text(head + "".join(f"{n},2,{n}:{n / 7}\n" for n in range(20)))
    with pytest.raises(DataError, match=r"data\.targets=skip"):
        own_series(root=tmp_path / "a.ts", columns=Columns())
    found = own_series(root=tmp_path / "a.ts", columns=Columns(targets="skip"))
    assert found.labels == {"label": ["any"]}
    assert sum(map(len, found.parts.values())) == 20


@pytest.mark.parametrize("window", [None, 4])
def test_everything_can_be_trained_on(seqgen, tmp_path, window):
    path = tmp_path / "all.npy"
    np.save(path, np.sin(np.arange(160.0)) if window else np.sin(np.arange(160.0)).reshape(40, 4))
    parts = own_series(root=path, columns=Columns(), window=window, validation=0.0, test=0.0).parts
    assert {n: len(p) for n, p in parts.items()} == {
        "training": 157 if window else 40, "validation": 0, "test": 0,
    }  # fmt: skip
    data = f"{{source: series, root: {path}, test: 0, validation: 0, window: {window or 'null'}}}"
    shown = seqgen("data", "show", LABELLED, f"data={data}", *MIN_MAX)
    assert shown.code == 0, shown.err
    run = run_of(tmp_path, data)
    assert seqgen("sample", run, "-n", 1, "--out", "-").code == 0
    measured = seqgen("evaluate", run)
    assert measured.code != 0
    assert "Traceback" not in measured.err
    assert "test part" in measured.err


def test_a_checkpoint_is_chosen_without_a_test_part(tmp_path):
    np.save(tmp_path / "all.npy", np.sin(np.arange(400.0)).reshape(100, 4))
    data = f"{{source: series, root: {tmp_path}/all.npy, test: 0, validation: 0.2}}"
    assert (run_of(tmp_path, data, "train.keep=best") / "checkpoints").is_dir()


# -- tables -------------------------------------------------------------------------------------


def same_items(one, other):
    for name, part in one.parts.items():
        for a, b in zip(part.items, other.parts[name].items, strict=True):
            np.testing.assert_array_equal(a, b)


def test_tables_in_every_format_are_the_same_data(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    columns = Columns(id="patient", time="hour", labels=("unit",))
    path = patients(tmp_path / "mine.csv")
    first = own_series(root=path, columns=columns)
    frame = pandas.read_csv(path)
    frame.to_csv(tmp_path / "tabs.tsv", sep="\t", index=False)
    frame.to_csv(tmp_path / "semicolons.csv", sep=";", index=False, encoding="utf-16")
    frame.to_csv(tmp_path / "indexed.csv")
    frame.to_parquet(tmp_path / "mine.parquet")
    same_items(first, own_series(root=tmp_path / "tabs.tsv", columns=columns))
    same_items(first, own_series(root=tmp_path / "mine.parquet", columns=columns))
    same_items(first, own_series(root=frame, columns=columns))
    form = TableForm(separator=";", encoding="utf-16")
    other = own_series(root=tmp_path / "semicolons.csv", columns=replace(columns, form=form))
    same_items(first, other)
    indexed = own_series(root=tmp_path / "indexed.csv", columns=columns)
    same_items(first, indexed)
    assert indexed.channels == ("heat", "flow")
    assert "columns without a name left out: 1" in indexed.notes[0]
    (tmp_path / "bare.csv").write_text(path.read_text().partition("\n")[2])
    numbers = Columns(id="1", time="2", labels=("5",), form=TableForm(header=False))
    bare = own_series(root=tmp_path / "bare.csv", columns=numbers)
    same_items(first, bare)
    assert bare.channels == ("3", "4")


def test_a_wrong_separator_is_named(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("id;time;x\n1;0;2\n")
    with pytest.raises(DataError, match=r"no column 'id' \(data\.id.*data\.separator=';'"):
        own_series(root=path, columns=Columns())


def test_a_row_a_series(tmp_path):
    rows = [(f"s{n}", "ab"[n % 2], n, n + 1, "", n + 3, *[n + 4] * (n % 2)) for n in range(20)]
    rows = [(*row, *[""] * (7 - len(row))) for row in rows]
    path = write_table(tmp_path / "wide.csv", ["id", "label", "t0", "t1", "t2", "t3", "t4"], rows)
    found = own_series(root=path, columns=Columns(layout="wide"), missing="linear")
    assert found.channels == ("value",)
    assert found.labels == {"label": ["a", "b"]}
    items = [one[:, 0].tolist() for part in found.parts.values() for one in part.items]
    assert sorted(items)[:2] == [[0, 1, 2, 3], [1, 2, 3, 4, 5]]


def test_an_empty_label_is_an_error(tmp_path):
    rows = [(n, 0, n, "" if n == 3 else "a") for n in range(20)]
    path = write_table(tmp_path / "mine.csv", ["id", "time", "x", "label"], rows)
    with pytest.raises(DataError, match="line 5: no label in the column 'label'"):
        own_series(root=path, columns=Columns())


def steps_of(number):
    return [(str(number), str(time), str(number * time % 7)) for time in range(3)]


FORMS = {
    "semicolons": (
        "separator: ';', id: patient, time: hour", "patient;hour;x\n",
        lambda n: "".join(";".join(row) + "\n" for row in steps_of(n)), r"patient;hour;x",
    ),
    "no header": (
        "header: false, id: 2, time: 1", "",
        lambda n: "".join(f"{t},{key},{x}\n" for key, t, x in steps_of(n)), r"0,0,-?\d.*",
    ),
    "wide": (
        "layout: wide, id: name", "name,label,t0,t1,t2\n",
        lambda n: f"s{n},{'ab'[n % 2]},{n % 5},{n % 7},{n % 3}\n", r"name,label,0,1,2",
    ),
    "wide without header": (
        "layout: wide, header: false, labels: [2]", "",
        lambda n: f"{n % 5},{'ab'[n % 2]},{n % 7},{n % 3}\n", r"-?\d[^,]*,a,-?\d[^,]*,-?\d[^,]*",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_samples_are_written_as_the_recipe_reads_them(seqgen, tmp_path, name):
    data, top, lines, first = FORMS[name]
    path = tmp_path / "mine.csv"
    path.write_text(top + "".join(map(lines, range(40))))
    run = run_of(tmp_path, f"{{source: series, root: {path}, {data}}}")
    made = tmp_path / "made.csv"
    assert seqgen("sample", run, "-n", 20, "--out", made).code == 0
    assert re.fullmatch(first, made.read_text().splitlines()[0])
    before = load_dataset(recipe_files.load(str(run / "recipe.yaml")))
    recipe = recipe_files.load(str(run / "recipe.yaml"), (f"data.root={made}",))
    again = load_dataset(recipe)
    assert (again.channels, again.labels) == (before.channels, before.labels)
    assert sum(map(len, again.parts.values())) == 20 * again.classes[0]
    assert len(read_samples(made, None, bench_of(recipe))[0]) == 20 * again.classes[0]


def test_a_first_recipe_knows_separators_and_dates(seqgen, tmp_path):
    days = ["29/01/2020", "30/01/2020", "31/01/2020", "01/02/2020", "02/02/2020", "03/02/2020"]
    rows = [f"p{n};{day};{n * i % 5}\n" for n in range(40) for i, day in enumerate(days)]
    (tmp_path / "mine.csv").write_text("patient;date;heat\n" + "".join(rows))
    done = seqgen("init", tmp_path / "mine.csv", "--out", tmp_path / "mine.yaml")
    assert done.code == 0, done.err
    data = recipe_files.load(str(tmp_path / "mine.yaml")).data
    assert (data.id, data.time, data.separator) == ("patient", "date", ";")
    assert load_dataset(recipe_files.load(str(tmp_path / "mine.yaml"))).channels == ("heat",)
