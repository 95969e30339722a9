"""Audio samples on the command line: folders, arrays, pipes, walks and errors."""

import csv
import io
import json

import numpy as np
import pytest
import soundfile
import torch

import seqgan_kit
from seqgan_kit.kinds.audio.codec import AudioCodec
from seqgan_kit.models.sequence import RecurrentGenerator
from seqgan_kit.nn.heads import ContinuousHead
from seqgan_kit.runs.sampler import Sampler

LABELS = {"digit": ["three", "seven"], "speaker": ["ann", "bob/../b"]}
RATE = 8000
ENDS = "digit=three,speaker=ann..digit=seven,speaker=ann"


@pytest.fixture(params=["waveform", "log-mel"])
def codec(request):
    settings = {"kind": request.param}
    if request.param == "log-mel":
        settings |= {"griffin_lim": 2, "mean": [-3.0] * 40}
    return AudioCodec(sample_rate=RATE, samples=1000, peak=0.95, representation=settings)


@pytest.fixture
def run(tmp_path, monkeypatch, codec):
    """Make an audio run with all that sampling reads; writing files needs no training."""
    torch.manual_seed(0)
    head = ContinuousHead(8, codec.features)
    with torch.no_grad():
        # Clips last for a while, each with a length that depends on its noise.
        head.project.bias[-1] = 1.7
        head.project.weight[-1] = 9.0
    network = RecurrentGenerator(
        head=head, classes=(2, 2), steps=codec.steps, hidden_size=8, input_size=8,
        noise_size=4, step_noise_size=2, label_size=4,
    )  # fmt: skip
    sampler = Sampler(network.eval(), codec, LABELS, torch.device("cpu"))
    monkeypatch.setattr(seqgan_kit, "load", lambda *_, **__: sampler, raising=False)
    folder = tmp_path / "run"
    folder.mkdir()
    data = {"name": "clips", "fingerprint": "0"}
    info = {"format": 1, "labels": LABELS, "codec": {"kind": "audio"}, "data": data}
    (folder / "run.json").write_text(json.dumps(info))
    return folder


@pytest.fixture
def sample(seqgen, run):
    return lambda *arguments: seqgen("sample", run, *arguments)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def manifest(folder):
    return list(csv.DictReader(io.StringIO((folder / "manifest.csv").read_text("utf-8"))))


def test_a_folder_of_files_and_its_manifest(sample, tmp_path):
    out = tmp_path / "clips"
    shown = sample("-n", 2, "--seed", 5, "--out", out)
    assert shown.code == 0, shown.err
    assert shown.out == f"{out}\n"
    assert "8 clips" in shown.err
    assert "seed 5" in shown.err
    wanted = {f"{digit}_{speaker}_000{n}.wav"
              for digit in ("three", "seven") for speaker in ("ann", "bob_.._b")
              for n in (0, 1)}  # fmt: skip
    assert set(contents(out)) == {*wanted, "manifest.csv"}
    rows = manifest(out)
    assert list(rows[0]) == ["path", "digit", "speaker", "seconds", "seed"]
    assert {row["path"] for row in rows} == wanted
    assert {row["speaker"] for row in rows} == set(LABELS["speaker"])
    lengths = set()
    for row in rows:
        info = soundfile.info(out / row["path"])
        assert (info.samplerate, info.channels, info.subtype) == (RATE, 1, "PCM_16")
        assert float(row["seconds"]) == pytest.approx(info.duration)
        assert row["seed"] == "5"
        clip, _ = soundfile.read(out / row["path"])
        # As loud as the data, and never cut off.
        assert np.abs(clip).max() == pytest.approx(0.95, abs=1e-4)
        lengths.add(len(clip))
    assert len(lengths) > 1


def test_a_seed_gives_the_same_bytes_however_many(sample, tmp_path):
    def made(name, *options):
        assert sample("--out", tmp_path / name, *options).code == 0
        return contents(tmp_path / name)

    some = made("a", "-n", 2)
    assert made("b", "-n", 2) == some
    more = made("c", "-n", 5)
    # A batch of another size may round differently, by less than is heard.
    for name in some.keys() - {"manifest.csv"}:
        (one, _), (other, _) = (soundfile.read(io.BytesIO(of[name])) for of in (some, more))
        assert len(one) == len(other)
        np.testing.assert_allclose(one, other, atol=0.01)
    assert made("d", "-n", 2, "--seed", 1)["seven_ann_0000.wav"] != some["seven_ann_0000.wav"]


def test_labels_and_the_usual_place(sample, run):
    shown = sample("--label", "digit=seven", "--label", "speaker=ann")
    assert shown.code == 0, shown.err
    folder = run / "samples" / "clips"
    assert shown.out == f"{folder}\n"
    assert len(manifest(folder)) == 4
    assert all(name.startswith(("seven_ann_", "manifest")) for name in contents(folder))
    # Files inside the run folder are replaced without asking, like its picture grids.
    assert sample("--label", "digit=three,speaker=ann", "-n", 1).code == 0
    assert set(contents(folder)) == {"three_ann_0000.wav", "manifest.csv"}
    (folder / "notes.txt").write_text("mine")
    kept = sample()
    assert kept.code == 2
    assert "notes.txt" in kept.err


def test_formats(sample, tmp_path):
    asked = ("--label", "speaker=ann", "-n", 3)
    for form in ("wav", "flac", "npy"):
        shown = sample(*asked, "--format", form, "--out", tmp_path / form)
        assert shown.code == 0, shown.err
    array = np.load(tmp_path / "npy" / "clips.npy")
    labels = np.load(tmp_path / "npy" / "clips.labels.npy")
    assert (array.shape, array.dtype) == ((6, 1000), np.float32)
    assert labels.tolist() == [[0, 0], [1, 0]] * 3
    rows = manifest(tmp_path / "npy")
    for number, row in enumerate(manifest(tmp_path / "wav")):
        wav, _ = soundfile.read(tmp_path / "wav" / row["path"])
        flac, rate = soundfile.read(tmp_path / "flac" / row["path"].replace(".wav", ".flac"))
        np.testing.assert_array_equal(wav, flac)
        assert rate == RATE
        np.testing.assert_allclose(array[number, : len(wav)], wav, atol=1e-4)
        assert not array[number, len(wav) :].any()
        assert {**row, "path": "clips.npy"} == rows[number]


@pytest.mark.parametrize("form", ["wav", "flac"])
def test_one_file_in_a_pipe(run, monkeypatch, capfdbinary, tmp_path, form):
    from seqgen_cli.main import seqgen

    asked = ["sample", str(run), "--label", "digit=seven,speaker=ann", "--format", form]
    seqgen([*asked, "--out", "-"], standalone_mode=False)
    shown = capfdbinary.readouterr()
    clip, rate = soundfile.read(io.BytesIO(shown.out))
    assert rate == RATE
    assert f"{len(clip) / RATE:.2f} s" in shown.err.decode()
    seqgen([*asked, "-n", "1", "--out", str(tmp_path / "x")], standalone_mode=False)
    assert (tmp_path / "x" / f"seven_ann_0000.{form}").read_bytes() == shown.out


@pytest.mark.parametrize("codec", ["waveform"], indirect=True)
def test_one_clip_in_a_named_file(sample, tmp_path):
    asked = ("--label", "digit=seven,speaker=ann", "--seed", 3)
    for form in ("wav", "flac"):
        out = tmp_path / "new" / f"seven.{form}"
        shown = sample(*asked, "--out", out)
        assert (shown.code, shown.out) == (0, f"{out}\n"), shown.err
        assert soundfile.info(out).format == form.upper()
        assert sample(*asked, "-n", 1, "--format", form, "--out", tmp_path / form).code == 0
        assert out.read_bytes() == (tmp_path / form / f"seven_ann_0000.{form}").read_bytes()
        refused = sample(*asked, "--seed", 4, "--out", out)
        assert (refused.code, "--force" in refused.err) == (2, True)
        assert sample(*asked, "--seed", 4, "--out", out, "--force").code == 0
        assert out.read_bytes() != (tmp_path / form / f"seven_ann_0000.{form}").read_bytes()


def test_an_array_in_a_pipe(run, capfdbinary):
    from seqgen_cli.main import seqgen

    seqgen(
        [
            "sample",
            str(run),
            "--label",
            "digit=seven,speaker=ann",
            "--format",
            "npy",
            "--out",
            "-",
        ],
        standalone_mode=False,
    )
    array = np.load(io.BytesIO(capfdbinary.readouterr().out))
    assert array.ndim == 2
    assert array.dtype == np.float32


def test_walks(sample, tmp_path):
    assert sample("--interpolate", ENDS, "--out", tmp_path / "one").code == 0
    shown = sample("--interpolate", ENDS, "-n", 3, "--out", tmp_path / "three")
    assert shown.code == 0, shown.err
    rows = manifest(tmp_path / "three")
    assert [row["path"] for row in rows] == [f"three..seven_ann_000{n}.wav" for n in range(3)]
    assert {(row["digit"], row["speaker"]) for row in rows} == {("three..seven", "ann")}
    # Eight clips and the pauses between them.
    assert min(float(row["seconds"]) for row in rows) > 7 * 0.15
    first, *others = (contents(tmp_path / "three")[row["path"]] for row in rows)
    assert contents(tmp_path / "one")["three..seven_ann_0000.wav"] == first
    assert first not in others


def test_a_folder_that_is_there(sample, tmp_path):
    out = tmp_path / "clips"
    out.mkdir()
    asked = ("--label", "digit=seven,speaker=ann", "-n", 1, "--out", out)
    assert sample(*asked).code == 0  # An empty one is no obstacle.
    before = contents(out)
    refused = sample(*asked, "--seed", 1)
    assert refused.code == 2
    assert str(out) in refused.err
    assert "--force" in refused.err
    assert contents(out) == before
    assert sample(*asked, "--seed", 1, "--force", "--format", "flac").code == 0
    assert set(contents(out)) == {"seven_ann_0000.flac", "manifest.csv"}
    (out / "more").mkdir()
    kept = sample(*asked, "--force")
    assert kept.code == 2
    assert "more than samples (more)" in kept.err
    (out / "more").rmdir()
    (out / "clip.mp3").write_bytes(b"not ours")
    assert sample(*asked, "--force").code == 2
    assert (out / "clip.mp3").read_bytes() == b"not ours"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--label", "digit=nine"], ["no digit 'nine'", "three, seven"]),
        (["--label", "speaker=eve"], ["no speaker 'eve'", "ann"]),
        (["--label", "seven"], ["say which attribute"]),
        (["--out", "-"], ["--out -", "4 are requested"]),
        (["--label", "digit=seven,speaker=ann", "-n", "2", "--out", "-"], ["2 are requested"]),
        (["--interpolate", ENDS, "-n", "2", "--out", "-"], ["2 are requested"]),
        (["--interpolate", "digit=three..digit=seven"], ["2 labels", "digit, speaker"]),
        (["--interpolate", ENDS, "--label", "digit=seven"], ["no --label", "speaker=ann.."]),
        (["--interpolate", "three"], ["two labels"]),
        (["--interpolate", ENDS, "--format", "npy"], ["--format npy", "wav"]),
        (
            ["--format", "jsonl"],
            ["--format jsonl is not supported for audio runs", "wav, flac, npy"],
        ),
        (["--swap"], ["--swap", "not supported for audio runs"]),
        (["--temperature", "0.5"], ["--temperature", "not supported for audio runs"]),
        (["--unique"], ["--unique", "not supported for audio runs"]),
        (["--out", "seven.wav"], ["seven.wav", "4 are requested", "folder"]),
        (["--out", "seven.flac", "--format", "wav"], ["seven.flac", ".wav or .flac", "--format"]),
        (["--out", "seven.mp3"], ["seven.mp3", ".wav or .flac", "folder"]),
        (["--out", "seven.npy"], ["seven.npy", ".wav or .flac", "folder"]),
        (["-n", "0"], ["0"]),
    ],
)
@pytest.mark.parametrize("codec", ["waveform"], indirect=True)
def test_wrong_sampling(sample, arguments, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    shown = sample(*arguments)
    assert shown.code == 2
    assert shown.out == ""
    assert "Traceback" not in shown.err
    assert len([line for line in shown.err.splitlines() if line.startswith("error")]) <= 1
    for word in words:
        assert word in shown.err
    assert sorted(tmp_path.rglob("*")) == before


def test_the_formats_of_other_kinds(seqgen, tiny_run, tiny_runs):
    pictures = seqgen("sample", tiny_run, "--format", "wav")
    assert pictures.code == 2
    assert "--format" in pictures.err
    assert "not supported for image runs" in pictures.err
    piped = seqgen("sample", tiny_run, "--out", "-").err
    assert "--out - is not supported for image runs" in piped
    text = tiny_runs("names_text")
    lines = seqgen("sample", text, "--format", "flac")
    assert lines.code == 2
    assert "choose one of text, jsonl, csv" in lines.err
    assert seqgen("sample", text, "--out", "-").out == seqgen("sample", text).out


def test_memory_does_not_grow_with_the_count(sample, tmp_path, monkeypatch):
    """Clips are written before later ones are generated."""
    from seqgan_kit.kinds.audio import writing
    from seqgan_kit.runs import sampler as sampling

    monkeypatch.setattr(sampling, "CHUNK", 8)
    made, written, ahead = [], [], []
    stream = Sampler.stream

    def counted(*arguments, **options):
        for chunk in stream(*arguments, **options):
            made.append(len(chunk))
            ahead.append(sum(made) - len(written))
            yield chunk

    write = writing.write_clip
    monkeypatch.setattr(Sampler, "stream", counted)
    monkeypatch.setattr(writing, "write_clip", lambda *a, **o: (written.append(1), write(*a, **o)))
    assert sample("-n", 6, "--out", tmp_path / "clips").code == 0
    assert len(written) == 24
    assert max(ahead) == 8
