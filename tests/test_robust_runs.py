"""Runs that survive: two trainings into one folder, half runs, damage, signals."""

import json
import os
import shutil
import signal
import threading
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from seqgan_kit import files
from seqgan_kit.files import SUMS, FileProblem, write_folder
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.runs import loading, workflow
from seqgan_kit.training.log import damaged_metrics, read_metrics
from seqgan_kit.training.run import Run, RunError, create_run

from .conftest import TINY
from .test_training import same_checkpoint, stop_after

INFO = {
    "labels": {"label": ["any"]},
    "codec": {"kind": "rows"},
    "data": {"name": "", "fingerprint": ""},
}


def recipe(*overrides):
    return recipe_files.load("digits_rows", (*TINY, *overrides))


@pytest.fixture
def copied(tiny_run, tmp_path):
    return Path(shutil.copytree(tiny_run, tmp_path / "run"))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def begun(folder, seed):
    info = json.loads(json.dumps({**INFO, "seed": seed}))
    return create_run(folder / "same", f"seed: {seed}\n", info)


# -- two trainings into one folder -------------------------------------------------------------


def test_of_many_trainings_into_one_folder_one_wins_whole(tmp_path):
    tmp_path = tmp_path / "runs"
    won, lost = [], []
    start = threading.Barrier(8)

    def train(seed):
        run = begun(tmp_path, seed)
        start.wait()
        try:
            with run.hold():
                run.publish(tmp_path / "same")
                won.append(seed)
        except RunError as error:
            shutil.rmtree(run.path)
            lost.append(str(error))

    threads = [threading.Thread(target=train, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert len(lost) == 7
    assert all("exists and is not overwritten" in said for said in lost)
    run = Run(tmp_path / "same")
    assert run.info["seed"] == won[0]
    assert run.recipe_path.read_text() == f"seed: {won[0]}\n"
    assert names(tmp_path) == ["same"]


def test_a_new_run_is_locked_when_it_appears(tmp_path):
    run = begun(tmp_path, 1)
    with run.hold():
        run.publish(tmp_path / "same")
        with pytest.raises(RunError, match="another process"), Run(tmp_path / "same").hold():
            pass
        other = begun(tmp_path, 2)
        with pytest.raises(RunError, match="another process"):
            other.publish(tmp_path / "same", replace=True)
    other.publish(tmp_path / "same", replace=True)
    assert Run(tmp_path / "same").info["seed"] == 2
    assert names(tmp_path) == ["same"]


def test_a_run_that_was_replaced_meanwhile_is_not_held(tmp_path, monkeypatch):
    begun(tmp_path, 1).publish(tmp_path / "same")
    run = Run(tmp_path / "same")
    real = os.path.samestat
    monkeypatch.setattr(os.path, "samestat", lambda a, b: False)
    with pytest.raises(RunError, match="replaced by another process"), run.hold():
        pass
    monkeypatch.setattr(os.path, "samestat", real)
    with run.hold():
        pass


def test_training_that_fails_leaves_no_folder(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Run, "publish", fail)
    with pytest.raises(OSError, match="No space"):
        workflow.train(recipe(), out=tmp_path / "run")
    assert not names(tmp_path)


# -- what killed processes leave ------------------------------------------------------------------


def test_half_a_run_is_no_dead_end(tmp_path):
    half = tmp_path / "run"
    (half / "codec").mkdir(parents=True)
    (half / "recipe.yaml").write_text("seed: 0\n")
    with pytest.raises(RunError, match=r"only the beginning of a run \(codec, recipe.yaml\)"):
        workflow.train(recipe(), out=half)
    with pytest.raises(RunError, match="train it again with --force"):
        workflow.resume(half)
    assert workflow.train(recipe(), out=half, force=True).finished
    assert Run(half).checkpoints()


def test_force_never_replaces_what_is_no_run(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(RunError, match="there is no run folder"):
        workflow.train(recipe(), out=tmp_path, force=True)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("at_once", [True, False])
def test_a_folder_is_replaced(tmp_path, monkeypatch, at_once):
    if not at_once:
        monkeypatch.setattr(files, "_exchange", lambda one, other: False)
    for number in range(2):
        with write_folder(tmp_path / "out", replace=True) as draft:
            (draft / "number").write_text(str(number))
    assert (tmp_path / "out" / "number").read_text() == "1"
    assert names(tmp_path) == ["out"]


def test_a_kill_between_two_renames_is_mended(tmp_path, copied):
    aside = copied.with_name(".run.replaced")
    copied.rename(aside)
    assert Run(copied).checkpoints()
    assert names(copied.parent) == ["run"]


def test_drafts_and_a_missing_picture(copied):
    (copied / ".metrics.jsonl.k3x_0q9a").touch()
    (copied / "samples" / ".step-00000004.png.draft-abcdefgh.png").touch()
    (copied / "checkpoints" / ".step-00000003.draft-abcdefgh").mkdir()
    before = names(copied / "samples")
    last = copied / "samples" / "step-00000004.png"
    picture = last.read_bytes()
    last.unlink()
    workflow.resume(copied)
    assert names(copied / "samples") == [name for name in before if not name.startswith(".")]
    assert last.read_bytes() == picture
    assert not [path for path in copied.rglob(".*") if path.name != ".training.lock"]


# -- damage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["networks", "optimizers", "random"])
def test_one_bit_in_a_checkpoint_is_noticed(copied, name):
    file = Run(copied).checkpoint() / f"{name}.safetensors"
    content = bytearray(file.read_bytes())
    content[-9] ^= 1
    file.write_bytes(content)
    said = []
    if name == "networks":
        with pytest.raises(FileProblem, match="does not match its checksum"):
            loading.load(copied)
    workflow.resume(copied, watch=workflow.Watch(say=said.append))
    assert any("does not match its checksum" in line for line in said)
    assert "damaged-step-00000004" in names(copied / "checkpoints")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda t: torch.full_like(t, float("nan")), "NaN or infinite"),
        (lambda t: t.to(torch.int32), r"of the type torch\.int32"),
    ],
)
def test_weights_that_are_no_numbers(copied, spoil, message):
    for place in Run(copied).checkpoints():
        weights = load_file(place / "networks.safetensors")
        name = next(name for name in weights if name.startswith("average/"))
        save_file({**weights, name: spoil(weights[name])}, place / "networks.safetensors")
        (place / SUMS).unlink()
    with pytest.raises(FileProblem, match=message):
        loading.load(copied)
    with pytest.raises(FileProblem, match=message):
        workflow.resume(copied)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"step": 3}, "says step 3, but its folder is step-00000004"),
        ({"drawn": 10**6}, "more than 4 steps draw"),
        ({"seconds": float("nan")}, "seconds: "),
        ({"step": "4"}, "step: "),
        ({"means": {"loss": 1}}, r"means\.loss: "),
    ],
)
def test_a_state_that_does_not_fit(copied, change, message):
    for place in Run(copied).checkpoints():
        (place / SUMS).unlink()
        state = json.loads((place / "state.json").read_text())
        if place.name != "step-00000004":
            shutil.rmtree(place)
            continue
        (place / "state.json").write_text(json.dumps({**state, **change}))
    with pytest.raises(FileProblem, match=message):
        workflow.resume(copied)


def test_a_damaged_score_does_not_choose_another_checkpoint(copied):
    first = Run(copied).checkpoints()[0]
    path = first / "state.json"
    path.write_bytes(path.read_bytes().replace(b'"score"', b'"scorf"'))
    with pytest.raises(RunError, match=r"state\.json is damaged.*--checkpoint"):
        Run(copied).checkpoint()
    newest = Run(copied).checkpoints()[-1]
    assert Run(copied).checkpoint(newest.name) == newest
    assert workflow.resume(copied, overrides=["train.steps=5"]).finished


def test_names_of_checkpoints(copied):
    (copied / "checkpoints" / "step-x").mkdir()
    run = Run(copied)
    assert run.checkpoint("4") == run.checkpoint("0004") == run.checkpoint("step-00000004")
    for wanted in ("x", "step-x", "9" * 5000, "\u0664", "-4"):
        with pytest.raises(RunError, match="its checkpoints: "):
            run.checkpoint(wanted)


def test_checkpoints_without_checksums_are_read(copied):
    """Those of version 0.1 have none."""
    for place in Run(copied).checkpoints():
        (place / SUMS).unlink()
    assert workflow.resume(copied, overrides=["train.steps=5"]).finished


@pytest.mark.parametrize(
    "bad",
    [b"{", b"[1]", b'{"step": "2"}', b'{"step": ' + b"9" * 5000 + b"}", b"\xff", b"[" * 10**5],
)
def test_a_damaged_line_of_metrics_is_left_out(copied, bad):
    path = copied / "metrics.jsonl"
    good = read_metrics(path)
    path.write_bytes(bad + b"\n" + path.read_bytes())
    assert damaged_metrics(path) == [1]
    assert read_metrics(path) == good
    said = []
    workflow.resume(copied, watch=workflow.Watch(say=said.append))
    assert any("left out damaged lines (1)" in line for line in said)
    assert read_metrics(path) == good


@pytest.mark.parametrize("name", ["samples", "checkpoints"])
def test_no_link_leads_out_of_a_run(copied, name, tmp_path):
    (copied / name).rename(tmp_path / "elsewhere")
    (copied / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match="is a symbolic link"):
        Run(copied)


# -- random state -------------------------------------------------------------------------------


def test_what_draws_from_pytorchs_own_generator_resumes(tmp_path):
    """Such as `nn.Dropout` in a network of one's own; here an optimiser with noise."""
    drawn = []

    class Noisy(torch.optim.Adam):
        def step(self, *arguments):
            drawn.append(torch.rand(1).item())
            super().step(*arguments)

    def noisy(parameters, learning_rate, betas):
        return Noisy(parameters, lr=learning_rate, betas=betas)

    changes = ("train.steps=6", "train.checkpoint_every=3")
    whole = workflow.train(recipe(*changes), out=tmp_path / "whole", optimizer=noisy)
    expected, drawn[:] = list(drawn), []
    half = tmp_path / "half"
    workflow.train(recipe(*changes), out=half, watch=stop_after(4), optimizer=noisy)
    resumed = workflow.resume(half, optimizer=noisy)
    assert drawn == expected
    same_checkpoint(whole.run.checkpoint(), resumed.run.checkpoint())


# -- signals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "raised"),
    [
        ((signal.SIGTERM, signal.SIGTERM, signal.SIGTERM), False),
        ((signal.SIGINT, signal.SIGTERM), False),
        ((signal.SIGTERM, signal.SIGINT), False),
        ((signal.SIGINT, signal.SIGINT), True),
        ((signal.SIGTERM, signal.SIGINT, signal.SIGINT), True),
    ],
)
def test_only_a_second_ctrl_c_stops_without_saving(sent, raised):
    """Launchers send SIGTERM besides the Ctrl-C that the process has seen itself."""
    from seqgen_cli.console import StopSignals

    with StopSignals() as signals:
        signals.training = True
        for number in sent[:-1]:
            os.kill(os.getpid(), number)
        with pytest.raises(KeyboardInterrupt) if raised else nullcontext():
            os.kill(os.getpid(), sent[-1])
        assert signals.received
