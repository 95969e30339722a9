"""Runs on the Hugging Face hub: pushed, loaded, refused; at a stand-in of its HTTP API."""

import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml
from huggingface_hub import constants

import seqgan_kit
from seqgan_kit.errors import UsageError
from seqgan_kit.runs import places
from seqgan_kit.runs.hub import HubProblem, Place, Unreachable, place_of
from seqgan_kit.runs.packing import pack
from seqgan_kit.runs.places import PackProblem, find
from seqgan_kit.training.run import Run

from .conftest import TINY_EVALUATION


@pytest.fixture
def packed(tiny_runs, tmp_path):
    return pack(Run(tiny_runs("digits_rows")), tmp_path / "digits_rows.seqgen")


@pytest.mark.parametrize("large", [float("inf"), 10_000], ids=["in the commit", "by LFS"])
def test_what_is_pushed_is_loaded(hub, tiny_runs, packed, monkeypatch, large):
    # Storage of chunks (Xet) is a service besides the hub, which is not imitated.
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    hub.large = large
    model = seqgan_kit.load(tiny_runs("digits_rows"))
    assert model.push_to_hub("me/digits") == f"{hub.url}/me/digits"
    repository = hub.repositories["me/digits"]
    files = repository.commits[repository.branches["main"]]
    assert set(files) == {"README.md", "digits_rows.seqgen"}
    assert files["digits_rows.seqgen"] == packed.read_bytes()
    assert bool(hub.objects) == (large < len(packed.read_bytes()))
    loaded = seqgan_kit.load("hf://me/digits").sample(7, count=4, seed=1)
    np.testing.assert_array_equal(loaded, seqgan_kit.load(packed).sample(7, count=4, seed=1))


def test_the_card(hub, unmeasured):
    run = Run(unmeasured("peptides_text_likelihood"))
    seqgan_kit.load(run.path).push_to_hub("me/peptides")
    (files,) = (one for one in hub.repositories["me/peptides"].commits.values() if one)
    _, head, text = files["README.md"].decode().split("---\n", 2)
    assert yaml.safe_load(head) == {
        "library_name": "seqgan_kit",
        "tags": ["seqgan_kit", "text", "recurrent_gan", "likelihood"],
    }, "data of one's own have no licence that is known"
    assert "seqgen sample hf://me/peptides" in text
    assert "Not measured" in text


def test_the_licence_of_known_data(hub):
    seqgan_kit.load("mnist_rows").push_to_hub("me/mnist")
    (files,) = (one for one in hub.repositories["me/mnist"].commits.values() if one)
    text = files["README.md"].decode()
    assert yaml.safe_load(text.split("---\n")[1])["license"] == "cc-by-sa-3.0"
    assert "| label_accuracy | 0.993" in text


def test_the_checkpoint_that_was_loaded_is_pushed(hub, tiny_runs):
    run = Run(tiny_runs("digits_rows"))
    first, last = run.checkpoints()[0], run.checkpoints()[-1]
    assert first != last
    seqgan_kit.load(run.path, checkpoint=int(first.name[5:])).push_to_hub("me/first")
    assert Run(find("hf://me/first")[0]).checkpoint().name == first.name


def test_from_the_command_line(hub, seqgen, unmeasured, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = unmeasured("digits_rows")
    pushed = seqgen("push", run, "me/digits", "--message", "ten digits")
    assert (pushed.code, pushed.out) == (0, "hf://me/digits\n"), pushed.err
    assert hub.messages == ["ten digits"]
    assert f"{hub.url}/me/digits" in pushed.err
    assert "has not measured this run" in pushed.err
    sampled = seqgen("sample", "hf://me/digits", "-n", "2", "--out", "two.png")
    assert sampled.code == 0, sampled.err
    assert "hf://me/digits: digits_rows.seqgen of commit" in sampled.err
    quick = ("--samples", "20", "--sets", "1", "--no-gan-train")
    for command in (
        ("compare", "hf://me/digits", *quick, "--out", "page"),
        ("pack", "hf://me/digits", "--out", "back.seqgen"),
        ("push", "hf://me/digits/digits_rows.seqgen", "me/again"),
        ("train", run / "recipe.yaml", "--init-from", "hf://me/digits",
         "--out", "begun", *TINY_EVALUATION),
    ):  # fmt: skip
        done = seqgen(*command)
        assert done.code == 0, done.err
    resumed = seqgen("train", "--resume", "hf://me/digits")
    assert (resumed.code, "is packed, and training cannot go on" in resumed.err) == (2, True)


def test_a_revision_and_a_file(hub, packed, tiny_runs):
    hub.put("she/runs", {"a.seqgen": b"nothing"})
    old = hub.repositories["she/runs"].branches["main"]
    hub.put("she/runs", {"a.seqgen": b"nothing", "digits/b.seqgen": packed.read_bytes()})
    repository = hub.repositories["she/runs"]
    repository.commits[old] = {"a.seqgen": packed.read_bytes()}
    repository.branches["v1"] = old
    for word in ("hf://she/runs/digits/b.seqgen", "hf://she/runs@v1", f"hf://she/runs@{old}"):
        assert Run(find(word)[0]).info == Run(find(packed)[0]).info


@pytest.mark.parametrize(
    ("word", "error", "words"),
    [
        ("hf://she/none", HubProblem, "no such repository, or it is private: log in with"),
        ("hf://she/secret", HubProblem, "no such repository, or it is private"),
        ("hf://she/gated", HubProblem, "ask for access on its page first"),
        ("hf://she/many@v9", HubProblem, "no such revision"),
        ("hf://she/other", PackProblem, "has no packed run"),
        ("hf://she/many", PackProblem, "name one of its packed runs behind it: /a.seqgen, b/"),
        ("hf://she/many/c.seqgen", PackProblem, "no such packed run, the repository has a.seqg"),
        ("hf://she/many/README.md", PackProblem, "no such packed run"),
        ("hf://she/many/a.seqgen", PackProblem, "packed runs at most 268,435,456"),
        ("hf://she/many/b/b.seqgen", PackProblem, "damaged or no packed run"),
        ("hf://she", UsageError, "hf://she: expected hf://user/name"),
        ("hf://she/many@", UsageError, "expected hf://user/name"),
        ("hf://she/a..b", UsageError, "hf://she/a..b: "),
    ],
)
def test_what_cannot_be_loaded(hub, seqgen, word, error, words):
    some = {"README.md": b"# some", "a.seqgen": b"much", "b/b.seqgen": b"PK"}
    hub.sizes["a.seqgen"] = 10**9
    hub.put("she/many", some)
    hub.put("she/gated", {"b.seqgen": b"PK"}, gated=True)
    hub.put("she/secret", some, private=True)
    hub.put("she/other", {"model.safetensors": b"other"})
    with pytest.raises(error) as raised:
        seqgan_kit.load(word)
    assert words in str(raised.value)
    refused = seqgen("sample", word)
    assert (refused.code, words in refused.err) == (error.exit_code, True), refused.err
    assert len(refused.err.splitlines()) == 1


def test_a_hostile_file(hub, packed, tmp_path):
    bad = tmp_path / "bad.seqgen"
    bad.write_bytes(packed.read_bytes())
    with zipfile.ZipFile(bad, "a") as archive:
        archive.writestr("../../evil", "x")
    hub.put("she/bad", {"bad.seqgen": bad.read_bytes()})
    with pytest.raises(PackProblem, match="a file that packed runs do not have"):
        seqgan_kit.load("hf://she/bad")
    assert not list(tmp_path.parent.rglob("evil"))


def test_without_a_network(hub, packed, monkeypatch):
    hub.put("she/digits", {"digits.seqgen": packed.read_bytes()})
    fetched, _ = find("hf://she/digits")
    gone = "http://127.0.0.1:9"
    monkeypatch.setenv("HF_ENDPOINT", gone)
    again, which = find("hf://she/digits")
    assert again == fetched
    assert which.startswith("hf://she/digits: the hub cannot be used (")
    assert which.endswith("digits.seqgen as it was fetched last")
    with pytest.raises(Unreachable, match="Connection refused"):
        find("hf://she/others")
    with pytest.raises(Unreachable):
        seqgan_kit.load(packed).push_to_hub("me/digits")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert find("hf://she/digits")[0] == fetched
    with pytest.raises(Unreachable, match="HF_HUB_OFFLINE"):
        find("hf://she/others")


def test_what_cannot_be_pushed(hub, packed, monkeypatch):
    model = seqgan_kit.load(packed)
    hub.put("me/open", {"README.md": b"# mine"})
    with pytest.raises(UsageError, match="hf://me/open is public"):
        model.push_to_hub("me/open", private=True)
    model.push_to_hub("me/open")
    hub.put("me/bert", {"model.safetensors": b"other", "README.md": b"# other"})
    with pytest.raises(UsageError, match=r"holds model\.safetensors, and not digits_rows\.seqgen"):
        model.push_to_hub("me/bert")
    assert hub.repositories["me/bert"].branches["main"] in hub.repositories["me/bert"].commits
    for name in ("digits", "me/digits@v1", "me/digits/a.seqgen", "me/dig its", "../digits"):
        with pytest.raises(UsageError, match="name"):
            model.push_to_hub(name)
    with pytest.raises(HubProblem, match=r"the hub refuses this \(403\): log in"):
        model.push_to_hub("she/digits")
    with pytest.raises(HubProblem, match=r"the hub refuses this \(401\): log in"):
        model.push_to_hub("me/digits", token="hf_of_nobody")
    assert set(hub.repositories) == {"me/open", "me/bert"}


def test_a_private_repository_is_its_owners(hub, packed, monkeypatch):
    seqgan_kit.load(packed).push_to_hub("me/own", private=True)
    assert hub.repositories["me/own"].private
    assert seqgan_kit.load("hf://me/own").run is not None
    monkeypatch.setenv("HF_TOKEN", "hf_of_another")
    with pytest.raises(HubProblem, match="no such repository, or it is private"):
        seqgan_kit.load("hf://me/own")


def test_without_the_package(packed, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(HubProblem, match=r'pip install "seqgan_kit\[hub\]"'):
        seqgan_kit.load("hf://me/digits")
    with pytest.raises(HubProblem, match=r'pip install "seqgan_kit\[hub\]"'):
        seqgan_kit.load(packed).push_to_hub("me/digits")


def test_words_that_name_no_place_on_the_hub(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for word in ("runs/hf", "hf", "hf/me/digits", "/hf:/me/digits", ""):
        assert place_of(word) is None
    assert places.is_run("hf://me/digits")
    assert place_of(Path("hf://me/digits@v1/a.seqgen")) == Place("me/digits", "v1", "a.seqgen")
