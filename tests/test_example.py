"""The example package, a fifth kind of data, led through every command."""

import importlib.metadata
import json
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from seqgan_kit import load, plugins
from seqgan_kit.data.dataset import DataError
from seqgan_kit.recipe.whole import recipe_class

from .conftest import SMALLER, TINY_EVALUATION, TINY_TRAINING

mido = pytest.importorskip("mido", reason="mido, which the example needs, is not installed")

EXAMPLE = Path(__file__).parents[1] / "examples" / "notes_kit"
TUNES = EXAMPLE / "recipes" / "tunes.yaml"
TINY = (
    *(text for text in SMALLER["recurrent_gan"] if "noise_size" not in text),
    "model.generator.head.embedding_size=8", "model.discriminator.embedding_size=4",
    *TINY_TRAINING, *TINY_EVALUATION, "phases.0.steps=2", "phases.1.steps=1",
    "evaluation.neighbours=2", "data.test=0.3", "data.validation=0.2",
)  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def registered(tmp_path_factory):
    """Make the package importable, with what pip would write of it, for these tests only."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    folder = tmp_path_factory.mktemp("site")
    (folder / "notes_kit-0.dist-info").mkdir()
    for name, text in {
        "METADATA": f"Metadata-Version: 2.1\nName: notes_kit\nVersion: {project['version']}\n",
        "entry_points.txt": "".join(
            f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
            for group, points in project["entry-points"].items()
        ),
    }.items():
        (folder / "notes_kit-0.dist-info" / name).write_text(text)

    def look_again():
        importlib.invalidate_caches()
        plugins.forget()
        recipe_class.cache_clear()

    with pytest.MonkeyPatch.context() as patch:
        for place in (folder, EXAMPLE):
            patch.syspath_prepend(place)
        look_again()
        yield
    look_again()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("melodies")


@pytest.fixture
def recipe(seqgen, folder):
    """The recipe that `init` writes for tiny data."""
    path = folder / "scales.yaml"
    if not path.exists():
        shown = seqgen("init", plugins.kinds()["melodies"].tiny(folder), "--out", path)
        assert shown.code == 0, shown.err
        assert "60 melodies, labels falling, rising" in shown.err
    return path


@pytest.fixture
def run(seqgen, recipe):
    """A run of a few steps."""
    path = recipe.with_name("run")
    if not path.exists():
        shown = seqgen("train", recipe, *TINY, "--out", path)
        assert shown.code == 0, shown.err
        assert list((path / "samples").glob("step-*.png"))
    return path


def test_it_is_short():
    files = list(EXAMPLE.rglob("*.py"))
    assert sum(len(file.read_text().splitlines()) for file in files) < 150


def test_it_is_listed_in_the_help_and_in_the_schema(seqgen):
    assert "Runs of melodies" in seqgen("sample", "--help").out
    listed = json.loads(seqgen("kinds", "--json").out)
    mine = next(one for one in listed if one["name"] == "melodies")
    assert mine["sources"] == ["midi", "corpus"]
    assert mine["problem"] == ""
    described = json.loads(seqgen("recipes", "schema").out)["$defs"]
    assert described["MelodyData"]["properties"]["bars"]["description"]
    assert described["NotesSection"]["properties"]["kind"]["const"] == "notes"


def test_its_recipes_are_checked(seqgen, recipe):
    for path in (TUNES, recipe):
        assert seqgen("recipes", "check", path).code == 0
        wrong = seqgen("recipes", "check", path, "data.bar=4")
        assert wrong.code == 2
        assert "data.bar: unknown key; did you mean 'bars'?" in wrong.err
    assert TUNES.read_text().startswith(f"# seqgen train {TUNES.relative_to(EXAMPLE.parents[1])}")


def test_without_music21_there_is_no_corpus(seqgen, monkeypatch):
    monkeypatch.setitem(sys.modules, "music21", None)
    shown = seqgen("data", "show", TUNES)
    assert shown.code == 1
    assert "notes_kit[corpus]" in shown.err
    assert "requires a folder" in seqgen("data", "show", TUNES, "data.source=midi").err


def test_its_data_are_shown(seqgen, recipe, tmp_path):
    shown = seqgen("data", "show", recipe, "--sheet", tmp_path / "sheet.png")
    assert shown.code == 0, shown.err
    assert "label rising" in shown.out
    assert (tmp_path / "sheet.png").exists()


def test_a_run_is_resumed_and_writes_midi_files(seqgen, run, tmp_path):
    assert seqgen("train", "--resume", run, "train.steps=6").code == 0
    out = tmp_path / "tune.mid"
    shown = seqgen("sample", run, "--label", "rising", "-n", 5, "--seed", 1, "--out", out)
    assert shown.code == 0, shown.err
    melodies = load(run).sample("rising", count=5, seed=1)
    wanted = [pitch for melody in melodies for pitch, _ in melody.tolist() if pitch]
    messages = [one for track in mido.MidiFile(out).tracks for one in track]
    assert [one.note for one in messages if one.type == "note_on"] == wanted
    assert seqgen("sample", run, "--out", out).code == 2, "what is there is not overwritten"
    refused = seqgen("sample", run, "--out", tmp_path / "tune.wav")
    assert refused.code == 2
    assert ".mid" in refused.err


def test_a_run_and_samples_from_elsewhere_are_measured(seqgen, run, tmp_path):
    out = tmp_path / "samples"
    assert seqgen("sample", run, "-n", 25, "--out", out).code == 0
    assert {file.parent.name for file in out.rglob("*.mid")} == {"falling", "rising"}
    asked = ("--samples", out, "--recipe", run / "recipe.yaml", "--no-gan-train", "--json")
    shown = seqgen("evaluate", run, *asked)
    assert shown.code == 0, shown.err
    own = {"length_distance", "pitch_class_distance", "in_key", "repeated_bars"}
    read = json.loads(shown.out)
    for model in (*read["models"], {"figures": read["real"]}, {"figures": read["noise"]}):
        assert own | {"label_accuracy", "memorised"} <= set(model["figures"])
    assert len(read["models"]) == 2


def test_pages_show_piano_rolls(seqgen, run, tmp_path):
    for command in ("report", "compare"):
        out = tmp_path / command
        shown = seqgen(command, run, "--no-gan-train", "--out", out)
        assert shown.code == 0, shown.err
        page = (out / f"{command}.html").read_text("utf-8")
        assert page.count("data:image/png") + page.count('"kind": "image"') > 0
        assert "notes in key" in page


# -- its files and figures ----------------------------------------------------------------------


def six_eight(path):
    """Write a pick-up and a bar of six quavers in D major, then a dotted crotchet."""
    quaver = 240
    track = mido.MidiTrack([mido.MetaMessage("time_signature", numerator=6, denominator=8)])
    wait = 5 * quaver
    for pitch, long in [*((pitch, 1) for pitch in (69, 74, 76, 78, 79, 81, 73)), (74, 3)]:
        track.append(mido.Message("note_on", note=pitch, time=wait))
        track.append(mido.Message("note_on", note=pitch, velocity=0, time=long * quaver))
        wait = 0
    mido.MidiFile(ticks_per_beat=2 * quaver, tracks=[track]).save(path)
    return path


def test_a_file_is_read_in_shares_of_its_bars_and_moved_to_c_major(tmp_path):
    from types import SimpleNamespace

    kind = plugins.kinds()["melodies"]
    path = six_eight(tmp_path / "jig.mid")
    melody = kind.read(path, SimpleNamespace(bars=8))
    assert melody[:, 0].tolist() == [0, 67, 72, 74, 76, 77, 79, 71, 72]
    assert melody[:, 1].tolist() == [40, *[8] * 7, 24]
    # A bar, and the pick-up before it.
    assert len(kind.read(path, SimpleNamespace(bars=1))) == 8
    kind.write_file(tmp_path / "again.mid", [melody])
    assert (kind.read(tmp_path / "again.mid", SimpleNamespace(bars=8)) == melody).all()
    path.write_bytes(b"MThd")
    with pytest.raises(DataError, match=r"jig\.mid cannot be read"):
        kind.read(path, SimpleNamespace(bars=8))


def test_figures_by_hand():
    kind = plugins.kinds()["melodies"]
    scale = np.array([(60, 24), (62, 24), (60, 24), (62, 24), (61, 48)])
    test = np.array([(60, 48), (60, 48)])
    found = kind.figures_of([scale], [test])
    # Pitch classes C, D and C sharp: 2/5, 2/5 and 1/5, beside C alone.
    assert found["pitch_class_distance"] == pytest.approx((3 / 5 + 2 / 5 + 1 / 5) / 2)
    assert found["in_key"] == pytest.approx(4 / 5)
    assert found["repeated_bars"] == pytest.approx(1 / 3)
    assert kind.figures_of([test], [test])["pitch_class_distance"] == 0


def test_what_is_encoded_comes_back():
    from seqgan_kit.token_files.codec import KnownNumbers

    codec = KnownNumbers(steps=4, known=[[0, 60, 64], [6, 12]])
    melodies = [np.array([(60, 6), (0, 12)]), np.array([(64, 12)] * 9), np.array([(61, 7)])]
    x_BTG, mask_BT = codec.encode(melodies)
    assert x_BTG[0].tolist() == [[2, 1], [1, 2], [0, 0], [0, 0]]
    assert mask_BT.all()
    found = codec.present(codec.decode(x_BTG, mask_BT))
    assert found[0].tolist() == melodies[0].tolist()
    assert len(found[1]) == 4, "it is cut"
    assert found[2].tolist() == [[60, 6]], "the nearest that is known"
