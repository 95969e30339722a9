"""docs/export.md: its commands write files, and its scripts read them."""

import contextlib
import re
import shlex
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch

import seqgan_kit
from seqgan_kit.nn.noise import seeded_noise

from .test_export import asked, opened

PAGE = (Path(__file__).parents[1] / "docs" / "export.md").read_text("utf-8")
SCRIPTS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A folder with the files of the page's commands."""
    from seqgen_cli.main import seqgen

    folder = tmp_path_factory.mktemp("page")
    lines = re.findall(r"^seqgen (.*?)(?: +#.*)?$", PAGE, re.MULTILINE)
    assert len(lines) == 4
    with contextlib.chdir(folder), pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQGAN_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        for line in lines:
            seqgen(shlex.split(line), standalone_mode=False)
    return folder


def test_the_first_script_needs_numpy_and_onnxruntime_alone(exported, tmp_path):
    script = SCRIPTS[0]
    assert len([line for line in script.splitlines() if line.strip()]) <= 15
    # In a process of its own, which has nothing of PyTorch or of this package.
    blocked = "import sys\nfor name in ('torch', 'seqgan_kit'): sys.modules[name] = None\n"
    (tmp_path / "script.py").write_text(blocked + script)
    shown = subprocess.run([sys.executable, tmp_path / "script.py"], cwd=exported,
                           capture_output=True, text=True, check=True)  # fmt: skip
    lines = shown.stdout.splitlines()
    assert [len(line) for line in lines] == [80] * 8
    assert len(set("".join(lines))) > 5


def test_the_other_scripts_run(exported, monkeypatch, capsys):
    monkeypatch.chdir(exported)
    names = {}
    exec(SCRIPTS[0], names)
    capsys.readouterr()
    exec(SCRIPTS[1], names)
    assert len(capsys.readouterr().out.splitlines()) == 5
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(SCRIPTS[2], names)
    assert names["x"].shape == (10, 8, 8)
    exec(SCRIPTS[3], names)
    model = seqgan_kit.load("digits_rows")
    latent = model.generator.draw(10, seeded_noise(0))
    label = torch.arange(10)
    with torch.no_grad():
        y, _ = model.generator.write(latent, label[:, None])
        x = names["write"](latent.z_BZ, latent.step_BTE, label)
    assert (x - y).abs().max() <= 1e-5
    assert len(SCRIPTS) == 4


def test_ids_become_text(exported):
    session, about = opened(exported / "names.onnx")
    inputs = asked(about, 50)
    x, mask = session.run(None, inputs)
    pieces, end = about["codec"]["pieces"], about["end"]
    lines = ["".join(pieces[i] for i in row[kept] if i != end).replace("\u2581", " ")
            for row, kept in zip(x, mask, strict=True)]  # fmt: skip
    codec = seqgan_kit.load("names_text").codec
    decoded = codec.decode(torch.from_numpy(x), torch.from_numpy(mask))
    assert lines == codec.present(decoded).tolist()
