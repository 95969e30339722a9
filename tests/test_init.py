"""`seqgen init`: what it finds in people's files, and whether the recipes that it writes train."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seqgan_kit import plugins
from seqgan_kit.data.dataset import DataError
from seqgan_kit.errors import UsageError
from seqgan_kit.kinds.audio.files import write_clip
from seqgan_kit.labels import Levels
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.runs.beginning import grouping, guess_labels, look_at
from seqgan_kit.runs.data import load_dataset

from .conftest import TINY_NETWORKS

WORDS = ("the", "a", "cat", "dog", "runs", "sleeps", "barks", "now", "then", "soft", "loud", "red")


def sentences(count):
    generator = random.Random(0)
    return [" ".join(generator.choices(WORDS, k=generator.randrange(3, 9))) for _ in range(count)]


def table(path, header, rows):
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows), ""]))
    return path


def tone(path, seconds=0.12, rate=8000, hertz=400):
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(round(seconds * rate)) / rate
    write_clip(path, (0.5 * np.sin(2 * np.pi * hertz * time)).astype(np.float32), rate)
    return path


def written(path, tmp_path, kind=None):
    """What is found in some data, and the recipe for them, loaded."""
    starter = look_at(path, kind)
    target = tmp_path / f"{starter.name}.yaml"
    target.write_text(starter.recipe(target))
    return starter.found, recipe_files.load(str(target))


def small(recipe):
    """Overrides that make a recipe a matter of a second."""
    recipe = recipe_files.load(str(recipe))
    if recipe.codec.kind != "text":
        return (*TINY_NETWORKS, "train.steps=2")
    networks = [text for text in TINY_NETWORKS if "noise_size" not in text]
    phases = [f"phases.{place}.steps=1" for place in range(len(recipe.phases) - 1)]
    return (*networks, *phases, "train.steps=3")


# -- from the data to a run ---------------------------------------------------------------------

FOUND = {
    "text": ("60 lines of text in the column 'text'", "label animal: cat (30), dog (30)",
             "5 to 6 words (median 5), 21 to 26 characters"),
    "audio": ("30 recordings", "labels: high (15), low (15)", "8,000 samples a second",
              "0.10 to 0.17 seconds (median 0.14)"),
    "series": ("40 series of 6 to 10 steps", "2 channels: heat, flow",
               "id: id, time: time, labels: site", "label site: north (20), south (20)"),
}  # fmt: skip


@pytest.mark.parametrize("kind", FOUND)
def test_from_data_to_a_run(seqgen, tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    data = plugins.kinds()[kind].tiny(Path())
    made = seqgen("init", data)
    assert made.code == 0, made.err
    recipe = made.out.strip()
    for words in (*FOUND[kind], f"seqgen data show {recipe}", f"seqgen train {recipe}"):
        assert words in made.err
    text = Path(recipe).read_text()
    assert text.startswith(f"# seqgen train {recipe}\n")
    assert f'  root: "{tmp_path / data}"\n' in text, "it names its data wherever it is used from"

    again = seqgen("init", data)
    assert again.code == 2
    assert "--force" in again.err
    assert Path(recipe).read_text() == text
    assert seqgen("init", data, "--kind", kind, "--force").code == 0
    assert Path(recipe).read_text() == text, "the same data give the same recipe"

    monkeypatch.chdir("/")
    recipe = tmp_path / recipe
    assert seqgen("recipes", "check", recipe).code == 0
    assert seqgen("data", "show", recipe).code == 0
    trained = seqgen("train", recipe, *small(recipe), "--out", tmp_path / "run")
    assert trained.code == 0, trained.err


@pytest.mark.parametrize("kind", FOUND)
def test_tiny_data_are_the_same_each_time(tmp_path, kind):
    contents = []
    for name in "ab":
        (tmp_path / name).mkdir()
        path = plugins.kinds()[kind].tiny(tmp_path / name)
        files = sorted(path.rglob("*.*")) if path.is_dir() else [path]
        contents.append([file.read_bytes() for file in files])
    assert contents[0] == contents[1]


@pytest.mark.parametrize("kind", FOUND)
def test_no_other_kind_takes_them(tmp_path, kind):
    path = plugins.kinds()[kind].tiny(tmp_path)
    for other in plugins.kinds():
        if other != kind:
            with pytest.raises(DataError):
                look_at(path, other)


def test_the_recipe_is_a_yaml_file(seqgen, tmp_path):
    path = plugins.kinds()["text"].tiny(tmp_path)
    refused = seqgen("init", path, "--out", tmp_path / "recipe.txt")
    assert refused.code == 2
    assert ".yaml" in refused.err


# -- text ---------------------------------------------------------------------------------------


def test_columns_of_a_table_of_text(tmp_path):
    rows = [
        (n, f'"{line}, {line}"', n % 5 + 1, "MT" if n == 3 else ("UK", "US")[n % 2],
         f"2024-01-{n % 28 + 1:02d}", ("good", "bad")[n // 2 % 2], "shop")
        for n, line in enumerate(sentences(160))
    ]  # fmt: skip
    path = table(tmp_path / "r.csv", "id,review,stars,country,date,mood,source", rows)
    found, recipe = written(path, tmp_path)
    assert (recipe.data.text, recipe.data.labels) == ("review", ("stars", "mood"))
    for words in (
        "160 lines of text in the column 'review'",
        "label stars: 1 (32), 2 (32)",
        "columns left out: id (it identifies items), country (only 1 with 'MT'), date (dates), "
        "source (always 'shop')",
    ):
        assert words in found
    assert recipe.data.validation == recipe.data.test == 0.1


def test_a_column_called_text_comes_first(tmp_path):
    rows = [(f"{a} {a}", b) for a, b in zip(sentences(40), range(40), strict=True)]
    _, recipe = written(table(tmp_path / "r.csv", "title,text", rows), tmp_path, "series")
    assert recipe.data.source == "series"
    rows = [(f"{one} {one}", one) for one in sentences(40)]
    _, recipe = written(table(tmp_path / "s.csv", "title,text", rows), tmp_path)
    assert recipe.data.text == "text"


def test_tokens_are_what_the_text_can_carry(tmp_path):
    (tmp_path / "few.txt").write_text("\n".join(sentences(80)))
    _, few = written(tmp_path / "few.txt", tmp_path)
    assert (few.codec.tokenizer, few.codec.vocabulary) == ("char", None)
    generator = random.Random(0)
    syllables = [a + b + c for a in "bdfgklmnprst" for b in "aeiou" for c in "lmnrst"]
    words = [
        "".join(generator.choices(syllables, k=generator.randrange(1, 4))) for _ in range(900)
    ]
    lines = [" ".join(generator.choices(words, k=generator.randrange(4, 9))) for _ in range(900)]
    lines[0] = " ".join(words[:200])
    (tmp_path / "many.txt").write_text("\n".join(lines))
    found, many = written(tmp_path / "many.txt", tmp_path)
    assert (many.codec.tokenizer, many.codec.vocabulary) == ("unigram", 200)
    assert many.train.class_group == 1
    assert many.codec.max_length <= 64
    assert "1 longer line cut" in found
    names = table(tmp_path / "n.csv", "name,sex", [(w.title(), "fm"[n % 2]) for n, w in
                                                  enumerate(words[:60])])  # fmt: skip
    _, recipe = written(names, tmp_path)
    assert (recipe.codec.tokenizer, recipe.data.text) == ("char", "name")
    assert recipe.codec.max_length == max(map(len, words[:60]))


def test_files_of_text_by_part(tmp_path):
    folder = tmp_path / "parts"
    folder.mkdir()
    for part, count in (("train", 60), ("test", 20)):
        lines = [json.dumps({"body": line, "ok": n % 2 == 0}) for n, line in
                 enumerate(sentences(count))]  # fmt: skip
        (folder / f"{part}.jsonl").write_text("\n".join(lines))
    found, recipe = written(folder, tmp_path)
    assert "80 lines" in found
    assert (recipe.data.text, recipe.data.labels) == ("body", ("ok",))
    (folder / "train.jsonl").unlink()
    with pytest.raises(DataError, match="training"):
        look_at(folder)


def test_rows_that_cannot_be_read_are_skipped_if_they_are_few(tmp_path):
    lines = [f"{line},{n % 2}" for n, line in enumerate(sentences(50))]
    path = tmp_path / "r.csv"
    path.write_text("\n".join(["text,mood", *lines, "a,b,c"]))
    found, recipe = written(path, tmp_path)
    assert recipe.data.unreadable == "skip"
    assert "line 52" in found
    path.write_text(
        "\n".join(["text,mood", *[f"well, {line}" for line in lines[10:]], *lines[:10]])
    )
    with pytest.raises(DataError, match="40 of 50 rows cannot be read"):
        look_at(path, "text")
    path.write_text("text,mood\n" + "well, then, good\n" * 9)
    with pytest.raises(DataError, match=r"no rows .* that can be read \(line 2"):
        look_at(path, "text")


def test_a_replacement_character_is_a_character(tmp_path):
    rows = [(f"\ufffd {line}", n % 2) for n, line in enumerate(sentences(40))]
    path = tmp_path / "r.csv"
    path.write_text("\n".join(["said,mood", *(f"{a},{b}" for a, b in rows)]), encoding="utf-8")
    assert written(path, tmp_path)[1].data.text == "said"


# -- audio --------------------------------------------------------------------------------------


@pytest.fixture
def recordings(tmp_path):
    """Tones of two rates by label, the last of them longer than the others."""
    for number in range(12):
        tone(tmp_path / "tones" / "low" / f"{number}.wav", 0.1 + 0.01 * number)
        tone(tmp_path / "tones" / "high" / f"{number}.flac", 0.15, 22050, 1500)
    tone(tmp_path / "tones" / "high" / "12.wav", 1.0)
    return tmp_path / "tones"


def test_lengths_and_rates_of_recordings(recordings, tmp_path):
    found, recipe = written(recordings, tmp_path)
    assert "8,000, 22,050 samples a second" in found
    assert "to 1.00 seconds" in found
    assert "1 longer clip cut" in found
    assert recipe.data.sample_rate == 8000, "no recording may have fewer"
    assert 0.2 < recipe.data.max_seconds < 0.5
    assert (recipe.codec.representation.n_fft, recipe.codec.representation.hop) == (256, 128)
    assert recipe.train.batch_size % recipe.train.class_group == 0
    assert recipe.data.unreadable == "error"


def test_a_manifest(recordings, tmp_path):
    rows = [(f"tones/low/{n}.wav", "low", f"take {WORDS[n]} of it", "me") for n in range(12)]
    rows += [(f"tones/high/{n}.flac", "high", *row[2:]) for n, row in enumerate(rows)]
    path = table(tmp_path / "list.csv", "path,pitch,said,who", rows)
    found, recipe = written(path, tmp_path)
    assert (recipe.data.source, recipe.data.labels) == ("recordings", ("pitch",))
    assert "columns left out: said (12 different values), who (always 'me')" in found
    _, recipe = written(table(path, "path,said", [row[::2] for row in rows]), tmp_path, "text")
    assert recipe.data.text == "said", "for those who ask for it"
    with pytest.raises(DataError, match=r"no column of labels \(said: 12 different"):
        look_at(path)
    _, recipe = written(table(path, "path,who", [row[::3] for row in rows]), tmp_path)
    assert recipe.data.labels == ("who",)
    table(path, "path,pitch", [*[row[:2] for row in rows], ("gone.wav", "low")])
    with pytest.raises(DataError, match=r"line 26: .*gone\.wav"):
        look_at(path)


def test_damaged_recordings_are_skipped(recordings, seqgen, tmp_path):
    (recordings / "low" / "bad.wav").write_bytes(b"RIFF no more")
    found, recipe = written(recordings, tmp_path)
    assert "not usable, and skipped: 1 file" in found
    assert "bad.wav" in found
    assert recipe.data.unreadable == "skip"
    target = tmp_path / "tones_mel.yaml"
    trained = seqgen("train", target, *small(target), "--out", tmp_path / "run")
    assert trained.code == 0, trained.err


# -- series -------------------------------------------------------------------------------------


def values(count, seed=0):
    return np.random.default_rng(seed).normal(size=count).round(3).tolist()


def test_one_long_series_gives_windows(tmp_path):
    days = [f"2020-{month:02d}-{day:02d}" for month in range(1, 13) for day in range(1, 29)]
    rows = zip(days, values(336), values(336, 1), strict=True)
    found, recipe = written(table(tmp_path / "stock.csv", "Date,open,close", rows), tmp_path)
    assert (recipe.data.window, recipe.data.time) == (24, "Date")
    assert "one series of 336 steps in 2 channels: open, close" in found
    assert "267 windows of 24 steps" in found
    rows = zip(range(30), values(30), strict=True)
    found, recipe = written(table(tmp_path / "short.csv", ",x", rows), tmp_path)
    assert (recipe.data.window, recipe.data.test) == (6, 0.2)
    assert "in 1 channel: x" in found, "the number of a row is no value"


def test_an_id_that_numbers_rows_is_none(tmp_path, seqgen):
    rows = zip(range(120), values(120), strict=True)
    _, recipe = written(table(tmp_path / "r.csv", "id,x", rows), tmp_path)
    assert recipe.data.window
    target = tmp_path / "r_series.yaml"
    trained = seqgen("train", target, *small(target), "--out", tmp_path / "run")
    assert trained.code == 0, trained.err


def test_columns_of_a_table_of_series(tmp_path):
    rows = [
        (f"u{n // 8}", n % 8, "north" if n // 8 % 2 else "south", "ok", f"note {n}", one, n % 2)
        for n, one in enumerate(values(480))
    ]
    path = table(tmp_path / "s.csv", "unit_id,step,site,state,remark,x,on", rows)
    found, recipe = written(path, tmp_path)
    assert (recipe.data.id, recipe.data.time, recipe.data.labels) == ("unit_id", "step", ("site",))
    assert recipe.data.channels == ("x", "on")
    assert "remark (changes all the time), state (always 'ok')" in found
    assert recipe.data.window is None


def test_labels_that_change_within_a_series_give_windows(tmp_path):
    rows = [
        (n // 120, n % 120, "walk" if n % 120 < 60 else "sit", one)
        for n, one in enumerate(values(960))
    ]
    path = table(tmp_path / "s.csv", "subject,t,activity,x", rows)
    found, recipe = written(path, tmp_path)
    assert (recipe.data.window, recipe.data.labels) == (12, ("activity",))
    assert "8 series of 120 steps" in found


def test_the_id_is_found_where_time_begins_again(tmp_path):
    rows = [(time, sensor, time * sensor) for time in range(8) for sensor in range(1, 61)]
    _, recipe = written(table(tmp_path / "s.csv", "time,sensor,x", rows), tmp_path)
    assert (recipe.data.id, recipe.data.window) == ("sensor", None)


def test_missing_values(tmp_path, seqgen):
    rows = [(n // 8, n % 8, "" if n % 7 == 0 else one) for n, one in enumerate(values(240))]
    found, recipe = written(table(tmp_path / "s.csv", "id,time,x", rows), tmp_path)
    assert recipe.data.missing == "linear"
    assert "missing values: 35" in found
    target = tmp_path / "s_series.yaml"
    assert seqgen("train", target, *small(target), "--out", tmp_path / "run").code == 0


def test_arrays(tmp_path):
    x = np.random.default_rng(0).normal(size=(60, 8, 2))
    site = np.arange(60) % 3
    np.savez(tmp_path / "a.npz", x=x, site=site, number=np.arange(60))
    found, recipe = written(tmp_path / "a.npz", tmp_path)
    assert recipe.data.labels == ("site",)
    assert "label site: 0 (20), 1 (20), 2 (20)" in found
    np.savez(tmp_path / "b.npz", x=x, time=np.zeros((60, 8)))
    with pytest.raises(DataError, match="no column of labels"):
        look_at(tmp_path / "b.npz")
    np.save(tmp_path / "long.npy", x.reshape(-1, 2))
    found, recipe = written(tmp_path / "long.npy", tmp_path)
    assert "one series of 480 steps in 2 channels" in found
    assert recipe.data.window == 24
    heavy = x.copy()
    heavy[0, 0, 0] = 1000
    np.save(tmp_path / "heavy.npy", heavy)
    assert written(tmp_path / "heavy.npy", tmp_path)[1].codec.normalize == "standard"
    np.save(tmp_path / "images.npy", np.zeros((60, 8, 8), np.uint8))
    with pytest.raises(DataError, match="holds nothing that can be read"):
        look_at(tmp_path / "images.npy")


# -- tables that may be either, and what cannot be used -----------------------------------------


def test_prose_with_numbers_is_text_unless_series_are_asked_for(tmp_path):
    rows = [(n // 8, n % 8, line, n / 7, n / 9) for n, line in enumerate(sentences(240))]
    path = table(tmp_path / "mix.csv", "id,time,comment,x,y", rows)
    assert written(path, tmp_path)[1].data.text == "comment"
    assert written(path, tmp_path, "series")[1].data.channels == ("x", "y")


def test_names_with_numbers_may_be_either(tmp_path):
    names = sorted({a + b for a in ("An", "Ber", "Car", "Do", "El") for b in ("na", "ta", "la")})
    rows = zip(names * 4, values(60), values(60, 1), strict=True)
    path = table(tmp_path / "n.csv", "name,x,y", rows)
    assert written(path, tmp_path)[1].data.source == "series", "as names repeat"
    long = [name + end for end in ("", "li", "chen", "do") for name in names]
    rows = zip(long, values(60), values(60, 1), strict=True)
    path = table(tmp_path / "n.csv", "name,x,y", rows)
    with pytest.raises(UsageError, match="as series or as text: say which with --kind series"):
        look_at(path)
    assert written(path, tmp_path, "text")[1].data.text == "name"


def long_table(label):
    return "id,time,label,x\n" + "".join(
        f"{n // 8},{n % 8},{label(n)},{n * n % 17}\n" for n in range(240)
    )


BROKEN = {
    "empty.txt": ("", "is empty"),
    "empty.csv": ("", "is empty"),
    "empty.npz": ("", "is empty"),
    "header.csv": ("text,label\n", "no rows below the header"),
    "bytes.txt": (b"a line\n\xff\n", "line 2, byte 1"),
    "bytes.csv": (b"text,label\n\xff,a\n", "UTF-8"),
    "one.txt": ("hello\n", "one line"),
    "alike.txt": ("hello\n" * 40, "all 40 lines of text are the same"),
    "codes.tsv": ("a\tb\n" + "1\tx1\n" * 9, "9 steps, too few"),
    "unnamed.csv": ("\n".join(f'"well, {s} {s}",a' for s in sentences(20)), "names the columns"),
    "bad.jsonl": ("nope\n[1]\n", "no JSON objects"),
    "ragged.csv": ("x,y\n1,2\n3\n", "line 3: the number of fields is 1"),
    "numbers.csv": ("1,2\n" * 50, "the header row consists of numbers"),
    "unit.csv": ("x\n" + "1\n2\n" * 30 + "12kg\n", "'12kg' in the column 'x'"),
    "few.csv": ("x\n1\n2\n3\n", "3 steps, too few"),
    "still.csv": ("x\n" + "1\n" * 90, "no channel ever changes"),
    "rare.csv": (long_table(lambda n: "odd" if n < 8 else "usual"), "only 1 with 'odd'"),
    "target.csv": (long_table(lambda n: n / 7), "240 different values"),
    "nox.npy": (b"no array", "npy"),
    "notes.md": ("x", "holds nothing that can be read as"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_used_is_refused_in_a_sentence(seqgen, tmp_path, name):
    content, problem = BROKEN[name]
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=problem) as refused:
        look_at(path)
    assert "\n" not in str(refused.value)
    assert name in str(refused.value)
    ended = seqgen("init", path, "--out", tmp_path / "r.yaml")
    assert (ended.code, ended.out) == (1, "")
    assert not (tmp_path / "r.yaml").exists()


def test_recordings_that_cannot_be_used(tmp_path):
    tone(tmp_path / "flat" / "1.wav")
    with pytest.raises(DataError, match="sub-folder"):
        look_at(tmp_path / "flat")
    for name in ("low/1", "low/2", "high/1"):
        tone(tmp_path / "few" / f"{name}.wav")
    with pytest.raises(DataError, match=r"fewer than 2 training recordings with the label high"):
        look_at(tmp_path / "few")
    (tmp_path / "damaged" / "a").mkdir(parents=True)
    (tmp_path / "damaged" / "a" / "1.wav").write_bytes(b"RIFF")
    with pytest.raises(DataError, match=r"none of the recordings can be used: .*damaged"):
        look_at(tmp_path / "damaged")


def test_kinds_that_are_asked_for(seqgen, tmp_path):
    path = plugins.kinds()["text"].tiny(tmp_path)
    unknown = seqgen("init", path, "--kind", "smells")
    assert unknown.code == 2
    assert "choose one of" in unknown.err
    other = seqgen("init", path, "--kind", "audio")
    assert other.code == 1
    assert "nothing that can be read as audio" in other.err
    assert seqgen("init", tmp_path / "nowhere").code == 1


# -- the parts of it ----------------------------------------------------------------------------


def test_labels_are_few_values_that_repeat():
    rows = [{"a": n % 3, "b": n % 50, "c": None if n % 2 else "x", "d": n % 60 // 20, "e": n % 7}
            for n in range(120)]  # fmt: skip
    chosen, left_out = guess_labels(rows, "abcde")
    assert chosen == ("a", "d", "e") or set(chosen) == {"a", "d"}
    assert left_out["b"] == "50 different values"
    assert left_out["c"] == "no value in 60 of 120 rows"


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((11, 11), (4, 16)),
        ((2, 2, 2), (2, 6)),
        ((1,), (2, 2)),
        ((400, 3), (4, 32)),
        ((5,), (4, 4)),
    ],
)
def test_a_batch_is_no_larger_than_the_classes_give(counts, expected):
    label_NA = np.repeat(np.arange(len(counts)), counts)[:, None]
    assert grouping(label_NA) == expected


def test_real_data_get_recipes(real_data, tmp_path):
    found, recipe = written(real_data / "series" / "stock_data.csv", tmp_path)
    assert "one series of 3685 steps in 6 channels" in found
    assert recipe.data.window == 24
    _, recipe = written(real_data / "text" / "coco_captions" / "train.txt", tmp_path)
    assert (recipe.codec.tokenizer, recipe.codec.vocabulary) == ("unigram", 2000)


# -- what newcomers stumbled over -----------------------------------------------------------------


def patients(path, count=80):
    rng = np.random.default_rng(0)
    rows = []
    for number in range(count):
        ward, age = ("cardio", "neuro")[number % 2], 20 + number * 7 % 60
        for step in range(rng.integers(6, 11)):
            rows.append((f"p{number}", step, ward, age, 4, round(rng.normal(), 2)))
    return table(path, "patient_id,time,ward,age,site,heart", rows)


def test_a_number_that_no_step_changes_is_asked_for(tmp_path):
    found, recipe = written(patients(tmp_path / "patients.csv"), tmp_path)
    assert "in 1 channel: heart" in found
    assert "label age (a number; figures use ranges about these): " in found
    assert "site (always '4')" in found
    assert (recipe.data.labels, recipe.data.numeric) == (("ward", "age"), ("age",))
    dataset = load_dataset(recipe)
    assert dataset.channels == ("heart",)
    assert isinstance(dataset.labels["age"], Levels)


def test_few_values_of_such_a_number_are_classes(tmp_path):
    path = patients(tmp_path / "patients.csv")
    lines = path.read_text().splitlines()
    rows = [line.split(",") for line in lines[1:]]
    table(path, lines[0], [[*row[:3], int(row[3]) % 3, *row[4:]] for row in rows])
    _, recipe = written(path, tmp_path)
    assert (recipe.data.labels, recipe.data.numeric) == (("ward", "age"), ())


def test_images_of_all_sizes(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(24):
        target = tmp_path / "shapes" / ("round", "square")[number % 2] / f"{number}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        height, width = 60 + number, 100 - number
        pixels = rng.integers(0, 255, (height, width), dtype=np.uint8)
        Image.fromarray(pixels).save(target)
    found, recipe = written(tmp_path / "shapes", tmp_path)
    assert "60 x 77 to 83 x 100 pixels, the median is 71 x 88" in found
    assert recipe.data.size == (52, 64)


def test_what_is_measured_is_in_proportion_to_the_data(tmp_path):
    _, recipe = written(patients(tmp_path / "patients.csv"), tmp_path)
    assert (recipe.evaluation.samples, recipe.evaluation.gan_train_samples) == (200, 800)
