"""Tasks here, the files by which they report, and addresses of clusters that cannot be used."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import nullcontext

import pytest

from seqgan_kit.errors import UsageError
from seqgan_kit.files import LOCK, sole
from seqgan_kit.runs.watch import Watch
from seqgan_kit.tasks import board as board_module
from seqgan_kit.tasks import connection
from seqgan_kit.tasks.board import Board, Note
from seqgan_kit.tasks.connection import Place, place_of
from seqgan_kit.tasks.task import Local, Task
from seqgan_kit.training.log import Report


def test_tasks_run_here_until_they_are_stopped(tmp_path):
    done = []

    def work(given, watch):
        done.append(given["n"])
        return given["n"] ** 2

    tasks = [Task(str(n), work, {"n": n}) for n in range(4)]
    assert [found for _, found in Local().run(tasks, tmp_path)] == [0, 1, 4, 9]
    done.clear()
    watch = Watch(should_stop=lambda: len(done) == 2)
    found = [task.name for task, _ in Local(lambda task: nullcontext(watch)).run(tasks, tmp_path)]
    assert found == ["0", "1"]


def test_what_tasks_report(tmp_path, monkeypatch):
    monkeypatch.setattr(board_module, "INTERVAL", 0.0)
    board = Board(tmp_path)
    assert not board.seen
    board.open()
    assert board.seen
    assert board.note(3) is None
    watch = board.watch(3)
    assert board.note(3) == Note(0.0, "started")
    watch.say("resumed")
    watch.report(Report(1200, 0.5, 1.0, 1.0, 9.0, {}))
    assert board.note(3) == Note(0.5, "step 1,200")
    assert not watch.should_stop()
    board.stop()
    assert watch.should_stop()
    (board.folder / "3.json").write_text("{")
    assert board.note(3) is None
    board.close()
    watch.say("nobody listens any more")
    assert not board.folder.exists()


def test_one_process_at_a_time_writes_into_a_folder(tmp_path):
    hold = (
        "import sys, time; from pathlib import Path; from seqgan_kit.files import sole\n"
        "with sole(Path(sys.argv[1])):\n    print('held', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path / "out")], stdout=subprocess.PIPE, text=True
    )
    with other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(UsageError, match="another process is writing into"):
            sole(tmp_path / "out").__enter__()
        os.kill(other.pid, signal.SIGKILL)
    # What the killed process left locks nobody out.
    assert (tmp_path / "out" / LOCK).exists()
    with sole(tmp_path / "out"):
        pass


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ("ray", Place("ray")),
        ("ray:4", Place("ray:4", cores=4)),
        ("ray://head", Place("ray://head", "head", 10001)),
        ("ray://10.0.0.1:7", Place("ray://10.0.0.1:7", "10.0.0.1", 7)),
        ("ray://[::1]:7", Place("ray://[::1]:7", "::1", 7)),
    ],
)
def test_places(given, place):
    assert place_of(given) == place


@pytest.mark.parametrize(
    "given", ["", "dask", "ray:", "ray:0", "ray://", "ray://a:0", "ray://a:99999", "ray://a/b"]
)
def test_no_places(seqgen, given):
    shown = seqgen("compare", "compare/mnist", "--on", given)
    assert shown.code == 2
    assert "expected ray, ray:CORES or ray://HOST:PORT" in shown.err
    assert "Traceback" not in shown.err


@pytest.fixture
def two(tmp_path):
    """Arguments of a tiny comparison."""
    path = tmp_path / "two.yaml"
    path.write_text("samples_seen: 6400\nmodels: [{name: a, recipe: digits_rows}]\n")
    return ("compare", path, "--out", tmp_path / "out")


def test_without_ray(seqgen, two, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    shown = seqgen(*two, "--on", "ray")
    assert shown.code == 2
    assert 'pip install "seqgan_kit[ray]"' in shown.err


@pytest.fixture
def listener():
    """The port of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def refuse_to_be_connected():
    ray = pytest.importorskip("ray", reason="the extra ray is not installed")
    if ray.is_initialized():
        pytest.skip("other tests of this process are connected to a cluster")


def test_addresses_where_no_cluster_is(seqgen, two, tmp_path, free_port, monkeypatch):
    refuse_to_be_connected()
    shown = seqgen(*two, "--on", f"ray://127.0.0.1:{free_port}")
    assert shown.code == 2
    assert "nothing answers at 127.0.0.1" in shown.err
    assert "refused" in shown.err
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{free_port}")
    assert "nothing answers at 127.0.0.1" in seqgen(*two, "--on", "ray").err
    shown = seqgen(*two, "--on", "ray://no-such-host.invalid:1")
    assert shown.code == 2
    assert "nothing answers at no-such-host.invalid" in shown.err
    assert not (tmp_path / "out" / "runs").exists()


def test_a_server_that_is_no_cluster(seqgen, two, listener, monkeypatch):
    refuse_to_be_connected()
    monkeypatch.setattr(connection, "PATIENCE", 0.3)
    shown = seqgen(*two, "--on", f"ray://127.0.0.1:{listener}")
    assert shown.code == 2
    assert "is no Ray cluster, or does not answer" in shown.err
