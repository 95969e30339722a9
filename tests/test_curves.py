"""Curves of quality against diversity: where they are, how they are drawn and told."""

import math
import re
import xml.etree.ElementTree as ElementTree
from importlib.resources import files

import pytest

from seqgan_kit.report import canvas, curves

HOSTILE = "</svg><script>alert(1)</script>\"'&\x00\x1b\u202e"
SVG = "{http://www.w3.org/2000/svg}"


def figure(name, title, better, digits=3):
    return {"name": name, "title": title, "better": better, "how": f"How {title}.",
            "digits": digits, "group": ""}  # fmt: skip


BLEU = figure("bleu_3", "BLEU-3", "higher")
SELF_BLEU = figure("self_bleu_3", "Self-BLEU-3", "lower")
NLL = figure("nats_per_token", "NLL of the test part", "lower", 2)
ORACLE = figure("oracle_nats", "NLL of the oracle", "lower", 2)
FIGURES = [BLEU, SELF_BLEU, NLL, ORACLE, figure("absent", "absent", "none")]


def sweep(name="likelihood", colour=0, points=((1.0, 0.7, 0.4), (0.5, 0.9, 0.6)), **more):
    """A sweep from triples of temperature, Self-BLEU-3 and BLEU-3."""
    return {
        "name": name,
        "colour": colour,
        "knob": "temperature",
        "title": "temperature",
        "points": [
            {
                "at": t,
                "count": 1000,
                "values": {"self_bleu_3": x, "bleu_3": y, **more},
                "deviations": {},
            }
            for t, x, y in points
        ],
    }


def read(text):
    return ElementTree.fromstring(text)


def drawn_lines(root):
    """The curves' points; axes and legend are told by their colours and their length."""
    paths = [path.get("d") for path in root.iter(f"{SVG}path") if "transform" not in path.attrib]
    return [path for path in paths if path.count("L") > 1]


# Reading a curve.


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.9, 0.6), (0.7, 0.4), (0.75, 0.45), (0.8, 0.5), (0.91, None), (0.69, None)],
)
def test_a_value_between_two_points(value, expected):
    assert curves.at(sweep(), "self_bleu_3", value, "bleu_3") == pytest.approx(expected)


def test_a_curve_is_read_in_order_of_temperature():
    there_and_back = sweep(points=[(1.5, 0.6, 0.1), (0.5, 0.6, 0.9), (1.0, 0.8, 0.5)])
    assert curves.at(there_and_back, "self_bleu_3", 0.7, "bleu_3") == pytest.approx(0.7)
    flat = sweep(points=[(0.5, 0.6, 0.9), (1.0, 0.6, 0.5)])
    assert curves.at(flat, "self_bleu_3", 0.6, "bleu_3") == 0.9
    single = sweep(points=[(1.0, 0.6, 0.5)])
    assert curves.at(single, "self_bleu_3", 0.6, "bleu_3") == 0.5
    assert curves.at(single, "self_bleu_3", 0.5, "bleu_3") is None
    assert curves.at(sweep(points=[]), "self_bleu_3", 0.5, "bleu_3") is None
    assert curves.at(sweep(), "self_bleu_3", 0.8, "absent") is None


def test_what_is_no_number_is_left_out():
    points = [(0.5, 0.9, 0.6), (0.7, math.nan, 0.1), (0.8, 0.8, math.inf), (1.0, 0.7, 0.4)]
    assert [place.at for place in curves.places(sweep(points=points), "self_bleu_3",
                                                         "bleu_3")] == [0.5, 1.0]  # fmt: skip
    assert curves.at(sweep(points=points), "self_bleu_3", 0.8, "bleu_3") == pytest.approx(0.5)
    text = curves.svg([sweep(points=points)], SELF_BLEU, BLEU, [curves.Mark("x", math.nan, 1.0)])
    assert "nan" not in text
    assert "inf" not in text


def test_curves_are_compared_where_a_figure_has_a_value():
    pair = [sweep(), sweep("GAN", 1, [(0.5, 0.9, 0.7), (1.0, 0.7, 0.5)])]
    assert curves.compared(pair, SELF_BLEU, 0.75, BLEU) == (
        "BLEU-3 where Self-BLEU-3 is 0.750: likelihood 0.450; GAN 0.550."
    )
    short = sweep("short", 2, [(1.0, 0.5, 0.5)])
    assert "short does not reach it" in curves.compared([*pair, short], SELF_BLEU, 0.75, BLEU)
    assert curves.compared([short], SELF_BLEU, 0.75, BLEU) == ""


def test_a_pair_is_drawn_where_one_sweep_has_both_figures():
    def names(sweeps, figures=FIGURES):
        return [(x["name"], y["name"]) for x, y in curves.drawn(sweeps, figures)]

    assert names([sweep()]) == [("self_bleu_3", "bleu_3")]
    oracle = sweep("o", points=[(1.0, 0.5, 0.5)], nats_per_token=2.0, oracle_nats=9.0)
    assert names([sweep(), oracle]) == list(curves.AXES[:2])
    # One figure each is no curve.
    assert names([sweep(nats_per_token=2.0), sweep(oracle_nats=9.0)]) == [curves.AXES[0]]
    assert names([sweep()], [BLEU]) == []
    assert names([]) == []


def test_figures_of_classes_are_not_in_the_table_of_temperatures():
    of_class = {**BLEU, "name": "recall/kind=a", "group": "Recall of each class"}
    swept = sweep(**{"recall/kind=a": 0.5})
    assert of_class["name"] in swept["points"][0]["values"]
    assert of_class not in curves.swept([swept], [*FIGURES, of_class])


# Drawing.


def test_the_picture_has_every_curve_in_order():
    points = [(1.0, 0.7, 0.4), (0.5, 0.9, 0.6), (1.5, 0.5, 0.3)]
    text = curves.svg(
        [sweep(points=points), sweep("GAN", 1, [(t, x, y + 0.1) for t, x, y in points])],
        SELF_BLEU, BLEU, [curves.Mark("held-out real data", 0.6, 0.5)], standalone=True,
    )  # fmt: skip
    root = read(text)
    lines = drawn_lines(root)
    assert len(lines) == 2
    for line in lines:
        across = [float(spot.split()[0]) for spot in line[1:].split("L")]
        # More temperature is less Self-BLEU.
        assert across == sorted(across, reverse=True)
    texts = ["".join(node.itertext()) for node in root.iter(f"{SVG}text")]
    assert {"BLEU-3 (↑ better)", "Self-BLEU-3 (← more diverse)"} <= set(texts)
    assert {"likelihood", "GAN", "held-out real data"} <= set(texts)
    assert [texts.count(f"T={t}") for t in ("0.5", "1", "1.5")] == [2, 2, 2]
    titles = [node.text for node in root.iter(f"{SVG}title")]
    assert "GAN, T=0.5: 0.9, 0.7" in titles
    assert len(titles) == 7


def test_which_way_is_better():
    both = [sweep(nats_per_token=2.0, oracle_nats=9.0)]
    text = curves.svg(both, NLL, ORACLE)
    assert "NLL of the test part (← better)" in text
    assert "NLL of the oracle (↓ better)" in text
    assert "BLEU-3 (better →)" in curves.svg(both, BLEU, figure("self_bleu_3", "other", "none"))


def test_a_standalone_picture_needs_no_page():
    alone = curves.svg([sweep()], SELF_BLEU, BLEU, standalone=True, ids={"likelihood": 3})
    assert "var(" not in alone
    assert "#ffffff" in alone
    assert read(alone).get("width")
    inline = curves.svg([sweep()], SELF_BLEU, BLEU, ids={"likelihood": 3})
    assert "var(--m0)" in inline
    assert "#" not in inline
    # The curve, its temperatures and its place in the legend.
    assert inline.count('data-model="3"') == 3
    assert "data-model" not in curves.svg([sweep()], SELF_BLEU, BLEU)


def test_the_literal_colours_are_the_pages():
    page = files("seqgan_kit.report").joinpath("colours.css").read_text("utf-8")
    for name, colour in canvas.LITERAL.items():
        if name != "paper":
            assert re.search(rf"--{name}: (#\w+);", page)[1] == colour


def test_names_are_escaped_and_cut():
    for name in (HOSTILE, "word " * 100, "漢" * 200, ""):
        text = curves.svg(
            [sweep(name)], SELF_BLEU, {**BLEU, "title": name}, [curves.Mark(name, 0.5, 0.5)],
            standalone=True,
        )  # fmt: skip
        root = read(text)
        assert not list(root.iter(f"{SVG}script"))
        longest = max(canvas.length("".join(one.itertext())) for one in root.iter(f"{SVG}text"))
        assert longest <= canvas.WIDTH


@pytest.mark.parametrize(
    "points",
    [
        [], [(1.0, 0.0, 0.0)], [(1.0, 0.5, 0.5), (0.5, 0.5, 0.5)],
        [(1.0, 1e-9, 1e9), (0.5, 2e-9, 3e12)], [(1.0, -5.0, -1e-7), (0.5, 5.0, 0.0)],
    ],
)  # fmt: skip
def test_any_range_can_be_drawn(points):
    root = read(curves.svg([sweep(points=points)], SELF_BLEU, BLEU, standalone=True))
    texts = ["".join(node.itertext()) for node in root.iter(f"{SVG}text")]
    assert ("There are no points to draw" in texts) == (not points)


def test_more_models_than_colours_differ():
    many = [sweep(f"model {k}", k) for k in range(20)]
    root = read(curves.svg(many, SELF_BLEU, BLEU, standalone=True))
    looks = {
        (path.get("style"), node[1].get("d"))
        for node in root.iter(f"{SVG}g")
        if len(node) == 3
        for path in node[:1]
    }
    assert len(looks) == 20


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 1.0, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (-10.0, 12.0, ["-10", "-5", "0", "5", "10"]),
        (7.61, 9.87, ["8.0", "8.5", "9.0", "9.5"]),
        (0.9991, 0.9999, ["0.9992", "0.9994", "0.9996", "0.9998"]),
        (1e5, 2.4e5, ["100,000", "125,000", "150,000", "175,000", "200,000", "225,000"]),
    ],
)
def test_ticks_are_round(low, high, expected):
    assert [text for _, text in canvas.ticks(low, high)] == expected


# Tables.


def test_the_terminal_table_has_a_block_for_each_model():
    short = sweep("GAN\x1b[31m", 1, [(1.0, 0.5, math.nan)])
    text = curves.sweep_table([sweep(), short, sweep("none", 2, [])], FIGURES, 40)
    lines = text.splitlines()
    titles = [line for line in lines if line.endswith("samples at each value")]
    assert [title.split(":")[0].strip() for title in titles] == ["likelihood", "GAN [31m"]
    assert max(len(line) for line in lines if line not in titles) <= 40
    assert "\x1b" not in text
    rows = [line.split() for line in lines if line.startswith("T=")]
    assert [row[0] for row in rows] == ["T=0.5", "T=1", "T=1"]
    assert rows[0][1:] == ["0.600", "0.900"]
    assert "nan" in rows[2]
    assert "absent" not in text
    assert "none" not in text
    assert curves.sweep_table([], FIGURES) == ""


def test_the_markdown_table_escapes():
    text = curves.sweep_markdown([sweep("a|b <i>"), sweep("c", nats_per_token=2.0)], FIGURES)
    lines = text.splitlines()
    assert "| a\\|b &lt;i> | T=0.5 | 1,000 | 0.600 | 0.900 | – |" in lines  # noqa: RUF001
    assert "| c | T=1 | 1,000 | 0.400 | 0.700 | 2.00 |" in lines
    assert len(lines) == 6
    assert curves.sweep_markdown([], FIGURES) == ""


def test_counts_that_differ_are_told():
    pair = sweep()
    pair["points"][0]["count"] = 2000
    assert curves.counted(pair) == "1,000 to 2,000"
