"""What the guides quote is really there."""

import json
import re
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


@pytest.mark.parametrize("guide", [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"])
def test_links_lead_somewhere(guide):
    for target in re.findall(r"\]\((?!http)([^)#]+)", guide.read_text("utf-8")):
        assert (guide.parent / target).exists(), target


@pytest.mark.parametrize("guide", sorted((ROOT / "docs").glob("*.md")))
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
