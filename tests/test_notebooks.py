"""The notebooks of examples/: their cells run, in order, in a folder of their own."""

import ast
import json
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "examples").glob("*.ipynb"))


def cells(path):
    content = json.loads(path.read_text("utf-8"))
    return ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "code"]


def run(code, names):
    """Run a cell; return what its last expression gives, as a notebook shows it."""
    tree = ast.parse(code)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    if last is None:
        return None
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names)


def test_there_are_notebooks():
    assert {path.stem for path in NOTEBOOKS} == {"digits", "own_text", "own_series", "own_model"}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names, shown = {"__name__": "__main__"}, []
    for code in cells(path):
        result = run(code, names)
        show = getattr(result, "_repr_html_", None)
        shown.append(show() if show else repr(result))
    assert all(shown)
    assert any("<img" in one or "<table" in one or "sign changes" in one for one in shown)
