"""Every installed kind of data goes through every command, on tiny data of its own."""

import itertools
import json
import shutil

import pytest

from seqgan_kit import plugins
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.recipe.files import RecipeError
from seqgan_kit.sections import in_words

from .conftest import SMALLER, TINY_EVALUATION, TINY_TRAINING

KINDS = sorted(plugins.kinds())
ALONE = ("model.generator.noise_size=0", "model.generator.step_noise_size=0")
LIKELIHOODS = {"values": "bernoulli", "tokens": "categorical"}
SMALL = {"series": ("evaluation.score_steps=5",)}
"""Settings of a kind's own evaluation that would take long."""


def variants(kind):
    """The settings of codec and model that a kind allows, one of each pair."""
    for steps, model in itertools.product(
        ("values", "tokens", "whole"), plugins.models().values()
    ):
        for name, codec in kind.codecs.items():
            if steps in model.schema.writes and steps in codec.ways:
                yield name, steps, model.name


CASES = [(name, *variant) for name in KINDS for variant in variants(plugins.kinds()[name])]


@pytest.fixture(scope="session")
def tiny_data(tmp_path_factory):
    """For each kind its tiny data, as a user might have them."""
    folder = tmp_path_factory.mktemp("tiny")
    made = {}

    def data(name):
        if name not in made:
            place = folder / name
            place.mkdir()
            made[name] = plugins.kinds()[name].tiny(place)
        return made[name]

    return data


@pytest.fixture(scope="session")
def starter(tiny_data, tmp_path_factory):
    """For each kind the recipe that `init` proposes for its tiny data."""
    from seqgan_kit.runs.beginning import look_at

    folder = tmp_path_factory.mktemp("starters")

    def recipe(name):
        path = folder / f"{name}.yaml"
        if not path.exists():
            path.write_text(look_at(tiny_data(name), name).recipe(path))
        return path

    return recipe


def smaller(name, steps, model):
    """Overrides for tiny networks of a model on a codec's steps."""
    size = "dense" if model == "image_gan" else model
    dense = ["model.generator.kind=dense"] if model == "image_gan" else []
    networks = [
        f"model={{kind: {model}}}",
        *dense,
        *SMALLER[size],
        "train.learning_rates={}",
        "phases=[]",
    ]
    if steps == "tokens":
        networks += ["model.generator.head={kind: categorical, embedding_size: 8}"]
        networks += ["model.generator.feedback=true", "model.discriminator.embedding_size=4"]
    elbo = model in ("vae", "recurrent_vae")
    networks.append(f"objective={{kind: {'elbo' if elbo else 'gan'}}}")
    # Tiny data have tiny parts.
    few = ("evaluation.neighbours=1", "train.batch_size=8")
    return [*networks, *TINY_TRAINING, *TINY_EVALUATION, *few, *SMALL.get(name, ())]


def codec_settings(kind, codec, steps):
    """An override for the codec that gives steps of some sort."""
    return [f"codec={json.dumps({'kind': codec, **kind.codecs[codec].ways[steps]})}"]


@pytest.fixture(scope="session")
def contract_run(starter, tmp_path_factory):
    """A run of each case, trained when it is first asked for."""
    from seqgan_kit.runs.workflow import train

    folder = tmp_path_factory.mktemp("contract")

    def run(name, codec, steps, model):
        path = folder / f"{name}-{codec}-{steps}-{model}"
        if not path.exists():
            kind = plugins.kinds()[name]
            changes = [*codec_settings(kind, codec, steps), *smaller(name, steps, model)]
            data = recipe_files.load(str(starter(name))).data
            if "test" in type(data).model_fields:
                changes.append("data.test=0.4")
            train(recipe_files.load(str(starter(name)), changes), out=path)
        return path

    return run


def sentence(shown):
    """Whether a command refused in one sentence, not with a traceback."""
    lines = [line for line in shown.err.splitlines() if line.startswith("error: ")]
    return shown.code == 2 and len(lines) == 1 and "Traceback" not in shown.err


@pytest.mark.parametrize("name", KINDS)
def test_init_writes_a_recipe_that_is_good(name, seqgen, tiny_data, tmp_path):
    out = tmp_path / "own.yaml"
    made = seqgen("init", tiny_data(name), "--kind", name, "--out", out)
    assert made.code == 0, made.err
    assert made.out.strip() == str(out)
    assert seqgen("recipes", "check", out).code == 0
    assert recipe_files.load(str(out)).kind == name
    assert seqgen("init", tiny_data(name), "--kind", name, "--out", out).code == 2


@pytest.mark.parametrize("name", KINDS)
def test_data_are_shown_with_a_sheet_or_a_sentence(name, seqgen, starter, tmp_path):
    assert "training" in seqgen("data", "show", starter(name)).out
    sheet = tmp_path / "sheet.png"
    shown = seqgen("data", "show", starter(name), "--sheet", sheet)
    assert sheet.exists() if shown.code == 0 else sentence(shown), shown.err


@pytest.mark.parametrize("name", KINDS)
def test_an_unknown_key_of_its_sections_names_the_nearest(name, starter):
    for section, known in (("data", "validation"), ("evaluation", "neighbours")):
        with pytest.raises(RecipeError, match=rf"did you mean '{known}'"):
            recipe_files.load(str(starter(name)), [f"{section}.{known[:-1]}=1"])


@pytest.mark.parametrize(
    ("name", "codec", "steps", "model"), CASES, ids=["-".join(case) for case in CASES]
)
def test_each_model_is_trained_shown_and_inspected(
    name, codec, steps, model, seqgen, contract_run, tmp_path
):
    path = contract_run(name, codec, steps, model)
    kind = plugins.kinds()[name]
    assert list((path / "samples").glob(f"step-*{kind.preview}"))
    for command in ("inspect", "reconstruct"):
        out = tmp_path / f"{command}.png"
        shown = seqgen(command, path, "--out", out)
        assert out.exists() if shown.code == 0 else sentence(shown), (command, shown.err)


def first(name):
    """The case that stands for a kind: the recurrent GAN, where there is one."""
    mine = [case for case in CASES if case[0] == name]
    return next((case for case in mine if case[3] == "recurrent_gan"), mine[0])


@pytest.mark.parametrize("name", KINDS)
def test_items_end_as_generated_steps_are_made_to(name, contract_run):
    from seqgan_kit.runs.data import load_dataset, run_codec
    from seqgan_kit.training.run import Run

    run = Run(contract_run(*first(name)))
    codec = run_codec(run)
    dataset = load_dataset(recipe_files.load(str(run.path / "recipe.yaml")))
    x, _ = codec.encode(dataset.parts["training"].items[:8])
    assert (codec.exact(x) - x).abs().max() < 0.005


@pytest.mark.parametrize("name", KINDS)
def test_a_run_is_resumed(name, seqgen, contract_run, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(contract_run(*first(name)), copy)
    shown = seqgen("train", "--resume", copy, "train.steps=6")
    assert shown.code == 0, shown.err
    assert (copy / "checkpoints" / "step-00000006").exists()


@pytest.mark.parametrize("name", KINDS)
def test_samples_are_written_in_each_format_and_read_again(name, seqgen, contract_run, tmp_path):
    path = contract_run(*first(name))
    kind = plugins.kinds()[name]
    usual = seqgen("sample", path)
    assert usual.code == 0, usual.err
    assert usual.out
    read = []
    for form in kind.formats or ("",):
        for ending in ("", ".npy", ".npz", ".csv", ".txt", ".jsonl", ".mid"):
            out = tmp_path / f"samples-{form}{ending}"
            asked = ["sample", path, "-n", 30, "--out", out, *(["--format", form] if form else [])]
            shown = seqgen(*asked)
            if shown.code:
                assert sentence(shown), shown.err
                continue
            assert out.exists()
            assert seqgen(*asked).code == 2, "what is there is not overwritten"
            labels = out.with_name(f"{out.stem}.labels.npy")
            extra = ["--labels", labels] if labels.exists() and ending == ".npy" else []
            held = seqgen(
                "evaluate", "--samples", out, *extra, "--recipe", path / "recipe.yaml",
                "--no-gan-train", "--json",
            )  # fmt: skip
            if held.code == 0:
                read.append(out.name)
            else:
                assert "Traceback" not in held.err
    assert read, "evaluate reads nothing of what sample writes"


@pytest.mark.parametrize("name", KINDS)
def test_a_run_is_evaluated_and_shown_on_pages(name, seqgen, contract_run, tmp_path):
    path = contract_run(*first(name))
    kind = plugins.kinds()[name]
    shown = seqgen("evaluate", path, "--no-gan-train", "--json")
    assert shown.code == 0, shown.err
    figures = json.loads(shown.out)["models"][0]["figures"]
    table = seqgen("evaluate", path, "--no-gan-train")
    assert table.code == 0
    report = seqgen("report", path, "--no-gan-train", "--out", tmp_path / "report")
    assert report.code == 0, report.err
    listed = json.loads((tmp_path / "report" / "report.json").read_text())["figures"]
    assert set(figures) <= {figure["name"] for figure in listed}, "every figure is in the table"
    assert "<h2" in (tmp_path / "report" / "report.html").read_text()
    blind = seqgen("report", path, "--blind", "--out", tmp_path / "blind")
    assert (tmp_path / "blind" / "blind.html").exists() if blind.code == 0 else sentence(blind)
    compared = seqgen("compare", path, "--no-gan-train", "--out", tmp_path / "compare")
    assert compared.code == 0, compared.err
    assert kind.singular


@pytest.mark.parametrize("name", KINDS)
def test_a_run_is_audited(name, seqgen, contract_run, monkeypatch):
    monkeypatch.setattr("seqgan_kit.auditing.candidates.LEAST", 2)  # Tiny data are too few.
    shown = seqgen("audit", contract_run(*first(name)), "--samples", 50, "--json")
    assert shown.code == 0, shown.err
    rows = json.loads(shown.out)["rows"]
    assert rows.keys() == {"run", "copies", "untrained", "real"}
    assert {"nearest_features", "discriminator"} <= rows["run"]["attacks"].keys()


def test_every_kind_says_by_which_settings_its_steps_come():
    for kind in plugins.kinds().values():
        for codec in kind.codecs.values():
            assert codec.ways
            assert all(in_words(way) for way in codec.ways.values())
