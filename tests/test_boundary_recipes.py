"""Recipes from elsewhere: whatever they hold, a sentence that names file and line."""

import sys
import time

import pytest

from seqgan_kit.recipe import files
from seqgan_kit.recipe.checking import MOST_ERRORS
from seqgan_kit.recipe.files import RecipeError
from seqgan_kit.recipe.reading import LARGEST_FILE, LONGEST_CHAIN
from seqgan_kit.recipe.yaml_loader import DEEPEST, LARGEST


def laughs(lines=9):
    """Nested anchors: a few bytes that stand for 10 ** lines values."""
    text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for number in range(1, lines):
        text += f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 10)}]\n"
    return text


HOSTILE = {
    "billion laughs": (laughs(), "line 5", "too large"),
    "a long text, often": (f"a: &a {'x' * 9999}\nb: [{', '.join(['*a'] * 999)}]\n", "too large"),
    "itself": ("a: &a [*a]\n", "line 1", "inside of what it repeats"),
    "itself, deeper": ("a: &a {b: {c: [*a]}}\n", "inside of what it repeats"),
    "nested lists": ("a: " + "[" * 100_000, "inside one another"),
    "nested sections": ("a: " + "{a: " * 50_000, "inside one another"),
    "nested keys": ("? " * 50_000, "inside one another"),
    "nested by columns": ("".join(" " * n + "a:\n" for n in range(DEEPEST + 2)), "inside one"),
    "timestamp": ("\na: !!timestamp 2001-01-01\n", "line 2", "timestamp"),
    "binary": ("a: !!binary aGVsbG8=\n", "binary"),
    "set": ("a: !!set {x, y}\n", "set"),
    "omap": ("a: !!omap [x: 1]\n", "omap"),
    "merge": ("!!merge a: b\n", "merge"),
    "an object": ("a: !!python/object/apply:os.system [ls]\n", "python/object"),
    "a tag of one's own": ("a: !mine 5\n", "!mine"),
    "no integer": ("a: !!int abc\n", "line 1", "int"),
    "no truth": ("a: !!bool maybe\n", "bool"),
    "no number": ("a: !!float x\n", "float"),
    "no mapping": ("a: !!map [1]\n", "map"),
    "no sequence": ("a: !!seq b\n", "seq"),
    "no scalar": ("a: !!str {b: c}\n", "str"),
    "digits": ("seed: " + "9" * 5000, "5000 characters"),
    "a large number": ("seed: " + "9" * 30, "seed"),
    "infinity": ("train: {steps: 1, learning_rate: .inf}", "finite"),
    "overflow": ("train: {steps: 1, learning_rate: 1e999}", "finite"),
    "no number at all": ("train: {steps: 1, learning_rate: .nan}", "finite"),
    "many keys": ("".join(f"k{n}: 1\n" for n in range(5000)), "and 4"),
    "a zero byte": ('name: "a\\0b"\n', "zero"),
    "half a character": ('name: "\\ud800"\n', "half"),
    "ESC": ("name: \x1b[31m\n", "line 1", "special characters"),
    "a long name": (f"name: {'x' * 100_000}\n", "at most"),
    "a long key": (f"{'k' * 1000}: 1\n", "unknown key"),
    "a key that is none": ("{[1, 2]: 3}\n", "not a string"),
    "two documents": ("a: 1\n---\nb: 2\n", "another document"),
    "a source that is no name": ("data: {source: [1]}\n", "data.source"),
    "sections that are none": ("data: 5\ncodec: 3\nmodel: [1]\nphases: [1]\n", "data: input"),
    "no key": ("just text", "expected a mapping"),
    "nothing": ("", "expected a mapping"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_recipe_from_elsewhere_is_refused_in_a_sentence(tmp_path, name):
    text, *words = HOSTILE[name]
    path = tmp_path / "theirs.yaml"
    path.write_bytes(text.encode())
    began = time.monotonic()
    with pytest.raises(RecipeError) as caught:
        files.load(str(path))
    message = str(caught.value)
    assert time.monotonic() - began < 20
    assert message.startswith(str(path))
    assert len(message) < 20_000
    assert all(word in message for word in words), message


def test_too_large_a_file_is_not_read(tmp_path):
    path = tmp_path / "large.yaml"
    path.write_text("#" * (LARGEST_FILE + 1))
    with pytest.raises(RecipeError, match="larger than 256 kB"):
        files.load(str(path))


def test_a_file_in_another_encoding(tmp_path):
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"seed: 1\nname: \xff\n")
    with pytest.raises(RecipeError, match="line 2: not UTF-8"):
        files.load(str(path))


def test_no_more_errors_than_anyone_reads(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("".join(f"key{number}: 1\n" for number in range(50)))
    with pytest.raises(RecipeError) as caught:
        files.load(str(path))
    lines = str(caught.value).splitlines()
    assert len(lines) == MOST_ERRORS + 1
    assert lines[-1].endswith("and 32 more")  # of 50 keys and two that are missing


def test_a_chain_of_recipes_ends(tmp_path):
    for number in range(LONGEST_CHAIN + 5):
        (tmp_path / f"r{number}.yaml").write_text(f"extends: r{number + 1}.yaml\n")
    with pytest.raises(RecipeError, match="extend one another"):
        files.load(str(tmp_path / "r0.yaml"))


def test_anchors_within_bounds_stay_what_they_are(tmp_path):
    path = tmp_path / "anchors.yaml"
    path.write_text(
        "extends: digits_rows\nphases:\n"
        "- &first {steps: 1, objective: {kind: gan}}\n- *first\n- {}\n"
    )
    phases = files.load(str(path), ["train.steps=5"]).phases
    assert [phase.steps for phase in phases] == [1, 1, None]
    assert LARGEST > 100_000


@pytest.mark.parametrize(
    ("override", "word"),
    [
        ("a." * 100_000 + "b=1", "inside one another"),
        ("train.betas.0.x=1", "is a value"),
        ("train.betas." + "9" * 5000 + "=1", "out of range"),
        ("train.steps=" + "9" * 5000, "5000 characters"),
        ("train.steps=!!binary aGk=", "binary"),
        (f"evaluation={laughs(3)}", "key"),
        ("data.source=[1]", "data.source"),
        ("data=[1]", "data"),
        ("codec.kind={a: 1}", "codec.kind"),
        ("model.kind=[]", "model.kind"),
        ("seed=1e400", "seed"),
        ("train.learning_rates={generator: .inf}", "finite"),
        ("model.generator.hidden_size=200000", "model.generator.hidden_size"),
        ("model.generator.layers=100000", "model.generator.layers"),
        ("model.discriminator.embedding_size=99999999999999999999", "embedding_size"),
        ("objective.discriminator_steps=65536", "discriminator_steps"),
        ("train.steps=99999999999", "train.steps"),
        ("name=../../elsewhere", "name"),
        ("x" * 300_000 + "=1", "longer than"),
    ],
)
def test_overrides_go_the_same_way(override, word):
    with pytest.raises(RecipeError) as caught:
        files.load("mnist_rows", [override])
    assert word in str(caught.value)
    assert len(str(caught.value)) < 5000


def test_a_name_that_no_file_can_have():
    for name in ("x" * 5000, "a\0b"):
        with pytest.raises(RecipeError, match="recipe"):
            files.find(name)


def test_the_command_says_it_in_a_sentence(seqgen, tmp_path):
    path = tmp_path / "laughs.yaml"
    path.write_text(laughs())
    for arguments in (("recipes", "check"), ("recipes", "show", "--resolved")):
        shown = seqgen(*arguments, path)
        assert shown.code == 2
        assert shown.err.startswith("error: ")
        assert "too large" in shown.err
        assert "Traceback" not in shown.err


def test_checking_does_not_import_torch():
    import subprocess

    code = (
        "import sys; from seqgan_kit.recipe import files; files.load('mnist_rows'); "
        "print('torch' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
