"""Damaged runs, absurd numbers, and text that a terminal or a spreadsheet would run."""

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from seqgan_kit.data.names import Folders, Numbered, plain_cell, safe_cell, safe_name
from seqgan_kit.errors import UsageError
from seqgan_kit.files import FileProblem
from seqgan_kit.runs import asked, sizes
from seqgan_kit.training.run_info import check_info

ESC = "\x1b[31m"


@pytest.fixture
def run(tiny_run, tmp_path):
    """A copy of a run, which a test may damage."""
    path = tmp_path / "run"
    shutil.copytree(tiny_run, path)
    return path


def refused(shown, *words):
    assert shown.code in (1, 2)
    assert "Traceback" not in shown.err
    for word in words:
        assert word in shown.err, shown.err


# -- run.json and codecs --------------------------------------------------------------------------

INFO = {
    "labels": {"digit": ["0", "1"], "style": ["thin", "bold"]},
    "label_counts": [[[0, 1], 3]],
    "codec": {"kind": "rows"},
    "data": {"name": "digits", "fingerprint": "0f", "items": {"training": 3}},
}


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"labels": []}, "labels"),
        ({"labels": {}}, "labels"),
        ({"labels": {"digit": []}}, "labels.digit"),
        ({"labels": {"digit": "01"}}, "labels.digit"),
        ({"labels": {"digit": ["0", 1]}}, "labels.digit.1"),
        ({"labels": {"digit": ["0", "0"]}}, "labels"),
        ({"labels": {"digit": ["\ud800"]}}, "labels"),
        ({"labels": {str(n): [str(m) for m in range(100)] for n in range(40)}}, "labels"),
        ({"label_counts": 5}, "label_counts"),
        ({"label_counts": [[[0], 1]]}, "label_counts.0"),
        ({"label_counts": [[[0, 2], 1]]}, "label_counts.0"),
        ({"label_counts": [[[0, 1], -1]]}, "label_counts.0"),
        ({"label_counts": [[[0, True], 1]]}, "label_counts.0"),
        ({"label_counts": [None]}, "label_counts.0"),
        ({"codec": []}, "codec"),
        ({"data": None}, "data"),
        ({"data": {"name": "digits"}}, "data.fingerprint"),
        ({"data": {"name": 5, "fingerprint": "0f"}}, "data.name"),
        ({"data": {"name": "d", "fingerprint": "0f", "items": {"test": -1}}}, "data.items.test"),
    ],
)
def test_what_a_run_holds_is_checked_when_it_is_opened(tmp_path, change, key):
    path = tmp_path / "run.json"
    check_info(INFO, path)
    check_info({**INFO, "new": 1, "label_counts": None}, path)
    with pytest.raises(FileProblem, match=r"run\.json is damaged") as caught:
        check_info({**INFO, **change}, path)
    assert key in str(caught.value)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("height", 0), ("height", 10**9), ("height", None), ("width", "28"), ("width", 2.5),
        ("channels", 2), ("order", "sideways"), ("unknown", 1), ("kind", ["rows"]),
        ("kind", "no such codec"),
    ],
)  # fmt: skip
def test_a_damaged_codec_is_named(seqgen, run, key, value):
    info = json.loads((run / "run.json").read_text())
    info["codec"][key] = value
    (run / "run.json").write_text(json.dumps(info))
    refused(seqgen("sample", run), "run.json", "codec", str(key) if key != "kind" else "kind")


def test_a_codec_of_version_0_1_needs_no_name(seqgen, run):
    info = json.loads((run / "run.json").read_text())
    del info["codec"]["kind"], info["codec"]["order"]
    (run / "run.json").write_text(json.dumps(info))
    assert seqgen("sample", run, "--label", "3", "-n", "1").code == 0


SERIES = {"kind": "series", "steps": 3, "channels": ["a", "b"], "centre": [0, 0.5],
          "scale": [1, 0], "ends": True}  # fmt: skip
AUDIO = {
    "kind": "audio",
    "sample_rate": 8000,
    "samples": 2000,
    "peak": None,
    "representation": {"kind": "log-mel", "bins": 2, "mean": [0, 1], "deviation": [1, 1]},
}
STORED = {"series": SERIES, "audio": AUDIO}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "change", "word"),
    [
        ("series", {"steps": 0}, "codec.steps"),
        ("series", {"steps": 10**12}, "codec.steps"),
        ("series", {"centre": [0]}, "centre"),
        ("series", {"scale": [1, float("nan")]}, "codec.scale.1"),
        ("series", {"scale": [1, -1]}, "codec.scale.1"),
        ("series", {"scale": [1, 1e300]}, "codec.scale.1"),
        ("series", {"channels": []}, "codec.channels"),
        ("audio", {"samples": 10**12}, "codec.samples"),
        ("audio", {"sample_rate": 0}, "codec.sample_rate"),
        ("audio", {"representation": {"kind": "log-mel", "bins": 2, "mean": [0]}}, "mean"),
        (
            "audio",
            {"representation": {"kind": "log-mel", "bins": 1, "deviation": [0]}},
            "deviation.0",
        ),
        ("audio", {"representation": {"kind": "log-mel", "griffin_lim": 10**9}}, "griffin_lim"),
        ("audio", {"representation": {"kind": "none"}}, "codec.representation"),
    ],
)
def test_settings_of_codecs_are_checked(tmp_path, kind, change, word):
    from seqgan_kit import plugins
    from seqgan_kit.kind import StoredCodec
    from seqgan_kit.runs.data import make_codec

    room = plugins.kinds()[kind]
    path = tmp_path / "run.json"
    make_codec(room, StoredCodec(STORED[kind]), path)
    with pytest.raises(FileProblem) as caught:
        make_codec(room, StoredCodec({**STORED[kind], **change}), path)
    assert str(caught.value).startswith(f"{path} is damaged: codec")
    assert word in str(caught.value)


def test_a_tokenizer_that_matches_its_checksum_and_is_none():
    import hashlib

    from seqgan_kit.kinds.text.codec import MODEL_FILE, stored_codec

    for content in (b"", b"no tokenizer", bytes(1000), b"\x0a\xff\xff\xff\xff\x0f"):
        settings = {"tokenizer": "char", "max_length": 5}
        settings["sha256"] = hashlib.sha256(content).hexdigest()
        with pytest.raises(FileProblem, match=r"tokenizer\.model is damaged"):
            stored_codec(settings, {MODEL_FILE: content})


# -- sizes ----------------------------------------------------------------------------------------


def test_networks_that_do_not_fit_are_refused_before_they_are_made(seqgen, tmp_path):
    out = tmp_path / "large"
    for change in ("generator.hidden_size=60000", "discriminator.hidden_size=60000"):
        shown = seqgen("train", "digits_rows", f"model.{change}", "train.steps=1", "--out", out)
        assert shown.code == 2
        refused(shown, "GB of memory", f"model.{change.partition('=')[0]} (60,000)")
    assert not out.exists()


def test_a_recipe_that_asks_for_more_than_the_checkpoint_has(seqgen, run):
    recipe = run / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("hidden_size: 8", "hidden_size: 9000"))
    began = time.monotonic()
    refused(seqgen("sample", run), "does not fit this recipe", "recipe.yaml")
    assert time.monotonic() - began < 20


def test_a_recipe_of_other_data(seqgen, run):
    info = json.loads((run / "run.json").read_text())
    info["codec"] = SERIES
    (run / "run.json").write_text(json.dumps(info))
    refused(seqgen("sample", run), "")
    info["codec"] = {"kind": "image", "height": 8, "width": 8, "channels": 1}
    (run / "run.json").write_text(json.dumps(info))
    refused(seqgen("sample", run), "do not belong together")


def test_batches_that_do_not_fit(monkeypatch, tiny_run):
    from seqgan_kit.kinds.images.codec import RowsCodec
    from seqgan_kit.recipe import files

    codec = RowsCodec(height=10**6, width=100, channels=1)
    monkeypatch.setattr(sizes, "available_memory", lambda: 10**9)
    recipe = files.load("digits_rows", ["train.device=cpu"])
    with (
        pytest.raises(sizes.TooLarge, match=r"train\.batch_size"),
        sizes.room_to_train(recipe, codec),
    ):
        pass
    with pytest.raises(sizes.TooLarge, match="samples"), sizes.room_to_load(tiny_run, codec):
        pass


def test_memory_is_known():
    assert 2**26 < sizes.available_memory() < 2**50


# -- numbers and names on the command line --------------------------------------------------------

LARGE = "9" * 30


@pytest.mark.parametrize(
    "arguments",
    [
        ("-n", LARGE), ("-n", "0"), ("--seed", LARGE), ("--seed", "-1"), ("--seed", "9" * 5000),
        ("--noise-scale", "nan"), ("--noise-scale", "inf"), ("--noise-scale", "1e300"),
        ("--checkpoint", "9" * 5000), ("--device", "cuda:" + LARGE), ("--label", "x" * 9999),
        ("--temperature", "nan"), ("--temperature", "inf"), ("--top-k", LARGE),
        ("--top-p", "nan"), ("--max-length", LARGE), ("--out", "a\0b.png"),
        ("--out", "x" * 5000 + ".png"), ("--label", ESC),
    ],
)  # fmt: skip
def test_sampling_with_absurd_options(seqgen, tiny_run, arguments):
    shown = seqgen("sample", tiny_run, *arguments)
    refused(shown)
    assert "\x1b" not in shown.err
    assert len(shown.err) < 3000


def test_more_samples_than_labels_have_room(seqgen, tiny_run):
    refused(seqgen("sample", tiny_run, "-n", 10**8, "--out", "x.npy"), "request fewer")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--samples", LARGE), ("--samples", "9" * 5000), ("--samples", "5"), ("--sets", LARGE),
        ("--temperatures", "nan"), ("--temperatures", "0:inf:1"), ("--temperatures", "1:2:1e-320"),
        ("--temperatures", "1:2:nan"),
    ],
)  # fmt: skip
def test_measuring_with_absurd_options(seqgen, tiny_run, arguments):
    shown = seqgen("evaluate", tiny_run, *arguments)
    assert shown.code == 2
    refused(shown)
    assert len(shown.err) < 3000


def test_the_home_of_nobody(seqgen, monkeypatch, tmp_path):
    out = ("--out", tmp_path / "out")
    refused(seqgen("data", "show", "mnist_rows", "data.root=~nobody-here/x"), "~nobody-here")
    monkeypatch.setenv("SEQGAN_CACHE", "~nobody-here/x")
    refused(seqgen("train", "digits_rows", "train.steps=1", *out), "~nobody-here")


def test_memory_that_runs_out_is_a_sentence(seqgen, tiny_run, monkeypatch):
    import seqgan_kit.runs.loading as loading

    def fail(*_, **__):
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(loading, "load_sampler", fail)
    refused(seqgen("sample", tiny_run), "error: out of memory")


# -- terminals, spreadsheets and file systems -----------------------------------------------------


def test_a_terminal_obeys_no_label(seqgen, tmp_path):
    rows = [f'{ESC}one,a,"{ESC}text {number}"\n' for number in range(30)]
    (tmp_path / "evil.csv").write_text("kind,other,text\n" + "".join(rows))
    data = f"data={{source: lines, root: {tmp_path / 'evil.csv'}, labels: [kind], test: 0.3}}"
    settings = ("codec.tokenizer=char", "codec.vocabulary=null", "codec.max_length=12")
    shown = seqgen("data", "show", "snippets_text", data, *settings)
    assert shown.code == 0, shown.err
    assert "\x1b" not in shown.out + shown.err
    assert "\\x1b[31mone" in shown.out


def test_errors_and_usage_are_printable(seqgen, tmp_path):
    for arguments in ((f"{ESC}sample",), ("sample", f"{ESC}run"), ("sample", f"--{ESC}x", "run")):
        shown = seqgen(*arguments)
        assert shown.code == 2
        assert "\x1b" not in shown.err


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_samples_go_raw_into_a_pipe_and_escaped_to_a_terminal(monkeypatch, tmp_path):
    request = asked.Asked(tmp_path, (), None, 0, "text", asked.STANDARD_OUTPUT)
    for stream, expected in ((io.StringIO(), f"{ESC}x\n"), (Terminal(), "\\x1b[31mx\n")):
        monkeypatch.setattr(sys, "stdout", stream)
        with asked.text_output(request) as file:
            file.write(f"{ESC}x\n")
        assert stream.getvalue() == expected


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "'=x", "''-x", "'-"])
def test_a_cell_that_a_spreadsheet_would_run(text):
    assert safe_cell(text) == f"'{text}"
    assert plain_cell(safe_cell(text)) == text


@pytest.mark.parametrize("text", ["", "x", "'tis", "''", "1-1", " =x"])
def test_other_cells_stay(text):
    assert safe_cell(text) == plain_cell(text) == text


def test_quoted_labels_come_back_from_a_table(seqgen, tmp_path):
    from seqgan_kit.measuring.bench import Bench
    from seqgan_kit.measuring.foreign_samples import cell_of, columns_of
    from seqgan_kit.recipe import files
    from seqgan_kit.runs.data import kind_of, load_dataset
    from tests.conftest import tiny

    rows = [{"text": f"a word {n}", "-kind": ("=SUM(1)", "'@b")[n % 2]} for n in range(80)]
    path = tmp_path / "labelled.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = f"data={{source: lines, root: {path}, labels: ['-kind'], test: 0.3, validation: 0.1}}"
    out = tmp_path / "run"
    settings = (*tiny("names_text"), data, "codec.tokenizer=char", "codec.vocabulary=null")
    assert seqgen("train", "names_text", *settings, "--out", out).code == 0
    tables = {}
    for option in ("--safe-cells", "--raw-cells"):
        made = seqgen("sample", out, "-n", 8, "--format", "csv", option)
        assert made.code == 0
        tables[option] = list(csv.reader(io.StringIO(made.out)))
    safe, raw = tables["--safe-cells"], tables["--raw-cells"]
    assert safe[0][1] == "'-kind"
    assert {row[1] for row in safe[1:]} <= {"'=SUM(1)", "''@b"}
    assert [row[2:] for row in safe] == [row[2:] for row in raw]  # numbers and tokens stay
    table = tmp_path / "samples.csv"
    with table.open("w", newline="") as file:
        csv.writer(file).writerows(safe)
    assert columns_of(table, ["-kind"]) == ("'-kind",)
    assert list(map(cell_of(table), safe[1])) == raw[1]
    # As `evaluate --samples` reads them, without the judge, which takes a while.
    bench = Bench.__new__(Bench)
    bench.recipe = files.load(str(out / "recipe.yaml"))
    bench.kind = kind_of(bench.recipe)
    bench.dataset = load_dataset(bench.recipe)
    bench.measure = bench.kind.measure(bench.recipe, bench.dataset)
    label_NA = bench.kind.read_samples(table, None, bench)[1]
    known = bench.dataset.labels["-kind"]
    assert [known[number] for number in label_NA[:, 0]] == [row[1] for row in raw[1:]]


def test_labels_as_names_of_files():
    long = ["x" * 250, "x" * 249 + "y"]
    names = [safe_name(label, "label") for label in (*long, "..", ".", "-rf", "a/../b", "NUL", "")]
    assert len(set(names[:2])) == 2
    assert all(len(name) <= 50 and name[0] not in ".-" and "/" not in name for name in names)
    assert names[-1] == "label"
    folders = Folders("label")
    labels = [*long, "A", "a", "a?", "a/", "..", "\x1b", "a"]
    assert len({folders.of(label).casefold() for label in labels}) == len(set(labels))
    numbered = Numbered("clip")
    made = [numbered.next(label) for label in labels]
    assert len({name.casefold() for name in made}) == len(labels)


def test_long_labels_are_written(seqgen, tmp_path):
    from seqgan_kit.kinds.images.drawing import write_pictures

    labels = {"label": ["x" * 250, "x" * 249 + "y", "../up"]}
    write_pictures(tmp_path / "out", [np.zeros((3, 4, 4, 1))], np.array([[0], [1], [2]]), labels)
    assert len(list((tmp_path / "out").glob("*.png"))) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]
    assert len(asked.file_name(tmp_path / ("x" * 250 + ".csv"), "data")) <= 80


# -- Ctrl-C ---------------------------------------------------------------------------------------


def test_an_interrupt_during_an_import_ends_the_process(tmp_path):
    code = (
        "import os, signal, sys\n"
        "from seqgen_cli.stopping import stoppable\n"
        "with stoppable():\n"
        "    import interrupted\n"
    )
    (tmp_path / "interrupted.py").write_text(
        "import os, signal\n"
        "try:\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    for _ in range(10**6): pass\n"
        "except BaseException as error:\n"
        "    raise ImportError('a broken module') from error\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert (done.returncode, done.stderr, done.stdout) == (130, "stopped\n", "")


def test_an_interrupt_elsewhere_is_an_exception():
    from seqgen_cli.stopping import stoppable

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), stoppable():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("seconds", [0.3, 0.8])
def test_the_command_stops_without_a_traceback(tiny_run, seconds):
    command = [sys.executable, "-m", "seqgen_cli", "sample", str(tiny_run), "-n", "1000000"]
    command += ["--out", os.devnull + ".npy"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    # Before the command's own first line it is the interpreter that says how it ends.
    assert process.returncode in (130, -signal.SIGINT) or "site" in said
    assert "Traceback" not in said or "site" in said


def test_usage_errors_keep_their_class():
    assert issubclass(sizes.TooLarge, UsageError)
