"""The page of `seqgen serve` in a browser: every kind of data, both schemes, keys, a telephone."""

import json
import re
import shutil
import threading
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import numpy as np
import pytest
import torch
import uvicorn

import seqgan_kit
from seqgan_kit.serving import served
from seqgan_kit.serving.app import make_app
from seqgan_kit.serving.server import listening

from .colours import contrast, luminance
from .conftest import tiny

NAMES = ("digits_rows", "names_text", "vowels_series", "spoken_digits", "sines_series")


class Serving:
    """A server in a thread."""

    def __init__(self, paths, token=None):
        self.runs = served.gathered([Path(path) for path in paths], device=torch.device("cpu"))
        self.socket = listening("127.0.0.1", 0)
        self.address = f"http://127.0.0.1:{self.socket.getsockname()[1]}/"
        config = uvicorn.Config(make_app(self.runs, token=token), log_level="error", ws="none")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self.socket]})
        self._thread.start()

    def close(self):
        self._server.should_exit = True
        self._thread.join()
        self.socket.close()


@pytest.fixture(scope="module")
def servers():
    """Servers that are started when they are asked for."""
    started = []

    @cache
    def server(*paths, token=None):
        started.append(Serving(paths, token))
        return started[-1]

    yield server
    for one in started:
        one.close()


@pytest.fixture
def show(browser, servers, own_cache):
    """Open the page: `show("run=names_text", width=390)`; problems fail the test at its end."""
    problems, contexts = [], []

    def opened(query="", width=1200, paths=NAMES, token=None, **how):
        address = servers(*paths, token=token).address
        context = browser.new_context(viewport={"width": width, "height": 800}, **how)
        contexts.append(context)
        tab = context.new_page()
        tab.set_default_timeout(20_000)
        tab.on("console", lambda message: problems.append(message.text))
        tab.on("pageerror", lambda error: problems.append(str(error)))
        tab.on(
            "request",
            lambda request: (
                request.url.startswith((address, "data:", "blob:")) or problems.append(request.url)
            ),
        )
        tab.goto(f"{address}?{query}" if query else address)
        return tab

    opened.problems = problems
    yield opened
    for context in contexts:
        context.close()
    assert not problems


def settled(tab):
    """Wait until the page shows what it was asked for; return what is said of it."""
    tab.locator("#samples[aria-busy=false] .row").first.wait_for()
    return tab.locator("#said").inner_text()


def changed(tab, before):
    """Wait until other samples are shown, and return them."""
    for _ in range(200):
        settled(tab)
        if (now := tab.locator("#samples").inner_html()) != before:
            return now
        tab.wait_for_timeout(50)
    raise AssertionError("the samples stay the same")


def asked(tab):
    """What the address asks for."""
    return parse_qs(urlsplit(tab.url).query)


@pytest.mark.parametrize(
    ("name", "shown", "rows"),
    [
        ("digits_rows", "img", 10),
        ("names_text", "li .line", 3),
        ("vowels_series", "img.ink", 9),
        ("spoken_digits", "audio", 10),
        ("sines_series", "img.ink", 1),
    ],
)
def test_every_kind_is_shown_at_once_and_on_a_telephone(name, shown, rows, show):
    tab = show(f"run={name}")
    said = settled(tab)
    assert tab.title() == f"{name} · seqgan_kit"
    assert re.match(r"\d+ samples", said)
    assert tab.locator("#samples .row").count() == rows
    assert tab.locator(f"#samples {shown}").count() >= rows
    assert tab.locator("#samples h2").count() == (rows if rows > 1 else 0)
    saves = tab.locator("#saves button").all_inner_texts()
    assert saves[0] == "JSON"
    assert len(saves) >= 4
    if shown == "audio":
        sound = tab.locator("audio").first
        sound.evaluate(
            "one => new Promise((done, fail) => { one.onloadeddata = done; one.onerror = fail; "
            "one.preload = 'auto'; one.load(); })"
        )
        assert sound.evaluate("one => one.duration") > 0.1
    tab.emulate_media(color_scheme="dark")
    tab.set_viewport_size({"width": 390, "height": 800})
    tab.locator("summary").click()
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    if tab.get_by_role("radio", name="Walk").count():
        tab.get_by_role("radio", name="Walk").check()
        tab.get_by_text("from one draw of noise").wait_for()
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390


def test_both_schemes_are_legible(show):
    papers = []
    for scheme in ("light", "dark"):
        tab = show("run=names_text", color_scheme=scheme)
        settled(tab)
        paper = tab.evaluate("getComputedStyle(document.body).backgroundColor")
        papers.append(luminance(paper))
        for selector in (
            "body",
            ".soft",
            "legend",
            ".row h2",
            ".line",
            "summary",
            "#saves button",
        ):
            colour = tab.locator(selector).first.evaluate("one => getComputedStyle(one).color")
            assert contrast(colour, paper) >= 4.5, (scheme, selector)
    assert papers[0] > 0.8
    assert papers[1] < 0.05


def test_the_controls_by_key_alone(show):
    tab = show("run=digits_rows")
    before = (settled(tab), tab.locator("#samples").inner_html())[1]
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.id") == "run"
    tab.keyboard.press("Tab")
    tab.keyboard.press("Tab")  # Past the views, to the labels.
    tab.keyboard.press("ArrowRight")
    one = changed(tab, before)
    assert asked(tab)["label"] == ["0"]
    assert tab.locator("#samples .row").count() == 1
    tab.keyboard.press("ArrowRight")
    other = changed(tab, one)
    assert asked(tab)["label"] == ["1"]
    for _ in range(2):
        tab.keyboard.press("Tab")
    tab.keyboard.press("Control+a")
    tab.keyboard.type("41")
    turned = changed(tab, other)
    assert asked(tab)["seed"] == ["41"]
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.id") == "more"
    tab.keyboard.press("Enter")
    changed(tab, turned)
    assert asked(tab)["seed"] == ["42"]
    for _ in range(3):
        tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.id") == "knob-noise_scale"
    before = tab.locator("#samples").inner_html()
    tab.keyboard.press("Home")
    changed(tab, before)
    assert asked(tab)["noise_scale"] == ["0"]
    outline = tab.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid", "what has the focus is seen"


def test_a_link_shows_the_same_again(show):
    tab = show("run=digits_rows")
    settled(tab)
    first = tab.locator("#samples").inner_html()
    tab.locator("label", has_text=re.compile("^7$")).click()
    second = changed(tab, first)
    tab.get_by_role("button", name="Another").click()
    third = changed(tab, second)
    tab.get_by_label("Noise scale").fill("0.5")
    last = changed(tab, third)
    link = urlsplit(tab.url).query
    other = show(link)
    settled(other)
    assert other.locator("#samples").inner_html() == last
    assert asked(other) == asked(tab)
    # It is a question to the API, too; and so is the command below the samples.
    place = f"{tab.url.partition('?')[0]}sample?{link}"
    answer = httpx.get(place, headers={"accept": "text/html"}, trust_env=False)
    assert answer.text.strip() == last.strip()
    other.locator("summary").click()
    shell = other.locator("#shell").inner_text()
    assert re.fullmatch(r"curl -H 'Accept: image/png' -o samples\.png 'http://127\.0.*'", shell)
    assert httpx.get(shell.split("'")[-2], trust_env=False).status_code == 200


def test_the_same_noise_under_every_label_and_a_walk(show):
    tab = show("run=digits_rows&seed=3&count=4")
    assert "every label has the same noise" in settled(tab)
    pictures = tab.locator("#samples img")
    before, seven = tab.locator("#samples").inner_html(), pictures.nth(7).get_attribute("src")
    tab.locator("label", has_text=re.compile("^7$")).click()
    changed(tab, before)
    assert pictures.first.get_attribute("src") == seven, "a label alone has the same noise"
    tab.get_by_role("radio", name="Walk").check()
    tab.get_by_role("combobox", name="From").select_option("3")
    tab.get_by_role("combobox", name="To").select_option("8")
    tab.get_by_text("3 to 8 (1)").wait_for()
    assert asked(tab)["walk"] == ["3..8"]
    again = show(urlsplit(tab.url).query)
    again.get_by_text("3 to 8 (1)").wait_for()
    assert again.get_by_role("combobox", name="To").input_value() == "8"


def test_many_classes_and_numbers(show, tmp_path):
    wave = np.sin(np.arange(8) * np.linspace(0.2, 1, 90)[:, None])
    labels = {
        "site": [f"site {n % 30}" for n in range(90)],
        "age": [20 + n // 3 for n in range(90)],
    }
    recipe = {"extends": "vowels_series", "data": {"numeric": ["age"]}}
    seqgan_kit.train(
        recipe,
        *tiny("vowels_series"),
        data=wave,
        labels=labels,
        out=tmp_path / "many",
        progress=False,
    )
    tab = show(paths=(str(tmp_path / "many"),))
    settled(tab)
    assert asked(tab)["label"] == ["site=site 0", "age=20"]
    before = tab.locator("#samples").inner_html()
    tab.get_by_label("site", exact=True).select_option("site 17")
    before = changed(tab, before)
    age = tab.get_by_label("age", exact=True)
    assert age.get_attribute("placeholder") == "20 to 49"
    age.fill("33.6")
    age.press("Enter")
    before = changed(tab, before)
    assert asked(tab)["label"] == ["site=site 17", "age=33.6"]
    assert tab.locator("h2").inner_text() == "site 17 34"
    again = show(urlsplit(tab.url).query, paths=(str(tmp_path / "many"),))
    settled(again)
    assert again.locator("#samples").inner_html() == before
    assert again.get_by_label("age", exact=True).input_value() == "33.6"
    age.fill("")
    age.press("Enter")
    changed(tab, before)
    assert tab.locator("#samples .row").count() == 5
    assert settled(tab).startswith("60 samples")
    tab.get_by_label("site", exact=True).select_option("")
    tab.get_by_text("150 samples").wait_for()


def test_samples_can_be_saved(show):
    tab = show("run=names_text&label=language=dutch&label=gender=female&seed=3&count=5")
    settled(tab)
    for name, first in (("JSON", "{"), ("TXT", ""), ("CSV", "text,")):
        with tab.expect_download() as download:
            tab.get_by_role("button", name=name, exact=True).click()
        assert download.value.suggested_filename == f"names_text-3.{name.lower()}"
        content = Path(download.value.path()).read_text("utf-8")
        assert content.startswith(first) or name == "CSV"
    assert json.loads(json.dumps(asked(tab)))["seed"] == ["3"]


def test_what_is_refused_is_said(show):
    tab = show("run=spoken_digits&label=speaker=theo&seed=0&count=1")
    settled(tab)
    tab.get_by_role("button", name="WAV").click()
    tab.get_by_role("alert").get_by_text("ask for one sample").wait_for()
    # The browser itself notes every answer that is no success.
    assert all("406" in problem for problem in show.problems)
    show.problems.clear()
    before = tab.locator("#samples").inner_html()
    tab.locator("label", has_text=re.compile("^3$")).click()
    changed(tab, before)
    assert not tab.get_by_role("alert").is_visible()


def test_the_page_with_a_token(show):
    tab = show("run=digits_rows&token=sesame", paths=("digits_rows",), token="sesame")
    settled(tab)
    assert asked(tab)["token"] == ["sesame"]
    tab.locator("summary").click()
    shell = tab.locator("#shell").inner_text()
    assert "Bearer $TOKEN" in shell
    assert "sesame" not in shell


def test_a_training_shows_newer_samples_as_they_come(show, tiny_run, tmp_path):
    path = tmp_path / "growing"
    shutil.copytree(tiny_run, path)
    lines = (path / "metrics.jsonl").read_text().splitlines(keepends=True)
    (path / "metrics.jsonl").write_text(lines[0])
    preview = path / "samples" / "step-00000004.png"
    content = preview.read_bytes()
    preview.rename(preview.with_name("step-00000002.png"))
    tab = show("view=training", paths=(str(path),))
    tab.get_by_text("Step 2, 50 %").wait_for()
    tab.get_by_text("Samples at step 2", exact=True).wait_for()
    charts = tab.locator("#charts figure")
    assert charts.count() >= 3
    value = charts.first.locator("b").inner_text()
    (path / "metrics.jsonl").write_text("".join(lines))
    preview.write_bytes(content)
    tab.get_by_text("Samples at step 4", exact=True).wait_for()
    tab.get_by_text("Finished, step 4").wait_for()
    assert charts.first.locator("b").inner_text() != value
    assert tab.get_by_role("progressbar").get_attribute("aria-valuenow") == "100"
    assert tab.locator("#preview img").evaluate("one => one.naturalWidth") > 100
    tab.get_by_role("radio", name="Samples").check()
    settled(tab)
    assert tab.locator("#samples .row").count() == 10
