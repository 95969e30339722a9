"""`seqgen plot`: training curves in the terminal and as pictures."""

import json
import math
import shutil
import xml.etree.ElementTree as ElementTree
from itertools import pairwise

import pytest
from PIL import Image

import seqgan_kit
from seqgan_kit.errors import UsageError
from seqgan_kit.pages.training_curves import CURVE_POINTS, charts, logged
from seqgan_kit.report.canvas import WIDTH
from seqgan_kit.report.charts import Chart, Sheet
from seqgan_kit.report.pixels import _dashes
from seqgan_kit.report.terminal_chart import ROWS, terminal_chart
from seqgan_kit.training.log import read_metrics
from seqgan_kit.training.run import Run, RunError

SVG = "{http://www.w3.org/2000/svg}"


def lines(count=500, shift=0.0):
    """A loss in each line, and a penalty in every seventh."""
    for k in range(1, count + 1):
        rare = {"loss/penalty": 1 / k} if k % 7 == 0 else {}
        yield {
            "step": 10 * k,
            "seconds": k / 2,
            "loss/generator": math.exp(-k / 50) + shift,
        } | rare


@pytest.fixture
def run(tiny_run, tmp_path):
    """Make a run with these metrics."""

    def make(name, metrics):
        path = shutil.copytree(tiny_run, tmp_path / name)
        text = metrics if isinstance(metrics, str) else "".join(
            json.dumps(line) + "\n" for line in metrics
        )  # fmt: skip
        (path / "metrics.jsonl").write_text(text)
        return path

    return make


def refused(shown, *words):
    assert shown.code == 2
    assert shown.err.startswith("error: ")
    assert len(shown.err.splitlines()) == 1
    for word in words:
        assert word in shown.err


# -- in the terminal ----------------------------------------------------------------------------


def test_a_run_in_the_terminal(seqgen, run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "70")
    shown = seqgen("plot", run("one", lines()))
    assert shown.code == 0, shown.err
    assert "\x1b" not in shown.out
    assert max(map(len, shown.out.splitlines())) <= 70
    first, second, names = shown.out.split("\n\n")
    assert first.startswith("loss/generator\n")
    assert second.startswith("loss/penalty\n")
    assert names.split() == ["⣿", "one"]
    assert first.splitlines()[-1].split() == ["10", "step", "5,000"]


def test_runs_are_told_apart_without_colours(seqgen, run):
    paths = run("one", lines()), run("two", lines(shift=0.5))
    shown = seqgen("plot", *paths, "--against", "seconds", "--figure", "loss/generator")
    chart, names = shown.out.split("\n\n")
    assert names.splitlines() == ["a one", "b two"]
    signs = [line.partition("│")[2] for line in chart.splitlines()[1 : ROWS + 1]]
    # The second run is above the first everywhere.
    assert max(k for k, line in enumerate(signs) if "b" in line) < ROWS - 1
    assert "a" in signs[-1]
    assert "seconds of training" in chart


def test_a_terminal_has_colours(seqgen, run, monkeypatch):
    paths = run("one", lines(20)), run("two", lines(20, 0.5))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert "\x1b[34m" in seqgen("plot", *paths).out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in seqgen("plot", *paths).out


def test_names_cannot_command_a_terminal(seqgen, run):
    path = run("\x1b[31m", [{"step": 1, "\x1b[2J": 0.5}, {"step": 2, "\x1b[2J": 0.7}])
    assert "\x1b" not in seqgen("plot", path, path.with_name("\x1b[31m")).out


@pytest.mark.parametrize(
    "spots", [[(5.0, 1.0)], [(1.0, 2.0), (9.0, 2.0)], [(0.0, -1e99), (2.0**62, 1e99)]]
)
def test_any_range_can_be_drawn(spots):
    chart = Chart("loss", "step", [[spots]])
    drawn = terminal_chart(chart, 60).splitlines()
    assert len(drawn) == ROWS + 3
    assert any("⠀" < sign <= "⣿" for sign in "".join(drawn))
    assert Sheet([chart], ["one"]).picture().width == 2 * WIDTH
    ElementTree.fromstring(Sheet([chart], ["one"]).svg())


def test_a_straight_line():
    drawn = terminal_chart(Chart("x", "step", [[[(0.0, 0.0), (1.0, 1.0)]]]), 40).splitlines()
    starts = [line.index(next(s for s in line if "⠀" < s <= "⣿")) for line in drawn[1 : ROWS + 1]]
    assert starts == sorted(starts, reverse=True)
    assert len(set(starts)) == ROWS


# -- pictures -----------------------------------------------------------------------------------


def test_pictures_of_runs(seqgen, run, tmp_path):
    paths = run("one", lines()), run("two", lines(shift=0.5))
    out = tmp_path / "curves.svg"
    shown = seqgen("plot", *paths, "--out", out)
    assert (shown.code, shown.out) == (0, f"{out}\n"), shown.err
    root = ElementTree.fromstring(out.read_text("utf-8"))
    texts = ["".join(node.itertext()) for node in root.iter(f"{SVG}text")]
    assert {"loss/generator", "loss/penalty", "one", "two", "step"} <= set(texts)
    curves = [node.get("d") for node in root.iter(f"{SVG}path") if node.get("d").count("L") > 1]
    assert len(curves) == 4
    assert max(curve.count("L") for curve in curves) < CURVE_POINTS
    # The second chart is to the right of the first.
    left = [min(float(spot.split()[0]) for spot in curve[1:].split("L")) for curve in curves]
    assert max(left[:2]) < WIDTH < min(left[2:])

    out = tmp_path / "curves.png"
    assert seqgen("plot", *paths, "--out", out).code == 0
    with Image.open(out) as image:
        colours = {colour for _, colour in image.getcolors(1 << 24)}
        assert image.width > 2 * 2 * WIDTH
    assert {(0x00, 0x72, 0xB2), (0xD1, 0x51, 0x0A), (255, 255, 255)} <= colours


def test_nothing_is_replaced_unasked(seqgen, run, tmp_path):
    path, out = run("one", lines(20)), tmp_path / "c.svg"
    out.write_text("mine")
    refused(seqgen("plot", path, "--out", out), str(out), "--force")
    assert out.read_text() == "mine"
    assert seqgen("plot", path, "--out", out, "--force").code == 0
    assert out.read_text().startswith("<svg")


def test_dashes_have_their_lengths():
    path = [(0.0, 0.0), (10.0, 0.0), (10.0, 11.0)]
    assert list(_dashes(path, "none")) == [path]
    dashes = list(_dashes(path, "6 3"))
    long = [sum(math.dist(*pair) for pair in pairwise(one)) for one in dashes]
    assert long == pytest.approx([6, 6, 3])
    assert dashes[1] == [(9.0, 0.0), (10.0, 0.0), (10.0, 5.0)]


# -- what is wrong ------------------------------------------------------------------------------


def test_wrong_requests(seqgen, run, tmp_path):
    path = run("one", lines(20))
    refused(
        seqgen("plot", path, "--figure", "loss/generatr"),
        "did you mean 'loss/generator'", "there are loss/generator, loss/penalty",
    )  # fmt: skip
    refused(seqgen("plot", path, "--out", tmp_path / "c.pdf"), ".png or .svg")
    refused(seqgen("plot", path, path), "twice")
    refused(seqgen("plot", tmp_path / "nowhere"), "no run folder")
    assert seqgen("plot").code == 2
    for number, text in enumerate(("", "no JSON\n", '{"step": 1}\n', '{"step": 1, "a": NaN}\n')):
        refused(seqgen("plot", run(f"empty{number}", text)), f"empty{number}", "nothing to plot")


# -- the curves ---------------------------------------------------------------------------------


def test_curves_are_thinned_to_their_ends(run):
    found = logged(Run(run("one", lines(1000))))
    assert [len(points) for points in found.values()] == [168, 142]
    assert found["loss/generator"][0] == [10.0, 0.5, round(math.exp(-1 / 50), 5)]
    assert found["loss/generator"][-1][:2] == [10000.0, 500.0]
    assert [found["loss/penalty"][k][0] for k in (0, -1)] == [70.0, 9940.0]
    for count in (1, 2, CURVE_POINTS, CURVE_POINTS + 1):
        found = logged(Run(run(f"of{count}", lines(count))))
        assert min(count, CURVE_POINTS // 2) <= len(found["loss/generator"]) <= CURVE_POINTS


def test_what_cannot_be_drawn_is_a_gap(run):
    values = [1, math.nan, 2.0, 3.0, math.inf, -math.inf, 1e300]
    path = run("gaps", [{"step": k, "a": value} for k, value in enumerate(values)])
    (chart,) = charts([Run(path)])
    assert chart.curves == [[[(0.0, 1.0)], [(2.0, 2.0), (3.0, 3.0)]]]


def test_charts_have_the_figures_of_all_runs(run):
    one = Run(run("one", [{"step": 1, "a": 1.0}, {"step": 2, "b": 2.0}]))
    other = Run(run("other", [{"step": 1, "seconds": 3.0, "c": 1.0}]))
    found = charts([one, other])
    assert [chart.title for chart in found] == ["a", "b", "c"]
    assert [[len(curve) for curve in chart.curves] for chart in found] == [[1, 0], [1, 0], [0, 1]]
    chosen = charts([one, other], against="seconds", figures=["c", "a", "c"])
    assert [chart.title for chart in chosen] == ["c", "a"]
    # A run of an older version has no seconds.
    assert [chart.curves for chart in chosen] == [[[], [[(3.0, 1.0)]]], [[[(0.0, 1.0)]], []]]
    with pytest.raises(UsageError, match="there are a, b, c"):
        charts([one, other], figures=["d"])
    with pytest.raises(RunError, match="nothing to plot"):
        charts([one, Run(run("empty", ""))])


def test_an_integer_that_no_float_holds_is_damage(run):
    path = run("damaged", [{"step": 10**400}, {"step": 2, "a": 10**400}, {"step": 3, "a": 2.0}])
    assert read_metrics(path / "metrics.jsonl") == [{"step": 3, "a": 2.0}]


# -- from Python ----------------------------------------------------------------------------------


def test_a_line_of_python(run, tmp_path, seqgen):
    one, other = run("one", lines()), run("other", lines(shift=1.0))
    sheet = seqgan_kit.plot(one, other, against="seconds", figures=["loss/generator"])
    assert "<svg" in sheet._repr_svg_()
    saved = sheet.save(tmp_path / "curves.svg")
    names = ["loss/generator"]
    shown = seqgen("plot", one, other, "--against", "seconds", "--figure", *names, "--out",
                   tmp_path / "same.svg")  # fmt: skip
    assert shown.code == 0, shown.err
    assert saved.read_text() == (tmp_path / "same.svg").read_text()
    with pytest.raises(UsageError, match="force=True"):
        sheet.save(saved)
    with pytest.raises(UsageError, match=r"\.png or \.svg"):
        sheet.save(tmp_path / "curves.pdf")
    with Image.open(sheet.save(tmp_path / "curves.png")) as picture:
        assert picture.width == 2 * WIDTH
    # Curves need no data, wherever these are now.
    assert seqgen("plot", one, "data.root=elsewhere").code == 0
    with pytest.raises(UsageError, match="plot what"):
        seqgan_kit.plot()
    with pytest.raises(RunError, match="named twice"):
        seqgan_kit.plot(one, one)
