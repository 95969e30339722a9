"""Tasks on a local Ray cluster of two workers; starting it takes most of the time."""

import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from seqgan_kit.errors import UsageError
from seqgan_kit.files import file_digest
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.tasks import cluster
from seqgan_kit.tasks.board import Board
from seqgan_kit.tasks.cluster import OnRay, at_work
from seqgan_kit.tasks.connection import Place, connected
from seqgan_kit.tasks.task import Task, TaskFailed

from .conftest import SMALLER

ray = pytest.importorskip("ray", reason="the extra ray is not installed")
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    # On a busy machine a cluster takes minutes to start.
    pytest.mark.timeout(900),
]

QUICK = ("--samples", "60", "--sets", "1", "--no-gan-train", "--threads", "1")
CLOCK = ("training_seconds", "samples_per_second")
"""Metrics that depend on the clock."""


@pytest.fixture(scope="module")
def workers(tmp_path_factory):
    """A cluster of two workers, which this process is connected to."""
    place = Place("ray:2", cores=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQGAN_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        with connected(place):
            # Functions of this file are sent as they are: workers cannot import it.
            ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
            yield place


@pytest.fixture
def two(tmp_path):
    """A comparison of two tiny models, with checkpoints that a lost worker leaves."""
    rows = [*SMALLER["recurrent_gan"], "train.batch_size=16", "train.checkpoint_every=40"]
    wide = [*rows, "model.generator.hidden_size=12"]
    models = [
        {"name": "narrow", "recipe": "digits_rows", "overrides": rows},
        {"name": "wide", "recipe": "digits_rows", "overrides": wide},
    ]
    path = tmp_path / "two.yaml"
    path.write_text(json.dumps({"samples_seen": 12_800, "models": models}))
    return path


def process_of(task):
    """The worker of a task, as Ray names it."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                title = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if title.startswith(f"ray::{task}".encode()):
                return int(folder.name)
    return None


def figures(folder):
    content = json.loads((folder / "compare.json").read_text())
    return {
        row["name"]: {n: v for n, v in row["values"].items() if n not in CLOCK}
        for row in content["rows"]
    }


def test_a_comparison_is_the_same_with_a_worker_killed(
    seqgen, workers, two, tmp_path, monkeypatch
):
    from seqgen_cli import task_table

    here = seqgen("compare", two, *QUICK, "evaluation.judge_epochs=1", "--out", tmp_path / "here")
    assert here.code == 0, here.err
    killed = []

    class Killing(task_table._Lines):
        def __call__(self, states):
            super().__call__(states)
            for one in states:
                begun = not killed and one.name.startswith("wide (") and one.progress > 0.2
                if begun and (number := process_of(one.name)) is not None:
                    os.kill(number, signal.SIGKILL)
                    killed.append(number)

    monkeypatch.setattr(task_table, "_Lines", Killing)
    monkeypatch.setattr(cluster, "LOOK", 0.02)
    there = seqgen(
        "compare", two, *QUICK, "evaluation.judge_epochs=1", "--out", tmp_path / "there",
        "--on", "ray",
    )  # fmt: skip
    assert there.code == 0, there.err
    assert len(killed) == 1
    assert "wide (2 of 2): its worker was lost" in there.err
    for name in ("narrow-seed0", "wide-seed0"):
        weights = [
            tmp_path / where / "runs" / name / "checkpoints/step-00000400/networks.safetensors"
            for where in ("here", "there")
        ]
        assert file_digest(weights[0]) == file_digest(weights[1])
    assert figures(tmp_path / "here") == figures(tmp_path / "there")
    assert not (tmp_path / "there" / ".tasks").exists()


def die(given, watch):
    os.kill(os.getpid(), signal.SIGKILL)


def fail(given, watch):
    raise recipe_files.RecipeError(f"not with {given['n']}")


def threads(given, watch):
    return [torch.get_num_threads(), given["n"]]


def test_tasks_that_fail_do_not_stop_others(workers, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "GIVE_UP", 1)
    said, shown = [], []
    executor = OnRay(ray, workers, threads=1, say=said.append, show=shown.append)
    tasks = [Task("dies", die, {}), Task("fails", fail, {"n": 3}), Task("runs", threads, {"n": 7})]
    found = []

    def collect():
        found.extend((task.name, value) for task, value in executor.run(tasks, tmp_path))

    with pytest.raises((TaskFailed, UsageError)) as caught:
        collect()
    assert found == [("runs", [1, 7])]
    told = [str(caught.value), *said]
    assert any("fails: not with 3" in line for line in told)
    assert any("dies: its worker was lost 2 times" in line for line in told)
    assert {one.name: one.phase for one in shown[-1]} == {
        "dies": "failed", "fails": "failed", "runs": "done",
    }  # fmt: skip


def test_what_does_not_fit_the_cluster(workers, tmp_path):
    executor = OnRay(ray, workers, threads=64)
    with pytest.raises(UsageError, match=r"no machine of the cluster has 64 cores"):
        list(executor.run([Task("x", threads, {"n": 1})], tmp_path))
    executor = OnRay(ray, workers, threads=1)
    for device, words in (("cuda", "a GPU"), ("cuda:1", "does not support cuda:N")):
        with pytest.raises(UsageError, match=words):
            list(executor.run([Task("x", threads, {"n": 1}, device)], tmp_path))


def test_workers_elsewhere_say_what_they_lack(tmp_path):
    settings = {"number": 0, "threads": 1, "again": False}
    answer = at_work(threads, {"n": 1}, str(tmp_path), version="0", **settings)
    assert answer.code == 2
    assert "install the same version" in answer.error
    answer = at_work(threads, {"n": 1}, str(tmp_path), version=cluster.__version__, **settings)
    assert "choose an --out that all machines share" in answer.error
    Board(tmp_path).open()
    answer = at_work(threads, {"n": 1}, str(tmp_path), version=cluster.__version__, **settings)
    assert answer.value == [1, 1]


def test_shards_do_not_depend_on_the_workers(seqgen, workers, tiny_runs, tmp_path):
    run = tiny_runs("digits_rows")
    arguments = ("sample", run, "-n", "120", "--shards", "5", "--seed", "3", "--threads", "1")
    for where, on in (("one", ()), ("two", ("--on", "ray"))):
        shown = seqgen(*arguments, "--out", tmp_path / where, *on)
        assert shown.code == 0, shown.err
    shards = sorted(path.name for path in (tmp_path / "one").glob("shard-*"))
    assert len(shards) == 5
    for name in [*shards, "manifest.json"]:
        assert file_digest(tmp_path / "one" / name) == file_digest(tmp_path / "two" / name)


def test_the_place_of_a_cluster_may_grow(workers, tmp_path):
    said = []
    grown = replace(workers, host="head")
    executor = OnRay(ray, grown, threads=64, say=said.append, should_stop=lambda: True)
    assert list(executor.run([Task("x", threads, {"n": 1})], tmp_path)) == []
    assert "wait until one joins" in said[0]
