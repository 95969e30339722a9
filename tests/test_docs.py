"""What the guides quote, link to and list is really there."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
QUOTES = re.findall(
    r"^> code: `([^`]+)`: `(.+)`$", (ROOT / "docs" / "models.md").read_text("utf-8"), re.MULTILINE
)


def test_the_guide_quotes_every_family():
    assert len(QUOTES) > 25
    files = {path for path, _ in QUOTES}
    for name in ("adversarial", "penalties", "elbo", "likelihood", "heads", "sequence"):
        assert any(name in path for path in files)


@pytest.mark.parametrize(("path", "line"), QUOTES)
def test_a_quoted_line_is_there(path, line):
    assert line in (ROOT / path).read_text("utf-8")


PAGES = [
    page for place in ("*.md", "docs/*.md", "examples/*/*.md") for page in sorted(ROOT.glob(place))
]


def prose(page):
    """The text of a page without its code, in which brackets are no links."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]*`(?!\])", "", text)


def anchors(page):
    """The anchors of a page's headings, as GitHub and GitLab make them."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    found, seen = set(), Counter()
    for heading in re.findall(r"^#{1,6} +(.+?) *#*$", text, re.MULTILINE):
        heading = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", heading).replace(" ", "-")
        found.add(f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor)
        seen[anchor] += 1
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"https?:", link):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert target.resolve().is_relative_to(ROOT), link
        if anchor:
            assert anchor in anchors(target), link


def test_an_anchor_is_made_of_its_heading(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A `b`, c_d!\n\n## Text: steps\n\n```bash\n# none\n```\n\n## Text: steps\n")
    assert anchors(page) == {"a-b-c_d", "text-steps", "text-steps-1"}


def test_the_readme_is_read_to_the_end():
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_installs_from_an_index_what_is_on_none(page):
    assert not re.search(r"install [\"']?seqgan_kit", page.read_text("utf-8"))


def test_the_guide_lists_every_recipe_and_command():
    from seqgen_cli.main import COMMANDS

    from seqgan_kit.recipe.files import bundled, bundled_comparisons

    text = (ROOT / "docs" / "guide.md").read_text("utf-8")
    for name in (*bundled(), *bundled_comparisons()):
        assert f"`{name}`" in text, name
    assert set(re.findall(r"^\| `seqgen (\w+)` \|", text, re.MULTILINE)) == set(COMMANDS)


@pytest.mark.parametrize("guide", [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"])
def test_the_yaml_of_a_guide_is_a_recipe(guide, tmp_path):
    from seqgan_kit.recipe.files import load

    for number, text in enumerate(
        re.findall(r"```yaml\n(.*?)```", guide.read_text("utf-8"), re.DOTALL)
    ):
        path = tmp_path / f"guide{number}.yaml"
        path.write_text(text)
        load(str(path))


RECIPES = {"lines": "coco_captions", "series": "vowels_series", "folder": "mnist_rows",
           "recordings": "spoken_digits_mel"}  # fmt: skip


def test_the_sections_of_data_are_valid():
    """What docs/data.md shows are parts of recipes."""
    from seqgan_kit.recipe.files import load

    text = (ROOT / "docs" / "data.md").read_text("utf-8")
    blocks = re.findall(r"```yml\n(.*?)```", text, re.DOTALL)
    assert len(blocks) >= len(RECIPES)
    for block in blocks:
        data = yaml.safe_load(block)["data"]
        assert load(RECIPES[data["source"]], [f"data={json.dumps(data)}"])


def test_the_python_of_extending_runs(tmp_path, monkeypatch):
    text = (ROOT / "docs" / "extending.md").read_text("utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 7
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "extending"}
    for block in blocks:
        exec(compile(block, "extending.md", "exec"), names)
    figures = names["CoinFigures"](names["torch"].ones(4, 3))
    assert figures.measure(figures.noise(1000, 0))["heads"] == pytest.approx(0.5, abs=0.1)
    assert names["objective"].loss is names["wide_hinge"]
