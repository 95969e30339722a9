"""Text runs on the command line: training, sampling, evaluation, comparison and errors."""

import csv
import io
import json
import shutil

import pytest

import seqgan_kit
from seqgan_kit.measuring.sweeps import parse_values
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.runs import workflow
from seqgan_kit.training.run import Run

from .conftest import small_lines, text_data, tiny

QUICK = ("--samples", "60", "--sets", "2", "--no-gan-train")


@pytest.fixture
def labelled(tiny_runs):
    return tiny_runs("snippets_text")


@pytest.fixture
def own(labelled, tmp_path):
    """A copy that a test may change."""
    shutil.copytree(labelled, tmp_path / "own")
    return tmp_path / "own"


# -- training -----------------------------------------------------------------------------------


def test_the_tokenizer_lies_in_the_run_and_nowhere_else(labelled, own, seqgen):
    assert [path.name for path in (own / "codec").iterdir()] == ["tokenizer.model"]
    assert "tokenizer.model" not in {p.name for p in own.iterdir()}
    before = seqgen("sample", labelled, "-n", "3").out
    assert seqgen("sample", own, "-n", "3").out == before
    (own / "codec" / "tokenizer.model").write_bytes(b"something else")
    changed = seqgen("sample", own)
    assert changed.code == 1
    assert "not the one the run was trained with" in changed.err
    shutil.rmtree(own / "codec")
    for command in (("sample", own), ("train", "--resume", own, "train.steps=6")):
        missing = seqgen(*command)
        assert missing.code == 1
        assert "has no tokenizer.model" in missing.err
        assert "Traceback" not in missing.err


def test_samples_are_shown_while_it_trains(labelled):
    shown = sorted((labelled / "samples").glob("step-*.txt"))
    lines = shown[-1].read_text("utf-8").splitlines()
    assert len(lines) == 40
    assert all(line.split("\t")[0].split()[0] in ("editorial", "movie", "tweet") for line in lines)


@pytest.mark.parametrize("name", ["snippets_text", "oracle_text"])
def test_a_resumed_run_is_the_one_that_never_stopped(seqgen, small_text, tmp_path, name):
    from .test_training import figures, same_checkpoint

    common = ("train", name, *tiny(name), *text_data(name, small_text), "train.keep=9")
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert seqgen(*common, "train.checkpoint_every=3", "train.steps=6", "--out", whole).code == 0
    assert seqgen(*common, "train.checkpoint_every=3", "train.steps=6", "--out", parts).code == 0
    run = Run(parts)
    shutil.rmtree(run.checkpoints()[-1])
    assert seqgen("train", "--resume", parts).code == 0
    for a, b in zip(Run(whole).checkpoints(), run.checkpoints(), strict=True):
        same_checkpoint(a, b)
    assert figures(Run(whole)) == figures(run)


def test_another_run_lends_its_generator(seqgen, small_text, tiny_runs, tmp_path):
    name = "snippets_text"
    lender = tiny_runs("snippets_text_likelihood")
    shown = seqgen(
        "train", name, *tiny(name), *text_data(name, small_text), "--init-from", lender,
        "--out", tmp_path / "run",
    )  # fmt: skip
    assert shown.code == 0, shown.err
    assert "the discriminator begins anew" in shown.err


def test_long_lines_are_counted(seqgen, small_text, tmp_path):
    name = "snippets_text_likelihood"
    common = ("train", name, *tiny(name), *text_data(name, small_text), "codec.max_length=20")
    cut = seqgen(*common, "--out", tmp_path / "cut")
    assert "training lines have more tokens than codec.max_length (20) and are cut" in cut.err
    dropped = seqgen(*common, "codec.too_long=drop", "--out", tmp_path / "dropped")
    assert dropped.code == 0, dropped.err
    assert "are left out" in dropped.err
    none = seqgen(*common, "codec.too_long=drop", "codec.max_length=2", "--out", tmp_path / "none")
    assert none.code == 1
    assert "every training line has more tokens" in none.err


# -- sampling -----------------------------------------------------------------------------------


def test_lines_on_standard_output_and_notes_beside_them(seqgen, labelled):
    shown = seqgen("sample", labelled, "--label", "kind=movie", "-n", "5")
    assert shown.code == 0, shown.err
    assert len(shown.out.splitlines()) == 5
    assert "5 lines, seed 0" in shown.err
    assert seqgen("sample", labelled, "--label", "kind=movie", "-n", "5").out == shown.out
    other = seqgen("sample", labelled, "--label", "kind=movie", "-n", "5", "--seed", "1")
    assert other.out != shown.out
    # The first lines of a seed do not depend on how many are asked for.
    many = seqgen("sample", labelled, "--label", "kind=movie", "-n", "700")
    assert many.out.startswith(shown.out)
    assert len(many.out.splitlines()) == 700


def test_formats(seqgen, labelled, tmp_path):
    asked = ("sample", labelled, "--label", "kind=movie,tweet", "--label", "sentiment=negative",
             "-n", "9")  # fmt: skip
    texts = seqgen(*asked).out.splitlines()
    lines = [json.loads(line) for line in seqgen(*asked, "--format", "jsonl").out.splitlines()]
    assert [line["text"] for line in lines] == texts
    assert {line["kind"] for line in lines} == {"movie", "tweet"}
    assert {line["sentiment"] for line in lines} == {"negative"}
    assert all(line["log_likelihood"] < 0 for line in lines)
    assert all("".join(line["tokens"]).replace("▁", " ").strip() for line in lines)
    rows = list(csv.DictReader(io.StringIO(seqgen(*asked, "--format", "csv").out)))
    assert [row["text"] for row in rows] == texts
    assert [float(row["log_likelihood"]) for row in rows] == pytest.approx(
        [line["log_likelihood"] for line in lines]
    )
    out = tmp_path / "lines.txt"
    written = seqgen(*asked, "--out", out)
    assert written.out == f"{out}\n"
    assert out.read_text("utf-8").splitlines() == texts
    refused = seqgen(*asked, "--out", out)
    assert refused.code == 2
    assert "--force" in refused.err


def test_decoding_options(seqgen, labelled):
    def sample(*options):
        shown = seqgen("sample", labelled, "-n", "40", *options)
        assert shown.code == 0, shown.err
        return shown.out.splitlines()

    greedy = sample("--temperature", "0", "--label", "kind=movie", "--label", "sentiment=positive")
    assert len(set(greedy)) == 1
    assert sample("--top-k", "1") == sample("--top-p", "0.000001") == sample("--temperature", "0")
    assert sample("--temperature", "0.5") != sample()
    assert all(line.startswith("the film") for line in sample("--prompt", "the film"))
    short = seqgen("sample", labelled, "-n", "40", "--max-length", "3", "--format", "jsonl").out
    assert max(len(json.loads(line)["tokens"]) for line in short.splitlines()) <= 3
    distinct = sample("--unique")
    assert len(set(distinct)) == 40


def test_when_nothing_new_comes(seqgen, labelled):
    shown = seqgen(
        "sample", labelled, "--unique", "--temperature", "0", "--label",
        "kind=movie", "--label", "sentiment=positive", "-n", "4",
    )  # fmt: skip
    assert shown.code == 1
    assert len(shown.out.splitlines()) == 1
    assert "distinct lines so far: 1)" in shown.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--label", "kind=song"), ["no kind 'song'", "movie"]),
        (("--label", "colour=red"), ["no attribute 'colour'", "kind, sentiment"]),
        (("--label", "movie"), ["say which attribute"]),
        (("--prompt", "日本"), ["outside the vocabulary", "日"]),
        (("--prompt", "the film of the city of the film of the city"), ["use fewer than"]),
        (("--prompt", "the film of", "--max-length", "2"), ["lines have at most 2"]),
        (("--swap",), ["--swap", "not supported for text runs"]),
        (("--noise-scale", "0.5"), ["--noise-scale", "not supported for text runs"]),
        (("--top-p", "0"), ["--top-p"]),
        (("--temperature", "-1"), ["--temperature"]),
        (("-n", "0"), ["-n"]),
    ],
)
def test_what_cannot_be_sampled(seqgen, labelled, options, words):
    shown = seqgen("sample", labelled, *options)
    assert shown.code in (1, 2)
    assert shown.out == ""
    assert "Traceback" not in shown.err
    for word in words:
        assert word in shown.err


def test_pictures_have_no_temperature(seqgen, tiny_run):
    shown = seqgen("sample", tiny_run, "--temperature", "0.5")
    assert shown.code == 2
    assert "not supported for image runs" in shown.err


def test_scores_of_tokens_are_on_the_page(seqgen, labelled):
    shown = seqgen("inspect", labelled)
    assert shown.code == 2
    assert "seqgen report" in shown.err


def test_labels_come_in_the_proportions_of_the_training_lines(labelled):
    sampler = seqgan_kit.load(labelled)
    sampler.label_counts = [([0, 0], 1), ([1, 0], 3), ([1, 1], 6)]
    rows = [tuple(row) for row in sampler.mixed_labels(None, 4000, seed=0).tolist()]
    shares = {row: rows.count(row) / 4000 for row in set(rows)}
    assert shares == pytest.approx({(0, 0): 0.1, (1, 0): 0.3, (1, 1): 0.6}, abs=0.03)
    movies = sampler.mixed_labels("kind=movie", 1000, seed=0)
    assert set(movies[:, 0].tolist()) == {1}
    assert movies[:, 1].mean() == pytest.approx(2 / 3, abs=0.05)


def test_lines_in_python(labelled):
    lines = seqgan_kit.load(labelled).sample(["kind=movie", "sentiment=positive"], count=3)
    assert lines.shape == (3,)
    assert all(isinstance(line, str) for line in lines)


# -- measuring ----------------------------------------------------------------------------------


def test_figures_of_labelled_text(seqgen, own):
    shown = seqgen("evaluate", own, *QUICK, "--json")
    assert shown.code == 0, shown.err
    printed = json.loads(shown.out)
    figures = printed["models"][0]["figures"]
    for name in ("label_accuracy", "label_accuracy/kind", "frechet_judge_distance", "bleu_5",
                 "self_bleu_3", "distinct_2", "unique", "copied", "longest_copied",
                 "length_distance", "nats_per_token", "perplexity"):  # fmt: skip
        assert name in figures
    assert "spread" not in figures
    assert printed["real"]["label_accuracy/kind"]["mean"] > 0.9
    assert printed["noise"]["bleu_2"]["mean"] < printed["real"]["bleu_2"]["mean"]
    table = seqgen("evaluate", own, *QUICK)
    assert (
        "label accuracy of" in table.out.replace("accuracy of\n", "accuracy of").replace("  ", " ")
        or "accuracy of" in table.out
    )
    assert "references" in table.err


def test_gan_train_of_text(seqgen, own):
    shown = seqgen("evaluate", own, "--samples", "60", "--sets", "1", "--json")
    assert "gan_train_accuracy" in json.loads(shown.out)["models"][0]["figures"]


def test_figures_of_the_oracle(seqgen, tiny_runs, tmp_path):
    shutil.copytree(tiny_runs("oracle_text_likelihood"), tmp_path / "oracle")
    shown = seqgen("evaluate", tmp_path / "oracle", *QUICK, "--json")
    assert shown.code == 0, shown.err
    printed = json.loads(shown.out)
    figures = printed["models"][0]["figures"]
    assert figures["oracle_nats"]["mean"] > printed["real"]["oracle_nats"]["mean"]
    assert figures["nats_per_token"]["mean"] == pytest.approx(8.5, abs=0.2)
    assert "label_accuracy" not in figures
    foreign = tmp_path / "foreign.txt"
    foreign.write_text("1 2 3\n4 5 x\n" * 15)
    recipe = tmp_path / "oracle" / "recipe.yaml"
    refused = seqgen("evaluate", "--samples", foreign, "--recipe", recipe)
    assert refused.code == 1
    assert "the oracle can only score lines of whole numbers" in refused.err


def test_text_from_elsewhere(seqgen, own, tmp_path):
    recipe = own / "recipe.yaml"
    lines = seqgen("sample", own, "-n", "80", "--format", "jsonl").out
    (tmp_path / "theirs.jsonl").write_text(lines)
    texts = "".join(json.loads(line)["text"] + "\n" for line in lines.splitlines())
    (tmp_path / "theirs.txt").write_text(texts)
    figures = {}
    for name in ("theirs.txt", "theirs.jsonl"):
        shown = seqgen("evaluate", "--samples", tmp_path / name, "--recipe", recipe,
                       "--no-gan-train", "--json")  # fmt: skip
        assert shown.code == 0, shown.err
        figures[name] = json.loads(shown.out)["models"][0]["figures"]
    assert "label_accuracy" in figures["theirs.jsonl"]
    assert "label_accuracy" not in figures["theirs.txt"]
    assert figures["theirs.txt"]["bleu_3"] == figures["theirs.jsonl"]["bleu_3"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.txt", b"", ["contains no text"]),
        ("latin.txt", b"caf\xe9 au lait\n" * 30, ["line 1, byte 4", "UTF-8"]),
        ("one.jsonl", b'{"text": "a", "kind": "song", "sentiment": "good"}\n', ["'song'"]),
        ("none.jsonl", b'{"text": "a"}\n', ["kind"]),
        ("x.doc", b"a\n", ["must end in"]),
    ],
)
def test_text_from_elsewhere_that_cannot_be_measured(
    seqgen, labelled, tmp_path, name, content, words
):
    (tmp_path / name).write_bytes(content)
    recipe = labelled / "recipe.yaml"
    shown = seqgen("evaluate", "--samples", tmp_path / name, "--recipe", recipe)
    assert shown.code == 2
    for word in words:
        assert word in shown.err


# -- temperatures -------------------------------------------------------------------------------


def test_temperatures_as_they_are_written():
    assert parse_values("0.5:1.5:0.5", "temperature") == [0.5, 1.0, 1.5]
    assert len(parse_values("0.5:1.5:0.1", "temperature")) == 11
    assert parse_values("1,0.7", "temperature") == [0.7, 1.0]
    for wrong in ("", "a", "1:2", "2:1:0.1", "0:1:0.5", "1:2:0", "0.1:9:0.001", "nan", "inf"):
        with pytest.raises(ValueError, match="expected"):
            parse_values(wrong, "temperature")
    for wrong in ("1.5", "0", "1001"):
        with pytest.raises(ValueError, match=r"expected numbers|whole numbers"):
            parse_values(wrong, "candidates")


def test_a_sweep_is_measured_drawn_and_kept(seqgen, own, monkeypatch):
    common = ("evaluate", own, *QUICK, "--temperatures", "0.7:1.3:0.3")
    shown = seqgen(*common)
    assert shown.code == 0, shown.err
    for words in ("T=0.7", "T=1", "T=1.3"):
        assert words in shown.out
    assert (own / "curves.svg").read_text().startswith("<svg")
    points = json.loads((own / "temperature.json").read_text())["points"]
    assert [point["at"] for point in points] == [0.7, 1.0, 1.3]
    nats = [point["values"]["nats_per_token"] for point in points]
    assert len(set(nats)) == 3
    printed = json.loads(seqgen(*common, "--json").out)
    assert printed["sweeps"][0]["points"] == points
    measured = printed["models"][0]["figures"]["nats_per_token"]["mean"]
    assert nats[1] == pytest.approx(measured)


def test_what_has_no_temperature(seqgen, tiny_run, labelled, tmp_path):
    assert seqgen("evaluate", tiny_run, *QUICK, "--temperatures", "1").code == 2
    plot = ("--plot", tmp_path / "x.png")
    assert ".svg" in seqgen("evaluate", labelled, "--temperatures", "1", *plot).err
    assert seqgen("evaluate", labelled, "--plot", tmp_path / "x.svg").code == 2
    assert seqgen("evaluate", labelled, "--temperatures", "x").code == 2


def test_runs_side_by_side_with_their_curves(seqgen, tiny_runs, tmp_path):
    paths = []
    for name in ("snippets_text", "snippets_text_likelihood"):
        shutil.copytree(tiny_runs(name), tmp_path / name)
        paths.append(tmp_path / name)
    out = tmp_path / "both"
    shown = seqgen("compare", *paths, *QUICK, "--temperatures", "0.8,1", "--out", out)
    assert shown.code == 0, shown.err
    for name in ("snippets_text", "snippets_text_likelihood"):
        assert f"{name}: 60 samples at each value" in shown.out
    assert shown.out.count("T=0.8") > 1
    page = (out / "compare.html").read_text("utf-8")
    assert "Quality and diversity" in page
    assert "What the discriminator sees" in page
    assert json.loads((out / "compare.json").read_text())["sweeps"][1]["name"].endswith(
        "likelihood"
    )


@pytest.mark.parametrize("name", ["oracle_text", "coco_captions", "names_text"])
def test_a_page_about_every_kind_of_text(seqgen, tiny_runs, tmp_path, name):
    shutil.copytree(tiny_runs(name), tmp_path / name)
    shown = seqgen("report", tmp_path / name, *QUICK)
    assert shown.code == 0, shown.err
    assert "Longest copies" in (tmp_path / name / "report.html").read_text("utf-8")


# -- data ---------------------------------------------------------------------------------------


def test_what_the_data_look_like(seqgen, small_text):
    name = "snippets_text"
    shown = seqgen("data", "show", name, *text_data(name, small_text), "codec.vocabulary=40")
    assert shown.code == 0, shown.err
    for words in ("kind editorial", "sentiment positive", "median", "known", "100.00 %"):
        assert words in shown.out
    assert any(line["text"] in shown.out for line in small_lines())


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("codec.vocabulary=5",), ["codec.vocabulary", "at least"]),
        (("codec.tokenizer=numbers",), ["'numbers' and data.source 'oracle'"]),
        (("codec={kind: rows}",), ["codec.kind 'text'"]),
        (("model.generator.head={kind: continuous}",), ["requires categorical"]),
        (("model.generator.feedback=false",), ["tokens require true"]),
        (("objective.kind=policy", "phases=[]", "model.generator.noise_size=4"), ["'policy'"]),
        (
            ("model={kind: recurrent_vae}", "phases=[]", "objective={kind: elbo}"),
            ["'recurrent_vae' does not support text"],
        ),
        (("codec.vocabulary=null",), ["null requires codec.tokenizer 'char'"]),
        (("data.labels=[mood]",), ["mood"]),
        (("data.text=body",), ["body"]),
        (("data.root=nowhere.txt",), ["nowhere.txt"]),
    ],
)
def test_bad_recipes_of_text(seqgen, small_text, tmp_path, overrides, words):
    name = "snippets_text"
    shown = seqgen(
        "train", name, *text_data(name, small_text), *overrides, "--out", tmp_path / "run"
    )
    assert shown.code in (1, 2)
    assert "Traceback" not in shown.err
    assert not (tmp_path / "run").exists()
    for word in words:
        assert word in shown.err


# -- what the codec changes, and what it cannot have ----------------------------------------------


def poems(tmp_path, count=40):
    path = tmp_path / "poems.txt"
    path.write_text(
        "".join(f"\u5e8a\u524d\u660e\u6708\u5149\uff0c\u7591\u662f\u5730\u4e0a\u971c\u2026"
                f"{number:05}\u4e3e\u5934\u671b\u660e\u6708{number}\n" for number in range(count))
    )  # fmt: skip
    return path


def test_data_show_tells_what_is_written_otherwise(tmp_path, seqgen):
    shown = seqgen(
        "data", "show", "coco_captions",
        f"data={{source: lines, root: {poems(tmp_path)}, test: 0.1}}", "codec.vocabulary=8000",
    )  # fmt: skip
    assert shown.code == 0, shown.err
    assert "written otherwise" in shown.out
    assert "such as '\u5e8a\u524d\u660e\u6708\u5149\uff0c" in shown.out
    assert "as '\u5e8a\u524d\u660e\u6708\u5149,\u7591" in shown.out
    assert "tokens, all that the training lines allow" in shown.out
    assert "set evaluation.units=characters" in shown.out


def test_a_small_data_set_trains_at_the_first_try(tmp_path, small_text):
    """The vocabulary of the recipe is a limit, not a demand."""
    said = []
    changes = (*tiny("coco_captions"), "codec.vocabulary=4000", "train.steps=1", "phases=[]",
               "objective={kind: likelihood}",
               f"data={{source: lines, root: {small_text.with_name('lines.txt')}}}")  # fmt: skip
    recipe = recipe_files.load("coco_captions", changes)
    workflow.train(recipe, out=tmp_path / "run", watch=workflow.Watch(say=said.append))
    (note,) = [line for line in said if "all that the training lines allow" in line]
    assert int(note.split("vocabulary has ")[1].split()[0]) < 4000
