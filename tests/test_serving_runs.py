"""`seqgen serve` and `seqgen train --view`: which runs, how they train, from start to end."""

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from seqgan_kit.errors import UsageError
from seqgan_kit.serving import served
from seqgan_kit.serving.app import make_app
from seqgan_kit.serving.server import NotListening, listening
from seqgan_kit.training.run import Run

from .conftest import TINY
from .serving import CPU, NAMES, asked, serving, status_of, stopped, until


def test_the_list_of_runs(ask, runs):
    (answer,) = asked(make_app(runs), {}, path="/runs")
    cards = {card["name"]: card for card in answer.json()}
    assert list(cards) == list(NAMES)
    assert cards["names_text"]["kind"] == "text"
    assert cards["names_text"]["options"] == ["temperature", "top_k", "top_p", "max_length"]
    assert cards["digits_rows"]["options"] == ["walk", "steps", "noise_scale"]
    assert cards["sines_series"]["labels"] == []
    assert cards["spoken_digits"]["labels"][1]["name"] == "speaker"
    assert not any(card["training"] for card in cards.values())


def test_which_runs_are_served(tiny_run, tmp_path, monkeypatch, own_cache):
    shutil.copytree(tiny_run, tmp_path / "runs" / "mine.v2")
    shutil.copytree(tiny_run, tmp_path / "runs" / "digits_rows")
    shutil.copytree(tiny_run, tmp_path / "runs" / "broken")
    (tmp_path / "runs" / "broken" / "recipe.yaml").write_text("name: [")
    monkeypatch.chdir(tmp_path)
    said = []
    found = served.gathered([], device=CPU, say=said.append)
    assert {"mine.v2", "digits_rows", "mnist_rows", "names_text"} <= set(found)
    assert found["digits_rows"].watched, "one's own goes first"
    assert "broken" not in found
    assert len(said) == 1
    assert "broken" in said[0]
    with pytest.raises(UsageError, match=r"two runs are called 'mine\.v2'"):
        served.gathered([Path("runs/mine.v2"), tmp_path / "runs/mine.v2"], device=CPU)
    with pytest.raises(UsageError, match="there is no run folder"):
        served.gathered([Path("nowhere")], device=CPU)


def test_a_training_is_watched(tiny_run, tmp_path, monkeypatch):
    path = tmp_path / "growing"
    shutil.copytree(tiny_run, path)
    newest = path / "checkpoints" / "step-00000004"
    kept = newest.rename(tmp_path / "later")
    preview = path / "samples" / "step-00000004.png"
    preview.rename(tmp_path / "later.png")
    monkeypatch.setattr(served, "FRESH", 0.0)
    app = make_app(served.gathered([path], device=CPU))

    def get(place):
        return asked(app, {}, path=f"/runs/growing/{place}")[0]

    def checkpoint():
        return asked(app, {"run": "growing"})[0].json()["checkpoint"]

    found = get("training").json()
    assert found["step"] == 4
    assert found["progress"] == 1.0
    assert found["preview"] is None
    assert [point[0] for point in found["curves"]["loss/generator"]] == [2.0, 4.0]
    assert get("preview").status_code == 404
    assert checkpoint() == "step-00000002"
    kept.rename(newest)
    (tmp_path / "later.png").rename(preview)
    (path / "samples" / "step-00000009.txt").write_text("of another kind")
    assert get("training").json()["preview"] == {"step": 4, "media": "image/png"}
    assert get("preview").content == preview.read_bytes()
    assert checkpoint() == "step-00000004"
    shutil.rmtree(path / "checkpoints")
    (refused,) = asked(app, {"run": "growing"})
    assert refused.status_code == 409
    assert "no checkpoint yet" in refused.json()["detail"]
    (path / "metrics.jsonl").unlink()
    assert get("training").json()["quiet"] is None


def test_a_packed_run_has_no_training(runs):
    (answer,) = asked(make_app(runs), {}, path="/runs/digits_rows/training")
    assert answer.status_code == 422
    assert "is packed" in answer.json()["detail"]
    assert Run(runs["digits_rows"].run.path).checkpoint()


# -- the command ----------------------------------------------------------------------------------


def test_the_command_serves_until_it_is_stopped(own_cache):
    with serving("digits_rows", SEQGAN_TOKEN="abc") as (process, address):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=abc", address)
        assert until(lambda: status_of(address)) == 200
        plain = address.partition("?")[0]
        assert status_of(plain) == 401
        assert status_of(f"{plain}sample?run=digits_rows&label=1&token=abc") == 200
        head = {"authorization": "Bearer abc"}
        assert status_of(f"{plain}runs", head) == 200
        # It may hang up before its answer was read.
        assert status_of(f"{plain}runs", {**head, "x-long": "x" * 1_000_000}) in (400, None)
        assert stopped(process) == 130
        assert process.stderr.read().strip() == "stopped"


def test_what_cannot_be_served_is_told_in_a_sentence(seqgen, monkeypatch):
    with listening("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        shown = seqgen("serve", "digits_rows", "--port", port)
        assert shown.code == 1
        assert re.fullmatch(r"error: nothing can listen on port \d+ of 127.*\n", shown.err)
    with pytest.raises(NotListening, match="choose another --port"):
        listening("no such host", 0)
    shown = seqgen("serve", "nowhere", "--port", 0)
    assert shown.code == 2
    assert "there is no run folder at nowhere" in shown.err
    assert seqgen("serve", "--token", "ü").code == 2
    monkeypatch.setitem(sys.modules, "orjson", None)
    shown = seqgen("serve")
    assert shown.code == 1
    assert 'pip install "seqgan_kit[serve]"' in shown.err


VIEWED = """
import sys, time
from pathlib import Path
from seqgen_cli.viewing import Viewer
with Viewer() as viewer:
    viewer.begun(Path(sys.argv[1]))
    time.sleep(60)
"""


def test_the_server_of_a_training_ends_with_it_however_it_ends(tiny_run):
    process = subprocess.Popen(
        [sys.executable, "-c", VIEWED, str(tiny_run)],
        stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    try:
        address = process.stderr.readline().split()[-1]
        assert until(lambda: status_of(address)) == 200
        name = Path(tiny_run).name
        found = httpx.get(address.partition("?")[0] + f"runs/{name}/training", trust_env=False)
        assert found.json()["step"] == 4
        process.kill()
        assert until(lambda: status_of(address) is None, 20)
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def test_a_training_that_is_viewed(seqgen, tmp_path):
    shown = seqgen("train", "digits_rows", *TINY, "--out", tmp_path / "run", "--view")
    assert shown.code == 0, shown.err
    address = re.search(r"http://127\.0\.0\.1:(\d+)/", shown.err)
    assert address
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(address[1]))) != 0, "it has ended, too"
