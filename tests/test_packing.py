"""Runs as single files: packed, unpacked, refused; and runs by name."""

import json
import stat
import zipfile

import numpy as np
import pytest

import seqgan_kit
from seqgan_kit.runs import places
from seqgan_kit.runs.packing import described, pack
from seqgan_kit.runs.places import PackProblem, find, packaged, unpack
from seqgan_kit.training.run import Run


@pytest.fixture
def packed(tiny_runs, tmp_path):
    return pack(Run(tiny_runs("digits_rows")), tmp_path / "digits.seqgen")


def test_a_packed_run_writes_what_the_run_does(tiny_runs, packed):
    run = tiny_runs("digits_rows")
    theirs, ours = (seqgan_kit.load(path).sample(7, count=4, seed=1) for path in (packed, run))
    # Weights are in half precision.
    np.testing.assert_allclose(theirs, ours, atol=0.02)
    assert pack(Run(run), packed.with_name("again.seqgen")).read_bytes() == packed.read_bytes()
    members = zipfile.ZipFile(packed).namelist()
    assert {"README.md", "figures.json", "recipe.yaml", "run.json"} <= set(members)
    assert not any("optimizers" in name for name in members)


@pytest.mark.parametrize("name", ["names_text", "vowels_series_likelihood", "mnist_vae"])
def test_every_kind_of_network_is_packed(tiny_runs, tmp_path, name):
    path = pack(Run(tiny_runs(name)), tmp_path / "run.seqgen")
    assert len(seqgan_kit.load(path).sample(count=1)) >= 1
    assert described(path)["name"] == "run"
    recipe = zipfile.ZipFile(path).read("recipe.yaml").decode()
    assert str(tmp_path.parent.parent) not in recipe, "no place of this machine"


def test_from_the_command_line(seqgen, unmeasured, tmp_path, monkeypatch):
    run = unmeasured("digits_rows")
    monkeypatch.chdir(tmp_path)
    made = seqgen("pack", run, "--out", "mine.seqgen")
    assert made.code == 0, made.err
    assert "has not measured this run" in made.err
    assert seqgen("pack", run, "--out", "mine.seqgen").code == 2
    assert seqgen("pack", run, "--out", "mine.zip").code == 2
    sampled = seqgen("sample", "mine.seqgen", "-n", "2")
    assert sampled.code == 0, sampled.err
    assert [path.suffix for path in (tmp_path / "samples" / "digits_rows").iterdir()] == [".png"]
    # Another run can begin with its weights, and this one cannot go on.
    begun = seqgen("train", run / "recipe.yaml", "train.steps=1", "--init-from", "mine.seqgen",
                   "--out", "begun")  # fmt: skip
    assert begun.code == 0, begun.err
    assert "the discriminator begins anew" in begun.err
    refused = seqgen("train", "--resume", find("mine.seqgen")[0], "train.steps=99")
    assert (refused.code != 0, "Traceback" in refused.err) == (True, False)


def test_runs_by_name(seqgen, tiny_runs, packed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(places, "packaged", lambda: {"digits": packed})
    shown = seqgen("sample", "digits", "-n", "1", "--out", "a.png")
    assert shown.code == 0, shown.err
    assert "digits: the trained run that comes with seqgan_kit" in shown.err
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "digits").symlink_to(tiny_runs("digits_rows"))
    shown = seqgen("sample", "digits", "-n", "1", "--out", "b.png")
    assert "digits: the run in runs/digits" in shown.err
    missing = seqgen("sample", "nothing")
    assert (missing.code, "there is no run folder at nothing" in missing.err) == (2, True)


def changed(packed, tmp_path, change):
    path = tmp_path / "changed.seqgen"
    with zipfile.ZipFile(packed) as old, zipfile.ZipFile(path, "w") as new:
        for item in old.infolist():
            new.writestr(item, old.read(item))
        change(new)
    return path


def link(archive):
    item = zipfile.ZipInfo("codec/there")
    item.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive.writestr(item, "/etc/passwd")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda archive: archive.writestr("../evil", "x"), "packed runs do not have"),
        (lambda archive: archive.writestr("/etc/evil", "x"), "packed runs do not have"),
        (lambda archive: archive.writestr("codec/../../evil", "x"), "packed runs do not have"),
        (lambda archive: archive.writestr("weights.pkl", "x"), "packed runs do not have"),
        (link, "a symbolic link"),
        (lambda archive: archive.writestr(
            "checkpoints/step-9/networks.safetensors", "x"), "2 files of weights"),
    ],
)  # fmt: skip
def test_hostile_files(packed, tmp_path, change, words):
    path = changed(packed, tmp_path, change)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(PackProblem, match=words):
        unpack(path)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("way", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_refused(packed, tmp_path, way):
    def add(archive):
        archive.writestr("codec/more", "x" * 100, compress_type=way)

    with pytest.raises(PackProblem, match="compressed in another way"):
        unpack(changed(packed, tmp_path, add))


def test_packed_runs_are_measured_and_shown_like_others(seqgen, tiny_runs, packed, tmp_path):
    quick = ("--samples", "20", "--sets", "1", "--no-gan-train")
    run = tiny_runs("digits_rows")
    both = seqgen("compare", packed, run, *quick, "--out", tmp_path / "both")
    assert both.code == 0, both.err
    assert seqgen("report", packed, *quick, "--out", tmp_path / "page").code == 0
    for command in (
        ("inspect", packed),
        (
            "sample",
            packed,
            "--candidates",
            "4",
            "--choose",
            "discriminator",
            "--out",
            tmp_path / "a.png",
        ),
    ):
        refused = seqgen(*command)
        assert refused.code == 2
        assert "no discriminator" in refused.err or "this run has none" in refused.err
    # Packed again, it keeps its figures.
    again = pack(Run(find(packed)[0]), tmp_path / "again.seqgen")
    assert json.loads(zipfile.ZipFile(again).read("figures.json"))


def test_what_is_left_of_an_unpacked_run_is_made_whole(packed):
    (unpack(packed) / "run.json").unlink()
    assert (unpack(packed) / "run.json").exists()


@pytest.mark.parametrize("content", [b"", b"PK", b"\x00" * 100])
def test_files_that_are_something_else(seqgen, tmp_path, content):
    path = tmp_path / "some.seqgen"
    path.write_bytes(content)
    refused = seqgen("sample", path)
    assert (refused.code, "damaged or no packed run" in refused.err) == (1, True)
    assert seqgen("sample", tmp_path / "none.seqgen").code == 1


def test_foreign_weights(seqgen, packed, tmp_path):
    path = tmp_path / "foreign.seqgen"
    with zipfile.ZipFile(packed) as old, zipfile.ZipFile(path, "w") as new:
        for item in old.infolist():
            weights = item.filename.endswith("networks.safetensors")
            new.writestr(item, b"\x08" if weights else old.read(item))
    refused = seqgen("sample", path)
    assert (refused.code, "Traceback" in refused.err) == (1, False)


def test_a_file_that_unpacks_to_too_much(packed, tmp_path, monkeypatch):
    # Another file, because one that is known is not unpacked again.
    path = changed(packed, tmp_path, lambda archive: setattr(archive, "comment", b"other"))
    monkeypatch.setattr(places, "MOST_BYTES", 1000)
    with pytest.raises(PackProblem, match="unpacks to more than 1,000 bytes"):
        unpack(path)


# -- the runs of the package --------------------------------------------------------------------

PACKAGED = packaged()


def test_the_package_stays_small():
    sizes = [path.stat().st_size for path in PACKAGED.values()]
    assert max(sizes, default=0) <= 1_000_000
    assert sum(sizes) <= 6_000_000


@pytest.mark.parametrize("name", PACKAGED)
def test_packaged_runs_are_sampled(seqgen, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = seqgen(
        "sample",
        name,
        "-n",
        "2",
        "--out",
        "a.txt"
        if described(PACKAGED[name])["kind"] == "text"
        else "made.npy"
        if described(PACKAGED[name])["kind"] == "images"
        else "made.csv"
        if described(PACKAGED[name])["kind"] == "series"
        else "made",
    )
    assert made.code == 0, made.err


def test_they_are_listed(seqgen):
    listed = seqgen("runs", "list", "--json")
    assert listed.code == 0, listed.err
    assert [one["name"] for one in json.loads(listed.out)] == list(PACKAGED)
    assert seqgen("runs", "list").code == 0
