"""The page of evidence, its tables, and the rules by which it recommends."""

import base64
import csv
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from seqgan_kit.report import choice, lines, page, tables

from .colours import contrast, luminance

TITLES = {
    "label_accuracy": ("label accuracy", "higher", 3),
    "gan_train_accuracy": ("accuracy of a classifier trained on samples", "higher", 3),
    "frechet_judge_distance": ("Fréchet distance", "lower", 2),
    "recall": ("recall", "higher", 3),
    "coverage": ("coverage", "higher", 3),
    "spread": ("spread", "one", 3),
    "memorised": ("memorised", "lower", 3),
    "negative_log_likelihood": ("negative log likelihood, nats", "lower", 1),
    "parameters": ("parameters", "none", 0),
    "samples_per_second": ("samples a second", "higher", 0),
}
HOSTILE = "</script><script>alert(1)</script>\"'<img src=x onerror=alert(2)>"


def value(mean, deviation=0.001):
    return {
        "mean": mean,
        "deviation": deviation,
        "values": [mean] * (1 if deviation is None else 3),
        "count": 1000,
    }


GOOD = {
    "label_accuracy": 0.96, "gan_train_accuracy": 0.9, "frechet_judge_distance": 5.0,
    "recall": 0.8, "coverage": 0.9, "spread": 0.97, "memorised": 0.01,
    "samples_per_second": 1000.0,
}  # fmt: skip
REAL = {
    "label_accuracy": 0.99, "gan_train_accuracy": 0.97, "frechet_judge_distance": 0.3,
    "recall": 0.95, "coverage": 0.96, "spread": 1.0, "memorised": 0.01,
}  # fmt: skip
NOISE = {
    "label_accuracy": 0.1, "gan_train_accuracy": 0.1, "frechet_judge_distance": 200.0,
    "recall": 0.0, "coverage": 0.0, "spread": 1.8, "memorised": 0.0,
}  # fmt: skip


def row(name, role="model", colour=0, **means):
    base = {"model": GOOD, "real": REAL, "noise": NOISE}[role]
    given = {**base, **means}
    return {
        "name": name,
        "role": role,
        "colour": colour,
        "values": {
            figure: mean if isinstance(mean, dict) else value(mean)
            for figure, mean in given.items()
            if mean is not None
        },
    }


def picture(alt, seed=0, width=57, height=28):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    png = base64.b64encode(out.getvalue()).decode()
    return {"kind": "image", "png": png, "width": width, "height": height, "alt": alt}


def content_of(*models, classes=("zero", "one", "two"), kind="comparison"):
    rows = [*models, row("real", "real"), row("noise", "noise")]
    content = {
        "title": "Digits", "kind": kind, "created": "2025-06-01T12:00:00+00:00",
        "command": "seqgen compare mnist", "version": "0.0",
        "data": {
            "name": "mnist", "items": {"training": 54000, "test": 10000},
            "labels": {"digit": list(classes)},
        },
        "budget": "6 minutes of training a model", "environment": {"Python": "3.12", "cores": 2},
        "figures": [
            {"name": name, "title": title, "better": better, "how": f"How {title}.",
             "digits": digits, "group": ""}
            for name, (title, better, digits) in TITLES.items()
        ],
        "rows": rows,
        "models": [
            {
                "name": model["name"], "recipe": "model:\n  kind: x\n", "run": "runs/x",
                "steps": 1000, "seeds": 1, "notes": ["A note."],
                "curves": {
                    "label_accuracy": [
                        [10 * n, 0.5 * n, 0.9 - 0.8 / n + place / 50] for n in range(1, 101)
                    ],
                    "loss/critic": [[10, 0.5, 2.0], [20, 1.0, float("nan")], [30, 1.5, 1.0]],
                },
                "samples": {
                    name: picture(f"{name} by {model['name']}", place) for name in classes
                },
                "panels": [
                    {"title": "A walk", "explanation": "From a to b.",
                     "panel": picture("walk", place, 300, 28)}
                ],
            }
            for place, model in enumerate(models)
        ],
        "real_samples": {name: picture(f"real {name}") for name in classes},
        "choice": [], "sweeps": [], "notes": ["The judge is right in 99 % of cases."],
    }  # fmt: skip
    content["choice"] = choice.choose(content)
    return content


TEXT_TITLES = {
    "bleu_3": ("BLEU-3", "higher", 3),
    "self_bleu_3": ("Self-BLEU-3", "lower", 3),
    "copied": ("exact copies of training lines", "lower", 3),
    "label_accuracy": ("label accuracy", "higher", 3),
}
TEXT_REAL = {"bleu_3": 0.5, "self_bleu_3": 0.7, "copied": 0.001, "label_accuracy": 0.9}
SENTENCES = [
    "A film that never quite decides what it wants to be, and is the better for it.",
    "the plot is thin , the acting thinner",
    "Would buy again!",
]
WORSE = [HOSTILE, '\u202egnitset\u202d & <b>"q"</b>', "x" * 400, "", "العربية أولاً then English"]


def text_row(name, colour=0, role="model", **means):
    given = {**TEXT_REAL, **means} if role != "noise" else {}
    values = {figure: value(mean) for figure, mean in given.items() if mean is not None}
    return {"name": name, "role": role, "colour": colour, "values": values}


def sweep_of(name, colour, gain=0.0, temperatures=(0.5, 0.75, 1.0, 1.25, 1.5)):
    def figures(t):
        return {"self_bleu_3": 1.05 - 0.35 * t, "bleu_3": 0.8 - 0.35 * t + gain,
                "label_accuracy": 1 - t / 10}  # fmt: skip

    points = [
        {"at": t, "count": 2000, "values": figures(t), "deviations": {}} for t in temperatures
    ]
    knob = {"knob": "temperature", "title": "temperature"}
    return {"name": name, "colour": colour, "points": points, **knob}


def text_content(*models, sentences=SENTENCES, classes=("movie", "tweet"), sweeps=True):
    """A page of models of text."""
    content = content_of(*models, classes=classes)
    content["rows"] = [*models, text_row("held-out real data", role="real")]
    content["figures"] = [
        {
            "name": name,
            "title": title,
            "better": better,
            "how": f"How {title}.",
            "digits": digits,
            "group": "",
        }
        for name, (title, better, digits) in TEXT_TITLES.items()
    ]
    panel = lines.text_panel(sentences)
    content["real_samples"] = dict.fromkeys(classes, panel)
    scored = [lines.line("", "below", [("A ", 1.0), ("film", -0.5), (HOSTILE, float("nan"))])]
    pairs = [lines.line(text, f"nearest to {text}") for text in sentences]
    for model in content["models"]:
        model["samples"] = dict.fromkeys(classes, panel)
        model["panels"] = [
            {"title": "Nearest", "explanation": "Below, the training line.",
             "panel": {"kind": "text", "lines": pairs}},
            {"title": "What the discriminator sees", "explanation": "Piece by piece.",
             "panel": {"kind": "text", "lines": scored}},
        ]  # fmt: skip
    if sweeps:
        content["sweeps"] = [
            sweep_of(model["name"], model["colour"], 0.03 * place)
            for place, model in enumerate(models)
        ]
    content["choice"] = choice.choose(content)
    return content


def eight():
    return content_of(*(row(f"model number {k}", colour=k, spread=0.9 + k / 50) for k in range(8)))


# Tables.


def test_the_terminal_table_fits_and_is_complete():
    content = eight()
    for model in content["rows"][:4]:
        del model["values"]["recall"]
    text = tables.terminal(content, 100)
    lines = text.splitlines()
    assert max(map(len, lines)) <= 100
    assert "0.960 ± 0.001" in text
    assert tables.UNDEFINED in text
    for figure in content["figures"]:
        shown = figure["name"] in REAL or figure["name"] == "samples_per_second"
        assert (figure["title"].split()[0] in text) == shown
    names = [line.split("  ")[0].strip() for line in lines]
    order = [names.index(f"model number {k}") for k in range(8)]
    assert order == sorted(order)
    assert max(order) < names.index("real") < names.index("noise")
    # A block that says nothing of real data does without them.
    assert names.count("model number 0") == names.count("real")
    assert len(tables.terminal(content, 50).splitlines()) > len(lines)


def test_names_on_the_terminal_are_cut_and_harmless():
    text = tables.terminal(content_of(row("long " * 20), row("a\x1b[31mb\nc")), 80)
    assert "…" in text
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_the_markdown_table_escapes_and_counts():
    content = content_of(row("a|b <i>"), row("c", parameters=value(12345.0, None)))
    text = tables.markdown(content)
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert "a\\|b &lt;i>" in table[0]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table} == {6}
    assert "over 3 measurements" in text
    assert "54,000 training, 10,000 test" in text
    assert "| parameters | – | 12,345 | – | – |" in text  # noqa: RUF001
    assert "- The judge is right" in text
    assert "- **spread**: How spread." in text


def test_figures_of_classes_have_a_table_of_their_own():
    content = content_of(row("A"), row("B"))
    of_class = {**content["figures"][0], "name": "recall/digit=3", "title": "digit <3>",
                "group": "Recall of each class"}  # fmt: skip
    content["figures"].append(of_class)
    content["rows"][0]["values"]["recall/digit=3"] = value(0.123)
    for text in (tables.terminal(content), tables.markdown(content)):
        assert "0.123" not in text
    assert "recall/digit=3,0.123" in tables.csv(content)
    html = page.render(content)
    folded = html[html.index("<summary>Recall of each class") :]
    assert "digit &lt;3&gt;" in folded
    assert "0.123" in folded


def test_csv_is_long_and_exact():
    content = content_of(row('a, "b"', label_accuracy=value(1 / 3, None)))
    lines = list(csv.DictReader(io.StringIO(tables.csv(content))))
    first = lines[0]
    assert list(first) == ["model", "role", "figure", "mean", "deviation", "count"]
    assert (first["model"], first["role"]) == ('a, "b"', "model")
    assert float(first["mean"]) == 1 / 3
    assert first["deviation"] == ""
    assert len(lines) == len(GOOD) + len(REAL) + len(NOISE)


# Which to choose.


def answers(content, kind="choice"):
    return {
        one["question"].split(",")[0].split(":")[0]: one
        for one in choice.choose(content)
        if one["kind"] == kind
    }


@pytest.mark.parametrize(
    ("better", "means", "expected"),
    [
        ("higher", (0.5, 0.9, 0.7), "b"),
        ("lower", (0.5, 0.9, 0.7), "a"),
        ("one", (0.5, 1.2, 0.9), "c"),
        ("none", (0.5, 0.9, 0.7), ""),
    ],
)
def test_the_best_by_direction(better, means, expected):
    rows = [row(name, spread=mean) for name, mean in zip("abc", means, strict=True)]
    assert "".join(one["name"] for one in choice.leaders(rows, "spread", better)) == expected


def test_a_tie_is_twice_the_combined_deviation():
    def best(gap, first, second):
        rows = [row("a", recall=value(0.9, first)), row("b", recall=value(0.9 - gap, second))]
        return [one["name"] for one in choice.leaders(rows, "recall", "higher")]

    # The combined deviation of 0.03 and 0.04 is 0.05.
    assert best(0.099, 0.03, 0.04) == ["a", "b"]
    assert best(0.101, 0.03, 0.04) == ["a"]
    assert best(0.059, 0.03, None) == ["a", "b"]
    assert best(0.001, None, None) == ["a"]
    assert best(0.0, None, None) == ["a", "b"]


def test_a_small_lead_of_one_judge_is_a_tie():
    def best(gap, deviation):
        first, second = (value(0.9 - behind, deviation) for behind in (0.0, gap))
        rows = [row("a", gan_train_accuracy=first), row("b", gan_train_accuracy=second)]
        return [one["name"] for one in choice.leaders(rows, "gan_train_accuracy", "higher")]

    assert best(0.004, None) == ["a", "b"]
    assert best(0.006, None) == ["a"]
    assert best(0.004, 0.0001) == ["a"]


def test_what_went_astray_is_never_the_best():
    rows = [row("a", recall=float("nan")), row("b", recall=0.1)]
    assert [one["name"] for one in choice.leaders(rows, "recall", "higher")] == ["b"]


@pytest.mark.parametrize(
    ("question", "figure", "better_value"),
    [
        ("Samples with labels", "gan_train_accuracy", 0.95),
        ("Samples closest to the real distribution", "frechet_judge_distance", 1.0),
        ("Labels right and samples varied", "label_accuracy", 0.98),
        ("Fast sampling", "samples_per_second", 9000.0),
        ("Likelihood of given data", "negative_log_likelihood", 80.0),
    ],
)
def test_each_question_is_decided_by_its_figure(question, figure, better_value):
    plain = GOOD.get(figure, 90.0)
    rows = row("a", **{figure: plain}), row("b", **{figure: better_value})
    for models in (rows, rows[::-1]):
        answer = answers(content_of(*models))[question]
        assert answer["models"] == ["b"]
        assert answer["answer"] == "b"
        assert "next is a" in answer["because"]
        assert answer["rule"]
    tie = answers(content_of(rows[0], {**rows[0], "name": "c"}))[question]
    assert tie["models"] == ["a", "c"]
    assert tie["answer"] == "Tie: a; c"
    assert "too small to rank them" in tie["because"]
    # Without the figure there is no question.
    nothing = [row("a", **{figure: None}), row("b", **{figure: None})]
    assert question not in answers(content_of(*nothing))


@pytest.mark.parametrize(
    ("question", "bad"),
    [
        ("Labels right and samples varied", {"spread": 0.89}),
        ("Labels right and samples varied", {"spread": 1.11}),
        ("Labels right and samples varied", {"coverage": 0.76}),
        ("Fast sampling", {"label_accuracy": 0.94, "samples_per_second": 1e6}),
    ],
)
def test_a_model_outside_the_limits_is_no_answer(question, bad):
    best = {"label_accuracy": 0.985, **bad}
    answer = answers(content_of(row("a"), row("b", **best)))[question]
    assert answer["models"] == ["a"]
    assert "Outside the limits: b: " in answer["because"]
    none = answers(content_of(row("b", **best), row("c", **best)))[question]
    assert none["models"] == []
    assert none["answer"] == "None of them"


def test_a_limit_needs_its_real_data():
    content = content_of(row("a"), row("b"))
    content["rows"] = content["rows"][:2]
    assert "Fast sampling" not in answers(content)
    assert "Samples closest to the real distribution" in answers(content)


def test_only_models_with_a_likelihood_answer_for_it():
    answer = answers(content_of(row("a"), row("b", negative_log_likelihood=99.0)))[
        "Likelihood of given data"
    ]
    assert answer["models"] == ["b"]
    assert "no other model qualifies" in answer["because"]


@pytest.mark.parametrize(
    ("warning", "bad", "fine"),
    [
        ("Looks collapsed", {"spread": 0.79}, {"spread": 0.81}),
        ("Looks collapsed", {"recall": 0.47}, {"recall": 0.48}),
        ("Looks collapsed", {"coverage": 0.47}, {"coverage": 0.49}),
        ("May be memorising training items", {"memorised": 0.051}, {"memorised": 0.049}),
        ("Ignores its label", {"label_accuracy": 0.49}, {"label_accuracy": 0.5}),
    ],
)
def test_warnings(warning, bad, fine):
    found = answers(content_of(row("a"), row("b", **bad)), "warning")
    assert found[warning]["models"] == ["b"]
    assert not answers(content_of(row("a"), row("b", **fine)), "warning")
    # A single model is warned about, and not compared.
    alone = choice.choose(content_of(row("b", **bad)))
    assert [one["kind"] for one in alone] == ["warning"]


def test_memorising_is_judged_against_real_data():
    content = content_of(row("a", memorised=0.09))
    content["rows"][1]["values"]["memorised"] = value(0.02)
    assert not choice.choose(content)
    content["rows"][0]["values"]["memorised"] = value(0.11)
    assert choice.choose(content)


def test_an_answer_names_the_warning():
    models = row("a"), row("b", gan_train_accuracy=0.95, memorised=0.5)
    assert "warning about b" in answers(content_of(*models))["Samples with labels"]["because"]


def test_sentences_are_chosen_at_the_diversity_of_real_ones():
    question = "Realistic sentences with the diversity of real ones"
    models = [
        text_row("a", bleu_3=0.55, self_bleu_3=0.749),
        text_row("b", bleu_3=0.50, self_bleu_3=0.60),
        text_row("c", bleu_3=0.70, self_bleu_3=0.751),
    ]
    found = answers(text_content(*models))
    assert found[question]["models"] == ["a"]
    assert "Outside the limits: c: Self-BLEU-3 0.751 (at most 0.750)" in found[question]["because"]
    # What cannot be answered is left out.
    assert question not in answers(content_of(row("a"), row("b")))
    assert "Labels right and samples varied" not in found


def test_copies_are_warned_of():
    warning = "May be memorising training items"
    found = answers(text_content(text_row("a"), text_row("b", copied=0.051)), "warning")
    assert found[warning]["models"] == ["b"]
    fine = text_content(text_row("a"), text_row("b", copied=0.049))
    assert not answers(fine, "warning")
    fine["rows"][1]["values"]["copied"] = value(0.3)
    fine["rows"][2]["values"]["copied"] = value(0.07)
    assert not answers(fine, "warning")


# The page.


def embedded(html):
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', html, re.S)
    return json.loads(text)


def test_the_page_is_self_contained_and_light():
    html = page.render(content_of(row("a"), row("b")))
    assert not re.search(r"(src|href)=\"(?!data:|#)", html)
    assert not re.search(r"url\(|@import", html)
    own = re.sub(r'base64,[^"]+|(?<=id="data">).*', "", html)
    assert len(own.encode()) < 60_000
    assert embedded(html)["curves"][0]["loss/critic"][1] == [20, 1.0, None]
    assert embedded(html)["references"]["recall"] == {"real": 0.95, "noise": 0.0}


def test_a_name_cannot_break_out_of_the_page():
    content = content_of(row(HOSTILE), row("b"), classes=(HOSTILE, "one"))
    content["title"] = content["notes"][0] = content["models"][0]["recipe"] = HOSTILE
    html = page.render(content)
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert html.count("</script>") == 2
    assert embedded(html)["models"][0] == HOSTILE


def test_lines_and_curves_cannot_break_out_of_the_page():
    content = text_content(text_row(HOSTILE), text_row("b"), sentences=WORSE)
    for model in content["models"]:
        model["panels"][0]["title"] = HOSTILE
    html = page.render(content)
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert html.count("</script>") == 2
    assert html.count('<ul class="lines">') == 10
    assert 'style="--h:var(--real) 0%"' in html


def test_a_page_without_sweeps_says_nothing_of_them():
    content = text_content(text_row("a"), text_row("b"), sweeps=False)
    assert 'id="quality"' not in page.render(content)
    knob = {"knob": "temperature", "title": "temperature"}
    content["sweeps"] = [{"name": "a", "colour": 0, "points": [], **knob}]
    assert 'id="quality"' not in page.render(content)
    # Figures that no chart draws are in the table all the same.
    content["sweeps"] = [sweep_of("a", 0)]
    for point in content["sweeps"][0]["points"]:
        del point["values"]["self_bleu_3"]
    html = page.render(content)
    assert 'id="quality"' in html
    assert 'class="sweep"' not in html


def test_a_page_without_samples_curves_and_values():
    content = content_of(row("a", label_accuracy=float("nan"), spread=float("inf")), row("b"))
    content["real_samples"] = {}
    for model in content["models"]:
        model["samples"], model["curves"], model["panels"] = {}, {}, []
    html = page.render(content)
    assert 'id="samples"' not in html
    assert 'id="curves"' not in html
    assert "NaN" not in json.dumps(embedded(html))


@pytest.fixture
def show(browser, tmp_path):
    """Open a content as a page: `show(content, width=390)`; problems fail the test at its end."""
    problems, contexts = [], []

    def opened(content, width=1200, **settings):
        path = tmp_path / "compare.html"
        path.write_text(page.render(content), "utf-8")
        context = browser.new_context(viewport={"width": width, "height": 800}, **settings)
        contexts.append(context)
        tab = context.new_page()
        tab.set_default_timeout(10_000)
        tab.on("console", lambda message: problems.append(message.text))
        tab.on("pageerror", lambda error: problems.append(str(error)))
        tab.on("dialog", lambda dialog: (problems.append(dialog.message), dialog.dismiss()))
        tab.on(
            "request",
            lambda request: (
                request.url.startswith(("file:", "data:")) or problems.append(request.url)
            ),
        )
        tab.goto(path.as_uri())
        return tab

    yield opened
    for context in contexts:
        context.close()
    assert not problems


def visible(tab, selector):
    return [one.get_attribute("alt") for one in tab.locator(selector).all() if one.is_visible()]


def test_the_class_picker_by_click_and_by_key(show):
    tab = show(content_of(row("a"), row("b", colour=1)))
    pictures = "#shelves img"
    assert visible(tab, pictures) == ["real zero", "zero by a", "zero by b"]
    tab.locator("label", has_text=re.compile("^two$")).click()
    assert visible(tab, pictures) == ["real two", "two by a", "two by b"]
    tab.locator("[name=class]:checked").press("ArrowLeft")
    assert visible(tab, pictures) == ["real one", "one by a", "one by b"]
    tab.get_by_role("radio", name="All").check()
    assert len(visible(tab, pictures)) == 9
    # Paper shows every class, whatever is picked.
    tab.get_by_role("radio", name="zero").check()
    tab.emulate_media(media="print")
    assert len(visible(tab, pictures)) == 9


def test_many_classes_are_a_list(show):
    tab = show(content_of(row("a"), row("b"), classes=[f"class {n}" for n in range(30)]))
    tab.get_by_label("Class", exact=True).select_option("class 17")
    assert visible(tab, "#shelves img") == ["real class 17", "class 17 by a", "class 17 by b"]


def test_models_can_be_hidden(show):
    tab = show(content_of(row("a"), row("b", colour=1)))
    tab.get_by_role("checkbox", name="a").press("Space")
    assert visible(tab, "#shelves img") == ["real zero", "zero by b"]
    assert tab.locator(".chart path").count() == 2
    assert not tab.locator("tbody tr[data-model='0']").first.is_visible()


def test_a_heading_sorts(show):
    models = [row("a", recall=0.5), row("b", recall=0.9), row("c", recall=None)]
    tab = show(content_of(*models))
    table = tab.locator("table.figures").first

    def order():
        return [text.strip() for text in table.locator("tbody th").all_inner_texts()]

    heading = table.get_by_role("button", name="recall")
    heading.focus()
    tab.keyboard.press("Enter")
    assert order() == ["b", "a", "c"]
    assert heading.locator("..").get_attribute("aria-sort") == "descending"
    heading.click()
    assert order() == ["a", "b", "c"]
    table.get_by_role("button", name="spread").click()
    table.get_by_role("button", name="Model").click()
    assert order() == ["a", "b", "c"]
    distance = table.get_by_role("button", name="Fréchet distance")
    distance.click()
    assert distance.locator("..").get_attribute("aria-sort") == "ascending"


def test_a_curve_can_be_read_by_pointer_and_by_key(show):
    tab = show(content_of(row("a"), row("b", colour=1)))
    chart = tab.locator(".chart").first
    plot, where = chart.locator(".plot"), chart.locator(".where")
    value_of_a = chart.locator("[data-model='0'] b")
    assert where.inner_text() == "at the end"
    assert value_of_a.inner_text() == "0.892"
    plot.scroll_into_view_if_needed()
    plot.hover(position={"x": 60, "y": 60})
    early = float(value_of_a.inner_text())
    assert early < 0.85
    assert re.fullmatch(r"at \d+ s", where.inner_text())
    tab.get_by_role("radio", name="Steps").check()
    assert "steps" in plot.inner_html()
    plot.press("Home")
    assert where.inner_text() == "at step 0"
    plot.press("PageUp")
    plot.press("ArrowRight")
    assert where.inner_text() == "at step 120"
    assert "a 0.8333" in plot.get_attribute("aria-valuetext")
    plot.press("Escape")
    assert where.inner_text() == "at the end"


def test_both_schemes_are_legible(show):
    papers = []
    for scheme in ("light", "dark"):
        tab = show(eight(), color_scheme=scheme)
        colour = "one => getComputedStyle(one).color"
        paper = tab.evaluate("getComputedStyle(document.body).backgroundColor")
        papers.append(paper)
        for selector in ("body", ".soft", "a", "figcaption", "thead small"):
            assert contrast(tab.locator(selector).first.evaluate(colour), paper) >= 4.5
        for mark in tab.locator(".bar .mark").all():
            fill = mark.evaluate("one => getComputedStyle(one).fill")
            assert contrast(fill, paper) >= 3
    assert luminance(papers[0]) > 0.8
    assert luminance(papers[1]) < 0.05


def test_nothing_overflows_a_telephone(show):
    content = eight()
    content["models"][0]["recipe"] = "x" * 400
    content["command"] = "seqgen " + "y" * 400
    content["models"][0]["name"] = content["rows"][0]["name"] = "a_name_without_any_gap" * 4
    for width in (320, 390):
        tab = show(content, width)
        tab.locator("summary").first.click()
        assert tab.evaluate("document.documentElement.scrollWidth") <= width


def test_hostile_names_are_shown_as_they_are(show):
    content = content_of(row(HOSTILE), row("b"), classes=(HOSTILE, "one"))
    content["title"] = HOSTILE
    content["models"][0]["curves"][HOSTILE] = [[1, 1.0, 1.0], [2, 2.0, 2.0]]
    tab = show(content)
    assert tab.title() == HOSTILE
    assert tab.locator("h1").inner_text() == HOSTILE
    assert tab.locator(".plot > svg").count() == 3
    tab.get_by_role("radio", name=HOSTILE).check()
    assert len(visible(tab, "#shelves img")) == 3


def test_a_report_of_one_run(show):
    tab = show(content_of(row("a"), kind="run"))
    assert "report of a run" in tab.locator(".kicker").inner_text().lower()
    assert tab.get_by_role("checkbox").count() == 0
    assert tab.locator(".chart path").count() == 2


def test_text_is_readable(show):
    content = text_content(text_row("a"), text_row("b", 1))
    for width, columns in ((1200, 3), (390, 1)):
        tab = show(content, width)
        shelf = tab.locator("#shelves .shelf:visible")
        boxes = [one.bounding_box() for one in shelf.locator("figure").all()]
        assert len({round(box["x"]) for box in boxes}) == columns
        assert len({round(box["width"]) for box in boxes}) == 1
        assert boxes[0]["width"] >= 17 * 16
        first = shelf.locator("li").first
        assert first.inner_text() == SENTENCES[0]
        size = first.locator(".line").evaluate("one => parseFloat(getComputedStyle(one).fontSize)")
        assert size >= 15
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tab.get_by_role("radio", name="tweet").check()
    assert tab.locator("#shelves .shelf:visible").count() == 1
    tab.emulate_media(media="print")
    assert tab.locator("#shelves .shelf:visible").count() == 2


def test_hostile_lines_are_shown_as_they_are(show):
    content = text_content(text_row("a"), text_row(HOSTILE, 1), sentences=WORSE)
    for width in (320, 1200):
        tab = show(content, width)
        items = tab.locator("#shelves .shelf:visible figure").first.locator("li")
        texts = [item.evaluate("one => one.textContent") for item in items.all()]
        assert texts == [text or "(empty)" for text in WORSE]
        assert tab.evaluate("document.documentElement.scrollWidth") <= width


def test_pieces_are_coloured_by_their_score(show):
    tab = show(text_content(text_row("a"), text_row("b", 1)))
    pieces = tab.locator("#closer .line > span")
    assert [piece.inner_text() for piece in pieces.all()[:3]] == ["A ", "film", HOSTILE]
    colours = [
        [float(part) for part in re.findall(r"[\d.]+", piece.evaluate(
            "one => getComputedStyle(one).backgroundColor"))[:3]]
        for piece in pieces.all()[:2]
    ]  # fmt: skip
    blue, red = colours
    assert blue[2] > blue[0]
    assert red[0] > red[2]


def test_sweeps_are_drawn_and_hidden_with_their_model(show):
    content = text_content(text_row("a"), text_row("b", 1))
    tab = show(content)
    assert tab.get_by_role("link", name="Quality and diversity").is_visible()
    pictures = tab.locator("#quality svg[role=img]")
    titles = [one.get_attribute("aria-label") for one in pictures.all()]
    assert titles[0] == "BLEU-3 against Self-BLEU-3: a, b"
    assert titles[1].endswith("against Self-BLEU-3: a, b")
    assert len(titles) == 2
    picture = pictures.first
    # The level lines of the legend have no height, and are not counted.
    curves = picture.locator("g[data-model] path[style*='1.75px']")
    assert len([one for one in curves.all() if one.is_visible()]) == 2
    words = tab.locator("#quality .sweep p").first.inner_text()
    assert words.startswith(
        "At the value of real data: BLEU-3 where Self-BLEU-3 is 0.700: a 0.450"
    )
    tab.get_by_role("checkbox", name="a").press("Space")
    assert len([one for one in curves.all() if one.is_visible()]) == 1
    tab.locator("#quality summary").click()
    rows = tab.locator("#quality tbody:visible tr")
    assert rows.count() == 6
    assert rows.nth(1).locator("th").inner_text() == "T=0.5"
    assert tab.locator("#quality").get_by_text("2,000 samples at each value").count() == 2


def test_sweeps_fit_a_telephone(show):
    models = [text_row(f"a_name_without_any_gap_{k}" * 3, k) for k in range(8)]
    tab = show(text_content(*models), 320)
    tab.locator("#quality summary").click()
    assert tab.evaluate("document.documentElement.scrollWidth") <= 320
