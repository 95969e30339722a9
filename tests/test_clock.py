"""Regular times: found in the data, written for samples, begun where a user says."""

import csv

import numpy as np
import pandas as pd
import pytest

from seqgan_kit.data.clock import Clock
from seqgan_kit.errors import UsageError
from seqgan_kit.kinds.series.datasets import own_series
from seqgan_kit.kinds.series.items import Columns

from .conftest import tiny

DAYS = [f"2024-03-{day:02d}" for day in range(1, 9)]


def table(path, times, count=40, header="day"):
    rng = np.random.default_rng(0)
    rows = [f"id,{header},heat"]
    rows += [f"{n},{time},{rng.normal():.3f}" for n in range(count) for time in times]
    path.write_text("\n".join([*rows, ""]))
    return path


def clock_of(path, times, **columns):
    own = table(path / "own.csv", times, 12, "time")
    return own_series(root=own, columns=Columns(**columns)).clock


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (DAYS, ["2024-03-01", "2024-03-02", "2024-03-03"]),
        (["2024-01-15", "2024-02-15", "2024-03-15"], ["2024-01-15", "2024-02-15", "2024-03-15"]),
        (["29/2/2024 0:00", "29/2/2024 0:15"],
         ["2024-02-29T00:00:00", "2024-02-29T00:15:00", "2024-02-29T00:30:00"]),
        (["2.5", "3.0", "3.5"], ["2.5", "3", "3.5"]),
        (["1700000000000", "1700000000001"], [f"170000000000{n}" for n in range(3)]),
        (["0", "1", "2"], ["0", "1", "2"]),
        (["2024-03-01T23:30:00+05:30", "2024-03-02T00:30:00+05:30"],
         ["2024-03-01T23:30:00+05:30", "2024-03-02T00:30:00+05:30", "2024-03-02T01:30:00+05:30"]),
        (["2023-11-30", "2023-12-31", "2024-01-31"], ["2023-11-30", "2023-12-31", "2024-01-31"]),
        (["2024-02-29", "2024-04-30", "2024-06-30"], ["2024-02-29", "2024-04-30", "2024-06-30"]),
        ([f"2024-0{month}-01T00:00+02:00" for month in (1, 2, 3)],
         [f"2024-0{month}-01T00:00:00+02:00" for month in (1, 2, 3)]),
        (["2023", "2024"], ["2023", "2024", "2025"]),
    ],
)  # fmt: skip
def test_times_go_on_as_in_the_data(tmp_path, times, expected):
    assert clock_of(tmp_path, times).texts(3) == expected


@pytest.mark.parametrize(
    "times", [["0", "1", "5"], ["2024-01-15", "2024-02-15", "2024-04-15"], ["9:00", "9:10"], ["7"]]
)
def test_times_that_are_not_regular_have_no_clock(tmp_path, times):
    assert clock_of(tmp_path, times) is None


def test_a_format_of_its_own_is_kept(tmp_path):
    form = "%d.%m.%Y %H:%M"
    clock = clock_of(tmp_path, ["31.01.2024 08:00", "31.01.2024 09:00"], time_format=form)
    assert clock.texts(3, form)[2] == "31.01.2024 10:00"


def test_months_end_when_they_end():
    january = Clock("months", 30 * 86_400.0, 1.0)
    assert january.texts(3) == ["1970-01-31", "1970-02-28", "1970-03-31"]
    assert january.begun("2027-12-31").texts(3) == ["2027-12-31", "2028-01-31", "2028-02-29"]
    with pytest.raises(UsageError, match="beyond the calendar"):
        january.begun("9999-12-31").texts(2)
    with pytest.raises(UsageError, match="expected a date, such as 2026-01-31"):
        january.begun("soon")
    with pytest.raises(UsageError, match="expected a number"):
        Clock("numbers", 0.0, 1.0).begun("2026-01-01")


def test_samples_have_times_that_pandas_reads(seqgen, tmp_path):
    path, run = table(tmp_path / "days.csv", DAYS), tmp_path / "run"
    trained = seqgen(
        "train", "vowels_series", *tiny("vowels_series"), "data.source=series",
        f"data.root={path}", "data.time=day", "data.test=0.2", "codec.max_length=null",
        "--out", run,
    )  # fmt: skip
    assert trained.code == 0, trained.err
    for start, first in ((None, "2024-03-01"), ("2026-12-30", "2026-12-30")):
        target = tmp_path / f"{first}.csv"
        asked = ("sample", run, "-n", "3", "--out", target)
        made = seqgen(*asked, *(["--start", start] if start else []))
        assert made.code == 0, made.err
        read = pd.read_csv(target, parse_dates=["day"])
        assert read["day"][0] == pd.Timestamp(first)
        assert (read.groupby("id")["day"].diff().dropna() == pd.Timedelta(days=1)).all()
    # Samples are data again.
    assert own_series(root=target, columns=Columns(time="day"), validation=0.0, test=0.0).clock
    refused = seqgen("sample", run, "--start", "then", "--out", tmp_path / "b.csv")
    assert (refused.code, "expected a date" in refused.err) == (2, True)
    refused = seqgen("sample", run, "--start", "2026-01-01", "--out", tmp_path / "b.npz")
    assert (refused.code, "--start is for tables" in refused.err) == (2, True)


def test_runs_without_regular_times_count_steps(seqgen, tmp_path):
    run = tmp_path / "run"
    small = (*tiny("sines_series"), "data.count=60")
    assert seqgen("train", "sines_series", *small, "--out", run).code == 0
    target = tmp_path / "made.csv"
    assert seqgen("sample", run, "-n", "1", "--out", target).code == 0
    times = [row["time"] for row in csv.DictReader(target.read_text().splitlines())]
    assert times[:3] == ["0", "1", "2"]
    refused = seqgen("sample", run, "--start", "5", "--out", tmp_path / "other.csv")
    assert (refused.code, "no regular times" in refused.err) == (2, True)
