"""Samples over HTTP: those of `sample`, joined or not; and what is refused."""

import asyncio
import csv
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import httpx
import numpy as np
import pytest
import schemathesis
import soundfile
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from schemathesis.specs.openapi.checks import positive_data_acceptance

import seqgan_kit
from seqgan_kit.errors import UsageError
from seqgan_kit.nn.noise import seeded_noise
from seqgan_kit.runs.sampler import CHUNK, Sampler
from seqgan_kit.serving import batching, latents, served
from seqgan_kit.serving.app import make_app
from seqgan_kit.serving.guard import Guard
from seqgan_kit.serving.server import NotListening, listening
from seqgan_kit.training.run import Run

from .conftest import TINY
from .serving import serving, status_of, stopped, until

NAMES = ("digits_rows", "names_text", "vowels_series", "spoken_digits", "sines_series")
HERE = "http://127.0.0.1"
CPU = torch.device("cpu")

LABELS = {
    "digits_rows": ["7"],
    "names_text": ["language=dutch", "gender=female"],
    "vowels_series": ["speaker=3"],
    "spoken_digits": ["digit=7,speaker=theo"],
    "sines_series": [],
}


@cache
def packaged_runs():
    return served.gathered([Path(name) for name in NAMES], device=CPU)


@cache
def loaded(name):
    return seqgan_kit.load(name, device="cpu")


@pytest.fixture
def runs(own_cache):
    """Runs of every kind of data that come with the package."""
    return packaged_runs()


@pytest.fixture
def ask(runs):
    """Ask for many things at once: `ask({"run": ...}, ...)`; the answers are in order."""
    return lambda *queries, **how: asked(make_app(runs), *queries, **how)


def asked(app, *queries, path="/sample", headers=None, base=HERE):
    async def all_of_them():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=base) as client:
            calls = (client.get(path, params=query, headers=headers) for query in queries)
            return await asyncio.gather(*calls)

    return outcome(all_of_them)


def outcome(coroutine):
    """Run a coroutine in a thread: the browser of other tests has the loop of this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(coroutine())).result()


def values(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()["samples"]


def same(one, other):
    """Whether samples are equal but for the rounding of products."""
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        if isinstance(b, str):
            assert a == b
        else:
            np.testing.assert_allclose(np.asarray(a), np.asarray(b), atol=2e-3)
    return True


# -- the same samples -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_samples_are_those_of_python(name, ask):
    labels = LABELS[name]
    (answer,) = ask({"run": name, "label": labels, "count": 3, "seed": 5})
    expected = loaded(name).sample(seqgan_kit.labels.Words(labels) or None, count=3, seed=5)
    assert same(values(answer), expected)
    assert answer.json()["labels"] == expected.labels
    (fewer,) = ask({"run": name, "label": labels, "count": 2, "seed": 5})
    assert same(values(fewer), values(answer)[:2])


def test_samples_are_those_of_the_command(ask, seqgen, tmp_path):
    (digits,) = ask({"run": "digits_rows", "label": "3,7", "count": 4, "seed": 9})
    out = tmp_path / "digits.npy"
    seqgen("sample", "digits_rows", "--label", "3,7", "-n", 4, "--seed", 9, "--out", out)
    assert same(values(digits), np.load(out))
    words = ["--label", "language=french", "--label", "gender=male"]
    (names,) = ask({"run": "names_text", "label": words[1::2], "count": 5, "temperature": 0.7})
    shown = seqgen("sample", "names_text", *words, "-n", 5, "--temperature", 0.7)
    assert values(names) == shown.out.splitlines()


def test_more_than_a_chunk(ask):
    (answer,) = ask({"run": "digits_rows", "label": "3,7", "count": CHUNK - 5, "seed": 1})
    assert same(values(answer), loaded("digits_rows").sample("3,7", count=CHUNK - 5, seed=1))


def test_requests_that_are_joined_get_what_they_get_alone(ask, monkeypatch):
    written = []
    plain = Sampler.decoded

    def decoded(self, latent, label_BA, *more):
        written.append(len(label_BA))
        return plain(self, latent, label_BA, *more)

    monkeypatch.setattr(Sampler, "decoded", decoded)
    queries = [
        {"run": "digits_rows", "label": str(seed % 10), "count": 1 + seed % 3, "seed": seed,
         "noise_scale": 0.5 + seed / 20}
        for seed in range(20)
    ]  # fmt: skip
    together = ask(*queries)
    assert sum(written) == sum(query["count"] for query in queries)
    assert len(written) < len(queries) / 2, "they are joined"
    for query, answer in zip(queries, together, strict=True):
        assert same(values(answer), values(ask(query)[0]))


def test_other_settings_are_not_joined(ask):
    queries = [
        {"run": "names_text", "label": LABELS["names_text"], "count": 4, "temperature": t}
        for t in (0, 1, 0.5)
    ]
    queries.append({**queries[1], "max_length": 3})
    together = ask(*queries)
    for query, answer in zip(queries, together, strict=True):
        assert values(answer) == values(ask(query)[0])
    assert values(together[0]) != values(together[1])
    assert max(map(len, values(together[3]))) <= 3
    (longer,) = ask({**queries[1], "max_length": 10**6})
    assert values(longer) == values(together[1])


def test_the_same_noise_under_every_label(ask):
    query = {"run": "digits_rows", "label": "3,7", "count": 4, "seed": 2}
    both, seven = ask({**query, "same_noise": True}, {**query, "label": "7"})
    assert same(values(both)[4:], values(seven))
    plain = values(ask(query)[0])
    assert same(plain[:4], values(both)[:4])
    assert np.abs(np.array(plain[4:]) - values(both)[4:]).max() > 0.1


@pytest.mark.parametrize("name", ["digits_rows", "vowels_series", "sines_series"])
def test_a_walk_is_that_of_python(name, ask):
    ends = "any..any" if name == "sines_series" else "3..7"
    (answer,) = ask({"run": name, "walk": ends, "count": 2, "steps": 5, "seed": 4})
    sampler = loaded(name)
    wanted = [None, None] if name == "sines_series" else ends.split("..")
    start, end = (sampler.label_rows(one, 1)[0] for one in wanted)
    walked = sampler.interpolate(start, end, steps=5, walks=2, seed=4)
    assert same(values(answer), sampler.codec.present(walked))
    names = answer.json()["labels"]["walk"]
    assert [names[0], names[-1]] == [f"{ends.replace('..', ' to ')} ({k})" for k in (1, 2)]


@pytest.mark.parametrize("shape", [(64,), (28, 16), (10,), (7,), (3,), (2, 0), ()])
@pytest.mark.parametrize("count", [1, 2, 3, 31, 499, 500])
def test_first_rows_are_those_of_a_whole_chunk(shape, count):
    whole, short = seeded_noise(8), latents.FirstRows(torch.Generator().manual_seed(8), CHUNK)
    for draw in ("normal", "normal", "uniform", "normal", "gumbel", "normal"):
        expected = getattr(whole, draw)(CHUNK, *shape)[:count]
        assert torch.equal(getattr(short, draw)(count, *shape), expected)


def test_where_first_rows_differ_whole_chunks_are_drawn(monkeypatch, own_cache):
    generator = loaded("digits_rows").generator
    short = latents.Latents(generator, CPU)
    drawn = short.draw(7, 3)
    # As if another version of PyTorch took its numbers in another order.
    monkeypatch.setattr(latents, "BLOCK", 24)
    whole = latents.Latents(generator, CPU)
    assert short._short
    assert not whole._short
    for one, other in zip(drawn, whole.draw(7, 3), strict=True):
        assert torch.equal(one, other)


# -- media types ----------------------------------------------------------------------------------


def read(media, content):
    """Read a file of one sample, or of several; return how many it has."""
    file = io.BytesIO(content)
    if media == "application/json":
        return len(json.loads(content)["samples"])
    if media == "text/html":
        assert b"<section" in content
        return len(re.findall(rb"<li>|<section.*\n.*<img", content))
    if media == "image/png":
        Image.open(file).verify()
        return 1
    if media == "application/x-npy":
        return len(np.load(file))
    if media == "application/x-npz":
        return len(np.load(file)["x"])
    if media in ("audio/wav", "audio/flac"):
        assert soundfile.read(file)[0].size > 500
        return 1
    if media == "application/zip":
        with zipfile.ZipFile(file) as archive:
            table = csv.DictReader(archive.read("manifest.csv").decode().splitlines())
            paths = {row["path"] for row in table}
            assert paths | {"manifest.csv"} == set(archive.namelist())
            return len(paths)
    lines = content.decode().splitlines()
    if media == "text/csv":
        rows = list(csv.DictReader(lines))
        return len({row.get("id", str(number)) for number, row in enumerate(rows)})
    return len([json.loads(line) for line in lines] if media == "application/jsonl" else lines)


@pytest.mark.parametrize("name", NAMES)
def test_every_media_type_of_a_run(name, ask, runs):
    offered = runs[name].card().media
    assert len(offered) >= 4
    for media in offered:
        (answer,) = ask({"run": name, "label": LABELS[name]}, headers={"accept": media})
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].partition(";")[0] == media
        assert read(media, answer.content) == 1
    (other,) = ask({"run": name}, headers={"accept": "video/mp4"})
    assert other.status_code == 406
    assert all(media in other.json()["detail"] for media in offered)


def test_several_samples_in_one_file(ask):
    def got(name, media, **query):
        query = {"run": name, "label": LABELS[name], "count": 3, **query}
        return ask(query, headers={"accept": media})[0]

    for name, media in (
        ("digits_rows", "application/x-npy"), ("names_text", "text/plain"),
        ("names_text", "text/csv"), ("vowels_series", "text/csv"),
        ("spoken_digits", "application/zip"), ("spoken_digits", "text/html"),
    ):  # fmt: skip
        found = read(media, got(name, media).content)
        assert found == 3, (name, media)
    refused = got("spoken_digits", "audio/wav")
    assert refused.status_code == 406
    assert "ask for one sample" in refused.json()["detail"]
    assert "application/zip" in refused.json()["detail"]
    assert got("spoken_digits", "audio/wav, application/zip;q=0.5").status_code == 406
    walk = got("vowels_series", "image/png", label=[], walk="1..3", steps=4)
    assert Image.open(io.BytesIO(walk.content)).width > 4 * 116


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("image/*", "image/png"),
        ("text/html,image/avif,*/*;q=0.8", "text/html"),
        ("application/json;q=0.2, image/png;q=0.9", "image/png"),
        ("*/*, application/json;q=0", "text/html"),
        ("IMAGE/PNG; q=1", "image/png"),
    ],
)
def test_the_preferred_type(accept, media, ask):
    (answer,) = ask({"run": "digits_rows", "label": "1"}, headers={"accept": accept})
    assert answer.headers["content-type"].partition(";")[0] == media


# -- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ({"run": "nobody"}, 404, "no run called 'nobody'"),
        ({"run": "../../etc/passwd"}, 404, "no run called"),
        ({"run": "digits_rows", "label": "12"}, 422, "no digit '12'; it has 0, 1"),
        ({"run": "names_text", "label": "english"}, 422, "say which attribute, as in language="),
        ({"run": "digits_rows", "label": ""}, 422, "no label was named"),
        ({"run": "digits_rows", "count": 0}, 422, "count: "),
        ({"run": "digits_rows", "count": 1001}, 422, "count: "),
        ({"run": "digits_rows", "count": 101}, 422, "1,010 samples, and a request has at most"),
        ({"run": "digits_rows", "count": "many"}, 422, "count: "),
        ({"run": "digits_rows", "seed": -1}, 422, "seed: "),
        ({"run": "digits_rows", "seed": 2**63}, 422, "seed: "),
        ({"run": "digits_rows", "noise_scale": "nan"}, 422, "noise_scale: "),
        ({"run": "digits_rows", "noise_scale": 1e6}, 422, "noise_scale: "),
        ({"run": "digits_rows", "temperature": 1}, 422, "not supported for image runs"),
        ({"run": "names_text", "temperature": 1001}, 422, "temperature: "),
        ({"run": "names_text", "noise_scale": 1}, 422, "not supported for text runs"),
        ({"run": "names_text", "walk": "a..b"}, 422, "walk is not supported for text runs"),
        ({"run": "digits_rows", "walk": "3..7", "steps": 65}, 422, "steps: "),
        ({"run": "digits_rows", "walk": "3..7", "count": 100}, 422, "1,200 samples"),
        ({"run": "digits_rows", "walk": "3"}, 422, "takes two labels, as in"),
        ({"run": "digits_rows", "walk": "3..7", "label": "1"}, 422, "and no --label"),
        ({"run": "digits_rows", "guidance": 2}, 422, "it cannot be guided"),
        ({"run": "digits_rows", "path": "/etc/passwd"}, 422, "path: "),
        ({}, 422, "run: "),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(query, status, words, ask):
    (answer,) = ask(query)
    assert answer.status_code == status
    assert words in answer.json()["detail"]
    assert set(answer.json()) == {"detail"}


def test_too_many_waiting_requests_are_turned_away(ask, monkeypatch):
    monkeypatch.setattr(batching, "MOST_WAITING", 3)
    answers = ask(*({"run": "digits_rows", "seed": seed} for seed in range(12)))
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(200) >= 3
    assert statuses.count(503) == 12 - statuses.count(200) > 0
    busy = next(answer for answer in answers if answer.status_code == 503)
    assert busy.headers["retry-after"] == "1"
    assert "try again" in busy.json()["detail"]


def test_errors_of_one_request_are_its_own(ask):
    good, bad = ask(
        {"run": "digits_rows", "label": "1"}, {"run": "digits_rows", "label": "1", "guidance": 3}
    )
    assert good.status_code == 200
    assert bad.status_code == 422


def test_a_token_is_asked_for(runs):
    app = make_app(runs, token="open sesame")
    query = {"run": "digits_rows", "label": "1"}

    def status(query, path="/sample", **headers):
        (answer,) = asked(app, query, path=path, headers=headers, base="http://example.org")
        assert answer.status_code != 401 or answer.headers["www-authenticate"] == "Bearer"
        return answer.status_code

    for path in ("/", "/runs", "/sample", "/openapi.json", "/runs/digits_rows/preview", "/else"):
        assert status({}, path) == 401
        assert status({"token": "open"}, path) == 401
        assert status({}, path, authorization="Bearer open sesam") == 401
        assert status({}, path, authorization="Basic open sesame") == 401
    assert status({}, "/") == 401
    assert status({"token": "open sesame"}, "/") == 200
    assert status(query, authorization="Bearer open sesame") == 200
    assert status({**query, "token": "open sesame"}) == 200
    (described,) = asked(app, {"token": "open sesame"}, path="/openapi.json")
    assert described.json()["security"] == [{"bearer": []}]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200),
        ("localhost", 200),
        ("[::1]:8000", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("", 421),
    ],
)
def test_another_name_of_this_machine_is_refused(host, status, runs):
    (answer,) = asked(make_app(runs), {}, path="/runs", headers={"host": host})
    assert answer.status_code == status


def test_other_sites_and_bodies_are_refused(runs):
    app = make_app(runs)
    cross = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}
    assert asked(app, {}, path="/runs", headers=cross)[0].status_code == 403
    followed = {**cross, "sec-fetch-mode": "navigate"}
    (page,) = asked(app, {}, path="/", headers=followed)
    assert page.status_code == 200
    assert "access-control-allow-origin" not in page.headers
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "http" not in re.sub(r"http://www\.w3\.org/2000/svg", "", page.text)

    async def post():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
            return await client.post("/runs", content=b"x" * 10)

    assert outcome(post).status_code == 413
    assert isinstance(app, Guard)


@pytest.mark.parametrize(
    "path",
    ["/runs/..%2F..%2Fetc%2Fpasswd/preview", "/runs/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd",
     "/runs//etc/passwd/preview", "/page.js", "/static/../app.py"],
)  # fmt: skip
def test_no_path_leads_to_a_file(path, runs):
    (answer,) = asked(make_app(runs), {}, path=path)
    assert answer.status_code == 404
    assert set(answer.json()) == {"detail"}


@pytest.mark.parametrize("place", ["/runs", "/sample", "/runs/{name}/training"])
def test_the_description_is_kept_to(place, runs):
    schema = schemathesis.openapi.from_asgi(
        "/openapi.json", make_app(runs), headers={"host": "127.0.0.1"}
    )

    @given(case=schema[place]["GET"].as_strategy(), served=st.booleans())
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    def check(case, served):
        if served and "run" in case.query:
            # Beyond the names that nobody serves.
            case.query["run"] = "digits_rows"
        # Which labels and parameters a run has, no description of all runs can say.
        case.call_and_validate(
            headers={"host": "127.0.0.1"}, excluded_checks=[positive_data_acceptance]
        )

    check()


# -- runs -----------------------------------------------------------------------------------------


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
