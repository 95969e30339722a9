"""Samples over HTTP: those of `sample`, joined or not, in every media type."""

import csv
import io
import json
import re
import zipfile
from functools import cache

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

import seqgan_kit
from seqgan_kit.nn.noise import seeded_noise
from seqgan_kit.runs.sampler import CHUNK, Sampler
from seqgan_kit.serving import latents

from .serving import CPU, LABELS, NAMES


@cache
def loaded(name):
    return seqgan_kit.load(name, device="cpu")


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
