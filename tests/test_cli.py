"""The command: what it prints, where, and what it says when something is wrong."""

import json
import os
import shutil
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seqgan_kit.recipe.files import bundled
from seqgan_kit.training.run import Run

from .conftest import TINY, TINY_NETWORKS, text_data, tiny

SEQGEN = Path(sys.executable).with_name("seqgen")


def size_of(path):
    """Width and height of a picture."""
    with Image.open(path) as image:
        return image.size


def installed(*arguments, **options):
    """The installed entry point."""
    return subprocess.run(
        [SEQGEN, *map(str, arguments)], capture_output=True, text=True, timeout=120, **options
    )


# -- the entry point ----------------------------------------------------------------------------


def test_help_does_not_import_torch():
    probe = (
        "import sys; sys.argv = ['seqgen', '--help']\n"
        "from seqgen_cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "assert 'torch' not in sys.modules and 'pydantic' not in sys.modules, 'imported'"
    )
    subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True)


def test_installed_help_names_every_command():
    shown = installed("--help")
    assert shown.returncode == 0
    for name in ("train", "sample", "evaluate", "recipes", "data", "init"):
        assert f"  {name} " in shown.stdout
        if name not in ("recipes", "data"):
            text = installed(name, "--help").stdout
            assert "Examples:" in text


def test_version_and_unknown_commands():
    assert "0." in installed("--version").stdout
    wrong = installed("tran")
    assert wrong.returncode == 2
    assert "'train'" in wrong.stderr


def test_a_pipe_that_closes_is_no_error():
    shown = subprocess.run(
        f"{SEQGEN} recipes schema | head -n 1", shell=True, capture_output=True, text=True
    )
    assert shown.stdout == "{\n"
    assert "Traceback" not in shown.stderr


# -- recipes ------------------------------------------------------------------------------------


def test_recipes_list_show_copy_check_schema(seqgen, tmp_path):
    listed = seqgen("recipes", "list")
    for name in bundled():
        assert name in listed.out
    assert seqgen("recipes", "show", "mnist_rows").out == bundled()["mnist_rows"].read_text()
    resolved = seqgen("recipes", "show", "mnist_rows_gru", "train.steps=3").out
    assert "steps: 3" in resolved
    assert "extends" not in resolved
    target = tmp_path / "mine.yaml"
    assert seqgen("recipes", "copy", "digits_rows", target).code == 0
    assert seqgen("recipes", "copy", "digits_rows", target).code == 2
    assert seqgen("recipes", "check", target).code == 0
    target.write_text(target.read_text() + "sed: 1\n")
    wrong = seqgen("recipes", "check", target)
    assert wrong.code == 2
    assert "did you mean 'seed'" in wrong.err
    assert json.loads(seqgen("recipes", "schema").out)["properties"]["train"]


# -- training -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(bundled()))
def test_every_recipe_trains_resumes_and_samples(seqgen, small_mnist, small_text, tmp_path, name):
    root = text_data(name, small_text)
    if not root and name != "digits_rows":
        root = (f"data.root={small_mnist}",)
    out = tmp_path / "run"
    trained = seqgen("train", name, *tiny(name), *root, "--out", out)
    assert trained.code == 0, trained.err
    assert f"seqgen sample {out}" in trained.err
    assert trained.out == f"{out}\n"
    assert seqgen("train", "--resume", out).code == 0
    sampled = seqgen("sample", out)
    assert sampled.code == 0
    if Run(out).info["codec"]["kind"] == "text":
        assert len(sampled.out.splitlines()) == 12
        return
    if Run(out).info["codec"]["kind"] == "audio":
        assert sampled.out.strip() == str(out / "samples" / "clips")
        assert len(list((out / "samples" / "clips").glob("*.wav"))) == 8
        return
    picture = "series.png" if Run(out).info["codec"]["kind"] == "series" else "grid.png"
    assert sampled.out.strip() == str(out / "samples" / picture)
    assert size_of(out / "samples" / picture)[0] > 100


def test_progress_in_plain_lines(seqgen, tmp_path):
    shown = seqgen("train", "digits_rows", *TINY, "--out", tmp_path / "run")
    assert "step 4/4" in shown.err
    assert "steps/s" in shown.err
    assert "left" in shown.err
    assert "\r" not in shown.err


def test_seed_and_device_options(seqgen, tmp_path):
    out = tmp_path / "run"
    assert (
        seqgen("train", "digits_rows", *TINY, "--out", out, "--seed", 9, "--device", "cpu").code
        == 0
    )
    assert "seed: 9" in Run(out).recipe_path.read_text()
    assert "device: cpu" in Run(out).recipe_path.read_text()


# -- sampling -----------------------------------------------------------------------------------


@pytest.fixture
def sample(seqgen, tiny_run):
    return lambda *arguments: seqgen("sample", tiny_run, *arguments)


def test_arrays(sample, tmp_path):
    out = tmp_path / "d.npy"
    shown = sample("--label", "3,7", "-n", 5, "--seed", 1, "--out", out)
    assert shown.out == f"{out}\n"
    images, labels = np.load(out), np.load(tmp_path / "d.labels.npy")
    assert (images.shape, images.dtype) == ((10, 8, 8), np.float32)
    assert labels.tolist() == [3] * 5 + [7] * 5
    assert images.min() >= 0
    assert images.max() <= 1
    sample("--label", "3,7", "-n", 5, "--seed", 1, "--out", tmp_path / "e.npy")
    assert (tmp_path / "e.npy").read_bytes() == out.read_bytes()
    # Nothing that is there is replaced unasked, the labels beside an array included.
    out.unlink()
    refused = sample("--label", "4", "--out", out)
    assert refused.code == 2
    assert "d.labels.npy" in refused.err
    assert np.load(tmp_path / "d.labels.npy").tolist() == labels.tolist()


def test_folders_of_pictures(sample, tmp_path):
    out = tmp_path / "digits"
    sample("--label", "3", "-n", 4, "--out", out)
    names = [f"3-{n:05d}.png" for n in range(4)]
    assert sorted(path.name for path in out.iterdir()) == [*names, "manifest.csv"]
    with Image.open(out / "3-00000.png") as image:
        assert (image.size, image.mode) == ((8, 8), "L")
    again = sample("--label", "3", "--out", out)
    assert again.code == 2
    assert "--force" in again.err
    assert sample("--label", "4", "-n", 1, "--out", out, "--force").code == 0
    assert sorted(path.name for path in out.iterdir()) == ["4-00000.png", "manifest.csv"]


def test_grids_and_walks(sample, tmp_path):
    assert sample("-n", 3, "--out", tmp_path / "g.png").code == 0
    assert sample("--interpolate", "3..7", "--out", tmp_path / "w.png").code == 0
    assert size_of(tmp_path / "w.png")[0] > size_of(tmp_path / "g.png")[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--label", "11"], ["no digit '11'", "0, 1, 2"]),
        (["--checkpoint", "99"], ["no checkpoint '99'", "2, 4"]),
        (["--count", "0"], ["0"]),
        (["--interpolate", "3"], ["3..7"]),
        (["--interpolate", "3..11"], ["no digit '11'"]),
        (["--interpolate", "3..7", "--out", "w.npy"], [".png"]),
        (["--out", "a.jpg"], [".png"]),
        (["-n", "1000"], ["do not fit on one grid", ".npy"]),
        (["--device", "cuda:77"], ["device 'cuda:77' is not available"]),
    ],
)
def test_wrong_sampling(sample, arguments, words):
    shown = sample(*arguments)
    assert shown.code == 2
    assert "Traceback" not in shown.err
    for word in words:
        assert word in shown.err


# -- what can be wrong --------------------------------------------------------------------------


def expect(shown, code, *words):
    assert shown.code == code, shown.err
    assert "Traceback" not in shown.err
    for word in words:
        assert word in shown.err
    return shown.err


def test_wrong_training(seqgen, tmp_path, tiny_run):
    expect(seqgen("train", "mnist_row"), 2, "did you mean 'mnist_rows'")
    expect(seqgen("train"), 2, "name a recipe")
    expect(seqgen("train", "--resume", tmp_path), 2, "no run folder", "seqgen train")
    expect(seqgen("train", "digits_rows", "--resume", tiny_run), 2, "--resume")
    expect(seqgen("train", "digits_rows", *TINY, "--out", tiny_run), 2, "--force")
    expect(seqgen("train", "digits_rows", *TINY, "--device", "cuda:77"), 2, "--device cpu")
    expect(seqgen("train", "digits_rows", "train.stpes=3"), 2, "did you mean 'steps'")
    missing = tmp_path / "nowhere"
    expect(
        seqgen("train", "mnist_rows", f"data.root={missing}", "--out", tmp_path / "r"),
        1, str(missing), "data.root=FOLDER",
    )  # fmt: skip
    assert not (tmp_path / "r").exists()


def test_damaged_data(seqgen, small_mnist, tmp_path):
    file = small_mnist / "t10k-labels-idx1-ubyte"
    file.write_bytes(file.read_bytes()[:-3])
    arguments = ("train", "mnist_rows", *TINY, f"data.root={small_mnist}", "--out", tmp_path / "r")
    expect(seqgen(*arguments), 1, file.name, "SHA-256")


def test_wrong_runs(seqgen, tmp_path, tiny_run):
    run = tmp_path / "run"
    shutil.copytree(tiny_run, run)
    info = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**info, "format": 99}))
    expect(seqgen("sample", run), 2, "format 99", "upgrade")
    (run / "run.json").write_text("{")
    expect(seqgen("sample", run), 2, "damaged")
    (run / "run.json").write_text("[]")
    expect(seqgen("sample", run), 2, "damaged")
    (run / "run.json").write_text(json.dumps(info))
    weights = run / "checkpoints" / "step-00000004" / "networks.safetensors"
    whole = weights.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"\x80\x04K\x01.", whole[8:]):
        weights.write_bytes(content)
        expect(seqgen("sample", run), 1, "damaged", "another checkpoint")
    weights.unlink()
    expect(seqgen("sample", run), 1, "missing")
    recipe = run / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("hidden_size: 8", "hidden_size: 12"))
    expect(seqgen("sample", run, "--checkpoint", "2"), 1, "has the shape", "the recipe makes")
    shutil.rmtree(run / "checkpoints")
    expect(seqgen("sample", run), 2, "no checkpoint yet", "--resume")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(seqgen, tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    expect(seqgen("train", "digits_rows", *TINY, "--out", tmp_path / "r"), 1, "Permission denied")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc, where nobody may write")
def test_a_folder_that_not_even_root_can_write(seqgen, tiny_run):
    expect(seqgen("train", "digits_rows", *TINY, "--out", "/proc/nothing/run"), 1, "/proc/nothing")
    expect(seqgen("sample", tiny_run, "--out", "/proc/nothing/a.npy"), 1, "/proc/nothing")


def test_a_path_that_cannot_be_a_folder(seqgen, tmp_path, tiny_run):
    (tmp_path / "file").write_text("")
    expect(seqgen("train", "digits_rows", *TINY, "--out", tmp_path / "file" / "r"), 1, "file")
    expect(seqgen("train", "digits_rows", *TINY, "--out", tmp_path / "file"), 2, "--out")
    expect(seqgen("sample", tiny_run, "--out", tmp_path / "file" / "a.png"), 1, "file")


def test_a_full_disk_loses_nothing(seqgen, tmp_path, tiny_run, monkeypatch):
    """Every flush fails as on a full disk: the run that was there is unchanged."""
    import errno

    from seqgan_kit import files

    run = tmp_path / "run"
    shutil.copytree(tiny_run, run)
    recipe = run / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("\n  steps: 4", "\n  steps: 6"))
    before = {p: p.read_bytes() for p in (run / "checkpoints").rglob("*") if p.is_file()}

    def full(path):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(files, "_flush", full)
    expect(seqgen("train", "--resume", run), 1, "No space left on device")
    after = {p: p.read_bytes() for p in (run / "checkpoints").rglob("*") if p.is_file()}
    assert after == before
    expect(seqgen("sample", run, "--out", tmp_path / "g.png"), 1, "No space left")
    assert not (tmp_path / "g.png").exists()


def test_debug_shows_the_traceback():
    shown = installed("--debug", "sample", "nowhere")
    assert "Traceback" in shown.stderr
    assert "Traceback" not in installed("sample", "nowhere").stderr


# -- data ---------------------------------------------------------------------------------------


def test_data_show(seqgen, tmp_path):
    shown = seqgen("data", "show", "digits_rows", "--sheet", tmp_path / "s.png")
    assert shown.code == 0
    assert "8 steps of 8 numbers" in shown.out
    assert "digit 7" in shown.out
    assert "1259" in shown.out
    assert size_of(tmp_path / "s.png")[1] > 100


def test_data_fetch_knows_its_names(seqgen):
    expect(seqgen("data", "fetch", "imagenet"), 2, "mnist", "fashion_mnist")


@pytest.fixture
def photos(tmp_path):
    generator = np.random.default_rng(0)
    for label in ("cat", "dog"):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(30):
            pixels = generator.integers(0, 256, (10, 12, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / label / f"{number}.png")
    return tmp_path / "photos"


def test_own_images_from_init_to_samples(seqgen, photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = seqgen("init", "photos")
    assert made.code == 0, made.err
    for words in (
        "60 images",
        "rgb",
        "cat (30), dog (30)",
        "10 x 12",
        "seqgen train photos_rows.yaml",
    ):
        assert words in made.err
    assert made.out == "photos_rows.yaml\n"
    text = Path("photos_rows.yaml").read_text()
    assert text.startswith("# seqgen train photos_rows.yaml\n")
    again = seqgen("init", "photos")
    assert again.code == 2
    monkeypatch.chdir("/")  # The recipe names its data wherever it is used from.
    recipe = tmp_path / "photos_rows.yaml"
    trained = seqgen("train", recipe, *TINY_NETWORKS, "train.steps=2", "--out", tmp_path / "run")
    assert trained.code == 0, trained.err
    out = tmp_path / "cats.npy"
    assert seqgen("sample", tmp_path / "run", "--label", "cat", "-n", 3, "--out", out).code == 0
    assert np.load(out).shape == (3, 10, 12, 3)


def test_init_on_what_is_no_data(seqgen, tmp_path):
    expect(seqgen("init", tmp_path / "nowhere"), 1, "does not exist")
    (tmp_path / "file.csv").write_text("a,b\n")
    expect(seqgen("init", tmp_path / "file.csv"), 1, "has no rows")
    (tmp_path / "empty").mkdir()
    expect(seqgen("init", tmp_path / "empty"), 1, "holds nothing that can be read as")


def test_unreadable_images_stop_a_training_unless_skipped(seqgen, photos, tmp_path):
    (photos / "cat" / "broken.png").write_bytes(b"no image")
    recipe = tmp_path / "r.yaml"
    assert seqgen("init", photos, "--out", recipe).code == 0
    assert "unreadable: skip" in recipe.read_text()
    arguments = ("train", recipe, *TINY_NETWORKS, "train.steps=1")
    expect(
        seqgen(*arguments, "data.unreadable=error", "--out", tmp_path / "a"),
        1, "broken.png", "data.unreadable=skip",
    )  # fmt: skip
    skipped = seqgen(*arguments, "--out", tmp_path / "b")
    assert skipped.code == 0
    assert "broken.png" in skipped.err


def test_no_command_is_silent_for_long(monkeypatch, capsys):
    from seqgen_cli import console, pulse

    monkeypatch.setattr(pulse, "QUIET", 0.5)
    with pulse.pulse():
        console.say("measuring a run")
        time.sleep(2.3)
        console.say("measured")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "measuring a run"
    assert lines[-1] == "measured"
    assert len(lines) > 2
    assert all(line.startswith("measuring a run: still at it after ") for line in lines[1:-1])


def test_progress_is_told_without_a_terminal(monkeypatch, capsys):
    from seqgen_cli import console

    monkeypatch.setattr(console, "QUIET", 0)
    counter = console.Counter()
    for done in (1, 2, 3):
        counter.judge(done, 3)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "training the judge (once; then cached): 33 % of 3 steps"
    assert lines[-1].endswith(": done")
