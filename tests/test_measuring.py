"""Runs and samples from elsewhere, measured by the command."""

import json
import shutil

import numpy as np
import pytest

from seqgan_kit.files import SUMS
from seqgan_kit.measuring import bench
from seqgan_kit.measuring.opening import bench_of
from seqgan_kit.recipe import files as recipe_files
from seqgan_kit.training.run import Run

from .conftest import SMALL_DATA, TINY_EVALUATION

QUICK = ("--samples", "100", "--sets", "2", "--no-gan-train")


@pytest.fixture
def own_run(tiny_runs, tmp_path):
    """A copy of a run, which a test may write into."""

    def copy(name="digits_rows"):
        shutil.copytree(tiny_runs(name), tmp_path / name)
        return tmp_path / name

    return copy


@pytest.fixture(scope="module")
def digits_recipe(tmp_path_factory):
    """A recipe file for scikit-learn's digits with a quick evaluation."""
    recipe = recipe_files.load("digits_rows", (*TINY_EVALUATION, *SMALL_DATA))
    path = tmp_path_factory.mktemp("recipe") / "digits.yaml"
    path.write_text(recipe_files.dump(recipe))
    return path


def test_a_run_beside_real_data_and_noise(seqgen, own_run):
    path = own_run()
    table = seqgen("evaluate", path, "--samples", "100")
    assert table.code == 0, table.err
    for words in ("label", "GAN-train", "spread", "Frechet", "memorised", "held-out real data",
                  "noise", "parameters", "digits_rows"):  # fmt: skip
        assert words in table.out
    assert "The judge (seed 1) recognises 0." in table.err
    assert "Independent sets of samples: 2 x 100" in table.err
    kept = json.loads((path / "evaluation.json").read_text())
    accuracy = kept["figures"]["label_accuracy"]
    assert accuracy["count"] == 100
    assert len(accuracy["values"]) == 2
    assert accuracy["deviation"] is not None
    assert kept["figures"]["gan_train_accuracy"]["count"] == 100
    printed = json.loads(seqgen("evaluate", path, "--samples", "100", "--json").out)
    assert printed["models"] == [kept]
    assert printed["real"]["label_accuracy"]["mean"] > 0.8
    assert printed["noise"]["label_accuracy"]["mean"] < 0.4
    assert printed["real"]["gan_train_accuracy"]["mean"] > printed["noise"][
        "gan_train_accuracy"
    ]["mean"]  # fmt: skip


def test_what_was_measured_is_not_measured_again(seqgen, own_run, monkeypatch):
    path = own_run()
    assert seqgen("evaluate", path, *QUICK).code == 0
    before = (path / "evaluation.json").read_text()

    def never(*_, **__):
        raise AssertionError("sampled again")

    monkeypatch.setattr(bench, "load_sampler", never)
    assert seqgen("evaluate", path, *QUICK).code == 0
    (path / "evaluation.json").write_text("{}")
    with pytest.raises(AssertionError, match="sampled again"):
        seqgen("evaluate", path, *QUICK)
    (path / "evaluation.json").write_text(before)
    with pytest.raises(AssertionError, match="sampled again"):
        seqgen("evaluate", path, *QUICK, "--seed", "1")


@pytest.mark.parametrize(
    ("name", "has", "lacks"),
    [
        ("mnist_vae", ["grey_bound", "active_units", "spread"], ["label_accuracy", "bound"]),
        (
            "mnist_cvae",
            ["grey_bound", "grey_reconstruction", "label_accuracy", "cross_entropy"],
            ["negative_log_likelihood", "reconstruction"],
        ),
        ("mnist_vae_binarized", ["bound", "negative_log_likelihood"], ["cross_entropy"]),
        ("mnist_rows_vae", ["grey_bound", "cross_entropy"], ["negative_log_likelihood"]),
        ("mnist_rows_likelihood", ["negative_log_likelihood"], ["bound", "cross_entropy"]),
        ("mnist_dcgan", ["label_accuracy"], ["negative_log_likelihood"]),
    ],
)
def test_each_model_has_its_figures(seqgen, own_run, name, has, lacks):
    shown = seqgen("evaluate", own_run(name), *QUICK, "--json")
    assert shown.code == 0, shown.err
    figures = json.loads(shown.out)["models"][0]["figures"]
    assert set(has) <= set(figures)
    assert not set(lacks) & set(figures)
    assert all(np.isfinite(value["mean"]) for value in figures.values())


def test_runs_of_different_data_do_not_share_a_table(seqgen, own_run, tiny_run, tmp_path):
    path = own_run()
    other = tmp_path / "other"
    shutil.copytree(tiny_run, other)
    info = json.loads((other / "run.json").read_text())
    info["data"] = {**info["data"], "fingerprint": "x", "name": "elsewhere"}
    (other / "run.json").write_text(json.dumps(info))
    for command in ("evaluate", "compare"):
        shown = seqgen(command, path, other)
        assert shown.code == 2
        assert "elsewhere" in shown.err
        assert "their metrics are not comparable" in shown.err


def test_a_run_without_a_checkpoint(seqgen, own_run):
    path = own_run()
    shutil.rmtree(path / "checkpoints")
    for command in ("evaluate", "report"):
        shown = seqgen(command, path)
        assert shown.code == 2
        assert "no checkpoint" in shown.err


def test_a_damaged_judge_is_rebuilt_and_said(seqgen, own_run, own_cache):
    path = own_run()
    assert seqgen("evaluate", path, *QUICK).code == 0
    for weights in own_cache.glob("judges/*/judge.safetensors"):
        weights.write_bytes(weights.read_bytes()[:60])
    shown = seqgen("evaluate", path, *QUICK, "--seed", "5")
    assert shown.code == 0
    assert "damaged and will be trained again" in shown.err


# -- samples made elsewhere ---------------------------------------------------------------------


@pytest.fixture
def real_digits():
    from seqgan_kit.kinds.images.datasets import sklearn_digits

    part = sklearn_digits(0.1, 0).parts["validation"]
    return part.items[:, :, :, 0], part.label_NA[:, 0]


def elsewhere(seqgen, recipe, samples, labels=None):
    extra = () if labels is None else ("--labels", labels)
    return seqgen("evaluate", "--samples", samples, *extra, "--recipe", recipe, "--json")


def test_samples_of_another_project(seqgen, digits_recipe, real_digits, tmp_path):
    images, labels = real_digits
    np.save(tmp_path / "bytes.npy", images)
    np.save(tmp_path / "real.npy", images / np.float32(255))
    np.save(tmp_path / "labels.npy", labels)
    first = elsewhere(seqgen, digits_recipe, tmp_path / "bytes.npy", tmp_path / "labels.npy")
    assert first.code == 0, first.err
    figures = json.loads(first.out)["models"][0]["figures"]
    assert figures["label_accuracy"]["mean"] > 0.8
    assert figures["label_accuracy"]["deviation"] is None
    assert "gan_train_accuracy" in figures
    second = elsewhere(seqgen, digits_recipe, tmp_path / "real.npy", tmp_path / "labels.npy")
    again = json.loads(second.out)["models"][0]["figures"]
    assert again["spread"]["mean"] == pytest.approx(figures["spread"]["mean"], rel=1e-5)
    unlabelled = json.loads(elsewhere(seqgen, digits_recipe, tmp_path / "real.npy").out)
    assert "label_accuracy" not in unlabelled["models"][0]["figures"]


@pytest.mark.parametrize(
    ("samples", "labels", "words"),
    [
        (np.zeros((30, 8, 9), np.uint8), None, "shape [8, 9]"),
        (np.zeros((30, 8, 8)) - 1, None, "from -1 to -1"),
        (np.full((30, 8, 8), np.nan), None, "nan"),
        (np.zeros((30, 8, 8)), np.zeros(29, int), "30 samples"),
        (np.zeros((30, 8, 8)), np.zeros(30), "whole numbers"),
        (np.zeros((30, 8, 8)), np.full(30, 10), "10 classes"),
        (np.zeros((30, 8, 8)), np.zeros((30, 2), int), "1 for each sample"),
        (np.zeros((3, 8, 8)), np.zeros(3, int), "3"),
        (np.zeros((0, 8, 8)), None, "does not contain an array"),
    ],
)
def test_samples_that_do_not_fit(seqgen, digits_recipe, tmp_path, samples, labels, words):
    np.save(tmp_path / "s.npy", samples)
    if labels is not None:
        np.save(tmp_path / "l.npy", labels)
    shown = elsewhere(
        seqgen, digits_recipe, tmp_path / "s.npy", None if labels is None else tmp_path / "l.npy"
    )
    assert shown.code in (1, 2)
    assert shown.err.count("error:") == 1
    assert words in shown.err


def test_figures_are_measured_again_where_the_weights_are_others(seqgen, own_run, monkeypatch):
    path = own_run()
    assert seqgen("evaluate", path, *QUICK).code == 0
    weights = Run(path).checkpoint() / "networks.safetensors"
    other = own_run("mnist_dcgan")
    figures = json.loads((path / "evaluation.json").read_text())["settings"]
    assert figures["weights"]
    weights.write_bytes((Run(other).checkpoint() / "networks.safetensors").read_bytes())
    weights.with_name(SUMS).unlink()  # Else the checksum would be refused first.
    shown = seqgen("evaluate", path, *QUICK)
    assert shown.code == 1  # They do not fit, and no figure of the old ones is shown.
    assert "does not fit" in shown.err


def test_a_test_part_too_small_is_said_before_a_judge_is_trained(seqgen, tmp_path):
    recipe = recipe_files.load("digits_rows", ("evaluation.neighbours=200", *SMALL_DATA))
    path = tmp_path / "r.yaml"
    path.write_text(recipe_files.dump(recipe))
    np.save(tmp_path / "s.npy", np.zeros((30, 8, 8)))
    shown = elsewhere(seqgen, path, tmp_path / "s.npy")
    assert shown.code == 1
    assert "coverage need 402" in shown.err


def test_the_score_of_steps_with_few_items_of_a_class():
    from seqgan_kit.runs.scoring import _groups

    assert _groups(np.array([[0], [1], [1]]), 2, 2).tolist() == [0, 0, 1, 2]
    assert len(_groups(np.array([[0], [1], [1]]), 4, 3)) == 12


def test_files_that_are_no_samples(seqgen, digits_recipe, tmp_path):
    assert "does not exist" in elsewhere(seqgen, digits_recipe, tmp_path / "no.npy").err
    (tmp_path / "text.npy").write_text("text")
    assert "damaged or not an array" in elsewhere(seqgen, digits_recipe, tmp_path / "text.npy").err
    np.save(tmp_path / "objects.npy", np.array([{}], object), allow_pickle=True)
    assert "Python objects" in elsewhere(seqgen, digits_recipe, tmp_path / "objects.npy").err


@pytest.mark.parametrize(
    "arguments",
    [(), ("--samples", "x.npy"), ("--recipe", "digits_rows"), ("--labels", "x.npy"),
     ("--samples", "3", "RUN"), ("--checkpoint", "4", "RUN", "RUN")],
)  # fmt: skip
def test_misuse(seqgen, tiny_run, arguments):
    shown = seqgen("evaluate", *[tiny_run if word == "RUN" else word for word in arguments])
    assert shown.code == 2


# -- what is shown of a model -------------------------------------------------------------------


def test_reconstructions(seqgen, own_run, tmp_path):
    path = own_run("mnist_cvae")
    shown = seqgen("reconstruct", path, "-n", "5")
    assert shown.code == 0, shown.err
    assert shown.out.strip() == str(path / "samples" / "reconstruct.png")
    refused = seqgen("reconstruct", path, "--out", path / "samples" / "reconstruct.png")
    assert refused.code == 2
    assert "not overwritten" in refused.err
    assert seqgen("reconstruct", path, "--out", tmp_path / "x.npy").code == 2
    wrong = seqgen("reconstruct", own_run(), "--out", tmp_path / "r.png")
    assert wrong.code == 2
    assert "no encoder" in wrong.err
    assert not (tmp_path / "r.png").exists()


@pytest.mark.parametrize("logits", ["sequence", "step"])
def test_the_score_of_every_step(seqgen, tmp_path, logits):
    from .conftest import TINY

    path = tmp_path / "run"
    changes = (*TINY, f"model.discriminator.logits={logits}")
    if logits == "step":
        refused = seqgen("train", "digits_rows", *changes, "--out", path)
        assert refused.code == 2
        assert "convolutions: null" in refused.err
        changes = (*changes, "model.discriminator.convolutions=null")
    assert seqgen("train", "digits_rows", *changes, "--out", path).code == 0
    shown = seqgen("inspect", path)
    assert shown.code == 0, shown.err
    assert (path / "samples" / "inspect.png").stat().st_size > 500
    assert "the logit of that step" in shown.err or "mean of real" in shown.err
    assert ("the logit of that step" in shown.err) == (logits == "step")


@pytest.mark.parametrize("name", ["mnist_cvae", "mnist_dcgan"])
def test_no_steps_no_scores(seqgen, tiny_runs, tmp_path, name):
    shown = seqgen("inspect", tiny_runs(name), "--out", tmp_path / "x.png")
    assert shown.code == 2
    assert "step by step" in shown.err


@pytest.mark.parametrize(
    "name", ["digits_rows", "mnist_cvae", "mnist_vae", "mnist_rows_likelihood"]
)
def test_swapped_labels_and_walks(seqgen, tiny_runs, tmp_path, name):
    shown = seqgen("sample", tiny_runs(name), "--swap", "-n", "3", "--out", tmp_path / "s.png")
    assert shown.code == 0, shown.err
    ends = "any..any" if name == "mnist_vae" else "3..7"
    shown = seqgen(
        "sample", tiny_runs(name), "--interpolate", ends, "-n", "2", "--out", tmp_path / "w.png"
    )
    assert shown.code == 0, shown.err
    both = seqgen("sample", tiny_runs(name), "--swap", "--interpolate", ends)
    assert both.code == 2


def test_a_critic_finds_the_step_that_is_fake():
    """Constructed: a critic that dislikes large values, and sequences with one large step."""
    import torch

    from seqgan_kit.batch import full_mask
    from seqgan_kit.evaluation.attribution import step_scores
    from seqgan_kit.nn.networks import Discriminator

    class Dislikes(Discriminator):
        classes = (1,)

        def score_labels(self, x_BTF, labels, mask_BT):
            return [-x_BTF.abs().sum((1, 2)) for _ in labels]

    x_BTF = torch.zeros(2, 4, 3)
    x_BTF[0, 1], x_BTF[1, 3] = 1.0, -1.0
    label_BA = torch.zeros(2, 1, dtype=torch.long)
    score_BT = step_scores(Dislikes(), x_BTF, label_BA, full_mask(2, 4), torch.zeros(2, 4, 3))
    assert score_BT.tolist() == [[0, -3, 0, 0], [0, 0, 0, -3]]


def test_a_model_overfitted_to_100_images_is_flagged():
    """The likelihood baseline, told the number of each of a hundred images beside its digit."""
    import torch

    from seqgan_kit.batch import Batch
    from seqgan_kit.kinds.images.codec import RowsCodec
    from seqgan_kit.models.sequence import RecurrentGenerator
    from seqgan_kit.nn.heads import LogisticHead
    from seqgan_kit.nn.noise import seeded_noise
    from seqgan_kit.objectives.likelihood import Likelihood
    from seqgan_kit.objectives.objective import Moment
    from seqgan_kit.runs.sampler import Sampler

    recipe = recipe_files.load("digits_rows", (*TINY_EVALUATION, *SMALL_DATA))
    bench = bench_of(recipe, gan_train=False)
    part = bench.dataset.parts["training"]
    codec = RowsCodec(height=8, width=8, channels=1)
    torch.manual_seed(0)
    network = RecurrentGenerator(
        head=LogisticHead(64, 8), classes=(10, 100), steps=8, hidden_size=64, layers=1,
        input_size=32, noise_size=0, step_noise_size=0, label_size=64, feedback=True,
    )  # fmt: skip
    numbered_NA = np.concatenate([part.label_NA[:100], np.arange(100)[:, None]], 1)
    batch = Batch(*codec.encode(part.items[:100]), torch.from_numpy(numbered_NA))
    (turn,) = Likelihood(network).turns
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    for step in range(2000):
        loss = turn.compute(batch, seeded_noise(0), Moment(step, 0.0)).losses["likelihood"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    sampler = Sampler(network, codec, bench.dataset.labels, torch.device("cpu"))
    samples = torch.cat(list(sampler.stream(np.repeat(numbered_NA, 2, 0))))
    asked_NA = np.repeat(part.label_NA[:100], 2, 0)
    flagged = bench.reference.measure(samples, asked_NA)["memorised"]
    rest = bench.dataset.parts["validation"]
    held_out = torch.from_numpy(rest.items[: len(rest)].astype(np.float32) / 255)
    assert bench.reference.measure(held_out, rest.label_NA)["memorised"] < 0.06
    assert flagged > 0.5
