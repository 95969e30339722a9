"""Dependencies point one way, and the core says nothing of modalities."""

import ast
import re
from pathlib import Path

import pytest

import seqgan_kit

ROOT = Path(seqgan_kit.__file__).parent
ALLOWED = {
    "batch": set(),
    "files": set(),
    "run": {"files"},
    "nn": {"batch"},
    "models": {"batch", "nn"},
    "data": {"batch", "files"},
    "objectives": {"batch", "nn"},
    "training": {"batch", "files", "nn", "objectives", "run"},
    "evaluation": {"batch", "files", "nn"},
    "report": {"batch", "data", "files", "evaluation"},
    "sampling": {"batch", "nn"},
    "text_sampling": {"nn", "sampling"},
    "recipe": set(),
    "recipe_files": {"recipe"},
    "starter": {"data"},
}
"""For every part what it may import."""
ABOVE = [
    "materials", "build", "workflow", "measuring", "elsewhere", "sweeping", "evidence_parts",
    "evidence_images", "evidence_series", "evidence_sound", "evidence_text", "evidence",
    "comparison",
]  # fmt: skip
"""What stands above and may import all of these, and what stands before it here."""


def part_of(path):
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported_parts(path):
    """The parts of seqgan_kit that a file imports."""
    package = ["seqgan_kit", *path.relative_to(ROOT).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names = [f"{module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            if name.startswith("seqgan_kit."):
                yield name.split(".")[1]


FILES = sorted(ROOT.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path):
    part = part_of(path)
    if part == "__init__":
        return
    if part in ABOVE:
        allowed = {*ALLOWED, "__version__", *ABOVE[: ABOVE.index(part)]}
    else:
        allowed = ALLOWED[part]
    assert not set(imported_parts(path)) - allowed - {part}


def test_the_reader_of_imports_works(tmp_path):
    assert "objectives" in set(imported_parts(ROOT / "training" / "trainer.py"))
    assert "nn" in set(imported_parts(ROOT / "models" / "sequence.py"))
    assert "build" in set(imported_parts(ROOT / "workflow.py"))


def test_there_is_no_circle():
    seen = set()

    def visit(part, above):
        assert part not in above
        for lower in ALLOWED[part]:
            visit(lower, {*above, part})
        seen.add(part)

    for part in ALLOWED:
        visit(part, set())
    assert {part_of(path) for path in FILES} <= {*seen, *ABOVE, "__init__"}


@pytest.mark.parametrize("part", ["nn", "models", "objectives", "training"])
def test_the_core_does_not_name_a_modality(part):
    words = re.compile(r"\b(text|audio|rows?|pixels?|mnist|digits?)\b", re.IGNORECASE)
    for path in (ROOT / part).rglob("*.py"):
        code = re.sub(r'"""(.|\n)*?"""|#.*', "", path.read_text("utf-8"))
        assert not words.search(code), path


@pytest.mark.parametrize(
    "word", ["pickle", "torch.load(", "torch.save(", "eval(", "exec(", "yaml.load(t"]
)
def test_nothing_that_is_read_is_executed(word):
    allowed = {"yaml.load(t": {"recipe_files.py"}}.get(word, set())
    for path in FILES:
        code = re.sub(r'"""(.|\n)*?"""|#.*', "", path.read_text("utf-8"))
        code = code.replace(".eval()", "").replace("allow_pickle=False", "")
        assert word not in code or path.name in allowed, path
