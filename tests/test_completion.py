"""Completion in shells: what is offered, and the scripts."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from seqgen_cli.main import COMMANDS
from seqgen_cli.main import seqgen as group

from seqgan_kit.recipe.files import bundled, bundled_comparisons

SEQGEN = Path(sys.executable).with_name("seqgen")


def offered(*words):
    """What is offered for the last word."""
    shell = ShellComplete(group, {}, "seqgen", "_SEQGEN_COMPLETE")
    *before, last = words
    return [(item.type, item.value) for item in shell.get_completions(before, last)]


def plain(names):
    return [("plain", name) for name in names]


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """A folder with two runs."""
    monkeypatch.chdir(tmp_path)
    for name in ("one", "other"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "run.json").touch()
    (tmp_path / "runs" / "no_run").mkdir()
    return [str(Path("runs", name)) for name in ("one", "other")]


def test_commands():
    assert offered("") == plain(COMMANDS)
    assert offered("re") == plain(["report", "reconstruct", "recipes"])
    assert offered("recipes", "s") == plain(["schema", "show"])
    assert ("plain", "--against") in offered("plot", "--a")
    # After a word that is no command, nothing fails.
    assert offered("no such command", "no") == []


def test_recipes():
    assert offered("train", "") == plain(bundled())
    assert offered("train", "mnist_rows_g") == plain(["mnist_rows_gru"])
    assert offered("train", "./mine") == [("file", "./mine")]
    assert offered("data", "show", "coco") == plain(n for n in bundled() if n.startswith("coco"))
    for command in ("show", "copy", "check"):
        assert offered("recipes", command, "compare/m") == plain(["compare/mnist"])


def test_runs(runs):
    for command in ("plot", "report", "evaluate", "inspect", "reconstruct"):
        assert offered(command, "") == plain(runs)
    assert offered("plot", runs[0], "runs/ot") == plain(runs[1:])
    assert offered("train", "--resume", "") == plain(runs)
    assert offered("report", "elsewhere/") == [("dir", "elsewhere/")]
    assert offered("compare", "") == plain([*runs, *bundled_comparisons()])


def test_completing_does_not_import_torch(tmp_path):
    probe = (
        "import sys; sys.argv = ['seqgen']\n"
        "from seqgen_cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "assert 'torch' not in sys.modules, 'imported'"
    )
    for words in ("seqgen ", "seqgen train mnist_rows_g", "seqgen plot ru"):
        environment = {
            **os.environ, "_SEQGEN_COMPLETE": "bash_complete", "COMP_WORDS": words,
            "COMP_CWORD": str(words.count(" ")),
        }  # fmt: skip
        shown = subprocess.run(
            [sys.executable, "-c", probe],
            env=environment, cwd=tmp_path, capture_output=True, text=True,
        )  # fmt: skip
        assert shown.returncode == 0, shown.stderr
        assert shown.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_for_each_shell(seqgen, shell):
    shown = seqgen("completion", shell)
    assert shown.code == 0
    assert f"_SEQGEN_COMPLETE={shell}_complete" in shown.out
    program = shutil.which(shell)
    if program:
        subprocess.run([program, "-n"], input=shown.out, text=True, check=True)
    help_text = seqgen("completion", "--help").out
    assert f"seqgen completion {shell} > ~/." in help_text
    assert "Examples:" in help_text


def test_an_unknown_shell(seqgen):
    shown = seqgen("completion", "tcsh")
    assert shown.code == 2
    assert "bash" in shown.err


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_the_script_works_in_bash(seqgen, tmp_path):
    script = tmp_path / "script"
    script.write_text(seqgen("completion", "bash").out)
    said = (
        f"source {script}; COMP_WORDS=(seqgen train digits_r); COMP_CWORD=2\n"
        f'_seqgen_completion {SEQGEN}; echo "${{COMPREPLY[*]}}"; complete -p seqgen'
    )
    shown = subprocess.run(["bash", "-c", said], capture_output=True, text=True, check=True)
    names, registered = shown.stdout.splitlines()
    assert names.split() == [name for name in bundled() if name.startswith("digits_r")]
    assert "_seqgen_completion" in registered


def test_recipes_list_as_json(seqgen):
    rows = json.loads(seqgen("recipes", "list", "--json").out)
    assert [row["name"] for row in rows] == [*bundled(), *bundled_comparisons()]
    assert all(row["about"] and Path(row["path"]).is_file() for row in rows)
