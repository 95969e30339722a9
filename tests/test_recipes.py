"""Recipes: strict, extended, overridden, and every error at once."""

import json
from pathlib import Path

import pytest
import yaml

from seqgan_kit.recipe.describing import schema as described
from seqgan_kit.recipe.files import RecipeError, bundled, check, dump, load, read

ROOT = Path(__file__).parents[1]

GOOD = "data: {source: digits}\ntrain: {steps: 10}\n"


@pytest.fixture
def recipe(tmp_path):
    """Write a recipe file."""

    def write(text, name="mine.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


def problem(recipe_file, *overrides):
    with pytest.raises(RecipeError) as caught:
        load(recipe_file, overrides)
    return str(caught.value)


@pytest.mark.parametrize("name", list(bundled()))
def test_bundled_recipes(name):
    path = bundled()[name]
    first, second, *_ = path.read_text("utf-8").splitlines()
    assert first == f"# seqgen train {name}"
    assert second.startswith("# ")
    resolved = load(name)
    assert resolved.name == name
    # What a run keeps is read back as the same recipe.
    assert check(yaml.safe_load(dump(resolved)), "again") == resolved


def test_bundled_comparisons_are_checked_with_all_their_recipes(seqgen, tmp_path, monkeypatch):
    assert seqgen("recipes", "check", "compare/mnist").code == 0
    assert "compare/mnist" in seqgen("recipes", "list").out
    wrong = seqgen("recipes", "check", "compare/mnist", "train.stpes=3")
    assert wrong.code == 2
    assert wrong.err.count("did you mean 'steps'") == 1
    assert seqgen("recipes", "show", "compare/mnist", "--resolved").code == 2
    assert "minutes: 6" in seqgen("recipes", "show", "compare/mnist").out
    # A comparison is no recipe, nor the other way round (where no run has its name).
    monkeypatch.chdir(tmp_path)
    assert seqgen("train", "compare/mnist").code == 2
    assert seqgen("compare", "mnist_rows").code == 2


def test_the_five_recipes_are_there():
    expected = {"mnist_rows", "mnist_rows_gru", "mnist_rows_large", "fashion_rows", "digits_rows"}
    assert expected <= set(bundled())


def test_all_errors_at_once_with_key_and_nearest_name(recipe):
    path = recipe(
        "data: {source: mnst}\n"
        "model: {kind: recurrent_gan, generator: {hiden_size: 3, layers: two}}\n"
        "trian: {}\n"
    )
    text = problem(path)
    assert all(line.startswith(path) for line in text.splitlines())
    assert "data.source: expected one of" in text
    assert "did you mean 'mnist'" in text
    assert "model.generator.hiden_size: unknown key; did you mean 'hidden_size'" in text
    assert "model.generator.layers" in text
    assert '"two"' in text
    assert "trian: unknown key; did you mean 'train'" in text
    assert "train: this key is required" in text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD + "seed: 1\nseed: 2\n", ["duplicate key", "line 4"]),
        (GOOD + "seed: '1'\n", ["seed", "integer"]),
        (GOOD + "seed: true\n", ["seed", "integer"]),
        (GOOD + "seed: -1\n", ["seed", "greater than or equal to 0"]),
        (GOOD + "name: a/b\n", ["name", "pattern"]),
        (GOOD + "objective: {loss: hing}\n", ["objective.loss", "'hinge'"]),
        (
            GOOD + "objective: {penalties: [{kind: finite-difference, gama: 1}]}\n",
            ["objective.penalties.0.gama", "did you mean 'gamma'"],
        ),
        (GOOD + "objective: {penalties: [{gamma: 1}]}\n", ["penalties.0.kind", "required"]),
        ("data: {source: folder, root: x}\ntrain: {steps: 1}\n", ["data.size", "required"]),
        ("data: {source: digits, size: 3}\ntrain: {steps: 1}\n", ["data.size", "unknown key"]),
        (GOOD.replace("10", "10, batch_size: 30"), ["batch_size", "multiple"]),
        (GOOD + "codec: {kind: image}\n", ["codec.kind 'rows'"]),
        (GOOD + "model: {kind: vae}\ncodec: {kind: image}\n", ["objective.kind 'elbo'"]),
        (
            GOOD + "model: {kind: image_gan, generator: {kind: dense, widths: []}}\n",
            ["widths", "at least 1 item"],
        ),
        (GOOD + "objective: {kind: likelihood}\n", ["model.generator.head.kind"]),
        (
            GOOD + "objective: {kind: likelihood}\n"
            "model: {generator: {head: {kind: bernoulli}}}\n",
            ["model.generator.feedback"],
        ),
        (
            GOOD + "objective: {kind: likelihood}\n"
            "model: {generator: {feedback: true, head: {kind: bernoulli}}}\n",
            ["noise_size"],
        ),
        (
            GOOD + "model: {generator: {feedback: true, head: {kind: bernoulli}}}\n"
            "phases: [{steps: 10, objective: {kind: likelihood}}, {objective: {kind: gan}}]\n",
            ["train.steps (10)", "more than 10"],
        ),
        (GOOD + "phases: [{}, {}]\n", ["phases.0.steps"]),
        (GOOD.replace("10", "10, learning_rates: {critic: 1}"), ["'critic'", "discriminator"]),
        ("[1, 2]", ["mapping"]),
        ("a: [", ["line"]),
        ("1: 2", ["the key 1 is not a string"]),
        ("a: !!python/object/apply:os.system [ls]", ["python/object"]),
        (GOOD + "extends: nowhere\n", ["nowhere"]),
        (GOOD + "extends: [a]\n", ["extends"]),
        (GOOD + "extends: mine.yaml\n", ["extends itself"]),
    ],
)
def test_bad_recipes(recipe, text, words):
    message = problem(recipe(text))
    assert "mine.yaml" in message
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("override", "words"),
    [
        # A key that has the name of its section's tag.
        ("codec.rows=0", "codec.rows: input should be greater"),
        ("codec={kind: rows, ordre: x}", "codec.ordre: unknown key; did you mean 'order'"),
        # A number or a section: an error is about what is meant.
        ("objective.penalties.0.gamma=-1", "gamma: input should be greater than 0, not -1"),
        ("objective.penalties.0.gamma=[1]", "gamma: input should be a valid number, not [1]"),
        ("objective.penalties.0.gamma={start: -1, end: .1}", "gamma.start: input should be"),
        ("objective.penalties.0.gamma={start: 1, ent: 1, end: 1}", "gamma.ent: unknown key"),
        (
            "objective.penalties.0.gamma={falling: {x: 1}, start: 1, end: 1}",
            "gamma.falling: unknown",
        ),
        # Choices that are numbers.
        (
            "model.discriminator.convolutions.kernel='5'",
            "kernel: expected one of 3, 5, 7, not '5'",
        ),
        ("model.discriminator.convolutions.kernel=4", "kernel: expected one of 3, 5, 7, not 4"),
        ("train.betas=[0.1]", "train.betas.1: this key is required"),
        ("train.betas=3", "train.betas: input should be a valid array"),
    ],
)
def test_an_error_names_the_key_that_was_written_and_nothing_else(override, words):
    with pytest.raises(RecipeError) as caught:
        load("mnist_rows", ["model.discriminator.convolutions={channels: [8]}", override])
    (line,) = str(caught.value).splitlines()
    assert f": {words}" in line or f".{words}" in line


def test_numbers_are_those_of_yaml_1_2(recipe):
    path = recipe("data: {source: digits}\ntrain: {steps: 10, learning_rate: 5e-4}\nname: no\n")
    resolved = load(path)
    assert resolved.train.learning_rate == 5e-4
    assert resolved.name == "no"


def test_binary_files_and_folders_are_no_recipes(recipe, tmp_path):
    (tmp_path / "b.yaml").write_bytes(b"\xff\xfe\x00")
    assert "UTF-8" in problem(str(tmp_path / "b.yaml"))
    assert "no recipe" in problem(str(tmp_path))


def test_a_recipe_that_is_not_there():
    message = problem("mnist_row")
    assert "did you mean 'mnist_rows'" in message
    assert "digits_rows" in message


def test_overrides():
    resolved = load("mnist_rows", ["train.steps=7", "objective.penalties.0.gamma=2", "seed=3"])
    assert (resolved.train.steps, resolved.seed) == (7, 3)
    assert resolved.objective.penalties[0].gamma == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("train.steps", "key=value"),
        ("train.stpes=3", "did you mean 'steps'"),
        ("trian.steps=3", "did you mean 'train'"),
        ("train.steps.x=3", "not a section"),
        ("train.steps=many", "integer"),
        ("objective.penalties.4.gamma=1", "index 4 is out of range"),
        ("objective.penalties.x=1", "index x is out of range"),
        ("extends=mnist_rows", "recipe file"),
        ("train.steps=[", "override"),
    ],
)
def test_bad_overrides(text, words):
    assert words in problem("mnist_rows", text)


def test_extending(recipe):
    recipe("extends: mnist_rows\ntrain: {steps: 5}\n", "base.yaml")
    path = recipe("extends: base.yaml\ntrain: {batch_size: 32}\ndata: {source: digits}\n")
    resolved = load(path)
    assert resolved.name == "mine"
    assert (resolved.train.steps, resolved.train.batch_size) == (5, 32)
    assert resolved.model == load("mnist_rows").model


def test_a_section_of_another_kind_replaces_the_old_one(recipe):
    path = recipe("extends: mnist_rows\ndata: {source: folder, root: x, size: [8, 8]}\n")
    assert load(path).data.source == "folder"


def test_schema_knows_every_key_with_its_description():
    schema = described()
    json.dumps(schema)
    assert "extends" in schema["properties"]
    steps = schema["$defs"]["TrainRecipe"]["properties"]["steps"]
    assert steps["description"]
    missing = [
        f"{section}.{key}"
        for section, described in schema["$defs"].items()
        for key, value in described["properties"].items()
        if not value.get("description")
    ]
    assert not missing


def test_a_resolved_recipe_extends_nothing():
    assert "extends" not in read(bundled()["mnist_rows_gru"])


# -- one set of values --------------------------------------------------------------------------


def tables(text):
    """The rows of each table, as lists of cells."""
    found, rows = [], []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
        elif rows:
            found.append(rows[2:])
            rows = []
    return found


def names(cell):
    """The settings of a cell, by the last part of their key."""
    return [name.strip("` ").rpartition(".")[2] for name in cell.split(", ")]


def values(cell):
    """The values of a cell, one for each setting."""
    return yaml.safe_load(f"[{cell.replace('`', '').replace('none', 'null')}]")


def settings_of(recipe):
    """What the tables speak of. ``noise`` is that of the head; what a network has not is None."""
    model, train = recipe["model"], recipe["train"]
    (penalty,) = recipe["objective"]["penalties"]
    generator, discriminator = model["generator"], model["discriminator"]
    head = generator.get("head") or {}
    convolutions = discriminator.get("convolutions")
    return {
        **{
            name: recipe["objective"][name]
            for name in ("loss", "mismatch", "augmentation", "mode_seeking")
        },
        "gamma": penalty["gamma"],
        **{
            name: train[name]
            for name in ("betas", "learning_rate", "batch_size", "class_group", "schedule")
        },
        "minibatch_group": discriminator["minibatch_group"],
        "average_decay": train["average_decay"],
        "convolutions": convolutions,
        **{name: generator.get(name) for name in ("noise_size", "step_noise_size")},
        "noise": head.get("noise"),
    }


def test_gans_share_the_settings_that_the_documentation_names():
    text = (ROOT / "docs" / "models.md").read_text()
    text = text[text.index("## Settings that the recipes share") :]
    shared_rows, differing = tables(text[: text.index("\n## What can be compared")])
    shared = {}
    for cell, value in shared_rows:
        keys, told = names(cell), values(value)
        if keys == ["penalties"]:
            keys, told = ["gamma"], [yaml.safe_load(value.split("`")[1])["gamma"]]
        shared |= dict(
            zip(keys, told if len(told) == len(keys) else told * len(keys), strict=True)
        )
    allowed, rows = {}, ""
    for recipes, keys, value, _ in differing:
        rows = recipes or rows
        told = values(value)
        told = told if len(told) == len(names(keys)) else told * len(names(keys))
        for recipe in names(rows):
            allowed.setdefault(recipe, {}).update(zip(names(keys), told, strict=True))
    for name in bundled():
        recipe = load(name)
        if not recipe.adversarial or recipe.kind == "text" or recipe.train.privacy:
            continue
        expected = {**shared, **allowed.pop(name, {})}
        sizes = {key: expected.pop(key) for key in ("channels", "kernel") if key in expected}
        if "head" in expected:
            expected["noise"] = expected.pop("head")
        if expected["convolutions"]:
            expected["convolutions"] = {**expected["convolutions"], **sizes}
        found = settings_of(recipe.model_dump(mode="json", by_alias=True))
        assert json.loads(json.dumps(found)) == expected, name
    assert not allowed, "recipes that are not there"
