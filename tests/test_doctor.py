"""`seqgen doctor`: what works, what is missing and what is broken."""

import json
import sys
import tomllib
from contextlib import nullcontext
from importlib import metadata
from pathlib import Path

import pytest
import torch
from seqgen_cli import doctor

from seqgan_kit import __version__, plugins
from seqgan_kit.errors import UsageError

PROJECT = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text("utf-8"))


@pytest.fixture
def examined(seqgen):
    """The items by name, and the exit code."""

    def run():
        shown = seqgen("doctor", "--json")
        assert "Traceback" not in shown.err
        rows = json.loads(shown.out)
        assert {row["state"] for row in rows} <= {"ok", "missing", "broken"}
        broken = [row["name"] for row in rows if row["state"] == "broken"]
        assert shown.code == (1 if broken else 0)
        return {row["name"]: (row["state"], row["detail"]) for row in rows}

    return run


@pytest.fixture
def without(monkeypatch):
    """Let packages not be installed, or be of another version."""

    def change(**versions):
        real = metadata.version

        def version(name):
            if name not in versions:
                return real(name)
            if versions[name] is None:
                raise metadata.PackageNotFoundError(name)
            return versions[name]

        monkeypatch.setattr(metadata, "version", version)

    return change


def test_a_line_for_each_item(seqgen, own_cache):
    own_cache.mkdir(exist_ok=True)
    shown = seqgen("doctor")
    assert shown.code == 0, shown.out
    lines = shown.out.splitlines()
    state = len(lines[0].split("ok")[0])
    assert {line[state : state + 9] for line in lines} <= {"ok       ", "missing  "}
    names = {line[:state].strip() for line in lines}
    kinds = {f"kind {name}" for name in plugins.kinds()}
    models = {f"model {name}" for name in plugins.models()}
    assert {"python", "torch", "torchaudio", "seqgan_kit", "device", "cache", "cores"} <= names
    assert kinds | models <= names
    assert f"{__version__}, " in shown.out
    assert str(own_cache) in shown.out


def test_every_extra_is_explained():
    assert set(doctor.EXTRAS) == set(PROJECT["project"]["optional-dependencies"])


def test_an_optional_package_that_is_missing_is_no_error(examined, without):
    without(aeon=None, librosa=None, tensorboard="2.0")
    found = examined()
    state, detail = found["extra series"]
    assert state == "missing"
    assert detail.endswith('aeon is not installed: pip install "seqgan_kit[series]"')
    assert "librosa is not installed" in found["extra listening"][1]
    assert "tensorboard 2.0 is not >=2.17" in found["extra tensorboard"][1]
    # An extra that asks for others lacks what they lack.
    assert "aeon" in found["extra test"][1]
    assert "tensorboard" in found["extra dev"][1]
    assert found["packages"][0] == "ok"


def test_a_needed_package_that_is_missing_or_old_is_broken(examined, without):
    without(einops=None, pydantic="1.10.2")
    state, detail = examined()["packages"]
    assert state == "broken"
    assert "einops is not installed" in detail
    assert "pydantic 1.10.2 is not " in detail
    assert '"einops>=0.8"' in detail.partition("pip install")[2]


def test_without_metadata(examined, monkeypatch):
    def requires(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", requires)
    state, detail = examined()["packages"]
    assert state == "broken"
    assert "install seqgan_kit again" in detail


def test_a_torchaudio_for_another_torch(examined, without, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchaudio.functional", None)
    monkeypatch.setattr(torch, "__version__", "2.11.0+cpu")
    without(torchaudio="2.11.0+cu130")
    state, detail = examined()["torchaudio"]
    assert state == "broken"
    assert "2.11.0+cu130 does not fit torch 2.11.0+cpu" in detail
    assert '"torchaudio==2.11.*", from the index for cpu' in detail


def test_a_torchaudio_of_another_version(examined, without):
    without(torchaudio="2.1.0")
    state, detail = examined()["torchaudio"]
    assert state == "broken"
    assert "does not fit" in detail


def test_without_torch_the_rest_is_told(examined, monkeypatch):
    def broken(name):
        raise OSError(f"libtorch_{name}.so: cannot open shared object file\nmore")

    monkeypatch.setattr(doctor, "import_module", broken)
    found = examined()
    assert found["torch"][0] == "broken"
    assert (
        "libtorch_torch.so: cannot open shared object file; install it again"
        in (found["torch"][1])
    )
    assert "device" not in found
    assert found["extra dev"]
    assert found["kind text"][0] == "ok"


def test_a_cache_that_cannot_be_written(examined, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SEQGAN_CACHE", str(tmp_path / "file" / "cache"))
    state, detail = examined()["cache"]
    assert state == "broken"
    assert "set SEQGAN_CACHE to a writable folder" in detail
    monkeypatch.setenv("SEQGAN_CACHE", "~nobody_at_all/cache")
    assert examined()["cache"][0] == "broken"


def test_the_size_of_the_cache(examined, monkeypatch, tmp_path):
    monkeypatch.setenv("SEQGAN_CACHE", str(tmp_path / "new" / "cache"))
    assert "0.0 MB" in examined()["cache"][1]
    assert not (tmp_path / "new").exists()
    (tmp_path / "new" / "cache" / "mnist").mkdir(parents=True)
    (tmp_path / "new" / "cache" / "mnist" / "file").write_bytes(bytes(2_500_000))
    assert "2.5 MB, writable" in examined()["cache"][1]


def test_a_plug_in_that_cannot_be_used(examined, monkeypatch):
    bad = plugins.Installed("melodies", plugins.KINDS, "notes:KIND", "it is no kind", None)
    monkeypatch.setattr(plugins, "installed", lambda: (bad,))
    assert examined()["kind melodies"] == ("broken", "it is no kind")


# -- GPUs ---------------------------------------------------------------------------------------


def test_why_there_is_no_gpu(examined, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", None)
    found = examined()
    assert found["device"] == ("ok", "auto is cpu")
    assert found["cuda"][0] == "missing"
    assert "built for CPUs only" in found["cuda"][1]

    def init():
        raise RuntimeError("No CUDA GPUs are available\nmore")

    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "init", init)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    detail = examined()["cuda"][1]
    assert "CUDA_VISIBLE_DEVICES is ''" in detail
    assert detail.endswith("No CUDA GPUs are available")


def test_a_gpu_that_this_torch_cannot_use(examined, monkeypatch):
    def device(number):
        raise RuntimeError("no kernel image is available for execution on the device")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "device", device)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda number: "Old One")
    found = examined()
    assert found["device"] == ("ok", "auto is cuda:0")
    assert found["cuda:0"][0] == "broken"
    assert found["cuda:0"][1].startswith("Old One: RuntimeError: no kernel image")


@pytest.mark.parametrize(("native", "state"), [(True, "ok"), (False, "missing")])
def test_a_gpu_that_works(examined, monkeypatch, native, state):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "device", nullcontext)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda number: "Fast One")
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (75_000_000_000, 80_000_000_000))
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native)
    monkeypatch.setattr(torch, "ones", lambda size, device: torch.zeros(size))
    found = examined()
    assert found["cuda:0"][0] == "ok"
    assert found["cuda:0"][1].startswith("Fast One, 80.0 GB (75.0 GB free), CUDA ")
    assert found["bfloat16"][0] == state
    assert "cuda" not in found


def test_sound_says_what_is_wrong_with_torchaudio(monkeypatch):
    from seqgan_kit.kinds.audio.transforms import functional

    assert functional().resample
    monkeypatch.setitem(sys.modules, "torchaudio", None)
    with pytest.raises(UsageError, match="`seqgen doctor` says which to install"):
        functional()
