"""An installed wheel has everything, and the commands of README and guides do what they say."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

import seqgan_kit
from seqgan_kit import plugins
from seqgan_kit.recipe.files import bundled

from .conftest import TINY, TINY_EVALUATION, text_data, tiny
from .serving import serving, status_of, stopped, until

QUICK = ("--samples", "100", "--sets", "1", "--no-gan-train")

ROOT = Path(__file__).parents[1]


def test_every_package_is_in_the_wheel():
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = (path.parent for path in (ROOT / "seqgan_kit").rglob("__init__.py"))
    found = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    assert found == {name for name in told if name.startswith("seqgan_kit")}


def test_a_wheel_holds_the_command_and_the_recipes(tmp_path):
    source = tmp_path / "source"
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    if tracked.returncode:
        pytest.skip("not a git checkout")
    for name in tracked.stdout.split("\0"):
        if name.startswith(("seqgan_kit/", "cli/", "recipes/")) or name in (
            "pyproject.toml", "README.md", "LICENSE",
        ):  # fmt: skip
            target = source / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, source],
        check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index",
         "--disable-pip-version-check", "--target", site, wheel],
        check=True, capture_output=True,
    )  # fmt: skip
    assert not (site / "cli").exists()
    assert not (site / "recipes").exists()
    environment = {**os.environ, "PYTHONPATH": str(site)}
    code = (
        "import seqgan_kit, seqgen_cli, seqgen_recipes\n"
        "print(seqgan_kit.__file__, seqgen_cli.__file__, seqgen_recipes.__file__, sep='\\n')"
    )
    places = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert all(place.startswith(str(site)) for place in places.stdout.split())
    listed = subprocess.run(
        [sys.executable, "-m", "seqgen_cli", "recipes", "list"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in bundled():
        assert name in listed.stdout


DOCUMENTS = {"README.md": 5, "docs/guide.md": 45, "docs/install.md": 3, "docs/results.md": 2}
"""Where commands stand, and how many at least."""


def blocks(document, language):
    text = (ROOT / document).read_text("utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def commands_of(document):
    lines = "\n".join(blocks(document, "bash")).replace("\\\n", " ").splitlines()
    lines = [re.sub(r"^python -m seqgen_cli ", "seqgen ", line) for line in lines]
    return [shlex.split(line, comments=True) for line in lines if line.startswith("seqgen ")]


def test_the_documents_show_every_command():
    from seqgen_cli.main import COMMANDS

    shown = {command[1] for document in DOCUMENTS for command in commands_of(document)}
    assert shown >= set(COMMANDS)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_commands_of_a_document(
    seqgen, small_mnist, small_text, hub, tmp_path, monkeypatch, document
):
    """Every `seqgen` line of a document, in order, with tiny sizes, small data, and a hub."""
    monkeypatch.chdir(tmp_path)
    cache = tmp_path / "cache"
    shutil.copytree(small_mnist, cache / "mnist")
    monkeypatch.setenv("SEQGAN_CACHE", str(cache))
    (tmp_path / "recipes").symlink_to(ROOT / "recipes")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    weather = [sys.executable, "examples/weather/make_weather.py", "weather.csv", "--places", "60"]
    subprocess.run(weather, cwd=tmp_path, check=True)
    begun = "id,time,heat,flow,site\n0,0,20,0.02,3\n0,1,20.5,0.03,3\n"
    (tmp_path / "begun.csv").write_text(begun)
    generator = np.random.default_rng(0)
    for label in ("cats", "dogs"):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(40):
            pixels = generator.integers(0, 256, (12, 12), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / label / f"{number}.png")
    own = {"audio": "recordings", "text": "reviews.csv", "series": "sensors.csv"}
    for kind, name in own.items():
        (tmp_path / kind).mkdir()
        made = plugins.kinds()[kind].tiny(tmp_path / kind)
        assert made.suffix == Path(name).suffix, "the guide names what the kind's tiny data are"
        made.rename(tmp_path / name)
    commands = commands_of(document)
    assert len(commands) >= DOCUMENTS[document]
    for _, *arguments in commands:
        if arguments[0] == "serve":
            with serving(*arguments[1:]) as (process, address):
                assert until(lambda place=address: status_of(place)) == 200
                assert stopped(process) == 130
            continue
        extra = ()
        name = Path(arguments[1]).stem if len(arguments) > 1 else ""
        if arguments[0] == "train" and "--resume" not in arguments:
            text = name in bundled() and text_data(name, small_text)
            if "data.source=lines" in arguments:
                root = ()
            elif text or name.startswith(("digits", "photos", "weather")):
                root = text or ()
            else:
                root = (f"data.root={small_mnist}",)
            of = "vowels_series" if name == "weather" else name
            extra = (*(tiny(of) if of in bundled() else TINY), *root)
        elif arguments[:2] == ["data", "show"] and name in bundled():
            small = text_data(name, small_text)
            text = any(word.startswith("data.source") for word in small)
            extra = (*small, *(["codec.vocabulary=40"] if text else []))
        elif arguments[0] == "compare" and name == "mnist":
            # The networks as they are, for as few steps as a budget allows.
            extra = ("minutes=null", "samples_seen=320", "train.batch_size=16", *TINY_EVALUATION,
                     f"data.root={small_mnist}", *QUICK)  # fmt: skip
        elif arguments[0] == "sweep":
            extra = (*TINY, "--samples", "60", "--sets", "1")
        elif arguments[0] == "evaluate" and "--samples" in arguments:
            extra = ("--no-gan-train",)
        elif arguments[0] in ("evaluate", "report", "compare"):
            extra = QUICK
        shown = seqgen(*arguments, *extra)
        assert shown.code == 0, f"seqgen {shlex.join(arguments)}: {shown.err}"


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_python_of_a_document(tiny_run, tmp_path, monkeypatch, document):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "mnist_rows").symlink_to(tiny_run)
    code = "\n".join(blocks(document, "python"))
    if document == "README.md":
        assert "seqgan_kit.train" in code
    exec(code, {})


def test_the_makefile_has_what_the_documents_name():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    named = {}
    for document in (*DOCUMENTS, "CONTRIBUTING.md", "SECURITY.md"):
        text = (ROOT / document).read_text("utf-8")
        named[document] = set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE))
    assert {"demo", "test"} <= named["README.md"]
    assert {"demo", "test", "check", "bench", "gpu-check", "clean"} <= named["CONTRIBUTING.md"]
    for target in set().union(*named.values()):
        assert f"\n{target}:" in makefile


def test_what_is_said_of_the_package_is_so_everywhere():
    package = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert citation["version"] == seqgan_kit.__version__
    assert citation["license"] == package["license"]
    assert citation["title"] == package["name"]


def test_the_installation_is_that_of_the_package():
    package = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = package["optional-dependencies"]
    text = (ROOT / "docs" / "install.md").read_text("utf-8")
    named = re.findall(r'"(torch\w*[=<>~][^"]*)"', text)
    assert len(named) >= 2
    assert set(named) <= set(package["dependencies"]).union(*extras.values())
    rows = text.partition("| extra | for |")[2].splitlines()
    cells = "".join(row.split("|")[1] for row in rows if row.startswith("| `"))
    assert set(re.findall(r"`(\w+)`", cells)) == set(extras)


def test_text_images_and_series_run_without_torchaudio(small_text, small_series, tmp_path):
    """A pair of torch and torchaudio that does not fit stops sound, and nothing else."""
    code = """
import sys
sys.modules["torchaudio"] = None  # As if it could not be imported.
from pathlib import Path
from seqgan_kit.recipe.files import load
from seqgan_kit.runs import workflow
import seqgan_kit
for number, line in enumerate(sys.stdin.read().splitlines()):
    name, *changes = line.split("|")
    run = workflow.train(load(name, changes), out=Path(f"run{number}")).run
    assert len(seqgan_kit.load(run.path).sample(count=1))
    print(name)
"""
    names = ("digits_rows", "names_text", "vowels_series")
    lines = ["|".join([name, *tiny(name), *text_data(name, small_text)]) for name in names]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, input="\n".join(lines), text=True,
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.stdout.split() == list(names), done.stderr
