"""Training by several processes: lost ones, lost nodes, and processes that do not fit together."""

import json
import os
import shlex
import signal
import subprocess
import threading
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import torch

from seqgan_kit import __version__
from seqgan_kit.errors import UsageError
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.runs import together
from seqgan_kit.training import joining
from seqgan_kit.training.apart import Fellows
from seqgan_kit.training.log import read_metrics
from seqgan_kit.training.run import Run, create_run
from seqgan_kit.training.runtime import Runtime

from .conftest import TINY
from .nodes import two_nodes
from .test_training import command, environment, same_checkpoint

CHANGES = ("train.batch_size=32", "train.steps=60", "train.checkpoint_every=10",
           "train.log_every=1")  # fmt: skip

linux = pytest.mark.skipif(
    not Path("/proc").is_dir(), reason="finds workers by /proc, as Linux has it"
)


def torchrun(*arguments, restarts=0):
    launcher = ("-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone",
                f"--max-restarts={restarts}", "-m", "seqgen_cli")  # fmt: skip
    return subprocess.Popen(
        command("train", "digits_rows", *TINY, *arguments, launcher=launcher),
        stderr=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run by two processes on this machine that nothing has disturbed."""
    path = tmp_path_factory.mktemp("whole") / "run"
    process = torchrun(*CHANGES, "--out", path)
    _, said = process.communicate(timeout=200)
    assert process.returncode == 0, said
    return Run(path)


def same_run(path, whole):
    same_checkpoint(whole.checkpoint(), Run(path).checkpoint())
    numbers = [
        [{k: v for k, v in line.items() if k != "seconds"} for line in read_metrics(one)]
        for one in (whole.metrics_path, path / "metrics.jsonl")
    ]
    assert numbers[0] == numbers[1]
    assert not [one for one in path.rglob(".*") if one.name != ".training.lock"]


def workers(process):
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(number) for number in listed.split()]


def checkpoint_of(path, process, at_least):
    deadline = time.monotonic() + 120
    while not path.exists() or not [p for p in Run(path).checkpoints() if p.name >= at_least]:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.05)


@linux
def test_a_lost_process_is_survived(tmp_path, whole):
    lossy = torchrun(*CHANGES, "--out", tmp_path / "lossy", restarts=1)
    checkpoint_of(tmp_path / "lossy", lossy, "step-00000010")
    os.kill(workers(lossy)[1], signal.SIGKILL)
    _, said = lossy.communicate(timeout=200)
    assert lossy.returncode == 0, said
    assert "a process was lost or stopped: going on with" in said
    same_run(tmp_path / "lossy", whole)


@linux
def test_stopping_torchrun_saves(tmp_path):
    process = torchrun("train.batch_size=32", "train.steps=100000000", "train.checkpoint_every=10",
                       "train.log_every=1", "--out", tmp_path / "run")  # fmt: skip
    checkpoint_of(tmp_path / "run", process, "step-00000010")
    process.terminate()
    process.communicate(timeout=100)
    run = Run(tmp_path / "run")
    last = json.loads((run.checkpoint() / "state.json").read_text())["step"]
    assert read_metrics(run.metrics_path)[-1]["step"] == last


# -- nodes --------------------------------------------------------------------------------------


def ended(processes):
    """What each node has printed, once all have ended."""
    return [process.communicate(timeout=150)[1] for process in processes]


def test_a_lost_node_comes_back(tmp_path, whole):
    """The link of one is cut for a while; later the node is killed and started again."""
    asked = ("train", "digits_rows", *TINY, *CHANGES, "--out", tmp_path / "run")
    with two_nodes() as nodes:
        first, second = (node.torchrun(*asked, restarts=2) for node in nodes)
        checkpoint_of(tmp_path / "run", first, "step-00000010")
        nodes[1].link("down")
        time.sleep(1)
        nodes[1].link("up")
        checkpoint_of(tmp_path / "run", first, "step-00000020")
        nodes[1].kill()
        second.communicate(timeout=20)
        said = ended([first, nodes[1].torchrun(*asked, restarts=2)])
    assert "process 0 of 2: the connection to another process was lost" in said[0]
    assert "a process was lost or stopped: going on with" in said[0]
    assert "done; next:" in said[0]
    assert "step" not in said[1], "only the first process speaks"
    same_run(tmp_path / "run", whole)


def test_a_folder_that_one_node_does_not_see(tmp_path):
    (tmp_path / "runs").mkdir()
    asked = ("train", "digits_rows", *TINY, "--out", tmp_path / "runs" / "run")
    with two_nodes() as nodes:
        said = ended([nodes[0].torchrun(*asked),
                      nodes[1].torchrun(*asked, hidden=tmp_path / "runs")])  # fmt: skip
    for one in said:
        assert f"error: process 1 of 2 does not see {tmp_path / 'runs'}" in one
    assert not list((tmp_path / "runs").iterdir())


# -- which run they go on with -------------------------------------------------------------------


ORDER = together.order_of(recipe_files.load("digits_rows", TINY), None)


@pytest.mark.parametrize(
    ("agents", "changes", "anew", "theirs"),
    [
        ({"post.first"}, (), False, True),
        ({"post.first"}, (), True, True),  # A restart of `train --force` goes on.
        ({"new.second", "post.first"}, (), True, True),  # A node came in place of another.
        ({"post.second"}, (), False, True),  # All containers were replaced.
        ({"post.second"}, (), True, False),  # A user began another training with --force.
        ({"new.first"}, (), False, False),
        ({"post.first"}, ("seed=7",), False, False),
        ({"post.first"}, ("seed=7",), True, False),
    ],
)
def test_only_the_same_training_is_gone_on_with(tmp_path, tiny_run, agents, changes, anew, theirs):
    recipe = recipe_files.load("digits_rows", (*TINY, *changes))
    info = Run(tiny_run).info
    run = create_run(tmp_path / "run", "", info)
    runtime = Runtime(device="cpu")
    runtime.agents = frozenset({"post.first", "fellow.first"})
    together.note(run, runtime, ORDER)
    runtime.agents = frozenset(agents)
    found = together.begun(runtime, [run.path], together.order_of(recipe, None), anew=anew)
    assert found == (run.path if theirs else None)
    together.forget(run, runtime)
    assert together.begun(runtime, [run.path], ORDER, anew=False) is None


def test_the_weights_that_training_starts_from_are_part_of_it(tmp_path):
    recipe = recipe_files.load("digits_rows", TINY)
    assert together.order_of(recipe, tmp_path) != ORDER
    moved = recipe_files.load("digits_rows", (*TINY, f"data.root={tmp_path}"))
    assert together.order_of(moved, None) == ORDER


@linux
def test_a_later_torchrun_has_another_name_at_the_same_post(monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "job")
    own = joining._agent("alpha")
    assert joining._agent("alpha") == own
    begun = joining._since(os.getppid())
    with subprocess.Popen(["sleep", "60"]) as later:
        since = joining._since(later.pid)
        later.kill()
    assert int(begun) < int(since)
    monkeypatch.setattr(joining, "_since", lambda process: since)
    assert joining._agent("alpha") != own
    assert joining.post_of(joining._agent("alpha")) == joining.post_of(own)
    assert joining.post_of(joining._agent("beta")) != joining.post_of(own)


# -- processes that do not fit together -----------------------------------------------------------


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ("digits_rows seed=1", "error: process 1 of 2 has another recipe than process 0"),
        # Before it joins: process 0 would wait for it for minutes.
        ("missing", "has failed: there is no recipe"),
    ],
)
def test_processes_with_other_commands(tmp_path, other, told):
    words = shlex.join(command("train"))
    # Torchrun stops process 0 when process 1 ends; on two machines it would not know.
    script = f"""
        test $RANK = 0 && exec {words} digits_rows {shlex.join(TINY)} --out {tmp_path / "run"}
        {words} {other} {shlex.join(TINY)} --out {tmp_path / "run"} 2>/dev/null; sleep 30
    """
    done = subprocess.run(
        command("--no-python", "sh", "-c", script,
                launcher=("-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone")),
        stderr=subprocess.PIPE, text=True, env=environment(), timeout=120,
    )  # fmt: skip
    assert done.returncode
    assert told in done.stderr
    assert not list(tmp_path.iterdir())


WORD = joining.Word("alpha", "cpu", 1, __version__, "a0")


@pytest.fixture
def store():
    return torch.distributed.TCPStore(
        "127.0.0.1", 0, is_master=True, wait_for_workers=False, timeout=timedelta(seconds=20)
    )


def meet(store, words):
    """Let all processes meet, each in a thread with a connection of its own."""
    found = [None] * len(words)

    def come(rank):
        own = store.clone()
        found[rank] = joining._meet(own, rank, len(words), words[rank])

    threads = [threading.Thread(target=come, args=(rank,)) for rank in range(len(words))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_each_start_has_a_name_of_its_own(store):
    words = [replace(WORD, agent=f"a{rank}") for rank in range(3)]
    # Of a process that has left its token and died.
    store.set("seqgan_kit/token/2", "old")
    starts = [meet(store, words) for _ in range(3)]
    assert all(found == start[0] for start in starts for found in start)
    assert all(start[0][1] == words for start in starts)
    assert len({start[0][0] for start in starts}) == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"problem": "no such recipe"}, r"process 1 \(on beta\) has failed: no such recipe"),
        ({"version": "0.0.1"}, "has seqgan_kit 0.0.1, and process 0 .*: install the same"),
        ({"device": "cuda"}, r"would train on cuda, .* on cpu: name a device .*--device"),
        ({"processes": 4}, "is one of 4 there, .* give the same --nproc-per-node"),
    ],
)
def test_processes_that_cannot_train_together(store, change, message):
    _, words = meet(store, [WORD, replace(WORD, machine="beta", **change)])[0]
    with pytest.raises(UsageError, match=message):
        joining._refuse(words)


def test_more_processes_than_gpus(monkeypatch):
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert joining._own_card(2) == 1
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(UsageError, match=r"4 processes here, .* 2 CUDA .*--nproc-per-node 2"):
        joining._own_card(2)


# -- work that takes one of them long -------------------------------------------------------------


def working(store, second, beat=0.1):
    """Let two processes work, of which the second does this; return what each met with."""
    found = [None, None]

    def work(rank):
        fellows = Fellows(store.clone(), rank, 2, beat=beat, silence=1.0)
        try:
            with fellows.working():
                pass
            with fellows.working():
                if rank:
                    second()
        except (RuntimeError, OSError) as error:
            fellows.failed(error)
            found[rank] = error

    threads = [threading.Thread(target=work, args=(rank,)) for rank in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_a_process_that_works_longer_is_waited_for(store):
    assert working(store, lambda: time.sleep(2)) == [None, None]


def test_a_process_that_fails_meanwhile_says_why(store):
    def fail():
        raise OSError("the disk is full")

    lost, failed = working(store, fail)
    assert isinstance(lost, joining.ProcessLost)
    assert str(lost) == "process 1 of 2 has failed: the disk is full"
    assert isinstance(failed, OSError)


def test_a_process_without_a_sign_of_life_is_lost(store):
    lost, _ = working(store, lambda: time.sleep(2), beat=60.0)
    assert isinstance(lost, torch.distributed.DistStoreError)
    assert "no sign of life of 1" in str(lost)
