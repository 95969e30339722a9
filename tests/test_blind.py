"""The blind test: real and generated items mixed on a page."""

import json
import re

import pytest

from seqgan_kit.report.blind import render


def card(real, label="seven"):
    picture = {"kind": "text", "lines": [{"text": f"<{label}>", "under": "", "scores": []}]}
    return {"panel": picture, "label": label, "real": real}


def page(answers):
    return render({"title": "a < b", "version": "1", "cards": [card(one) for one in answers]})


def test_the_page_escapes_names_and_allows_only_its_script():
    html = page([True, False])
    assert "a &lt; b" in html
    assert "&lt;seven&gt;" in html
    assert re.search(r"script-src 'sha256-[\w+/]+='", html)
    assert not re.search(r"(src|href)=\"(?!data:)", html)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [(0, "10 of 10 right. Guessing reaches that or more with a chance of less than .001"),
     (2, "8 of 10 right. Guessing reaches that or more with a chance of 0.055"),
     (10, "0 of 10 right. Guessing reaches that or more with a chance of 1.000")],
)  # fmt: skip
def test_answers_are_counted_and_shown_at_the_end(browser, tmp_path, wrong, said):
    answers = [place % 3 == 0 for place in range(10)]
    path = tmp_path / "blind.html"
    path.write_text(page(answers), "utf-8")
    tab = browser.new_context().new_page()
    problems = []
    tab.on("console", lambda message: problems.append(message.text))
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.goto(path.as_uri())
    button = tab.get_by_role("button")
    for place, real in enumerate(answers):
        assert button.is_disabled()
        value = "real" if real != (place < wrong) else "generated"
        tab.locator(f"input[name=item-{place + 1}][value={value}]").check()
    assert tab.locator("output").all_inner_texts() == [""] * 10, "nothing is told before the end"
    button.click()
    assert said in tab.get_by_role("status").last.inner_text()
    told = tab.locator("output").all_inner_texts()
    for place, (text, real) in enumerate(zip(told, answers, strict=True)):
        assert text.startswith("Wrong" if place < wrong else "Right")
        assert ("it is real" in text) == real
    assert tab.locator("input:enabled").count() == 0
    assert not problems


def test_a_run_becomes_a_blind_test(seqgen, tiny_run, tmp_path):
    shown = seqgen("report", tiny_run, "--blind", "--items", 9, "--out", tmp_path)
    assert shown.code == 0, shown.err
    path = tmp_path / "blind.html"
    assert shown.out.strip() == str(path)
    html = path.read_text()
    answers = json.loads(re.search(r'id="data">(.*?)</script>', html)[1])
    assert (len(answers), sum(answers)) == (9, 4)
    pictures = re.findall(r"data:image/png;base64,([^\"]+)", html)
    assert len(pictures) == len(set(pictures)) == 9
    assert seqgen("report", tiny_run, "--blind", "--out", tmp_path).code == 2
    again = seqgen(
        "report", tiny_run, "--blind", "--items", 9, "--out", tmp_path, "--force", "--seed", 1
    )
    assert again.code == 0
    assert path.read_text() != html
    refused = seqgen("report", tiny_run, "--items", 9)
    assert (refused.code, "--blind" in refused.err) == (2, True)
